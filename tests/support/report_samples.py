"""Reports that the tests of all formats share: failed, passed, rejected, undecided, with hostile texts, and large."""

from __future__ import annotations

import math
from typing import Any

from msgspec.structs import replace

from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.core.finding import (
    AttemptRecord,
    Cause,
    Evidence,
    EvidenceKind,
    ExcuseReason,
    Finding,
    Outcome,
    Series,
    Severity,
)
from greenlight.core.hold import HoldDecision, HoldResult, RejectedDecision
from greenlight.core.report import AcceptedEvidence, Clock, GreenAsked, PlanSource, Report, TrafficShare
from greenlight.core.verdict import AppliedOverride, Reason, ShadowedVerdict, Status
from greenlight.core.watch import Round, RoundOutcome, ShiftWatch, WatchEnd

EVIL = (
    "\x1b[2J</script><script>alert(1)</script><img src=x onerror=alert(2)>\r\n\u2028\u202eevil\u2066\x00"
    "]]>--><!-- @everyone [a](javascript:alert(3)) | `b` # not ok 1 & &amp; ${x} https://evil.example \\"
)
STARTED = "2026-03-14T09:26:53.589+00:00"
ECS = Deployment(
    id="d-A1B2C3D4E",
    platform=Platform.ECS,
    stage="AfterAllowTestTraffic",
    application="shop",
    group="shop-blue-green",
    config="CodeDeployDefault.ECSCanary10Percent5Minutes",
    creator="user",
    region="eu-central-1",
    cluster="prod",
    service="shop",
    blue=Side(url="https://shop.example.com", task_definition="shop:41"),
    green=Side(url="https://shop.example.com:8443", host="shop.example.com", task_definition="shop:42"),
    notes=("the listener's rule asks for the header x-green",),
)
PLAN = PlanSource(
    uri="s3://greenlight-plans/shop/shop-blue-green.yaml",
    version_id="3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
)


def attempts_of(*attempts: tuple[float, float, Outcome, str]) -> tuple[AttemptRecord, ...]:
    """Build attempts from start and duration in milliseconds, outcome and message."""
    return tuple(
        AttemptRecord(began_ms=began_ms, duration_ms=duration_ms, outcome=outcome, message=message)
        for began_ms, duration_ms, outcome, message in attempts
    )


def check(name: str, validator: str, outcome: Outcome, message: str, **more: Any) -> Finding:
    """Build a finding with one attempt, or with those of `tries`."""
    began, took = more.pop("began", 640.0), more.pop("took", 42.0)
    text = "" if outcome is Outcome.PASS else message
    tries = more.pop("tries", attempts_of((began, took, outcome, text)))
    return Finding(
        outcome=outcome,
        message=message,
        name=name,
        validator=validator,
        attempts=more.pop("attempts", len(tries)),
        began_ms=tries[0].began_ms if tries else 0.0,
        duration_ms=tries[-1].duration_ms if tries else 0.0,
        tries=tries,
        **more,
    )


def latencies(scale: float, count: int = 200) -> tuple[float, ...]:
    """Return latencies with a long tail, the same at every call."""
    return tuple(round(scale * math.exp(1.8 * (step / count) ** 4), 3) for step in range(count))


PRICE = check(
    "an order can be placed and read back",
    "http",
    Outcome.FAIL,
    'GET /orders/17: json total is "9.99", expected 9.99',
    took=88.4,
    evidence=(
        Evidence(query="status", expected=201, actual=201, passed=True, where="POST /orders"),
        Evidence(
            query="json total", expected=9.99, actual="9.99", where="GET /orders/17", why="a text is not a number"
        ),
        Evidence(query="latency (ms)", expected={"lte": "500ms"}, actual=61.2, passed=True, where="GET /orders/17"),
    ),
    remediation="Read green's log of that request: the path, the status and the time are in the evidence.",
)


def closed(**changes: Any) -> Report:
    """Build the report of a gate that the release failed, with an example of every feature."""
    fields: dict[str, Any] = {
        "verdict": Status.FAILED,
        "reasons": (Reason(cause=Cause.RELEASE_FAILED, check=PRICE.name, message=PRICE.message),),
        "checks": (
            check(
                "green answers as this release", "http", Outcome.PASS, "GET /health is 200 and ok", flaky=True,
                tries=attempts_of(
                    (640, 31, Outcome.FAIL, "GET /health: status is 503, expected 200"),
                    (1671, 28, Outcome.ERROR, "connection refused"),
                    (2705, 12.5, Outcome.PASS, ""),
                ),
                evidence=(Evidence(query="status", expected=200, actual=200, passed=True, where="GET /health"),),
            ),
            PRICE,
            check(
                "a burst stays quick", "load", Outcome.PASS,
                "1000 requests in 20.0 s (50 a second), p50 44 ms, p95 174 ms, p99 229 ms, 0 errors",
                began=660, took=20_140,
                evidence=(
                    Evidence(query="error rate", expected=0, actual=0, passed=True),
                    Evidence(query="p95 (ms)", expected={"lte": "300ms"}, actual=173.9, passed=True),
                ),
                series=(
                    Series(
                        name="latency of the burst", unit="ms", side="green", values=latencies(40), count=1000,
                        limits={"p95 lte": 300.0, "p99 lte": 1000.0},
                    ),
                ),
            ),
            check(
                "nothing broke that worked", "compare", Outcome.FAIL,
                "in 5 of 5 (blue from itself: 0): GET /catalogue body.items[].price: value is 2, expected 1 "
                "(and 1 more)",
                severity=Severity.ADVISORY, began=661, took=912,
                evidence=(
                    Evidence(
                        query="GET /catalogue body.items[].price: value", expected=1, actual=2,
                        where="in 5 of 5 (blue from itself: 0)", baseline_is_blue=True,
                    ),
                    Evidence(
                        query="GET /catalogue body.currency: missing", expected="EUR", actual=None,
                        where="in 5 of 5 (blue from itself: 0)", baseline_is_blue=True,
                    ),
                ),
                series=(
                    Series(name="time to answer", unit="ms", side="blue", values=latencies(22, 10), count=10),
                    Series(name="time to answer", unit="ms", side="green", values=latencies(31, 5), count=5),
                ),
                remediation="Read the place of the first difference and ask both sides for it by hand.",
            ),
            check(
                "errors stay few", "metrics", Outcome.PASS, "rate within thresholds for 5m", began=20_900, took=412,
                series=(
                    Series(
                        name="rate", at_s=(-300, -240, -180, -120, -60), values=(0.2, 0.1, 0.7, 0.3, 0.25), count=5,
                        limits={"lt": 1.0},
                    ),
                ),
            ),
            check(
                "three measurements", "http", Outcome.PASS, "3 of 3 measurements passed; GET /ready is 200",
                tries=attempts_of(
                    (640, 20, Outcome.PASS, ""), (5660, 21, Outcome.PASS, ""), (10681, 19, Outcome.PASS, ""),
                ),
            ),
            check(
                "the queue drains", "effect", Outcome.ERROR, "effect may not call sqs:ReceiveMessage",
                severity=Severity.REQUIRED_WITH_OVERRIDE, excused=ExcuseReason.OVERRIDDEN,
                remediation="Grant what `greenlight iam PLAN` prints.",
            ),
            check(
                "only on Lambda", "lambda_state", Outcome.SKIPPED, "only when platform is lambda, and it is ecs",
                tries=(),
            ),
        ),
        "green_asked": GreenAsked(times=14, checks=6),
        "deployment": ECS,
        "plan": PLAN,
        "started_at": STARTED,
        "duration_ms": 21_432.1,
        "greenlight": "0.1.0",
        "output": "effect: looked once\n",
        "clock": Clock(prepared_ms=610.0, baked_ms=0.0, deadline_ms=838_000.0),
        "bucket": "greenlight-reports",
        "overrides": (
            AppliedOverride(
                check="the queue drains", who="maria@example.com", why="The queue moves on Monday.",
                created="2026-03-14T08:00:00Z", expires="2026-03-15T08:00:00Z", scope="deployment d-A1B2C3D4E",
                uri="s3://greenlight-plans/overrides/shop.yaml", version_id="v1",
            ),
        ),
    }  # fmt: skip
    return Report(**{**fields, **changes})


def opened(**changes: Any) -> Report:
    """Build the report of a gate whose checks all passed."""
    checks = tuple(finding for finding in closed().checks if finding.outcome is Outcome.PASS)
    return closed(verdict=Status.SUCCEEDED, reasons=(), checks=checks, overrides=(), output="", **changes)


def refused() -> Report:
    """Build the report of a gate whose plan was rejected, so that no check ran."""
    message = (
        "s3://greenlight-plans/shop.yaml: stages.AfterAllowTraffic.checks[0]: unknown key 'htpp'; "
        "did you mean 'http'? (line 4, column 9)"
    )
    deployment = Deployment(
        id="d-F00", platform=Platform.LAMBDA, stage="AfterAllowTraffic", application="orders", function="orders"
    )
    return closed(
        reasons=(Reason(cause=Cause.PLAN_ERROR, message=message),),
        checks=(),
        green_asked=None,
        deployment=deployment,
        plan=replace(PLAN, uri="s3://greenlight-plans/shop.yaml", digest=PLAN.sha256),
        overrides=(),
        clock=Clock(),
        duration_ms=812.0,
        output="",
    )


def undecided() -> Report:
    """Build the report of a gate of a Lambda function without evidence about green."""
    few = check(
        "errors stay few", "metrics", Outcome.INCONCLUSIVE,
        "2 of the 5 points that are wanted; too few requests reached green", began=61_300, took=211,
        evidence=(Evidence(query="points", expected={"gte": 5}, actual=2, where="AWS/Lambda Errors"),),
        series=(
            Series(name="Errors", at_s=(-120, -60), values=(0.0, 3.0), count=2, limits={"lte": 1.0}),
        ),
        remediation="Send requests to green while the gate bakes, or look at a longer span.",
    )  # fmt: skip
    late = check(
        "an order can be placed", "lambda_invoke", Outcome.INCONCLUSIVE,
        'not run: it needs "errors stay few", which ended with INCONCLUSIVE',
        tries=(), attempts=0,
    )  # fmt: skip
    slow = check(
        "the log is quiet", "logs", Outcome.ERROR, "not finished in 30s", began=61_300, took=30_000,
        cause=Cause.DEADLINE,
        remediation="Look at a shorter span with `logs: {since: 5m}`, or give the check more time.",
    )  # fmt: skip
    reasons = (
        Reason(cause=Cause.NO_EVIDENCE, check=few.name, message=few.message),
        Reason(cause=Cause.NO_EVIDENCE, check=late.name, message=late.message),
        Reason(cause=Cause.DEADLINE, check=slow.name, message=slow.message),
    )
    return closed(
        checks=(few, late, slow),
        green_asked=GreenAsked(times=0, checks=0),
        accepted=AcceptedEvidence(evidence=EvidenceKind.READINESS, why="orders come from a queue"),
        reasons=reasons,
        deployment=Deployment(
            id="d-L4MBD4000", platform=Platform.LAMBDA, stage="AfterAllowTraffic", application="orders", group="live",
            config="CodeDeployDefault.LambdaCanary10Percent5Minutes", creator="user", region="eu-central-1",
            function="orders", alias="live", blue=Side(version="7"), green=Side(version="8"),
        ),
        plan=replace(
            PLAN, uri="s3://greenlight-plans/orders.yaml",
            digest="60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        ),
        overrides=(), output="", duration_ms=91_600.0,
        clock=Clock(prepared_ms=790.0, baked_ms=61_200.0, deadline_ms=91_500.0),
    )  # fmt: skip


def hostile(evil: str = EVIL) -> Report:
    """Build a report in which every text is `evil`."""
    finding = check(
        evil, evil, Outcome.FAIL, evil, remediation=evil, severity=Severity.BLOCKING,
        tries=attempts_of((0, 1, Outcome.FAIL, evil), (2, 1, Outcome.FAIL, evil)),
        evidence=(
            Evidence(query=evil, expected=evil, actual={evil: [evil]}, where=evil, why=evil),
            Evidence(query=evil, expected=evil, actual=None, where=evil, baseline_is_blue=True),
        ),
        series=(
            Series(name=evil, unit=evil, side=evil, values=(1.0, 2.0), count=2, limits={evil: 1.5}),
            Series(name=evil, unit=evil, values=(1e300, -1e300), at_s=(0.0, 0.0), count=2, limits={evil: 1e300}),
        ),
    )  # fmt: skip
    return closed(
        reasons=(
            Reason(cause=Cause.GATE_ERROR, check=evil, message=evil),
            Reason(cause=Cause.GATE_ERROR, message=evil),
        ),
        checks=(finding, *(check(f"{evil}{outcome}", evil, outcome, evil) for outcome in Outcome)),
        deployment=Deployment(
            id=evil, platform=Platform.LAMBDA, stage=evil, application=evil, group=evil, config=evil, creator=evil,
            region=evil, function=evil, alias=evil, notes=(evil,), green=Side(version=evil, url=evil, host=evil),
        ),
        accepted=AcceptedEvidence(evidence=EvidenceKind.ENVIRONMENT, why=evil),
        plan=PlanSource(uri=evil, version_id=evil, sha256=evil),
        started_at=evil,
        greenlight=evil,
        output=evil,
        overrides=(
            AppliedOverride(
                check=evil, who=evil, why=evil, created=evil, expires=evil, scope=evil, uri=evil, version_id=evil,
            ),
        ),
        hold=HoldResult(
            asked=(evil,), asked_at=evil, until=evil, asked_ms=1e300, why=evil, decision=HoldDecision.REFUSED, who=evil,
            reason=evil, decided_at=evil, waited_ms=1e300, deployer=evil,
            rejected=(RejectedDecision(message=evil, at=evil, who=evil),),
        ),
        traffic=(TrafficShare(at_ms=-1e300, green_percent=0.0), TrafficShare(at_ms=1e300, green_percent=1e300)),
    )  # fmt: skip


def large(count: int = 200) -> Report:
    """Build the report of a gate with many checks, a few of them broken."""
    outcomes = [Outcome.FAIL if number % 67 == 66 else Outcome.PASS for number in range(count)]
    checks = tuple(
        check(
            f"page {number} of the catalogue answers", "http", outcome, f"GET /catalogue/{number}: status is seen",
            began=600 + (number // 16) * 180 + number % 16 * 3, took=60 + number * 37 % 120,
            evidence=(
                Evidence(
                    query="status", expected=200, actual=200 if outcome is Outcome.PASS else 500,
                    passed=outcome is Outcome.PASS,
                ),
            ),
        )
        for number, outcome in enumerate(outcomes)
    )  # fmt: skip
    reasons = tuple(
        Reason(cause=Cause.RELEASE_FAILED, check=finding.name, message=finding.message)
        for finding in checks
        if finding.outcome is Outcome.FAIL
    )
    return closed(checks=checks, reasons=reasons, overrides=(), duration_ms=3100.0, output="")


ALICE = "arn:aws:sts::111122223333:assumed-role/ReleaseManager/alice@example.com"
BOB = "arn:aws:sts::111122223333:assumed-role/Deploy/bob@example.com"
HOLD = HoldResult(
    asked=("release managers", "the shop's owner"),
    asked_at="2026-03-14T09:27:20+00:00",
    until="2026-03-14T09:57:20+00:00",
    asked_ms=26_500.0,
    why="look at the checkout page",
    not_deployer=True,
)


def approved() -> Report:
    """Build the report of a gate that a person approved, after the deployer tried it."""
    message = f"{BOB} created this deployment, and the plan says `not: deployer`"
    hold = replace(
        HOLD,
        decision=HoldDecision.APPROVED,
        who=ALICE,
        reason="the checkout works",
        decided_at="2026-03-14T09:38:41+00:00",
        waited_ms=681_000.0,
        deployer=BOB,
        rejected=(RejectedDecision(message=message, at="2026-03-14T09:30:02+00:00", who=BOB),),
    )
    return replace(opened(), hold=hold, duration_ms=707_500.0)


def unapproved() -> Report:
    """Build the report of a gate that no one approved in time."""
    message = "not approved within 30m; asked: release managers, the shop's owner"
    hold = replace(HOLD, decided_at="2026-03-14T09:57:20+00:00", waited_ms=1_800_000.0)
    reasons = (Reason(cause=Cause.NOT_APPROVED, message=message),)
    return replace(opened(), verdict=Status.FAILED, reasons=reasons, hold=hold, duration_ms=1_826_500.0)


def stopped() -> Report:
    """Build the report of a linear shift that the watcher stopped."""
    slow = "p95 is 812 ms, at most 400 ms"
    latency = check(
        "users get their answers in time", "metrics", Outcome.FAIL, slow, began=300, took=180,
        evidence=(Evidence(query="p95 of TargetResponseTime", expected={"lte": 0.4}, actual=0.812),),
    )  # fmt: skip
    rounds = (
        Round(number=1, at_ms=900, green_percent=10.0, outcome=RoundOutcome.GOOD),
        Round(
            number=2, at_ms=30_950, green_percent=10.0, outcome=RoundOutcome.UNKNOWN, checks=(latency.name,),
            message="CloudWatch has no data points of the last minute",
        ),
        Round(number=3, at_ms=60_920, green_percent=20.0, outcome=RoundOutcome.GOOD),
        Round(
            number=4, at_ms=90_940, green_percent=20.0, outcome=RoundOutcome.BAD, checks=(latency.name,), message=slow
        ),
        Round(
            number=5, at_ms=120_910, green_percent=30.0, outcome=RoundOutcome.BAD, checks=(latency.name,), message=slow
        ),
    )  # fmt: skip
    watch = ShiftWatch(
        every_s=30.0, tolerate=1, stop_on=(Outcome.FAIL,), rounds=rounds, total=5, bad=2, unknown=1,
        end=WatchEnd.STOPPED, is_over=True, stopped_percent=30.0, rollback="d-R0LLBACK1",
    )  # fmt: skip
    message = f"stopped at 30 %, 2 of 5 rounds bad: {slow}"
    deployment = replace(
        ECS, stage="AllowTraffic", config="CodeDeployDefault.ECSLinear10PercentEvery1Minutes", notes=()
    )
    return closed(
        reasons=(Reason(cause=Cause.RELEASE_FAILED, check=latency.name, message=message),),
        checks=(latency,),
        deployment=deployment,
        overrides=(),
        output="",
        duration_ms=126_000.0,
        traffic=tuple(
            TrafficShare(at_ms=at_ms, green_percent=percent)
            for at_ms, percent in ((0, 10), (60_000, 20), (120_000, 30))
        ),
        clock=Clock(),
        green_asked=None,
        watch=watch,
    )


SAMPLES = {
    "closed": closed,
    "opened": opened,
    "refused": refused,
    "undecided": undecided,
    "hostile": hostile,
    "approved": approved,
    "unapproved": unapproved,
    "stopped": stopped,
}


CLOSED_WITHOUT_A_REASON = closed(reasons=())
ONLY_ADVISORY = closed(
    verdict=Status.SUCCEEDED, reasons=(), checks=(check("a", "v", Outcome.FAIL, "no", severity=Severity.ADVISORY),)
)
IN_SHADOW = closed(
    verdict=Status.SUCCEEDED, shadow=ShadowedVerdict(would_have_been=Status.FAILED, until="2026-04-01", why="new plan")
)
NO_EVIDENCE = closed(
    reasons=(Reason(cause=Cause.NO_EVIDENCE, message="there is no blocking check"),), checks=opened().checks
)
NOTHING_RUN = closed(verdict=Status.SUCCEEDED, reasons=(), checks=())
REPORTS = {
    **{name: make() for name, make in SAMPLES.items()},
    "without a reason": CLOSED_WITHOUT_A_REASON,
    "only advisory": ONLY_ADVISORY,
    "in shadow": IN_SHADOW,
    "no evidence": NO_EVIDENCE,
    "nothing run": NOTHING_RUN,
}
