"""Alarms, dashboard and saved queries: every hook that fails to answer raises an alarm."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from greenlight.publish import metrics
from tests.support.sam_template import ROOT, STAGES, of_type, plain, raw_template, transformed

if TYPE_CHECKING:
    from tests.support.sam_template import Json

ALARMS = of_type(raw_template(), "AWS::CloudWatch::Alarm")
OVER_ALL_STAGES = ["GateErrorAlarm", "CouldNotAnswerAlarm", "NoAnswerAlarm"]


def watched_metrics(alarm: Json) -> list[Json]:
    """Return the metrics that an alarm reads, one or those of its expression, as MetricStat objects."""
    if "Metrics" in alarm:
        return [query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query]
    metric = {key: alarm[key] for key in ("Namespace", "MetricName", "Dimensions")}
    return [{"Metric": metric, "Stat": alarm["Statistic"], "Period": alarm["Period"]}]


def dimensions(metric: Json) -> Json:
    """Return the dimensions of a metric as a mapping; a reference is replaced by its logical ID."""
    pairs = ((dimension["Name"], dimension["Value"]) for dimension in metric["Dimensions"])
    return {name: value if isinstance(value, str) else plain(value).strip("${}") for name, value in pairs}


def watched(name: str) -> list[tuple[str, str, str]]:
    """Return what an alarm watches: namespace, metric, and the stage or the function."""
    watched_by_alarm = [stat["Metric"] for stat in watched_metrics(ALARMS[name])]
    return [
        (metric["Namespace"], metric["MetricName"], next(v for k, v in dimensions(metric).items() if k != "service"))
        for metric in watched_by_alarm
    ]


def test_error_of_a_gate_raises_an_alarm_at_every_stage() -> None:
    assert watched("GateErrorAlarm") == [("greenlight", "GateErrors", stage) for stage in STAGES]


def test_hook_that_cannot_reach_codedeploy_raises_an_alarm_at_every_stage() -> None:
    assert watched("CouldNotAnswerAlarm") == [("greenlight", "GateUnanswered", stage) for stage in STAGES]


def test_failed_hook_whose_last_resort_cannot_be_invoked_raises_an_alarm_at_every_stage() -> None:
    assert watched("NoAnswerAlarm") == [
        *(("AWS/Lambda", "DestinationDeliveryFailures", f"{stage}Function") for stage in STAGES),
        ("AWS/Events", "FailedInvocations", "GuardianFailedRule"),
    ]


def test_guardian_without_an_answer_and_conclude_without_a_result_raise_an_alarm() -> None:
    assert watched("MachineFailedAlarm") == [
        *(("AWS/States", f"Executions{end}", "GuardianMachine") for end in ("Failed", "TimedOut", "Aborted")),
        ("AWS/Lambda", "Errors", "ConcludeFunction"),
    ]


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("LastResortCalledAlarm", "Invocations"),
        ("LastResortFailedAlarm", "Errors"),
    ],
)
def test_last_resort_is_watched_at_every_step(name: str, metric: str) -> None:
    assert watched(name) == [("AWS/Lambda", metric, "LastResortFunction")]


def test_deployment_that_the_last_resort_gave_up_raises_an_alarm_until_its_record_is_deleted() -> None:
    assert watched("LastResortGaveUpAlarm") == [
        ("AWS/Lambda", "AsyncEventsDropped", "LastResortFunction"),
        ("AWS/Lambda", "DestinationDeliveryFailures", "LastResortFunction"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "UnansweredQueue.QueueName"),
    ]


@pytest.mark.parametrize("name", [*OVER_ALL_STAGES, "LastResortGaveUpAlarm", "MachineFailedAlarm"])
def test_alarm_over_several_metrics_compares_the_sum_of_all_its_metrics(name: str) -> None:
    expression, *queries = ALARMS[name]["Metrics"]

    assert expression["Expression"] == "SUM(METRICS())"
    assert expression.get("ReturnData", True) is True
    assert {query["ReturnData"] for query in queries} == {False}
    assert len({query["Id"] for query in ALARMS[name]["Metrics"]}) == len(queries) + 1


@pytest.mark.parametrize("name", ALARMS)
def test_alarm_is_raised_by_the_first_event_within_a_minute_and_by_nothing_else(name: str) -> None:
    alarm = ALARMS[name]

    assert {stat["Period"] for stat in watched_metrics(alarm)} == {60}
    for stat in watched_metrics(alarm):
        is_level = stat["Metric"]["MetricName"] == "ApproximateNumberOfMessagesVisible"
        assert stat["Stat"] == ("Maximum" if is_level else "Sum")
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")
    assert alarm["EvaluationPeriods"] == 1
    assert alarm["TreatMissingData"] == "notBreaching"


def test_alarm_names_are_unique_and_begin_with_the_name_of_the_installation() -> None:
    names = [alarm["AlarmName"]["Fn::Sub"] for alarm in ALARMS.values()]

    assert len(set(names)) == len(names)
    assert all(name.startswith("${InstallationName}-") for name in names)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("name", "metric_name"), [("GateErrorAlarm", "GateErrors"), ("CouldNotAnswerAlarm", "GateUnanswered")]
)
def test_alarm_reads_a_metric_with_the_dimensions_that_the_engine_writes(
    name: str, metric_name: str, stage: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "greenlight-dev")
    metrics.emit(stage, {metric_name: 1.0})
    record = json.loads(capsys.readouterr().out)
    directive = record["_aws"]["CloudWatchMetrics"][0]
    metric = watched_metrics(ALARMS[name])[STAGES.index(stage)]["Metric"]

    assert directive["Namespace"] == metric["Namespace"]
    assert [item["Name"] for item in directive["Metrics"]] == [metric["MetricName"]]
    assert [sorted(names) for names in directive["Dimensions"]] == [sorted(dimensions(metric))]
    assert metric["Dimensions"][0]["Value"] == {"Ref": "InstallationName"}
    assert dimensions(metric) == {"service": "InstallationName", "stage": stage}
    assert (record["service"], record["stage"]) == ("greenlight-dev", stage)


def dashboard() -> str:
    """Return the body of the dashboard."""
    return transformed()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]


def test_every_metric_that_is_watched_or_shown_is_emitted_by_the_engine() -> None:
    sources = [*(ROOT / "layers" / "greenlight" / "greenlight").rglob("*.py"), *(ROOT / "hooks").glob("*.py")]
    emitted = set(
        re.findall(
            r'"((?:Gate|LastResort|Overrides|Checks|Channel|Watch)(?:[A-Z][a-z]+)+)"',
            "".join(path.read_text() for path in sources),
        )
    )
    on_dashboard = re.findall(r'"greenlight", "([A-Z][A-Za-z]+)"|MetricName=\\"([A-Za-z]+)', dashboard())
    by_alarms = {metric for name in ALARMS for space, metric, _ in watched(name) if space == "greenlight"}
    used = {name for pair in on_dashboard for name in pair if name} | by_alarms

    assert len(used) >= 11
    assert used <= emitted


def test_dashboard_is_valid_json_and_shows_every_alarm() -> None:
    widgets = json.loads(dashboard())["widgets"]
    alarms = next(widget["properties"]["alarms"] for widget in widgets if widget["type"] == "alarm")

    assert alarms == [f"${{{name}.Arn}}" for name in ALARMS]
    assert not overlapping_cells(widgets)


def overlapping_cells(widgets: list[dict[str, int]]) -> list[tuple[int, int]]:
    """Return the cells of the dashboard's grid that more than one widget covers."""
    cells = [
        (x, y) for w in widgets for x in range(w["x"], w["x"] + w["width"]) for y in range(w["y"], w["y"] + w["height"])
    ]
    return sorted({cell for cell in cells if cells.count(cell) > 1})


@pytest.mark.parametrize("name", OVER_ALL_STAGES)
def test_dashboard_shows_at_which_stage_an_alarm_over_all_stages_was_raised(name: str) -> None:
    """Check that a metric of the alarm has a line for each stage: by name, or by a search without a SUM around it."""
    rows = [
        row
        for widget in json.loads(dashboard())["widgets"]
        if widget["type"] == "metric"
        for row in expanded_rows(widget["properties"]["metrics"])
    ]
    for namespace, metric, subject in watched(name):
        search = f'^SEARCH\\(\'{{{namespace},service,stage}} MetricName="{metric}" service='
        assert any(row[:2] == [namespace, metric] and subject in str(row[2:]) for row in rows) or any(
            isinstance(row[0], dict) and re.search(search, row[0]["expression"]) for row in rows
        ), (namespace, metric, subject)


def expanded_rows(rows: list[list[object]]) -> list[list[object]]:
    """Return the rows of a widget's metrics with `...` replaced by the fields of the row before."""
    expanded: list[list[object]] = []
    for row in rows:
        if row[0] == "...":
            expanded.append([*expanded[-1][: len(expanded[-1]) - len(row) + 1], *row[1:]])
        else:
            expanded.append(row)
    return expanded


@pytest.mark.parametrize("name", sorted(of_type(raw_template(), "AWS::Logs::QueryDefinition")))
def test_saved_query_searches_the_logs_of_all_functions_of_a_gate_for_messages_that_they_write(name: str) -> None:
    query = transformed()["Resources"][name]["Properties"]
    telemetry = (ROOT / "layers" / "greenlight" / "greenlight" / "gate" / "telemetry.py").read_text()

    groups = [group.get("Ref") or group["Fn::If"][1]["Ref"] for group in query["LogGroupNames"]]
    last_resort = ["LastResort"] if name != "SlowChecksQuery" else []  # it runs no check, and publishes as a hook does
    names = (*STAGES, "Prepare", "Probe", "VpcProbe", "Conclude", *last_resort)
    assert groups == [f"{name}LogGroup" for name in names]
    for message in re.findall(r'message = "([^"]+)"', query["QueryString"]):
        assert f'"{message}"' in telemetry
