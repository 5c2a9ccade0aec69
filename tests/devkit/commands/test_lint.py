"""`greenlight lint`: exit statuses, options and output formats."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from rich.console import Console

from devkit.cli.main import main
from devkit.lint import formats
from devkit.lint.rules import RULES
from greenlight.core.errors import Problem
from greenlight.plan.yaml_reader import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path

LAMBDA_APPSPEC = """\
version: 0.0
Resources:
  - orders:
      Type: AWS::Lambda::Function
      Properties: {Name: orders, Alias: live, CurrentVersion: "7", TargetVersion: "8"}
Hooks:
  - BeforeAllowTraffic: CodeDeployHook_greenlight-BeforeAllowTraffic
"""
ECS_APPSPEC = """\
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: <TASK_DEFINITION>
        LoadBalancerInfo: {ContainerName: web, ContainerPort: 8080}
Hooks:
  - AfterAllowTestTraffic: CodeDeployHook_greenlight-AfterAllowTestTraffic
"""


_TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_REGION = {
    "type": "object",
    "required": ["startLine", "startColumn"],
    "properties": {"startLine": {"type": "integer", "minimum": 1}, "startColumn": {"type": "integer", "minimum": 1}},
    "additionalProperties": False,
}
SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "additionalProperties": False,
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "additionalProperties": False,
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": _TEXT,
                                                "help": _TEXT,
                                                "defaultConfiguration": {"properties": {"level": _LEVEL}},
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": -1},
                                "level": _LEVEL,
                                "message": _TEXT,
                                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                                "locations": {
                                    "type": "array",
                                    "items": {
                                        "required": ["physicalLocation"],
                                        "properties": {
                                            "physicalLocation": {
                                                "required": ["artifactLocation", "region"],
                                                "properties": {
                                                    "artifactLocation": {
                                                        "properties": {
                                                            "uri": {"type": "string", "format": "uri-reference"}
                                                        }
                                                    },
                                                    "region": _REGION,
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The part of the schema of SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/) that lint writes."""


def lint(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    status = main(["lint", str(path)])
    return status, capsys.readouterr().out.replace(str(path), "file.yaml")


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("BeforeAllowTrafic:", "BeforeAllowTraffic:", "did you mean 'BeforeAllowTraffic'?"),
        ("AfterInstall:", "BeforeAllowTraffic:", "there is no lifecycle event 'AfterInstall'"),
        ("CodeDeployHook_x:live", "CodeDeployHook_greenlight-BeforeAllowTraffic", "qualified name"),
        ("arn:aws:lambda:eu-west-1:1:function:orders", "orders,", "not its ARN"),
        ('"$LATEST"', '"8"', "the number of a published version"),
        ('"7"', '"8"', "nothing would be deployed"),
        ("AWS::Lambda::Functions", "AWS::Lambda::Function", "Type is 'AWS::Lambda::Functions'"),
    ],
)
def test_a_mistake_in_a_lambda_appspec_is_reported(
    wrong: str, right: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out = lint(tmp_path, LAMBDA_APPSPEC.replace(right, wrong + ("," if right == "orders," else ""), 1), capsys)

    assert status == 2
    assert message in out
    assert out.startswith("file.yaml:")


def test_wrong_indentation_in_an_appspec_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = lint(tmp_path, "version: 0.0\nResources:\n  - orders:\n    Type: AWS::Lambda::Function\n", capsys)

    assert status == 2
    assert "Type belongs below orders, indented by two more spaces [appspec-indentation]" in out


def test_a_quoted_container_port_is_reported_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = lint(tmp_path, ECS_APPSPEC.replace("8080", '"8080"'), capsys)

    assert status == 2
    assert out.startswith("file.yaml:7:")
    assert "without quotes" in out


@pytest.mark.parametrize(
    "text", [LAMBDA_APPSPEC, ECS_APPSPEC, LAMBDA_APPSPEC.replace("Resources", "resources").replace("Name:", "name:")]
)
def test_a_correct_appspec_has_no_problem(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(tmp_path, text, capsys) == (0, "")


def test_all_mistakes_of_a_plan_are_reported_with_their_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """\
version: 1
stages:
  BeforeAllowTraffic:
    checks:
      - name: one
        lambda_invok: {}
      - name: two
        http: {get: "/${tenent}", expect: {status: {lessthan: 300}}}
      - name: three
        target_health: {heathy: 2}
"""
    status, out = lint(tmp_path, text, capsys)

    assert status == 2
    assert [line.split(": ")[0] for line in out.splitlines()] == [
        "file.yaml:6:9",
        "file.yaml:8:21",
        "file.yaml:8:53",
        "file.yaml:10:25",
    ]
    assert "did you mean 'lambda_invoke'?" in out
    assert "nothing is called ${tenent}" in out
    assert "unknown predicate 'lessthan'" in out
    assert "did you mean 'healthy'?" in out


def test_a_stage_that_can_never_succeed_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = lint(
        tmp_path,
        "version: 1\nstages:\n  AfterAllowTraffic:\n    checks:\n      - {name: a, severity: advisory, tcp: {}}\n",
        capsys,
    )

    assert status == 2
    assert "can never succeed" in out


def test_json_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["lint", "--format", "json", str(tmp_path / "none.yaml")])

    document = json.loads(capsys.readouterr().out)
    assert status == 2
    assert document["problems"][0]["message"] == "file not found"
    assert document["problems"][0]["rule"] == "file"


def plan(check: str) -> str:
    return f"version: 1\nstages:\n  AfterAllowTestTraffic:\n    checks:\n      - name: a\n        {check}\n"


GOOD = plan("tcp: {}")
WARNED = plan("http: {get: /, expect: {status: {gte: 100}}}")
WRONG = plan("http: {get: /, expect: {status: 2xx}}")


def test_a_warning_fails_the_command_only_with_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(tmp_path, WARNED, capsys) == (
        0,
        "file.yaml:6:41: warning: stages.AfterAllowTestTraffic.checks[0].http.expect.status: every status from 100 to "
        "599 passes this; write status: 200 [always-passes]\n",
    )
    assert main(["lint", "--strict", str(tmp_path / "file.yaml")]) == 2
    assert capsys.readouterr().err == "1 file: 1 warning\n"


def test_the_limits_of_the_installation_are_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(GOOD.replace("name: a", "name: a\n        timeout: 1m"))

    assert main(["lint", "--strict", str(path)]) == 0
    assert "the state machine" not in capsys.readouterr().err
    assert main(["lint", "--strict", "--function-timeout", "1m", str(path)]) == 0
    assert capsys.readouterr().err == (
        "1 file without a problem\n"
        f"{path}: the state machine conducts AfterAllowTestTraffic, because its checks may take "
        "60 s, and a hook has 60 s, of which it needs 15 s itself; a gate takes about 13 state transitions ($0.0003)\n"
    )
    assert main(["lint", "--conductor", "machine", str(path)]) == 0
    assert "because the installation leaves every gate to the state machine" in capsys.readouterr().err


def test_the_stages_of_the_state_machine_are_in_the_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(GOOD + "network: vpc\n")

    assert main(["lint", "--format", "json", str(path)]) == 0
    (stage,) = json.loads(capsys.readouterr().out)["state_machine"]
    assert (stage["file"], stage["stage"], stage["transitions"]) == (str(path), "AfterAllowTestTraffic", 13)
    assert stage["reason"] == "its plan says network: vpc"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a plan"),
        (["--function-timeout", "20m", "x"], "at most 15m"),
        (["--function-timeout", "600", "x"], "write a number with its unit"),
        (["--concurrency", "0", "x"], "must be 1 to 256"),
        (["--explain", "always-pases"], "did you mean 'always-passes'?"),
    ],
)
def test_impossible_options_are_rejected(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lint", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_several_files_are_linted_even_if_some_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge.yaml").write_text("a" * (MAX_BYTES + 1))
    (tmp_path / "wrong.yaml").write_text(WRONG)
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "empty").mkdir()
    names = ["binary.yaml", "huge.yaml", "wrong.yaml", "good.yaml", "none.yaml", "empty"]

    status = main(["lint", *(str(tmp_path / name) for name in names)])

    output = capsys.readouterr()
    assert status == 2
    assert [line.removeprefix(f"{tmp_path}/").rpartition(" [")[0] for line in output.out.splitlines()] == [
        "binary.yaml:1:1: not UTF-8 text: invalid start byte at byte 0",
        "huge.yaml:1:1: the file is larger than 1024 KiB",
        "wrong.yaml:6:41: stages.AfterAllowTestTraffic.checks[0].http.expect.status: "
        "no status passes this; a status is "
        "a number without quotes, such as 200 or {between: [200, 299]}",
        "none.yaml:1:1: file not found",
        "empty:1:1: the folder contains no plan and no AppSpec (plan.y*ml, *.plan.y*ml, greenlight.y*ml, "
        "appspec.y*ml, *.appspec.y*ml, appspec.json)",
    ]
    assert output.err == "6 files: 5 errors\n"


def test_a_folder_is_searched_for_plans_and_appspecs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["a/plan.yaml", "a/b/shop.plan.yml", "greenlight.yaml", "appspec.yaml", ".git/plan.yaml", "a/other.yaml"]
    for name in [*names, "node_modules/x/plan.yaml"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(LAMBDA_APPSPEC if name.startswith("appspec") else GOOD)

    status = main(["lint", "--format", "json", str(tmp_path), str(tmp_path / "a/plan.yaml")])

    paths = json.loads(capsys.readouterr().out)["files"]
    assert status == 0
    assert paths == [str(tmp_path / name) for name in ("appspec.yaml", "greenlight.yaml", *names[:2])]


def test_standard_input_is_linted_like_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(WRONG.encode())))

    assert main(["lint", "-"]) == 2
    assert capsys.readouterr().out.startswith("-:6:41: stages.")


def printed(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the output in the format `form` for one error, one warning and one good file, in a new folder."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"a b,c.yaml": WRONG, "warned.yaml": WARNED, "good.yaml": GOOD}.items():
        (tmp_path / name).write_text(text)
    assert main(["lint", "--format", form, str(tmp_path / "a b,c.yaml"), "warned.yaml", "good.yaml"]) == 2
    return capsys.readouterr().out


def test_json_has_rule_and_severity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = json.loads(printed("json", tmp_path, monkeypatch, capsys))["problems"]

    assert [(problem["rule"], problem["severity"], problem["line"], problem["column"]) for problem in entries] == [
        ("never-passes", "error", 6, 41),
        ("always-passes", "warning", 6, 41),
    ]


def test_annotations_are_escaped_as_workflow_commands_require(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = printed("github", tmp_path, monkeypatch, capsys).splitlines()

    assert first.startswith("::error file=a b%2Cc.yaml,line=6,col=41,title=greenlight never-passes::stages.")
    assert second.startswith("::warning file=warned.yaml,line=6,col=41,title=greenlight always-passes::stages.")
    problem = Problem("100% of it, say: no", line=1, column=1, rule="value")
    line = formats.github([formats.File(name="a%b:c.yaml", text="", problems=(problem,))])
    assert line == "::error file=a%25b%3Ac.yaml,line=1,col=1,title=greenlight value::100%25 of it, say: no"


def test_no_problems_are_no_annotations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)

    assert main(["lint", "--format", "github", str(tmp_path / "good.yaml")]) == 0
    assert capsys.readouterr().out == ""


def test_code_quality_reports_have_the_keys_that_gitlab_requires(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = json.loads(printed("gitlab", tmp_path, monkeypatch, capsys))

    assert [(problem["check_name"], problem["severity"], problem["location"]) for problem in entries] == [
        ("never-passes", "major", {"path": "a b,c.yaml", "lines": {"begin": 6}}),
        ("always-passes", "minor", {"path": "warned.yaml", "lines": {"begin": 6}}),
    ]
    assert len({problem["fingerprint"] for problem in entries}) == 2


def test_sarif_conforms_to_its_standard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(printed("sarif", tmp_path, monkeypatch, capsys))

    jsonschema.validate(document, SARIF)
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert [(problem["ruleId"], problem["level"]) for problem in run["results"]] == [
        ("never-passes", "error"),
        ("always-passes", "warning"),
    ]
    assert [rules[problem["ruleIndex"]]["id"] for problem in run["results"]] == ["never-passes", "always-passes"]
    (location,) = run["results"][0]["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b%2Cc.yaml"},
        "region": {"startLine": 6, "startColumn": 41},
    }


def test_a_fingerprint_is_stable_when_lines_move_and_unique_for_repeated_problems(tmp_path: Path) -> None:
    def fingerprints(*lines: int) -> list[str]:
        problems = tuple(Problem("it is wrong", "a", line, 1, "value") for line in lines)
        return [
            problem["fingerprint"]
            for problem in json.loads(formats.gitlab([formats.File(name="x", text="", problems=problems)]))
        ]

    first = fingerprints(1, 2)
    assert first == fingerprints(5, 9)
    assert first[0] != first[1]


def test_a_terminal_shows_the_line_and_a_pipe_does_not() -> None:
    file = formats.File(name="p.yaml", text=WRONG, problems=(Problem("it is wrong", "a", 6, 41, "value"),))
    terminal, pipe = (
        Console(file=io.StringIO(), width=100, force_terminal=forced, color_system=None) for forced in (True, False)
    )
    for console in (terminal, pipe):
        formats.text([file], console)

    assert pipe.file.getvalue() == "p.yaml:6:41: a: it is wrong [value]\n"  # type: ignore[attr-defined]
    _, line, caret = terminal.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert line == "    6 |         http: {get: /, expect: {status: 2xx}}"
    assert line[caret.index("^") :] == "2xx}}"


def test_a_hostile_line_is_escaped_and_a_long_one_is_cut_around_its_place() -> None:
    text = "a: " + "x" * 5000 + "\x1b[2J" + "y" * 5000
    file = formats.File(name="p.yaml", text=text, problems=(Problem("it is wrong", "", 1, 5004, "value"),))
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)

    formats.text([file], console)

    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" not in shown
    _, line, caret = shown.splitlines()
    assert len(line) < 80
    assert line[caret.index("^") :].startswith(" [2Jy")


def test_a_rule_is_explained_with_its_wrong_and_its_corrected_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "--explain", "always-passes"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("always-passes (warning): ")
    assert "status: {gte: 100}" in output
    assert "status: 200" in output


WRONG_FRAGMENT = "version: 1\nchecks:\n  - {name: green answers, htp: {get: /health, expect: {status: 200}}}\n"
ELSEWHERE = "s3://platform/base.yaml"


def places_in_fragment(form: str, tmp_path: Path, monkeypatch: Any, capsys: Any) -> list[str]:
    """Return the places of mistakes in two fragments in a format; one is mapped to a file, one beside the plan."""
    monkeypatch.chdir(tmp_path)
    for name in ("mapped.yaml", "plans/beside.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(WRONG_FRAGMENT)
    digest = hashlib.sha256(WRONG_FRAGMENT.encode()).hexdigest()
    (tmp_path / "plans/plan.yaml").write_text(
        f"version: 1\nstages:\n  AfterAllowTraffic:\n    include: [{{uri: '{ELSEWHERE}', sha256: {digest}}}]\n"
        "  BeforeAllowTraffic:\n    include: [{uri: 'file:beside.yaml'}]\n"
    )
    assert main(["lint", "plans/plan.yaml", "--include", f"{ELSEWHERE}=mapped.yaml", "--format", form]) == 2
    out = capsys.readouterr().out
    if form == "github":
        return [line.partition("file=")[2].partition(",")[0] for line in out.splitlines()]
    if form == "gitlab":
        return [problem["location"]["path"] for problem in json.loads(out)]
    if form == "sarif":
        results = json.loads(out)["runs"][0]["results"]
        return [problem["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for problem in results]
    if form == "json":
        return [problem["file"] for problem in json.loads(out)["problems"]]
    return [line.partition(":")[0] for line in out.splitlines()]


@pytest.mark.parametrize("form", ["text", "json", "github", "gitlab", "sarif"])
def test_a_mistake_in_a_fragment_is_reported_in_the_file_of_the_fragment(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sorted(places_in_fragment(form, tmp_path, monkeypatch, capsys)) == ["mapped.yaml", "plans/beside.yaml"]


def test_a_fragment_without_a_file_is_identified_by_its_uri() -> None:
    file = formats.File(
        name=ELSEWHERE,
        text="",
        problems=(Problem("it is wrong", line=1, column=1, rule=RULES[0].id, source=ELSEWHERE),),
    )

    assert json.loads(formats.gitlab([file]))[0]["location"]["path"] == ELSEWHERE
    assert f'"uri": "{ELSEWHERE}"' in formats.sarif([file])
