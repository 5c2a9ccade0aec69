"""Played scenarios beyond the packed ones: services and faults that users' own scenarios may have."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devkit.rehearsal.outcome import ScenarioOutcome

    Play = Callable[..., ScenarioOutcome]

ECS = """
name: played
platform: ecs
minute: 100ms
blue: {command: "python service.py fine {port}"}
plan: a.plan.yaml
"""
LAMBDA = """
name: played
platform: lambda
minute: 100ms
blue: {function: "function.py:handler", environment: {RELEASE: 1}}
"""
SILENT = """
import time
def handler(event, context):
    time.sleep(60)
"""


ORDERS = """
import http.server, json, pathlib, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.reply(200, {"status": "ok"})
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with pathlib.Path("orders").open("a") as file:
            file.write("o")
        self.reply(201, {"id": f"order-{pathlib.Path('orders').stat().st_size}"})
    def reply(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
ORDER = """
version: 1
stages:
  AfterAllowTestTraffic:
    checks:
      - {name: an order is accepted, http: {post: /orders, expect: {status: 201, json: {id: {matches: "-1$"}}}}}
"""
PLACED = ECS.replace("service.py fine", "orders.py") + 'green: {command: "python orders.py {port}"}\n'
SUFFIXES = (".json", ".html", ".last-resort.json", ".last-resort.html")


def green(manner: str) -> str:
    return f'green: {{command: "python service.py {manner} {{port}}"}}\n'


@pytest.mark.parametrize("manner", ["lying", "redirecting", "huge", "slow"])
def test_misbehaving_green_is_stopped_before_any_user_request_reaches_it(play: Play, manner: str) -> None:
    (deployment,) = play(ECS + green(manner)).deployments
    assert (deployment.record.status, deployment.failed_at) == ("Failed", "AfterAllowTestTraffic")
    assert deployment.rolled_back
    assert (deployment.green_requests, deployment.errors) == (0, 0)
    assert deployment.requests > 0


@pytest.mark.parametrize("allowed", [False, True])
def test_gate_in_its_shadow_stops_nothing_and_reports_its_real_verdict(play: Play, folder: Path, allowed: bool) -> None:
    until = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)).date()
    plan = folder / "a.plan.yaml"
    plan.write_text(f'{plan.read_text()}shadow: {{until: "{until}", why: getting to know it}}\n')

    (deployment,) = play(f"{ECS}{green('broken')}settings: {{allow_shadow: {str(allowed).lower()}}}\n").deployments

    assert deployment.record.status == ("Succeeded" if allowed else "Failed")
    (gate, *_) = deployment.gates
    assert [reason["cause"] for reason in gate["reasons"]] == ["RELEASE_FAILED"]
    shadow = {"would_have_been": "Failed", "until": str(until), "why": "getting to know it"}
    assert gate["shadow"] == (shadow if allowed else None)
    assert allowed or any("this installation does not allow shadows" in note for note in gate["deployment"]["notes"])


def test_blue_ends_only_after_its_last_slow_answer(play: Play) -> None:
    text = ECS.replace("service.py fine", "service.py leisurely") + green("fine")
    (deployment,) = play(text).deployments
    assert deployment.record.status == "Succeeded"
    assert (deployment.requests > 0, deployment.errors) == (True, 0)


def test_green_that_crashes_fails_the_install_event_with_its_last_output(play: Play) -> None:
    text = ECS + "green: {command: [python, -c, \"print('no database'); raise SystemExit(3)\"]}\n"
    (deployment,) = play(text).deployments
    assert deployment.failed_at == "Install"
    assert "exit code 3" in deployment.record.error_message
    assert "no database" in deployment.record.error_message


@pytest.mark.parametrize(
    ("blue", "sentence"),
    [
        ('{command: "no-such-program {port}"}', "'no-such-program' cannot be started"),
        ('{command: "python -c pass"}', "ended with exit code 0 before it listened"),
        ("{command: \"python -c 'import time; time.sleep(60)'\", start_timeout: 300ms}", "did not listen on port"),
    ],
)
def test_blue_that_does_not_start_is_reported_with_its_reason(play: Play, blue: str, sentence: str) -> None:
    text = ECS.replace('{command: "python service.py fine {port}"}', blue) + green("fine")
    outcome = play(text)
    assert sentence in outcome.problem
    assert not outcome.expected


def test_users_and_checks_reach_the_service_over_tls_and_through_a_listener_rule(play: Play) -> None:
    listener = (
        'listener: {https: true, conditions: {hosts: ["*.example.com"], paths: ["/", "/a/*"], headers: {X-T: [b]}}}'
    )
    (deployment,) = play(ECS + green("fine") + listener + "\n").deployments
    assert deployment.record.status == "Succeeded"
    assert (deployment.requests > 0, deployment.errors) == (True, 0)


def test_rule_of_another_service_does_not_answer_for_a_broken_green(play: Play, folder: Path) -> None:
    plan = folder / "a.plan.yaml"
    plan.write_text(plan.read_text().replace("get: /, expect: {status: 200, json: {status: ok}}", "get: /a/b, EXPECT"))
    plan.write_text(plan.read_text().replace("EXPECT", "expect: {status: 200}"))
    (deployment,) = play(ECS + green("broken") + "listener: {rules: [{priority: 5, paths: [/a/*]}]}\n").deployments
    assert (deployment.record.status, deployment.failed_at) == ("Failed", "AfterAllowTestTraffic")
    assert "rule 5 (/a/*) takes GET /a/b before green's rule" in str(deployment.gates)


def test_rule_of_another_service_does_not_matter_to_other_paths(play: Play) -> None:
    listener = (
        'listener: {conditions: {hosts: ["*.example.com"]}, rules: [{priority: 5, paths: [/a/*], status: 503}]}\n'
    )
    (deployment,) = play(ECS + green("fine") + listener).deployments
    assert (deployment.record.status, deployment.errors) == ("Succeeded", 0)


def test_network_load_balancer_is_shifted_in_one_step(play: Play) -> None:
    (deployment,) = play(ECS + green("fine") + "listener: {nlb: true}\nusers: {rate: 100}\n").deployments
    assert deployment.record.status == "Succeeded"
    assert [percent for _, percent in deployment.traffic] == [0, 100]


def test_without_a_test_listener_the_hook_is_skipped_with_a_note(play: Play) -> None:
    outcome = play(ECS + green("broken") + "faults: [no-test-listener]\n")
    (deployment,) = outcome.deployments
    assert deployment.record.status == "Succeeded"
    assert deployment.gates == []
    assert "skips AfterAllowTestTraffic" in outcome.notes[0]


def test_without_a_plan_the_installations_setting_decides(play: Play) -> None:
    text = ECS.replace("plan: a.plan.yaml\n", "") + green("fine") + "settings: {on_missing_plan: fail}\n"
    (deployment,) = play(text).deployments
    assert deployment.failed_at == "AfterAllowTestTraffic"
    assert "PLAN_ERROR" in str(deployment.gates)


@pytest.mark.parametrize(
    "fault",
    [
        "duplicate-invocation",
        "codedeploy-hangs",
        "late-in-progress",
        "answer-lost",
        "answer-drips",
        "reads-throttled",
        "plan-cut",
    ],
)
def test_fault_that_the_hook_tolerates_does_not_stop_a_good_release(play: Play, fault: str) -> None:
    (deployment,) = play(ECS + green("fine") + f"faults: [{fault}]\n").deployments
    assert deployment.record.status == "Succeeded"
    assert deployment.answered_by == ["hook"]
    (gate,) = deployment.gates
    assert gate["answer"]["told"]
    assert gate["answer"]["attempts"] == (2 if fault in ("codedeploy-hangs", "answer-lost", "answer-drips") else 1)
    assert gate["plan"]["uri"].endswith(".yaml")


@pytest.fixture
def orders(folder: Path) -> Callable[[], int]:
    """Write a service that numbers its orders, and a plan that places one; return a function that counts orders."""
    (folder / "orders.py").write_text(ORDERS)
    (folder / "a.plan.yaml").write_text(ORDER)
    return lambda: (folder / "orders").stat().st_size if (folder / "orders").exists() else 0


def test_duplicate_invocation_places_one_order_and_reports_one_set_of_findings(
    play: Play, orders: Callable[[], int]
) -> None:
    outcome = play(PLACED + "faults: [duplicate-invocation]\n")
    (deployment,) = outcome.deployments
    assert (deployment.record.status, deployment.answered_by, orders()) == ("Succeeded", ["hook"], 1)
    (gate,) = deployment.gates
    assert [(check["outcome"], check["attempts"]) for check in gate["checks"]] == [("PASS", 1)]
    assert gate["deployment"]["notes"] == []
    log = (outcome.reports[0].parents[1] / "hooks.log").read_text()
    assert log.count('"duplicate delivery"') == log.count('"answered by another invocation"') == 1
    assert log.count('"check finished"') == log.count('"report stored"') == 1


def test_last_resort_answers_for_a_killed_hook_and_its_duplicate_which_place_no_order(
    play: Play, orders: Callable[[], int]
) -> None:
    (deployment,) = play(PLACED + "faults: [duplicate-invocation, hook-killed]\n").deployments
    assert deployment.failed_at == "AfterAllowTestTraffic"
    assert (deployment.answered_by, orders()) == (["last-resort"], 0)


def test_without_write_access_to_the_bucket_a_duplicate_runs_the_checks_again(
    play: Play, orders: Callable[[], int], folder: Path
) -> None:
    service = folder / "orders.py"  # the first order takes long enough for the second invocation to place one, too
    service.write_text(
        service.read_text().replace("        self.rfile.read(", "        time.sleep(3)\n        self.rfile.read(", 1)
    )
    (deployment,) = play(PLACED + "faults: [duplicate-invocation, report-bucket-denied]\n").deployments
    assert deployment.answered_by == ["hook"]
    assert orders() == 2


def test_last_resort_answers_for_a_hook_that_may_not_report(play: Play) -> None:
    outcome = play(ECS + green("fine") + "faults: [put-denied]\n")
    (deployment,) = outcome.deployments
    assert deployment.failed_at == "AfterAllowTestTraffic"
    assert deployment.answered_by == ["last-resort"]
    (gate,) = deployment.gates
    assert (gate["verdict"], gate["judged"], gate["written_by"]) == ("Failed", "Succeeded", "last-resort")
    assert (gate["answer"]["told"], gate["answer"]["by"]) == (True, "last-resort")
    assert gate["reasons"][0]["cause"] == "GATE_ERROR"
    names = {path.name for path in outcome.reports}
    assert names == {f"AfterAllowTestTraffic{suffix}" for suffix in SUFFIXES}, "the hook's report is there as well"


def test_last_resort_reports_a_hook_that_was_killed(play: Play) -> None:
    outcome = play(ECS + green("fine") + "faults: [hook-killed]\n")
    (deployment,) = outcome.deployments
    assert deployment.answered_by == ["last-resort"]
    (gate,) = deployment.gates
    assert (gate["verdict"], gate["deployment"]["stage"]) == ("Failed", "AfterAllowTestTraffic")
    assert gate["deployment"]["application"] == outcome.scenario.file.application
    assert gate["reasons"][0]["message"].startswith("the hook was killed: Runtime exited with error: signal: killed")
    assert {path.name for path in outcome.reports} == {f"AfterAllowTestTraffic{suffix}" for suffix in SUFFIXES[2:]}


@pytest.mark.parametrize(
    ("manner", "judged", "causes"),
    [("fine", "Succeeded", ["GATE_ERROR"]), ("broken", None, ["RELEASE_FAILED", "GATE_ERROR"])],
)
def test_hook_killed_before_its_answer_leaves_its_verdict_and_its_checks(
    play: Play, manner: str, judged: str | None, causes: list[str]
) -> None:
    (deployment,) = play(ECS + green(manner) + "faults: [hook-killed-before-answer]\n").deployments
    assert (deployment.record.status, deployment.answered_by) == ("Failed", ["last-resort"])
    (gate,) = deployment.gates
    assert (gate["verdict"], gate["judged"], gate["answer"]["by"]) == ("Failed", judged, "last-resort")
    assert [reason["cause"] for reason in gate["reasons"]] == causes
    assert [check["outcome"] for check in gate["checks"]] == ["PASS" if judged else "FAIL"]


def test_hook_killed_after_its_answer_leaves_a_report_that_does_not_claim_it(play: Play) -> None:
    (deployment,) = play(ECS + green("fine") + "faults: [hook-killed-after-answer]\n").deployments
    assert (deployment.record.status, deployment.answered_by) == ("Succeeded", ["hook"])
    (gate,) = deployment.gates
    assert (gate["verdict"], gate["judged"], gate["answer"]["superseded"]) == ("Failed", "Succeeded", True)
    assert [reason["cause"] for reason in gate["reasons"]] == ["GATE_ERROR", "SUPERSEDED"]


def test_report_that_cannot_be_stored_does_not_change_the_verdict(play: Play) -> None:
    (deployment,) = play(ECS + green("fine") + "faults: [report-bucket-denied]\n").deployments
    assert deployment.record.status == "Succeeded"
    assert deployment.gates == []


def test_hook_that_cannot_be_invoked_fails_the_deployment_at_once(play: Play) -> None:
    (deployment,) = play(ECS + green("fine") + "faults: [hook-cannot-be-invoked]\n").deployments
    assert deployment.record.error_code == "IAM_ROLE_PERMISSIONS"
    assert deployment.answered_by == []


def test_hook_that_never_answers_times_out_after_the_hour(play: Play, folder: Path) -> None:
    hooks = folder / "hooks"
    hooks.mkdir()
    for name in ("before_allow_traffic", "last_resort"):
        (hooks / f"{name}.py").write_text(SILENT)
    text = LAMBDA + 'green: {function: "function.py:handler"}\nhour: 1s\nhook_timeout: 2s\n'
    (deployment,) = play(text, hooks).deployments
    assert (deployment.failed_at, deployment.record.error_code) == ("BeforeAllowTraffic", "TIMEOUT")


def test_users_errors_set_off_an_alarm_that_stops_the_shift(play: Play) -> None:
    text = LAMBDA + (
        'green: {function: "function.py:handler", environment: {BROKEN: true}}\n'
        "config: CodeDeployDefault.LambdaLinear10PercentEvery10Minutes\nusers: {rate: 50}\n"
        "settings: {on_missing_plan: pass}\nalarms: [{name: errors, errors_percent: 20}]\n"
    )
    (deployment,) = play(text).deployments
    assert (deployment.record.status, deployment.record.error_code) == ("Stopped", "ALARM_ACTIVE")
    assert deployment.failed_at == "AllowTraffic"
    assert deployment.errors == deployment.green_errors == deployment.green_requests > 0
    assert deployment.rolled_back


def test_without_rollback_a_note_names_the_release_that_remained(play: Play) -> None:
    text = ECS + (
        "rollback: false\ndeployments:\n"
        '  - green: {command: "python service.py broken {port}"}\n'
        "    expect: {status: Failed, rolled_back: false}\n"
        '  - green: {command: "python service.py fine {port}"}\n'
        "    expect: {status: Succeeded}\n"
    )
    outcome = play(text)
    assert outcome.expected
    assert "was not rolled back" in outcome.notes[0]


def test_every_mismatch_with_the_expected_end_is_a_sentence(play: Play) -> None:
    outcome = play(
        ECS
        + green("fine")
        + "expect: {status: Failed, failed_at: Install, rolled_back: true, users_errors: {gte: 5}}\n"
    )
    assert not outcome.expected
    assert outcome.document()["mismatches"] == [
        "status is Succeeded, expected Failed",
        "failed_at is None, expected Install",
        "rolled_back is false, expected true",
        "users_errors is 0, expected at least 5",
    ]
