"""A whole gate under test: the real hook in AWS's own runtime client, validators that misbehave, a strict CodeDeploy."""

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
class Outcome:
    """What became of one call of a hook.

    Attributes:
        error: Lambda's FunctionError, "" when the hook returned.
        answers: The statuses that CodeDeploy accepted for this execution.
        lines: What the environment wrote from this call on; the last lines may still be on their way when the next
            call begins, so a log line is known by its deployment and not by its place.
    """

    deployment_id: str
    execution_id: str
    error: str
    returned: Any
    answers: list[str]
    lines: list[str] = field(default_factory=list)
    begins: int = 0

    @property
    def log(self) -> list[dict[str, Any]]:
        """Those lines that are JSON and of this deployment or of none, as data."""
        lines = [data for line in self.lines[self.begins :] if isinstance(data := _json(line), dict)]
        return [data for data in lines if data.get("deployment_id", self.deployment_id) == self.deployment_id]

    @property
    def raw(self) -> str:
        """All lines as text."""
        return "\n".join(self.lines[self.begins :])

    def said(self, message: str) -> dict[str, Any]:
        """Give the log line with this message."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            for line in self.log:
                if line.get("message") == message:
                    return line
            time.sleep(0.01)
        raise AssertionError(f"the hook did not say {message!r}: {self.raw}")

    def metrics(self) -> dict[str, Any]:
        """Give the metrics of the answer, which are the last line of all and name no deployment.

        Those of the call before may come when this one has been sent, but before the first line that is told of it.
        """
        until = time.monotonic() + 20
        while time.monotonic() < until:
            for line in itertools.dropwhile(lambda line: "deployment_id" not in line, self.log):
                if "GateAnswered" in line:
                    return line
            time.sleep(0.01)
        raise AssertionError(f"no metrics came: {self.raw}")

    def reasons(self) -> list[tuple[str, str]]:
        """Give cause and message of every reason for the verdict."""
        return [(reason["cause"], reason["message"]) for reason in self.said("verdict")["reasons"]]


class Gate:
    """One hook function in one execution environment, kept warm between calls."""

    def __init__(self, folder: Path, codedeploy: CodeDeploy, *, timeout_s: float = 16.0, **environment: str) -> None:
        self.plans = folder / "plans"
        self.plans.mkdir(exist_ok=True)
        self.codedeploy = codedeploy
        self.lines: list[str] = []
        self._timeout_s = timeout_s
        self._environment = {
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
        if self._sandbox is not None:
            self._sandbox.close()

    @property
    def pid(self) -> int:
        """The process that the hook runs in."""
        assert self._sandbox is not None
        return self._sandbox.process.pid

    def call(
        self, plan: str | None = "", hook: str = "before_allow_traffic", event: Any = None, **info: Any
    ) -> Outcome:
        """Deploy something with this plan ("" for one good check, None for none) and call the hook."""
        deployment, execution = new_deployment(self.codedeploy, **info)
        path = self.plans / "shop.yaml"
        path.unlink(missing_ok=True)
        if plan is not None:
            path.write_text(plan or checks({"name": "good", "fine": {}}))
        if self._sandbox is None or not self._sandbox.alive:
            self._sandbox = Sandbox(self._spec(hook), self.lines.append)
        begins = len(self.lines)
        sent = {"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution} if event is None else event
        invocation = Invocation(json.dumps(sent).encode())
        self._sandbox.invoke(invocation)
        return Outcome(
            sent["DeploymentId"] if isinstance(sent, dict) and "DeploymentId" in sent else deployment,
            execution,
            invocation.error,
            json.loads(invocation.response or b"null"),
            [status for _, known, status in self.codedeploy.answers if known == execution],
            self.lines,
            begins,
        )

    def _spec(self, hook: str) -> FunctionSpec:
        return FunctionSpec(
            name=f"CodeDeployHook_{hook}",
            version="$LATEST",
            handler=f"{hook}.handler",
            root=ROOT / "hooks",
            environment=self._environment,
            timeout_s=self._timeout_s,
            memory_mb=1024,
            arn=ARN,
        )


def new_deployment(codedeploy: CodeDeploy, **info: Any) -> tuple[str, str]:
    """Start a deployment of a Lambda function that stands at BeforeAllowTraffic; give its id and an execution id."""
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


def checks(*entries: Mapping[str, Any], stage: str = "BeforeAllowTraffic") -> str:
    """Write a plan with these checks."""
    return json.dumps({"version": 1, "stages": {stage: {"checks": entries}}})


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
