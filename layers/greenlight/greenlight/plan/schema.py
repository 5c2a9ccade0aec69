"""Types of the plan language, except the parameters of validators.

Their docstrings become the reference of the plan language (docs/plan.md) and the descriptions in its JSON Schema.
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from greenlight.core.deployment import Deployment, Platform
from greenlight.core.display import is_blank
from greenlight.core.errors import WrongValueError
from greenlight.core.field_types import (
    BaseUrl,
    Digest,
    EnvironmentName,
    FragmentUri,
    HostName,
    Name,
    Scalar,
    StrictStruct,
    VariableName,
    require_within_one_hour,
)
from greenlight.core.finding import OnFirstDeployment, OnInconclusive, Severity
from greenlight.core.units import Duration, field_default
from greenlight.plan.hold import Hold
from greenlight.plan.repeat import Repeat
from greenlight.plan.retry import Retry
from greenlight.plan.shadow import Shadow

if TYPE_CHECKING:
    from collections.abc import Sequence


StageName = Literal[
    "BeforeInstall",
    "AfterInstall",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
]

DEFAULT_TIMEOUT = Duration(10)
MIN_TIMEOUT_S = 0.001

MIN_EVERY_S, MAX_EVERY_S = 10.0, 600.0
"""Limits of `every`: a round needs some seconds itself, and CodeDeploy's shortest steps take a minute."""

WATCH_KEYS = ("every", "tolerate", "stop_on")
"""Keys of a stage that only AllowTraffic has."""


class When(StrictStruct, frozen=True, kw_only=True):
    """The deployments for which a check runs; for all others it is SKIPPED.

    Attributes:
        platform: `ecs` or `lambda`.
        application: Name of the CodeDeploy application, or a list of names.
        group: Name of the deployment group, or a list of names.
        environment: Name of the installation's environment, such as `prod`, or a list of names.
        region: AWS region, or a list of regions.

    Example:
        checks:
          - name: green answers
            http: {get: /health, expect: {status: 200}}
          - name: the shop's live group has its alarms
            when: {platform: ecs, application: shop, group: live, environment: [staging, prod], region: eu-central-1}
            alarms: {names: ["shop-*"]}
    """

    platform: Platform | None = None
    application: Name | tuple[Name, ...] | None = None
    group: Name | tuple[Name, ...] | None = None
    environment: EnvironmentName | tuple[EnvironmentName, ...] | None = None
    region: Name | tuple[Name, ...] | None = None

    def __post_init__(self) -> None:
        """Reject empty lists, which no deployment matches."""
        for key in ("application", "group", "environment", "region"):
            if getattr(self, key) == ():
                raise WrongValueError("an empty list matches no deployment; add a name, or remove the key", (key,))

    def skip_reason(self, deployment: Deployment) -> str:
        """Return why the check does not run for `deployment`; "" if it does."""
        if self.platform is not None and self.platform is not deployment.platform:
            return _describe_mismatch("platform", (self.platform.value,), deployment.platform.value)
        for key in ("application", "group", "environment", "region"):
            names, actual = self.names(key), getattr(deployment, key)
            if names and actual not in names:
                return _describe_mismatch(key, names, actual)
        return ""

    def names(self, key: str) -> tuple[str, ...]:
        """Return the names that a key allows; empty if the plan does not restrict it."""
        value = getattr(self, key)
        return (value,) if isinstance(value, str) else value or ()


def _describe_mismatch(key: str, allowed: Sequence[str], actual: str) -> str:
    return f"the plan runs it only when {key} is {' or '.join(allowed)}, and it is {actual or 'unknown'}"


class Control(StrictStruct, frozen=True, kw_only=True):
    """The control keys of a check. A check has one other key, its validator.

    Attributes:
        name: Name of the check in reports and in `needs`; unique in its stage.
        severity: `blocking` findings decide the verdict. So do `required-with-override` findings, unless an override
            applies (`greenlight override`). `advisory` findings are only reported.
        on_inconclusive: Effect of INCONCLUSIVE: `fail` fails the gate; `tolerate` ignores it if the check ran and no
            earlier attempt ended with FAIL or ERROR. INCONCLUSIVE is never evidence.
        on_first_deployment: `skip` skips the check on a first deployment, which has no blue to compare with.
        timeout: Time limit of one attempt; by default that of `defaults`.
        retry: When to retry; by default as in `defaults`.
        repeat: Several measurements, instead of `retry`.
        needs: Names of earlier checks of the stage that must pass first. If one does not pass, this check does not run
            and is INCONCLUSIVE.
        when: The deployments for which the check runs.
        tags: Words by which checks can be selected.
        each: Rows, either maps or plain values. The check is expanded into one check for each row, called `NAME [ROW]`
            after the row's `name` or its first values. The row's value replaces `${each.KEY}` (`${each}` for plain
            values) in the parameters. A check that needs NAME needs all its rows. A stage with rows has at most
            10,000 checks.

    Example:
        checks:
          - name: green answers
            timeout: 2s
            retry: {attempts: 3, interval: 200ms}
            tags: [smoke]
            http: {get: /health, expect: {status: 200}}
          - name: green keeps answering
            needs: [green answers]
            repeat: {count: 3, interval: 100ms}
            http: {get: /health, expect: {status: 200}}
          - name: the catalogue is short of nothing
            severity: advisory
            on_inconclusive: tolerate
            on_first_deployment: skip
            when: {platform: ecs}
            http: {get: /catalogue, expect: {json: {"length(articles)": {gte: 2}}}}
          - name: every page has its status
            each:
              - {path: /catalogue, status: 200}
              - {path: /nowhere, status: 404, name: nothing is nowhere}
            http: {get: "${each.path}", expect: {status: "${each.status}"}}
    """

    name: Name
    severity: Severity = Severity.BLOCKING
    on_inconclusive: OnInconclusive = OnInconclusive.FAIL
    on_first_deployment: OnFirstDeployment = OnFirstDeployment.RUN
    timeout: Duration | None = None
    retry: Retry | None = None
    repeat: Repeat | None = None
    needs: tuple[Name, ...] = ()
    when: When | None = None
    tags: tuple[Name, ...] = ()
    each: tuple[dict[str, Any] | str | int | float | bool, ...] | None = None

    def __post_init__(self) -> None:
        """Reject names with invisible characters, impossible timeouts, and `retry` together with `repeat`."""
        if not self.name.isprintable() or self.name != self.name.strip() or is_blank(self.name):
            message = f"{self.name!r} has invisible characters, or a space at its beginning or end; remove them"
            raise WrongValueError(message, ("name",))
        require_within_one_hour(self.timeout, "timeout", min_s=MIN_TIMEOUT_S)
        if self.repeat is not None:
            require_within_one_hour(self.repeat.interval, "repeat", "interval")
            if self.retry is not None:
                message = "a check has either retry or repeat; remove retry, because the limits of repeat replace it"
                raise WrongValueError(message, ("retry",))


class Defaults(StrictStruct, frozen=True, kw_only=True):
    """Default control keys of all checks.

    Attributes:
        timeout: Time limit of one attempt.
        retry: When to retry.

    Example:
        defaults:
          timeout: 5s
          retry: {attempts: 2, interval: 500ms}
    """

    timeout: Duration = field_default(DEFAULT_TIMEOUT)
    retry: Retry = field_default(Retry())

    def __post_init__(self) -> None:
        """Reject impossible timeouts."""
        require_within_one_hour(self.timeout, "timeout", min_s=MIN_TIMEOUT_S)


class Target(StrictStruct, frozen=True, kw_only=True):
    """The address of green, if discovery cannot determine it or should not be used.

    Attributes:
        host: Host name for the Host header, SNI and certificate verification of requests to the load balancer.
        url: Base URL of green, for deployments whose load balancer CodeDeploy does not know (CloudFormation's BlueGreen
            transform). The operator must allow its host.

    Example:
        target:
          host: shop.example.com
          url: https://green.example.com/shop
    """

    host: HostName | None = None
    url: BaseUrl | None = None

    def __post_init__(self) -> None:
        """Reject a URL without a usable host and port."""
        if self.url is None:
            return
        try:
            parts = urllib.parse.urlsplit(self.url)
            usable = bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            message = f"{self.url!r} has no usable host and port; write for example https://green.example.com"
            raise WrongValueError(message, ("url",))


class Environment(StrictStruct, frozen=True, kw_only=True):
    """Settings of one environment, which take precedence over those of the plan.

    Attributes:
        variables: Replace the plan's variables of the same names.
        target: Its keys replace the same keys of the plan's target.
        defaults: Its keys replace the same keys of the plan's defaults; `retry` is replaced completely.

    Example:
        variables: {tenant: smoke-staging}
        target: {host: shop.staging.example.com}
        defaults: {timeout: 20s}
    """

    variables: dict[VariableName, Scalar] = {}
    target: Target = Target()
    defaults: Defaults = field_default(Defaults())


class Include(StrictStruct, frozen=True, kw_only=True):
    """A fragment that a stage includes: a file with `version`, `checks`, and the `variables` that its checks need.

    Attributes:
        uri: URI of the fragment: `s3://BUCKET/KEY`, `ssm:/NAME`, or `file:NAME` for a file packed with the hooks.
        sha256: Digest of the fragment's text, required for S3 and SSM; a fragment with another digest is rejected.

    Example:
        include:
          - uri: file:shared/web.yaml
            sha256: 7c385b0b8ec39e722857ed641f6b014a8040ab22072a04d61886de2e02f4bb69
    """

    uri: FragmentUri
    sha256: Digest | None = None


class Accepts(StrictStruct, frozen=True, kw_only=True):
    """Weaker evidence than an answer of green that suffices for a stage's Succeeded; every report shows it.

    Attributes:
        evidence: `readiness`, the state of a resource that is green's alone, such as its targets or its version; or
            `environment`, any check that passes, also one that asks blue, another host or an alarm.
        why: The reason why no check asks green.

    Example:
        checks:
          - name: green's port is open
            tcp: {}
        accepts: {evidence: environment, why: green takes its work from a queue and answers no requests}
    """

    evidence: Literal["readiness", "environment"]
    why: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]

    def __post_init__(self) -> None:
        """Reject a blank reason."""
        if not self.why.strip():
            raise WrongValueError("the reason is blank; write why no check of this stage asks green", ("why",))


class StageFile(StrictStruct, frozen=True, kw_only=True):
    """The checks of one lifecycle event.

    Attributes:
        checks: The checks. They run in parallel, except that a check waits for those in its `needs`.
        include: Fragments, whose checks come before the stage's own checks.
        bake: Wait before the checks start, for faults that appear only after some time. It counts towards the hook's
            timeout.
        accepts: Weaker evidence that suffices here. Without it, one blocking check must have asked green wherever green
            can be asked.
        hold: A wait for the approval of a person after the checks have passed.
        every: Time from the beginning of one round of checks to the next, 10s to 10m; 30s by default. Only at
            AllowTraffic, where the checks run again and again while the users' traffic shifts to green.
        tolerate: Number of bad rounds in a row that do not stop the deployment yet; 1 by default, and 0 stops it at the
            first. A good round begins the count again. Only at AllowTraffic.
        stop_on: Outcomes of a blocking check that make a round bad; `[fail]` by default. With `error` or
            `inconclusive` a check that could not measure stops the deployment as well. Only at AllowTraffic.

    Example:
        include: [{uri: "file:shared/web.yaml"}]
        bake: 100ms
        checks:
          - name: green answers
            http: {get: /health, expect: {status: 200}}
        accepts: {evidence: readiness, why: its only endpoint is internal}
        hold: {within: 20m, ask: [release managers, the owner of the shop]}
    """

    checks: list[dict[str, Any]] = []
    include: tuple[Include, ...] = ()
    bake: Duration = field_default(Duration(0))
    accepts: Accepts | None = None
    hold: Hold | None = None
    every: Duration | None = None
    tolerate: Annotated[int, msgspec.Meta(ge=0, le=10)] | None = None
    stop_on: tuple[Literal["fail", "error", "inconclusive"], ...] | None = None

    def __post_init__(self) -> None:
        """Reject waits over one hour, after which CodeDeploy stops waiting for the hook, and impossible rounds."""
        require_within_one_hour(self.bake, "bake")
        if self.every is not None and not MIN_EVERY_S <= self.every <= MAX_EVERY_S:
            message = f"{self.every} is not between {Duration(MIN_EVERY_S)} and {Duration(MAX_EVERY_S)}"
            raise WrongValueError(f"{message}; write for example 30s", ("every",))
        if self.stop_on is not None and "fail" not in self.stop_on:
            message = "a check that fails always counts, so the list contains fail; write for example [fail, error]"
            raise WrongValueError(message, ("stop_on",))


class PlanFile(StrictStruct, frozen=True, kw_only=True):
    """A plan: the checks of each stage, and the settings that they share.

    Attributes:
        version: The version of the plan language: 1.
        stages: Checks by lifecycle event. For events that are not listed, the installation's parameter `OnMissingPlan`
            decides.
        defaults: Default control keys of all checks.
        variables: Values by name. The value replaces `${name}` in the parameters of validators and keeps its type.
        target: The address of green, if discovery cannot determine it or should not be used.
        environments: Settings that differ between environments, by name of the environment. The installation's
            parameter `Environment` or the deployment group's tag `greenlight:environment` selects the environment;
            `default` applies to all others.
        shadow: A period in which the gate reports its verdict, but CodeDeploy always gets Succeeded.
        network: `vpc` runs the checks in the subnets of the installation's parameter `ProbeSubnetIds`, for a load
            balancer that only its VPC reaches; `hook`, the default, runs them where the hooks run.

    Example:
        version: 1
        defaults: {timeout: 5s}
        variables: {tenant: smoke}
        target: {host: shop.example.com}
        shadow: {until: "2026-08-01", why: we are getting to know the gate}  # over: write a day within the next 90
        network: hook
        environments:
          prod: {}
          default: {variables: {tenant: test}, target: {host: shop.staging.example.com}}
        stages:
          AfterAllowTestTraffic:
            checks:
              - name: green answers
                http: {get: /health, headers: {x-tenant: "${tenant}"}, expect: {status: 200}}
    """

    version: Literal[1]
    stages: dict[StageName, StageFile]
    defaults: Defaults = field_default(Defaults())
    variables: dict[VariableName, Scalar] = {}
    target: Target = Target()
    environments: dict[EnvironmentName, Environment] | None = None
    shadow: Shadow | None = None
    network: Literal["hook", "vpc"] = "hook"


CONTROL_KEYS = tuple(field.encode_name for field in msgspec.structs.fields(Control))
