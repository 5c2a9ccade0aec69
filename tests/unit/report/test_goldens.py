"""Every format writes the same bytes for the same report. `make goldens` writes the files anew; look at what changed."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

from tests.support.report_samples import SAMPLES

GOLDENS = Path(__file__).parent / "goldens"
ENDINGS = {"text": "txt", "json": "json", "junit": "xml", "markdown": "md", "tap": "tap", "html": "html"}


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("form", ENDINGS)
def test_a_report_is_written_as_it_was(form: str, sample: str) -> None:
    golden = GOLDENS / f"{sample}.{ENDINGS[form]}"
    seen = importlib.import_module(f"greenlight.report.{form}").render(SAMPLES[sample]()).encode()
    if os.environ.get("RENEW_GOLDENS"):
        golden.write_bytes(seen)

    assert seen == golden.read_bytes()


def test_no_golden_is_left_behind() -> None:
    wanted = {f"{sample}.{ending}" for sample in SAMPLES for ending in ENDINGS.values()}

    assert {path.name for path in GOLDENS.iterdir()} == wanted
