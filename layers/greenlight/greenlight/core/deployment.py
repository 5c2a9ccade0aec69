"""A deployment as one gate sees it: platform, stage, and the two revisions blue and green."""

from __future__ import annotations

from enum import StrEnum

from greenlight.core.frozen import FrozenStruct
from greenlight.core.routing_rules import RoutingRule

STAGES = ("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic")
"""Lifecycle events of ECS that a hook can be called for, in CodeDeploy's order.

A Lambda deployment has BeforeAllowTraffic and AfterAllowTraffic alone.
"""

SHIFT = "AllowTraffic"
"""The lifecycle event in which CodeDeploy shifts traffic to green. It has no hook, so a watcher runs its checks."""

PLAN_STAGES = (*STAGES[:-1], SHIFT, STAGES[-1])
"""Stages of a plan, in CodeDeploy's order."""

TRAFFIC_STAGES = (SHIFT, STAGES[-1])
"""Stages at which users' traffic reaches green, so that its metrics and logs show how it serves them."""


ROLLBACK_CREATORS = ("codeDeployRollback", "CloudFormationRollback")
"""CodeDeploy's names for the creators of a rollback: itself, or a CloudFormation stack that goes back."""


class Platform(StrEnum):
    """CodeDeploy's compute platform, in lower case."""

    ECS = "ecs"
    LAMBDA = "lambda"


class Side(FrozenStruct, frozen=True, kw_only=True):
    """One of the two revisions of a deployment: blue or green.

    Attributes:
        url: Base URL for HTTP requests at this stage, without a trailing slash, or "".
        no_url: Reason why there is no URL, as a sentence; "" if there is one.
        host: Host name for the Host header, SNI and certificate verification; "" for the host of the URL.
        headers: Request headers that the listener's rule requires.
        path_patterns: The rule's path patterns. A request path that matches none of them is prefixed with the first.
        host_patterns: The rule's patterns of host names; empty if it accepts every name.
        rules_above: Rules of the listener that are evaluated before this side's, and lead elsewhere.
        protocol: Protocol of the listener, such as HTTPS or TCP; "" if it is not known.
        version: Lambda version.
        task_set: ECS task set id.
        task_definition: ECS task definition ARN.
        target_group: ARN of the target group.
        health_check_path: Path of the target group's health check; "" if the check does not use HTTP.
        health_check_codes: HTTP status codes of a healthy target, in AWS's format ("200", "200-299", "200,301").
    """

    url: str = ""
    no_url: str = ""
    host: str = ""
    headers: dict[str, str] = {}
    path_patterns: tuple[str, ...] = ()
    host_patterns: tuple[str, ...] = ()
    rules_above: tuple[RoutingRule, ...] = ()
    protocol: str = ""
    version: str = ""
    task_set: str = ""
    task_definition: str = ""
    target_group: str = ""
    health_check_path: str = ""
    health_check_codes: str = ""


class Deployment(FrozenStruct, frozen=True, kw_only=True):
    """One gate's view of a deployment: what is being deployed, and at which stage.

    Attributes:
        id: CodeDeploy's deployment id.
        platform: Compute platform, `ecs` or `lambda`.
        stage: Lifecycle event of the gate: the one at which the hook was called, or AllowTraffic.
        application: CodeDeploy application.
        region: AWS region of the deployment.
        group: Deployment group.
        config: Name of the deployment configuration.
        environment: Environment of the installation, such as prod; "" if it has none.
        creator: CodeDeploy's name for the creator; `ROLLBACK_CREATORS` has those of a rollback.
        blue: The revision that serves the users until now.
        green: The new revision.
        first: True if nothing was deployed before, so there is no blue.
        function: Name of the Lambda function (platform `lambda`).
        alias: Alias of the function that receives the traffic (platform `lambda`).
        cluster: ECS cluster (platform `ecs`).
        service: ECS service (platform `ecs`).
        notes: Remarks of discovery for the report.
    """

    id: str
    platform: Platform
    stage: str
    application: str = ""
    group: str = ""
    config: str = ""
    creator: str = ""
    region: str = ""
    environment: str = ""
    blue: Side = Side()
    green: Side = Side()
    first: bool = False
    function: str = ""
    alias: str = ""
    cluster: str = ""
    service: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_rollback(self) -> bool:
        """Whether CodeDeploy or CloudFormation started the deployment to go back to an earlier release."""
        return self.creator in ROLLBACK_CREATORS
