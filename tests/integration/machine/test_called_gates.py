"""Gates that a caller other than CodeDeploy starts: their verdicts, and their reports beside those of the hooks."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from greenlight.publish import index
from tests.support.codedeploy_fake import CodeDeploy
from tests.support.machine_run import MachineRun
from tests.support.wire import Server, answer, answering

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAGE = "AfterAllowTraffic"
OTHER = "d-OTHER1234"


@pytest.fixture(scope="module")
def codedeploy() -> Iterator[CodeDeploy]:
    with CodeDeploy() as fake:
        yield fake


@pytest.fixture
def green() -> Iterator[Server]:
    with answering(answer(200, b'{"status":"ok"}')) as server:
        yield server


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, codedeploy: CodeDeploy, tmp_path: Path) -> Iterator[MachineRun]:
    with mock_aws():
        gate = MachineRun(monkeypatch, codedeploy, tmp_path)
        gate.started_at = datetime.datetime.now(datetime.UTC).isoformat()
        deployment = gate.gate["deployment"]
        codedeploy.deployments[deployment]["status"] = "Succeeded"
        codedeploy.groups["web"]["lastAttemptedDeployment"] = {"deploymentId": deployment}
        codedeploy.running = []
        gate.gate = {
            "name": gate.gate["name"],
            "stage": STAGE,
            "answer": "return",
            "application": "shop",
            "group": "web",
        }
        yield gate


def write_plan(run: MachineRun, green: Server, status: int = 200, **more: Any) -> None:
    check = {"name": "health", "http": {"get": "/health", "expect": {"status": status}}}
    run.write_plan({"target": {"url": green.url}, "stages": {STAGE: {"checks": [check]}}, **more})


def conclude(run: MachineRun, *, step: str = "publish", before_judge: Any = None) -> dict[str, Any]:
    """Run all steps and return the verdict for the caller."""
    prepared = run.prepare()
    run.probe_all(prepared)
    work = {"document": prepared["document"], "earlier": run.results}
    if before_judge:
        before_judge()
    judged = run.judge(work)
    return run.conclude(step, work | {"judged": judged} if step == "publish" else {})


def deployment_of(codedeploy: CodeDeploy) -> str:
    deployment: str = codedeploy.groups["web"]["lastAttemptedDeployment"]["deploymentId"]
    return deployment


def test_broken_release_is_returned_as_failed_with_its_reason(run: MachineRun, green: Server) -> None:
    write_plan(run, green, status=201)
    conclusion = conclude(run)
    assert conclusion["verdict"] == "Failed"
    assert (conclusion["reasons"][0]["cause"], conclusion["reasons"][0]["check"]) == ("RELEASE_FAILED", "health")


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
@pytest.mark.parametrize("shadow", [False, True])
def test_deployment_that_fails_during_the_checks_is_returned_as_failed_even_in_shadow_mode(
    run: MachineRun, green: Server, codedeploy: CodeDeploy, monkeypatch: pytest.MonkeyPatch, status: str, shadow: bool
) -> None:
    monkeypatch.setenv("GREENLIGHT_ALLOW_SHADOW", "true")
    until = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=5)).date().isoformat()
    write_plan(run, green, **({"shadow": {"until": until, "why": "adoption"}} if shadow else {}))
    deployment = codedeploy.deployments[deployment_of(codedeploy)]
    conclusion = conclude(run, before_judge=lambda: deployment.update(status=status))
    assert conclusion["verdict"] == "Failed"
    assert f"is {status}" in conclusion["reasons"][0]["message"]
    assert run.read_json(conclusion["report"])["checks"][0]["outcome"] == "PASS"


def test_deployment_that_another_follows_during_the_checks_is_returned_as_failed(
    run: MachineRun, green: Server, codedeploy: CodeDeploy
) -> None:
    write_plan(run, green)
    conclusion = conclude(run, before_judge=lambda: codedeploy.running.append(OTHER))
    assert conclusion["verdict"] == "Failed"
    assert f"{OTHER} has followed" in conclusion["reasons"][0]["message"]


def test_deployment_whose_status_cannot_be_read_again_is_returned_as_failed(
    run: MachineRun, green: Server, codedeploy: CodeDeploy
) -> None:
    write_plan(run, green)
    deployment = deployment_of(codedeploy)
    conclusion = conclude(run, before_judge=lambda: codedeploy.deployments.pop(deployment))
    assert conclusion["verdict"] == "Failed"
    assert "not known whether the release is still live" in conclusion["reasons"][0]["message"]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"status": "Failed"}, "is Failed"), ({"creator": "codeDeployRollback"}, "is a rollback")],
)
def test_deployment_that_is_not_live_runs_no_checks(
    run: MachineRun, green: Server, codedeploy: CodeDeploy, change: dict[str, str], message: str
) -> None:
    write_plan(run, green)
    codedeploy.deployments[deployment_of(codedeploy)].update(change)
    conclusion = conclude(run)
    assert (conclusion["verdict"], run.invocations) == ("Failed", 0)
    assert message in conclusion["reasons"][0]["message"]


def test_group_without_a_deployment_has_a_report_with_its_names(
    run: MachineRun, green: Server, codedeploy: CodeDeploy
) -> None:
    write_plan(run, green)
    del codedeploy.groups["web"]["lastAttemptedDeployment"]
    conclusion = conclude(run)
    assert conclusion["verdict"] == "Failed"
    assert conclusion["report"] == f"s3://reports/shop/web/unknown/{STAGE}.caller.json"


@pytest.mark.parametrize("stage", ["BeforeAllowTraffic", "AfterAllowTestTraffic"])
def test_stage_that_has_passed_is_refused(run: MachineRun, green: Server, stage: str) -> None:
    run.gate["stage"] = stage
    write_plan(run, green)
    conclusion = conclude(run)
    assert conclusion["verdict"] == "Failed"
    assert f"{stage} has passed" in conclusion["reasons"][0]["message"]


def test_gate_whose_machine_ended_before_it_returned_is_failed_although_it_was_judged_succeeded(
    run: MachineRun, green: Server
) -> None:
    write_plan(run, green)
    conclusion = conclude(run, step="abandoned")
    report = run.read_json(conclusion["report"])
    assert (conclusion["verdict"], report["verdict"], report["judged"]) == ("Failed", "Failed", "Succeeded")


def test_gate_without_a_verdict_is_published_as_failed(run: MachineRun) -> None:
    conclusion = run.conclude("publish", {"error": {"Error": "States.Timeout", "Cause": ""}})
    assert conclusion["verdict"] == "Failed"
    assert "could not decide the verdict" in conclusion["reasons"][0]["message"]


def test_good_release_is_returned_as_succeeded_and_codedeploy_gets_no_answer(
    run: MachineRun, green: Server, codedeploy: CodeDeploy
) -> None:
    write_plan(run, green)
    conclusion = conclude(run)
    deployment = deployment_of(codedeploy)
    report = run.read_json(conclusion["report"])
    assert conclusion == {
        "verdict": "Succeeded",
        "report": f"s3://reports/shop/web/{deployment}/{STAGE}.caller.json",
        "reasons": [],
    }
    assert (report["answer"], report["written_by"], report["deployment"]["id"]) == (None, "caller", deployment)
    assert codedeploy.answers == []
    (entry,) = run.s3.list_objects_v2(Bucket="reports", Prefix="index/")["Contents"]
    assert entry["Key"].endswith(f"-{deployment}-{STAGE}.caller.json")
    assert index.parse_key_time(entry["Key"])


def test_report_for_a_caller_does_not_replace_that_of_the_hook_and_a_later_one_replaces_it(
    run: MachineRun, green: Server, codedeploy: CodeDeploy
) -> None:
    write_plan(run, green)
    place = f"shop/web/{deployment_of(codedeploy)}/{STAGE}.json"
    run.s3.put_object(Bucket="reports", Key=place, Body=b"{}")
    uris = []
    for _ in range(2):
        run.results = []
        uris.append(conclude(run)["report"])
    assert uris[0] == uris[1]
    assert run.read_json(f"s3://reports/{place}") == {}
