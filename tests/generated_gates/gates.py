"""Runs generated gates through the engine, in this process, and compares verdicts with what green answered."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import time
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.checks.registry import Registry
from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.core.errors import PlanError
from greenlight.core.finding import Finding, Outcome, Severity
from greenlight.core.settings import Settings
from greenlight.core.verdict import Status
from greenlight.discovery.ecs import find_ecs_sides
from greenlight.gate.prepare import Prepared
from greenlight.gate.run_checks import run_checks
from greenlight.plan.parser import parse
from greenlight.verdict.conclude import apply_plan, decide_verdict
from greenlight.verdict.evidence import evidence_rule

from . import account
from .plans import PlanMaker
from .servers import Servers
from .suites import SUITES
from .world import World, make_world

if TYPE_CHECKING:
    from pathlib import Path

GATE_S = 30.0
LATE_S = 0.5
OBSERVERS = {"logs": "logs", "metrics": "metrics", "traces": "traces"}
CONNECTORS = ("tcp", "tls")
PYTEST_SHARE = 0.004
"""Share of gates that may run a suite, which starts a process."""


@dataclasses.dataclass(frozen=True)
class Gate:
    """A gate that has run.

    Attributes:
        violation: Why its Succeeded is wrong; "" if it is right, or Failed.
    """

    number: int
    world: World
    plan: dict[str, Any]
    findings: tuple[Finding, ...]
    status: str
    violation: str


class GateRunner:
    """Runner of generated gates; it keeps its servers."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._seed = seed
        self._servers = Servers(folder)
        self._registry = Registry()
        for name, text in SUITES.items():
            (folder / f"test_{name}.py").write_text(text)
        os.environ["SSL_CERT_FILE"] = str(folder / "ca.pem")
        os.environ["GREENLIGHT_PLAN_FOLDER"] = str(folder)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

    def __enter__(self) -> GateRunner:
        return self

    def __exit__(self, *raised: object) -> None:
        self._servers.close()

    def run(self, number: int) -> Gate:
        """Run one gate; its number and the seed decide everything about it."""
        chance = random.Random(f"{self._seed}-{number}")
        world = self._servers.world = make_world(number, chance)
        world.notes["is_silent"] = chance.random() < 0.5
        aws = account.SimulatedAws(world, self._servers)
        deployment = self._discover(world, aws)
        world.notes["has_blue_url"] = bool(deployment.blue.url)
        other = f"http://127.0.0.1:{self._servers.other_port()}"
        maker = PlanMaker(world, chance, other, self._servers.dns_port())
        plan = maker.make_plan(self._usable_validators(world, chance))
        prepared = Prepared(deployment=deployment, plan=parse(json.dumps(plan), "generated"))
        aws.is_faulty = True
        emitted: list[Finding] = []
        settings = Settings(allow_loopback=True, allowed_hosts=("127.0.0.1", "localhost"))
        try:
            run_checks(prepared, settings, aws, time.monotonic() + GATE_S, lambda *new: emitted.extend(new))
        except PlanError as problem:
            raise AssertionError(f"gate {number} has an invalid plan: {problem}\n{json.dumps(plan)}") from None
        findings = apply_plan(prepared.checks, emitted)
        rule = evidence_rule(deployment, prepared.plan)
        status = decide_verdict(prepared.checks, findings, (), rule).status
        violation = find_violation(world, plan, findings) if status is Status.SUCCEEDED else ""
        if violation:  # a server may record a connection after the check has closed it
            time.sleep(LATE_S)
            violation = find_violation(world, plan, findings)
        return Gate(number, world, plan, findings, status.value, violation)

    def _usable_validators(self, world: World, chance: random.Random) -> list[str]:
        names = []
        for name in self._registry.names():
            validator = self._registry.get(name)
            assert validator is not None
            if (
                world.platform in [platform.value for platform in validator.platforms]
                and world.stage in validator.stages
            ):
                names.append(name)
        if chance.random() >= PYTEST_SHARE:
            names.remove("pytest")
        return names

    def _discover(self, world: World, aws: account.SimulatedAws) -> Deployment:
        facts = {"id": account.DEPLOYMENT, "application": "shop", "group": "web", "region": account.REGION}
        deployment = Deployment(platform=Platform(world.platform), stage=world.stage, **facts)
        if world.platform == "lambda":
            sides = {side: Side(version=version, no_url="none") for side, version in account.VERSIONS.items()}
            return replace(deployment, function="orders", alias="live", **sides)
        group = account.deployment_group()
        blue, green, names = find_ecs_sides(aws, deployment, {}, group, {}, sleep=lambda _: None)
        return replace(deployment, blue=blue, green=green, cluster=names[0], service=names[1])


def find_violation(world: World, plan: dict[str, Any], findings: tuple[Finding, ...]) -> str:
    """Return why a Succeeded is wrong, by what green answered and AWS showed; "" if it is right.

    The oracle looks at neither the counts of a finding nor the engine's rule.
    """
    (stage,) = plan["stages"].values()
    passed = {finding.name for finding in findings if finding.outcome is Outcome.PASS}
    validators = {}
    for check in stage["checks"]:
        if check["name"] in passed and check["severity"] != Severity.ADVISORY.value:
            validators[check["name"]] = next(name for name in check if hasattr(PlanMaker, f"_{name}"))
    if not validators:
        return "no blocking check passed"
    if world.stage == "BeforeInstall" or any(_is_evidence(world, tag, name) for tag, name in validators.items()):
        return ""
    if not _can_be_asked(world) and world.record.has_shown("state"):
        return ""
    return f"green answered none of the checks that passed: {', '.join(validators.values())}"


def _is_evidence(world: World, tag: str, validator: str) -> bool:
    record = world.record
    if validator in CONNECTORS and world.listener == "TCP":
        return record.has_answered("")
    if world.stage == "AfterAllowTraffic" and validator in OBSERVERS and record.has_shown(OBSERVERS[validator]):
        return True
    return record.has_answered(tag)


def _can_be_asked(world: World) -> bool:
    """Return whether some request is certain to reach green, by the rules of its listener."""
    if world.platform == "lambda":
        return True
    earlier = [rule for rule in world.rules if rule.priority < 50]
    return world.has_greens_listener and not any("*" in rule.paths for rule in earlier)
