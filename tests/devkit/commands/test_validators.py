"""greenlight validators: the catalogue says what each file in validators/ says of itself."""

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
    """Say the least that a validator can say of itself."""
    return passed("it is")


def test_a_name_that_there_is_not_ends_with_2_and_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validators", "htpp"]) == 2
    assert "did you mean 'http'?" in capsys.readouterr().err


def test_the_catalogue_has_every_file_of_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validators", "--format", "json"]) == 0

    entries = json.loads(capsys.readouterr().out)["validators"]
    files = {path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_")}
    assert {entry["name"] for entry in entries} == files
    told = {"name", "summary", "parameters", "platforms", "stages", "iam", "unsafe", "remediation", "cost", "example"}
    assert all(told <= entry.keys() for entry in entries)


def test_every_validator_names_the_authority_it_follows(capsys: pytest.CaptureFixture[str]) -> None:
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


def test_the_catalogue_in_docs_is_what_the_validators_say_today(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validators", "--format", "markdown"]) == 0

    assert capsys.readouterr().out == (FOLDER.parent / "docs" / "validators.md").read_text(), "run: make docs"
