"""Rules for expectations that every response passes, that no response can pass, or that an error page passes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from greenlight.api import MISSING, Params, ResponseExpectation, check_response, compile_query
from greenlight.assertions.expectation import DurationExpectation, Expectation, SizeExpectation
from greenlight.core.errors import GreenlightError
from greenlight.core.finding import Severity
from greenlight.core.plan_path import KeyStep
from greenlight.core.references import has_references
from greenlight.network.client import Response, Timings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from greenlight.checks.binding import Bound
    from greenlight.core.plan_path import PlanPath

    from .diagnostics import RuleProblems

STATUSES = range(100, 600)
SUCCESS, SERVER_ERRORS, REFUSALS = range(200, 400), (500, 502, 503, 504), {401, 403, 404, 405}
_COMPARISONS = {"eq", "ne", "gt", "gte", "lt", "lte", "between", "in"}
_NUMERIC_PREDICATES = {"gt", "gte", "lt", "lte", "between"}
_SAMPLE_TEXTS = ("", "\n", "x", "<html><body>503</body></html>", "Ü" * 500, "0")
_TEXT_FIELDS = ("reason", "version", "url", "sha256", "bytes", "subject", "issuer", "cipher", "domain", "same_site")
_POSSIBLE_VALUES: dict[str, Sequence[Any]] = {"same_site": ("Strict", "Lax", "None"), "days_left": range(-1000, 4000)}
_DESCRIPTIONS = {
    "same_site": "Strict, Lax or None, with its capital",
    "days_left": "a number of days, such as {gte: 30}",
}
_PASSING_STATUSES: dict[tuple[type[Expectation], str], frozenset[int]] = {}
_JMESPATH_FIELDS = ("json.", "data.", "expect.")
_ERROR_PAGE = b"<html><head><title>503 Service Temporarily Unavailable</title></head></html>"


def check_expectations(bound: Mapping[str, Sequence[Bound]]) -> RuleProblems:
    """Check the expectations of every check."""
    for bound_checks in bound.values():
        for bound_check in bound_checks:
            yield from _check_bound(bound_check)


def check_stages(bound: Mapping[str, Sequence[Bound]]) -> RuleProblems:
    """Find stages whose checks together show nothing about green."""
    for stage, bound_checks in bound.items():
        blocking = [bound_check for bound_check in bound_checks if bound_check.check.severity is not Severity.ADVISORY]
        if blocking and all(map(_expects_only_refusals, blocking)):
            message = (
                "this stage expects only refusals (401, 403, 404), which a green that serves nothing also returns; "
                "add a request that must succeed"
            )
            yield "only-refusals", ("stages", stage, "checks"), message


def _check_bound(bound_check: Bound) -> RuleProblems:
    params = bound_check.params
    params_path: PlanPath = (*bound_check.check.path, bound_check.check.validator)
    for path, field, value in _walk(params, params_path):
        if isinstance(value, Expectation):
            yield from _check_expectation(value, path, field)
            if field in _JMESPATH_FIELDS:
                yield from _check_bare_words(path)
        elif isinstance(value, ResponseExpectation):
            yield from _check_response(value, path)
    has_steps, has_expectation = getattr(params, "steps", None) is not None, getattr(params, "expect", 0) is not None
    if getattr(params, "capture", None) and not has_steps and not has_expectation:
        message = (
            "the request only captures values, and no check uses them; write an expectation: expect: {status: 200}"
        )
        yield "captures-only", (*params_path, "capture"), message


def _check_bare_words(path: PlanPath) -> RuleProblems:
    """Find filters such as `[?state == broken]`, which compare a field with a field that usually does not exist."""
    try:
        pending = [compile_query(str(path[-1])).parsed]
    except GreenlightError:
        return
    while pending:
        node = pending.pop()
        pending += node["children"]
        if node["type"] == "comparator" and [child["type"] for child in node["children"]][1:] == ["field"]:
            word = node["children"][1]["value"]
            message = (
                f"{word} is the name of a field here, and null if there is no such field; write '{word}' in single "
                f"quotes for the string, or @.{word} for the field"
            )
            yield "bare-word", (*path[:-1], KeyStep(path[-1])), message


def _walk(value: Any, path: PlanPath, field: str = "") -> Iterator[tuple[PlanPath, str, Any]]:
    """Yield every expectation in typed parameters with its path and field; the field of a map's item is `headers.`."""
    if isinstance(value, Expectation):
        yield path, field, value
    elif isinstance(value, Params):
        if isinstance(value, ResponseExpectation):
            yield path, field, value
        for name, key in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            yield from _walk(getattr(value, name), (*path, key), key)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*path, key), f"{field}.")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index), f"{field}.")


def _check_expectation(expectation: Expectation, path: PlanPath, field: str) -> RuleProblems:
    if has_references(expectation.raw) or _has_filters(expectation):  # the compared values are not known
        return
    is_amount = isinstance(expectation, (DurationExpectation, SizeExpectation)) or (
        field == "json." and str(path[-1]).startswith("length(")
    )
    if field == "status":
        yield from _check_status(expectation, path)
    elif is_amount:
        yield from _check_amount(expectation, path, least=0.0)
    elif field in ("body", "text"):
        yield from _check_text(expectation, path, field)
    elif field in _POSSIBLE_VALUES and not any(map(expectation.holds, (*_POSSIBLE_VALUES[field], MISSING))):
        yield "never-passes", path, f"no value passes this; {field} is {_DESCRIPTIONS[field]}"
    elif (field in _TEXT_FIELDS or field == "headers.") and _passes_no_text(expectation):
        subject = "a header" if field == "headers." else field
        yield "never-passes", path, f"{subject} is always a string, never a number; put the expected value in quotes"
    else:
        yield from _check_amount(expectation, path)


def _check_text(expectation: Expectation, path: PlanPath, field: str) -> RuleProblems:
    samples = [*_SAMPLE_TEXTS, *_texts(expectation.raw)]
    if all(map(expectation.holds, samples)):
        yield "always-passes", path, f"any {field} passes this; write for example {field}: {{contains: ok}}"
    elif _passes_no_text(expectation):
        yield "never-passes", path, f"{field} is always a string, never a number; put the expected value in quotes"


def _has_filters(expectation: Expectation) -> bool:
    return isinstance(expectation.raw, dict) and "filters" in expectation.raw


def _check_status(expectation: Expectation, path: PlanPath) -> RuleProblems:
    passing = _passing_statuses(expectation)
    if len(passing) == len(STATUSES):
        yield "always-passes", path, "every status from 100 to 599 passes this; write status: 200"
    elif not passing:
        message = "no status passes this; a status is a number without quotes, such as 200 or {between: [200, 299]}"
        if isinstance(expectation.raw, list):
            message = f"a response has one status, not a list; write {{in: {expectation.raw}}}"
        yield "never-passes", path, message
    elif passing & set(SUCCESS) and (errors := sorted(passing & set(SERVER_ERRORS))):
        message = f"a response with status {errors[0]} passes this, too; write status: 200 or {{between: [200, 299]}}"
        yield "error-passes", path, message


def _passing_statuses(expectation: Expectation) -> frozenset[int]:
    # Most checks of a plan expect the same status. Without a cache, these 500 comparisons would take most of the
    # linter's time.
    key = type(expectation), repr(expectation.raw)
    if key not in _PASSING_STATUSES:
        _PASSING_STATUSES[key] = frozenset(status for status in STATUSES if expectation.holds(status))
    return _PASSING_STATUSES[key]


def _check_amount(expectation: Expectation, path: PlanPath, least: float | None = None) -> RuleProblems:
    """Find comparisons that all numbers (from `least` on) pass, or that no number passes.

    One number from each interval between the bounds is enough, because a comparison treats them alike.
    """
    if not {name for name, _ in expectation.predicates} <= _COMPARISONS or not _is_numeric(expectation):
        if least is not None and expectation.predicates == (("exists", True),):
            yield "always-passes", path, "the value always exists; write a limit, such as {lte: …}"
        return
    bounds = sorted({float(bound) for _, argument in expectation.predicates for bound in _as_list(argument)})
    midpoints = [(low + high) / 2 for low, high in itertools.pairwise(bounds)]
    numbers = [*bounds, *midpoints, bounds[0] - 1, bounds[-1] + 1, *([least] if least is not None else [])]
    results = [expectation.holds(number) for number in numbers if least is None or number >= least]
    if least is not None and all(results):
        yield (
            "always-passes",
            path,
            f"every value of at least {least:g} passes this; write an upper limit, or a higher lower limit",
        )
    elif not any(results):
        yield "never-passes", path, "no number passes this, because the conditions contradict each other"


def _is_numeric(expectation: Expectation) -> bool:
    bounds = [bound for _, argument in expectation.predicates for bound in _as_list(argument)]
    return bool(bounds) and all(isinstance(bound, (int, float)) and not isinstance(bound, bool) for bound in bounds)


def _as_list(argument: Any) -> list[Any]:
    return argument if isinstance(argument, list) else [argument]


def _texts(data: Any) -> Iterator[str]:
    """Yield every string in plain data, except keys."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from _texts(value)


def _passes_no_text(expectation: Expectation) -> bool:
    """Return whether the expectation has a predicate that no string passes."""
    return any(
        name in _NUMERIC_PREDICATES
        or (name in ("eq", "in") and not any(isinstance(value, str) for value in _as_list(argument)))
        for name, argument in expectation.predicates
    )


def _check_response(expect: ResponseExpectation, path: PlanPath) -> RuleProblems:
    """Find expectations without a status that the error page of a load balancer without targets passes."""
    expectations = [value for _, _, value in _walk(expect, ()) if isinstance(value, Expectation)]
    if expect.status is not None or any(has_references(expectation.raw) for expectation in expectations):
        return
    page = Response(
        status=503,
        reason="Service Unavailable",
        headers=(("Server", "awselb/2.0"), ("Content-Type", "text/html"), ("Content-Length", str(len(_ERROR_PAGE)))),
        body=_ERROR_PAGE,
        truncated=False,
        latency_ms=5.0,
        version="1.1",
        timings=Timings(dns=1.0, connect=1.0, tls=1.0, first_byte=4.0, total=5.0),
        url="http://green/",
        address="192.0.2.1",
    )
    try:
        passes = all(evidence.passed for evidence in check_response(expect, page, ""))
    except (GreenlightError, KeyError):
        return
    if passes:
        message = "the load balancer's error page (503) passes this; add status: 200, or text that only green returns"
        yield "error-passes", path, message


def _expects_only_refusals(bound_check: Bound) -> bool:
    """Return whether a check expects only a refusal status from each of its responses."""
    values = [value for _, _, value in _walk(bound_check.params, ())]
    responses = [value for value in values if isinstance(value, ResponseExpectation)]
    return bool(responses) and all(map(_is_only_a_refusal, responses))


def _is_only_a_refusal(response: ResponseExpectation) -> bool:
    if response.status is None or has_references(response.status.raw):
        return False
    fields = [field for _, field, value in _walk(response, ()) if isinstance(value, Expectation)]
    return set() < _passing_statuses(response.status) <= REFUSALS and fields == ["status"]
