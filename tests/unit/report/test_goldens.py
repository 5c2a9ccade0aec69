"""Every format renders the same bytes for the same report. `make goldens` rewrites the files; review the diff."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

from tests.support.report_samples import SAMPLES

GOLDENS = Path(__file__).parent / "goldens"
ENDINGS = {"text": "txt", "json": "json", "junit": "xml", "markdown": "md", "tap": "tap", "html": "html"}
STYLE_SHEET = GOLDENS / "page.css"
MARKER = b"\n/* the content of page.css */\n"
"""Stands in the golden of a page for its style sheet, which all pages share and which is stored once."""


def write_golden(golden: Path, content: bytes) -> None:
    """Write a golden; a page's style sheet goes into a file of its own."""
    if golden.suffix == ".html":
        before, start, rest = content.partition(b"<style>")
        style_sheet, end, after = rest.partition(b"</style>")
        STYLE_SHEET.write_bytes(style_sheet)
        content = before + start + MARKER + end + after
    golden.write_bytes(content)


def read_golden(golden: Path) -> bytes:
    """Return the bytes that a golden stands for; a page with its style sheet put back."""
    content = golden.read_bytes()
    if golden.suffix == ".html":
        assert content.count(MARKER) == 1
        content = content.replace(MARKER, STYLE_SHEET.read_bytes())
    return content


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("report_format", ENDINGS)
def test_a_rendered_report_equals_its_golden(report_format: str, sample: str) -> None:
    golden = GOLDENS / f"{sample}.{ENDINGS[report_format]}"
    rendered = importlib.import_module(f"greenlight.report.{report_format}").render(SAMPLES[sample]()).encode()
    if os.environ.get("RENEW_GOLDENS"):
        write_golden(golden, rendered)

    assert rendered == read_golden(golden)


def test_every_golden_belongs_to_a_sample_and_a_format() -> None:
    expected = {f"{sample}.{ending}" for sample in SAMPLES for ending in ENDINGS.values()} | {STYLE_SHEET.name}

    assert {path.name for path in GOLDENS.iterdir()} == expected
