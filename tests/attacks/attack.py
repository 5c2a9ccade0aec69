"""One attack: a gate that must not be Succeeded, and everything that surrounds it."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from greenlight.core.finding import Cause

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from tests.support.wire import Script

GATE_OF_GREEN = frozenset({Cause.RELEASE_FAILED, Cause.NO_EVIDENCE, Cause.DEADLINE})
"""Causes of a gate that a hostile green closes: not the plan's author and not the operator."""

ANY_CAUSE = frozenset(Cause)
STAGE = "AfterAllowTestTraffic"
OK = {"status": "ok"}


@dataclasses.dataclass(frozen=True)
class Attack:
    """One case.

    Attributes:
        title: Form of the attack, and the validator that it attacks.
        plan: Text of the plan; "" for the default checks.
        green: Script of green's server; None if nothing listens.
        blue: Script of blue's server; None without blue.
        causes: Causes that the reasons may have.
        secrets: Secrets of the plan, which must not leave the gate in any form.
        canaries: Further texts that must not leave the gate as they are.
        aws: Responses by "service.operation"; a call that is not in the table is denied.
        platform: `ecs` or `lambda`.
        discover: Discover the deployment from `aws`, as a hook does.
        allowed_hosts: Hosts that the operator allows.
        budget_s: Time of the gate.
    """

    title: str
    plan: str
    green: Script | None = None
    blue: Script | None = None
    causes: frozenset[Cause] = GATE_OF_GREEN
    secrets: Mapping[str, str] = dataclasses.field(default_factory=dict)
    canaries: tuple[str, ...] = ()
    aws: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    platform: str = "ecs"
    discover: bool = False
    allowed_hosts: tuple[str, ...] = ()
    budget_s: float = 10.0


Family = "Callable[[random.Random], Attack]"


def plan_of(*checks: Mapping[str, Any], stage: str = STAGE, **more: Any) -> str:
    """Return a plan with these checks as text."""
    return json.dumps({"version": 1, **more, "stages": {stage: {"checks": list(checks)}}})


OPENAPI = json.dumps(
    {
        "openapi": "3.1.0",
        "paths": {
            "/": {
                "get": {
                    "responses": {
                        "200": {
                            "content": {
                                "application/json": {
                                    "schema": {
                                        "type": "object",
                                        "required": ["status"],
                                        "properties": {"status": {"const": "ok"}},
                                        "additionalProperties": False,
                                    }
                                }
                            }
                        }
                    }
                }
            }
        },
    }
)

ASKING: dict[str, dict[str, Any]] = {
    "http": {"get": "/", "expect": {"status": 200, "json": OK}},
    "openapi": {"text": OPENAPI},
    "serves_green": {"get": "/", "json": OK, "samples": 2, "interval": "1ms"},
    "graphql": {"query": "{a}", "path": "/"},
    "compare": {"requests": ["/"]},
    "load": {"paths": ["/"], "requests": 4, "warm_up": 0, "concurrency": 2, "minimum_samples": 2, "status": 200},
    "migration": {
        "capture": {"id": "unique"},
        "write": {"put": "/${id}"},
        "read": {"get": "/${id}"},
        "clean_up": {"delete": "/${id}"},
        "expect": {"json": OK},
    },
    "websocket": {},
    "grpc_health": {},
}
"""Validators that ask green, with parameters that an answer of 200 and `OK` satisfies."""


def asking(rng: random.Random, *names: str, **more: Any) -> tuple[str, dict[str, Any]]:
    """Return the name of one of these validators, and a check with it."""
    name = rng.choice(names or tuple(ASKING))
    return name, {"name": "c", "timeout": "900ms", name: ASKING[name], **more}
