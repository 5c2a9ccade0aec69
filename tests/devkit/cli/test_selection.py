"""What is chosen on the command line: values of variables, and checks by their tags."""

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
    ("flag", "said"),
    [
        ("tennant=x", "the plan has no variable 'tennant'; did you mean 'tenant'?"),
        ("zzzzz=x", "there are shards, strict, tenant"),
        ("tenant", "is no NAME=VALUE; write for example --var tenant=smoke"),
        ("tenant=5", "tenant is a text in the plan, and this is a number; write it in quotes inside of quotes"),
        ("tenant=", "this is no plain value"),
        ("tenant=[a]", "this is no plain value"),
        ("tenant={", "not valid YAML"),
        ("shards=many", "shards is a number in the plan, and this is a text"),
        ("shards=true", "shards is a number in the plan, and this is true or false"),
        ("strict=1", "strict is true or false in the plan, and this is a number"),
        ("strict=yes", "strict is true or false in the plan, and this is a text"),
    ],
)
def test_a_wrong_variable_is_refused(flag: str, said: str) -> None:
    with pytest.raises(GreenlightError) as caught:
        values(flag)

    assert said in str(caught.value)


def test_a_variable_of_the_environment_that_the_plan_does_not_have_is_refused() -> None:
    with pytest.raises(GreenlightError, match="GREENLIGHT_VAR_tennant: the plan has no variable"):
        values(environ={"GREENLIGHT_VAR_tennant": "x"})


@pytest.mark.parametrize("text", ["- a\n", "", "a: [\n", None], ids=["list", "empty", "no YAML", "absent"])
def test_a_file_that_is_no_map_of_variables_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "v.yaml").write_text(text)

    with pytest.raises(GreenlightError, match=r"--var-file .*v\.yaml"):
        values(files=(str(tmp_path / "v.yaml"),))


def test_a_file_of_variables_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(GreenlightError, match=r"--var-file .*gone\.yaml: there is no such file"):
        values(files=(str(tmp_path / "gone.yaml"),))


def test_values_are_yaml_scalars_of_the_plans_types() -> None:
    assert values("tenant='5'", "shards=2.5", "strict=false") == {"tenant": "5", "shards": 2.5, "strict": False}


def test_flags_win_over_the_environment_and_that_over_files(tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text("{tenant: file, shards: 1, strict: false}")
    environ = {"GREENLIGHT_VAR_tenant": "environment", "GREENLIGHT_VAR_shards": "2", "OTHER": "x"}

    found = values("tenant=flag", files=(str(tmp_path / "v.yaml"),), environ=environ)

    assert found == {"tenant": "flag", "shards": 2, "strict": False}


# ---- Tags


def test_a_tag_that_no_check_has_is_refused_with_the_nearest() -> None:
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
def test_what_a_chosen_check_needs_runs_too(tags: list[str], not_tags: list[str], names: list[str]) -> None:
    assert running(tags, not_tags) == names


# ---- The command


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN)
    return file


def test_a_selection_without_a_blocking_check_is_no_evidence(
    plan: Path, green: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(plan), "--stage", STAGE, "--url", green, "--tag", "advice"]) == 1

    out = capsys.readouterr().out
    assert "NO_EVIDENCE" in out
    assert "not selected by --tag advice" in out


def test_a_wrong_choice_is_a_wrong_call(plan: Path, green: str, capsys: pytest.CaptureFixture[str]) -> None:
    for choice in (
        ["--tag", "smok"],
        ["--var", "x=1"],
        ["--include", "x"],
        ["--environment", "prod", "--var-file", "x"],
    ):
        assert main(["check", str(plan), "--stage", STAGE, "--url", green, *choice]) == 2

    assert "did you mean 'smoke'" in capsys.readouterr().err
