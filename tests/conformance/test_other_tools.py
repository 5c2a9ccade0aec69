"""Cases of other tools for retries, assertions, differences and times; each table beside this file has its source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import count_differences, find_differences, percentile
from greenlight.assertions.expectation import DurationExpectation, parse
from greenlight.assertions.jmespath_query import run_query
from greenlight.core.errors import ExpectationError, PlanError, Problem
from greenlight.core.finding import Finding, Outcome
from greenlight.plan import yaml_reader
from greenlight.plan.decoder import convert
from greenlight.plan.retry import Retry
from tests.support.check_run import Run, check
from validators._compare.judge import Limits, judge
from validators._compare.samples import Samples
from validators.compare import Compare

if TYPE_CHECKING:
    from greenlight.assertions.expectation import Expectation

HERE = Path(__file__).parent


def table(name: str) -> Any:
    return yaml_reader.read((HERE / f"{name}.yaml").read_text(encoding="utf-8")).data


RETRY, CANARIES = table("retry"), table("canaries")
ASSERTIONS = [(tool["from"].partition(",")[0], case) for tool in table("assertions") for case in tool["cases"]]
LETTERS = {"p": Outcome.PASS, "f": Outcome.FAIL, "e": Outcome.ERROR, "i": Outcome.INCONCLUSIVE}


def read(data: Any, kind: Any) -> Any:
    """Convert the data of a plan to a type, and raise a PlanError for mistakes."""
    value, mistakes = convert(data, kind)
    if mistakes:
        raise PlanError([Problem(message) for _, message in mistakes])
    return value


def of(case: dict[str, Any]) -> str:
    return str(case["of"])


@pytest.mark.parametrize("case", RETRY["waits"], ids=of)
def test_wait_between_attempts(case: dict[str, Any]) -> None:
    retry = read(case["retry"], Retry)

    assert [retry.wait_s(attempt) for attempt in case["at"]] == pytest.approx(case["waits"])


@pytest.mark.parametrize("case", RETRY["bounds"], ids=of)
def test_random_wait_is_within_its_bounds(case: dict[str, Any]) -> None:
    retry = read(case["retry"], Retry)

    assert [retry.wait_s(attempt, 1.0) for attempt in case["at"]] == pytest.approx(case["low"])
    assert [retry.wait_s(attempt, 0.0) for attempt in case["at"]] == pytest.approx(case["high"])


@pytest.mark.parametrize("case", RETRY["refused"], ids=of)
def test_invalid_retry_is_rejected(case: dict[str, Any]) -> None:
    with pytest.raises(PlanError) as caught:
        read(case["retry"], Retry)

    assert case["says"] in str(caught.value)


@pytest.mark.parametrize("case", RETRY["runs"], ids=of)
def test_outcome_of_attempts(case: dict[str, Any]) -> None:
    outcomes = iter(case["seen"])
    retry = read({"interval": "0ms", **case["retry"]}, Retry)

    (finding,) = Run(check("c", lambda _: Finding(outcome=LETTERS[next(outcomes)], message=""), retry=retry)).findings

    assert (finding.outcome.value.upper(), finding.attempts) == (case["here"], case["tried"])


def expectation(case: dict[str, Any]) -> Expectation:
    parsed: Expectation = read(case["expect"], DurationExpectation) if "unit" in case else parse(case["expect"])
    return parsed


@pytest.mark.parametrize(
    "case", [case for _, case in ASSERTIONS], ids=[f"{tool}: {case['of']}" for tool, case in ASSERTIONS]
)
def test_assertion_of_another_tool(case: dict[str, Any]) -> None:
    if "refused" in case:
        with pytest.raises((ExpectationError, PlanError), match=case["refused"]):
            expectation(case).holds(run_query(case["at"], case["value"]) if "at" in case else case["value"])
        return

    actual = run_query(case["at"], case["value"]) if "at" in case else case["value"]

    assert expectation(case).holds(actual) is case["holds"]


@pytest.mark.parametrize("case", table("differences"), ids=of)
def test_differences(case: dict[str, Any]) -> None:
    differences = find_differences(case["left"], case["right"])

    assert {difference.path: difference.kind for difference in differences} == case["kinds"]
    compared = count_differences([differences], [differences])
    assert compared == [] or {count.raw - count.noise for count in compared} == {0}


@pytest.mark.parametrize("case", table("percentiles"), ids=of)
def test_percentiles(case: dict[str, Any]) -> None:
    assert {share: percentile(case["samples"], float(share)) for share in case["shares"]} == case["shares"]


@pytest.mark.parametrize("case", CANARIES["cases"], ids=of)
def test_outcome_of_the_times_of_a_canary(case: dict[str, Any]) -> None:
    params = read({"requests": ["/"], "latency": {"slower": {"lte": 1.5}}}, Compare)
    samples = Samples(ignore=[])
    samples.blue_ms, samples.green_ms = (CANARIES["samples"][case[side]] for side in ("blue", "green"))
    samples.has_working_answer = True

    finding = judge(samples, Limits(params.samples, params.relative, params.absolute, params.latency))

    assert finding.outcome.value.upper() == case["here"]


def test_only_two_cases_pass_that_fail_in_another_tool() -> None:
    looser = [f"{tool}: {case['of']}" for tool, case in ASSERTIONS if "differs" in case and case.get("holds")]

    assert looser == ["Gatus: body-jsonpath-float-using-greater-than-issue433", "Gatus: len-body-object"]
