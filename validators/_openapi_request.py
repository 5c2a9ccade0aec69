"""Requests for `openapi`: the operations of a document, with values from the plan and the document."""

from __future__ import annotations

import dataclasses
import fnmatch
import json
import urllib.parse
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from greenlight.api import Params

from ._openapi_files import UnusableError

if TYPE_CHECKING:
    from ._openapi_document import Document, Operation


class OpenApi(Params, frozen=True, kw_only=True):
    """The document, and values for requests.

    Attributes:
        document: Path of the document on green; JSON or YAML.
        text: The document itself, instead of a path.
        parameters: Values by the name of the parameter; they take precedence over those of the document.
        headers: Headers of every request.
        skip: Paths (with `*`) or operation ids that are not called.
        base: Prefix of all paths, instead of the path of the document's first server.
        minimum: Minimum number of operations that must be covered.
    """

    document: str = "/openapi.json"
    text: str = ""
    parameters: dict[str, str | int | float | bool] = {}
    headers: dict[str, str] = {}
    skip: list[str] = []
    base: str | None = None
    minimum: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1


@dataclasses.dataclass(frozen=True)
class RequestBuilder:
    """Builder of requests; values of the plan, in `params`, take precedence over those of the document."""

    document: Document
    params: OpenApi

    def build(self, operation: Operation) -> tuple[str, dict[str, str]]:
        """Return the target and the headers of a request.

        Raises:
            UnusableError: The operation cannot be called, or might change data.
        """
        self._reject_unsafe(operation)
        path, query, headers = operation.path, [], dict(self.params.headers)
        for parameter in self._parameters(operation):
            name, place = str(parameter.get("name")), parameter.get("in")
            value, is_required = self._value(name, parameter), parameter.get("required") is True
            if value is None and (is_required or place == "path"):
                raise UnusableError(f"no value for {name}")
            if value is None or (not is_required and name not in self.params.parameters):
                continue
            if place == "path":
                path = path.replace(f"{{{name}}}", urllib.parse.quote(value, safe=""))
            elif place == "query":
                query.append((name, value))
            elif place == "header":
                headers.setdefault(name, value)
            else:
                raise UnusableError(f"{name} is a cookie")
        if "{" in path:
            raise UnusableError("a parameter of its path is not described")
        return self._base(operation) + path + (f"?{urllib.parse.urlencode(query)}" if query else ""), headers

    def is_callable(self, operation: Operation) -> bool:
        """Return whether an operation may be called.

        Raises:
            UnusableError: It may not.
        """
        self._reject_unsafe(operation)
        return True

    def _reject_unsafe(self, operation: Operation) -> None:
        if operation.problem is not None:
            raise operation.problem
        if operation.method not in ("GET", "HEAD"):
            raise UnusableError("not a safe method")
        for pattern in self.params.skip:
            if fnmatch.fnmatchcase(operation.path, pattern) or operation.data.get("operationId") == pattern:
                raise UnusableError("skipped by the plan")
        security = operation.data.get("security", self.document.data.get("security")) or []
        if security and {} not in security and not self.params.headers:
            raise UnusableError("needs credentials; give headers")

    def _parameters(self, operation: Operation) -> list[dict[str, Any]]:
        """Return the parameters; those of the operation replace those of its path."""
        raw = [*(operation.path_item.get("parameters") or []), *(operation.data.get("parameters") or [])]
        parameters = [self.document.resolve(parameter, "a parameter") for parameter in raw]
        return list({(parameter.get("name"), parameter.get("in")): parameter for parameter in parameters}.values())

    def _value(self, name: str, parameter: dict[str, Any]) -> str | None:
        """Return the plan's value or else the document's first one, as text; None if it is missing or not a scalar."""
        schema, examples = self.document.resolve_optional(parameter.get("schema")), parameter.get("examples")
        candidates = [self.params.parameters.get(name), parameter.get("example")]
        if isinstance(examples, dict):
            candidates += [self.document.resolve(example).get("value") for example in examples.values()]
        candidates += [schema.get("example"), *_as_list(schema.get("examples"))]
        candidates += [schema.get("default"), *_as_list(schema.get("enum"))]
        value = next((candidate for candidate in candidates if candidate is not None), None)
        if not isinstance(value, (str, int, float, bool)):
            return None
        return value if isinstance(value, str) else json.dumps(value)

    def _base(self, operation: Operation) -> str:
        """Return the path of the first server; its host is not the one under test."""
        if self.params.base is not None:
            return self.params.base.rstrip("/")
        servers = (
            operation.data.get("servers") or operation.path_item.get("servers") or self.document.data.get("servers")
        )
        server: Any = next(iter(_as_list(servers)), {})
        url = str(server.get("url", "")) if isinstance(server, dict) else ""
        for name, variable in (server.get("variables") or {}).items() if url else ():
            url = url.replace(f"{{{name}}}", str(self.document.resolve_optional(variable).get("default", "")))
        return urllib.parse.urlsplit(url).path.rstrip("/")


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
