"""Types of the scenario file, and of a scenario that was read. Unknown keys are rejected.

docs/rehearsal.md documents every key; a test compares the two.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from greenlight.core.units import Duration

from .lifecycle import EventName

CauseName = Literal[
    "RELEASE_FAILED", "GATE_ERROR", "PLAN_ERROR", "NO_EVIDENCE", "DEADLINE", "SUPERSEDED", "NOT_APPROVED"
]
Text = Annotated[str, Meta(min_length=1, max_length=500)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+=,@-]{0,99}$")]
HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
WebPath = Annotated[str, Meta(pattern=r"^/[!-~]*$", max_length=500)]
Scalar = str | int | float | bool


class StrictStruct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base class of the parts of a scenario: immutable, without unknown keys."""


class Release(StrictStruct, frozen=True):
    """Blue or green: a `command` (ecs) or a `function` (lambda), and its settings.

    Attributes:
        command: Program and arguments; `{port}` and the variable PORT are the port to listen on.
        function: `FILE.py:HANDLER`, which runs in AWS's Python runtime client.
        environment: Environment variables of the process.
        start_timeout: Longest time until a command listens.
        timeout: A function's time limit.
    """

    command: Text | tuple[Text, ...] | None = None
    function: Text | None = None
    environment: dict[str, Scalar] = {}
    start_timeout: Duration = Duration(20)
    timeout: Duration = Duration(10)

    def variables(self) -> dict[str, str]:
        """Return `environment` with values as text; a boolean becomes `true` or `false`."""
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in self.environment.items()
        }


class Conditions(StrictStruct, frozen=True):
    """Conditions of the listener's rule; a request that does not match them gets a 404."""

    hosts: tuple[Text, ...] = ()
    paths: tuple[Text, ...] = ()
    headers: dict[HeaderName, tuple[Text, ...] | Text] = {}


class HealthCheck(StrictStruct, frozen=True):
    """Health check of the target groups: a path, and the HTTP codes of a healthy target."""

    path: WebPath = "/"
    codes: Annotated[str, Meta(pattern=r"^[0-9]{3}(-[0-9]{3})?(,[0-9]{3}(-[0-9]{3})?)*$")] = "200-499"


class OtherRule(StrictStruct, frozen=True):
    """A rule of another service on the same listeners: it answers its paths itself.

    Attributes:
        priority: Its priority; that of the service's rule is 10, and the default action comes last.
        paths: Patterns of the paths that it takes.
        status: HTTP status of its answers.
    """

    priority: Annotated[int, Meta(ge=1, le=50_000)]
    paths: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=5)]
    status: Annotated[int, Meta(ge=200, le=599)] = 200


class Listener(StrictStruct, frozen=True):
    """Listeners of the service's load balancer (ecs).

    Attributes:
        test: Whether there is a test listener.
        https: Whether both listeners use TLS, with a certificate for `host` from a generated CA.
        nlb: Whether it is a network load balancer, which has no rules and allows ECSAllAtOnce only.
        rules: Rules of other services on both listeners.
    """

    test: bool = True
    https: bool = False
    host: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")] | None = None
    nlb: bool = False
    conditions: Conditions = Conditions()
    rules: tuple[OtherRule, ...] = ()
    health_check: HealthCheck = HealthCheck()


class Users(StrictStruct, frozen=True):
    """Users' traffic during the whole scenario.

    Attributes:
        rate: Requests per second.
        path, headers: Path and headers of the requests (ecs).
        payload: Payload of the function calls (lambda).
        timeout: Timeout of a request.
    """

    rate: Annotated[float, Meta(ge=0, le=200)] = 25
    path: WebPath = "/"
    headers: dict[HeaderName, Text] = {}
    payload: Any = msgspec.field(default_factory=dict)
    timeout: Duration = Duration(5)


class Alarm(StrictStruct, frozen=True):
    """CloudWatch alarm of the deployment group; exactly one of the keys sets when it is in ALARM.

    Attributes:
        errors_percent: In ALARM while more than this percentage of the users' requests of the last minute failed.
        at: In ALARM from this time of the deployment on, in CodeDeploy's minutes.
        state: Always in ALARM.
    """

    name: Text
    errors_percent: Annotated[float, Meta(ge=0, lt=100)] | None = None
    at: Duration | None = None
    state: Literal["ALARM"] | None = None


class Rollback(StrictStruct, frozen=True):
    """Automatic rollback, and whether the rollback deployment calls the hooks as well."""

    enabled: bool = True
    hooks: bool = False


class Settings(StrictStruct, frozen=True):
    """Parameters of the greenlight stack."""

    on_missing_plan: Literal["default-checks", "fail", "pass"] = "default-checks"
    on_rollback: Literal["pass", "check"] = "pass"
    allow_shadow: bool = False
    allowed_hosts: tuple[Text, ...] = ()
    concurrency: Annotated[int, Meta(ge=1, le=256)] = 16
    environment: Annotated[str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,63})?$(?!\n)")] = ""


class Bounds(StrictStruct, frozen=True):
    """Range of numbers, including both ends."""

    gte: int = 0
    lte: int | None = None

    def contains(self, number: int) -> bool:
        """Return whether the number is in the range."""
        return self.gte <= number and (self.lte is None or number <= self.lte)

    def __str__(self) -> str:
        """Return the range in words."""
        return f"at least {self.gte}" if self.lte is None else f"{self.gte} to {self.lte}"


class Expect(StrictStruct, frozen=True):
    """Expected outcome of a deployment; keys that are absent are not compared.

    Attributes:
        failed_at: Lifecycle event at which it fails; null if no event fails.
        green_requests_from_users: Number of the users' requests that were sent to green; a number or {gte, lte}.
        green_percent: Largest share of the users' traffic that green got, in percent; a number or {gte, lte}.
        users_errors: Number of the users' requests that failed, on blue or green; a number or {gte, lte}.
        causes: Causes that must be among the reasons of the gates.
        reason: Text that a reason of a gate must contain.
        answered_by: Function or state machine that reported the last status to CodeDeploy.
    """

    status: Literal["Succeeded", "Failed", "Stopped"] = "Succeeded"
    failed_at: EventName | UnsetType | None = UNSET
    rolled_back: bool | UnsetType = UNSET
    green_requests_from_users: int | Bounds | UnsetType = UNSET
    green_percent: int | Bounds | UnsetType = UNSET
    users_errors: int | Bounds | UnsetType = UNSET
    causes: tuple[CauseName, ...] = ()
    reason: Text | None = None
    answered_by: Literal["hook", "machine", "guardian", "last-resort"] | None = None


class FaultOptions(StrictStruct, frozen=True):
    """Limits of a fault: to the hooks of one lifecycle event, or to a number of times."""

    stage: EventName | None = None
    times: Annotated[int, Meta(ge=1, le=100)] | None = None


FaultEntry = str | dict[str, FaultOptions]


class Approval(StrictStruct, frozen=True):
    """Decision of a person about a hold, sent as `greenlight approve` and `greenlight refuse` send it.

    Attributes:
        stage: Lifecycle event whose gate waits; if absent, that of the first gate that waits.
        after: Time from the request to the decision, in CodeDeploy's minutes.
        by: Name of the person; the deployer is `deployer`.
        why: Reason of the decision.
    """

    by: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_=,.@-]{2,64}$(?!\n)")]
    why: Annotated[str, Meta(min_length=1, max_length=1000)]
    decision: Literal["approve", "refuse"] = "approve"
    stage: EventName | None = None
    after: Duration = Duration(0)


class Deployment(StrictStruct, frozen=True):
    """One of several deployments in a row; an absent key has the value of the scenario."""

    green: Release
    plan: Text | UnsetType | None = UNSET
    config: str | None = None
    faults: tuple[FaultEntry, ...] | None = None
    approvals: tuple[Approval, ...] | None = None
    expect: Expect | None = None


class ScenarioFile(StrictStruct, frozen=True):
    """Content of a scenario file.

    Attributes:
        minute: Time of the rehearsal for one minute of CodeDeploy.
        hour: Time that CodeDeploy waits for a hook's status; if absent 60 minutes, but at least 30 seconds.
        hook_timeout: Time limit of the hook functions, in real time.
        conductor: Whether a hook runs the checks or starts the state machine; `auto` decides by the plan and the
            hook's time limit, and the default one is too short for that.
        approvals: Decisions of people about holds.
        hooks: Lifecycle events that call a hook; if absent, the stages of the plan.
        template, appspec: The service's own files, whose values are imported (template_import.py).
        parameters: Values of the template's parameters; others have their defaults.
    """

    name: Text
    platform: Literal["ecs", "lambda"]
    blue: Release
    green: Release | None = None
    deployments: tuple[Deployment, ...] = ()
    application: Name = "service"
    group: Name = "blue-green"
    template: Text | None = None
    appspec: Text | None = None
    parameters: dict[str, Scalar] = {}
    config: str | None = None
    minute: Duration = Duration(1)
    hour: Duration | None = None
    hook_timeout: Duration = Duration(60)
    conductor: Literal["inline", "auto", "machine"] = "inline"
    plan: Text | None = None
    hooks: tuple[EventName, ...] | None = None
    listener: Listener = Listener()
    users: Users = Users()
    alarms: Annotated[tuple[Alarm, ...], Meta(max_length=10)] = ()
    rollback: bool | Rollback = True
    settings: Settings = Settings()
    faults: tuple[FaultEntry, ...] = ()
    approvals: Annotated[tuple[Approval, ...], Meta(max_length=10)] = ()
    expect: Expect = Expect()


class Fault(StrictStruct, frozen=True):
    """One fault of a deployment."""

    name: str
    stage: str | None = None
    times: int | None = None


class PlannedDeployment(StrictStruct, frozen=True):
    """One deployment of a scenario with all defaults applied."""

    green: Release
    plan: Path | None
    config: str
    hooks: tuple[str, ...]
    faults: tuple[Fault, ...]
    approvals: tuple[Approval, ...]
    expect: Expect

    def fault(self, name: str) -> Fault | None:
        """Return the fault with this name, None if the deployment does not have it."""
        return next((fault for fault in self.faults if fault.name == name), None)


class Scenario(StrictStruct, frozen=True):
    """Valid scenario. Paths and commands are relative to `folder`."""

    path: Path
    file: ScenarioFile
    deployments: tuple[PlannedDeployment, ...]

    @property
    def folder(self) -> Path:
        """Folder of the scenario file."""
        return self.path.parent

    @property
    def resource(self) -> str:
        """Application name that is valid in all AWS services: at most 28 letters, digits and hyphens."""
        return re.sub(r"[^A-Za-z0-9]+", "-", self.file.application)[:28].strip("-") or "service"

    @property
    def rollback(self) -> Rollback:
        """Settings of the rollback, in the long form."""
        rollback = self.file.rollback
        return Rollback(enabled=rollback) if isinstance(rollback, bool) else rollback

    @property
    def hour_s(self) -> float:
        """Seconds that CodeDeploy waits for a hook's status."""
        if self.file.hour is not None:
            return float(self.file.hour)
        # Hooks run in real time, so a very short minute must still leave them enough time to report a status.
        return max(60 * self.file.minute, 30.0)
