"""logs never passes with lines over the limit, errors that blue never wrote, or no lines of green.

moto understands words as patterns, but neither `?a ?b` nor `{ $.level = ... }`, and has no Insights queries, so the
tests use scripted answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from greenlight.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTION = {"deployment": {"platform": "lambda", "function": "f"}, "version": "7"}
GROUP = {"group": "/aws/lambda/f"}


def script_lines(aws: Any, *messages: str, version: str = "7", token: str = "") -> None:
    events = [{"logStreamName": f"2026/11/23/[{version}]abc", "message": message} for message in messages]
    aws.add_response("logs", "filter_log_events", {"events": events, **({"nextToken": token} if token else {})})


@pytest.mark.parametrize(("wrong", "outcome"), [(3, "FAIL"), (2, "PASS"), (0, "PASS")])
def test_lines_over_the_limit_fail(check: Callable[..., Any], scripted: Any, wrong: int, outcome: str) -> None:
    script_lines(scripted, "START")
    script_lines(scripted, *["ERROR 1"] * wrong)

    assert check("logs", {**GROUP, "expect": {"lte": 2}}, aws=scripted, **FUNCTION).outcome == outcome


@pytest.mark.parametrize("version", ["6", "77"])
def test_a_log_without_a_line_of_green_is_inconclusive(check: Callable[..., Any], scripted: Any, version: str) -> None:
    script_lines(scripted, "START", version=version)

    finding = check("logs", {**GROUP, "expect": 0}, aws=scripted, **FUNCTION)

    assert finding.outcome == "INCONCLUSIVE"
    assert "green wrote 0 lines" in finding.message


def test_errors_of_blue_do_not_count_against_green_and_a_later_page_does(
    check: Callable[..., Any], scripted: Any
) -> None:
    script_lines(scripted, "START")
    script_lines(scripted, "ERROR of blue", version="6", token="t")
    script_lines(scripted, "ERROR of green")

    finding = check("logs", {**GROUP, "expect": 0}, aws=scripted, **FUNCTION)

    assert (finding.outcome, finding.evidence[0].actual) == ("FAIL", 1)
    assert "ERROR of green" in finding.message


@pytest.mark.parametrize(
    ("green", "blue", "outcome"),
    [
        ("ERROR no order 4711 for 'ann'", "ERROR no order 12 for 'bob'", "PASS"),
        ("ERROR no order 4711 for 'ann'", "ERROR no customer 12 for 'bob'", "FAIL"),
        (
            "ERROR at 0x7f2a of 2fd4e1c6-7a2d-48fc-a5ed-849ee1bb76e7",
            "ERROR at 0x1 of 00000000-0000-0000-0000-000000000000",
            "PASS",
        ),
        ("2026-11-23T10:00:01Z ERROR", "2026-11-22T09:59:59Z ERROR", "PASS"),
        ("ERROR db is gone", "", "FAIL"),
    ],
)
def test_an_error_is_new_when_blue_never_wrote_one_of_its_kind(
    check: Callable[..., Any], scripted: Any, green: str, blue: str, outcome: str
) -> None:
    script_lines(scripted, "START")
    script_lines(scripted, green)
    script_lines(scripted, "START", version="6")
    script_lines(scripted, *([blue] if blue else []), version="6")

    finding = check("logs", {**GROUP, "new_errors": {"baseline": "6h"}}, aws=scripted, **FUNCTION)

    assert finding.outcome == outcome


def test_nothing_can_be_called_new_where_blue_wrote_nothing(check: Callable[..., Any], scripted: Any) -> None:
    script_lines(scripted, "START")
    script_lines(scripted)
    script_lines(scripted, "START")

    finding = check("logs", {**GROUP, "expect": 0, "new_errors": {}}, aws=scripted, **FUNCTION)

    assert finding.outcome == "INCONCLUSIVE"


def test_the_log_group_of_a_function_is_read_from_its_configuration(check: Callable[..., Any], scripted: Any) -> None:
    configuration = {"LoggingConfig": {"LogGroup": "/shop/all"}}
    scripted.add_response("lambda", "get_function_configuration", configuration)
    script_lines(scripted, "START")
    script_lines(scripted)

    finding = check("logs", {"expect": 0}, aws=scripted, **FUNCTION)

    assert (finding.outcome, finding.evidence[0].where) == ("PASS", "/shop/all")


def script_tasks(aws: Any, status: str, *by: str) -> None:
    request = {"cluster": "c", "serviceName": "s", "desiredStatus": status}
    arns = [f"arn:aws:ecs:eu-central-1:1:task/c/{name}" for name in by]
    aws.add_response("ecs", "list_tasks", {"taskArns": arns}, request)
    if arns:
        described = [{"taskArn": arn, "startedBy": f"ecs-svc/{name[0]}"} for arn, name in zip(arns, by, strict=True)]
        aws.add_response("ecs", "describe_tasks", {"tasks": described})


def test_lines_of_greens_tasks_count_also_of_those_that_stopped(check: Callable[..., Any], scripted: Any) -> None:
    options = {"awslogs-group": "/ecs/s"}
    container = {"name": "app", "logConfiguration": {"logDriver": "awslogs", "options": options}}
    definition = {"taskDefinition": {"containerDefinitions": [container]}}
    scripted.add_response("ecs", "describe_task_definition", definition)
    script_tasks(scripted, "RUNNING", "1a", "2a")
    script_tasks(scripted, "STOPPED", "2b")
    events = [{"logStreamName": f"ecs/app/{task}", "message": "ERROR"} for task in ("1a", "2a", "2b")]
    for _ in range(2):
        scripted.add_response("logs", "filter_log_events", {"events": events})
    about = {"cluster": "c", "service": "s"}

    finding = check("logs", {"expect": 1}, aws=scripted, task_set="ecs-svc/2", task_definition="s:2", deployment=about)

    assert (finding.outcome, finding.evidence[0].actual) == ("FAIL", 2)


INSIGHTS = {**GROUP, "query": "stats count(*) as n by code", "rows": {"[?code=='500'].n | [0]": {"lt": 3}}}


def script_rows(aws: Any, status: str, *records: dict[str, str]) -> None:
    results = [[{"field": name, "value": value} for name, value in row.items()] for row in records]
    aws.add_response("logs", "get_query_results", {"status": status, "results": results}, {"queryId": "q"})


@pytest.mark.parametrize(
    ("records", "outcome"),
    [([{"code": "E500", "n": "1"}], "FAIL"), ([{"code": "500x", "n": "9"}], "FAIL"), ([], "FAIL")],
)
def test_rows_that_an_insights_query_does_not_find_do_not_pass(
    check: Callable[..., Any], scripted: Any, records: list[dict[str, str]], outcome: str
) -> None:
    script_lines(scripted, "START")
    script_lines(scripted)
    scripted.add_response("logs", "start_query", {"queryId": "q"})
    script_rows(scripted, "Complete", *records)

    assert check("logs", INSIGHTS, aws=scripted, **FUNCTION).outcome == outcome


@pytest.mark.parametrize(("count", "outcome"), [("3", "FAIL"), ("2", "PASS")])
def test_the_check_waits_for_an_insights_query_and_converts_its_numbers(
    check: Callable[..., Any], scripted: Any, count: str, outcome: str
) -> None:
    clock = FakeClock()
    script_lines(scripted, "START")
    script_lines(scripted)
    scripted.add_response("logs", "start_query", {"queryId": "q"})
    script_rows(scripted, "Running", {"n": "0"})
    script_rows(scripted, "Complete", {"n": count})

    params = {**INSIGHTS, "rows": {"[0].n": {"lt": 3}}}
    assert check("logs", params, aws=scripted, clock=clock, **FUNCTION).outcome == outcome
    assert clock.slept == [1.0]


def test_an_insights_query_that_fails_or_takes_too_long_is_an_error(check: Callable[..., Any], scripted: Any) -> None:
    for status in ("Failed", "Running"):
        script_lines(scripted, "START")
        script_lines(scripted)
        scripted.add_response("logs", "start_query", {"queryId": "q"})
        script_rows(scripted, status)
        if status == "Running":
            scripted.add_response("logs", "stop_query", {"success": True}, {"queryId": "q"})
        finding = check("logs", INSIGHTS, aws=scripted, timeout_s=0.3, clock=FakeClock(), **FUNCTION)
        assert finding.outcome == "ERROR"


def test_a_log_that_cannot_be_read_is_an_error_that_names_the_permission(
    check: Callable[..., Any], scripted: Any
) -> None:
    scripted.add_client_error("logs", "filter_log_events", "AccessDeniedException")

    finding = check("logs", {**GROUP, "expect": 0}, aws=scripted, **FUNCTION)

    assert finding.outcome == "ERROR"
    assert "logs:FilterLogEvents" in finding.message


@pytest.mark.parametrize(
    "raw_params",
    [
        {},
        {"pattern": "x"},
        {"expect": 0, "query": "fields @message"},
        {"rows": {"[0].n": 1}},
        {"expect": 0, "pattern": ""},
        {"expect": 0, "window": 5},
    ],
)
def test_invalid_parameters_are_rejected(check: Callable[..., Any], raw_params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check("logs", raw_params)
