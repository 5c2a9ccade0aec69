"""What a struct's docstring says of its keys: prose, a line for each key, and an example.

One source for editors (`greenlight schema`), for the catalogue and for the plan reference. A key is described under
`Attributes:`, or in the prose by the part of a sentence that has its name in backticks.
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
_PART = re.compile(r"(?<=[.;])\s+")

Kind = type[msgspec.Struct]


def structs(types_: Iterable[Any]) -> list[Kind]:
    """Give every struct that these types are made of, each once, a struct before those of its keys."""
    found: dict[Kind, None] = {}
    for each in types_:
        _collect(each, found)
    return list(found)


def _collect(kind: Any, found: dict[Kind, None]) -> None:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind not in found:
            found[kind] = None
            for field in msgspec.structs.fields(kind):
                _collect(field.type, found)
        return
    if typing.get_origin(kind) is not None or isinstance(kind, types.UnionType):
        for each in typing.get_args(kind):
            _collect(each, found)


def prose(kind: Kind) -> str:
    """Give what a struct's docstring says of it as a whole."""
    return _SECTION.sub("", _docstring(kind)).strip()


def example(text: str) -> str:
    """Give the YAML under `Example:` in a docstring; "" where there is none."""
    found = _section(text, "Example").strip("\n")
    return f"{found}\n" if found else ""


def example_of(kind: Kind) -> str:
    """Give the YAML under `Example:` in a struct's docstring; "" where there is none."""
    return example(_docstring(kind))


def module_prose(module: types.ModuleType) -> str:
    """Give what a module's docstring says for who writes plans: its example left out, and that the module is pure."""
    return _SECTION.sub("", f"{inspect.getdoc(module)}\n").strip().replace(" Pure.", "")


def example_of_module(module: types.ModuleType) -> str:
    """Give the YAML under `Example:` in a module's docstring; "" where there is none."""
    return example(inspect.getdoc(module) or "")


def key_descriptions(kind: Kind) -> dict[str, str]:
    """Give what is said of each key that a plan may write; "" where nothing is."""
    return {field.encode_name: _said(kind, field.encode_name) for field in msgspec.structs.fields(kind)}


def _said(kind: Kind, key: str) -> str:
    for base in kind.__mro__:
        if base is msgspec.Struct:
            break
        text = _docstring(base)
        if said := dict(_attributes(text)).get(key) or _in_prose(text, key):
            return said
    return ""


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    for entry in re.split(r"\n(?=\S)", _section(text, "Attributes").strip("\n")):
        if match := _ENTRY.fullmatch(entry):
            for name in match[1].split(", "):
                yield name, " ".join(match[2].split())


def _in_prose(text: str, key: str) -> str:
    """Give the part of a sentence that names a key."""
    whole = " ".join(_SECTION.sub("", text).split())
    part = next((each for each in _PART.split(whole) if f"`{key}`" in each), "")
    return part.rstrip(".;")


def _section(text: str, name: str) -> str:
    found = next((match for match in _SECTION.finditer(f"{text}\n") if match[1] == name), None)
    return textwrap.dedent(found[2]) if found else ""


def _docstring(kind: type) -> str:
    return inspect.cleandoc(kind.__dict__.get("__doc__") or "") + "\n"


def describe(components: dict[str, Any], named: dict[str, Kind]) -> None:
    """Write into the schemas of structs (`components` by name) what their docstrings say."""
    for name, kind in named.items():
        components[name]["description"] = prose(kind)
        properties = components[name]["properties"]
        for key, said in key_descriptions(kind).items():
            if said:
                properties[key]["description"] = said
        for field in msgspec.structs.fields(kind):
            if isinstance(made := field.default_factory, types.FunctionType) and isinstance(made(), (Duration, Size)):
                properties[field.encode_name]["default"] = str(made())  # msgspec leaves out what is no plain JSON
