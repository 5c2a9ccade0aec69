"""The steps of the watcher: real probes ask a real server, and the fake CodeDeploy shows a shift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from moto import mock_aws

from greenlight.aws.client import Aws
from greenlight.machine.documents import Documents, Reference
from greenlight.machine.watch import MAX_LOOKS, WatchDocument
from tests.support.codedeploy_fake import CodeDeploy
from tests.support.machine_run import BUCKET
from tests.support.watch_run import WatchRun, now
from tests.support.wire import Server, answer, answering

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def codedeploy() -> Iterator[CodeDeploy]:
    with CodeDeploy() as fake:
        yield fake


@pytest.fixture
def green() -> Iterator[Server]:
    with answering(answer(200, b'{"status":"ok"}')) as server:
        yield server


@pytest.fixture
def broken() -> Iterator[Server]:
    with answering(answer(500, b"{}")) as server:
        yield server


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, codedeploy: CodeDeploy, tmp_path: Path) -> Iterator[WatchRun]:
    with mock_aws():
        watch = WatchRun(monkeypatch, codedeploy, tmp_path, GREENLIGHT_ALLOW_SHADOW="true")
        watch.started_at = now()
        yield watch


def plan(server: Server, check: dict[str, Any] | None = None, **stage: Any) -> dict[str, Any]:
    check = check or {"name": "green answers", "http": {"get": "/health", "expect": {"status": 200}}}
    return {"target": {"url": server.url}, "stages": {"AllowTraffic": {"checks": [check], **stage}}}


def shift_linearly(run: WatchRun, steps: int) -> None:
    """Show a shift that takes a step of 10 % for each round, and ends after them."""

    def on_round(number: int) -> None:
        if number < steps:
            run.shift(number / 10)
        else:
            run.shift(1.0, AllowTraffic="Succeeded", AfterAllowTraffic="InProgress")

    run.on_round = on_round


# ---- Nothing is stopped, and nothing is said, without a shift of a release


def test_rollback_is_never_checked_or_stopped(run: WatchRun, broken: Server, codedeploy: CodeDeploy) -> None:
    run.write_plan(plan(broken, tolerate=0))
    codedeploy.deployments[run.deployment]["creator"] = "codeDeployRollback"

    assert run.watch() == {"report": "", "is_alarm": False}
    assert (run.actions, run.stops) == (["report"], [])


def test_deployment_that_ended_before_its_shift_has_no_report(run: WatchRun, broken: Server) -> None:
    run.write_plan(plan(broken, tolerate=0))
    run.end("Failed", code="HOOK_EXECUTION_FAILURE")

    assert run.watch() == {"report": "", "is_alarm": False}


def test_plan_that_no_longer_watches_has_no_report(run: WatchRun, green: Server) -> None:
    run.write_plan({"stages": {"BeforeAllowTraffic": plan(green)["stages"]["AllowTraffic"]}})

    assert run.watch() == {"report": "", "is_alarm": False}


def test_deployment_that_ends_while_a_round_fails_is_not_stopped(run: WatchRun, broken: Server) -> None:
    run.write_plan(plan(broken, tolerate=0))
    run.on_round = lambda _number: run.end("Stopped", code="ALARM_ACTIVE")

    report = run.report()

    assert run.stops == []
    assert report["reasons"][0]["cause"] == "SUPERSEDED"
    assert "ALARM_ACTIVE" in report["reasons"][0]["message"]


def test_release_that_fails_after_its_shift_is_not_stopped(run: WatchRun, broken: Server) -> None:
    run.write_plan(plan(broken, tolerate=0))
    run.on_round = lambda _number: run.shift(1.0, AllowTraffic="Succeeded", AfterAllowTraffic="InProgress")

    assert run.report()["watch"]["end"] == "shifted"
    assert run.stops == []


def test_round_whose_function_dies_stops_nothing_and_shows_nothing(run: WatchRun, green: Server) -> None:
    run.write_plan(plan(green, tolerate=0))
    run.is_probe_dead = True
    shift_linearly(run, 3)

    report = run.report()

    assert run.stops == []
    assert (report["verdict"], report["reasons"][0]["cause"]) == ("Failed", "NO_EVIDENCE")
    assert report["watch"]["unknown"] == 3


def test_errors_stop_only_a_release_whose_plan_says_so(run: WatchRun, green: Server) -> None:
    forbidden = {"name": "a host", "http": {"get": "http://other.test/", "expect": {"status": 200}}}
    run.write_plan(plan(green, forbidden, tolerate=0))
    shift_linearly(run, 2)

    assert (run.report()["watch"]["unknown"], run.stops) == (2, [])


def test_errors_stop_a_release_whose_plan_says_so(run: WatchRun, green: Server) -> None:
    run.write_plan(plan(green, tolerate=0, stop_on=["fail", "error"]))
    run.is_probe_dead = True

    assert run.report()["watch"]["end"] == "stopped"


def test_shadow_shows_where_the_release_would_have_been_stopped(run: WatchRun, broken: Server) -> None:
    until = f"{int(now()[:4]) + (now()[5:7] == '12')}-{int(now()[5:7]) % 12 + 1:02d}-01"
    run.write_plan(plan(broken, tolerate=0) | {"shadow": {"until": until, "why": "we are trying it"}})
    shift_linearly(run, 4)

    report = run.report()

    assert run.stops == []
    assert (report["verdict"], report["shadow"]["would_have_been"]) == ("Succeeded", "Failed")
    assert report["reasons"][0]["message"].startswith("would have been stopped at 10 %")


# ---- A bad release is stopped


def test_release_over_its_tolerance_is_stopped_with_its_reason(run: WatchRun, broken: Server) -> None:
    run.write_plan(plan(broken, every="20s"))
    shift_linearly(run, 9)

    report = run.report()

    assert run.stops == [run.deployment]
    assert report["verdict"] == "Failed"
    assert report["reasons"][0]["check"] == "green answers"
    assert report["reasons"][0]["message"].startswith("stopped at 20 %, 2 of 2 rounds bad: ")
    assert [(item["green_percent"], item["outcome"]) for item in report["watch"]["rounds"]] == [
        (10, "bad"),
        (20, "bad"),
    ]
    assert report["watch"]["rollback"] == "d-ROLLBACK1"
    assert report["answer"] is None
    assert 18 <= run.pauses[0] <= 20


def test_stop_is_reported_after_codedeploy_has_ended_the_deployment(run: WatchRun, broken: Server) -> None:
    run.write_plan(plan(broken, tolerate=0))
    run.on_stop = lambda: None

    result = run.watch()

    assert result["is_alarm"]
    report = run.read_json(result["report"])
    assert report["watch"]["end"] == "not-stopped"
    assert "the deployment is InProgress" in report["reasons"][1]["message"]


def test_refused_stop_is_reported_and_raises_an_alarm(run: WatchRun, broken: Server) -> None:
    run.write_plan(plan(broken, tolerate=0))
    run.refuse_stop = {"Error": "CodeDeploy.CodeDeployException", "Cause": "not authorized"}

    result = run.watch()

    assert result["is_alarm"]
    assert "not authorized" in run.read_json(result["report"])["reasons"][1]["message"]


def test_stack_whose_deployment_was_stopped_is_rolled_back_by_cloudformation(
    run: WatchRun, broken: Server, codedeploy: CodeDeploy
) -> None:
    run.write_plan(plan(broken, tolerate=0))
    codedeploy.deployments[run.deployment]["creator"] = "CloudFormation"

    notes = run.report()["deployment"]["notes"]

    assert "CloudFormation started this deployment, so its stack fails and CloudFormation rolls the stack back" in notes


# ---- A good release moves over


def test_good_release_moves_over_and_its_rounds_are_reported(run: WatchRun, green: Server) -> None:
    run.shift(0.0, BeforeAllowTraffic="InProgress")
    run.write_plan(plan(green))
    looks: list[int] = []
    begin = run.look

    def look(work: dict[str, Any]) -> dict[str, Any]:
        looks.append(1)
        if len(looks) == 3:
            run.shift(0.1)
        return begin(work)

    run.look = look  # type: ignore[method-assign]
    shift_linearly(run, 5)

    report = run.report()

    assert run.actions[:4] == ["wait", "wait", "prepare", "probe"]
    assert (report["verdict"], report["reasons"], run.stops) == ("Succeeded", [], [])
    assert (report["watch"]["total"], report["watch"]["end"]) == (5, "shifted")
    assert [share["green_percent"] for share in report["traffic"]] == [10, 20, 30, 40, 100]


def test_shift_at_once_is_over_before_a_round_and_is_reported(run: WatchRun, green: Server) -> None:
    run.write_plan(plan(green))
    run.shift(1.0, AllowTraffic="Succeeded", AfterAllowTraffic="InProgress")

    report = run.report()

    assert (report["deployment"]["application"], report["deployment"]["group"]) == ("shop", "web")
    assert (report["verdict"], report["reasons"][0]["cause"]) == ("Failed", "NO_EVIDENCE")


def test_watch_of_a_thousand_looks_goes_on_in_another_execution(run: WatchRun, green: Server) -> None:
    run.write_plan(plan(green))
    first = run.look({"watch": None, "prepared": None, "probe": ""})
    documents = Documents(Aws(), BUCKET, run.gate["name"])
    document = documents.read(msgspec.convert(first["watch"], Reference), WatchDocument)
    reference = documents.write("watch", msgspec.structs.replace(document, looks=MAX_LOOKS - 1))

    renewed = run.look({"watch": msgspec.to_builtins(reference), "prepared": None, "probe": ""})

    assert (renewed["action"], renewed["next_name"]) == ("renew", f"{run.gate['name']}-2")
    next_look = run.look({"watch": renewed["watch"], "prepared": None, "probe": ""})
    assert next_look["action"] == "prepare"


def test_watch_that_an_error_ended_is_reported_with_it(run: WatchRun, green: Server) -> None:
    run.write_plan(plan(green))
    error = {"Error": "States.Timeout", "Cause": "the function did not answer"}

    result = run.watched({"watch": None, "prepared": None, "error": error})

    assert result["is_alarm"]
    message = run.read_json(result["report"])["reasons"][0]["message"]
    assert message == "the shift was not watched to its end: States.Timeout: the function did not answer"
