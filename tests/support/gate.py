"""A whole gate under test: the real hook in AWS's runtime client, misbehaving validators and a strict CodeDeploy."""

from __future__ import annotations

import itertools
import json
import secrets
import string
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devkit.rehearsal.sandbox import FunctionSpec, Invocation, Sandbox
from tests.support.codedeploy_fake import CodeDeploy
from tests.support.sam_template import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

PLUGINS = ROOT / "tests" / "faults" / "plugins"
ARN = "arn:aws:lambda:mars-west-1:111122223333:function:CodeDeployHook_greenlight"


@dataclass
class HookCall:
    """One call of a hook and its outcome.

    Attributes:
        error: Lambda's FunctionError, "" when the hook returned.
        answers: The statuses that CodeDeploy accepted for this execution.
        lines: Everything that the environment has written. The last lines of a call may arrive after the next call
            begins, so a log line is matched by its deployment and not by its position.
        first_line: The index of the first line written after this call began.
    """

    deployment_id: str
    execution_id: str
    error: str
    returned: Any
    answers: list[str]
    lines: list[str] = field(default_factory=list)
    first_line: int = 0

    @property
    def log(self) -> list[dict[str, Any]]:
        """The JSON log lines that name this deployment or no deployment."""
        lines = [data for line in self.lines[self.first_line :] if isinstance(data := _json(line), dict)]
        return [data for data in lines if data.get("deployment_id", self.deployment_id) == self.deployment_id]

    @property
    def raw(self) -> str:
        """All lines since the call began, as text."""
        return "\n".join(self.lines[self.first_line :])

    def log_line(self, message: str) -> dict[str, Any]:
        """Return the log line with this message; wait for it."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for line in self.log:
                if line.get("message") == message:
                    return line
            time.sleep(0.01)
        raise AssertionError(f"the hook did not log {message!r}: {self.raw}")

    def metrics(self) -> dict[str, Any]:
        """Return the metrics of the answer; wait for them. They are the last line of a call and name no deployment.

        The metrics of the previous call may arrive after this call was sent, but always before this call's first line.
        """
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for line in itertools.dropwhile(lambda line: "deployment_id" not in line, self.log):
                if "GateAnswered" in line:
                    return line
            time.sleep(0.01)
        raise AssertionError(f"the hook wrote no metrics: {self.raw}")

    def reasons(self) -> list[tuple[str, str]]:
        """Return cause and message of every reason for the verdict."""
        return [(reason["cause"], reason["message"]) for reason in self.log_line("verdict")["reasons"]]


class Gate:
    """One hook function in one execution environment, kept warm between calls."""

    def __init__(self, folder: Path, codedeploy: CodeDeploy, *, timeout_s: float = 16.0, **environment: str) -> None:
        self.plans = folder / "plans"
        self.plans.mkdir(exist_ok=True)
        self.codedeploy = codedeploy
        self.lines: list[str] = []
        self._timeout_s = timeout_s
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": f"{ROOT / 'hooks'}:{PLUGINS}:{ROOT / 'layers/greenlight'}",
            "AWS_DEFAULT_REGION": "mars-west-1",
            "AWS_REGION": "mars-west-1",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "canary-secret-key-of-the-role",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_ENDPOINT_URL": codedeploy.url,
            "GREENLIGHT_PLAN_FOLDER": str(self.plans),
            "GREENLIGHT_ALLOW_LOOPBACK": "true",
            "POWERTOOLS_METRICS_NAMESPACE": "greenlight",
            **environment,
        }
        self._sandbox: Sandbox | None = None

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """End the environment; the next call starts a new one."""
        if self._sandbox is not None:
            self._sandbox.close()

    @property
    def pid(self) -> int:
        """The id of the process that the hook runs in."""
        assert self._sandbox is not None
        return self._sandbox.process.pid

    def call(
        self, plan: str | None = "", hook: str = "before_allow_traffic", event: Any = None, **info: Any
    ) -> HookCall:
        """Start a deployment with this plan ("" for one good check, None for no plan) and call the hook."""
        deployment, execution = new_deployment(self.codedeploy, **info)
        path = self.plans / "shop.yaml"
        if plan is None:
            path.unlink(missing_ok=True)
        else:  # in one step, because another gate may read the plan at the same time
            complete = self.plans / f"{secrets.token_hex(8)}.tmp"
            complete.write_text(plan or checks({"name": "good", "fine": {}}))
            complete.rename(path)
        if self._sandbox is None or not self._sandbox.alive:
            self._sandbox = Sandbox(self._spec(hook), self.lines.append)
        first_line = len(self.lines)
        payload = {"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution} if event is None else event
        invocation = Invocation(json.dumps(payload).encode())
        self._sandbox.invoke(invocation)
        return HookCall(
            payload["DeploymentId"] if isinstance(payload, dict) and "DeploymentId" in payload else deployment,
            execution,
            invocation.error,
            json.loads(invocation.response or b"null"),
            self.statuses(execution),
            self.lines,
            first_line,
        )

    def statuses(self, execution_id: str) -> list[str]:
        """Return the statuses that CodeDeploy accepted for an execution."""
        return [status for _, answered_id, status in self.codedeploy.answers if answered_id == execution_id]

    def _spec(self, hook: str) -> FunctionSpec:
        return FunctionSpec(
            name=f"CodeDeployHook_{hook}",
            version="$LATEST",
            handler=f"{hook}.handler",
            root=ROOT / "hooks",
            environment=self.environment,
            timeout_s=self._timeout_s,
            memory_mb=1024,
            arn=ARN,
        )


def new_deployment(codedeploy: CodeDeploy, **info: Any) -> tuple[str, str]:
    """Start a deployment of a Lambda function that waits at BeforeAllowTraffic.

    Returns:
        The ids of the deployment and of the hook's execution.
    """
    alphabet = string.ascii_uppercase + string.digits
    deployment = "d-" + "".join(secrets.choice(alphabet) for _ in range(9))
    codedeploy.deployments[deployment] = {
        "deploymentId": deployment,
        "applicationName": "shop",
        "deploymentGroupName": "web",
        "computePlatform": "Lambda",
        "status": "InProgress",
        "creator": "user",
        **info,
    }
    codedeploy.groups["web"] = {"serviceRoleArn": "arn:aws:iam::111122223333:role/deploys"}
    events = [{"lifecycleEventName": "BeforeAllowTraffic", "status": "InProgress"}]
    function = {"functionName": "orders", "functionAlias": "live", "currentVersion": "7", "targetVersion": "8"}
    codedeploy.targets[deployment] = {
        "deploymentTargetType": "LambdaTarget",
        "lambdaTarget": {"lifecycleEvents": events, "lambdaFunctionInfo": function},
    }
    return deployment, "canary-execution-" + secrets.token_urlsafe(60)


ACCEPTS = {"evidence": "environment", "why": "the faults are those of the gate, and there is no service to ask"}


def checks(
    *entries: Mapping[str, Any], stage: str = "BeforeAllowTraffic", accepts: Mapping[str, str] | None = ACCEPTS
) -> str:
    """Return a plan with these checks, which ask no service."""
    return json.dumps(
        {"version": 1, "stages": {stage: {"checks": entries, **({"accepts": accepts} if accepts else {})}}}
    )


def children_of(pid: int) -> set[int]:
    """Return the ids of the process's children, zombies included."""
    return {child for child, parent in parent_pids().items() if parent == pid}


def parent_pids() -> dict[int, int]:
    """Return the id of every process of this machine with the id of its parent, zombies included."""
    parent_by_pid = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent_by_pid[int(folder.name)] = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
        except OSError:  # the process ended meanwhile
            continue
    return parent_by_pid


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
