"""A gate whose checks have passed and that waits for an approval, with fakes of STS, CloudTrail and Step Functions."""

from __future__ import annotations

import contextlib
import datetime
import json
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from moto import mock_aws

from greenlight.aws.client import Aws
from greenlight.aws.identity import sign_identity
from greenlight.core.hold import Answer, Statement
from tests.support.codedeploy_fake import CodeDeploy
from tests.support.identity_fakes import GREENLIGHT, Caller, CloudTrail, LocalService, Sts, session_of
from tests.support.machine_run import BUCKET, MachineRun
from tests.support.wire import Server, answer, answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ALICE, BOB = session_of("Release", "alice"), session_of("Release", "bob")
STRANGER = session_of("Release", "mallory", account="444455556666")
HOLD = {"within": "30m", "ask": ["release managers", "the shop's owner"], "why": "look at the checkout page"}
NOT_DEPLOYER = {**HOLD, "not": "deployer"}
STAGE = "BeforeAllowTraffic"
TIME_OUT = {"Error": "States.Timeout", "Cause": ""}


class HeldGate:
    """A gate whose checks have passed, and that waits."""

    def __init__(self, run: MachineRun, sts: Sts, trail: CloudTrail, green: Server) -> None:
        self.run, self.sts, self.trail, self.green = run, sts, trail, green
        self.work: dict[str, Any] = {}

    @property
    def deployment(self) -> str:
        """The deployment id."""
        return str(self.run.gate["deployment"])

    def begin(self, hold: dict[str, Any] = HOLD, *, status: int = 200, **plan: Any) -> dict[str, Any]:
        """Run the checks and the step Judge, and Ask if it waits; return what Judge returned."""
        check = {"name": "a", "http": {"get": "/health", "expect": {"status": status}}}
        stages = {STAGE: {"checks": [check], "hold": hold}}
        self.run.write_plan({"target": {"url": self.green.url}, "stages": stages, **plan})
        prepared = self.run.prepare()
        self.run.probe_all(prepared)
        self.work = {"document": prepared["document"], "earlier": self.run.results}
        self.work["judged"] = self.run.judge(self.work)
        if self.work["judged"]["wait_s"]:
            self.run.ask(self.work, "token-1")
        judged: dict[str, Any] = self.work["judged"]
        return judged

    def record(self) -> dict[str, Any]:
        """Return the record for the people who decide."""
        return self.run.read_json(f"s3://{BUCKET}/holds/{self.deployment}/{STAGE}/hold.json")

    def sign(
        self,
        caller: Caller,
        decision: Answer = "approve",
        reason: str = "looks good",
        changes: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return a decision as `greenlight approve` sends it, or with changes in the signed statement."""
        record = self.record()
        fields = {
            "gate": record["gate"],
            "deployment": record["deployment"],
            "stage": record["stage"],
            "round": record["round"],
            "decision": decision,
            "reason": reason,
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in caller.environment().items():
                patch.setenv(name, value)
            identity = sign_identity(Aws(), Statement(**(fields | (changes or {}))).digest())
        return {"decision": decision, "reason": reason, "identity": msgspec.to_builtins(identity)}

    def decide(self, decision: Any) -> dict[str, Any]:
        """Run the step Decide with a decision, and Ask if the gate goes on waiting; return what Decide returned."""
        self.work["decision"] = decision
        return self._decide()

    def time_out(self, error: dict[str, str] = TIME_OUT) -> dict[str, Any]:
        """Run the step Decide after the end of the wait."""
        self.work["unanswered"] = error
        return self._decide()

    def _decide(self) -> dict[str, Any]:
        self.work["judged"] = self.run.conclude("decide", self.work)
        if self.work["judged"]["wait_s"]:
            self.run.ask(self.work, f"token-{self.record()['round'] + 2}")
        judged: dict[str, Any] = self.work["judged"]
        return judged

    def publish(self) -> dict[str, Any]:
        """Run the step Publish and return the report."""
        published = self.run.conclude("publish", self.work | {"answer": {"told": True}})
        return self.run.read_json(published["report"])


class States(LocalService):
    """Fake Step Functions, whose only operation is SendTaskSuccess: the gate decides before it answers.

    Attributes:
        is_slow: It accepts the decision, and the gate does not look at it.
        sent: The outputs that it accepted.
        on_send: Called with each decision before it is accepted or refused.
    """

    def __init__(self, gate: HeldGate) -> None:
        self._gate = gate
        self.is_slow = False
        self.sent: list[Any] = []
        self.on_send: Callable[[], Any] = lambda: None

    def reply(self, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Accept a decision with the token of the current round."""
        parameters = json.loads(body)
        self.on_send()
        if parameters["taskToken"] != self._gate.record()["token"]:
            error = {"__type": "TaskTimedOut", "message": "the task has ended"}
            return 400, "application/x-amz-json-1.0", json.dumps(error).encode()
        self.sent.append(json.loads(parameters["output"]))
        if not self.is_slow:
            self._gate.decide(self.sent[-1])
        return 200, "application/x-amz-json-1.0", b"{}"


@contextlib.contextmanager
def held_gate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HeldGate]:
    """Yield a gate that has not begun."""
    with (
        CodeDeploy() as codedeploy,
        Sts(callers=[GREENLIGHT, ALICE, BOB, STRANGER]) as sts,
        CloudTrail() as trail,
        answering(answer(200, b"ok")) as green,
        mock_aws(config={"core": {"mock_credentials": False}}),
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDTRAIL", trail.url)
        run = MachineRun(monkeypatch, codedeploy, tmp_path)
        run.started_at = datetime.datetime.now(datetime.UTC).isoformat()
        codedeploy.deployments[run.gate["deployment"]]["createTime"] = time.time()
        yield HeldGate(run, sts, trail, green)
