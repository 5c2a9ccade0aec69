"""Every function meets every event of events/: a good one is answered once, a malformed one is never let through."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from tests.support.codedeploy_fake import CodeDeploy
from tests.support.sam_template import ROOT

EVENTS = ROOT / "events"
HOOKS = sorted(path.stem for path in (ROOT / "hooks").glob("*.py") if path.stem not in ("__init__", "last_resort"))
FUNCTIONS = [*HOOKS, "last_resort"]
FILES = [(f, path.stem) for f in FUNCTIONS for path in sorted((EVENTS / f).glob("*.json"))]
GOOD = [case for case in FILES if case[1].startswith("good_")]
MALFORMED = [case for case in FILES if case[1].startswith("malformed_")]

# One process for all events of a function, as Lambda would do it: what one event leaves behind meets the next.
DRIVER = """
import importlib, json, sys

class Context:
    function_name, aws_request_id = sys.argv[1], "00000000-0000-0000-0000-000000000000"
    invoked_function_arn = "arn:aws:lambda:mars-west-1:111122223333:function:" + sys.argv[1]
    memory_limit_in_mb = 1024
    @staticmethod
    def get_remaining_time_in_millis(): return 60_000

handler = importlib.import_module(sys.argv[1]).handler
for line in sys.stdin:
    name, event = json.loads(line)
    try:
        done = {"returned": handler(event, Context())}
    except Exception as error:
        done = {"raised": type(error).__name__, "message": str(error)}
    print("\\n" + json.dumps({"case": name, **done}), flush=True)
"""


def run(function: str, url: str, environment: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Give every event of `function` to its handler; by name, what it returned or raised and what it logged."""
    cases = [(path.stem, json.loads(path.read_text())) for path in sorted((EVENTS / function).glob("*.json"))]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, function],
        input="".join(json.dumps(case) + "\n" for case in cases),
        env=environment | {"AWS_ENDPOINT_URL": url, "PYTHONPATH": str(ROOT / "hooks")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    outcomes: dict[str, dict[str, Any]] = {}
    log: list[str] = []
    for line in done.stdout.splitlines():
        if line.startswith('{"case": '):
            outcome = json.loads(line)
            outcomes[outcome["case"]] = outcome | {"log": log}
            log = []
        elif line:
            log.append(line)
    assert len(outcomes) == len(cases), done.stderr
    return outcomes


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nobody",
        "AWS_REGION": "mars-west-1",
        "AWS_DEFAULT_REGION": "mars-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "greenlight",
        "POWERTOOLS_METRICS_NAMESPACE": "greenlight",
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
    }


@pytest.fixture(scope="module")
def met(environment: dict[str, str]) -> Met:
    return Met(environment)


class Met:
    """What each function did with its events, found out when first asked for."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment, self._known = environment, {}

    def __call__(self, function: str) -> tuple[dict[str, dict[str, Any]], CodeDeploy]:
        if function not in self._known:
            with CodeDeploy() as codedeploy:
                self._known[function] = run(function, codedeploy.url, self._environment), codedeploy
        return self._known[function]


def ids(function: str, case: str) -> tuple[str, str]:
    event = json.loads((EVENTS / function / f"{case}.json").read_text())
    event = event["requestPayload"] if function == "last_resort" else event
    return event["DeploymentId"], event["LifecycleEventHookExecutionId"]


def test_every_function_has_events_of_both_kinds_and_no_other_folder_has() -> None:
    assert sorted(path.name for path in EVENTS.iterdir()) == sorted(FUNCTIONS)
    assert {function for function, _ in GOOD} == {function for function, _ in MALFORMED} == set(FUNCTIONS)
    assert len(FILES) == len(GOOD) + len(MALFORMED)


@pytest.mark.parametrize("function", HOOKS)
def test_every_hook_meets_the_same_malformed_events(function: str) -> None:
    names = {case for f, case in MALFORMED if f == function}

    assert names == {case for f, case in MALFORMED if f == HOOKS[0]}


@pytest.mark.parametrize(("function", "case"), GOOD)
def test_a_good_event_is_answered_once_and_a_deployment_unknown_to_codedeploy_with_failed(
    met: Met, function: str, case: str
) -> None:
    outcomes, codedeploy = met(function)
    deployment, execution = ids(function, case)

    assert [answer for answer in codedeploy.answers if answer[1] == execution] == [(deployment, execution, "Failed")]
    assert outcomes[case].get("returned", {}).get("told") is True, outcomes[case]


@pytest.mark.parametrize(("function", "case"), MALFORMED)
def test_a_malformed_event_is_refused_in_one_sentence(met: Met, function: str, case: str) -> None:
    outcome = met(function)[0][case]

    assert "raised" in outcome, outcome
    assert 20 <= len(outcome["message"]) <= 600
    assert "\n" not in outcome["message"]
    assert "Traceback" not in outcome["message"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_event_here_leads_to_succeeded_or_to_two_answers(met: Met, function: str) -> None:
    outcomes, codedeploy = met(function)
    good = sum(f == function for f, _ in GOOD)

    assert "Succeeded" not in {status for _, _, status in codedeploy.answers}
    assert max(Counter(execution for _, execution, _ in codedeploy.answers).values()) == 1
    assert len(codedeploy.answers) >= good
    assert not [o for o in outcomes.values() if "Succeeded" in str(o.get("returned"))]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_logged_is_one_json_object_a_line_and_never_the_execution_id(met: Met, function: str) -> None:
    outcomes, _ = met(function)
    secrets = [ids(function, case)[1] for f, case in GOOD if f == function]
    lines = [line for outcome in outcomes.values() for line in outcome["log"]]

    assert lines
    assert not [line for line in lines if not isinstance(json.loads(line), dict)]
    assert not [line for line in lines if any(secret in line for secret in secrets)]
