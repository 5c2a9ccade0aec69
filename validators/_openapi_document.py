"""OpenAPI documents for `openapi`: parsing, normalization, and comparison with responses."""

from __future__ import annotations

import dataclasses
import datetime
import re
import urllib.parse
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.api import (
    ExpectationError,
    InvalidJsonError,
    Response,
    decode_json,
    nesting_exceeds,
    schema_errors,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NODES = 200_000
"""Values in a document; with aliases, a small YAML text can have any number of them."""

MAX_DEPTH = 200
"""Levels of a document; a deeper one would crash a parser written in C, and with it the process."""

METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
MALFORMED = (AttributeError, KeyError, TypeError, ValueError)
"""Exceptions raised by the use of a document whose structure is not that of OpenAPI."""

_BASE_URI = "urn:greenlight:openapi"
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


class UnusableError(Exception):
    """The document, or one operation of it, cannot be used; the message has the reason."""


@dataclasses.dataclass(frozen=True)
class Operation:
    """One operation: its method in upper case, its path, its description, and the description of its path.

    `problem` is the reason why it cannot be read; the method is "" if the whole path cannot be read.
    """

    method: str
    path: str
    data: dict[str, Any]
    path_item: dict[str, Any]
    problem: str = ""

    @property
    def name(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}".strip()


class Document:
    """A document with absolute references, and its operations."""

    def __init__(self, text: str) -> None:
        """Parse JSON or YAML.

        Raises:
            UnusableError: It is not a document of OpenAPI 3.0 or 3.1, or it is too large.
        """
        raw = _parse(text)
        version = str(raw.get("openapi", "")) if isinstance(raw, dict) else ""
        if not version.startswith(("3.0", "3.1")):
            raise UnusableError(f"its OpenAPI version is {version or 'missing'}, not 3.0 or 3.1")
        self._is_3_0 = version.startswith("3.0")
        self._remaining_nodes = MAX_NODES
        try:
            self.data: dict[str, Any] = self._normalize(raw)
        except RecursionError as problem:
            raise UnusableError("it is nested too deeply") from problem
        if not isinstance(self.data.get("paths"), dict):
            raise UnusableError("it has no paths")
        self.data["paths"] = self.resolve(self.data["paths"])

    def _normalize(self, data: Any) -> Any:
        """Copy plain data with text keys, absolute references, and OpenAPI's additions to schemas as JSON Schema."""
        self._remaining_nodes -= 1
        if self._remaining_nodes < 0:
            raise UnusableError(f"it has more than {MAX_NODES} values")
        if isinstance(data, list):
            return [self._normalize(item) for item in data]
        if isinstance(data, (datetime.date, datetime.datetime)):  # YAML converts plain texts to them
            return data.isoformat()
        if not isinstance(data, dict):
            return data
        copy = {str(key): self._normalize(value) for key, value in data.items()}
        if isinstance(copy.get("$ref"), str) and copy["$ref"].startswith("#"):
            copy["$ref"] = _BASE_URI + copy["$ref"]
        if self._is_3_0:
            _allow_null(copy)
        _drop_write_only(copy)
        return copy

    def operations(self) -> Iterator[Operation]:
        """Yield every operation, including those that cannot be called and those that cannot be read."""
        for path, raw_item in self.data["paths"].items():
            if path.startswith("x-"):
                continue
            try:
                item = self._path_item(raw_item)
            except UnusableError as problem:
                yield Operation("", path, {}, {}, str(problem))
                continue
            for method in METHODS:
                if method in item:
                    yield self._operation(method, path, item)

    def _path_item(self, raw: Any) -> dict[str, Any]:
        """Return a path item; operations beside its reference belong to it as well."""
        item = self.resolve(raw)
        return item if item is raw else {**item, **{key: value for key, value in raw.items() if key != "$ref"}}

    def _operation(self, method: str, path: str, item: dict[str, Any]) -> Operation:
        try:
            return Operation(method.upper(), path, self.resolve(item[method]), item)
        except UnusableError as problem:
            return Operation(method.upper(), path, {}, item, str(problem))

    def resolve(self, data: Any, name: str = "its description") -> dict[str, Any]:
        """Follow references to an object; `name` is what it is, for messages.

        Raises:
            UnusableError: There is no object: a reference leads out of the document, nowhere or to itself.
        """
        source = name
        for _ in range(20):
            if not isinstance(data, dict):
                raise UnusableError(f"{source} is not an object")
            reference = data.get("$ref")
            if not isinstance(reference, str):
                return data
            source = reference.removeprefix(_BASE_URI)
            if source == reference:
                raise UnusableError(f"{reference} is outside of the document; bundle it")
            data = self._look_up(source)
        raise UnusableError("a reference leads to itself")

    def resolve_optional(self, data: Any) -> dict[str, Any]:
        """Follow references to an object; nothing is an empty object."""
        return {} if data is None else self.resolve(data)

    def _look_up(self, reference: str) -> Any:
        """Return the value that a fragment leads to, a JSON pointer of RFC 6901 as in `#/components/responses/A`.

        Raises:
            UnusableError: It is not a pointer, or there is no such value.
        """
        pointer = urllib.parse.unquote(reference[1:])
        if pointer and not pointer.startswith("/"):
            raise UnusableError(f"{reference} is not a JSON pointer")
        data: Any = self.data
        for token in pointer.split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            if isinstance(data, dict) and key in data:
                data = data[key]
            elif isinstance(data, list) and _INDEX.fullmatch(key) and int(key) < len(data):
                data = data[int(key)]
            else:
                raise UnusableError(f"{reference} leads nowhere")
        return data

    def find_mismatch(self, operation: Operation, response: Response) -> str:
        """Return how a response differs from the document; "" when it does not.

        Raises:
            UnusableError: The response cannot be compared with the document.
        """
        if response.status >= 500:
            return "the service failed"
        responses, status = self.resolve_optional(operation.data.get("responses")), str(response.status)
        if not responses:
            raise UnusableError("the document has no responses for it")
        key = _first_in(responses, status, f"{status[0]}XX", f"{status[0]}xx", "default")
        if key is None:
            return f"the document has only {', '.join(responses)}"
        documented = self.resolve(responses[key], f"its response {key}")
        for name, header in (documented.get("headers") or {}).items():
            if self.resolve(header, f"the header {name}").get("required") is True and response.header(name) is None:
                return f"the header {name} is missing"
        content = documented.get("content")
        if operation.method == "HEAD" or not content or response.status in (204, 304):
            return ""
        return self._find_body_mismatch(content, response)

    def _find_body_mismatch(self, content: dict[str, Any], response: Response) -> str:
        media_type = (response.header("content-type") or "").partition(";")[0].strip().lower()
        documented = {key.partition(";")[0].strip().lower(): value for key, value in content.items()}
        key = _first_in(documented, media_type, f"{media_type.split('/')[0]}/*", "*/*")
        if key is None:
            return f"the media type is {media_type or 'missing'}, the document has {', '.join(documented)}"
        if media_type != "application/json" and not media_type.endswith("+json"):
            return ""
        if response.truncated:
            raise UnusableError("its answer is larger than 1 MiB")
        try:
            data = decode_json(response.body)
        except InvalidJsonError as problem:
            return f"the body {problem}"
        schema = self.resolve_optional(documented[key]).get("schema")
        if schema is None:
            return ""
        try:
            # References are resolved within the document only, and never fetched.
            return schema_errors(schema, data, {_BASE_URI: self.data}, draft4=self._is_3_0)
        except ExpectationError as problem:
            raise UnusableError(str(problem)) from problem


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


def _first_in(mapping: dict[str, Any], *keys: str) -> str | None:
    return next((key for key in keys if key in mapping), None)


def _parse(text: str) -> Any:
    import yaml

    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        pass
    try:
        if nesting_exceeds(text, MAX_DEPTH):
            raise UnusableError("it is nested too deeply")
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (yaml.YAMLError, RecursionError, ValueError) as problem:
        raise UnusableError(f"it is neither JSON nor YAML: {' '.join(str(problem).split())[:150]}") from problem
