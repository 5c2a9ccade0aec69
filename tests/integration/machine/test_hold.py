"""A gate that waits for an approval is Failed until a person has approved it, and proved who they are."""

from __future__ import annotations

import datetime
import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.held_gate import ALICE, BOB, NOT_DEPLOYER, STRANGER, HeldGate, held_gate
from tests.support.machine_run import BUCKET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HeldGate]:
    with held_gate(monkeypatch, tmp_path) as held:
        yield held


def messages(report: dict[str, Any]) -> list[str]:
    return [f"{reason['cause']}: {reason['message']}" for reason in report["reasons"]]


def rejections(gate: HeldGate) -> list[str]:
    return [rejected["message"] for rejected in gate.record()["hold"]["rejected"]]


# ---- Until a person has approved, the gate is Failed


def test_a_gate_that_waits_has_the_status_failed(gate: HeldGate) -> None:
    judged = gate.begin()
    assert (judged["status"], 1780 <= judged["wait_s"] <= 1800) == ("Failed", True)


def test_a_gate_whose_machine_dies_while_it_waits_is_failed(gate: HeldGate) -> None:
    gate.begin()
    published = gate.run.conclude("abandoned", {})
    assert published["verdict"] == "Failed"
    assert "ended before the hold was decided" in published["reasons"][0]["message"]


def test_a_gate_whose_decision_could_not_be_checked_is_failed(gate: HeldGate) -> None:
    gate.begin()
    assert gate.publish()["verdict"] == "Failed"


def test_an_unanswered_hold_is_failed_and_names_the_people(gate: HeldGate) -> None:
    gate.begin()
    assert gate.time_out()["status"] == "Failed"
    report = gate.publish()
    assert messages(report) == ["NOT_APPROVED: not approved within 30m; asked: release managers, the shop's owner"]
    assert (report["hold"]["decision"], report["hold"]["who"]) == ("unanswered", "")
    assert report["checks"][0]["outcome"] == "PASS"


def test_a_hold_that_was_ended_from_outside_is_failed(gate: HeldGate) -> None:
    gate.begin()
    assert gate.time_out({"Error": "Approved", "Cause": "by SendTaskFailure"})["status"] == "Failed"
    assert messages(gate.publish()) == ["GATE_ERROR: the hold could not be asked, or was ended from outside (Approved)"]


def test_checks_that_used_up_the_time_leave_none_for_an_approval(gate: HeldGate) -> None:
    started = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=52 * 60 + 59.5)
    gate.run.started_at = started.isoformat()
    judged = gate.begin()
    assert (judged["status"], judged["wait_s"]) == ("Failed", 0)


def test_the_wait_ends_before_the_state_machine_does(gate: HeldGate) -> None:
    started = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=40)
    gate.run.started_at = started.isoformat()
    assert 12 * 60 < gate.begin()["wait_s"] <= 13 * 60


def test_a_gate_that_failed_waits_for_no_one(gate: HeldGate) -> None:
    judged = gate.begin(status=201)
    assert (judged["status"], judged["wait_s"]) == ("Failed", 0)
    report = gate.publish()
    assert (report["hold"], report["reasons"][0]["cause"]) == (None, "RELEASE_FAILED")


def test_a_shadow_does_not_wait_and_says_so(gate: HeldGate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLIGHT_ALLOW_SHADOW", "true")
    until = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=5)).date().isoformat()
    judged = gate.begin(shadow={"until": until, "why": "we try it"})
    assert (judged["status"], judged["wait_s"]) == ("Succeeded", 0)
    report = gate.publish()
    assert report["hold"] is None
    assert any("in shadow the gate does not wait" in note for note in report["deployment"]["notes"])


# ---- Decisions that do not count


@pytest.mark.parametrize(
    "decision",
    [
        None,
        True,
        "approve",
        {"decision": "approve"},
        {"decision": "approve", "reason": "ok", "who": "arn:aws:iam::111122223333:user/boss"},
        {"status": "Succeeded", "result": {}, "wait_s": 0},
    ],
    ids=repr,
)
def test_a_decision_without_a_proof_changes_nothing(gate: HeldGate, decision: Any) -> None:
    gate.begin()
    judged = gate.decide(decision)
    assert (judged["status"], judged["wait_s"] > 1700) == ("Failed", True)
    assert "malformed" in rejections(gate)[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "refuse"},
        {"reason": "another reason"},
        {"deployment": "d-OTHER0001"},
        {"stage": "AfterAllowTraffic"},
        {"gate": "f" * 40},
        {"round": 7},
    ],
    ids=repr,
)
def test_a_proof_of_another_statement_changes_nothing(gate: HeldGate, changes: dict[str, Any]) -> None:
    gate.begin()
    judged = gate.decide(gate.sign(ALICE, changes=changes))
    assert (judged["status"], judged["wait_s"] > 0) == ("Failed", True)
    assert "could not be verified" in rejections(gate)[0]


def test_a_refusal_cannot_be_turned_into_an_approval(gate: HeldGate) -> None:
    gate.begin()
    assert gate.decide(gate.sign(ALICE, "refuse") | {"decision": "approve"})["wait_s"] > 0


def test_a_decision_of_an_earlier_round_cannot_be_sent_again(gate: HeldGate) -> None:
    gate.begin(NOT_DEPLOYER)
    decision = gate.sign(ALICE)
    assert gate.decide(decision)["wait_s"] > 0
    gate.trail.add_deployment(gate.deployment, BOB)
    assert gate.decide(decision)["wait_s"] > 0
    assert "could not be verified" in rejections(gate)[1]
    assert gate.decide(gate.sign(ALICE))["status"] == "Succeeded"


def test_a_blank_reason_changes_nothing(gate: HeldGate) -> None:
    gate.begin()
    assert gate.decide(gate.sign(ALICE, reason=" \u2800"))["wait_s"] > 0
    assert rejections(gate) == ["the decision has no reason"]


def test_a_principal_of_another_account_changes_nothing(gate: HeldGate) -> None:
    gate.begin()
    assert gate.decide(gate.sign(STRANGER))["wait_s"] > 0
    assert "is not a principal of this account" in rejections(gate)[0]


def test_an_identity_that_cannot_be_verified_changes_nothing(gate: HeldGate) -> None:
    gate.begin()
    decision = gate.sign(ALICE)
    gate.sts.is_down = True
    assert gate.decide(decision)["wait_s"] > 0


def test_an_approval_after_the_end_is_failed(gate: HeldGate) -> None:
    gate.begin()
    decision = gate.sign(ALICE)
    document = gate.run.read_json(f"s3://{BUCKET}/{gate.work['judged']['held']['key']}")
    document["held"]["until"] = time.time() - 1
    rewrite(gate, document)
    assert gate.decide(decision)["status"] == "Failed"
    report = gate.publish()
    assert report["hold"]["decision"] == "unanswered"
    assert "it came after the end of the hold" in messages(report)[0]


def rewrite(gate: HeldGate, document: dict[str, Any]) -> None:
    """Replace the hold's document together with the reference to it, which only the state machine can."""
    body, reference = json.dumps(document).encode(), gate.work["judged"]["held"]
    version = gate.run.s3.put_object(Bucket=BUCKET, Key=reference["key"], Body=body)["VersionId"]
    gate.work["judged"]["held"] = reference | {"version": version, "sha256": hashlib.sha256(body).hexdigest()}


# ---- not: deployer


def test_an_approval_by_the_deployer_changes_nothing(gate: HeldGate) -> None:
    gate.begin(NOT_DEPLOYER)
    gate.trail.add_deployment(gate.deployment, ALICE)
    judged = gate.decide(gate.sign(ALICE))
    assert (judged["status"], judged["wait_s"] > 0) == ("Failed", True)
    assert rejections(gate) == [f"{ALICE.arn} created this deployment, and the plan says `not: deployer`"]
    gate.time_out()
    assert "the last decision did not count" in messages(gate.publish())[0]


def test_an_unknown_deployer_accepts_no_approval(gate: HeldGate) -> None:
    gate.begin(NOT_DEPLOYER)
    assert gate.decide(gate.sign(ALICE))["wait_s"] > 0
    assert "the deployer is not known, so `not: deployer` cannot be checked" in rejections(gate)[0]


def test_cloudtrail_that_denies_accepts_no_approval(gate: HeldGate) -> None:
    gate.begin(NOT_DEPLOYER)
    gate.trail.is_denied = True
    assert gate.decide(gate.sign(ALICE))["wait_s"] > 0
    assert "cloudtrail:LookupEvents" in rejections(gate)[0]


def test_the_deployer_may_refuse(gate: HeldGate) -> None:
    gate.begin(NOT_DEPLOYER)
    gate.trail.add_deployment(gate.deployment, ALICE)
    judged = gate.decide(gate.sign(ALICE, "refuse"))
    assert (judged["status"], judged["wait_s"]) == ("Failed", 0)


def test_another_person_may_approve(gate: HeldGate) -> None:
    gate.begin(NOT_DEPLOYER)
    gate.trail.add_deployment(gate.deployment, BOB)
    assert gate.decide(gate.sign(ALICE))["status"] == "Succeeded"
    assert gate.publish()["hold"]["deployer"] == BOB.arn


# ---- Decisions that count


def test_an_approval_succeeds_and_the_report_names_the_person(gate: HeldGate) -> None:
    gate.begin()
    judged = gate.decide(gate.sign(ALICE, reason="the checkout works"))
    assert (judged["status"], judged["wait_s"]) == ("Succeeded", 0)
    report = gate.publish()
    hold = report["hold"]
    assert (report["verdict"], report["reasons"]) == ("Succeeded", [])
    assert (hold["decision"], hold["who"], hold["reason"]) == ("approved", ALICE.arn, "the checkout works")
    assert hold["asked"] == ["release managers", "the shop's owner"]
    assert hold["waited_ms"] >= 0


def test_a_refusal_is_failed_with_its_reason(gate: HeldGate) -> None:
    gate.begin()
    assert gate.decide(gate.sign(BOB, "refuse", "the logo is missing"))["status"] == "Failed"
    report = gate.publish()
    assert messages(report) == [f"NOT_APPROVED: {BOB.arn} refused the release: the logo is missing"]
    assert report["hold"]["decision"] == "refused"


def test_an_approval_after_one_that_did_not_count_succeeds(gate: HeldGate) -> None:
    gate.begin()
    gate.decide("yes")
    assert gate.record()["token"] == "token-2"
    assert gate.decide(gate.sign(ALICE))["status"] == "Succeeded"
    assert len(gate.publish()["hold"]["rejected"]) == 1


# ---- The record for the people


def test_the_record_has_the_token_while_the_gate_waits_and_the_decision_afterwards(gate: HeldGate) -> None:
    gate.begin()
    assert (gate.record()["token"], gate.record()["hold"]["decided_at"]) == ("token-1", "")
    gate.decide(gate.sign(ALICE))
    record = gate.record()
    assert (record["token"], record["hold"]["who"]) == ("", ALICE.arn)


def test_no_report_event_or_index_has_the_token_or_a_proof(gate: HeldGate) -> None:
    gate.begin()
    decision = gate.sign(ALICE)
    gate.decide(decision)
    gate.publish()
    signature = decision["identity"]["authorization"].rpartition("=")[2]
    for listed in gate.run.s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        body = gate.run.s3.get_object(Bucket=BUCKET, Key=listed["Key"])["Body"].read().decode()
        assert "token-1" not in body
        assert signature not in body
