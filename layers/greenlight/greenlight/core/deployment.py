"""A deployment as one gate sees it: platform, stage, and the two revisions blue and green."""

from __future__ import annotations

from enum import StrEnum

from greenlight.core.frozen import FrozenStruct

STAGES = ("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic")
"""The lifecycle events a hook can be called for, in the order CodeDeploy has them (ECS; Lambda has the last two)."""


class Platform(StrEnum):
    """CodeDeploy's compute platform, lower case."""

    ECS = "ecs"
    LAMBDA = "lambda"


class Side(FrozenStruct, frozen=True, kw_only=True):
    """Blue or green: one of the two revisions of a deployment.

    Attributes:
        url: Base URL under which the side answers HTTP at this stage, without a trailing slash; "" when it has none.
        no_url: Why there is no URL, as a sentence; "" when there is one.
        host: Host name for the Host header, SNI and certificate verification; "" means the URL's own.
        headers: Request headers that the listener's rule asks for.
        path_patterns: The rule's path patterns; a request path outside all of them is put under the first.
        version: Lambda version.
        task_set: ECS task set id.
        task_definition: ECS task definition ARN.
        target_group: ARN of the target group.
        health_check_path: Path of the target group's own health check; "" for one without HTTP.
        health_check_codes: HTTP codes the target group calls healthy, as AWS writes them ("200", "200-299", "200,301").
    """

    url: str = ""
    no_url: str = ""
    host: str = ""
    headers: dict[str, str] = {}
    path_patterns: tuple[str, ...] = ()
    version: str = ""
    task_set: str = ""
    task_definition: str = ""
    target_group: str = ""
    health_check_path: str = ""
    health_check_codes: str = ""


class Deployment(FrozenStruct, frozen=True, kw_only=True):
    """One gate's view of one deployment: what is being deployed, and at which stage it stands.

    Attributes:
        id: CodeDeploy's deployment id.
        platform: What is deployed, `ecs` or `lambda`.
        stage: The lifecycle event at which the hook was called.
        application: CodeDeploy's application.
        region: AWS region of the deployment.
        group: Deployment group; `config` is the deployment configuration's name.
        environment: What the installation says it is, such as prod; "" for nothing.
        creator: Who started it, in CodeDeploy's words; `codeDeployRollback` for a rollback.
        first: There is surely no blue: nothing was deployed before this.
        function: Name of the Lambda function (platform lambda).
        alias: Its alias that traffic goes to (platform lambda).
        cluster: The ECS cluster (platform ecs).
        service: The ECS service (platform ecs).
        notes: What discovery noticed and the report should say.
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
