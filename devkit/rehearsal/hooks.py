"""The hooks under rehearsal: greenlight's own Lambda functions; nothing but their environment variables is special."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devkit.rehearsal.functions import LATEST, LocalLambda, arn, environment
from devkit.rehearsal.sandbox import FunctionSpec
from greenlight.core.deployment import STAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from devkit.rehearsal.aws.server import LocalAws
    from devkit.rehearsal.scenario import Scenario

    Heard = Callable[[str, dict[str, Any]], None]

PROJECT = Path(__file__).resolve().parents[2]
PLAN_BUCKET = "greenlight-plans-rehearsal"
REPORT_BUCKET = "greenlight-reports-rehearsal"
LAST_RESORT = "greenlight-last-resort"
LAST_RESORT_KEY = "AKIAREHEARSALLASTRESORT"
_KEYS = {f"AKIAREHEARSAL{stage.upper()}": stage for stage in STAGES}


def function_name(stage: str) -> str:
    """Name the hook function of a stage, as the template does."""
    return f"CodeDeployHook_greenlight_{stage}"


def stage_of(key: str) -> str:
    """Say which stage's hook has this access key, "" for none."""
    return _KEYS.get(key, "")


def answerer(key: str) -> str:
    """Say who has this access key, in the words of a scenario's `answered_by`."""
    if key == LAST_RESORT_KEY:
        return "last-resort"
    return "hook" if key in _KEYS else ""


class Hooks:
    """Registers the hook functions with the rehearsal's Lambda, each under a role (an access key) of its own."""

    def __init__(self, folder: Path, aws: LocalAws, functions: LocalLambda) -> None:
        """Take the hooks of `folder`."""
        self._folder = folder
        self._aws = aws
        self._functions = functions

    def register(self, scenario: Scenario, ca_file: str, heard: Heard, log: Path) -> None:
        """Add one function a stage and the last resort; `heard` gets what they log as JSON, `log` everything."""
        common = _settings(scenario) | ({"SSL_CERT_FILE": ca_file} if ca_file else {})
        stages = [(key, stage, function_name(stage), _module(stage)) for key, stage in _KEYS.items()]
        for key, stage, name, module in [*stages, (LAST_RESORT_KEY, "last resort", LAST_RESORT, "last_resort")]:
            spec = FunctionSpec(
                name=name,
                version=LATEST,
                handler=f"{module}.handler",
                root=self._folder,
                environment=environment(common | self._aws.environment(key) | {"PYTHONPATH": self._python_path()}),
                timeout_s=scenario.file.hook_timeout,
                arn=arn(name),
            )
            listener = _Lines(stage, heard, log)
            self._functions.register(spec, on_line=listener, on_failure="" if name == LAST_RESORT else LAST_RESORT)

    def _python_path(self) -> str:
        # In Lambda: the task root, then /opt/python with the layers.
        return ":".join(str(path) for path in (self._folder, PROJECT / "layers" / "greenlight", PROJECT))


class _Lines:
    """Sorts what a hook prints: every line into the log, JSON lines to a listener as well."""

    def __init__(self, stage: str, heard: Heard, log: Path) -> None:
        self._stage = stage
        self._heard = heard
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
                self._heard(self._stage, data)


def _settings(scenario: Scenario) -> dict[str, str]:
    """The variables that the template would set from its parameters."""
    chosen = scenario.file.settings
    return {
        "GREENLIGHT_PLAN_BUCKET": PLAN_BUCKET,
        "GREENLIGHT_REPORT_BUCKET": REPORT_BUCKET,
        "GREENLIGHT_ON_MISSING_PLAN": chosen.on_missing_plan,
        "GREENLIGHT_ON_ROLLBACK": chosen.on_rollback,
        "GREENLIGHT_ALLOW_SHADOW": str(chosen.allow_shadow).lower(),
        "GREENLIGHT_ALLOWED_HOSTS": ",".join(chosen.allowed_hosts),
        "GREENLIGHT_ENVIRONMENT": chosen.environment,
        "GREENLIGHT_ALLOW_LOOPBACK": "true",
        "GREENLIGHT_CONCURRENCY": str(chosen.concurrency),
        "POWERTOOLS_SERVICE_NAME": "greenlight",
        "POWERTOOLS_METRICS_NAMESPACE": "greenlight",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def _module(stage: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", stage).lower()
