"""A report as a JSON document, from which every other format is rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from greenlight.core.report import Report


def render(report: Report) -> str:
    """Render a report as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(report, enc_hook=repr), indent=2).decode()
