"""The parser: wrong plans are rejected at the right place, and good ones are parsed."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenlight.core.deployment import STAGES, Platform
from greenlight.core.errors import MAX_PROBLEMS, PlanError
from greenlight.core.finding import Severity
from greenlight.core.report import PlanSource
from greenlight.core.units import Duration
from greenlight.plan.parser import parse
from greenlight.plan.retry import Retry
from greenlight.plan.schema import When
from tests.support.plan_samples import GOOD, bound, refused

# JMESPath accepts texts between backticks, and says in a warning that it will not do so for ever.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated string literal")

PLANS = sorted((Path(__file__).parent / "plans").glob("*.yaml"))


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_a_plan_with_one_mistake_is_rejected_at_its_place(path: Path) -> None:
    text = path.read_text()
    expected = dict(re.findall(r"^# (path|says): ?(.*)$", text, re.MULTILINE))
    line = 1 + next(i for i, content in enumerate(text.splitlines()) if "# <- here" in content)

    error = refused(text)

    assert [(problem.path, problem.line) for problem in error.problems] == [(expected["path"], line)], str(error)
    assert expected["says"] in error.problems[0].message


def test_the_corpus_of_mistakes_is_not_empty() -> None:
    assert len(PLANS) >= 50


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null", "[]", "5", "text"])
def test_a_file_other_than_a_map_is_rejected_at_its_beginning(text: str) -> None:
    (problem,) = refused(text).problems

    assert (problem.message, problem.line) == ("a plan is a map with the keys version and stages", 1)


def test_all_mistakes_are_reported_in_the_order_of_the_file() -> None:
    text = """\
version: 2
defaults: {timeot: 5s}
stages:
  AfterAllowTraffic:
    checks:
      - name: first
        severity: harmless
        http: {}
      - name: second
        http: {}
        tcp_: {}
      - 5
"""
    error = refused(text)

    assert [problem.line for problem in error.problems] == [1, 2, 7, 11, 12]


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\ndefaults: {" + "".join(f"key{n}: 1, " for n in range(20_000)) + "}\n",
        "version: 1\nstages:\n  AfterAllowTraffic:\n    checks:\n"
        + "".join(f"      - {{name: c{n}, htp: {{}}, needs: [c{n}x]}}\n" for n in range(3000)),
        "version: 1\nstages:\n  AfterAllowTraffic:\n    checks:\n"
        + "".join(f"      - {{name: c{n}, severity: never, http: {{}}}}\n" for n in range(3000)),
        "".join(f"a: {n}\n" for n in range(20_000)),
    ],
    ids=["keys", "checks", "controls", "repetitions"],
)
def test_only_the_first_of_thousands_of_mistakes_are_reported(text: str) -> None:
    error = refused(text)

    assert len(error.problems) == MAX_PROBLEMS + 1
    assert error.problems[-1].message == "and more, which are listed when these are fixed"


def test_a_plan_error_has_the_uri_of_the_plan() -> None:
    assert refused("version: 2").source == "s3://plans/shop.yaml"


def test_a_good_plan_is_parsed_into_its_checks() -> None:
    plan = bound(GOOD)

    stage = plan.stages["AfterAllowTestTraffic"]
    first, second = stage.checks
    assert stage.bake_s == 60.0
    assert (first.name, first.validator, first.severity, first.timeout_s) == (
        "green answers",
        "http",
        Severity.BLOCKING,
        5.0,
    )
    assert (first.retry.attempts, first.retry.interval) == (2, Duration(1))
    assert (second.severity, second.timeout_s, second.needs) == (Severity.ADVISORY, 60.0, ("green answers",))
    assert second.retry == Retry(attempts=3, backoff=2.0, on=("error",))
    assert second.when == When(platform=Platform.ECS, group="blue-green")
    assert plan.variables == {"tenant": "smoke", "shards": 3}
    assert (plan.target.host, plan.target.url) == ("shop.example.com", "https://green.example.com/shop")


def test_the_source_has_the_version_and_the_digest_of_the_plan() -> None:
    source = bound(GOOD).source

    assert (source.uri, source.version_id, len(source.sha256)) == ("s3://plans/shop.yaml", "v7", 64)


@pytest.mark.parametrize("text", ["", "- a list", "a: [", "version: 1\nstages: {AfterInstall: {checks: 1}}"])
def test_a_plan_error_identifies_the_text_of_the_plan(text: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse(text, "s3://plans/shop.yaml", "v7")

    sha256 = hashlib.sha256(text.encode()).hexdigest()
    assert caught.value.plan == PlanSource(uri="s3://plans/shop.yaml", version_id="v7", sha256=sha256, digest=sha256)


# ---- Any text ends in a plan or in a refusal that a person can read --------------------------------------------------


def ends_well(text: str) -> None:
    try:
        plan = bound(text)
    except PlanError as error:
        problems = error.problems
    else:
        problems = ()
    for problem in problems:
        assert problem.message
        assert problem.message.isprintable()
        assert problem.path.isprintable()
        assert len(problem.message) <= 600
    if not problems:
        assert plan.stages
        assert set(plan.stages) <= set(STAGES)
        assert all(stage.checks for stage in plan.stages.values())
        assert all(check.timeout_s > 0 for stage in plan.stages.values() for check in stage.checks)


@given(st.text())
def test_any_text_is_a_plan_or_a_readable_error(text: str) -> None:
    ends_well(text)


@given(st.text(alphabet="[]{}:,-?!&*'\"|>%@`#\n\t ${}ab01.~<"))
def test_any_sequence_of_yaml_indicators_is_a_plan_or_a_readable_error(text: str) -> None:
    ends_well(text)


PIECES = [
    "null", "true", "0", "-1", "1.5", "''", "[]", "{}", "[{}]", "{a: 1}", "'${x}'", "'${'", "'$${'", "0s", "5", "1e9",
    "*a", "&a 1", "!!str 5", ".nan", "~", "x", "'\\u0000'", '"\\0"', "{eq: null}", "{not: {not: {}}}", "{matches: '('}",
    "{type: [x]}", "{in: []}", "{between: [1, a]}", "'a['", "99999999999999999999", "{exists: maybe}", "[[[[[[]]]]]]",
]  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_good_plan_with_changed_values_is_a_plan_or_a_readable_error(data: st.DataObject) -> None:
    lines = GOOD.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(lines) - 1))
        parts = re.split(r"([{}\[\],]| (?=[^ ])|: )", lines[index])
        position = data.draw(st.integers(0, len(parts) - 1))
        parts[position] = data.draw(st.sampled_from(PIECES) | st.text(max_size=5))
        lines[index] = "".join(parts)
    ends_well("\n".join(lines))


@given(st.data())
def test_a_good_plan_with_a_key_misspelt_is_never_accepted(data: st.DataObject) -> None:
    keys = [
        match
        for match in re.finditer(r"([a-z_]+)(?=:)", GOOD)
        if match[1] not in ("tenant", "shards", "id", "sku", "note", "gone", "https", "gte", "lte")
    ]
    key = data.draw(st.sampled_from(keys))
    letter = data.draw(st.integers(key.start(), key.end() - 1))
    text = GOOD[:letter] + GOOD[letter + 1 :]

    assert refused(text).problems
