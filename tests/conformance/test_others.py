"""How other tools try again, compare values and judge times: their cases as facts in the tables beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import compare_responses, find_differences, percentile
from greenlight.assertions.expectation import DurationExpectation, parse
from greenlight.assertions.jmespath_query import run_query
from greenlight.core.errors import ExpectationError, PlanError, Problem
from greenlight.core.finding import Finding, Outcome
from greenlight.plan import yaml_reader
from greenlight.plan.decoder import convert
from greenlight.plan.retry import Retry
from tests.unit.checks.test_runner import Run, check
from validators._compare.judge import Limits, judge
from validators._compare.samples import Samples
from validators.compare import Compare

if TYPE_CHECKING:
    from greenlight.assertions.expectation import Expectation

HERE = Path(__file__).parent


def table(name: str) -> Any:
    return yaml_reader.read((HERE / f"{name}.yaml").read_text(encoding="utf-8")).data


RETRY, CANARIES = table("retry"), table("canaries")
ASSERTIONS = [(each["from"].partition(",")[0], case) for each in table("assertions") for case in each["cases"]]
LETTERS = {"p": Outcome.PASS, "f": Outcome.FAIL, "e": Outcome.ERROR, "i": Outcome.INCONCLUSIVE}


def read(written: Any, wanted: Any) -> Any:
    """Give what a plan's text stands for; what is wrong with it is a PlanError."""
    value, mistakes = convert(written, wanted)
    if mistakes:
        raise PlanError([Problem(said) for _, said in mistakes])
    return value


def of(case: dict[str, Any]) -> str:
    return str(case["of"])


@pytest.mark.parametrize("case", RETRY["waits"], ids=of)
def test_waits_between_attempts(case: dict[str, Any]) -> None:
    retry = read(case["retry"], Retry)

    assert [retry.wait_s(attempt) for attempt in case["at"]] == pytest.approx(case["waits"])


@pytest.mark.parametrize("case", RETRY["bounds"], ids=of)
def test_waits_with_chance_keep_within_their_bounds(case: dict[str, Any]) -> None:
    retry = read(case["retry"], Retry)

    assert [retry.wait_s(attempt, 1.0) for attempt in case["at"]] == pytest.approx(case["low"])
    assert [retry.wait_s(attempt, 0.0) for attempt in case["at"]] == pytest.approx(case["high"])


@pytest.mark.parametrize("case", RETRY["refused"], ids=of)
def test_what_is_no_way_to_try_again_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(PlanError) as refusal:
        read(case["retry"], Retry)

    assert case["says"] in str(refusal.value)


@pytest.mark.parametrize("case", RETRY["runs"], ids=of)
def test_what_comes_of_attempts(case: dict[str, Any]) -> None:
    outcomes = iter(case["seen"])
    retry = read({"interval": "0ms", **case["retry"]}, Retry)

    (finding,) = Run(check("c", lambda _: Finding(outcome=LETTERS[next(outcomes)], message=""), retry=retry)).findings

    assert (finding.outcome.value.upper(), finding.attempts) == (case["here"], case["tried"])


def expectation(case: dict[str, Any]) -> Expectation:
    read_as: Expectation = read(case["expect"], DurationExpectation) if "unit" in case else parse(case["expect"])
    return read_as


@pytest.mark.parametrize(
    "case", [case for _, case in ASSERTIONS], ids=[f"{who}: {case['of']}" for who, case in ASSERTIONS]
)
def test_what_others_hold_of_a_value(case: dict[str, Any]) -> None:
    if "refused" in case:
        with pytest.raises((ExpectationError, PlanError), match=case["refused"]):
            expectation(case).holds(run_query(case["at"], case["value"]) if "at" in case else case["value"])
        return

    seen = run_query(case["at"], case["value"]) if "at" in case else case["value"]

    assert expectation(case).holds(seen) is case["holds"]


@pytest.mark.parametrize("case", table("differences"), ids=of)
def test_what_differs(case: dict[str, Any]) -> None:
    found = find_differences(case["left"], case["right"])

    assert {each.path: each.kind for each in found} == case["kinds"]
    assert compare_responses([found], [found]) == [] or {
        each.raw - each.noise for each in compare_responses([found], [found])
    } == {0}


@pytest.mark.parametrize("case", table("percentiles"), ids=of)
def test_percentiles(case: dict[str, Any]) -> None:
    assert {share: percentile(case["samples"], float(share)) for share in case["shares"]} == case["shares"]


@pytest.mark.parametrize("case", CANARIES["cases"], ids=of)
def test_what_a_canarys_times_come_to(case: dict[str, Any]) -> None:
    params = read({"requests": ["/"], "latency": {"slower": {"lte": 1.5}}}, Compare)
    samples = Samples(ignore=[])
    samples.blue_ms, samples.green_ms = (CANARIES["samples"][case[side]] for side in ("blue", "green"))
    samples.has_working_answer = True

    finding = judge(samples, Limits(params.samples, params.relative, params.absolute, params.latency))

    assert finding.outcome.value.upper() == case["here"]


def test_no_table_lets_something_through_that_another_tool_stops() -> None:
    looser = [f"{who}: {case['of']}" for who, case in ASSERTIONS if "differs" in case and case.get("holds")]

    assert looser == ["Gatus: body-jsonpath-float-using-greater-than-issue433", "Gatus: len-body-object"]
