"""Two real hooks with one execution id run its checks once, and CodeDeploy gets an answer whatever happens to them."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.bucket_fake import Bucket
from tests.support.gate import Gate, HookCall, checks, new_deployment
from tests.support.wire import Server, answer, answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.codedeploy_fake import CodeDeploy


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with Bucket() as fake:
        yield fake


@pytest.fixture
def shop() -> Iterator[Server]:
    """Start a service that accepts orders; its `requests` are the orders."""
    with answering(answer(201, b"{}", "content-type: application/json")) as server:
        yield server


@pytest.fixture
def pair(make_gate: Callable[..., Gate], bucket: Bucket) -> Callable[..., tuple[Gate, Gate]]:
    """Return a function that builds two gates with one report bucket and different timeouts."""

    def make(first_s: float = 40, second_s: float = 40) -> tuple[Gate, Gate]:
        settings = {
            "GREENLIGHT_REPORT_BUCKET": "reports",
            "AWS_ENDPOINT_URL_S3": bucket.url,
            "GREENLIGHT_ALLOWED_HOSTS": "127.0.0.1",
        }
        return make_gate(timeout_s=first_s, **settings), make_gate(timeout_s=second_s, **settings)

    return make


def order_plan(shop: Server, **order: Any) -> str:
    entry = {"name": "an order is accepted", "http": {"post": "/orders", "expect": {"status": 201}}, **order}
    return json.dumps({**json.loads(checks(entry, accepts=None)), "target": {"url": shop.url}})


def event_of(codedeploy: CodeDeploy) -> dict[str, str]:
    deployment, execution = new_deployment(codedeploy)
    return {"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution}


def claim_path(event: dict[str, str]) -> str:
    digest = hashlib.sha256(event["LifecycleEventHookExecutionId"].encode()).hexdigest()
    return f"/reports/runs/{digest}.json"


def call_both(
    gates: tuple[Gate, Gate], plan: str, event: dict[str, str], between: Callable[[], None]
) -> tuple[HookCall, HookCall]:
    """Call two hooks with one event, the second after `between`, and return both calls."""
    calls: list[HookCall] = []
    thread = threading.Thread(target=lambda: calls.append(gates[0].call(plan, event=event)))
    thread.start()
    between()
    second = gates[1].call(plan, event=event)
    thread.join()
    return calls[0], second


def wait_for(condition: Callable[[], Any], limit_s: float = 15) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def notes_of(bucket: Bucket) -> list[str]:
    (key,) = bucket.keys("/BeforeAllowTraffic.json")
    return json.loads(bucket.objects[f"/reports/{key}"][0])["deployment"]["notes"]


# ---- Without a claim the gate runs as if there were none


@pytest.mark.parametrize(
    ("method", "refusal", "sentence"),
    [
        ("PUT", (403, "AccessDenied"), "s3:PutObject was denied"),
        ("PUT", (500, "InternalError"), ""),  # either S3's error or the end of the time for the claim
        ("PUT", (409, "ConditionalRequestConflict"), "ConditionalRequestConflict"),
        ("GET", (403, "AccessDenied"), "s3:GetObject was denied"),
    ],
)
def test_a_gate_that_cannot_be_claimed_runs_and_says_so(
    pair: Callable[..., tuple[Gate, Gate]],
    codedeploy: CodeDeploy,
    bucket: Bucket,
    method: str,
    refusal: tuple[int, str],
    sentence: str,
) -> None:
    event = event_of(codedeploy)
    if method == "GET":
        bucket.objects[claim_path(event)] = (b"{}", time.time())
    bucket.refuse = lambda name, path: refusal if name == method and "/runs/" in path else None
    call = pair()[0].call(event=event)
    assert (call.error, call.returned) == ("", {"verdict": "Succeeded", "told": True})
    (note,) = notes_of(bucket)
    assert note.startswith("this gate was not claimed: ")
    assert sentence in note
    assert note.endswith("a second delivery of its event would have run the checks again")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not JSON",
        b"[]",
        b'{"token": "a"}',
        b"x" * 5000,
        b'{"schema":"greenlight.run/2","token":"a","request_id":"b","stage":"c","time_left_s":1,"deadline":""}',
        b'{"schema":"greenlight.run/1","token":"a","request_id":"b c","stage":"c","time_left_s":1,"deadline":""}',
        b'{"schema":"greenlight.run/1","token":"a","request_id":"b","stage":"c","time_left_s":1e9,"deadline":""}',
    ],
)
def test_a_malformed_claim_costs_neither_the_run_nor_the_answer(
    pair: Callable[..., tuple[Gate, Gate]], codedeploy: CodeDeploy, bucket: Bucket, content: bytes
) -> None:
    event = event_of(codedeploy)
    bucket.objects[claim_path(event)] = (content, time.time())
    call = pair()[0].call(event=event)
    assert call.returned == {"verdict": "Succeeded", "told": True}
    assert claim_path(event).removeprefix("/reports/") in notes_of(bucket)[0]
    assert bucket.objects[claim_path(event)][0] == content


def test_a_bucket_that_drips_delays_a_gate_by_seconds_only(
    pair: Callable[..., tuple[Gate, Gate]], codedeploy: CodeDeploy, bucket: Bucket
) -> None:
    event = event_of(codedeploy)
    bucket.objects[claim_path(event)], bucket.drip_s = (b" " * 4000, time.time()), 0.2
    began = time.monotonic()
    call = pair()[0].call(event=event)
    assert call.returned == {"verdict": "Succeeded", "told": True}
    assert time.monotonic() - began < 10


def test_without_a_report_bucket_a_gate_says_that_it_was_not_claimed(make_gate: Callable[..., Gate]) -> None:
    call = make_gate().call()
    assert (call.returned["told"], call.log_line("gate started")["level"]) == (True, "INFO")


# ---- Duplicates


def test_one_of_two_hooks_with_one_execution_places_the_order_in_every_interleaving(
    pair: Callable[..., tuple[Gate, Gate]], codedeploy: CodeDeploy, bucket: Bucket, shop: Server
) -> None:
    gates = pair()
    for seed in range(20):
        chance, event = random.Random(seed), event_of(codedeploy)
        bucket.delay = lambda chance=chance: time.sleep(chance.uniform(0, 0.05))
        placed, stored = len(shop.requests), len(bucket.puts)
        calls = call_both(gates, order_plan(shop), event, lambda chance=chance: time.sleep(chance.uniform(0, 0.3)))
        assert len(shop.requests) == placed + 1, seed
        assert gates[0].statuses(event["LifecycleEventHookExecutionId"]) == ["Succeeded"], seed
        assert sorted("duplicate_of" in call.returned for call in calls) == [False, True], seed
        assert [call.error for call in calls] == ["", ""]
        paths = [path for path in bucket.puts[stored:] if not path.endswith(".partial.json")]
        assert sorted(path.rpartition(".")[2] for path in paths) == ["html", "json", "json", "json"], seed

    for metric in ("GateStarted", "GateAnswered", "GateSucceeded"):
        wait_for(lambda metric=metric: count_metric(*gates, name=metric) == 20)


def count_metric(*gates: Gate, name: str) -> float:
    """Return the sum of a metric over everything that these hooks have written."""
    lines = [line for gate in gates for line in gate.lines if line.startswith("{") and f'"{name}"' in line]
    return sum(sum(json.loads(line)[name]) for line in lines)


def test_a_duplicate_that_comes_after_the_answer_ends_at_once(
    pair: Callable[..., tuple[Gate, Gate]], codedeploy: CodeDeploy, shop: Server, bucket: Bucket
) -> None:
    event, (first, second) = event_of(codedeploy), pair()
    assert first.call(order_plan(shop), event=event).returned == {"verdict": "Succeeded", "told": True}
    holder = json.loads(bucket.objects[claim_path(event)][0])["request_id"]
    began, call = time.monotonic(), second.call(order_plan(shop), event=event)
    assert (call.error, call.returned, len(shop.requests)) == ("", {"duplicate_of": holder}, 1)
    assert time.monotonic() - began < 5
    assert call.log_line("duplicate delivery")["holder"] == holder
    assert call.log_line("answered by another invocation")["holder"] == holder
    assert event["LifecycleEventHookExecutionId"] not in call.raw


# ---- A holder that was killed


class Holding:
    """Service that never answers, so that the hook whose check asks it holds the gate."""

    def __init__(self) -> None:
        self.server = Server(self._hold)

    def _hold(self, peer: Any) -> None:
        peer.request()
        time.sleep(60)


def test_after_the_last_resort_has_answered_for_a_killed_holder_the_duplicate_ends(
    pair: Callable[..., tuple[Gate, Gate]], make_gate: Callable[..., Gate], codedeploy: CodeDeploy
) -> None:
    event, gates = event_of(codedeploy), pair()
    resort = make_gate(timeout_s=8)
    with Holding().server as server:

        def kill() -> None:
            wait_for(lambda: server.connections)
            threading.Timer(1.0, lambda: os.kill(gates[0].pid, signal.SIGKILL)).start()
            threading.Timer(1.5, lambda: resort.call(hook="last_resort", event={"requestPayload": event})).start()

        first, second = call_both(gates, order_plan(server, timeout="10s"), event, kill)
    assert first.error
    assert "duplicate_of" in second.returned
    assert gates[0].statuses(event["LifecycleEventHookExecutionId"]) == ["Failed"]
    assert server.connections == 1


def test_a_duplicate_takes_over_from_a_killed_holder_and_repeats_no_order(
    pair: Callable[..., tuple[Gate, Gate]], codedeploy: CodeDeploy, bucket: Bucket
) -> None:
    event, gates = event_of(codedeploy), pair(first_s=4, second_s=24)
    with Holding().server as server, answering(answer(200, b"{}")) as safe:

        def kill() -> None:
            wait_for(lambda: server.connections)
            os.kill(gates[0].pid, signal.SIGKILL)

        plan = json.loads(order_plan(server, timeout="3s"))
        reading = {"name": "read", "http": {"get": f"{safe.url}/", "expect": {"status": 200}}, "severity": "advisory"}
        plan["stages"]["BeforeAllowTraffic"]["checks"].append(reading)
        first, second = call_both(gates, json.dumps(plan), event, kill)
    assert first.error
    assert (second.error, second.returned) == ("", {"verdict": "Failed", "told": True})
    assert gates[0].statuses(event["LifecycleEventHookExecutionId"]) == ["Failed"]
    assert server.connections == 1, "the order was placed once"
    assert len(safe.requests) == 2
    holder = second.log_line("gate taken over")["holder"]
    report = json.loads(bucket.objects[f"/reports/{bucket.keys('/BeforeAllowTraffic.json')[0]}"][0])
    order, read = report["checks"]
    assert (order["outcome"], read["outcome"]) == ("ERROR", "PASS")
    assert order["message"] == (
        f"not run: it sends POST, and invocation {holder}, which ended without an answer, may have run it already"
    )
    assert (
        f"invocation {holder} claimed this gate first and ended without an answer" in report["deployment"]["notes"][-1]
    )


def test_one_of_two_duplicates_takes_over(
    pair: Callable[..., tuple[Gate, Gate]], codedeploy: CodeDeploy, bucket: Bucket
) -> None:
    event, gates = event_of(codedeploy), pair(24, 24)
    with answering(answer(200, b"{}", "content-type: application/json")) as server:
        entry = {"name": "read", "http": {"get": "/", "expect": {"status": 200}}}
        plan = json.dumps({**json.loads(checks(entry, accepts=None)), "target": {"url": server.url}})
        bucket.objects[claim_path(event)] = (_claim(time_left_s=1), time.time())
        calls = call_both(gates, plan, event, lambda: None)
    assert len(server.requests) == 1
    assert gates[0].statuses(event["LifecycleEventHookExecutionId"]) == ["Succeeded"]
    assert sorted("duplicate_of" in call.returned for call in calls) == [False, True]


@pytest.mark.parametrize("ahead_s", [-7200, 7200])
def test_a_clock_that_is_wrong_by_hours_neither_hurries_nor_prevents_a_takeover(
    pair: Callable[..., tuple[Gate, Gate]], codedeploy: CodeDeploy, bucket: Bucket, ahead_s: float
) -> None:
    event, (gate, _) = event_of(codedeploy), pair(16)
    bucket.clock_ahead_s = ahead_s  # as seen from S3, the hook's clock is wrong
    bucket.objects[claim_path(event)] = (_claim(time_left_s=2), time.time() + ahead_s)
    began = time.monotonic()
    call = gate.call(event=event)
    assert call.returned == {"verdict": "Succeeded", "told": True}
    assert 3 < time.monotonic() - began < 14


def test_a_duplicate_without_a_known_answer_answers_failed_at_its_deadline(
    pair: Callable[..., tuple[Gate, Gate]], codedeploy: CodeDeploy, bucket: Bucket, shop: Server
) -> None:
    event, (gate, _) = event_of(codedeploy), pair(12)
    gate.call()  # the claim of a warm environment takes no time for imports
    bucket.objects[claim_path(event)] = (_claim(time_left_s=600), time.time())
    began, call = time.monotonic(), gate.call(order_plan(shop), event=event)
    assert (call.error, call.returned) == ("", {"verdict": "Failed", "told": True})
    assert 8 < time.monotonic() - began < 12
    assert (gate.statuses(event["LifecycleEventHookExecutionId"]), shop.requests) == (["Failed"], [])
    ((cause, message),) = call.reasons()
    assert cause == "GATE_ERROR"
    assert message == (
        "Lambda delivered this event twice: invocation r-1 runs the gate, and CodeDeploy shows no answer of it, "
        "so this invocation answers Failed at its own deadline"
    )
    assert call.metrics()["GateAnswered"] == [1.0]


def test_a_late_failed_is_harmless_and_neither_counted_nor_reported(
    pair: Callable[..., tuple[Gate, Gate]], codedeploy: CodeDeploy, bucket: Bucket
) -> None:
    event, (gate, _) = event_of(codedeploy), pair(12)
    gate.call()  # the claim of a warm environment takes no time for imports
    bucket.objects[claim_path(event)] = (_claim(time_left_s=600), time.time())
    execution = event["LifecycleEventHookExecutionId"]
    codedeploy.answers.append((event["DeploymentId"], execution, "Succeeded"))  # CodeDeploy does not show it yet
    call = gate.call(event=event)
    assert call.log_line("answered")["superseded"] is True
    assert gate.statuses(execution) == ["Succeeded"]
    assert bucket.keys(f"/{event['DeploymentId']}/") == []
    assert count_metric(gate, name="GateAnswered") <= 1, "the call before is counted, and this one is not"
    assert count_metric(gate, name="GateStarted") <= 1


def _claim(time_left_s: float) -> bytes:
    claim = {
        "schema": "greenlight.run/1",
        "token": "of-another",
        "request_id": "r-1",
        "stage": "BeforeAllowTraffic",
        "time_left_s": time_left_s,
        "deadline": "2030-01-01T00:00:00+00:00",
    }
    return json.dumps(claim).encode()
