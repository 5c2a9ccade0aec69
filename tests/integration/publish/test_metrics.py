"""Metrics in the embedded metric format."""

from __future__ import annotations

import json

import pytest

from greenlight.publish import metrics


def test_metrics_are_one_line_in_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit("AfterInstall", {"GateStarted": 1, "GateDuration": 12.5})
    (line,) = capsys.readouterr().out.splitlines()
    data = json.loads(line)
    (described,) = data["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "greenlight"
    assert {metric["Name"]: metric["Unit"] for metric in described["Metrics"]} == {
        "GateStarted": "Count",
        "GateDuration": "Milliseconds",
    }
    assert "stage" in described["Dimensions"][0]
    assert data["stage"] == "AfterInstall"
