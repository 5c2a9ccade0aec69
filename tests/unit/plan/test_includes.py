"""`include`: fragments, their digests, and the places of their mistakes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import AwsError, PlanError, Problem
from greenlight.core.report import IncludedFragment
from greenlight.plan.includes import MAX_INCLUDES
from greenlight.plan.model import Plan
from greenlight.plan.parser import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE = """\
version: 1
variables: {path: /health}
checks:
  - name: green is well
    http: {get: "${path}", expect: {status: 200}}
  - name: pages answer
    each: [/a, /b]
    http: {get: "${each}", expect: {status: 200}}
"""
URI = "s3://platform-plans/base.yaml"
REGISTRY = Registry()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def plan(
    *includes: str, checks: str = "- {name: own, needs: [green is well], target_health: {}}", head: str = ""
) -> str:
    listed = "".join(f"      - {include}\n" for include in includes)
    own = f"    checks:\n      {checks}\n" if checks else ""
    return f"version: 1\n{head}stages:\n  AfterAllowTraffic:\n    include:\n{listed}{own}"


def entry(text: str = BASE, uri: str = URI) -> str:
    return f'{{uri: "{uri}", sha256: {digest(text)}}}'


def read(text: str, stored: Mapping[str, str]) -> Plan:
    parsed = parse(text, "plan.yaml", fetch=lambda uri: (stored[uri], "v1") if uri in stored else None)
    bind(parsed, Deployment(id="d-LOCAL0000", platform=Platform.ECS, stage=""), {}, REGISTRY)
    return parsed


def problems_of(text: str, stored: Mapping[str, str]) -> tuple[Problem, ...]:
    with pytest.raises(PlanError) as caught:
        read(text, stored)
    assert caught.value.source == "plan.yaml"
    return caught.value.problems


def the_problem(text: str, stored: Mapping[str, str]) -> Problem:
    (problem,) = problems_of(text, stored)
    return problem


# ---- Rejected plans


def test_a_changed_fragment_is_rejected_with_its_digest() -> None:
    changed = BASE.replace("/health", "/anything")
    problem = the_problem(plan(entry()), {URI: changed})

    assert (problem.line, problem.path) == (5, "stages.AfterAllowTraffic.include[0].sha256")
    assert digest(changed) in problem.message
    assert "review the fragment, then write this digest" in problem.message


@pytest.mark.parametrize("uri", [URI, "ssm:/plans/base"])
def test_a_fragment_in_s3_or_ssm_needs_a_digest(uri: str) -> None:
    problem = the_problem(plan(f'{{uri: "{uri}"}}'), {uri: BASE})

    assert (problem.line, problem.path) == (5, "stages.AfterAllowTraffic.include[0]")
    assert f"write sha256: {digest(BASE)}" in problem.message


@pytest.mark.parametrize(
    ("include", "path", "message"),
    [
        (f'{{uri: "{URI}", sha256: abc}}', "include[0].sha256", "is not a SHA-256"),
        ("{uri: base.yaml}", "include[0].uri", "write s3://BUCKET/KEY, ssm:/NAME or file:NAME"),
        ("{sha256: abc}", "include[0]", "the key 'uri' is missing"),
        ('{uri: "file:b", when: {}}', "include[0].when", "unknown key 'when'"),
        ("file:b", "include[0]", "expected a map"),
    ],
    ids=["digest", "place", "no place", "unknown key", "text"],
)
def test_a_wrong_entry_is_reported_at_its_place(include: str, path: str, message: str) -> None:
    problems = problems_of(plan(include, checks="- {name: own, target_health: {}}"), {"file:b": BASE, URI: BASE})

    assert any(
        message in problem.message and problem.path == f"stages.AfterAllowTraffic.{path}" for problem in problems
    )
    assert {problem.line for problem in problems} == {5}


def test_a_missing_fragment_is_reported() -> None:
    assert "does not exist" in problems_of(plan(entry()), {})[0].message


def test_an_empty_include_is_rejected() -> None:
    text = "version: 1\nstages: {AfterAllowTraffic: {include: []}}\n"

    assert "add a fragment, or remove the key" in the_problem(text, {}).message


def test_a_stage_needs_checks_or_include() -> None:
    assert the_problem("version: 1\nstages: {AfterAllowTraffic: {}}\n", {}).message == "the key 'checks' is missing"


def test_a_plan_with_fragments_is_rejected_without_a_fetch_function() -> None:
    with pytest.raises(PlanError, match="cannot be read here"):
        parse(plan(entry(), checks=""), "plan.yaml")


def test_an_error_of_the_store_is_not_a_plan_error() -> None:
    def refusing(_uri: str) -> tuple[str, str] | None:
        raise AwsError("s3:GetObject was denied")

    with pytest.raises(AwsError, match="denied"):
        parse(plan(entry()), fetch=refusing)


def test_an_unreadable_fragment_is_reported_at_its_include() -> None:
    def failing(uri: str) -> tuple[str, str] | None:
        raise PlanError([Problem("not UTF-8 text")], uri)

    with pytest.raises(PlanError) as caught:
        parse(plan(entry(), checks=""), fetch=failing)

    (problem,) = caught.value.problems
    assert (problem.line, problem.message) == (5, f"{URI}: not UTF-8 text")


@pytest.mark.parametrize(
    ("fragment", "line", "path", "message"),
    [
        (BASE + "include: [{uri: 'file:other'}]\n", 9, "include", "a fragment cannot include another"),
        ("version: 1\nchecks: []\n", 2, "checks", "has no effect"),
        ("version: 1\nchecks:\n  - name: [\n", 4, "", "not valid YAML"),
        ("- 5\n", 1, "", "expected a map"),
        ("version: 1\nchecks:\n  - {name: a, targt_health: {}}\n", 3, "checks[0].targt_health", "no validator"),
        ("version: 1\nchecks:\n  - {name: a, severity: no, target_health: {}}\n", 3, "checks[0].severity", "'no' is"),
        (
            "version: 1\nvariables: {a: '${b}'}\nchecks:\n  - {name: a, target_health: {}}\n",
            2,
            "variables.a",
            "write out the value",
        ),
        (BASE.replace("${path}", "${pth}"), 5, "checks[0].http.get", "nothing is called ${pth}"),
        (BASE.replace("[/a, /b]", "[/a, {b: 1}]"), 7, "checks[1].each[1]", "this row is a map"),
        (BASE.replace("status: 200}}\n  -", "status: '${each}'}}\n  -"), 5, "checks[0].http.expect.status", "no rows"),
    ],
    ids=[
        "nested",
        "empty",
        "no YAML",
        "list",
        "validator",
        "severity",
        "variable",
        "reference",
        "row",
        "each alone",
    ],
)
def test_a_mistake_in_a_fragment_is_reported_in_its_own_file(fragment: str, line: int, path: str, message: str) -> None:
    problems = problems_of(plan(entry(fragment), checks="- {name: own, target_health: {}}"), {URI: fragment})

    problem = next(problem for problem in problems if message in problem.message)
    assert (problem.source, problem.path, problem.line) == (URI, path, line)
    assert URI in str(PlanError(problems))


def test_names_are_unique_across_plan_and_fragments() -> None:
    problem = the_problem(plan(entry(), checks="- {name: green is well, target_health: {}}"), {URI: BASE})

    assert "another check of this stage has the name 'green is well'" in problem.message
    assert (problem.source, problem.line) == ("", 7)


def test_a_fragment_included_twice_repeats_its_names() -> None:
    problems = problems_of(plan(entry(), entry(), checks=""), {URI: BASE})

    assert all("names must be unique" in problem.message for problem in problems)


def test_conflicting_variables_of_fragments_are_rejected_unless_the_plan_sets_them() -> None:
    other = (
        "version: 1\nvariables: {path: /other}\nchecks:\n  - {name: x, http: {get: '${path}', expect: {status: 200}}}\n"
    )
    stored = {URI: BASE, "file:other": other}
    includes = (entry(), "{uri: 'file:other'}")

    problem = the_problem(plan(*includes), stored)

    assert "two fragments have different values for 'path'" in problem.message
    assert problem.line == 6
    assert read(plan(*includes, head="variables: {path: /mine}\n"), stored).variables == {"path": "/mine"}


def test_the_number_and_the_size_of_fragments_are_limited() -> None:
    many = {f"file:{number}": BASE.replace("name: ", f"name: {number} ") for number in range(MAX_INCLUDES + 1)}
    large = {f"file:{number}": f"# {'x' * 600_000}\n" + BASE.replace("name: ", f"name: {number} ") for number in (1, 2)}

    for stored, message in ((many, f"at most {MAX_INCLUDES} fragments"), (large, "the fragments together are larger")):
        text = plan(*(f'{{uri: "{uri}"}}' for uri in stored), checks="")
        assert message in the_problem(text, stored).message


# ---- Effects of a fragment


def test_checks_of_a_fragment_come_first_and_can_be_needed() -> None:
    parsed = read(plan(entry()), {URI: BASE})

    checks = parsed.stages["AfterAllowTraffic"].checks
    assert [check.name for check in checks] == ["green is well", "pages answer [/a]", "pages answer [/b]", "own"]
    assert checks[3].needs == ("green is well",)


def test_the_source_of_a_plan_lists_its_fragments_with_their_digests() -> None:
    parsed = read(plan(entry(), checks=""), {URI: BASE})

    assert parsed.source.includes == (IncludedFragment(uri=URI, version_id="v1", sha256=digest(BASE)),)


def test_variables_of_the_plan_replace_those_of_a_fragment() -> None:
    assert read(plan(entry()), {URI: BASE}).variables == {"path": "/health"}
    assert read(plan(entry(), head="variables: {path: /well}\n"), {URI: BASE}).variables == {"path": "/well"}


def test_a_packed_fragment_needs_no_digest_but_a_stated_one_is_checked() -> None:
    assert read(plan("{uri: 'file:base.yaml'}"), {"file:base.yaml": BASE})
    assert (
        "the fragment has changed"
        in the_problem(plan(entry(uri="file:base.yaml")), {"file:base.yaml": BASE + "\n"}).message
    )


def test_a_fragment_of_two_stages_is_fetched_once() -> None:
    requested_uris: list[str] = []

    def fetch(uri: str) -> tuple[str, str]:
        requested_uris.append(uri)
        return BASE, ""

    one = plan(entry(), checks="")
    parsed = parse(one + one[one.index("  AfterAllowTraffic") :].replace("AfterAllowT", "BeforeAllowT"), fetch=fetch)

    assert requested_uris == [URI]
    assert [len(stage.checks) for stage in parsed.stages.values()] == [3, 3]
    assert len(parsed.source.includes) == 1


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_a_fragment_or_is_rejected(text: str) -> None:
    problems = problems_of(plan("{uri: 'file:any'}", checks="- {name: own, target_health: {}}"), {"file:any": text})

    assert {problem.source for problem in problems} == {"file:any"}


def test_the_digest_of_a_plan_changes_with_a_packed_fragment_and_its_sha256_does_not() -> None:
    text = plan('{uri: "file:base.yaml"}')

    one = read(text, {"file:base.yaml": BASE}).source
    other = read(text, {"file:base.yaml": BASE.replace("200", "204")}).source

    assert one.sha256 == other.sha256 == digest(text)
    assert len({one.digest, other.digest, one.sha256}) == 3


def test_the_digest_of_a_plan_without_fragments_is_the_one_of_its_text() -> None:
    text = "version: 1\nstages:\n  AfterAllowTraffic:\n    checks: [{name: own, target_health: {}}]\n"

    assert parse(text, environment="prod").source.digest == digest(text)
