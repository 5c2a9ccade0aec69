"""Functions in AWS's runtime client: answers, errors, time limits, crashes, versions and aliases."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from devkit.rehearsal.functions import LATEST, LocalLambda, Pool, environment
from devkit.rehearsal.sandbox import FunctionSpec, Invocation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CODE = """
import os, sys, time
def handler(event, context):
    print("called with", sorted(event))
    time.sleep(event.get("sleep", 0))
    if "raise" in event: raise KeyError(event["raise"])
    if "exit" in event: os._exit(event["exit"])
    if "kill" in event: os.kill(os.getpid(), 9)
    if "size" in event: return "x" * event["size"]
    return {"pid": os.getpid(), "name": context.function_name, "version": context.function_version,
            "remaining": context.get_remaining_time_in_millis(), "arn": context.invoked_function_arn}
def last_resort(record, context):
    open("record.json", "w").write(__import__("json").dumps(record))
"""


def spec(folder: Path, **changes: Any) -> FunctionSpec:
    (folder / "app.py").write_text(CODE)
    settings: dict[str, Any] = {
        "name": "orders",
        "version": "7",
        "handler": "app.handler",
        "root": folder,
        "environment": environment({}),
        "timeout_s": 5.0,
        "arn": "arn:orders:7",
    }
    return FunctionSpec(**settings | changes)


@pytest.fixture
def pool(folder: Path) -> Iterator[Pool]:
    pool = Pool(spec(folder))
    yield pool
    pool.close()


def call(pool: Pool, **event: Any) -> Invocation:
    return pool.invoke(json.dumps(event).encode())


def test_failed_import_is_the_error_that_lambda_reports(folder: Path) -> None:
    pool = Pool(spec(folder, handler="nowhere.handler"))
    invocation = call(pool)
    pool.close()
    assert invocation.error == "Unhandled"
    assert json.loads(invocation.response)["errorType"] == "Runtime.ImportModuleError"


def test_context_has_name_version_arn_and_remaining_time(pool: Pool) -> None:
    answer = json.loads(call(pool).response)
    assert (answer["name"], answer["version"], answer["arn"]) == ("orders", "7", "arn:orders:7")
    assert 4000 < answer["remaining"] <= 5000


def test_warm_environment_is_reused_and_fast(pool: Pool) -> None:
    first = call(pool)
    took_s = []
    for _ in range(20):
        began = time.monotonic()
        again = call(pool)
        took_s.append(time.monotonic() - began)
        assert json.loads(first.response)["pid"] == json.loads(again.response)["pid"]
        assert (first.cold, again.cold) == (True, False)
    assert min(took_s) < 0.06  # two delayed acknowledgements would cost every call 80 ms, a busy machine only some


def test_concurrent_calls_get_separate_environments(pool: Pool) -> None:
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _: call(pool, sleep=0.3), range(3)))
    assert len({json.loads(answer.response)["pid"] for answer in answers}) == 3


def test_exception_becomes_a_function_error(pool: Pool) -> None:
    invocation = call(pool, **{"raise": "sku"})
    assert invocation.error == "Unhandled"
    assert json.loads(invocation.response)["errorType"] == "KeyError"


@pytest.mark.parametrize(
    ("event", "cause"),
    [({"exit": 3}, "exit status 3"), ({"exit": 0}, "exit status 0"), ({"kill": 1}, "signal: killed")],
)
def test_process_that_exits_is_an_error_and_the_next_call_gets_a_new_process(
    pool: Pool, event: dict[str, Any], cause: str
) -> None:
    invocation = call(pool, **event)
    assert json.loads(invocation.response)["errorType"] == "Runtime.ExitError"
    assert cause in json.loads(invocation.response)["errorMessage"]
    assert not call(pool).error


def test_time_limit_is_enforced(folder: Path) -> None:
    pool = Pool(spec(folder, timeout_s=0.5))
    began = time.monotonic()
    invocation = call(pool, sleep=30)
    pool.close()
    assert time.monotonic() - began < 15
    assert "Task timed out after 0.50 seconds" in json.loads(invocation.response)["errorMessage"]


def test_answer_that_is_too_large_is_an_error_and_the_next_call_is_served(pool: Pool) -> None:
    invocation = call(pool, size=7_000_000)
    assert json.loads(invocation.response)["errorType"] == "Function.ResponseSizeTooLarge"
    assert not call(pool).error


def test_log_begins_and_ends_as_in_lambda(pool: Pool) -> None:
    first, second = call(pool, a=1), call(pool)
    assert first.log.startswith("START RequestId: ")
    assert "Duration: " in first.log
    assert "Init Duration: " in first.log
    assert "Init Duration: " not in second.log


def test_failed_asynchronous_call_is_sent_to_its_destination_with_request_and_error(folder: Path) -> None:
    functions = LocalLambda()
    functions.register(spec(folder, version=LATEST), on_failure="last")
    functions.register(spec(folder, name="last", version=LATEST, handler="app.last_resort"))
    functions.invoke_async("orders", {"kill": True})
    assert functions.drain(20)
    functions.close()
    record = json.loads((folder / "record.json").read_text())
    assert record["requestPayload"] == {"kill": True}
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorType"] == "Runtime.ExitError"


def test_alias_resolves_to_its_routed_version(folder: Path) -> None:
    functions = LocalLambda(route=lambda name, alias: "7" if (name, alias) == ("orders", "live") else None)
    functions.register(spec(folder))
    pool = functions.pool("orders", "live")
    assert pool is not None
    assert pool.spec.version == "7"
    assert functions.pool("orders", "other") is None
    assert functions.pool("orders") is None
    functions.close()
