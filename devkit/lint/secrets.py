"""Secrets written into a plan, where everybody who reads the repository reads them; never repeated in a message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devkit.lint.diagnostics import RuleProblems
    from greenlight.core.plan_path import PlanPath

_KEY = re.compile(
    r"(?i)(authorization|proxy-authorization|x-api-key|cookie|(.*[-_])?(password|passwd|pwd|passphrase|secret|client[-_]?secret"
    r"|api[-_]?key|private[-_]?key|access[-_]?token|auth[-_]?token))"
)
_VALUE = (
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"), "a JSON Web Token"),
    (re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"), "an AWS access key"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"), "a GitHub token"),
    (re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"), "a Slack token"),
    (re.compile(r"\b[rs]k_live_[A-Za-z0-9]{10,}"), "a Stripe key"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/-]{8,}=*\s*$"), "credentials"),
    (re.compile(r"(?i)\bhttps?://[^/\s:@]+:[^/\s:@$]+@"), "a password in a URL"),
)
_HELP = "anybody who reads the plan reads it; write ${secret:secretsmanager:NAME#KEY} or ${secret:ssm:/NAME}"


def kind(text: str) -> str:
    """Say what secret a text is by its form; "" for others."""
    return next((kind for pattern, kind in _VALUE if pattern.search(text)), "")


def find_secrets(data: Any, path: PlanPath = (), *, sent: bool = True) -> RuleProblems:
    """Find literals that are secrets by their key or by their form; what is expected of answers only by form."""
    if isinstance(data, str):
        if form := kind(data):
            yield "plain-secret", path, f"this is {form}; {_HELP}"
        elif sent and data and "${" not in data and path and _KEY.fullmatch(str(path[-1])):
            yield "plain-secret", path, f"{path[-1]!r} has its value written out; {_HELP}"
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from find_secrets(value, (*path, key), sent=sent and key not in ("expect", "capture"))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from find_secrets(value, (*path, index), sent=sent)
