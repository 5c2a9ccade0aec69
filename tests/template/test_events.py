"""Every function with every event of events/: good ones are answered once, malformed ones never with Succeeded."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from tests.support.codedeploy_fake import CodeDeploy
from tests.support.sam_template import ROOT

EVENTS = ROOT / "events"
MODULES = sorted(path.stem for path in (ROOT / "hooks").glob("*.py") if path.stem != "__init__")
# Step Functions invokes the modules gate_*.py, with input that the state machine builds, and CodePipeline the action.
HOOKS = [
    module for module in MODULES if module not in ("last_resort", "pipeline_action") and not module.startswith("gate_")
]
FOLDERS = {**dict.fromkeys(HOOKS, "hook"), "last_resort": "last_resort"}
"""The folder of each function's events. All hooks share one: CodeDeploy sends every stage the same two ids."""
CASES = [
    (function, path.stem) for function, folder in FOLDERS.items() for path in sorted((EVENTS / folder).glob("*.json"))
]
GOOD = [case for case in CASES if case[1].startswith("good")]
MALFORMED = [case for case in CASES if case[1].startswith("malformed_")]

# One process receives all events of a function, as in a warm Lambda environment: an event must not affect the next.
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
        outcome = {"returned": handler(event, Context())}
    except Exception as error:
        outcome = {"raised": type(error).__name__, "message": str(error)}
    print("\\n" + json.dumps({"event": name, **outcome}), flush=True)
"""


def load(function: str, name: str) -> Any:
    """Return an event of `function`; if it names a stage, as a future CodeDeploy may do, with the function's stage."""
    event = json.loads((EVENTS / FOLDERS[function] / f"{name}.json").read_text())
    if isinstance(event, dict) and "LifecycleEvent" in event:
        event["LifecycleEvent"] = function.title().replace("_", "")
    return event


def ids(function: str, name: str) -> tuple[str, str]:
    """Return the deployment id and the execution id of a good event."""
    event = load(function, name)
    if "detail" in event:
        execution = json.loads(event["detail"]["input"])
        return execution["gate"]["deployment"], execution["execution"]
    event = event["requestPayload"] if function == "last_resort" else event
    return event["DeploymentId"], event["LifecycleEventHookExecutionId"]


def run(function: str, url: str, environment: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Call the handler of `function` with each of its events.

    Returns:
        By the event's name: the value returned or the exception raised, and the lines logged.
    """
    names = [name for case_function, name in CASES if case_function == function]
    process = subprocess.run(
        [sys.executable, "-c", DRIVER, function],
        input="".join(json.dumps((name, load(function, name))) + "\n" for name in names),
        env=environment | {"AWS_ENDPOINT_URL": url, "PYTHONPATH": str(ROOT / "hooks")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    outcomes: dict[str, dict[str, Any]] = {}
    log: list[str] = []
    for line in process.stdout.splitlines():
        if line.startswith('{"event": '):
            outcome = json.loads(line)
            outcomes[outcome["event"]] = outcome | {"log": log}
            log = []
        elif line:
            log.append(line)
    assert len(outcomes) == len(names), process.stderr
    return outcomes


class Functions:
    """The functions' outcomes: each function runs once, when its outcomes are first asked for."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._runs: dict[str, tuple[dict[str, dict[str, Any]], CodeDeploy]] = {}

    def __call__(self, function: str) -> tuple[dict[str, dict[str, Any]], CodeDeploy]:
        """Return the outcomes of `function` by event, and the CodeDeploy that it answered."""
        if function not in self._runs:
            with CodeDeploy() as codedeploy:
                self._runs[function] = run(function, codedeploy.url, self._environment), codedeploy
        return self._runs[function]


@pytest.fixture(scope="module")
def functions() -> Functions:
    """Return the functions in an environment with made-up credentials and nothing of this machine's."""
    return Functions(
        {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "mars-west-1",
            "AWS_DEFAULT_REGION": "mars-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "POWERTOOLS_SERVICE_NAME": "greenlight",
            "POWERTOOLS_METRICS_NAMESPACE": "greenlight",
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
        }
    )


def test_every_function_has_good_and_malformed_events_and_every_event_has_a_function() -> None:
    assert {path.name for path in EVENTS.iterdir() if path.is_dir()} == set(FOLDERS.values())
    assert {path.stem for path in EVENTS.rglob("*.json")} == {name for _, name in CASES}
    assert {function for function, _ in GOOD} == {function for function, _ in MALFORMED} == set(FOLDERS)
    assert len(CASES) == len(GOOD) + len(MALFORMED)


@pytest.mark.parametrize(("folder", "heading"), [("hook", "Hooks"), ("last_resort", "Last resort")])
def test_the_readme_describes_every_event_in_order(folder: str, heading: str) -> None:
    section = (EVENTS / "README.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]

    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == sorted(
        path.stem for path in (EVENTS / folder).glob("*.json")
    )


@pytest.mark.parametrize(("function", "name"), GOOD)
def test_a_good_event_of_an_unknown_deployment_is_answered_once_with_failed(
    functions: Functions, function: str, name: str
) -> None:
    outcomes, codedeploy = functions(function)
    deployment, execution = ids(function, name)

    assert [answer for answer in codedeploy.answers if answer[1] == execution] == [(deployment, execution, "Failed")]
    assert outcomes[name].get("returned", {}).get("told") is True, outcomes[name]


@pytest.mark.parametrize(("function", "name"), MALFORMED)
def test_a_malformed_event_is_rejected_with_one_sentence(functions: Functions, function: str, name: str) -> None:
    outcome = functions(function)[0][name]

    assert "raised" in outcome, outcome
    assert 20 <= len(outcome["message"]) <= 600
    assert "\n" not in outcome["message"]
    assert "Traceback" not in outcome["message"]


@pytest.mark.parametrize("function", FOLDERS)
def test_no_event_is_answered_with_succeeded_or_twice(functions: Functions, function: str) -> None:
    outcomes, codedeploy = functions(function)
    good_count = sum(case_function == function for case_function, _ in GOOD)

    assert "Succeeded" not in {status for _, _, status in codedeploy.answers}
    assert max(Counter(execution for _, execution, _ in codedeploy.answers).values()) == 1
    assert len(codedeploy.answers) >= good_count
    assert not [outcome for outcome in outcomes.values() if "Succeeded" in str(outcome.get("returned"))]


@pytest.mark.parametrize("function", FOLDERS)
def test_logs_are_one_json_object_a_line_and_never_contain_an_execution_id(functions: Functions, function: str) -> None:
    outcomes, _ = functions(function)
    secrets = [ids(function, name)[1] for case_function, name in GOOD if case_function == function]
    lines = [line for outcome in outcomes.values() for line in outcome["log"]]

    assert lines
    assert not [line for line in lines if not isinstance(json.loads(line), dict)]
    assert not [line for line in lines if any(secret in line for secret in secrets)]
