"""The scenario file as types: what a user may write, and what each key means. Closed: an unknown key is refused.

docs/rehearsal.md explains every key to users; a test compares the two.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from devkit.rehearsal.lifecycle import EventName
from greenlight.core.units import Duration

CauseName = Literal["RELEASE_FAILED", "GATE_ERROR", "PLAN_ERROR", "NO_EVIDENCE", "DEADLINE", "SUPERSEDED"]
Text = Annotated[str, Meta(min_length=1, max_length=500)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+=,@-]{0,99}$")]
HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
WebPath = Annotated[str, Meta(pattern=r"^/[!-~]*$", max_length=500)]
Scalar = str | int | float | bool


class Closed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything a scenario may say."""


class Release(Closed, frozen=True):
    """Blue or green: a `command` (ecs) or a `function` (lambda), and how it is run.

    Attributes:
        command: Program and arguments; `{port}` stands for the port to listen on, which PORT names too.
        function: `FILE.py:HANDLER`, run in AWS's Python runtime client.
        environment: Variables of the process.
        start_timeout: How long a command may take until it listens.
        timeout: A function's time limit.
    """

    command: Text | tuple[Text, ...] | None = None
    function: Text | None = None
    environment: dict[str, Scalar] = {}
    start_timeout: Duration = Duration(20)
    timeout: Duration = Duration(10)

    def variables(self) -> dict[str, str]:
        """Write `environment` as a process gets it: `true` and not Python's `True`."""
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in self.environment.items()
        }


class Conditions(Closed, frozen=True):
    """What a request needs for the listener's rule to send it to the service; anything else gets a 404."""

    hosts: tuple[Text, ...] = ()
    paths: tuple[Text, ...] = ()
    headers: dict[HeaderName, tuple[Text, ...] | Text] = {}


class HealthCheck(Closed, frozen=True):
    """The target groups' health check: a path, and the HTTP codes that mean healthy."""

    path: WebPath = "/"
    codes: Annotated[str, Meta(pattern=r"^[0-9]{3}(-[0-9]{3})?(,[0-9]{3}(-[0-9]{3})?)*$")] = "200-499"


class Listener(Closed, frozen=True):
    """How the service stands behind its load balancer (ecs).

    Attributes:
        test: Whether there is a test listener.
        https: TLS on both listeners, with a certificate for `host` of an authority of its own.
        nlb: A network load balancer: no rules, and ECSAllAtOnce only.
    """

    test: bool = True
    https: bool = False
    host: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")] | None = None
    nlb: bool = False
    conditions: Conditions = Conditions()
    health_check: HealthCheck = HealthCheck()


class Users(Closed, frozen=True):
    """The users' traffic, which flows all the while.

    Attributes:
        rate: Requests a second.
        path, headers: What they ask for (ecs).
        payload: What they call the function with (lambda).
        timeout: When a user gives up.
    """

    rate: Annotated[float, Meta(ge=0, le=200)] = 25
    path: WebPath = "/"
    headers: dict[HeaderName, Text] = {}
    payload: Any = msgspec.field(default_factory=dict)
    timeout: Duration = Duration(5)


class Alarm(Closed, frozen=True):
    """A CloudWatch alarm of the deployment group; exactly one of the keys says when it is in ALARM.

    Attributes:
        errors_percent: While more than this share of the users' requests of the last minute failed.
        at: From this time of the deployment on, in CodeDeploy's minutes.
        state: All the time.
    """

    name: Text
    errors_percent: Annotated[float, Meta(ge=0, lt=100)] | None = None
    at: Duration | None = None
    state: Literal["ALARM"] | None = None


class Rollback(Closed, frozen=True):
    """Automatic rollback: whether, and whether the rollback deployment calls the hooks as well."""

    enabled: bool = True
    hooks: bool = False


class Settings(Closed, frozen=True):
    """The installation's parameters, as an operator would have chosen them."""

    on_missing_plan: Literal["default-checks", "fail", "pass"] = "default-checks"
    on_rollback: Literal["pass", "check"] = "pass"
    allow_shadow: bool = False
    allowed_hosts: tuple[Text, ...] = ()
    concurrency: Annotated[int, Meta(ge=1, le=256)] = 16
    environment: Annotated[str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,63})?$(?!\n)")] = ""


class Bounds(Closed, frozen=True):
    """A range of numbers, both ends included."""

    gte: int = 0
    lte: int | None = None

    def holds(self, number: int) -> bool:
        """Whether the number is within."""
        return self.gte <= number and (self.lte is None or number <= self.lte)

    def __str__(self) -> str:
        """Say it in words."""
        return f"at least {self.gte}" if self.lte is None else f"{self.gte} to {self.lte}"


class Expect(Closed, frozen=True):
    """How the deployment ends if all is as it should be; what is not named is not compared.

    Attributes:
        failed_at: The lifecycle event it ends at; null for none.
        green_requests_from_users: How many of their requests went to green; a number or {gte, lte}.
        users_errors: How many of their requests failed, by whichever side.
        causes: Each of these classes stands among the gates' reasons.
        reason: Some gate's reason contains this text.
        answered_by: Who gave the last answer to CodeDeploy.
    """

    status: Literal["Succeeded", "Failed", "Stopped"] = "Succeeded"
    failed_at: EventName | UnsetType | None = UNSET
    rolled_back: bool | UnsetType = UNSET
    green_requests_from_users: int | Bounds | UnsetType = UNSET
    users_errors: int | Bounds | UnsetType = UNSET
    causes: tuple[CauseName, ...] = ()
    reason: Text | None = None
    answered_by: Literal["hook", "last-resort"] | None = None


class FaultOptions(Closed, frozen=True):
    """When a fault strikes: for hooks of one lifecycle event only, or this many times."""

    stage: EventName | None = None
    times: Annotated[int, Meta(ge=1, le=100)] | None = None


FaultEntry = str | dict[str, FaultOptions]


class Deployment(Closed, frozen=True):
    """One of several deployments in a row; what is absent is as the scenario says."""

    green: Release
    plan: Text | UnsetType | None = UNSET
    config: str | None = None
    faults: tuple[FaultEntry, ...] | None = None
    expect: Expect | None = None


class ScenarioFile(Closed, frozen=True):
    """A scenario as written.

    Attributes:
        minute: How long one of CodeDeploy's minutes takes here.
        hour: How long CodeDeploy waits for a hook's answer; 60 minutes if absent, but never under 30 seconds.
        hook_timeout: The hook functions' time limit; real seconds.
        hooks: The lifecycle events that call a hook; if absent, the stages of the plan.
        template, appspec: The service's own files, which say what is then not said here (deployed.py).
        parameters: Values of the template's parameters, over their defaults.
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
    plan: Text | None = None
    hooks: tuple[EventName, ...] | None = None
    listener: Listener = Listener()
    users: Users = Users()
    alarms: Annotated[tuple[Alarm, ...], Meta(max_length=10)] = ()
    rollback: bool | Rollback = True
    settings: Settings = Settings()
    faults: tuple[FaultEntry, ...] = ()
    expect: Expect = Expect()


class Fault(Closed, frozen=True):
    """One fault as read."""

    name: str
    stage: str | None = None
    times: int | None = None


class Planned(Closed, frozen=True):
    """One deployment of a scenario with everything decided."""

    green: Release
    plan: Path | None
    config: str
    hooks: tuple[str, ...]
    faults: tuple[Fault, ...]
    expect: Expect

    def fault(self, name: str) -> Fault | None:
        """Find a fault by name."""
        return next((fault for fault in self.faults if fault.name == name), None)


class Scenario(Closed, frozen=True):
    """A scenario that was read and checked. Paths and commands are relative to `folder`."""

    path: Path
    file: ScenarioFile
    deployments: tuple[Planned, ...]

    @property
    def folder(self) -> Path:
        """The folder the file stands in."""
        return self.path.parent

    @property
    def resource(self) -> str:
        """The application's name as every AWS service can bear it: letters, digits and hyphens, at most 28 long."""
        return re.sub(r"[^A-Za-z0-9]+", "-", self.file.application)[:28].strip("-") or "service"

    @property
    def rollback(self) -> Rollback:
        """The rollback settings, long form."""
        rollback = self.file.rollback
        return Rollback(enabled=rollback) if isinstance(rollback, bool) else rollback

    @property
    def hour_s(self) -> float:
        """CodeDeploy's hour, in seconds here."""
        # Hooks run in real time: a very short minute must not starve them of the time to answer at all.
        return float(self.file.hour) if self.file.hour is not None else max(60 * self.file.minute, 30.0)
