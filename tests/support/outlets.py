"""Everything that leaves a gate, as text: a report in all its forms."""

from __future__ import annotations

import html
import importlib
import json
import urllib.parse
from typing import TYPE_CHECKING

from greenlight.publish import index, notice_content, sns

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.core.report import Report

RENDERED = ("json", "html", "junit", "markdown", "tap", "text")
OUTLETS: dict[str, Callable[[Report], str]] = {
    **{
        form: lambda report, form=form: importlib.import_module(f"greenlight.report.{form}").render(report)
        for form in RENDERED
    },
    "event": lambda report: json.dumps(notice_content.build_event(report, "s3://b/k")),
    "card": lambda report: json.dumps(sns.build_card(report, "s3://b/k")),
    "sentence": notice_content.verdict_sentence,
    "index": lambda report: str(index.build_entry(report, "s3://b/k")),
    "notice": lambda report: sns.build_message(report, "s3://b/k"),
    "log": lambda report: str(report.reasons),
}  # fmt: skip


def read_back(document: str) -> str:
    """Return a document together with its decoded forms, in which a browser or a parser would show a secret."""
    bare = document.replace("\\\\", "\\")
    return "\n".join(
        [document, html.unescape(document), urllib.parse.unquote(document), bare, bare.replace('\\"', '"')]
    )
