"""Redaction and truncation of a finding before it leaves the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.core.finding import Evidence, Finding, Series
    from greenlight.core.redaction import Redactor

MAX_EVIDENCE = 50
"""Pieces of evidence that one finding keeps."""

MAX_SERIES = 12
"""Series that one finding keeps, and limits that one series keeps."""

MAX_POINTS = 200
"""Numbers that one series keeps; a screen shows no more."""

MAX_MESSAGE_LENGTH = 1000
"""Characters of a message that one finding keeps."""

_MAX_TEXT_LENGTH = 400


def redact_finding(finding: Finding, redactor: Redactor) -> Finding:
    """Redact a finding, then truncate it; redaction would not recognize a secret that was truncated before."""
    return replace(
        finding,
        message=_redact_text(finding.message, redactor, MAX_MESSAGE_LENGTH),
        root=_redact_text(finding.root, redactor),
        evidence=tuple(_redact_evidence(item, redactor) for item in finding.evidence[:MAX_EVIDENCE]),
        series=tuple(_redact_series(series, redactor) for series in finding.series[:MAX_SERIES]),
    )


def _redact_evidence(evidence: Evidence, redactor: Redactor) -> Evidence:
    return replace(
        evidence,
        query=_redact_text(evidence.query, redactor),
        where=_redact_text(evidence.where, redactor),
        expected=_redact_data(evidence.expected, redactor),
        actual=_redact_data(evidence.actual, redactor),
        why=_redact_text(evidence.why, redactor),
    )


def _redact_series(series: Series, redactor: Redactor) -> Series:
    limits = list(series.limits.items())[:MAX_SERIES]
    return replace(
        series,
        name=_redact_text(series.name, redactor, 100),
        unit=_redact_text(series.unit, redactor, 20),
        side=_redact_text(series.side, redactor, 20),
        values=_redact_numbers(series.values, redactor),
        at_s=_redact_numbers(series.at_s, redactor),
        limits={
            _redact_text(label, redactor, 40): limit for label, limit in limits if _redact_numbers([limit], redactor)
        },
    )


def _redact_text(value: Any, redactor: Redactor, max_length: int = _MAX_TEXT_LENGTH) -> str:
    clean = redactor.text(str(value))
    return clean if len(clean) <= max_length else f"{clean[:max_length]}… ({len(clean)} characters)"


def _redact_data(value: Any, redactor: Redactor) -> Any:
    clean = redactor.data(value)
    text = clean if isinstance(clean, str) else repr(clean)
    return clean if len(text) <= _MAX_TEXT_LENGTH else _redact_text(text, redactor)


def _redact_numbers(values: Sequence[float], redactor: Redactor) -> tuple[float, ...]:
    """Return the first numbers; an empty tuple if one of them is a secret."""
    numbers = tuple(values[:MAX_POINTS])
    return numbers if redactor.data(list(numbers)) == list(numbers) else ()
