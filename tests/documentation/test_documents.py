"""Every command, link and example in README, docs and examples works: it is parsed by the code that would run it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from devkit.cli.main import COMMANDS, build_full_parser, main
from devkit.reference import plan_reference
from greenlight.core.deployment import STAGES
from greenlight.core.finding import Cause
from greenlight.publish.index import Entry
from greenlight.stores.plan_lookup import PLAN_TAG
from tests.support.shell_commands import AWS, arguments_of, aws_cli_error

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
PIPELINES = ROOT / "examples" / "pipelines"
# docs/plan.md, docs/validators.md and docs/lint.md are generated from examples that other tests run.
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class CloudFormation(yaml.SafeLoader):
    """YAML loader for templates, which reads `!Sub x` and other tags as x."""


CloudFormation.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands(text: str) -> list[str]:
    lines = text.replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ").removeprefix(".venv/bin/") for line in lines]


def commands_in_documents() -> list[tuple[str, str]]:
    pairs = {
        (name(page), re.sub(r"\s+#.*$", "", command))
        for page in PAGES
        for kind, text in FENCE.findall(page.read_text(encoding="utf-8"))
        if kind == "console"
        for command in commands(text)
    }
    for path in PIPELINES.glob("*.yml"):
        pairs |= {(name(path), line) for line in steps(yaml.safe_load(path.read_text()))}
    return sorted(pairs)


def steps(value: object) -> list[str]:
    """Return the commands in a pipeline at any depth."""
    if isinstance(value, str):
        return [line for line in map(str.strip, value.splitlines()) if line.startswith(("greenlight ", "aws "))]
    items: Iterable[object] = ()
    if isinstance(value, dict):
        items = value.values()
    elif isinstance(value, list):
        items = value
    return [line for item in items for line in steps(item)]


def commands_of(program: str) -> list[tuple[str, str]]:
    return [(page, command) for page, command in commands_in_documents() if command.startswith(f"{program} ")]


@pytest.fixture(scope="module")
def parser() -> argparse.ArgumentParser:
    return build_full_parser()


@pytest.mark.parametrize(("page", "command"), commands_of("greenlight"))
def test_command_of_greenlight_parses(page: str, command: str, parser: argparse.ArgumentParser) -> None:
    try:
        parsed = parser.parse_args(arguments_of(command))
    except SystemExit:
        raise AssertionError(f"{page}: {command}") from None

    assert parsed.command in COMMANDS


@pytest.mark.parametrize(
    "wrong",
    [
        "greenlight check plan.yaml",
        "greenlight check plan.yaml --stage SOMEWHEN",
        "greenlight report",
        "greenlight report ID --format pdf",
        "greenlight history --last 5",
        "greenlight plan push plan.yaml --aplication shop",
    ],
)
def test_wrong_command_of_greenlight_is_detected(wrong: str, parser: argparse.ArgumentParser) -> None:
    with pytest.raises(SystemExit):
        parser.parse_args(arguments_of(wrong))


def files_of(command: str) -> list[str]:
    """Return the files of this repository that a command names."""
    return [word for word in arguments_of(command) if re.match(r"(examples|tests|docs|hooks|events)/", word)]


@pytest.mark.parametrize(("page", "command"), [item for item in commands_of("greenlight") if files_of(item[1])])
def test_file_in_a_command_exists(page: str, command: str) -> None:
    assert [item for item in files_of(command) if not (ROOT / item).exists()] == [], page


@pytest.mark.parametrize(("page", "command"), commands_of("aws"))
def test_command_of_aws_is_in_the_service_models(page: str, command: str) -> None:
    assert aws_cli_error(command) == "", page


@pytest.mark.parametrize(
    "wrong",
    [
        "aws deploy stop-deploy --deployment-id ID",
        "aws deploy get-deployment --id ID",
        "aws nowhere get --a b",
        "aws ecs deploy --group g",
    ],
)
def test_wrong_command_of_aws_is_detected(wrong: str) -> None:
    assert aws_cli_error(wrong)


def test_every_other_program_is_known() -> None:
    others = {command.split()[0] for _, command in commands_in_documents()} - {"greenlight", "aws"}

    assert others <= {"make", "sam", "source", "python", "docker", "pipx", "pytest", "ruff", ""} | {
        item for item in others if "--" in item
    }


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = [command.split()[1] for source, command in commands_of("make") if source == name(page)]

    assert set(used) <= targets


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_of_json_and_yaml_is_valid(page: Path) -> None:
    for kind, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if kind == "json":
            json.loads(text)
        if kind == "yaml":
            yaml.compose(text)


# Examples of these pages are run by tests/devkit/reference/test_plan_reference.py, tests/devkit/lint/test_rules.py and
# tests/validators/test_examples_in_docstrings.py.
GENERATED = ("docs/plan.md", "docs/validators.md", "docs/lint.md", "docs/cli.md", "docs/doctor.md")
# Scenarios are read by tests/rehearsal/test_documentation.py.
SCENARIO = "name platform application config minute blue green plan faults expect"
BLOCKS = [
    (f"{name(page)} {number}", text)
    for page in PAGES
    if name(page) not in GENERATED
    for number, (kind, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")))
    if kind == "yaml"
]


@pytest.mark.parametrize("text", [text for _, text in BLOCKS], ids=[block_id for block_id, _ in BLOCKS])
def test_every_block_of_yaml_is_accepted_by_its_reader(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    block = yaml.load(text, Loader=CloudFormation)  # noqa: S506 - a safe loader that knows tags
    if {"checks", "stages"} & set(block):
        path = tmp_path / "plan.yaml"
        path.write_text(plan_reference.complete_plan(text))
        assert main(["lint", str(path)]) == 0, capsys.readouterr().out
    elif "DeploymentPreference" in block:
        exported = re.findall(r"Export: .*InstallationName\}-(\w+)", (ROOT / "template.yaml").read_text())
        hooks = block["DeploymentPreference"]["Hooks"]
        assert set(hooks) <= {"PreTraffic", "PostTraffic"}
        assert {item.partition("-")[2] for item in hooks.values()} <= set(exported)
    elif "Hooks" in block:
        for hook in block["Hooks"]:
            ((event, function),) = hook.items()
            assert event in STAGES
            assert function == f"CodeDeployHook_greenlight-{event}"
    elif "Tags" in block:
        assert list(block["Tags"]) == [PLAN_TAG]
    else:
        assert " ".join(block) == SCENARIO, "no test reads this kind of block"


def anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_an_existing_file_and_heading(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file) if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_linked_from_the_readme() -> None:
    reached: set[Path] = set()
    pending = [ROOT / "README.md"]
    while pending:
        page = pending.pop()
        page = page / "README.md" if page.is_dir() else page
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")) if page.exists() else []
        pending += [(page.parent / link).resolve() for link in links if "://" not in link]

    assert [name(page) for page in PAGES if page not in reached] == []


def test_the_runbook_has_every_cause_every_error_code_and_every_alarm() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text()
    codes = [
        "ALARM_ACTIVE",
        "HOOK_EXECUTION_FAILURE",
        "TIMEOUT",
        "IAM_ROLE_PERMISSIONS",
        "IAM_ROLE_MISSING",
        "INVALID_LAMBDA_CONFIGURATION",
        "INVALID_LAMBDA_FUNCTION",
        "INVALID_ECS_SERVICE",
        "ECS_UPDATE_ERROR",
        "ELASTIC_LOAD_BALANCING_INVALID",
        "CLOUDFORMATION_STACK_FAILURE",
        "THROTTLED",
        "MANUAL_STOP",
        "INVALID_REVISION",
        "REVISION_MISSING",
        "APPLICATION_MISSING",
        "DEPLOYMENT_GROUP_MISSING",
    ]
    alarms = set(
        re.findall(r'AlarmName: !Sub "\$\{InstallationName\}-([a-z-]+)"', (ROOT / "template.yaml").read_text())
    )
    rows = set(re.findall(r"^\| `(?:…-)?([\w-]+)` \|", text, re.MULTILINE))

    assert set(codes) <= set(AWS.get_service_model("codedeploy").shape_for("ErrorCode").enum)
    assert alarms
    assert rows == {*map(str, Cause), *codes, *alarms}


@pytest.mark.parametrize("path", sorted(PIPELINES.glob("*.yml")), ids=lambda path: path.stem)
def test_pipeline_lints_checks_deploys_and_shows_the_report_with_pinned_actions(path: Path) -> None:
    text = path.read_text()
    lines = "\n".join(steps(yaml.safe_load(text)))

    order = ("lint", "doctor", "check", "plan push", "history", "report")
    places = [lines.index(f"greenlight {command} ") for command in order]
    assert places == sorted(places)
    assert text.index("greenlight plan push") < text.index("sam deploy") < text.index("greenlight history")
    assert ('--format markdown >> "$GITHUB_STEP_SUMMARY"' in lines) == (path.stem == "github-actions")
    assert [item for item in re.findall(r"uses: (\S+)", text) if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", item)] == []


@pytest.mark.parametrize("path", sorted(PIPELINES.glob("*.yml")), ids=lambda path: path.stem)
def test_pipeline_finds_the_newest_gate_that_is_not_of_a_rollback(path: Path) -> None:
    (query,) = re.findall(r"jq -r '([^']+)'", path.read_text())
    entry = dict.fromkeys(Entry.__struct_fields__, "x")
    gates = [
        {**entry, "deployment": f"d-{number}", "creator": by}
        for number, by in enumerate(("codeDeployRollback", "CloudFormationRollback", "user", "user"))
    ]

    assert query == 'first(.gates[] | select(.creator | test("Rollback$") | not) | .deployment)'
    if shutil.which("jq"):
        done = subprocess.run(
            ["jq", "-r", query], input=json.dumps({"gates": gates}), capture_output=True, text=True, check=True
        )
        assert done.stdout == "d-2\n"


def test_the_sample_parameters_are_those_of_the_template() -> None:
    folder = ROOT / "examples" / "ecs"
    declared = re.search(
        r"^Parameters:\n(.*?)^Resources:", (folder / "template.yaml").read_text(), re.MULTILINE | re.DOTALL
    )
    parameters = {item["ParameterKey"] for item in json.loads((folder / "parameters.json").read_text())}

    assert declared
    assert parameters == set(re.findall(r"^  (\w+):$", declared[1], re.MULTILINE))
