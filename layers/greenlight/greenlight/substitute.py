"""`${name}` in a plan: replaced by a value, never evaluated. Pure.

`$${` stands for a literal `${`. A text that is one `${name}` and nothing else takes the value with its type.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from greenlight.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.yamlread import Path

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}$]*)\}|\$\{")
_SECRET = "secret:"  # noqa: S105 - the prefix of a reference, not a secret


def references(data: Any) -> Iterator[str]:
    """Give every `${name}` in a tree of plain data."""
    for _, text in _texts(data, ()):
        for match in _REFERENCE.finditer(text):
            if match[1] is not None:
                yield match[1].strip()


def secrets(data: Any) -> set[str]:
    """Give the secret references in a tree, without their `secret:` prefix."""
    return {name[len(_SECRET) :] for name in references(data) if name.startswith(_SECRET)}


def captures(data: Any) -> set[str]:
    """Give the names that a check captures for its later steps: the keys of every `capture:` map in its parameters."""
    if isinstance(data, dict):
        own = set(data["capture"]) if isinstance(data.get("capture"), dict) else set()
        return own.union(*map(captures, data.values()))
    return set().union(*map(captures, data)) if isinstance(data, list) else set()


def unknown(data: Any, names: Mapping[str, Any], path: Path) -> list[tuple[Path, str]]:
    """Name every reference in `data` that `names` does not hold, and every `${` that is never closed."""
    found = []
    for place, text in _texts(data, path):
        for match in _REFERENCE.finditer(text):
            name = (match[1] or "").strip()
            if match[0] == "${" or (match[1] is not None and not name):
                found.append(
                    (
                        place,
                        f"{text[match.start() : match.start() + 20]!r} is no reference; write ${{name}}, or $${{ for the text itself",
                    )
                )
            elif match[1] is not None and name not in names:
                hint = nearest(name, names) or f"; known are {', '.join(sorted(names)) or 'none'}"
                found.append((place, f"nothing is called ${{{name}}}{hint}"))
    return found


def replace(data: Any, names: Mapping[str, Any], *, keep: bool = False) -> Any:
    """Replace references by their values.

    Args:
        data: A tree of plain data; keys are left alone.
        names: Values by name.
        keep: Leave unknown names and `$${` as they stand, for a second pass; otherwise an unknown name is a KeyError.
    """
    if isinstance(data, str):
        return _replaced(data, names, keep) if "${" in data else data
    if isinstance(data, dict):
        return {key: replace(value, names, keep=keep) for key, value in data.items()}
    return [replace(value, names, keep=keep) for value in data] if isinstance(data, list) else data


def _replaced(text: str, names: Mapping[str, Any], keep: bool) -> Any:
    whole = _REFERENCE.fullmatch(text)
    if whole is not None and whole[1] is not None and whole[1].strip() in names:
        return names[whole[1].strip()]

    def one(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0] if keep else "${"
        name = match[1].strip()
        if name not in names and keep:
            return match[0]
        value = names[name]
        return value if isinstance(value, str) else _as_text(value)

    return _REFERENCE.sub(one, text)


def _as_text(value: Any) -> str:
    import json

    return json.dumps(value)


def _texts(data: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(data, str):
        if "${" in data:
            yield path, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _texts(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _texts(value, (*path, index))
