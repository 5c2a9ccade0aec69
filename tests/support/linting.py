"""Helpers that lint plans, or parts of plans."""

from __future__ import annotations

import datetime

from devkit.lint.limits import Limits
from devkit.lint.linter import problems
from greenlight.checks.registry import Registry
from greenlight.core.errors import Problem

REGISTRY = Registry()


TODAY = datetime.date(2026, 6, 1)


def lint(text: str, limits: Limits | None = None) -> list[Problem]:
    return problems(text, "plan.yaml", REGISTRY, limits or Limits(today=TODAY))


def checks(text: str, stage: str = "AfterAllowTestTraffic") -> str:
    """Return the plan of one stage with the checks of `text`."""
    lines = "\n".join(f"      {line}" for line in text.strip("\n").split("\n"))
    return f"version: 1\nstages:\n  {stage}:\n    checks:\n{lines}\n"


def expecting(expect: str) -> list[str]:
    return [problem.rule for problem in lint(checks(f"- name: a\n  http: {{get: /, expect: {expect}}}"))]


def rules(text: str, name: str = "appspec.yaml") -> list[str]:
    return [f"{problem.line}:{problem.column} {problem.rule}" for problem in problems(text, name, REGISTRY, Limits())]
