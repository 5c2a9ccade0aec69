"""The form in which every rule of lint reports its findings."""

from __future__ import annotations

from collections.abc import Iterator

from greenlight.core.plan_path import PlanPath

Diagnostics = Iterator[tuple[str, PlanPath, str]]
"""A rule's id, a path in the document, and a sentence."""
