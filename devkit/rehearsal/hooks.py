"""Functions of a rehearsal: greenlight's hooks, last resort and functions of the state machine.

They are the deployed ones; only their environment variables differ.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import greenlight
from greenlight.core.deployment import STAGES

from .aws.states import GATE_KEY, GUARDIAN, GUARDIAN_KEY, WATCH, machine_arn
from .functions import LATEST, LocalLambda, arn, environment
from .sandbox import FunctionSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aws.server import LocalAws
    from .scenario import Scenario

    LogListener = Callable[[str, dict[str, Any]], None]

PROJECT = Path(__file__).resolve().parents[2]
"""The checkout, or in an installed wheel the package `greenlight`: both have `hooks` and `examples`."""

_ENGINE = Path(greenlight.__file__).resolve().parents[1]
PLAN_BUCKET = "greenlight-plans-rehearsal"
REPORT_BUCKET = "greenlight-reports-rehearsal"
LAST_RESORT = "greenlight-last-resort"
LAST_RESORT_KEY = "AKIAREHEARSALLASTRESORT"
_KEYS = {f"AKIAREHEARSAL{stage.upper()}": stage for stage in STAGES}
ANSWERERS = {
    **dict.fromkeys(_KEYS, "hook"),
    GATE_KEY: "machine",
    GUARDIAN_KEY: "guardian",
    LAST_RESORT_KEY: "last-resort",
}
"""Values of a scenario's `answered_by`, by access key."""


class MachineFunction(NamedTuple):
    """Function that the gate's state machine invokes, with the access key of its role and the handler's module."""

    name: str
    key: str
    module: str


PREPARE = MachineFunction("greenlight-gate-prepare", "AKIAREHEARSALGATEPREPARE", "gate_prepare")
PROBE = MachineFunction("greenlight-gate-probe", "AKIAREHEARSALGATEPROBE", "gate_probe")
VPC_PROBE = MachineFunction("greenlight-gate-vpc-probe", "AKIAREHEARSALGATEVPCPROBE", "gate_probe")
CONCLUDE = MachineFunction("greenlight-gate-conclude", "AKIAREHEARSALGATECONCLUDE", "gate_conclude")
MACHINE_FUNCTIONS = (PREPARE, PROBE, VPC_PROBE, CONCLUDE)
PLACEHOLDERS = {"PrepareFunction": PREPARE.name, "ConcludeFunction": CONCLUDE.name}
"""Values of the placeholders in the definitions of the state machines."""


def function_name(stage: str) -> str:
    """Return the name of a stage's hook function, as in the template."""
    return f"CodeDeployHook_greenlight_{stage}"


def stage_of(key: str) -> str:
    """Return the stage whose hook has this access key, "" for other keys."""
    return _KEYS.get(key, "")


class Hooks:
    """Functions in the local Lambda; each has a separate role, identified by an access key."""

    def __init__(self, folder: Path, aws: LocalAws, functions: LocalLambda) -> None:
        """Use the hook functions in `folder`."""
        self._folder = folder
        self._aws = aws
        self._functions = functions

    def register(self, scenario: Scenario, ca_file: str, on_log: LogListener, log: Path) -> None:
        """Register one function for each stage, the last resort, and the functions of the state machine.

        Args:
            scenario: The scenario.
            ca_file: CA of the listeners' certificate, "" without TLS.
            on_log: Called with the stage and each line that a function logs as JSON.
            log: File for all output of the functions.
        """
        common = _settings(scenario) | ({"SSL_CERT_FILE": ca_file} if ca_file else {})
        functions = [(key, stage, function_name(stage), _module(stage)) for key, stage in _KEYS.items()]
        functions.append((LAST_RESORT_KEY, "last resort", LAST_RESORT, "last_resort"))
        functions += [
            (function.key, function.module.replace("_", " "), function.name, function.module)
            for function in MACHINE_FUNCTIONS
        ]
        for key, stage, name, module in functions:
            spec = FunctionSpec(
                name=name,
                version=LATEST,
                handler=f"{module}.handler",
                root=self._folder,
                environment=environment(common | self._aws.environment(key) | {"PYTHONPATH": self._python_path()}),
                timeout_s=scenario.file.hook_timeout,
                arn=arn(name),
            )
            on_line = _LineHandler(stage, on_log, log)
            self._functions.register(spec, on_line=on_line, on_failure=LAST_RESORT if key in _KEYS else "")

    def _python_path(self) -> str:
        # Order of Lambda: the task root, then /opt/python with the layers.
        # A wheel has the validators below greenlight; in a checkout they are a package beside the layer.
        folders = [self._folder, _ENGINE] if PROJECT.parent == _ENGINE else [self._folder, _ENGINE, PROJECT]
        return ":".join(map(str, folders))


class _LineHandler:
    """Handler of a hook's output: writes each line to the log and passes JSON lines on."""

    def __init__(self, stage: str, on_log: LogListener, log: Path) -> None:
        self._stage = stage
        self._on_log = on_log
        self._log = log

    def __call__(self, line: str) -> None:
        with self._log.open("a", encoding="utf-8") as file:
            file.write(f"[{self._stage}] {line}\n")
        if line.startswith("{"):
            try:
                data = json.loads(line)
            except ValueError:
                return
            if isinstance(data, dict):
                # A function of the state machine runs for all stages, and logs the stage of its gate.
                self._on_log(str(data.get("stage") or self._stage), data)


def _settings(scenario: Scenario) -> dict[str, str]:
    """Return the environment variables that the template sets from its parameters."""
    settings = scenario.file.settings
    return {
        "GREENLIGHT_PLAN_BUCKET": PLAN_BUCKET,
        "GREENLIGHT_REPORT_BUCKET": REPORT_BUCKET,
        "GREENLIGHT_ON_MISSING_PLAN": settings.on_missing_plan,
        "GREENLIGHT_ON_ROLLBACK": settings.on_rollback,
        "GREENLIGHT_ALLOW_SHADOW": str(settings.allow_shadow).lower(),
        "GREENLIGHT_ALLOWED_HOSTS": ",".join(settings.allowed_hosts),
        "GREENLIGHT_ENVIRONMENT": settings.environment,
        "GREENLIGHT_ALLOW_LOOPBACK": "true",
        "GREENLIGHT_CONCURRENCY": str(settings.concurrency),
        "GREENLIGHT_CONDUCTOR": "machine" if scenario.file.conductor == "machine" else "auto",
        "GREENLIGHT_MACHINE": "" if scenario.file.conductor == "inline" else machine_arn(GUARDIAN),
        "GREENLIGHT_WATCH_MACHINE": machine_arn(WATCH),
        "GREENLIGHT_PROBE_FUNCTION": PROBE.name,
        "GREENLIGHT_VPC_PROBE_FUNCTION": VPC_PROBE.name,
        "POWERTOOLS_SERVICE_NAME": "greenlight",
        "POWERTOOLS_METRICS_NAMESPACE": "greenlight",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def _module(stage: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", stage).lower()
