"""Strength of evidence: what kind a finding is, and the weakest kind that a stage's Succeeded may rest on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from greenlight.core.deployment import TRAFFIC_STAGES, Platform
from greenlight.core.finding import Asked, EvidenceKind
from greenlight.core.frozen import FrozenStruct
from greenlight.core.report import DEFAULT_CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenlight.core.deployment import Deployment
    from greenlight.core.finding import Finding
    from greenlight.plan.model import Plan

_ORDER = (EvidenceKind.ENVIRONMENT, EvidenceKind.READINESS, EvidenceKind.OBSERVED, EvidenceKind.ASKED)

_BEFORE_GREEN = "BeforeInstall"

_DESCRIPTIONS = (
    ("balancer", "got no further than green's load balancer"),
    ("blue", "asked blue"),
    ("other", "asked another host"),
    ("green_metrics", "read green's metrics"),
    ("green_resource", "read the state of green"),
    ("aws", "asked AWS about something else"),
)
"""For a finding that did not ask green, the first of its counts that is not 0, and the words for it."""


class EvidenceRule(FrozenStruct, frozen=True, kw_only=True):
    """The weakest kind of evidence that Succeeded may rest on at a stage; the strictest rule by default.

    Attributes:
        stage: The stage, which decides whether users' traffic has reached green.
        least: The weakest kind that suffices.
    """

    stage: str = ""
    least: EvidenceKind = EvidenceKind.OBSERVED

    def allows(self, finding: Finding) -> bool:
        """Return whether the finding, if it is a PASS, is strong enough."""
        return _ORDER.index(evidence_kind(finding, self.stage)) >= _ORDER.index(self.least)

    def describe_shortfall(self, passes: Iterable[Finding]) -> str:
        """Return why the passed checks are not evidence: what each asked instead of green."""
        counts = Counter(_describe_asked(finding.asked) for finding in passes)
        number = counts.total()
        readiness = " or read its state" if self.least is EvidenceKind.READINESS else ""
        checks = f"{number} check{'s' * (number > 1)} passed and none of them"
        details = ", ".join(f"{count} {description}" for description, count in counts.items())
        return f"{checks} asked green{readiness}: {details}"


def evidence_kind(finding: Finding, stage: str) -> EvidenceKind:
    """Return the kind of evidence that a finding is; metrics of green before the shift show no users' traffic."""
    asked = finding.asked
    if asked.green > 0:
        return EvidenceKind.ASKED
    if asked.green_metrics > 0 and stage in TRAFFIC_STAGES:
        return EvidenceKind.OBSERVED
    return EvidenceKind.READINESS if asked.green_resource > 0 else EvidenceKind.ENVIRONMENT


def evidence_rule(deployment: Deployment, plan: Plan) -> EvidenceRule:
    """Return the rule for a gate: what can be known of green at its stage, or less if the plan accepts less."""
    stage = plan.stages.get(deployment.stage)
    least = _least_kind(deployment, is_default=plan.source.uri == DEFAULT_CHECKS)
    if stage is not None and stage.accepts is not None:
        least = min(least, EvidenceKind(stage.accepts.evidence), key=_ORDER.index)
    return EvidenceRule(stage=deployment.stage, least=least)


def _least_kind(deployment: Deployment, *, is_default: bool) -> EvidenceKind:
    if deployment.green.url or (deployment.platform is Platform.LAMBDA and not is_default):
        return EvidenceKind.OBSERVED
    if deployment.stage == _BEFORE_GREEN:
        return EvidenceKind.ENVIRONMENT  # there is no green yet
    return EvidenceKind.READINESS


def _describe_asked(asked: Asked) -> str:
    for key, description in _DESCRIPTIONS:
        if getattr(asked, key) > 0:
            return description
    return "asked through connections of its own, or not at all"
