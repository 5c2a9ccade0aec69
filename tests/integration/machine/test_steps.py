"""The functions of the state machine: what they pass on, and what they make of it."""

from __future__ import annotations

import datetime
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from botocore.session import Session
from moto import mock_aws

from greenlight.core.errors import GreenlightError
from greenlight.machine.documents import GateDocument
from greenlight.machine.step import restore
from tests.support.codedeploy_fake import CodeDeploy
from tests.support.machine_run import BUCKET, MachineRun
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
def run(monkeypatch: pytest.MonkeyPatch, codedeploy: CodeDeploy, tmp_path: Path) -> Iterator[MachineRun]:
    with mock_aws():
        gate = MachineRun(monkeypatch, codedeploy, tmp_path)
        gate.started_at = datetime.datetime.now(datetime.UTC).isoformat()
        yield gate


def ask(name: str, **control: Any) -> dict[str, Any]:
    status = control.pop("status", 200)
    return {"name": name, "http": {"get": "/health", "expect": {"status": status}}, **control}


def plan(green: Server, *checks: dict[str, Any], **stage: Any) -> dict[str, Any]:
    stages = {"BeforeAllowTraffic": {"checks": checks, **stage}}
    return {"target": {"url": green.url}, "stages": stages}


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["outcome"] for check in report["checks"]}


# ---- A whole gate


def test_a_good_release_passes_all_steps(run: MachineRun, green: Server) -> None:
    run.write_plan(plan(green, ask("a"), ask("b", needs=["a"])))
    report = run.whole()
    assert (report["verdict"], outcomes(report)) == ("Succeeded", {"a": "PASS", "b": "PASS"})
    assert (report["green_asked"], report["answer"]["told"]) == ({"times": 2, "checks": 2}, True)
    assert report["deployment"]["application"] == "shop"


def test_a_bad_release_fails_with_the_reason_of_its_check(run: MachineRun, green: Server) -> None:
    run.write_plan(plan(green, ask("a"), ask("b", status=201)))
    report = run.whole()
    assert (report["verdict"], outcomes(report)) == ("Failed", {"a": "PASS", "b": "FAIL"})
    assert [(reason["cause"], reason["check"]) for reason in report["reasons"]] == [("RELEASE_FAILED", "b")]


def test_a_check_of_a_later_wave_runs_only_if_the_one_that_it_needs_passed(run: MachineRun, green: Server) -> None:
    others = [ask(f"c{number}", needs=["head"]) for number in range(60)]
    run.write_plan(plan(green, ask("head", status=201), *others))
    prepared = run.prepare()
    assert (prepared["waves"], prepared["wave_count"]) == ([[0], [1, 2], []], 2)
    run.probe_all(prepared)
    judged = run.judge({"document": prepared["document"], "earlier": run.results})
    assert judged["status"] == "Failed"
    # The head is asked once, and nothing that needs it.
    assert len(green.requests) == 1


def test_checks_of_a_stage_without_a_plan_are_the_default_checks(run: MachineRun) -> None:
    prepared = run.prepare()
    document = run.read_json(f"s3://{BUCKET}/{prepared['document']['key']}")
    assert (document["plan"], document["shards"]) == (None, [["the new version is ready"]])


def test_default_checks_know_the_target_of_the_plan_whose_host_only_the_operator_can_allow(run: MachineRun) -> None:
    target = {"host": "shop.example.com", "url": "https://elsewhere.example.com"}
    check = {"name": "a", "http": {"get": "/", "expect": {"status": 200}}}
    run.write_plan({"target": target, "stages": {"AfterAllowTraffic": {"checks": [check]}}})
    prepared = run.prepare()
    document = msgspec.convert(run.read_json(f"s3://{BUCKET}/{prepared['document']['key']}"), GateDocument)
    assert (document.plan, document.deployment.green.url) == (None, "https://elsewhere.example.com")
    assert msgspec.to_builtins(restore(document).plan.target) == target


def test_a_plan_that_is_not_valid_has_its_verdict_after_the_preparation(run: MachineRun) -> None:
    run.write_plan({"stages": {"BeforeAllowTraffic": {"checks": [{"name": "a", "http": {}, "severity": "odd"}]}}})
    prepared = run.prepare()
    assert (prepared["wave_count"], prepared["shards"]) == (0, [])
    judged = run.judge({"document": prepared["document"], "earlier": []})
    report = run.read_json(run.conclude("publish", {"judged": judged})["report"])
    assert [(reason["cause"]) for reason in report["reasons"]] == ["PLAN_ERROR"]
    assert "severity" in report["reasons"][0]["message"]


def test_parameters_that_a_validator_rejects_are_a_plan_error(run: MachineRun, green: Server) -> None:
    run.write_plan(plan(green, ask("a"), {"name": "b", "http": {"got": "/"}}))
    report = run.whole()
    assert report["reasons"][0]["cause"] == "PLAN_ERROR"
    assert (report["checks"], len(green.requests)) == ([], 0)


def test_a_secret_that_does_not_exist_is_a_plan_error_and_nothing_runs(run: MachineRun, green: Server) -> None:
    secret = {"authorization": "Bearer ${secret:secretsmanager:missing}"}
    run.write_plan(plan(green, {"name": "a", "http": {"get": "/", "headers": secret, "expect": {"status": 200}}}))
    report = run.whole()
    assert report["reasons"][0]["cause"] == "PLAN_ERROR"
    assert "there is no such secret" in report["reasons"][0]["message"]
    assert len(green.requests) == 0


def test_secrets_are_in_no_document(run: MachineRun) -> None:
    canary = "canary-7f3a9c21-of-the-secret"
    Session().create_client("secretsmanager").create_secret(Name="token", SecretString=canary)
    with answering(answer(200, f"you sent {canary}".encode())) as echo:
        headers = {"authorization": "Bearer ${secret:secretsmanager:token}"}
        check = {"get": "/", "headers": headers, "expect": {"body": {"contains": "something else"}}}
        run.write_plan(plan(echo, {"name": "a", "http": check}))
        report = run.whole()
        assert echo.requests[0][1]["authorization"] == f"Bearer {canary}"
    assert outcomes(report) == {"a": "FAIL"}
    for listed in run.s3.list_object_versions(Bucket=BUCKET)["Versions"]:
        stored = run.s3.get_object(Bucket=BUCKET, Key=listed["Key"], VersionId=listed["VersionId"])["Body"].read()
        assert canary.encode() not in stored


def test_a_plan_for_the_operators_subnets_is_refused_without_them(run: MachineRun, green: Server) -> None:
    run.write_plan(plan(green, ask("a")) | {"network": "vpc"})
    prepared = run.prepare()
    report = run.read_json(f"s3://{BUCKET}/{prepared['document']['key']}")["result"]
    assert "set its parameters ProbeSubnetIds" in report["verdict"]["reasons"][0]["message"]


def test_a_plan_for_the_operators_subnets_uses_their_function(
    run: MachineRun, green: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLIGHT_VPC_PROBE_FUNCTION", "probe-in-vpc")
    run.write_plan(plan(green, ask("a")) | {"network": "vpc"})
    assert run.prepare()["probe"] == "probe-in-vpc"


def test_the_state_machine_waits_for_the_bake_and_no_function_does(run: MachineRun, green: Server) -> None:
    run.write_plan(plan(green, ask("a"), bake="30m"))
    prepared = run.prepare()
    assert prepared["bake_s"] == 1800
    began = time.monotonic()
    assert run.probe(prepared, 0)["again"] is False
    assert time.monotonic() - began < 20


# ---- Hand-over


def test_a_check_that_waits_longer_than_a_minute_is_handed_over(run: MachineRun, green: Server) -> None:
    repeated = {"count": 3, "interval": "5m", "consecutive_success_limit": 2}
    run.write_plan(plan(green, ask("slow", repeat=repeated), ask("quick")))
    prepared = run.prepare()
    first = run.probe(prepared, 0)
    assert (first["again"], 290 <= first["again_in_s"] <= 300, len(green.requests)) == (True, True, 2)
    document = run.read_json(f"s3://{BUCKET}/{first['results']['key']}")
    assert [finding["name"] for finding in document["findings"]] == ["quick"]
    assert [(check["name"], check["number"]) for check in document["waiting"]] == [("slow", 2)]


def test_checks_that_cannot_finish_before_the_end_of_the_gate_are_a_deadline(run: MachineRun, green: Server) -> None:
    an_hour_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=55)
    run.started_at = an_hour_ago.isoformat()
    run.write_plan(plan(green, ask("a")))
    report = run.whole()
    assert [(reason["cause"], reason["check"]) for reason in report["reasons"]] == [("DEADLINE", "a")]
    assert len(green.requests) == 0


# ---- Functions that die, and forged results


def test_a_shard_that_died_is_a_gate_error_of_its_checks_alone(run: MachineRun, green: Server) -> None:
    run.write_plan(plan(green, *(ask(f"c{number}") for number in range(60))))
    prepared = run.prepare()
    good = {"shard": 0, "results": run.probe(prepared, 0)["results"]}
    died = {"shard": 1, "results": None, "error": "Sandbox.Timedout"}
    judged = run.judge({"document": prepared["document"], "earlier": [[], [good, died]]})
    report = run.read_json(run.conclude("publish", {"judged": judged})["report"])
    assert list(outcomes(report).values()) == ["PASS"] * 50 + ["ERROR"] * 10
    assert {reason["cause"] for reason in report["reasons"]} == {"GATE_ERROR"}
    assert "ended early (Sandbox.Timedout)" in report["reasons"][0]["message"]


def test_a_preparation_that_died_is_a_gate_error_with_its_message(run: MachineRun) -> None:
    error = {"Error": "AwsError", "Cause": '{"errorMessage": "s3:PutObject was denied", "errorType": "AwsError"}'}
    judged = run.judge({"error": error})
    report = run.read_json(run.conclude("publish", {"judged": judged})["report"])
    assert report["verdict"] == "Failed"
    assert report["reasons"][0]["message"] == "the gate could not be prepared: AwsError: s3:PutObject was denied"


def test_findings_of_another_shard_do_not_count(run: MachineRun, green: Server) -> None:
    run.write_plan(plan(green, *(ask(f"c{number}") for number in range(60))))
    prepared = run.prepare()
    good = run.probe(prepared, 0)["results"]
    judged = run.judge(
        {
            "document": prepared["document"],
            "earlier": [[], [{"shard": 0, "results": good}, {"shard": 1, "results": good}]],
        }
    )
    assert judged["status"] == "Failed"


def test_a_version_that_was_written_over_does_not_count(run: MachineRun, green: Server) -> None:
    run.write_plan(plan(green, ask("a", status=201)))
    prepared = run.prepare()
    reference = run.probe(prepared, 0)["results"]
    stored = run.s3.get_object(Bucket=BUCKET, Key=reference["key"])["Body"].read()
    forged = stored.replace(b'"FAIL"', b'"PASS"')
    run.s3.put_object(Bucket=BUCKET, Key=reference["key"], Body=forged)
    work = {"document": prepared["document"], "earlier": [[], [{"shard": 0, "results": reference}]]}
    assert run.judge(work)["status"] == "Failed"
    version = run.s3.head_object(Bucket=BUCKET, Key=reference["key"])["VersionId"]
    work["earlier"] = [[], [{"shard": 0, "results": reference | {"version": version}}]]
    judged = run.judge(work)
    report = run.read_json(run.conclude("publish", {"judged": judged})["report"])
    assert "its digest differs" in report["reasons"][0]["message"]


def test_a_document_of_another_gate_is_refused(run: MachineRun, green: Server) -> None:
    run.write_plan(plan(green, ask("a")))
    prepared = run.prepare()
    prepared["document"]["key"] = "gates/another/prepared.json"
    with pytest.raises(GreenlightError, match="belongs to another gate"):
        run.probe(prepared, 0)


def test_a_bucket_without_versions_is_refused(run: MachineRun, green: Server) -> None:
    run.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    run.write_plan(plan(green, ask("a")))
    with pytest.raises(GreenlightError, match="has no versions"):
        run.prepare()


# ---- Publish


def test_a_gate_whose_judge_died_has_a_report(run: MachineRun) -> None:
    published = run.conclude("publish", {"error": {"Error": "Lambda.Unknown"}})
    assert published["verdict"] == "Failed"
    assert "could not decide the verdict" in published["reasons"][0]["message"]
    assert run.read_json(published["report"])["verdict"] == "Failed"


def test_a_succeeded_that_codedeploy_did_not_confirm_is_recorded_as_failed(run: MachineRun, green: Server) -> None:
    run.write_plan(plan(green, ask("a")))
    prepared = run.prepare()
    run.probe_all(prepared)
    assert run.judge({"document": prepared["document"], "earlier": run.results})["status"] == "Succeeded"
    published = run.conclude("abandoned", {"answer": {"told": True}})
    report = run.read_json(published["report"])
    assert (report["verdict"], report["judged"], report["answer"]["told"]) == ("Failed", "Succeeded", False)


def test_a_succeeded_that_codedeploy_has_is_recorded_as_it_is(run: MachineRun, green: Server) -> None:
    run.write_plan(plan(green, ask("a")))
    prepared = run.prepare()
    run.probe_all(prepared)
    run.judge({"document": prepared["document"], "earlier": run.results})
    assert run.conclude("abandoned", {"answered_before": {"Error": "x"}})["verdict"] == "Succeeded"


def test_the_summary_has_the_first_reasons_only(run: MachineRun, green: Server) -> None:
    run.write_plan(plan(green, *(ask(f"c{number}", status=201) for number in range(9))))
    prepared = run.prepare()
    run.probe_all(prepared)
    work = {"document": prepared["document"], "earlier": run.results}
    published = run.conclude("publish", work | {"judged": run.judge(work)})
    assert (published["verdict"], len(published["reasons"])) == ("Failed", 5)
    assert len(str(published)) < 4096
