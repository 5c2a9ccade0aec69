"""openapi: the operations that an OpenAPI document describes answer as it says.

Reads an OpenAPI 3.0 or 3.1 document from green, or from the plan, and calls what can be called without harm: GET and
HEAD, with a value for every required parameter, taken from the plan, then from the document's `example`, `examples`,
`default` or `enum`. Of each answer it holds the status, the media type, the required headers and the JSON body against
the document. An answer that the document does not know, or any of 500 and above, is FAIL. One from 400 to 499 that the
document knows shows nothing about success and counts as not covered, and so do all other methods, operations whose
parameters have no value or that need credentials while the plan sends no `headers`. What is not covered is said; fewer
than `minimum` operations covered is INCONCLUSIVE.

Not looked at: `format`, `discriminator`, bodies other than JSON and beyond 1 MiB, cookies, links and callbacks. Patterns
are time-limited, and one that takes too long leaves its operation uncovered; so does `unevaluatedProperties` in a
document that has `patternProperties`.

Example:
    checks:
      - name: the API keeps its contract
        openapi: {document: /openapi.json, parameters: {orderId: smoke-1}, skip: ["/admin/*"], minimum: 4}

Source: https://spec.openapis.org/oas/v3.1.0; https://spec.openapis.org/oas/v3.0.3
"""

from __future__ import annotations

import datetime
import fnmatch
import json
import urllib.parse
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from greenlight.api import (
    Context,
    Evidence,
    ExpectationError,
    Finding,
    HttpError,
    NoAnswerError,
    Params,
    Response,
    error,
    failed,
    finding_from,
    inconclusive,
    nesting_exceeds,
    schema_errors,
    validator,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
MAX_NODES = 200_000
"""Values in a document; aliases in YAML make a small text as large as they like."""

MAX_DEPTH = 200
"""Levels of a document; a reader in C ends the process where Python's own would raise."""

_HERE = "urn:greenlight:openapi"
_SCALAR = (str, int, float, bool)
_MALFORMED = (AttributeError, KeyError, TypeError, ValueError)
"""What reading a document raises where it is not built as OpenAPI says."""


class OpenApi(Params, frozen=True, kw_only=True):
    """The `document`: a path on green, unless its `text` is given; JSON or YAML.

    `parameters` by name fill in what has no example; `headers` are sent with every call; `skip` names paths (with `*`)
    or operation ids; `base` goes before the document's paths, in place of the path of its first server.

    Attributes:
        minimum: How many operations must be covered.
    """

    document: str = "/openapi.json"
    text: str = ""
    parameters: dict[str, str | int | float | bool] = {}
    headers: dict[str, str] = {}
    skip: list[str] = []
    base: str | None = None
    minimum: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1


class _UnusableError(Exception):
    """The document, or one operation of it, cannot be used; says why."""


@validator(
    OpenApi,
    remediation=(
        "Call the operation named in the finding and compare the answer with the document. Either the release "
        "breaks its contract, or the document was not changed with it; operations that cannot be called get a "
        "value in `parameters`, or go into `skip`."
    ),
    cost="One request to green for the document and one for each operation covered.",
)
def openapi(params: OpenApi, context: Context) -> Finding:
    """The operations that an OpenAPI document describes answer as it says."""
    try:
        api = _Document(params.text or _fetched(params.document, context), params)
    except NoAnswerError as problem:
        return failed(str(problem))
    except HttpError as problem:
        return error(str(problem))
    except _UnusableError as problem:
        return error(f"the OpenAPI document cannot be used: {problem}")
    found: list[Evidence] = []
    left: list[str] = []
    for method, path, operation in api.operations():
        name = f"{method} {path}"
        try:
            found.append(_judged_call(api, name, method, path, operation, context))
        except _UnusableError as problem:
            left.append(f"{name} ({problem})")
        except NoAnswerError as problem:
            found.append(Evidence(query=name, expected="an answer", actual=str(problem)))
        except HttpError as problem:
            return error(f"{name}: {problem}", *found)
    total = len(found) + len(left)
    # The runner cuts a message at 1000 characters; what went wrong stands before what was not covered.
    rest = f"; not covered: {', '.join(left)}" if left else ""
    if not all(each.passed for each in found):
        finding = finding_from(found, "")
        return msgspec.structs.replace(finding, message=f"{finding.message}{rest}")
    if len(found) < params.minimum:
        return inconclusive(
            f"only {len(found)} of {total} operations could be covered, not {params.minimum}{rest}", *found
        )
    return finding_from(found, f"{len(found)} of {total} operations answered as the document says{rest}")


def _fetched(path: str, context: Context) -> str:
    response = context.request("GET", path, max_bytes=MAX_DOCUMENT_BYTES)
    if response.status != 200 or response.truncated:
        why = "it is larger than 4 MiB" if response.truncated else f"GET {path} answered {response.status}"
        raise _UnusableError(why)
    return response.body.decode("utf-8-sig", errors="replace")


def _judged_call(
    api: _Document, name: str, method: str, path: str, operation: dict[str, Any], context: Context
) -> Evidence:
    if context.remaining_s() < 0.2:
        raise _UnusableError("the time was over")
    try:
        target, headers = api.request(path, operation)
    except _MALFORMED as problem:
        raise _UnusableError(f"its description is malformed: {problem}") from problem
    response = context.request(method, target, headers=headers)
    try:
        wrong = api.wrong(method, operation, response)
    except _MALFORMED as problem:
        raise _UnusableError(f"its description is malformed: {problem}") from problem
    if not wrong and 400 <= response.status < 500:
        raise _UnusableError(f"answered {response.status}")
    said = f"{response.status}{f': {wrong}' if wrong else ''}"
    return Evidence(query=name, expected="as documented", actual=said, passed=not wrong, where=target)


class _Document:
    """A document whose references are absolute, and what it says of its operations."""

    def __init__(self, text: str, params: OpenApi) -> None:
        self._params = params
        read = _read(text)
        version = str(read.get("openapi", "")) if isinstance(read, dict) else ""
        if not version.startswith(("3.0", "3.1")):
            raise _UnusableError(f"it is not of OpenAPI 3.0 or 3.1 but of {version or 'none'}")
        self._old = version.startswith("3.0")
        self._left = MAX_NODES
        try:
            self._data = self._converted(read)
        except RecursionError as problem:
            raise _UnusableError("it is nested too deep") from problem
        if not isinstance(self._data.get("paths"), dict):
            raise _UnusableError("it has no paths")

    def _converted(self, data: Any) -> Any:
        """Copy plain data: keys become texts, references absolute, and what OpenAPI adds to schemas JSON Schema."""
        self._left -= 1
        if self._left < 0:
            raise _UnusableError(f"it has more than {MAX_NODES} values")
        if isinstance(data, list):
            return [self._converted(each) for each in data]
        if isinstance(data, (datetime.date, datetime.datetime)):  # YAML reads them out of plain texts
            return data.isoformat()
        if not isinstance(data, dict):
            return data
        made = {str(key): self._converted(value) for key, value in data.items()}
        if isinstance(made.get("$ref"), str) and made["$ref"].startswith("#"):
            made["$ref"] = _HERE + made["$ref"]
        if self._old and made.get("nullable") is True and isinstance(made.get("type"), str):
            made["type"] = [made["type"], "null"]
            if isinstance(made.get("enum"), list):
                made["enum"].append(None)
        properties, required = made.get("properties"), made.get("required")
        if isinstance(properties, dict) and isinstance(required, list):  # what is write-only is not in answers
            hidden = [n for n, each in properties.items() if isinstance(each, dict) and each.get("writeOnly") is True]
            made["required"] = [name for name in required if name not in hidden]
            if not made["required"]:
                del made["required"]  # draft 4 allows no empty list
        return made

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Give every operation, whether it can be called or not."""
        for path, written in self._data["paths"].items():
            item = self.resolved(written)
            for method in ("get", "head", "post", "put", "patch", "delete", "options", "trace"):
                if isinstance(item.get(method), dict):
                    shared = {key: item[key] for key in ("parameters", "servers") if key in item}
                    yield method.upper(), path, {**item[method], "": {**shared, "method": method}}

    def resolved(self, data: Any) -> dict[str, Any]:
        """Follow references until there is an object."""
        for _ in range(20):
            if not isinstance(data, dict):
                return {}
            reference = data.get("$ref")
            if not isinstance(reference, str):
                return data
            if not reference.startswith(f"{_HERE}#/"):
                raise _UnusableError(f"{reference} is outside of the document")
            data = self._data
            for part in reference[len(_HERE) + 2 :].split("/"):
                key = urllib.parse.unquote(part).replace("~1", "/").replace("~0", "~")
                data = data.get(key) if isinstance(data, dict) else None
        raise _UnusableError("a reference leads to itself")

    def request(self, path: str, operation: dict[str, Any]) -> tuple[str, dict[str, str]]:
        """Give path and headers of a call; or say why there is none."""
        shared = operation[""]
        if shared["method"] not in ("get", "head"):
            raise _UnusableError("not a safe method")
        if any(fnmatch.fnmatchcase(path, each) or operation.get("operationId") == each for each in self._params.skip):
            raise _UnusableError("skipped by the plan")
        security = operation.get("security", self._data.get("security")) or []
        if security and {} not in security and not self._params.headers:
            raise _UnusableError("needs credentials; give headers")
        filled, query, headers = path, [], dict(self._params.headers)
        for parameter in self._parameters(operation):
            name, place = str(parameter.get("name")), parameter.get("in")
            value = self._value(name, parameter)
            if value is None and (parameter.get("required") is True or place == "path"):
                raise _UnusableError(f"no value for {name}")
            if value is None or (parameter.get("required") is not True and name not in self._params.parameters):
                continue
            if place == "path":
                filled = filled.replace(f"{{{name}}}", urllib.parse.quote(value, safe=""))
            elif place == "query":
                query.append((name, value))
            elif place == "header":
                headers.setdefault(name, value)
            else:
                raise _UnusableError(f"{name} is a cookie")
        if "{" in filled:
            raise _UnusableError("a parameter of its path is not described")
        return self._base(operation) + filled + (f"?{urllib.parse.urlencode(query)}" if query else ""), headers

    def _parameters(self, operation: dict[str, Any]) -> list[dict[str, Any]]:
        """Give the parameters, those of the operation in place of those of its path."""
        merged = {}
        for written in [*(operation[""].get("parameters") or []), *(operation.get("parameters") or [])]:
            parameter = self.resolved(written)
            merged[parameter.get("name"), parameter.get("in")] = parameter
        return list(merged.values())

    def _value(self, name: str, parameter: dict[str, Any]) -> str | None:
        """Give a text to send: the plan's, or the first that the document has; None for what is no single value."""
        schema = self.resolved(parameter.get("schema"))
        examples = parameter.get("examples")
        named = [self.resolved(each).get("value") for each in examples.values()] if isinstance(examples, dict) else []
        candidates = [self._params.parameters.get(name), parameter.get("example"), *named, schema.get("example")]
        candidates += [*_listed(schema.get("examples")), schema.get("default"), *_listed(schema.get("enum"))]
        value = next((each for each in candidates if each is not None), None)
        if not isinstance(value, _SCALAR):
            return None
        return value if isinstance(value, str) else json.dumps(value)

    def _base(self, operation: dict[str, Any]) -> str:
        """Give the path of the first server, whose host is not the one under test."""
        if self._params.base is not None:
            return self._params.base.rstrip("/")
        servers = operation.get("servers") or operation[""].get("servers") or self._data.get("servers")
        server: Any = next(iter(_listed(servers)), {})
        url = str(server.get("url", "")) if isinstance(server, dict) else ""
        for name, variable in (server.get("variables") or {}).items() if url else ():
            url = url.replace(f"{{{name}}}", str(self.resolved(variable).get("default", "")))
        return urllib.parse.urlsplit(url).path.rstrip("/")

    def wrong(self, method: str, operation: dict[str, Any], response: Response) -> str:
        """Say what is not as documented in an answer; "" when all is."""
        responses, status = operation.get("responses") or {}, str(response.status)
        key = next(
            (each for each in (status, f"{status[0]}XX", f"{status[0]}xx", "default") if each in responses), None
        )
        if response.status >= 500:
            return "the service failed"
        if key is None:
            return f"the document knows {', '.join(responses) or 'no answers'}"
        documented = self.resolved(responses[key])
        for name, header in (documented.get("headers") or {}).items():
            if self.resolved(header).get("required") is True and response.header(name) is None:
                return f"the header {name} is missing"
        content = documented.get("content")
        if method == "HEAD" or not content or response.status in (204, 304):
            return ""
        return self._wrong_body(content, response)

    def _wrong_body(self, content: dict[str, Any], response: Response) -> str:
        media = (response.header("content-type") or "").partition(";")[0].strip().lower()
        known = {key.partition(";")[0].strip().lower(): value for key, value in content.items()}
        key = next((each for each in (media, f"{media.split('/')[0]}/*", "*/*") if each in known), None)
        if key is None:
            return f"the media type is {media or 'not said'}, the document knows {', '.join(known)}"
        if media != "application/json" and not media.endswith("+json"):
            return ""
        if response.truncated:
            raise _UnusableError("its answer is larger than 1 MiB")
        try:
            data = msgspec.json.decode(response.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
            return f"the body is no JSON: {problem}"
        schema = self.resolved(known[key]).get("schema")
        return self._wrong_data(schema, data) if schema is not None else ""

    def _wrong_data(self, schema: Any, data: Any) -> str:
        """Hold data against a schema; references are looked up in the document alone, never fetched."""
        try:
            return schema_errors(schema, data, {_HERE: self._data}, draft4=self._old)
        except ExpectationError as problem:
            raise _UnusableError(str(problem)) from problem


def _read(text: str) -> Any:
    import yaml

    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        pass
    try:
        if nesting_exceeds(text, MAX_DEPTH):
            raise _UnusableError("it is nested too deep")
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (yaml.YAMLError, RecursionError, ValueError) as problem:
        raise _UnusableError(f"it is neither JSON nor YAML: {' '.join(str(problem).split())[:150]}") from problem


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
