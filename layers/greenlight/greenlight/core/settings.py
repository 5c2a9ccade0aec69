"""Settings of an installation, read from environment variables.

The template sets the variables from its parameters; the rehearsal sets them for its local environment.
They are read inside the handler: a value that is not valid fails the gate with a message and never crashes an import.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from greenlight.core.display import truncate
from greenlight.core.errors import SettingsError
from greenlight.core.secret_paths import is_path

if TYPE_CHECKING:
    from collections.abc import Mapping

MISSING_PLAN_CHOICES = ("default-checks", "fail", "pass")
ROLLBACK_CHOICES = ("pass", "check")
NOTICE_CHOICES = ("failed", "all")
CONDUCTOR_CHOICES = ("auto", "machine")
_HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?|[0-9a-f:.]*:[0-9a-f:.]*", re.ASCII)
"""A host name, `*.` and a host name, or an IPv6 address. A URL or a bare `*` would silently allow nothing."""
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one installation.

    Attributes:
        plan_bucket: Bucket with plans; "" for none.
        plan_parameter_prefix: SSM path of plans; "" for none.
        plan_folder: Folder of plans in the package of the hooks; "" for none.
        report_bucket: Bucket for reports; "" for none.
        event_bus: EventBridge bus that receives an event for every verdict; "" for none.
        notice_topic: ARN of the SNS topic for notifications of verdicts; "" for none.
        notice_on: `failed` (includes gates that succeeded because of a shadow or an override) or `all`.
        on_missing_plan: `default-checks`, `fail` or `pass`.
        allow_shadow: Plans may have a shadow, so that their gates always succeed.
        on_rollback: `pass` accepts rollback deployments at once, `check` runs their plan.
        allowed_hosts: Hosts that checks may call besides the deployment's; `*.example.com` covers all names below it.
        environment: Environment of plans that applies to this installation, such as `prod`; "" for none.
        secret_paths: Paths of the secrets that plans may refer to, with `{application}`; without any, all secrets.
        allow_loopback: Checks may call the loopback addresses; for rehearsals only, never in an account.
        concurrency: Number of checks that run at once.
        conductor: `auto` starts the state machine for gates that a hook cannot conduct, `machine` for every gate.
        machine: ARN of the guardian state machine; "" if the installation has none.
        probe_function: Name of the function that runs checks for the state machine.
        vpc_probe_function: Name of the function that runs them in the operator's subnets; "" for none.
        watch_machine: ARN of the state machine that watches shifts of traffic; "" if the installation has none.
    """

    plan_bucket: str = ""
    plan_parameter_prefix: str = ""
    plan_folder: str = ""
    report_bucket: str = ""
    event_bus: str = ""
    notice_topic: str = ""
    notice_on: str = "failed"
    on_missing_plan: str = "default-checks"
    allow_shadow: bool = False
    on_rollback: str = "pass"
    allowed_hosts: tuple[str, ...] = ()
    environment: str = ""
    secret_paths: tuple[str, ...] = ()
    allow_loopback: bool = False
    concurrency: int = 16
    conductor: str = "auto"
    machine: str = ""
    probe_function: str = ""
    vpc_probe_function: str = ""
    watch_machine: str = ""


def read(environment: Mapping[str, str]) -> Settings:
    """Read the `GREENLIGHT_*` variables; a missing or empty one has its default.

    Raises:
        SettingsError: Values are not valid; the message has each variable and its valid values. The error has the
            settings of the valid variables.
    """
    problems: list[str] = []

    def text(name: str, default: str = "") -> str:
        return environment.get(f"GREENLIGHT_{name}", "").strip() or default

    def choice(name: str, choices: tuple[str, ...]) -> str:
        value = text(name, choices[0])
        if value not in choices:
            problems.append(f"GREENLIGHT_{name} is {truncate(value, 60)!r}; it may be {', '.join(choices)}")
        return value

    settings = Settings(
        plan_bucket=text("PLAN_BUCKET"),
        plan_parameter_prefix=text("PLAN_PARAMETER_PREFIX").rstrip("/"),
        plan_folder=text("PLAN_FOLDER"),
        report_bucket=text("REPORT_BUCKET"),
        event_bus=text("EVENT_BUS"),
        notice_topic=text("NOTICE_TOPIC"),
        notice_on=choice("NOTICE_ON", NOTICE_CHOICES),
        on_missing_plan=choice("ON_MISSING_PLAN", MISSING_PLAN_CHOICES),
        allow_shadow=choice("ALLOW_SHADOW", ("false", "true")) == "true",
        on_rollback=choice("ON_ROLLBACK", ROLLBACK_CHOICES),
        allowed_hosts=_read_hosts(text("ALLOWED_HOSTS"), problems),
        environment=_read_environment(text("ENVIRONMENT"), problems),
        secret_paths=_read_secret_paths(text("SECRET_PATHS"), problems),
        allow_loopback=choice("ALLOW_LOOPBACK", ("false", "true")) == "true",
        concurrency=_read_concurrency(text("CONCURRENCY", "16"), problems),
        conductor=choice("CONDUCTOR", CONDUCTOR_CHOICES),
        machine=text("MACHINE"),
        probe_function=text("PROBE_FUNCTION"),
        vpc_probe_function=text("VPC_PROBE_FUNCTION"),
        watch_machine=text("WATCH_MACHINE"),
    )
    if problems:
        raise SettingsError("; ".join(problems), settings)
    return settings


def _read_hosts(text: str, problems: list[str]) -> tuple[str, ...]:
    hosts = tuple(host.strip().lower() for host in text.split(",") if host.strip())
    if (invalid := next((host for host in hosts if not _HOST.fullmatch(host)), None)) is None:
        return hosts
    problems.append(
        f"GREENLIGHT_ALLOWED_HOSTS contains {truncate(invalid, 60)!r}; write host names or addresses, "
        "such as api.example.com or *.example.com"
    )
    return ()


def _read_concurrency(text: str, problems: list[str]) -> int:
    if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= 256:
        return int(text)
    problems.append(f"GREENLIGHT_CONCURRENCY is {truncate(text, 60)!r}; it may be a whole number from 1 to 256")
    return 1


def _read_environment(text: str, problems: list[str]) -> str:
    if not text or _ENVIRONMENT.fullmatch(text):
        return text
    problems.append(
        f"GREENLIGHT_ENVIRONMENT is {truncate(text, 60)!r}; "
        "write a name of letters, digits, dots and hyphens, such as prod"
    )
    return ""


def _read_secret_paths(text: str, problems: list[str]) -> tuple[str, ...]:
    """Read paths of secrets; a text without any path, such as a comma, must not mean that all secrets are allowed."""
    paths = tuple(path.strip() for path in text.split(",")) if text else ()
    problems += [
        f"GREENLIGHT_SECRET_PATHS contains {truncate(path, 60)!r}; write paths separated by commas, "
        "such as greenlight/{application}"
        for path in paths
        if not is_path(path)
    ]
    return paths
