"""Rules for unquoted scalars that YAML 1.1 reads differently, numbers that may be meant as strings, and empty values.

Sources: https://yaml.org/type/bool.html, https://yaml.org/type/int.html (base 60), https://yaml.org/type/timestamp.html,
which define the types of YAML 1.1; greenlight uses the core schema of YAML 1.2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greenlight.core.plan_path import PlanPath
    from greenlight.plan.yaml_reader import Document

    from .diagnostics import RuleProblems

_BOOLEAN = {word: word in ("yes", "on") for word in ("yes", "no", "on", "off")}
_BASE_60 = re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?", re.ASCII)
_TRAILING_ZERO = re.compile(r"[0-9]+\.[0-9]*[1-9]0|[0-9]+\.0", re.ASCII)
_EXPONENT = re.compile(r"[0-9]+[eE][0-9]+", re.ASCII)
_VERSION = re.compile(r"(?i)(.*[-_.])?(version|release|revision|build|tag|commit|sha)")
_NUMERIC_KEYS = ("gt", "gte", "lt", "lte", "between", "backoff", "rate")


def find_surprises(document: Document) -> RuleProblems:
    """Find unquoted scalars with a surprising type, and expectations without a value."""
    for path, word in document.plain_scalars():
        if surprise := _surprise(word, path):
            rule_id, message = surprise
            yield rule_id, path, message
    for path in document.empty_values():
        if "expect" in path[:-2]:
            message = "has no value, so the check expects null; write for example {exists: true}, or {eq: null}"
            yield "empty-value", path, f"{str(path[-1])!r} {message}"


def _surprise(word: str, path: PlanPath) -> tuple[str, str] | None:
    """Return the rule that a scalar breaks and a message; None if its type is not surprising."""
    if word.lower() in _BOOLEAN and word in (word.lower(), word.title(), word.upper()):
        boolean = "true" if _BOOLEAN[word.lower()] else "false"
        return "yaml-boolean", f'{word} is a string here, not {boolean}; write {boolean}, or "{word}" in quotes'
    if _BASE_60.fullmatch(word):
        return "yaml-base-60", f'{word} is a string here, but a number in YAML 1.1; write "{word}" in quotes'
    if _DATE.fullmatch(word):
        return "yaml-date", f'{word} is a string here, but a date in YAML 1.1; write "{word}" in quotes'
    keys = [str(step) for step in path if isinstance(step, str)]
    if not keys or keys[-1] in _NUMERIC_KEYS or path == ("version",):
        return None
    is_version = any(_VERSION.fullmatch(key) for key in keys[-2:])
    if _EXPONENT.fullmatch(word) or (_TRAILING_ZERO.fullmatch(word) and (is_version or not word.endswith(".0"))):
        return (
            "yaml-number",
            f'{word} is the number {float(word):g} here; if it is a name or a version, write "{word}" in quotes',
        )
    return None
