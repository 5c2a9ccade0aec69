"""The plan language as types: everything that a service team writes, except the parameters of validators.

The docstrings are the reference of the plan language (docs/plan.md) and the descriptions in its JSON schema.
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from greenlight.core.deployment import Deployment, Platform
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
from greenlight.plan.repeat import Repeat
from greenlight.plan.retry import Retry
from greenlight.plan.shadow import Shadow

if TYPE_CHECKING:
    from collections.abc import Sequence


StageName = Literal["BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"]

DEFAULT_TIMEOUT = Duration(10)
LEAST_TIMEOUT_S = 0.001


class When(StrictStruct, frozen=True, kw_only=True):
    """The deployments for which a check runs; for others it is SKIPPED, as the plan asks.

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
                raise WrongValueError("an empty list means no deployment; write a name, or take the key out", (key,))

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
    return f"the plan runs it only when {key} is {' or '.join(allowed)}, and it is {actual or 'not known'}"


class Control(StrictStruct, frozen=True, kw_only=True):
    """The control keys of a check; the one other key is its validator.

    Attributes:
        name: Name of the check in reports and in `needs`; unique in its stage.
        severity: `blocking` findings decide; so do `required-with-override` ones, unless an override lets one pass
            (`greenlight override`); `advisory` ones are shown and never counted.
        on_inconclusive: Meaning of an INCONCLUSIVE: `fail` closes the gate; `tolerate` ignores it if it was measured
            and no attempt before it ended with a failure or an error. It is never evidence.
        on_first_deployment: `skip` leaves the check out if there is no blue yet to compare with.
        timeout: Time for one attempt; by default that of `defaults`.
        retry: When to try again; by default that of `defaults`.
        repeat: Measure several times, in place of `retry`.
        needs: Names of earlier checks of the stage that must pass first; otherwise this one is INCONCLUSIVE and not
            run.
        when: The deployments for which it runs.
        tags: Words by which checks can be selected.
        each: Rows, maps or plain values: the check becomes one for each, called `NAME [ROW]` by the row's `name` or its
            first values. `${each.KEY}` (`${each}` for plain values) in the parameters is replaced by the row's value.
            To need NAME is to need all its rows. A stage has at most 500 checks by rows.

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
        if not self.name.isprintable() or self.name != self.name.strip():
            message = f"{self.name!r} has invisible characters, or a blank at its beginning or end; remove them"
            raise WrongValueError(message, ("name",))
        require_within_one_hour(self.timeout, "timeout", least=LEAST_TIMEOUT_S)
        if self.repeat is not None:
            require_within_one_hour(self.repeat.interval, "repeat", "interval")
            if self.retry is not None:
                message = "a check has retry or repeat, not both; the limits of repeat replace retry"
                raise WrongValueError(message, ("retry",))


class Defaults(StrictStruct, frozen=True, kw_only=True):
    """Control keys of checks that do not set their own.

    Attributes:
        timeout: Time for one attempt.
        retry: When to try again.

    Example:
        defaults:
          timeout: 5s
          retry: {attempts: 2, interval: 500ms}
    """

    timeout: Duration = field_default(DEFAULT_TIMEOUT)
    retry: Retry = field_default(Retry())

    def __post_init__(self) -> None:
        """Reject impossible timeouts."""
        require_within_one_hour(self.timeout, "timeout", least=LEAST_TIMEOUT_S)


class Target(StrictStruct, frozen=True, kw_only=True):
    """The address of green, for a team that does not rely on discovery.

    Attributes:
        host: Host name for the Host header, SNI and certificate verification while connecting to the load balancer.
        url: Base URL of green, for deployments without information about a load balancer (CloudFormation's BlueGreen
            transform); its host must be allowed by the operator.

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
    """The differences of one environment.

    Attributes:
        variables: They replace the plan's variables of the same names.
        target: Its keys replace those of the plan.
        defaults: Its keys replace those of the plan; `retry` as a whole.

    Example:
        variables: {tenant: smoke-staging}
        target: {host: shop.staging.example.com}
        defaults: {timeout: 20s}
    """

    variables: dict[VariableName, Scalar] = {}
    target: Target = Target()
    defaults: Defaults = field_default(Defaults())


class Include(StrictStruct, frozen=True, kw_only=True):
    """A fragment that a stage includes: a file with `version`, `checks`, and `variables` that these need.

    Attributes:
        uri: Its URI, written as those of plans; `file:` is beside the plans packed with the hooks.
        sha256: Digest of its text, required for fragments in S3 and SSM: a changed text is rejected.

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
        accepts: {evidence: readiness, why: green takes its work from a queue and answers no requests}
    """

    evidence: Literal["readiness", "environment"]
    why: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]

    def __post_init__(self) -> None:
        """Reject a blank reason."""
        if not self.why.strip():
            raise WrongValueError("the reason is blank; write why no check of this stage asks green", ("why",))


class StageFile(StrictStruct, frozen=True, kw_only=True):
    """A lifecycle event at which a hook is called; its checks are typed once their validators are known.

    Attributes:
        checks: The checks; they run in parallel, except those that need another.
        include: Fragments, whose checks come before the stage's own.
        bake: Wait before the checks start, for faults that show only after a while; it counts against the hook's time.
        accepts: Weaker evidence that suffices here. Without it, one blocking check must have asked green wherever green
            can be asked.

    Example:
        include: [{uri: "file:shared/web.yaml"}]
        bake: 100ms
        checks:
          - name: green answers
            http: {get: /health, expect: {status: 200}}
        accepts: {evidence: readiness, why: its only endpoint is internal}
    """

    checks: list[dict[str, Any]] = []
    include: tuple[Include, ...] = ()
    bake: Duration = field_default(Duration(0))
    accepts: Accepts | None = None

    def __post_init__(self) -> None:
        """Reject waits over one hour, after which CodeDeploy has given up."""
        require_within_one_hour(self.bake, "bake")


class PlanFile(StrictStruct, frozen=True, kw_only=True):
    """A whole plan: the checks of each stage, and the values that they share.

    Attributes:
        version: The version of the plan language: 1.
        stages: The lifecycle events at which something is checked, each with its checks; for other stages the
            operator's `OnMissingPlan` decides.
        defaults: Control keys of checks that do not set their own.
        variables: Values by name; `${name}` in the parameters of validators is replaced by the value, with its type.
        target: The address of green, for a team that does not rely on discovery.
        environments: The differences of each environment, by its name, which the installation (its parameter
            `Environment`) or the deployment group (its tag `greenlight:environment`) sets; `default` is for all
            others.
        shadow: A time in which the gate reports its verdict, and CodeDeploy gets Succeeded.

    Example:
        version: 1
        defaults: {timeout: 5s}
        variables: {tenant: smoke}
        target: {host: shop.example.com}
        shadow: {until: "2026-08-01", why: we are getting to know the gate}  # over: write a day within the next 90
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


CONTROL_KEYS = tuple(field.encode_name for field in msgspec.structs.fields(Control))
