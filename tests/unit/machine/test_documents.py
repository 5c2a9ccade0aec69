"""The identity of a gate in the input of the state machine: it names exactly one deployment."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from greenlight.machine.documents import MachineGate

CODEDEPLOY = {"name": "0" * 40, "deployment": "d-ABCDEF123", "stage": "AfterInstall"}
CALLED = {"name": "run-1", "stage": "AfterAllowTraffic", "answer": "return"}
GROUP = {"application": "shop", "group": "web"}


@pytest.mark.parametrize(
    "gate",
    [
        CODEDEPLOY | {"deployment": ""},
        CODEDEPLOY | GROUP,
        CODEDEPLOY | {"answer": "pipeline"},
        CODEDEPLOY | {"answer": "RETURN"},
        CODEDEPLOY | {"answer": None},
        CODEDEPLOY | {"stage": "Install"},
        CODEDEPLOY | {"name": ""},
        CODEDEPLOY | {"name": "a/b"},
        CODEDEPLOY | {"name": "a" * 81},
        CODEDEPLOY | {"name": "a\n"},
        CODEDEPLOY | {"deployment": "../d-1"},
        CALLED,
        CALLED | GROUP | {"deployment": "d-ABCDEF123"},
        CALLED | {"application": "shop"},
        CALLED | {"group": "web"},
        CALLED | {"group": "web", "deployment": "d-ABCDEF123"},
        CALLED | GROUP | {"group": "g" * 101},
        CALLED | GROUP | {"stage": "AllowTraffic"},
    ],
)
def test_gate_that_does_not_name_one_deployment_is_rejected(gate: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(gate, MachineGate)


@pytest.mark.parametrize(
    ("gate", "is_called", "deployment"),
    [
        (CODEDEPLOY, False, "d-ABCDEF123"),
        (CALLED | GROUP, True, "unknown"),
        (CALLED | {"deployment": "d-ABCDEF123"}, True, "d-ABCDEF123"),
    ],
)
def test_gate_names_its_deployment_or_its_group(gate: dict[str, Any], is_called: bool, deployment: str) -> None:
    parsed = msgspec.convert(gate, MachineGate)
    assert (parsed.is_called, parsed.deployment_id) == (is_called, deployment)
