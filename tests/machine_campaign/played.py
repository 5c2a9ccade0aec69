"""Random deployments whose gates the deployed functions conduct in the state machine, as a rehearsal plays them."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

from devkit.rehearsal.scenario_file import read
from devkit.rehearsal.scenario_player import ScenarioPlayer
from tests.machine_campaign.campaign import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from devkit.rehearsal.aws.server import LocalAws
    from devkit.rehearsal.outcome import DeploymentOutcome

STAGE = "BeforeAllowTraffic"
FUNCTION = """
import os
def handler(event, context):
    return {"number": event["number"], "is_fine": os.environ.get("BROKEN") != "true"}
"""
CHECKS = 120
HARMLESS = ("codedeploy-throttles", "answer-lost", "duplicate-invocation", "reads-throttled", "codedeploy-hangs")
FATAL = ("prepare-killed", "probe-killed", "judge-killed", "start-refused", "hook-killed")


def play(aws: LocalAws, folder: Path, runs: int, seed: int) -> Outcome:
    """Play deployments in a row, and return their outcome; `folder` gets the scenario and its results."""
    chance = random.Random(f"played:{seed}")
    (folder / "function.py").write_text(FUNCTION)
    (folder / "plan.yaml").write_text(json.dumps(_plan()))
    (folder / "scenario.yaml").write_text(json.dumps(_scenario([_deployment(chance) for _ in range(runs)])))
    played = ScenarioPlayer(aws, folder / "results").play(read(folder / "scenario.yaml"))
    outcome = Outcome(mistakes=[played.problem] if played.problem else [])
    for number, deployment in enumerate(played.deployments):
        outcome.answers[f"{', '.join(deployment.answered_by) or 'none'} {deployment.record.status}"] += 1
        faults = [fault.name for fault in deployment.planned.faults]
        outcome.failures.update(faults)
        outcome.mistakes += [
            f"deployment {number} ({', '.join(faults)}): {sentence}" for sentence in _mistakes(deployment)
        ]
    return outcome


def _plan() -> dict[str, Any]:
    """Return a plan of more than one wave: all checks need the first one, and do not fit into one shard with it."""
    first = {"name": "check 0", "lambda_invoke": _invoke(0)}
    others = [
        {"name": f"check {number}", "needs": ["check 0"], "lambda_invoke": _invoke(number)}
        for number in range(1, CHECKS)
    ]
    return {"version": 1, "defaults": {"timeout": "30s"}, "stages": {STAGE: {"checks": [first, *others]}}}


def _invoke(number: int) -> dict[str, Any]:
    return {"payload": {"number": number}, "expect": {"json": {"number": number, "is_fine": True}}}


def _scenario(deployments: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": "campaign",
        "platform": "lambda",
        "conductor": "machine",
        "minute": "100ms",
        "hour": "3m",
        "users": {"rate": 0},
        "blue": _release(is_broken=False),
        "plan": "plan.yaml",
        "deployments": deployments,
    }


def _deployment(chance: random.Random) -> dict[str, Any]:
    faults = chance.sample(HARMLESS, chance.choice((0, 1, 2)))
    if chance.random() < 0.4:
        faults.append(chance.choice(FATAL))
    return {"green": _release(is_broken=chance.random() < 0.25), "faults": faults}


def _release(*, is_broken: bool) -> dict[str, Any]:
    return {"function": "function.py:handler", "timeout": "30s", "environment": {"BROKEN": is_broken}}


def _mistakes(deployment: DeploymentOutcome) -> Iterator[str]:
    faults = {fault.name for fault in deployment.planned.faults}
    is_broken = deployment.planned.green.environment["BROKEN"]
    may_succeed = not is_broken and faults.isdisjoint(FATAL)
    if len(deployment.answered_by) != 1:
        yield f"CodeDeploy got {len(deployment.answered_by)} answers"
    if deployment.record.status == "Succeeded" and not may_succeed:
        yield "CodeDeploy got a wrong Succeeded"
    if deployment.record.status != "Succeeded" and may_succeed:
        reasons = Counter(reason["message"] for gate in deployment.gates for reason in gate["reasons"])
        yield f"CodeDeploy got a wrong Failed: {deployment.record.error_code} {reasons.most_common(3)}"
    is_reported = bool(deployment.gates)
    if not is_reported and faults.isdisjoint({"hook-killed"}):
        yield "there is no report"
