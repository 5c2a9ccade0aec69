"""A hook that started and was not answered for is noticed, whoever failed."""

from __future__ import annotations

import json
import re

import pytest

from greenlight.publish import metrics
from tests.support.sam_template import ROOT, STAGES, of_type, transformed, written

ALARMS = of_type(written(), "AWS::CloudWatch::Alarm")


def watched() -> set[tuple[str, str, str]]:
    """What the alarms watch: namespace, metric, and the stage or the function."""
    return {
        (
            alarm["Namespace"],
            alarm["MetricName"],
            next(
                d["Value"] if isinstance(d["Value"], str) else d["Value"]["Ref"]
                for d in alarm["Dimensions"]
                if d["Name"] != "service"
            ),
        )
        for alarm in ALARMS.values()
    }


@pytest.mark.parametrize("stage", STAGES)
def test_an_error_of_the_gate_itself_raises_an_alarm(stage: str) -> None:
    assert ("greenlight", "GateErrors", stage) in watched()


@pytest.mark.parametrize("stage", STAGES)
def test_a_hook_that_cannot_reach_codedeploy_raises_an_alarm(stage: str) -> None:
    assert ("greenlight", "GateUnanswered", stage) in watched()


@pytest.mark.parametrize("stage", STAGES)
def test_a_dead_hook_whose_last_resort_cannot_be_called_raises_an_alarm(stage: str) -> None:
    assert ("AWS/Lambda", "DestinationDeliveryFailures", f"{stage}Function") in watched()


@pytest.mark.parametrize("metric", ["Invocations", "Errors", "AsyncEventsDropped"])
def test_the_last_resort_is_watched_at_every_step(metric: str) -> None:
    assert ("AWS/Lambda", metric, "LastResortFunction") in watched()


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_goes_off_at_the_first_event_within_a_minute_and_is_quiet_without(name: str) -> None:
    alarm = ALARMS[name]

    assert (alarm["Statistic"], alarm["Threshold"], alarm["ComparisonOperator"]) == ("Sum", 0, "GreaterThanThreshold")
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (60, 1)
    assert alarm["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_in_words_what_has_happened(name: str) -> None:
    assert len(ALARMS[name]["AlarmDescription"]) > 80


def test_the_alarms_have_names_of_their_own_that_begin_with_the_installation() -> None:
    names = [alarm["AlarmName"]["Fn::Sub"] for alarm in ALARMS.values()]

    assert len(set(names)) == len(names)
    assert all(name.startswith("${InstallationName}-") for name in names)


def test_own_metrics_are_looked_for_where_the_engine_puts_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "greenlight-dev")
    metrics.emit("AfterAllowTraffic", {"GateErrors": 1.0})
    record = json.loads(capsys.readouterr().out)
    directive = record["_aws"]["CloudWatchMetrics"][0]
    alarm = ALARMS["AfterAllowTrafficGateErrorAlarm"]

    assert directive["Namespace"] == alarm["Namespace"]
    assert [sorted(dimensions) for dimensions in directive["Dimensions"]] == [
        sorted(d["Name"] for d in alarm["Dimensions"])
    ]
    wanted = {d["Name"]: d["Value"] for d in alarm["Dimensions"]}
    assert wanted == {"service": {"Ref": "InstallationName"}, "stage": "AfterAllowTraffic"}
    assert (record["service"], record["stage"]) == ("greenlight-dev", "AfterAllowTraffic")


def test_every_metric_that_is_watched_or_shown_is_one_the_engine_emits() -> None:
    sources = [*(ROOT / "layers" / "greenlight" / "greenlight").rglob("*.py"), *(ROOT / "hooks").glob("*.py")]
    emitted = set(
        re.findall(
            r'"((?:Gate|LastResort|Overrides|Checks|Channel)[A-Z][a-z]+)"',
            "".join(path.read_text() for path in sources),
        )
    )
    dashboard = transformed()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    shown = set(re.findall(r'"greenlight", "([A-Z][A-Za-z]+)"|MetricName=\\"([A-Za-z]+)', dashboard))
    wanted = {name for pair in shown for name in pair if name} | {
        metric for space, metric, _ in watched() if space == "greenlight"
    }

    assert len(wanted) >= 11
    assert wanted <= emitted


def test_the_dashboard_is_json_and_shows_every_alarm() -> None:
    body = transformed()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    shown = next(w["properties"]["alarms"] for w in widgets if w["type"] == "alarm")

    assert shown == [f"${{{name}.Arn}}" for name in ALARMS]
    assert not overlapping(widgets)


def overlapping(widgets: list[dict[str, int]]) -> list[tuple[int, int]]:
    """Fields of the dashboard's grid that two widgets want."""
    taken = [
        (x, y) for w in widgets for x in range(w["x"], w["x"] + w["width"]) for y in range(w["y"], w["y"] + w["height"])
    ]
    return sorted({field for field in taken if taken.count(field) > 1})


@pytest.mark.parametrize("name", sorted(of_type(written(), "AWS::Logs::QueryDefinition")))
def test_a_saved_query_asks_all_hooks_for_lines_that_they_write(name: str) -> None:
    query = transformed()["Resources"][name]["Properties"]
    telling = (ROOT / "layers" / "greenlight" / "greenlight" / "conductors" / "telling.py").read_text()

    assert [group["Ref"] for group in query["LogGroupNames"]] == [f"{stage}LogGroup" for stage in STAGES]
    for message in re.findall(r'message = "([^"]+)"', query["QueryString"]):
        assert f'"{message}"' in telling
