"""The files that contributors and hosting services read agree with the project that they describe."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import trove_classifiers
import yaml
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager

import greenlight

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
WORKFLOW = ROOT / ".github" / "workflows" / "test.yml"
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
PAGES = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", ".github/pull_request_template.md")


def load(path: Path) -> dict[Any, Any]:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


def python_versions() -> list[str]:
    """Return the versions of Python that the package declares, from the classifiers."""
    matches = (
        re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", c) for c in PROJECT["project"]["classifiers"]
    )
    return [match.group(1) for match in matches if match]


# ---- License and version ---------------------------------------------------------------------------------------------


def test_the_package_names_the_license_whose_text_is_there() -> None:
    metadata = ProjectMetadata(str(ROOT), PluginManager())
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")

    assert (metadata.core.license_expression, list(metadata.core.license_files)) == ("Apache-2.0", ["LICENSE"])
    assert text.split()[:5] == ["Apache", "License", "Version", "2.0,", "January"]
    assert "END OF TERMS AND CONDITIONS" in text
    assert "Copyright 2026 The greenlight authors" in text


def test_the_version_is_in_one_place() -> None:
    path = PROJECT["tool"]["hatch"]["version"]["path"]

    assert "version" not in PROJECT["project"]
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert ROOT / path == Path(greenlight.__file__)
    assert ProjectMetadata(str(ROOT), PluginManager()).version == greenlight.__version__
    assert path in (ROOT / "docs" / "versioning.md").read_text(encoding="utf-8")


def test_the_version_is_a_semantic_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?", greenlight.__version__)


def test_the_changelog_begins_with_unreleased_changes_and_goes_back_in_time() -> None:
    titles = re.findall(r"^## \[(.+?)\](?: - \d{4}-\d\d-\d\d)?$", CHANGELOG, re.MULTILINE)
    versions = [tuple(map(int, title.split("."))) for title in titles[1:]]

    assert titles[0] == "Unreleased"
    assert len(titles) == len(re.findall(r"^## ", CHANGELOG, re.MULTILINE))
    assert versions == sorted(versions, reverse=True)
    assert not versions or ".".join(map(str, versions[0])) == greenlight.__version__


def test_the_changelog_has_the_sections_of_its_format_only() -> None:
    sections = set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE))

    assert sections <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_classifier_is_known_to_the_index() -> None:
    classifiers = PROJECT["project"]["classifiers"]

    assert set(classifiers) <= trove_classifiers.classifiers
    assert classifiers == sorted(classifiers, key=lambda classifier: classifier.split("."))
    assert not [classifier for classifier in classifiers if classifier.startswith("License ::")]


# ---- Continuous integration ------------------------------------------------------------------------------------------


def test_the_workflow_runs_the_test_command_of_the_readme() -> None:
    commands = [step["run"] for step in load(WORKFLOW)["jobs"]["test"]["steps"] if "run" in step]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert commands == [".ci/run"]
    assert script.splitlines()[-1] == "make test"
    assert re.search(r"^\$ make test\b", README, re.MULTILINE)
    assert re.search(r"^PYTHON \?= ", MAKEFILE, re.MULTILINE), "make takes PYTHON from the environment"


def test_the_workflow_tests_every_version_of_python_that_the_package_declares() -> None:
    job = load(WORKFLOW)["jobs"]["test"]
    versions = job["strategy"]["matrix"]["python"]
    environments = [step["env"] for step in job["steps"] if "env" in step]
    minors = [int(version.split(".")[1]) for version in versions]

    assert versions == python_versions()
    assert minors == list(range(minors[0], minors[-1] + 1))
    assert PROJECT["project"]["requires-python"] == f">={versions[0]}"
    assert environments == [{"PYTHON": "python${{ matrix.python }}"}]


def test_the_workflow_may_read_the_repository_and_nothing_else() -> None:
    workflow = load(WORKFLOW)

    assert workflow["permissions"] == {"contents": "read"}
    assert [name for name, job in workflow["jobs"].items() if "permissions" in job] == []
    assert "secrets." not in WORKFLOW.read_text(encoding="utf-8")
    assert "pull_request_target" not in workflow[True]  # YAML 1.1 reads the key `on` as true


def test_every_action_is_of_github_and_pinned_by_its_major_version() -> None:
    actions = [step["uses"] for step in load(WORKFLOW)["jobs"]["test"]["steps"] if "uses" in step]

    assert actions
    assert [action for action in actions if not re.fullmatch(r"actions/[a-z-]+@v\d+", action)] == []


# ---- Forms and pages -------------------------------------------------------------------------------------------------


def test_the_issue_forms_are_those_that_contributors_need() -> None:
    assert [path.stem for path in FORMS] == ["bug_report", "feature_request", "wrong_verdict"]
    assert "contact_links" not in load(ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml")


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_the_fields_that_the_hosting_service_requires(path: Path) -> None:
    form = load(path)
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    ids = [field["id"] for field in fields]

    assert form["name"]
    assert form["description"]
    assert len(ids) == len(set(ids))
    assert {field["type"] for field in fields} <= {"checkboxes", "dropdown", "input", "textarea"}
    assert [field["id"] for field in fields if not field["attributes"].get("label")] == []
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_the_verdict_form_offers_the_stages_of_the_engine() -> None:
    form = load(ROOT / ".github" / "ISSUE_TEMPLATE" / "wrong_verdict.yml")
    stages = next(field["attributes"]["options"] for field in form["body"] if field.get("id") == "stage")

    assert stages == [
        "BeforeInstall",
        "AfterInstall",
        "AfterAllowTestTraffic",
        "BeforeAllowTraffic",
        "AfterAllowTraffic",
    ]
    assert [stage for stage in stages if f'-{stage}"' not in (ROOT / "template.yaml").read_text(encoding="utf-8")] == []


def test_the_readme_links_to_the_files_of_the_repository() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.rstrip().splitlines()[-1])

    assert links == ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"]


def test_every_link_leads_to_a_file_and_a_heading() -> None:
    broken = set()
    for page in PAGES:
        for link in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text(encoding="utf-8")):
            if "://" in link:
                continue
            file, _, anchor = link.partition("#")
            target = (ROOT / page).parent / file
            titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
            headings = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            if not target.exists() or (anchor and anchor not in headings):
                broken.add(link)

    assert broken == set()


def test_every_module_and_test_that_make_runs_exists() -> None:
    modules = [module.replace(".", "/") for module in re.findall(r"python -m ((?:devkit|tests)[\w.]*)", MAKEFILE)]
    paths = re.findall(r"(?:tests|requirements|layers)/[\w/.-]+\.(?:py|txt|in)", MAKEFILE)

    assert [name for name in modules if not list(ROOT.glob(f"{name}.py")) and not (ROOT / name).is_dir()] == []
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_folder_of_tests_is_explained_to_contributors() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    names = {folder.relative_to(ROOT).parts[1] for folder in folders}

    assert set(re.findall(r"`tests/(\w+)`", page)) == names


@pytest.mark.parametrize("page", [*PAGES, "docs/style.md", "docs/versioning.md"])
def test_every_make_target_that_a_page_names_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    names = set(re.findall(r"(?:`|^\$ )make ([a-z-]+)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE))

    assert names <= targets


# ---- Editors and git -------------------------------------------------------------------------------------------------


def test_the_pages_that_make_docs_writes_are_marked_as_generated() -> None:
    attributes = (ROOT / ".gitattributes").read_text(encoding="utf-8")
    recipe = MAKEFILE.partition("\ndocs: ")[2].partition("\n\n")[0]
    marked = re.findall(r"^(docs/\S+) linguist-generated$", attributes, re.MULTILINE)

    assert sorted(marked) == sorted(re.findall(r"> (docs/\S+)", recipe))


def test_the_folders_that_git_and_editors_treat_apart_exist() -> None:
    attributes = re.findall(r"^([\w/.-]+)/\*", (ROOT / ".gitattributes").read_text(encoding="utf-8"), re.MULTILINE)
    folders = re.findall(r"([\w/]+)/\*\*", (ROOT / ".editorconfig").read_text(encoding="utf-8"))

    assert {"events"} < set(attributes)
    assert {"events"} < set(folders)
    assert [folder for folder in [*attributes, *folders] if not (ROOT / folder).is_dir()] == []


def test_editors_and_ruff_agree_on_the_length_of_lines() -> None:
    config = (ROOT / ".editorconfig").read_text(encoding="utf-8")

    assert re.findall(r"^max_line_length = (\d+)$", config, re.MULTILINE) == [
        str(PROJECT["tool"]["ruff"]["line-length"])
    ]


def test_the_hooks_before_a_commit_run_the_tools_of_the_project() -> None:
    repositories = load(ROOT / ".pre-commit-config.yaml")["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]

    assert {repository["repo"] for repository in repositories} == {"local"}
    assert [
        hook["id"] for hook in hooks if hook["language"] == "system" and not hook["entry"].startswith(".venv/bin/")
    ] == []


@pytest.mark.parametrize(
    ("message", "allowed"),
    [
        ("Doctor says what is wrong", False),
        ("doctor:", False),
        ("doctor: " + "x" * 65, False),
        ("One line\n\ndoctor: not the subject", False),
        ("doctor: " + "x" * 64, True),
        ("network/client: close idle connections\n\nThe reason, " + "x" * 90, True),
        ("Merge branch 'repo'", True),
    ],
)
def test_the_hook_for_commits_reads_the_subject(message: str, allowed: bool) -> None:
    hooks = load(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    hook = next(hook for hook in hooks if hook["id"] == "commit-subject")

    assert hook["args"] == ["--negate", "--multiline"]
    assert bool(re.search(hook["entry"], message, re.MULTILINE | re.DOTALL)) == allowed
