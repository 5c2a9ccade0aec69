"""What a service team may write, as types: the whole of a plan, but for the parameters of validators.

The docstrings are the reference of the plan language and the texts of its schema.
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any, Literal

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
    """For which deployments a check runs; elsewhere it is SKIPPED, which the plan asked for.

    Attributes:
        platform: `ecs` or `lambda`.
        application: Name of the CodeDeploy application, or a list of names.
        group: Name of the deployment group, or a list of names.
        environment: What the installation says it is, such as `prod`, or a list.
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
        """Refuse a list that no deployment is in."""
        for key in ("application", "group", "environment", "region"):
            if getattr(self, key) == ():
                raise WrongValueError("an empty list means no deployment; write a name, or take the key out", (key,))

    def refuses(self, deployment: Deployment) -> str:
        """Say why the check does not run for `deployment`; "" when it does."""
        if self.platform is not None and self.platform is not deployment.platform:
            return _refused("platform", (self.platform.value,), deployment.platform.value)
        for key in ("application", "group", "environment", "region"):
            names, actual = self.names(key), getattr(deployment, key)
            if names and actual not in names:
                return _refused(key, names, actual)
        return ""

    def names(self, key: str) -> tuple[str, ...]:
        """Give the names that a key may be; none where the plan says nothing of it."""
        wanted = getattr(self, key)
        return (wanted,) if isinstance(wanted, str) else wanted or ()


def _refused(key: str, wanted: Sequence[str], actual: str) -> str:
    return f"the plan runs it only when {key} is {' or '.join(wanted)}, and it is {actual or 'not known'}"


class Control(StrictStruct, frozen=True, kw_only=True):
    """The control keys of a check; the one other key is its validator.

    Attributes:
        name: What the check is called in reports and in `needs`; no other of its stage is called so.
        severity: `blocking` findings decide; so do `required-with-override` ones, until somebody answers for letting
            one pass (`greenlight override`); `advisory` ones are shown and never counted.
        on_inconclusive: What an INCONCLUSIVE means: `fail` closes the gate; `tolerate` makes it neither, as long as it was
            measured and nothing failed or erred before it. It is never evidence.
        on_first_deployment: `skip` leaves the check out where there is no blue yet to compare with.
        timeout: Time for one attempt; that of `defaults` when left out.
        retry: When to try again; that of `defaults` when left out.
        repeat: Measure several times, in place of `retry`.
        needs: Names of earlier checks of the stage that must pass first; otherwise this one is INCONCLUSIVE and not
            run.
        when: For which deployments it runs.
        tags: Words by which checks can be picked.
        each: Rows, maps or plain values: the check becomes one for each, called `NAME [ROW]` by the row's `name` or its
            first values. `${each.KEY}` (`${each}` for plain values) in the parameters stands for the row's. Whoever
            needs NAME needs them all. A stage has at most 500 checks by rows.

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
          - name: what is asked for is answered
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
        """Refuse names that hide something, and time-outs that are none."""
        if not self.name.isprintable() or self.name != self.name.strip():
            what = f"{self.name!r} has characters that cannot be seen, or a blank at its edge; remove them"
            raise WrongValueError(what, ("name",))
        require_within_one_hour(self.timeout, "timeout", least=LEAST_TIMEOUT_S)
        if self.repeat is not None:
            require_within_one_hour(self.repeat.interval, "repeat", "interval")
            if self.retry is not None:
                what = (
                    "a check is tried again or measured repeatedly, not both; repeat has limits for what retry is for"
                )
                raise WrongValueError(what, ("retry",))


class Defaults(StrictStruct, frozen=True, kw_only=True):
    """What checks do that do not say otherwise.

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
        """Refuse a time-out that is none."""
        require_within_one_hour(self.timeout, "timeout", least=LEAST_TIMEOUT_S)


class Target(StrictStruct, frozen=True, kw_only=True):
    """Where green is, for a team that knows better than discovery.

    Attributes:
        host: Host name for the Host header, SNI and certificate verification while connecting to the load balancer.
        url: Base URL of green, for deployments that say nothing of a load balancer (CloudFormation's BlueGreen
            transform); its host must be allowed by the operator.

    Example:
        target:
          host: shop.example.com
          url: https://green.example.com/shop
    """

    host: HostName | None = None
    url: BaseUrl | None = None

    def __post_init__(self) -> None:
        """Refuse a URL whose host or port cannot be read."""
        if self.url is None:
            return
        try:
            parts = urllib.parse.urlsplit(self.url)
            usable = bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            what = f"{self.url!r} has no host and port that can be called; write for example https://green.example.com"
            raise WrongValueError(what, ("url",))


class Environment(StrictStruct, frozen=True, kw_only=True):
    """What is otherwise in one environment.

    Attributes:
        variables: These replace the plan's of the same names.
        target: Its keys replace those of the plan's.
        defaults: Its keys replace those of the plan's; `retry` as a whole.

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
        uri: Its place, written as those of plans; `file:` is beside the plans packed with the hooks.
        sha256: Of its text, which fragments in S3 and SSM must have: no other text is meant.

    Example:
        include:
          - uri: file:shared/web.yaml
            sha256: 7c385b0b8ec39e722857ed641f6b014a8040ab22072a04d61886de2e02f4bb69
    """

    uri: FragmentUri
    sha256: Digest | None = None


class StageFile(StrictStruct, frozen=True, kw_only=True):
    """A lifecycle event at which a hook is called, as written; its checks are typed once their validators are known.

    Attributes:
        checks: What is checked; checks run at once, except where one needs another.
        include: Fragments, whose checks come before the stage's own.
        bake: Wait before the checks start, for what shows only after a while; it counts against the hook's time.

    Example:
        include: [{uri: "file:shared/web.yaml"}]
        bake: 100ms
        checks:
          - name: green answers
            http: {get: /health, expect: {status: 200}}
    """

    checks: list[dict[str, Any]] = []
    include: tuple[Include, ...] = ()
    bake: Duration = field_default(Duration(0))

    def __post_init__(self) -> None:
        """Refuse a wait that CodeDeploy would not live to see."""
        require_within_one_hour(self.bake, "bake")


class PlanFile(StrictStruct, frozen=True, kw_only=True):
    """What a service team writes: the checks of each stage, and what they share.

    Attributes:
        version: The version of the plan language; there is 1.
        stages: The lifecycle events at which something is checked, each with its checks; a stage that is not named is
            up to the operator's `OnMissingPlan`.
        defaults: What checks do that do not say otherwise.
        variables: Values by name, which `${name}` in the parameters of validators takes, with their type.
        target: Where green is, for a team that knows better than discovery.
        environments: What is otherwise in one environment, by the name that the installation (its parameter
            `Environment`) or the deployment group (its tag `greenlight:environment`) gives; `default` is for all others.
        shadow: A time in which the gate says what it would do, and CodeDeploy is told Succeeded.

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
