"""OpenAPI documents for `openapi`: their operations, and comparison with responses."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from greenlight.api import ExpectationError, InvalidJsonError, Response, SchemaLimitError, decode_json, schema_errors

from ._openapi_files import Files, LimitError, UnusableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
MALFORMED = (AttributeError, KeyError, TypeError, ValueError)
"""Exceptions raised by the use of a document whose structure is not that of OpenAPI."""


@dataclasses.dataclass(frozen=True)
class Operation:
    """One operation: its method in upper case, its path, its description, and the description of its path.

    `problem` is the reason why it cannot be read; the method is "" if the whole path cannot be read.
    """

    method: str
    path: str
    data: dict[str, Any]
    path_item: dict[str, Any]
    problem: UnusableError | None = None

    @property
    def name(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}".strip()


class Document:
    """A document, and its operations."""

    def __init__(self, text: str, place: str = "", fetch: Callable[[str], str] | None = None) -> None:
        """Parse a document; `Files` describes the arguments.

        Raises:
            UnusableError: It is not a document of OpenAPI 3.0 or 3.1, or it is too large.
        """
        self._files = Files(text, place, fetch)
        self.data = self._files.root
        if not isinstance(self.data.get("paths"), dict):
            raise UnusableError("it has no paths")
        self._paths = self.resolve(self.data["paths"])

    def operations(self) -> Iterator[Operation]:
        """Yield every operation, including those that cannot be called and those that cannot be read."""
        for path, raw_item in self._paths.items():
            if path.startswith("x-"):
                continue
            try:
                item = self._path_item(raw_item)
            except UnusableError as problem:
                yield Operation("", path, {}, {}, problem)
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
            return Operation(method.upper(), path, {}, item, problem)

    def resolve(self, data: Any, name: str = "its description") -> dict[str, Any]:
        """Follow references to an object; `name` is what it is, for messages.

        Raises:
            UnusableError: There is no object: a reference leads to a file that cannot be read, nowhere or to itself.
        """
        source = name
        for _ in range(20):
            if not isinstance(data, dict):
                raise UnusableError(f"{source} is not an object")
            reference = data.get("$ref")
            if not isinstance(reference, str):
                return data
            source, data = self._files.name(reference), self._files.look_up(reference)
        raise UnusableError("a reference leads to itself")

    def resolve_optional(self, data: Any) -> dict[str, Any]:
        """Follow references to an object; nothing is an empty object."""
        return {} if data is None else self.resolve(data)

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
            raise LimitError("its answer is larger than 1 MiB")
        try:
            data = decode_json(response.body)
        except InvalidJsonError as problem:
            return f"the body {problem}"
        schema = self.resolve_optional(documented[key]).get("schema")
        if schema is None:
            return ""
        try:
            # All files are read before, because the validation itself fetches nothing.
            self._files.load_references(schema)
            return schema_errors(schema, data, self._files.by_uri(), draft4=self._files.is_3_0)
        except SchemaLimitError as problem:
            raise LimitError(str(problem)) from problem
        except ExpectationError as problem:
            raise UnusableError(str(problem)) from problem


def _first_in(mapping: dict[str, Any], *keys: str) -> str | None:
    return next((key for key in keys if key in mapping), None)
