"""AppSpec values with their paths, and maps with case-insensitive keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlight.core.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from greenlight.core.plan_path import PlanPath

    from .diagnostics import RuleProblems

LAMBDA, ECS = "AWS::Lambda::Function", "AWS::ECS::Service"
LAMBDA_STAGES = ("BeforeAllowTraffic", "AfterAllowTraffic")
HOOK_PREFIX = "CodeDeployHook_"
FILLED_LATER = re.compile(r"<[^<>]+>|\$\{[^}]*\}|\{\{.*\}\}|\$[A-Z_][A-Z0-9_]*")
"""A placeholder that a pipeline replaces: `<TASK_DEFINITION>`, `${VERSION}`, `$VERSION`, `{{version}}`."""

FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Value(NamedTuple):
    """A value and its path; `exists` distinguishes a key without a value from an absent one."""

    value: Any
    path: PlanPath
    exists: bool = True

    @property
    def has_placeholder(self) -> bool:
        """Whether a pipeline fills in the value or a part of it."""
        text = str(self.value)
        return text != "$LATEST" and FILLED_LATER.search(text) is not None

    @property
    def is_empty(self) -> bool:
        """Whether the key is absent or has no value."""
        return self.value is None or self.value == ""

    @property
    def is_final(self) -> bool:
        """Whether there is a value without a placeholder, which can be checked."""
        return not self.is_empty and not self.has_placeholder


class AppSpecMap:
    """Map with case-insensitive keys."""

    def __init__(self, data: Mapping[str, Any], path: PlanPath) -> None:
        """Wrap the map `data` at `path`."""
        self.data, self.path = data, path

    def __getitem__(self, name: str) -> Value:
        """Return the value of a key; an absent one has the value None."""
        key = next((key for key in self.data if key.lower() == name.lower()), None)
        if key is None:
            return Value(None, (*self.path, name), exists=False)
        return Value(self.data[key], (*self.path, key))

    def check_duplicates(self) -> RuleProblems:
        """Find keys that differ only in their case."""
        first_spellings: dict[str, str] = {}
        for key in self.data:
            first = first_spellings.setdefault(key.lower(), key)
            if first != key:
                yield "appspec-key-twice", (*self.path, key), f"{key} is the same key as {first}; remove one of them"

    def check_unknown(self, valid_names: Iterable[str], ignored_names: Iterable[str] = ()) -> RuleProblems:
        """Find keys that are neither valid nor ignored here."""
        names = {name.lower() for name in (*valid_names, *ignored_names)}
        for key in self.data:
            if key.lower() not in names:
                hint = did_you_mean(key, valid_names) or f"; there are {', '.join(valid_names)}"
                yield "appspec-unknown-key", (*self.path, key), f"CodeDeploy ignores {key!r}{hint}"
