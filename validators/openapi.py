"""openapi: the operations in an OpenAPI document answer as the document describes.

The check reads an OpenAPI 3.0 or 3.1 document from green, or from the plan, and calls the operations that do no harm:
GET and HEAD, with a value for every required parameter, taken from the plan, then from the document's `example`,
`examples`, `default` or `enum`. It compares status, media type, required headers and JSON body of each answer with the
document. An undocumented answer, or any of 500 and above, is FAIL. Operations that cannot be called, and those with a
documented answer from 400 to 499, are not covered: other methods, parameters without a value, and operations that need
credentials while the plan has no `headers`, or behind references that lead nowhere. References to other files are
followed on green below the place of the document, up to 50 files, and nowhere else. The message lists what is not
covered. Fewer covered operations than `minimum` are INCONCLUSIVE, and so are operations that the check's time or
another of its limits left out: an answer beyond 1 MiB, or a pattern or schema that takes too long.

A document with a key twice in one map is refused. The check ignores `format`, `discriminator`, bodies other than JSON,
cookies, links and callbacks. An operation with `unevaluatedProperties` in a document that has `patternProperties` is
not covered.

Example:
    checks:
      - name: the API keeps its contract
        openapi: {document: /openapi.json, parameters: {orderId: smoke-1}, skip: ["/admin/*"], minimum: 4}

Source: https://spec.openapis.org/oas/v3.1.0; https://spec.openapis.org/oas/v3.0.3
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from greenlight.api import (
    Context,
    Evidence,
    Finding,
    HttpError,
    NoAnswerError,
    error,
    failed,
    finding_from,
    inconclusive,
    validator,
)

from ._openapi_document import MALFORMED, Document, Operation
from ._openapi_files import LateError, LimitError, UnusableError
from ._openapi_request import OpenApi, RequestBuilder

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
MARGIN_S = 0.2
"""No operation is called with less time than this."""

MAX_NAMES = 12
"""More operations than this are listed by the reason why they were not covered."""
MAX_NAMES_OF_REASON = 3


class _StoppedError(Exception):
    """No further operation can be called; the message says why."""


@validator(
    OpenApi,
    remediation=(
        "Call the operation in the finding and compare its answer with the document. Either the release breaks its "
        "contract, or the document was not updated with it. Give operations that cannot be called a value in "
        "`parameters`, or list them in `skip`."
    ),
    cost="One request to green for the document and one for each operation covered.",
)
def openapi(params: OpenApi, context: Context) -> Finding:
    """The operations in an OpenAPI document answer as the document describes."""
    try:
        document = _read_document(params, context)
    except NoAnswerError as problem:
        return failed(str(problem))
    except UnusableError as problem:
        return error(f"the OpenAPI document cannot be used: {problem}")
    run = _Run()
    try:
        run.check_operations(RequestBuilder(document, params), context)
    except _StoppedError as problem:
        return error(str(problem), *run.results)
    return run.decide_finding(params.minimum)


class Uncovered(NamedTuple):
    """An operation that was not covered, and the reason."""

    name: str
    reason: str


def describe_uncovered(operations: list[Uncovered]) -> str:
    """Return the operations with their reasons; many of them by reason, so that the number of each is shown."""
    if len(operations) <= MAX_NAMES:
        return ", ".join(f"{operation.name} ({operation.reason})" for operation in operations)
    by_reason: dict[str, list[str]] = {}
    for operation in operations:
        by_reason.setdefault(operation.reason, []).append(operation.name)
    groups = []
    for reason, names in sorted(by_reason.items(), key=lambda item: -len(item[1])):
        more = ", …" if len(names) > MAX_NAMES_OF_REASON else ""
        groups.append(f"{len(names)} {reason} ({', '.join(names[:MAX_NAMES_OF_REASON])}{more})")
    return f"{len(operations)} operations: {', '.join(groups)}"


@dataclasses.dataclass
class _Run:
    """Results of the operations so far, and those that were not covered, or that a limit left out."""

    results: list[Evidence] = dataclasses.field(default_factory=list)
    uncovered: list[Uncovered] = dataclasses.field(default_factory=list)
    limited: list[Uncovered] = dataclasses.field(default_factory=list)
    is_late: bool = False

    def check_operations(self, builder: RequestBuilder, context: Context) -> None:
        """Call every operation that may be called.

        Raises:
            _StoppedError: Requests of the plan are not allowed, so no further one is made.
        """
        for operation in builder.document.operations():
            try:
                if self.is_late and builder.is_callable(operation):
                    raise LateError
                self.results.append(_check_operation(builder, operation, context))
            except LimitError as problem:
                self.limited.append(Uncovered(operation.name, str(problem)))
                self.is_late |= isinstance(problem, LateError)
            except UnusableError as problem:
                self.uncovered.append(Uncovered(operation.name, str(problem)))
            except NoAnswerError as problem:
                self.results.append(Evidence(query=operation.name, expected="an answer", actual=str(problem)))
            except HttpError as problem:
                raise _StoppedError(f"{operation.name}: {problem}") from problem

    def decide_finding(self, minimum: int) -> Finding:
        """Return the finding; operations that a limit left out could be the broken ones, so they do not pass."""
        results, uncovered = self.results, [*self.limited, *self.uncovered]
        total = len(results) + len(uncovered)
        # The runner cuts a message at 1000 characters, so the failure comes before the list.
        suffix = f"; not covered: {describe_uncovered(uncovered)}" if uncovered else ""
        if not all(result.passed for result in results):
            return failed(f"{finding_from(results, '').message}{suffix}", *results)
        if self.limited:
            return inconclusive(f"{self._describe_limit(total)}{suffix}", *results)
        if len(results) < minimum:
            count = f"only {len(results)} of {total} operations could be covered, not {minimum}"
            return inconclusive(f"{count}{suffix}", *results)
        return finding_from(results, f"{len(results)} of {total} operations answered as the document describes{suffix}")

    def _describe_limit(self, total: int) -> str:
        count = f"{len(self.limited)} of {total} operations"
        if self.is_late:
            return f"the check's time ended before {count} were called; give it a longer timeout"
        return f"{count} are beyond a limit of the check, so they were not compared; list them in `skip`"


def _read_document(params: OpenApi, context: Context) -> Document:
    if params.text:
        return Document(params.text)

    def fetch(path: str) -> str:
        if context.remaining_s() < MARGIN_S:
            raise LateError
        try:
            return _fetch(path, context)
        except HttpError as problem:
            raise UnusableError(f"{path} cannot be read: {problem}") from problem

    return Document(_fetch(params.document, context), params.document, fetch)


def _fetch(path: str, context: Context) -> str:
    response = context.request("GET", path, max_bytes=MAX_DOCUMENT_BYTES)
    if response.truncated:
        raise LimitError(f"{path} is larger than 4 MiB")
    if response.status != 200:
        raise UnusableError(f"GET {path} answered {response.status}")
    return response.body.decode("utf-8-sig", errors="replace")


def _check_operation(builder: RequestBuilder, operation: Operation, context: Context) -> Evidence:
    try:
        target, headers = builder.build(operation)
    except MALFORMED as problem:
        raise UnusableError(f"its description is malformed: {problem}") from problem
    if context.remaining_s() < MARGIN_S:
        raise LateError
    response = context.request(operation.method, target, headers=headers)
    try:
        mismatch = builder.document.find_mismatch(operation, response)
    except MALFORMED as problem:
        raise UnusableError(f"its description is malformed: {problem}") from problem
    if not mismatch and 400 <= response.status < 500:
        raise UnusableError(f"answered {response.status}")
    actual = f"{response.status}: {mismatch}" if mismatch else str(response.status)
    return Evidence(query=operation.name, expected="as documented", actual=actual, passed=not mismatch, where=target)
