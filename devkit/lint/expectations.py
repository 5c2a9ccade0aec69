"""Expectations that every answer passes, that none can pass, and that an error page passes."""

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

    from devkit.lint.diagnostics import Diagnostics
    from greenlight.checks.binding import Bound
    from greenlight.core.plan_path import PlanPath

STATUSES = range(100, 600)
GOOD, BROKEN, REFUSED = range(200, 400), (500, 502, 503, 504), {401, 403, 404, 405}
_COMPARED = {"eq", "ne", "gt", "gte", "lt", "lte", "between", "in"}
_NUMBERS = {"gt", "gte", "lt", "lte", "between"}
_TEXTS = ("", "\n", "x", "<html><body>503</body></html>", "Ü" * 500, "0")
_TEXT_FIELDS = ("reason", "version", "url", "sha256", "bytes", "subject", "issuer", "cipher", "domain", "same_site")
_ONLY: dict[str, Sequence[Any]] = {"same_site": ("Strict", "Lax", "None"), "days_left": range(-1000, 4000)}
_IN_WORDS = {"same_site": "Strict, Lax or None, with its capital", "days_left": "a number of days, such as {gte: 30}"}
_PASSING: dict[tuple[type[Expectation], str], frozenset[int]] = {}
_BY_JMESPATH = ("json.", "data.", "expect.")
_PAGE = b"<html><head><title>503 Service Temporarily Unavailable</title></head></html>"


def check_expectations(bound: Mapping[str, Sequence[Bound]]) -> Diagnostics:
    """Find what the checks expect in vain, each for itself."""
    for checks in bound.values():
        for each in checks:
            yield from _of_check(each)


def check_stages(bound: Mapping[str, Sequence[Bound]]) -> Diagnostics:
    """Find stages whose checks together show nothing of green."""
    for stage, checks in bound.items():
        blocking = [each for each in checks if each.check.severity is not Severity.ADVISORY]
        if blocking and all(map(_only_refused, blocking)):
            what = (
                "every answer expected here is a refusal (401, 403, 404), which a green that serves nothing gives, too; "
                "add a request that must succeed"
            )
            yield "only-refusals", ("stages", stage, "checks"), what


def _of_check(each: Bound) -> Diagnostics:
    place: PlanPath = (*each.check.path, each.check.validator)
    for path, field, value in _walk(each.params, place):
        if isinstance(value, Expectation):
            yield from _of_one(value, path, field)
            if field in _BY_JMESPATH:
                yield from _bare_words(path)
        elif isinstance(value, ResponseExpectation):
            yield from _of_answer(value, path)
    captures = getattr(each.params, "capture", None)
    if captures and getattr(each.params, "steps", None) is None and getattr(each.params, "expect", 0) is None:
        what = "the request only captures, and nothing uses what it captured; say what to expect: expect: {status: 200}"
        yield "captures-only", (*place, "capture"), what


def _bare_words(path: PlanPath) -> Diagnostics:
    """Find filters such as `[?state == broken]`, which hold a field against another one that is mostly not there."""
    try:
        waiting = [compile_query(str(path[-1])).parsed]
    except GreenlightError:
        return
    while waiting:
        node = waiting.pop()
        waiting += node["children"]
        if node["type"] == "comparator" and [each["type"] for each in node["children"]][1:] == ["field"]:
            word = node["children"][1]["value"]
            what = f"{word} is a field here, and null where there is none; write '{word}' in single quotes for the text"
            yield "bare-word", (*path[:-1], KeyStep(path[-1])), f"{what}, or @.{word} where the field is meant"


def _walk(value: Any, path: PlanPath, field: str = "") -> Iterator[tuple[PlanPath, str, Any]]:
    """Give every expectation inside typed parameters, with its path in the plan and its field; `headers.` for one of many."""
    if isinstance(value, Expectation):
        yield path, field, value
    elif isinstance(value, Params):
        if isinstance(value, ResponseExpectation):
            yield path, field, value
        for name, key in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            yield from _walk(getattr(value, name), (*path, key), key)
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from _walk(below, (*path, key), f"{field}.")
    elif isinstance(value, (list, tuple)):
        for index, below in enumerate(value):
            yield from _walk(below, (*path, index), f"{field}.")


def _of_one(expectation: Expectation, path: PlanPath, field: str) -> Diagnostics:
    if has_references(expectation.raw) or _filtered(expectation):  # what is compared is not known
        return
    if field == "status":
        yield from _of_status(expectation, path)
    elif isinstance(expectation, (DurationExpectation, SizeExpectation)) or (
        field == "json." and str(path[-1]).startswith("length(")
    ):
        yield from _of_amount(expectation, path, least=0.0)
    elif field in ("body", "text"):
        samples = [*_TEXTS, *_texts(expectation.raw)]
        if all(map(expectation.holds, samples)):
            yield "always-passes", path, f"every text passes this; write for example {field}: {{contains: ok}}"
        elif _no_text(expectation):
            yield "never-passes", path, f"{field} is a text, and never a number; put what is compared in quotes"
    elif field in _ONLY and not any(map(expectation.holds, (*_ONLY[field], MISSING))):
        yield "never-passes", path, f"nothing passes this; {field} is {_IN_WORDS[field]}"
    elif field in _TEXT_FIELDS and _no_text(expectation):
        yield "never-passes", path, f"{field} is a text, and never a number; put what is compared in quotes"
    elif field == "headers." and _no_text(expectation):
        yield "never-passes", path, "a header is a text, and never a number; put what is compared in quotes"
    else:
        yield from _of_amount(expectation, path)


def _filtered(expectation: Expectation) -> bool:
    return isinstance(expectation.raw, dict) and "filters" in expectation.raw


def _of_status(expectation: Expectation, path: PlanPath) -> Diagnostics:
    passing = _passing(expectation)
    if len(passing) == len(STATUSES):
        yield "always-passes", path, "every status from 100 to 599 passes this; write status: 200"
    elif not passing:
        what = "no status passes this; a status is a number without quotes, such as 200 or {between: [200, 299]}"
        if isinstance(expectation.raw, list):
            what = f"an answer has one status and never a list; write {{in: {expectation.raw}}}"
        yield "never-passes", path, what
    elif passing & set(GOOD) and (broken := sorted(passing & set(BROKEN))):
        what = (
            f"an answer of {broken[0]} passes this as well as a good one; write status: 200 or {{between: [200, 299]}}"
        )
        yield "error-passes", path, what


def _passing(expectation: Expectation) -> frozenset[int]:
    # Most checks of a plan expect the same status, and to hold each against five hundred would be most of the linter's time.
    key = type(expectation), repr(expectation.raw)
    if key not in _PASSING:
        _PASSING[key] = frozenset(status for status in STATUSES if expectation.holds(status))
    return _PASSING[key]


def _of_amount(expectation: Expectation, path: PlanPath, least: float | None = None) -> Diagnostics:
    """Find comparisons that all numbers (from `least` on) pass, or none; between two bounds all numbers are alike."""
    if not {name for name, _ in expectation.predicates} <= _COMPARED or not _numeric(expectation):
        if least is not None and expectation.predicates == (("exists", True),):
            yield "always-passes", path, "it is always there; say how much it may be, such as {lte: …}"
        return
    bounds = sorted({float(each) for _, argument in expectation.predicates for each in _list(argument)})
    between = [(low + high) / 2 for low, high in itertools.pairwise(bounds)]
    numbers = [*bounds, *between, bounds[0] - 1, bounds[-1] + 1, *([least] if least is not None else [])]
    holding = [expectation.holds(number) for number in numbers if least is None or number >= least]
    if least is not None and all(holding):
        yield (
            "always-passes",
            path,
            f"every amount from {least:g} on passes this; say what it may be at most, or at least",
        )
    elif not any(holding):
        yield "never-passes", path, "no number passes this: what is asked for contradicts itself"


def _numeric(expectation: Expectation) -> bool:
    arguments = [each for _, argument in expectation.predicates for each in _list(argument)]
    return bool(arguments) and all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in arguments)


def _list(argument: Any) -> list[Any]:
    return argument if isinstance(argument, list) else [argument]


def _texts(written: Any) -> Iterator[str]:
    if isinstance(written, str):
        yield written
    elif isinstance(written, dict | list):
        for each in written.values() if isinstance(written, dict) else written:
            yield from _texts(each)


def _no_text(expectation: Expectation) -> bool:
    """Tell whether a predicate is there that no text passes."""
    return any(
        name in _NUMBERS or (name in ("eq", "in") and not any(isinstance(each, str) for each in _list(argument)))
        for name, argument in expectation.predicates
    )


def _of_answer(expect: ResponseExpectation, path: PlanPath) -> Diagnostics:
    """Hold the page of a load balancer whose targets are gone against an expectation that names no status."""
    if expect.status is not None or any(
        has_references(each.raw) for _, _, each in _walk(expect, ()) if isinstance(each, Expectation)
    ):
        return
    page = Response(
        status=503,
        reason="Service Unavailable",
        headers=(("Server", "awselb/2.0"), ("Content-Type", "text/html"), ("Content-Length", str(len(_PAGE)))),
        body=_PAGE,
        truncated=False,
        latency_ms=5.0,
        version="1.1",
        timings=Timings(dns=1.0, connect=1.0, tls=1.0, first_byte=4.0, total=5.0),
        url="http://green/",
        address="192.0.2.1",
    )
    try:
        passes = all(each.passed for each in check_response(expect, page, ""))
    except (GreenlightError, KeyError):
        return
    if passes:
        what = "the load balancer's own error page (503) passes this; add status: 200, or something only green says"
        yield "error-passes", path, what


def _only_refused(each: Bound) -> bool:
    """Tell whether a check expects answers, and of none more than that it is a refusal."""
    answers = [value for _, _, value in _walk(each.params, ()) if isinstance(value, ResponseExpectation)]
    return bool(answers) and all(
        answer.status is not None
        and not has_references(answer.status.raw)
        and set() < _passing(answer.status) <= REFUSED
        and [field for _, field, below in _walk(answer, ()) if isinstance(below, Expectation)] == ["status"]
        for answer in answers
    )
