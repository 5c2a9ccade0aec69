"""Strict decoding of documents that others wrote in JSON or YAML, such as OpenAPI documents.

A key that a map has twice is refused with its place: parsers differ in which value counts, so the check could read
another contract than the one that people see. YAML's aliases and merge keys are read, within limits.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from greenlight.core.display import truncate
from greenlight.core.json_decoding import DuplicateKeyError, InvalidJsonError, decode_json

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 200
"""Levels of a document; a deeper one would crash a parser written in C, and with it the process."""

MAX_MERGED_KEYS = 100_000
"""Keys of one map after its merge keys; with aliases, a small text can have any number of them."""


class InvalidDocumentError(ValueError):
    """A text is not JSON or YAML that can be judged; the message continues a sentence about the text."""


class _Pairs(tuple[tuple[str, Any], ...]):
    """The keys and values of an object in a JSON text, duplicates included."""

    __slots__ = ()


def decode_document(text: str) -> Any:
    """Decode a JSON or YAML text to plain data.

    Raises:
        InvalidDocumentError: The text is neither JSON nor YAML, is nested too deep, or a map has a key twice.
    """
    try:
        return decode_json(text)
    except DuplicateKeyError as error:
        raise InvalidDocumentError(_describe_duplicate(text) or str(error)) from error
    except InvalidJsonError:
        return _decode_yaml(text)


def _describe_duplicate(text: str) -> str:
    pairs = json.loads(text, object_pairs_hook=_Pairs, parse_int=str, parse_float=str)
    path, key = next(_find_duplicates(pairs, ()), ((), ""))
    place = " in " + truncate(".".join(path), 200) if path else ""
    return f"has the key {truncate(key, 60)!r} twice{place}"


def _find_duplicates(data: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(data, _Pairs):
        keys: set[str] = set()
        for key, value in data:
            if key in keys:
                yield path, key
            keys.add(key)
            yield from _find_duplicates(value, (*path, key))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from _find_duplicates(item, (*path, str(index)))


def _decode_yaml(text: str) -> Any:
    import yaml

    try:
        if nesting_exceeds(text, MAX_DEPTH):
            raise InvalidDocumentError("is nested too deeply")
        return yaml.load(text, Loader=_strict_loader())  # noqa: S506 - it is derived from a safe loader
    except InvalidDocumentError:
        raise
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidDocumentError(
            f"is neither JSON nor YAML: {truncate(' '.join(str(error).split()), 150)}"
        ) from error


@functools.cache
def _strict_loader() -> Any:
    """Return a safe loader of PyYAML that refuses duplicate keys, and too many merged ones."""
    import yaml

    class StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """A loader that refuses duplicate keys."""

        def flatten_mapping(self, node: Any) -> None:
            """Insert merged keys; those of the map itself are compared before."""
            if id(node) not in self.__dict__.setdefault("flattened", set()):
                _reject_duplicate_keys(node)
            self.flattened.add(id(node))
            super().flatten_mapping(node)
            if len(node.value) > MAX_MERGED_KEYS:
                raise InvalidDocumentError(f"has a map with more than {MAX_MERGED_KEYS} merged keys")

    return StrictLoader


def _reject_duplicate_keys(node: Any) -> None:
    keys: set[str] = set()
    for key, _ in node.value:
        if isinstance(key.value, str) and key.tag != "tag:yaml.org,2002:merge":
            if key.value in keys:
                place = f"line {key.start_mark.line + 1}, column {key.start_mark.column + 1}"
                raise InvalidDocumentError(f"has the key {truncate(key.value, 60)!r} twice: {place}")
            keys.add(key.value)


def nesting_exceeds(text: str, depth: int) -> bool:
    """Return whether YAML is nested deeper than `depth`.

    libyaml's composer and constructor recurse for each level, and crash the process when the stack overflows.

    Raises:
        yaml.YAMLError: The text is not valid YAML.
    """
    import yaml

    level = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)):
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if level > depth:
            return True
    return False
