"""Helpers to run checks in a real runner: checks built from functions, and the findings of a run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from greenlight.api import Context, Params, passed, validator
from greenlight.checks.attempt import CheckResources
from greenlight.checks.binding import Bound
from greenlight.checks.runner import Runner
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.finding import Finding
from greenlight.core.redaction import Redactor
from greenlight.core.units import Duration
from greenlight.plan.model import Check
from greenlight.plan.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

UNUSED: Any = None
ECS = Deployment(id="d-ABCDEF123", platform=Platform.ECS, stage="AfterAllowTestTraffic", application="shop")
SECRET = "canary-7f3a9c21"


class Empty(Params, frozen=True, kw_only=True):
    """No parameters."""


def check(name: str, run: Callable[[Context], Any], **control: Any) -> Bound:
    """Build a check whose validator returns the result of `run`."""

    @validator(Empty, platforms=control.pop("platforms", ("ecs", "lambda")), remediation=control.pop("next", ""))
    def stub(_params: Empty, context: Context) -> Finding:
        """Run."""
        finding: Finding = run(context)
        return finding

    return Bound(Check(name=name, validator="stub", params={}, **control), stub, Empty())


def retried(attempts: int, interval_s: float = 0.01, **more: Any) -> Retry:
    return Retry(attempts=attempts, interval=Duration(interval_s), **more)


class Run:
    """One run of checks: its findings, when each was emitted, and how long it took."""

    def __init__(
        self,
        *checks: Bound,
        concurrency: int = 16,
        within_s: float = 5.0,
        deployment: Deployment = ECS,
        chance: Callable[[], float] = lambda: 0.0,
        began_s: float = 0.0,
        secrets: Sequence[str] = (SECRET,),
        context: Any = None,
    ) -> None:
        self.emitted: list[tuple[float, Finding]] = []
        resources = CheckResources(deployment, UNUSED, UNUSED, Redactor(secrets))
        if context is not None:  # from greenlight.testing: its deployment, client and AWS
            resources = context.resources
        began = time.monotonic()
        runner = Runner(
            resources,
            concurrency,
            began + within_s,
            lambda *findings: self.emitted.extend((time.monotonic() - began, finding) for finding in findings),
            chance,
            began - began_s,
        )
        self.findings = runner.run(checks)
        self.took_s = time.monotonic() - began
        self.by_name = {finding.name: finding for finding in self.findings}

    def outcomes(self) -> list[str]:
        return [finding.outcome.value for finding in self.findings]


def good(_context: Context) -> Finding:
    return passed("fine")


def sleeping(seconds: float) -> Callable[[Context], Finding]:
    def run(_context: Context) -> Finding:
        time.sleep(seconds)
        return passed("slept")

    return run
