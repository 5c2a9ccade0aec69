"""Secrets in everything that leaves a gate: every encoding, in every output."""

from __future__ import annotations

import json
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Context, Evidence, Series, Side, failed
from greenlight.core.finding import Finding, Severity
from greenlight.core.redaction import MASK
from greenlight.gate.result import GateResult
from greenlight.testing import HttpServer, context_for, ecs_deployment, load_validator, run_check
from greenlight.verdict.conclude import decide_verdict
from tests.support.check_run import ECS, Run, check
from tests.support.outlets import OUTLETS, read_back
from tests.support.secret_encodings import ENCODINGS

if TYPE_CHECKING:
    from greenlight.core.report import Report

CANARY = "Zq9/kW7+\"vT=3&xR<8'mL"
ENCODINGS_WITHOUT_USER = {name: encode for name, encode in ENCODINGS.items() if "auth" not in name}


def finding_full_of(text: str) -> Finding:
    """Return a finding with the text in every field, also at the length where texts are truncated."""
    nested: Any = {"deep": [text, {text: text}], "long": "x" * 380 + text}
    evidence = Evidence(query=text, expected=nested, actual="y" * 390 + text, where=text, why=f"because {text}")
    plot = Series(name=text, unit=text, side=text, values=(1.0,), limits={text: 1.0})
    finding = failed(f"{text} {'m' * 900}{text}{text}", evidence)
    return Finding(outcome=finding.outcome, message=finding.message, evidence=finding.evidence, series=(plot,))


@pytest.fixture(scope="module", params=ENCODINGS_WITHOUT_USER)
def report(request: pytest.FixtureRequest) -> Report:
    """Return the report of a gate whose validators leak a secret: in a finding, in an error and cut in half."""
    text = ENCODINGS_WITHOUT_USER[request.param](CANARY)

    def raising(_context: Context) -> Finding:
        raise ValueError(f"{'z' * 290}{text}")

    def cut(context: Context) -> Finding:
        return failed(f"{context.excerpt('a' * 150 + text)} and {text[: len(text) * 2 // 3]}")

    leaks = [check("says", lambda _: finding_full_of(text)), check("raises", raising), check("cuts", cut)]
    findings = Run(*leaks, secrets=[CANARY]).findings
    assert all(MASK in str(finding) for finding in findings[:2]), "the secret was there and was redacted"
    checks = [leak.check for leak in leaks]
    assert all(plan_check.severity is Severity.BLOCKING for plan_check in checks)
    result = GateResult(verdict=decide_verdict(checks, findings), deployment=ECS, findings=tuple(findings))
    return result.report(0.0, 1.0)


@pytest.mark.parametrize("outlet", OUTLETS)
def test_no_outlet_shows_a_secret_in_any_form(report: Report, outlet: str) -> None:
    text = read_back(OUTLETS[outlet](report))
    for encode in ENCODINGS_WITHOUT_USER.values():
        assert encode(CANARY) not in text
    assert CANARY[:12] not in text
    assert CANARY[-12:] not in text


@pytest.mark.parametrize(
    ("validator", "params"),
    [
        ("http", {"get": "/", "headers": {"x-key": "SECRET"}, "expect": {"status": 200}}),
        ("http", {"get": "/?key=SECRET", "expect": {"body": {"filters": ["lower"], "eq": "x"}}}),
        ("http", {"get": "/", "headers": {"x-key": "SECRET"}, "expect": {"json": {"seen": {"matches": "^x"}}}}),
        ("http", {"get": "/", "basic": {"user": "u", "password": "SECRET"}, "expect": {"headers": {"x-seen": "x"}}}),
        ("http", {"post": "/", "body": {"json": "SECRET"}, "expect": {"json": {"seen": {"length": 1}}}}),
        ("graphql", {"query": "{a}", "headers": {"x-key": "SECRET"}}),
        ("load", {"paths": ["/?key=SECRET"], "requests": 1, "minimum_samples": 1, "warm_up": 0}),
        ("serves_green", {"get": "/", "send": {"x-key": "SECRET"}, "json": {"seen": "x"}, "interval": "1ms"}),
        ("openapi", {"headers": {"x-key": "SECRET"}}),
        ("migration", {"capture": {"p": "unique"}, "write": {"post": "/", "body": {"text": "SECRET"}},
                       "read": {"get": "/"}, "clean_up": {"delete": "/"}, "expect": {"body": "x"}}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_no_validator_shows_a_secret_that_green_repeats(validator: str, params: Any) -> None:
    secret = "Zq9-kW7+vT=3&xRmL"

    def echo(_method: str, path: str, body: bytes) -> Any:
        echoed = f"{path} {body.decode()} {secret} {secret.upper()} {urllib.parse.quote(secret, safe='')}"
        return 500, {"x-seen": secret}, {"seen": echoed, "errors": [echoed]}

    with HttpServer(echo) as green, HttpServer(echo) as blue:
        sides = {"green": Side(url=green.url), "blue": Side(url=blue.url)}
        filled = json.loads(json.dumps(params).replace("SECRET", "${secret:ssm:/canary}"))
        with context_for(ecs_deployment(**sides)) as context:
            finding = run_check(load_validator(validator), filled, context, secrets={"ssm:/canary": secret})
    text = read_back(str(finding))
    assert finding.outcome != "PASS"
    for form in (secret, secret.lower(), secret.upper(), urllib.parse.quote(secret, safe=""), secret[:9]):
        assert form not in text
