"""Every command, link and example in README, docs and examples is one that works: parsed by what would run it."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.session
import pytest
import yaml
from botocore import xform_name

from devkit.cli.main import COMMANDS, main, parser_of_all
from devkit.reference import plan_reference
from greenlight.core.deployment import STAGES
from greenlight.core.finding import Cause
from greenlight.publish.index import Entry
from greenlight.stores.plan_lookup import PLAN_TAG

if TYPE_CHECKING:
    import argparse

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
PIPELINES = ROOT / "examples" / "pipelines"
# docs/plan.md, docs/validators.md and docs/lint.md are generated from examples that other tests run.
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
AWS = botocore.session.get_session()
# Commands of the AWS CLI that are no operations, with their options.
CUSTOM = {
    ("ecr", "get-login-password"): set(),
    ("ecs", "deploy"): {
        "cluster",
        "service",
        "task-definition",
        "codedeploy-appspec",
        "codedeploy-application",
        "codedeploy-deployment-group",
    },
    ("logs", "tail"): {"follow", "since", "filter-pattern", "format"},
    ("cloudformation", "deploy"): {"template-file", "stack-name", "parameter-overrides", "capabilities"},
    ("s3", "cp"): set(),
}
# Options that the AWS CLI adds to an operation of its own accord.
ADDED = {
    "create-deployment": {"s3-location"},
    "update-function-code": {"zip-file"},
    "authorize-security-group-ingress": {"protocol", "port", "source-group", "cidr"},
    "describe-alarm-history": {"max-items"},
    "list-task-definitions": {"max-items"},
}
EVERYWHERE = {"query", "output", "region", "profile"}


class CloudFormation(yaml.SafeLoader):
    """YAML as templates have it: of `!Sub x` and its like the x."""


CloudFormation.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands(text: str) -> list[str]:
    lines = text.replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ").removeprefix(".venv/bin/") for line in lines]


def shown() -> list[tuple[str, str]]:
    found = {
        (name(page), re.sub(r"\s+#.*$", "", command))
        for page in PAGES
        for kind, text in FENCE.findall(page.read_text(encoding="utf-8"))
        if kind == "console"
        for command in commands(text)
    }
    for path in PIPELINES.glob("*.yml"):
        found |= {(name(path), line) for line in steps(yaml.safe_load(path.read_text()))}
    return sorted(found)


def steps(value: object) -> list[str]:
    """Give the lines that a pipeline runs, wherever they stand."""
    if isinstance(value, str):
        return [line for line in map(str.strip, value.splitlines()) if line.startswith(("greenlight ", "aws "))]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [line for each in inner for line in steps(each)]


def of(program: str) -> list[tuple[str, str]]:
    return [(page, command) for page, command in shown() if command.startswith(f"{program} ")]


def typed(command: str) -> list[str]:
    """Give the words that greenlight gets of a line of a shell; a variable of a pipeline stands for what may be there."""
    known = {"$STAGE": "AfterAllowTestTraffic", "STAGE": "AfterAllowTestTraffic"}
    words = [known.get(word, word) for word in shlex.split(command)[1:]]
    return list(itertools.takewhile(lambda word: word not in ("|", "||", "&&", ">", ">>"), words))


@pytest.fixture(scope="module")
def parser() -> argparse.ArgumentParser:
    return parser_of_all()


@pytest.mark.parametrize(("page", "command"), of("greenlight"))
def test_a_command_of_greenlight_is_understood_word_for_word(
    page: str, command: str, parser: argparse.ArgumentParser
) -> None:
    try:
        parsed = parser.parse_args(typed(command))
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
def test_the_check_of_our_commands_can_say_no(wrong: str, parser: argparse.ArgumentParser) -> None:
    with pytest.raises(SystemExit):
        parser.parse_args(typed(wrong))


def files_of(command: str) -> list[str]:
    """Give the files of this repository that a command names."""
    return [word for word in typed(command) if re.match(r"(examples|tests|docs|hooks|events)/", word)]


@pytest.mark.parametrize(("page", "command"), [each for each in of("greenlight") if files_of(each[1])])
def test_a_file_that_a_command_names_is_there(page: str, command: str) -> None:
    assert [each for each in files_of(command) if not (ROOT / each).exists()] == [], page


def aws_mistake(command: str) -> str:
    """Say what is wrong with a command line of the AWS CLI, by botocore's models; "" for nothing."""
    service, operation, *rest = typed(command)
    options = {word[2:].split("=")[0] for word in rest if word.startswith("--")} - EVERYWHERE
    if (service, operation) in CUSTOM:
        return str(sorted(options - CUSTOM[service, operation]) or "")
    model = {"deploy": "codedeploy"}.get(service, service)
    if model not in AWS.get_available_services():
        return f"no service {service}"
    if operation == "wait":
        waiters = {xform_name(each, "-") for each in AWS.get_waiter_model(model).waiter_names}
        operation = next(iter(rest))
        if operation not in waiters:
            return f"nothing to wait for {operation}"
        found = (
            AWS.get_waiter_model(model)
            .get_waiter(next(w for w in AWS.get_waiter_model(model).waiter_names if xform_name(w, "-") == operation))
            .operation
        )
    else:
        known = {xform_name(each, "-"): each for each in AWS.get_service_model(model).operation_names}
        if operation not in known:
            return f"{service} has no {operation}"
        found = known[operation]
    shape = AWS.get_service_model(model).operation_model(found).input_shape
    members = {xform_name(each, "-") for each in shape.members} if shape else set()
    missing = {xform_name(each, "-") for each in (shape.required_members if shape else ())} - options
    wrong = {each.removeprefix("no-") for each in options} - members - ADDED.get(operation, set())
    return f"{sorted(wrong)} unknown, {sorted(missing)} missing" if wrong or missing else ""


@pytest.mark.parametrize(("page", "command"), of("aws"))
def test_a_command_of_aws_is_in_the_service_models(page: str, command: str) -> None:
    assert aws_mistake(command) == "", page


@pytest.mark.parametrize(
    "wrong",
    [
        "aws deploy stop-deploy --deployment-id ID",
        "aws deploy get-deployment --id ID",
        "aws nowhere get --a b",
        "aws ecs deploy --group g",
    ],
)
def test_the_check_of_commands_can_say_no(wrong: str) -> None:
    assert aws_mistake(wrong)


def test_every_other_command_is_known() -> None:
    others = {command.split()[0] for _, command in shown()} - {"greenlight", "aws"}

    assert others <= {"make", "sam", "source", "python", "docker", "pytest", "ruff", ""} | {
        each for each in others if "--" in each
    }


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = [command.split()[1] for where, command in of("make") if where == name(page)]

    assert set(named) <= targets


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_of_json_and_yaml_can_be_read(page: Path) -> None:
    for kind, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if kind == "json":
            json.loads(text)
        if kind == "yaml":
            yaml.compose(text)


# Examples of these are run by tests/cli/test_reference.py, test_lint_rules.py and tests/validators/test_examples_in_docstrings.py.
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


@pytest.mark.parametrize("text", [text for _, text in BLOCKS], ids=[where for where, _ in BLOCKS])
def test_every_block_of_yaml_is_what_its_reader_takes(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    block = yaml.load(text, Loader=CloudFormation)  # noqa: S506 - a safe loader that knows tags
    if {"checks", "stages"} & set(block):
        path = tmp_path / "plan.yaml"
        path.write_text(plan_reference.whole(text))
        assert main(["lint", str(path)]) == 0, capsys.readouterr().out
    elif "DeploymentPreference" in block:
        exported = re.findall(r"Export: .*InstallationName\}-(\w+)", (ROOT / "template.yaml").read_text())
        hooks = block["DeploymentPreference"]["Hooks"]
        assert set(hooks) <= {"PreTraffic", "PostTraffic"}
        assert {each.partition("-")[2] for each in hooks.values()} <= set(exported)
    elif "Hooks" in block:
        for hook in block["Hooks"]:
            ((event, function),) = hook.items()
            assert event in STAGES
            assert function == f"CodeDeployHook_greenlight-{event}"
    elif "Tags" in block:
        assert list(block["Tags"]) == [PLAN_TAG]
    else:
        assert " ".join(block) == SCENARIO, "a kind of block that no test reads"


def anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file) if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        page = page / "README.md" if page.is_dir() else page
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")) if page.exists() else []
        ahead += [(page.parent / link).resolve() for link in links if "://" not in link]

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
        re.findall(r"AlarmName: .*?-((?:gate|could|nobody|last)[a-z-]+)", (ROOT / "template.yaml").read_text())
    )
    rows = set(re.findall(r"^\| `(?:…-)?(?:STAGE-)?([\w-]+)` \|", text, re.MULTILINE))

    assert set(codes) <= set(AWS.get_service_model("codedeploy").shape_for("ErrorCode").enum)
    assert alarms
    assert rows == {*map(str, Cause), *codes, *alarms}


@pytest.mark.parametrize("path", sorted(PIPELINES.glob("*.yml")), ids=lambda path: path.stem)
def test_a_pipeline_lints_checks_deploys_and_shows_the_report_with_pinned_actions(path: Path) -> None:
    text = path.read_text()
    lines = "\n".join(steps(yaml.safe_load(text)))

    order = ("lint", "doctor", "check", "plan push", "history", "report")
    places = [lines.index(f"greenlight {command} ") for command in order]
    assert places == sorted(places)
    assert text.index("greenlight plan push") < text.index("sam deploy") < text.index("greenlight history")
    assert ('--format markdown >> "$GITHUB_STEP_SUMMARY"' in lines) == (path.stem == "github-actions")
    assert [each for each in re.findall(r"uses: (\S+)", text) if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", each)] == []


@pytest.mark.parametrize("path", sorted(PIPELINES.glob("*.yml")), ids=lambda path: path.stem)
def test_a_pipeline_finds_the_newest_gate_that_is_no_rollbacks(path: Path) -> None:
    (query,) = re.findall(r"jq -r '([^']+)'", path.read_text())
    entry = dict.fromkeys(Entry.__struct_fields__, "x")
    gates = [
        {**entry, "deployment": f"d-{number}", "creator": by}
        for number, by in enumerate(("codeDeployRollback", "user", "user"))
    ]

    assert query == 'first(.gates[] | select(.creator != "codeDeployRollback") | .deployment)'
    if shutil.which("jq"):
        done = subprocess.run(
            ["jq", "-r", query], input=json.dumps({"gates": gates}), capture_output=True, text=True, check=True
        )
        assert done.stdout == "d-1\n"


def test_the_sample_parameters_are_those_of_the_template() -> None:
    folder = ROOT / "examples" / "ecs"
    declared = re.search(
        r"^Parameters:\n(.*?)^Resources:", (folder / "template.yaml").read_text(), re.MULTILINE | re.DOTALL
    )
    given = {each["ParameterKey"] for each in json.loads((folder / "parameters.json").read_text())}

    assert declared
    assert given == set(re.findall(r"^  (\w+):$", declared[1], re.MULTILINE))
