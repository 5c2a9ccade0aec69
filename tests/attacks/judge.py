"""Run one attack and judge it: no Succeeded, no secret, no crash, no memory or time without bound."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import io
import os
import re
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.aws.client import Aws
from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.core.errors import GreenlightError, PlanError
from greenlight.core.finding import Cause
from greenlight.core.settings import Settings
from greenlight.core.verdict import Status, StatusDelivery
from greenlight.discovery.deployment import discover
from greenlight.gate.prepare import prepare
from greenlight.gate.result import GateResult, failed_result, rejected_plan_result, with_answer
from greenlight.gate.supervise import Listener, run_gate
from tests.attacks.attack import STAGE, Attack
from tests.attacks.clouds import HostileAccount
from tests.attacks.echoes import FORMS
from tests.attacks.plans import FOREIGN_TEXT
from tests.support.outlets import OUTLETS, read_back
from tests.support.wire import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.core.report import Report

MEMORY_MB = 512
"""Memory of a hook by default."""

MAX_RESIDENT_MB = 256
MAX_OVERTIME_S = 3.0
_CRASHES = ("Traceback (most recent call last)", "the validator raised", "the gate crashed", "MemoryError")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")
_COMMANDS = re.compile(r"^(::|##(\[|vso\[))", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Judgement:
    """The result of one attack.

    Attributes:
        violations: Sentences about rules that the attack broke; empty if all is well.
        status: The verdict.
        causes: Causes of the reasons.
        duration_s: Time that the gate took.
    """

    violations: tuple[str, ...]
    status: Status
    causes: tuple[Cause, ...]
    duration_s: float


def run_attack(attack: Attack) -> Judgement:
    """Run one attack and judge it."""
    started, peak_mb = time.monotonic(), resident_peak_mb()
    with contextlib.ExitStack() as stack:
        sides = {name: _start(stack, getattr(attack, name)) for name in ("green", "blue")}
        try:
            result = _run_gate(attack, sides)
        except Exception as error:  # noqa: BLE001 - each one is a violation
            message = f"raised {type(error).__name__}: {str(error)[:200]}"
            return Judgement((message,), Status.FAILED, (), time.monotonic() - started)
    duration_s = time.monotonic() - started
    now = datetime.datetime.now(datetime.UTC)
    report = with_answer(result.report(0.0, duration_s * 1000), StatusDelivery(told=True, attempts=1), now)
    violations = (
        *_judge_report(attack, report),
        *_judge_outlets(attack, report),
        *_judge_cost(attack, duration_s, peak_mb),
    )
    causes = tuple(dict.fromkeys(reason.cause for reason in report.reasons))
    return Judgement(violations, report.verdict, causes, duration_s)


def _start(stack: contextlib.ExitStack, script: Any) -> str:
    """Start the server of a side and return its URL; "" without a script."""
    return stack.enter_context(Server(script)).url if script else ""


def _run_gate(attack: Attack, urls: dict[str, str]) -> GateResult:
    """Run the gate with the errors of a hook, but without its net for errors that nothing foresees."""
    deadline = time.monotonic() + attack.budget_s
    stores = {} if attack.discover else {"s3.get_object": functools.partial(_read_object, attack.plan)}
    aws = Aws(HostileAccount({**attack.aws, **stores}))
    settings = Settings(
        allow_loopback=True,
        allowed_hosts=attack.allowed_hosts,
        plan_bucket="plans",
        plan_parameter_prefix="/greenlight/plans",
        plan_folder=os.path.dirname(__file__),
    )
    deployment = _deployment(attack, urls)
    try:
        if attack.discover:
            discovered = discover(aws, deployment.id, deployment.stage, lambda _: None)
            prepared = prepare(aws, settings, discovered.deployment, discovered.tags)
        else:
            prepared = prepare(aws, settings, deployment, {})
        prepared = replace(prepared, secrets=dict(attack.secrets))
        return run_gate(prepared, settings, aws, deadline, Listener(lambda _: None), memory_mb=_memory_limit_mb())
    except PlanError as error:
        return rejected_plan_result(error, deployment)
    except GreenlightError as error:
        return failed_result(error.cause, str(error), deployment)


def _memory_limit_mb() -> int:
    """Return the memory of the gate's function; more in a process that other work has made large, as it is forked."""
    status = Path("/proc/self/status").read_text()
    data_mb = int(re.search(r"VmData:\s+([0-9]+) kB", status)[1]) // 1024  # type: ignore[index]
    return max(MEMORY_MB, data_mb + MEMORY_MB // 2)


def _read_object(plan: str, parameters: dict[str, Any]) -> Any:
    """Return the plan at its place in the plan bucket, and a secret at every other place."""
    is_plan_bucket = parameters["Bucket"] == "plans"
    if is_plan_bucket and parameters["Key"] != "shop/web.yaml":
        return "NoSuchKey"
    body = plan if is_plan_bucket else FOREIGN_TEXT
    return {"Body": io.BytesIO(body.encode(errors="surrogatepass")), "VersionId": "1"}


def _deployment(attack: Attack, urls: dict[str, str]) -> Deployment:
    is_lambda = attack.platform == "lambda"
    stage = "BeforeAllowTraffic" if is_lambda else STAGE
    url = "" if is_lambda or attack.aws else urls["green"] or "http://127.0.0.1:9"
    facts: dict[str, Any] = (
        {"function": "orders", "alias": "live"} if is_lambda else {"cluster": "prod", "service": "shop"}
    )
    green = Side(
        url=url, version="8" if is_lambda else "", task_set="" if is_lambda else "ecs-svc/2", target_group="two"
    )
    blue = Side(url=urls["blue"], version="7" if is_lambda else "", target_group="one")
    return Deployment(
        id="d-ABCDEF123",
        platform=Platform(attack.platform),
        stage=stage,
        application="shop",
        group="web",
        green=green,
        blue=blue,
        **facts,
    )


def _judge_report(attack: Attack, report: Report) -> Iterator[str]:
    if report.verdict is not Status.FAILED:
        yield f"the verdict is {report.verdict.value}"
    for reason in report.reasons:
        if reason.cause not in attack.causes:
            yield f"the cause is {reason.cause.value}: {reason.message[:200]}"
    texts = [
        report.output,
        *(reason.message for reason in report.reasons),
        *(finding.message for finding in report.checks),
    ]
    for crash in _CRASHES:
        if any(crash in text for text in texts):
            yield f"{crash}: {next(text for text in texts if crash in text)[-300:]}"


def _judge_outlets(attack: Attack, report: Report) -> Iterator[str]:
    forms = {name: encode(secret) for secret in attack.secrets.values() for name, encode in FORMS.items()}
    halves = {f"{end} half": half for secret in attack.secrets.values() for end, half in _halves(secret).items()}
    canaries = {text: text for text in attack.canaries}
    for outlet, render in OUTLETS.items():
        document = render(report)
        text = read_back(document)
        for name, form in {**forms, **halves, **canaries}.items():
            if form in text:
                yield f"{outlet} shows a secret ({name})"
        if outlet in ("text", "markdown", "junit", "tap", "sentence") and (control := _CONTROLS.search(document)):
            yield f"{outlet} has the control character {control[0]!r}"
        if outlet in ("text", "markdown", "tap", "junit") and _COMMANDS.search(document):
            yield f"{outlet} has a line that is a command to a pipeline"
        if outlet == "html" and "<script" in document.lower():
            yield "the page has a script"


def _halves(secret: str) -> dict[str, str]:
    """Return the parts of a secret that are redacted by themselves (docs/security.md)."""
    length = min(24, len(secret) // 2 + 1)
    return {"first": secret[:length], "last": secret[-length:]} if len(secret) >= 16 else {}


def _judge_cost(attack: Attack, duration_s: float, earlier_peak_mb: float) -> Iterator[str]:
    """Yield violations of time and memory; the peak of earlier work in this process does not count."""
    if duration_s > attack.budget_s + MAX_OVERTIME_S:
        yield f"it took {duration_s:.1f} s of {attack.budget_s} s"
    resident_mb = resident_peak_mb()
    if resident_mb > max(MAX_RESIDENT_MB, earlier_peak_mb):
        yield f"a process used {resident_mb:.0f} MB"


def resident_peak_mb() -> float:
    """Return the largest memory of this process and of its workers so far, in MB."""
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(peaks) / 1024
