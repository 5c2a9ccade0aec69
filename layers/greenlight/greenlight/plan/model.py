"""The types of a parsed plan: `Plan`, `Stage` and `Check`.

A check's parameters stay plain data, because only the worker may import validators, which define their types.
"""

from __future__ import annotations

from typing import Any

from greenlight.core.deployment import Deployment
from greenlight.core.finding import OnFirstDeployment, OnInconclusive, Outcome, Severity
from greenlight.core.frozen import FrozenStruct
from greenlight.core.report import PlanSource
from greenlight.core.units import field_default
from greenlight.plan import yaml_reader
from greenlight.plan.hold import Hold
from greenlight.plan.repeat import Repeat
from greenlight.plan.retry import Retry
from greenlight.plan.schema import DEFAULT_TIMEOUT, Accepts, Target, When
from greenlight.plan.shadow import Shadow


class Check(FrozenStruct, frozen=True, kw_only=True):
    """One check of a stage.

    Attributes:
        params: Parameters of the validator, as plain data.
        timeout_s: Time for one attempt.
        rows_of: Name of the check in the plan, if this check is one of its rows; "" otherwise.
        unselected: Reason why a command, such as `greenlight check --only`, does not run it; "" if it runs.
        path: Path of the check in the plan.
    """

    name: str
    validator: str
    params: Any
    severity: Severity = Severity.BLOCKING
    on_inconclusive: OnInconclusive = OnInconclusive.FAIL
    on_first_deployment: OnFirstDeployment = OnFirstDeployment.RUN
    timeout_s: float = float(DEFAULT_TIMEOUT)
    retry: Retry = field_default(Retry())
    repeat: Repeat | None = None
    needs: tuple[str, ...] = ()
    when: When = When()
    tags: tuple[str, ...] = ()
    rows_of: str = ""
    unselected: str = ""
    path: tuple[str | int, ...] = ()

    def skip_reason(self, deployment: Deployment) -> str:
        """Return why the check is skipped for `deployment`; "" if it runs."""
        if self.unselected:
            return self.unselected
        if deployment.first and self.on_first_deployment is OnFirstDeployment.SKIP:
            return "the plan skips it on a first deployment, which has no blue"
        return self.when.skip_reason(deployment)

    def worst_case_s(self) -> float:
        """Return the longest time that the check can take with all its attempts or measurements."""
        if self.repeat is not None:
            return (self.timeout_s + self.repeat.interval) * self.repeat.count - self.repeat.interval
        waits = sum(self.retry.wait_s(attempt) for attempt in range(1, self.retry.attempts))
        return self.timeout_s * self.retry.attempts + waits


class Watch(FrozenStruct, frozen=True, kw_only=True):
    """How the stage AllowTraffic watches the shift of the users' traffic.

    Attributes:
        every_s: Time from the beginning of one round of checks to the next.
        tolerate: Number of bad rounds in a row that do not stop the deployment yet.
        stop_on: Outcomes of a blocking check that make a round bad.
    """

    every_s: float = 30.0
    tolerate: int = 1
    stop_on: tuple[Outcome, ...] = (Outcome.FAIL,)


class Stage(FrozenStruct, frozen=True, kw_only=True):
    """The checks of one stage.

    Attributes:
        checks: The checks, in the plan's order.
        bake_s: Wait before they start.
        accepts: Weaker evidence that the stage accepts.
        watch: How the shift is watched; the defaults at stages other than AllowTraffic, which do not use it.
        hold: Wait for an approval after the checks have passed; None for none.
    """

    checks: tuple[Check, ...]
    bake_s: float = 0.0
    accepts: Accepts | None = None
    hold: Hold | None = None
    watch: Watch = Watch()


class Plan(FrozenStruct, frozen=True, kw_only=True):
    """A parsed plan.

    Attributes:
        document: The parsed file, which locates problems by line and column; None for built-in plans.
        waived: Reason why no check needs to run; "" if the checks run.
        network: `vpc` if the checks run in the operator's subnets, `hook` if they run where the hooks run.
    """

    stages: dict[str, Stage]
    variables: dict[str, Any] = {}
    target: Target = Target()
    shadow: Shadow | None = None
    source: PlanSource = PlanSource()
    document: yaml_reader.Document | None = None
    waived: str = ""
    network: str = "hook"
