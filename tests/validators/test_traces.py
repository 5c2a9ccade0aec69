"""traces never passes with faults over the limit, slow traces, or too few of them.

moto's trace summaries have no annotations, which identify green, so the tests use scripted answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

FILTER = 'service("orders")'


def script_summaries(aws: Any, *listed: dict[str, Any], token: str = "") -> None:
    answer = {"TraceSummaries": list(listed), **({"NextToken": token} if token else {})}
    aws.add_response("xray", "get_trace_summaries", answer)


def trace(ms: float = 100, **flags: bool) -> dict[str, Any]:
    return {"Id": "1", "ResponseTime": ms / 1000, **flags}


@pytest.mark.parametrize(
    ("expect", "outcome"),
    [
        ({"faults": {"lt": 10}}, "FAIL"),
        ({"faults": {"lte": 10}}, "PASS"),
        ({"errors": {"lt": 1}}, "PASS"),
        ({"throttles": 0}, "PASS"),
        ({"latency": {"p90": {"lt": "500ms"}}}, "PASS"),
        ({"latency": {"p99": {"lt": "500ms"}}}, "FAIL"),
    ],
)
def test_shares_and_percentiles_over_both_pages_are_held_against_the_plan(
    check: Callable[..., Any], scripted: Any, expect: dict[str, Any], outcome: str
) -> None:
    script_summaries(scripted, *[trace()] * 5, token="t")
    script_summaries(scripted, *[trace()] * 4, trace(900, HasFault=True))

    assert check("traces", {"filter": FILTER, "expect": expect}, aws=scripted).outcome == outcome


@pytest.mark.parametrize("listed", [[], [trace()] * 9, [{**trace(), "IsPartial": True}] * 20])
def test_too_few_traces_are_inconclusive(
    check: Callable[..., Any], scripted: Any, listed: list[dict[str, Any]]
) -> None:
    script_summaries(scripted, *listed)

    outcome = check("traces", {"filter": FILTER, "expect": {"faults": 0}}, aws=scripted).outcome

    assert outcome == "INCONCLUSIVE"


def test_traces_without_a_response_time_are_inconclusive_for_latency(check: Callable[..., Any], scripted: Any) -> None:
    script_summaries(scripted, *[{"Id": "1"}] * 20)

    params = {"filter": FILTER, "expect": {"latency": {"p50": {"lt": "1s"}}}}
    assert check("traces", params, aws=scripted).outcome == "INCONCLUSIVE"


def test_a_filter_that_xray_refuses_is_an_error(check: Callable[..., Any], scripted: Any) -> None:
    scripted.add_client_error("xray", "get_trace_summaries", "InvalidRequestException")

    assert check("traces", {"filter": "?", "expect": {"faults": 0}}, aws=scripted).outcome == "ERROR"


@pytest.mark.parametrize("expect", [{}, {"latency": {"p101": {"lt": "1s"}}}, {"latency": {"p99": {"lt": 1}}}])
def test_invalid_parameters_are_rejected(check: Callable[..., Any], expect: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check("traces", {"filter": FILTER, "expect": expect})
