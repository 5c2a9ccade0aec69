"""Options for the values of variables, and for checks by their tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devkit.cli import selection
from devkit.cli.main import main
from greenlight.core.errors import GreenlightError
from greenlight.plan.parser import parse

if TYPE_CHECKING:
    from pathlib import Path

STAGE = "AfterAllowTestTraffic"
PLAN = """\
version: 1
variables: {tenant: smoke, shards: 3, strict: true}
stages:
  AfterAllowTestTraffic:
    checks:
      - {name: base, tags: [slow], http: {get: /, expect: {status: 200}}}
      - {name: smoke, tags: [smoke], needs: [base], http: {get: /, expect: {status: 200}}}
      - {name: deep, tags: [smoke, slow], http: {get: /, expect: {status: 200}}}
      - {name: advice, tags: [advice], severity: advisory, http: {get: /, expect: {status: 200}}}
"""


def running(tags: list[str], not_tags: list[str]) -> list[str]:
    plan = selection.select_checks(parse(PLAN), STAGE, tags, not_tags)
    return [check.name for check in plan.stages[STAGE].checks if not check.unselected]


def values(*flags: str, files: tuple[str, ...] = (), environ: dict[str, str] | None = None) -> dict[str, object]:
    return selection.replace_variables(parse(PLAN), files, flags, environ or {}).variables


# ---- Variables


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("tennant=x", "the plan has no variable 'tennant'; did you mean 'tenant'?"),
        ("zzzzz=x", "there are shards, strict, tenant"),
        ("tenant", "is not NAME=VALUE; write for example --var tenant=smoke"),
        ("tenant=5", "tenant is a string in the plan, and this is a number; quote it for the shell and for YAML"),
        ("tenant=", "this is not a single value"),
        ("tenant=[a]", "this is not a single value"),
        ("tenant={", "not valid YAML"),
        ("shards=many", "shards is a number in the plan, and this is a string"),
        ("shards=true", "shards is a number in the plan, and this is true or false"),
        ("strict=1", "strict is true or false in the plan, and this is a number"),
        ("strict=yes", "strict is true or false in the plan, and this is a string"),
    ],
)
def test_invalid_variable_is_rejected(flag: str, message: str) -> None:
    with pytest.raises(GreenlightError) as caught:
        values(flag)

    assert message in str(caught.value)


def test_unknown_variable_in_the_environment_is_rejected() -> None:
    with pytest.raises(GreenlightError, match="GREENLIGHT_VAR_tennant: the plan has no variable"):
        values(environ={"GREENLIGHT_VAR_tennant": "x"})


@pytest.mark.parametrize("text", ["- a\n", "", "a: [\n", None], ids=["list", "empty", "invalid YAML", "absent"])
def test_invalid_file_of_variables_is_rejected(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "v.yaml").write_text(text)

    with pytest.raises(GreenlightError, match=r"--var-file .*v\.yaml"):
        values(files=(str(tmp_path / "v.yaml"),))


def test_missing_file_of_variables_is_reported(tmp_path: Path) -> None:
    with pytest.raises(GreenlightError, match=r"--var-file .*gone\.yaml: file not found"):
        values(files=(str(tmp_path / "gone.yaml"),))


def test_values_are_yaml_scalars_of_the_types_in_the_plan() -> None:
    assert values("tenant='5'", "shards=2.5", "strict=false") == {"tenant": "5", "shards": 2.5, "strict": False}


def test_flags_override_the_environment_which_overrides_files(tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text("{tenant: file, shards: 1, strict: false}")
    environ = {"GREENLIGHT_VAR_tenant": "environment", "GREENLIGHT_VAR_shards": "2", "OTHER": "x"}

    variables = values("tenant=flag", files=(str(tmp_path / "v.yaml"),), environ=environ)

    assert variables == {"tenant": "flag", "shards": 2, "strict": False}


# ---- Tags


def test_unknown_tag_is_rejected_with_the_nearest() -> None:
    with pytest.raises(
        GreenlightError, match="no check of AfterAllowTestTraffic has the tag 'smok'; did you mean 'smoke'"
    ):
        running(["smok"], [])
    with pytest.raises(GreenlightError, match="there are advice, slow, smoke"):
        running([], ["zzz"])


@pytest.mark.parametrize(
    ("tags", "not_tags", "names"),
    [
        ([], [], ["base", "smoke", "deep", "advice"]),
        (["smoke"], [], ["base", "smoke", "deep"]),
        (["smoke"], ["slow"], ["base", "smoke"]),
        ([], ["slow"], ["base", "smoke", "advice"]),
        (["smoke", "advice"], [], ["base", "smoke", "deep", "advice"]),
    ],
    ids=["all", "tag", "tag and not", "not", "two tags"],
)
def test_checks_that_a_selected_check_needs_also_run(tags: list[str], not_tags: list[str], names: list[str]) -> None:
    assert running(tags, not_tags) == names


# ---- The command


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN)
    return file


def test_selection_without_a_blocking_check_fails_with_no_evidence(
    plan: Path, green: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(plan), "--stage", STAGE, "--url", green, "--tag", "advice"]) == 1

    out = capsys.readouterr().out
    assert "NO_EVIDENCE" in out
    assert "not selected by --tag advice" in out


def test_invalid_selection_exits_with_2(plan: Path, green: str, capsys: pytest.CaptureFixture[str]) -> None:
    for choice in (
        ["--tag", "smok"],
        ["--var", "x=1"],
        ["--include", "x"],
        ["--environment", "prod", "--var-file", "x"],
    ):
        assert main(["check", str(plan), "--stage", STAGE, "--url", green, *choice]) == 2

    assert "did you mean 'smoke'" in capsys.readouterr().err
