"""Documentation in the docstrings of structs: prose, a description of each key, and an example.

It is the only source for editors (`greenlight schema`), the catalogue of validators and the plan reference. A key is
described under `Attributes:`, or in the prose by the clause that contains its name in backticks.
"""

from __future__ import annotations

import inspect
import re
import textwrap
import types
import typing
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.core.units import Duration, Size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SECTION = re.compile(r"^(Attributes|Example):\n((?:[ ]{4}.*\n|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"([a-z_0-9]+(?:, [a-z_0-9]+)*): (.*)", re.DOTALL)
_CLAUSE_END = re.compile(r"(?<=[.;])\s+")

Kind = type[msgspec.Struct]


def structs(types_: Iterable[Any]) -> list[Kind]:
    """Return every struct that the types contain, each once. A struct comes before the structs of its keys."""
    collected: dict[Kind, None] = {}  # a set in order
    for kind in types_:
        _collect(kind, collected)
    return list(collected)


def _collect(kind: Any, collected: dict[Kind, None]) -> None:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind not in collected:
            collected[kind] = None
            for field in msgspec.structs.fields(kind):
                _collect(field.type, collected)
        return
    if typing.get_origin(kind) is not None or isinstance(kind, types.UnionType):
        for argument in typing.get_args(kind):
            _collect(argument, collected)


def prose(kind: Kind) -> str:
    """Return the docstring of a struct without its sections."""
    return _SECTION.sub("", _docstring(kind)).strip()


def example(text: str) -> str:
    """Return the YAML under `Example:` in a docstring, or ""."""
    yaml = _section(text, "Example").strip("\n")
    return f"{yaml}\n" if yaml else ""


def example_of(kind: Kind) -> str:
    """Return the YAML under `Example:` in a struct's docstring, or ""."""
    return example(_docstring(kind))


def module_prose(module: types.ModuleType) -> str:
    """Return the docstring of a module without its example, for the plan reference."""
    return _SECTION.sub("", f"{inspect.getdoc(module)}\n").strip()


def example_of_module(module: types.ModuleType) -> str:
    """Return the YAML under `Example:` in a module's docstring, or ""."""
    return example(inspect.getdoc(module) or "")


def key_descriptions(kind: Kind) -> dict[str, str]:
    """Return the description of each key of a struct by its name in plans, or ""."""
    return {field.encode_name: _describe_key(kind, field.encode_name) for field in msgspec.structs.fields(kind)}


def _describe_key(kind: Kind, key: str) -> str:
    for base in kind.__mro__:
        if base is msgspec.Struct:
            break
        text = _docstring(base)
        if description := dict(_attributes(text)).get(key) or _clause_about(text, key):
            return description
    return ""


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    for entry in re.split(r"\n(?=\S)", _section(text, "Attributes").strip("\n")):
        if match := _ENTRY.fullmatch(entry):
            for name in match[1].split(", "):
                yield name, " ".join(match[2].split())


def _clause_about(text: str, key: str) -> str:
    """Return the clause that contains a key in backticks, or ""."""
    line = " ".join(_SECTION.sub("", text).split())
    clause = next((clause for clause in _CLAUSE_END.split(line) if f"`{key}`" in clause), "")
    return clause.rstrip(".;")


def _section(text: str, name: str) -> str:
    section = next((match for match in _SECTION.finditer(f"{text}\n") if match[1] == name), None)
    return textwrap.dedent(section[2]) if section else ""


def _docstring(kind: type) -> str:
    return inspect.cleandoc(kind.__dict__.get("__doc__") or "") + "\n"


def describe(components: dict[str, Any], named: dict[str, Kind]) -> None:
    """Add the docstrings of structs to their schemas, which are in `components` by name."""
    for name, kind in named.items():
        components[name]["description"] = prose(kind)
        properties = components[name]["properties"]
        for key, description in key_descriptions(kind).items():
            if description:
                properties[key]["description"] = description
        for field in msgspec.structs.fields(kind):
            make_default = field.default_factory
            if isinstance(make_default, types.FunctionType) and isinstance(make_default(), (Duration, Size)):
                # msgspec omits defaults that are not plain JSON.
                properties[field.encode_name]["default"] = str(make_default())
