"""traces: faults over the limit, slow ones and too few of them never pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

FILTER = 'service("orders")'


def summaries(aws: Any, *found: dict[str, Any], token: str = "") -> None:
    answer = {"TraceSummaries": list(found), **({"NextToken": token} if token else {})}
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
    summaries(scripted, *[trace()] * 5, token="t")
    summaries(scripted, *[trace()] * 4, trace(900, HasFault=True))

    assert check("traces", {"filter": FILTER, "expect": expect}, aws=scripted).outcome == outcome


@pytest.mark.parametrize("found", [[], [trace()] * 9, [{**trace(), "IsPartial": True}] * 20])
def test_too_few_traces_are_inconclusive(check: Callable[..., Any], scripted: Any, found: list[dict[str, Any]]) -> None:
    summaries(scripted, *found)

    outcome = check("traces", {"filter": FILTER, "expect": {"faults": 0}}, aws=scripted).outcome

    assert outcome == "INCONCLUSIVE"


def test_traces_that_do_not_say_how_long_they_took_show_no_latency(check: Callable[..., Any], scripted: Any) -> None:
    summaries(scripted, *[{"Id": "1"}] * 20)

    params = {"filter": FILTER, "expect": {"latency": {"p50": {"lt": "1s"}}}}
    assert check("traces", params, aws=scripted).outcome == "INCONCLUSIVE"


def test_a_filter_that_xray_refuses_is_an_error(check: Callable[..., Any], scripted: Any) -> None:
    scripted.add_client_error("xray", "get_trace_summaries", "InvalidRequestException")

    assert check("traces", {"filter": "?", "expect": {"faults": 0}}, aws=scripted).outcome == "ERROR"


@pytest.mark.parametrize("expect", [{}, {"latency": {"p101": {"lt": "1s"}}}, {"latency": {"p99": {"lt": 1}}}])
def test_wrong_parameters_are_refused(check: Callable[..., Any], expect: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check("traces", {"filter": FILTER, "expect": expect})
