"""openapi: the operations in an OpenAPI document answer as the document describes.

The check reads an OpenAPI 3.0 or 3.1 document from green, or from the plan, and calls the operations that do no harm:
GET and HEAD, with a value for every required parameter, taken from the plan, then from the document's `example`,
`examples`, `default` or `enum`. It compares status, media type, required headers and JSON body of each answer with the
document. An undocumented answer, or any of 500 and above, is FAIL. Operations that cannot be called, and those with a
documented answer from 400 to 499, are not covered: other methods, parameters without a value, and operations that need
credentials while the plan has no `headers`. The message lists them; fewer covered operations than `minimum` are
INCONCLUSIVE.

The check ignores `format`, `discriminator`, bodies other than JSON and beyond 1 MiB, cookies, links and callbacks.
Patterns are time-limited, and an operation whose pattern takes too long is not covered; nor is one with
`unevaluatedProperties` in a document that has `patternProperties`.

Example:
    checks:
      - name: the API keeps its contract
        openapi: {document: /openapi.json, parameters: {orderId: smoke-1}, skip: ["/admin/*"], minimum: 4}

Source: https://spec.openapis.org/oas/v3.1.0; https://spec.openapis.org/oas/v3.0.3
"""

from __future__ import annotations

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

from ._openapi_document import MALFORMED, Document, Operation, UnusableError
from ._openapi_request import OpenApi, RequestBuilder

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024


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
        document = Document(params.text or _fetch(params.document, context))
    except NoAnswerError as problem:
        return failed(str(problem))
    except UnusableError as problem:
        return error(f"the OpenAPI document cannot be used: {problem}")
    builder = RequestBuilder(document, params)
    results: list[Evidence] = []
    uncovered: list[str] = []
    for operation in document.operations():
        try:
            results.append(_check_operation(builder, operation, context))
        except UnusableError as problem:
            uncovered.append(f"{operation.name} ({problem})")
        except NoAnswerError as problem:
            results.append(Evidence(query=operation.name, expected="an answer", actual=str(problem)))
        except HttpError as problem:
            return error(f"{operation.name}: {problem}", *results)
    total = len(results) + len(uncovered)
    # The runner cuts a message at 1000 characters, so the failure comes before the list.
    suffix = f"; not covered: {', '.join(uncovered)}" if uncovered else ""
    if not all(result.passed for result in results):
        return failed(f"{finding_from(results, '').message}{suffix}", *results)
    if len(results) < params.minimum:
        count = f"only {len(results)} of {total} operations could be covered, not {params.minimum}"
        return inconclusive(f"{count}{suffix}", *results)
    return finding_from(results, f"{len(results)} of {total} operations answered as the document describes{suffix}")


def _fetch(path: str, context: Context) -> str:
    response = context.request("GET", path, max_bytes=MAX_DOCUMENT_BYTES)
    if response.truncated:
        raise UnusableError("it is larger than 4 MiB")
    if response.status != 200:
        raise UnusableError(f"GET {path} answered {response.status}")
    return response.body.decode("utf-8-sig", errors="replace")


def _check_operation(builder: RequestBuilder, operation: Operation, context: Context) -> Evidence:
    if context.remaining_s() < 0.2:
        raise UnusableError("the check's time ended")
    try:
        target, headers = builder.build(operation)
    except MALFORMED as problem:
        raise UnusableError(f"its description is malformed: {problem}") from problem
    response = context.request(operation.method, target, headers=headers)
    try:
        mismatch = builder.document.find_mismatch(operation, response)
    except MALFORMED as problem:
        raise UnusableError(f"its description is malformed: {problem}") from problem
    if not mismatch and 400 <= response.status < 500:
        raise UnusableError(f"answered {response.status}")
    actual = f"{response.status}: {mismatch}" if mismatch else str(response.status)
    return Evidence(query=operation.name, expected="as documented", actual=actual, passed=not mismatch, where=target)
