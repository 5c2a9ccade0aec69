"""Files of an OpenAPI document for `openapi`: the document itself, and the files that its references lead to."""

from __future__ import annotations

import datetime
import re
import urllib.parse
from typing import TYPE_CHECKING, Any

from greenlight.api import InvalidDocumentError, decode_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_NODES = 200_000
"""Values in all files; with aliases, a small YAML text can have any number of them."""

MAX_FILES = 50

_GREEN = "http://green.invalid"
"""Placeholder for green's own URL; RFC 6761 reserves the name."""

_NO_PLACE = "urn:greenlight:openapi"
"""URI of a document that is in the plan: a relative reference of it leads nowhere."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_WRONG_ESCAPE = re.compile(r"~(?![01])")


class UnusableError(Exception):
    """The document, or one operation of it, cannot be used; the message has the reason."""


class LimitError(UnusableError):
    """A limit of the check kept an operation from being checked, so it could be a broken one."""


class LateError(LimitError):
    """The check's time ended before an operation could be called, or a file read."""

    def __init__(self) -> None:
        """Create the error with its message."""
        super().__init__("the check's time ended")


class Files:
    """Files with text keys and absolute references, read when a reference needs them.

    Attributes:
        root: The document itself.
        is_3_0: The document has version 3.0, so all its schemas do.
    """

    def __init__(self, text: str, place: str = "", fetch: Callable[[str], str] | None = None) -> None:
        """Parse the document.

        Args:
            text: The document, JSON or YAML.
            place: Its path on green, or its URL; "" if it is in the plan.
            fetch: Returns the text of a file by its path on green or its URL, or raises UnusableError.

        Raises:
            UnusableError: It is not a document of OpenAPI 3.0 or 3.1, or it is too large.
        """
        self._fetch = fetch
        self._remaining_nodes = MAX_NODES
        self._root_uri = urllib.parse.urljoin(_GREEN, place) if place else _NO_PLACE
        raw = _decode(text)
        version = str(raw.get("openapi", "")) if isinstance(raw, dict) else ""
        if not version.startswith(("3.0", "3.1")):
            raise UnusableError(f"its OpenAPI version is {version or 'missing'}, not 3.0 or 3.1")
        self.is_3_0 = version.startswith("3.0")
        self.root: dict[str, Any] = self._normalize(raw, self._root_uri)
        self._files: dict[str, Any] = {self._root_uri: self.root}

    def by_uri(self) -> dict[str, Any]:
        """Return all files that were read, by URI."""
        return {uri: data for uri, data in self._files.items() if not isinstance(data, UnusableError)}

    def look_up(self, reference: str) -> Any:
        """Return the value that an absolute reference leads to, by a JSON pointer (RFC 6901) in its fragment.

        Raises:
            UnusableError: The file cannot be read, the fragment is not a pointer, or there is no such value.
        """
        uri, _, fragment = reference.partition("#")
        data, name = self._file(uri), self.name(reference)
        pointer = urllib.parse.unquote(fragment)
        if pointer and not pointer.startswith("/"):
            raise UnusableError(f"{name} is not a JSON pointer")
        for token in pointer.split("/")[1:]:
            if _WRONG_ESCAPE.search(token):
                raise UnusableError(f"{name} is not a JSON pointer: write ~ as ~0")
            key = token.replace("~1", "/").replace("~0", "~")
            if isinstance(data, dict) and key in data:
                data = data[key]
            elif isinstance(data, list) and _INDEX.fullmatch(key) and int(key) < len(data):
                data = data[int(key)]
            else:
                raise UnusableError(f"{name} leads nowhere")
        return data

    def name(self, reference: str) -> str:
        """Return an absolute reference as short as messages need it."""
        return reference.removeprefix(self._root_uri if "#" in reference else "").removeprefix(_GREEN)

    def load_references(self, schema: Any) -> None:
        """Read all files that a schema leads to, directly or through others.

        Raises:
            UnusableError: One of them cannot be read.
        """
        pending, seen = [schema], set()
        while pending:
            for reference in _references(pending.pop()):
                uri, _, fragment = reference.partition("#")
                if reference in seen:
                    continue
                seen.add(reference)
                data = self._file(uri)
                pending.append(self.look_up(reference) if not fragment or fragment.startswith("/") else data)

    def _file(self, uri: str) -> Any:
        if uri not in self._files:
            try:
                self._files[uri] = self._read(uri)
            except LateError:
                raise
            except UnusableError as problem:
                self._files[uri] = problem
        data = self._files[uri]
        if isinstance(data, UnusableError):
            raise data
        return data

    def _read(self, uri: str) -> Any:
        name = self.name(uri)
        if self._fetch is None or _origin(uri) != _origin(self._root_uri):
            raise UnusableError(f"{name} is outside of the document; bundle it")
        if len(self._files) > MAX_FILES:
            raise LimitError(f"{name} is not read: the document has more than {MAX_FILES} files; bundle it")
        text = self._fetch(name)
        try:
            return self._normalize(_decode(text), uri)
        except UnusableError as problem:
            make_error = LimitError if isinstance(problem, LimitError) else UnusableError
            raise make_error(f"{name} cannot be used: {problem}") from problem

    def _normalize(self, data: Any, uri: str) -> Any:
        """Copy plain data with text keys, absolute references, and OpenAPI's additions to schemas as JSON Schema."""
        try:
            return self._copy(data, uri)
        except RecursionError as problem:
            raise UnusableError("it is nested too deeply") from problem

    def _copy(self, data: Any, uri: str) -> Any:
        self._remaining_nodes -= 1
        if self._remaining_nodes < 0:
            raise LimitError(f"it has more than {MAX_NODES} values")
        if isinstance(data, list):
            return [self._copy(item, uri) for item in data]
        if isinstance(data, (datetime.date, datetime.datetime)):  # YAML converts plain texts to them
            return data.isoformat()
        if not isinstance(data, dict):
            return data
        copy = {str(key): self._copy(value, uri) for key, value in data.items()}
        if len(copy) < len(data):
            raise UnusableError("it has a key twice, as a text and as a number")
        if isinstance(copy.get("$ref"), str):
            copy["$ref"] = _resolve(copy["$ref"], uri)
        if self.is_3_0:
            _allow_null(copy)
        _drop_write_only(copy)
        return copy


def _resolve(reference: str, uri: str) -> str:
    """Return a reference as absolute as the place of its file allows."""
    if reference.startswith("#"):
        return uri + reference
    try:
        return urllib.parse.urljoin(uri, reference)
    except ValueError:
        return reference


def _origin(uri: str) -> tuple[str, str]:
    try:
        parts = urllib.parse.urlsplit(uri)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc


def _references(data: Any) -> Iterator[str]:
    """Yield all references in plain data."""
    pending = [data]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            pending += value.values()
        elif isinstance(value, list):
            pending += value


def _decode(text: str) -> Any:
    try:
        return decode_document(text)
    except InvalidDocumentError as problem:
        raise UnusableError(f"it {problem}") from problem


def _allow_null(schema: dict[str, Any]) -> None:
    """Replace OpenAPI 3.0's `nullable` by the type null."""
    if schema.get("nullable") is True and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if isinstance(schema.get("enum"), list):
            schema["enum"].append(None)


def _drop_write_only(schema: dict[str, Any]) -> None:
    """Remove write-only properties from `required`: responses do not have them."""
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return
    write_only = [
        name for name, value in properties.items() if isinstance(value, dict) and value.get("writeOnly") is True
    ]
    schema["required"] = [name for name in required if name not in write_only]
    if not schema["required"]:
        del schema["required"]  # draft 4 does not allow an empty list
