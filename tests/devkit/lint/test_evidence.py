"""Lint finds stages that cannot ask green, and requests that only seem to ask both sides."""

from __future__ import annotations

import pytest

from tests.support.linting import checks, lint

ASKS = "http: {get: /health, expect: {status: 200}}"


def found(validator: str, stage: str = "AfterAllowTestTraffic") -> bool:
    return "never-asks-green" in {problem.rule for problem in lint(checks(f"- name: a\n  {validator}", stage))}


@pytest.mark.parametrize(
    "validator",
    [
        'http: {get: "${blue.url}/health", expect: {status: 200}}',
        "http: {get: https://payments.example/health, expect: {status: 200}}",
        "http: {steps: [{get: https://payments.example/health, expect: {status: 200}}]}",
        "tcp: {host: payments.example, port: 443}",
        "grpc_health: {host: payments.example, port: 443}",
        "websocket: {path: wss://payments.example/x}",
        "graphql: {path: https://payments.example/graphql, query: '{ a }'}",
        "load: {paths: [https://payments.example/], requests: 50, expect: {p95: {lte: 1s}}}",
        "target_health: {side: blue}",
        "target_health: {}",
        "rollback_ready: {alarms: false}",
        "alarms: {names: [quiet]}",
        "config: {expect: {family: shop}}",
        "listener: {}",
        f"severity: advisory\n  {ASKS}\n- name: b\n  target_health: {{}}",
    ],
)
def test_stage_without_a_check_that_can_ask_green_is_reported(validator: str) -> None:
    assert found(validator)


@pytest.mark.parametrize(
    "validator",
    [
        ASKS,
        'http: {get: "${green.url}/health", expect: {status: 200}}',
        'http: {get: "${base}/health", expect: {status: 200}}',
        "http: {steps: [{get: https://login.example/, expect: {status: 200}}, {get: /, expect: {status: 200}}]}",
        "tcp: {}",
        "tcp: {port: 8443}",
        "compare: {requests: [/catalogue]}",
        f"target_health: {{}}\n- name: b\n  severity: required-with-override\n  {ASKS}",
        "a_plugin: {}",
    ],
)
def test_stage_with_a_check_that_may_ask_green_is_not_reported(validator: str) -> None:
    assert not found(validator)


@pytest.mark.parametrize("stage", ["BeforeInstall", "AfterInstall"])
def test_stage_at_which_green_cannot_be_asked_is_not_reported(stage: str) -> None:
    assert not found("target_health: {}", stage)


def test_metrics_suffice_after_the_shift_alone() -> None:
    metrics = "traces: {filter: service(shop), expect: {faults: {lte: 1}}}"

    assert not found(metrics, "AfterAllowTraffic")
    assert found(metrics, "AfterAllowTestTraffic")


def test_stage_that_accepts_less_and_a_target_of_the_plan_are_not_reported() -> None:
    accepting = "    accepts: {evidence: readiness, why: a queue}\n    checks:"
    plan = checks("- name: a\n  target_health: {}")
    elsewhere = checks("- name: a\n  http: {get: https://green.example/shop/x, expect: {status: 200}}")

    assert lint(plan.replace("    checks:", accepting)) == []
    assert [problem.rule for problem in lint(elsewhere)] == ["never-asks-green"]
    assert lint(f"target: {{url: https://green.example/shop}}\n{elsewhere}") == []


@pytest.mark.parametrize("address", ["${blue.url}/a", "${green.url}/a", "https://shop.example/a", "${base}/a"])
def test_url_in_a_request_for_both_sides_is_an_error(address: str) -> None:
    base = "variables: {base: 'https://shop.example'}\n" if "base" in address else ""
    text = base + checks(f"- name: b\n  {ASKS}\n- name: a\n  compare: {{requests: ['{address}']}}")

    (problem,) = lint(text)
    assert (problem.rule, problem.severity) == ("one-address-for-both", "error")


def test_url_of_one_side_in_a_migration_is_an_error_in_each_request() -> None:
    text = checks(
        f"""
- name: b
  {ASKS}
- name: a
  migration:
    capture: {{probe: unique}}
    write: {{post: "${{blue.url}}/notes", body: {{text: "${{probe}}"}}}}
    read: {{get: "${{green.url}}/notes/${{probe}}"}}
    expect: {{body: {{contains: "${{probe}}"}}}}
    clean_up: {{delete: "/notes/${{probe}}"}}
"""
    )

    assert [problem.rule for problem in lint(text)] == ["one-address-for-both"] * 2
