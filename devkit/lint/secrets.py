"""Rule for secrets in a plan, where every reader of the repository can see them. Messages never repeat a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from greenlight.core.plan_path import PlanPath

    from .diagnostics import RuleProblems

_KEY = re.compile(
    r"(?i)(authorization|proxy-authorization|x-api-key|cookie|(.*[-_])?(password|passwd|pwd|passphrase|secret|client[-_]?secret"
    r"|api[-_]?key|private[-_]?key|access[-_]?token|auth[-_]?token))"
)
_FORMS = (
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"), "a JSON Web Token"),
    (re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"), "an AWS access key"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"), "a GitHub token"),
    (re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"), "a Slack token"),
    (re.compile(r"\b[rs]k_live_[A-Za-z0-9]{10,}"), "a Stripe key"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/-]{8,}=*\s*$"), "credentials"),
    (re.compile(r"(?i)\bhttps?://[^/\s:@]+:[^/\s:@$]+@"), "a password in a URL"),
)
_HELP = "every reader of the plan can see it; write ${secret:secretsmanager:NAME#KEY} or ${secret:ssm:/NAME}"


def secret_form(text: str) -> str:
    """Return the kind of secret that a text looks like, such as "a GitHub token"; "" for other texts."""
    return next((form for pattern, form in _FORMS if pattern.search(text)), "")


def find_secrets(data: Any, path: PlanPath = (), *, sent: bool = True) -> RuleProblems:
    """Find texts that are secrets by their key or form; in expectations and captures only by their form.

    Args:
        data: The plan as plain data, or a part of it.
        path: Path of `data` in the plan.
        sent: `data` is sent, and not compared with a response.
    """
    if isinstance(data, str):
        if form := secret_form(data):
            yield "plain-secret", path, f"this is {form}; {_HELP}"
        elif sent and data and "${" not in data and path and _KEY.fullmatch(str(path[-1])):
            yield "plain-secret", path, f"the value of {path[-1]!r} is in plain text; {_HELP}"
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from find_secrets(value, (*path, key), sent=sent and key not in ("expect", "capture"))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from find_secrets(value, (*path, index), sent=sent)
