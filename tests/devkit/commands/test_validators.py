"""greenlight validators: the catalogue has the documentation of every file in validators/."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devkit.cli.main import main
from devkit.reference.validator_catalogue import catalogue_entry as entry_of
from devkit.reference.validator_catalogue import markdown
from greenlight.api import Context, Finding, Params, passed, validator

FOLDER = Path(__file__).parents[3] / "validators"


@validator(Params)
def bare(_params: Params, _context: Context) -> Finding:
    """Pass, with the minimal documentation of a validator."""
    return passed("it is")


def test_unknown_name_exits_with_2_and_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validators", "htpp"]) == 2
    assert "did you mean 'http'?" in capsys.readouterr().err


def test_the_catalogue_has_every_file_of_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validators", "--format", "json"]) == 0

    entries = json.loads(capsys.readouterr().out)["validators"]
    files = {path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_")}
    assert {entry["name"] for entry in entries} == files
    keys = {"name", "summary", "parameters", "platforms", "stages", "iam", "unsafe", "remediation", "cost", "example"}
    assert all(keys <= entry.keys() for entry in entries)


def test_every_validator_names_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    main(["validators", "--format", "json"])

    entries = json.loads(capsys.readouterr().out)["validators"]
    assert [entry["name"] for entry in entries if "Source: " not in entry["description"]] == []


def test_one_validator_is_shown_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validators", "target_health"]) == 0

    out = capsys.readouterr().out
    assert "elasticloadbalancing:DescribeTargetHealth" in out
    assert '"healthy"' in out
    assert "when it does not pass: Run `aws elbv2 describe-target-health" in out


def test_a_validator_without_notes_or_example_is_shown_without_them() -> None:
    entry = entry_of("bare", bare)
    assert entry["example"] == entry["remediation"] == entry["cost"] == ""
    assert "cost" not in markdown([entry])


def test_the_catalogue_in_docs_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validators", "--format", "markdown"]) == 0

    assert capsys.readouterr().out == (FOLDER.parent / "docs" / "validators.md").read_text(), "run: make docs"
