"""Groups of reasons with one failure, and their form in every format."""

from __future__ import annotations

import importlib
import json
import random

import pytest

from greenlight.core.finding import Cause, Outcome
from greenlight.core.report import Report
from greenlight.core.verdict import Reason
from greenlight.publish import sns
from greenlight.report.reason_groups import MAX_NAMES, ReasonGroup, group_reasons
from tests.support.report_samples import check, closed

ENDS_OF_VERDICT = {"text": "checks passed", "markdown": "Checks passed", "html": "</header>"}
REFUSED = "shop.test (10.0.0.1 port 80) refuses connections"


def refused_reason(name: str, cause: Cause = Cause.RELEASE_FAILED) -> Reason:
    return Reason(cause=cause, check=name, message=f"step {name}: {REFUSED}", root=REFUSED)


def report_of(count: int) -> Report:
    names = [f"check {number}" for number in range(count)]
    findings = tuple(check(name, "http", Outcome.FAIL, f"step {name}: {REFUSED}", root=REFUSED) for name in names)
    return closed(checks=findings, reasons=tuple(map(refused_reason, names)))


def test_different_failures_stay_apart() -> None:
    reasons = [
        Reason(cause=Cause.RELEASE_FAILED, check="a", message="GET /a: status is 500, expected 200"),
        Reason(cause=Cause.RELEASE_FAILED, check="b", message="GET /b: status is 500, expected 200"),
        refused_reason("c"),
        refused_reason("d", Cause.GATE_ERROR),
    ]
    assert [group.checks for group in group_reasons(reasons)] == [("a",), ("b",), ("c",), ("d",)]
    assert [group.message for group in group_reasons(reasons)] == [reason.message for reason in reasons]


def test_reasons_without_a_check_stay_apart() -> None:
    reasons = [Reason(cause=Cause.PLAN_ERROR, message="unknown key") for _ in range(3)]
    assert group_reasons(reasons) == [ReasonGroup(cause=Cause.PLAN_ERROR, message="unknown key", checks=())] * 3


def test_shared_root_is_one_group_in_the_order_of_its_first_reason() -> None:
    other = Reason(cause=Cause.GATE_ERROR, check="x", message="denied")
    groups = group_reasons([refused_reason("a"), other, refused_reason("b"), refused_reason("c")])
    assert [(group.checks, group.message) for group in groups] == [(("a", "b", "c"), REFUSED), (("x",), "denied")]


def test_same_message_is_one_group_without_a_root() -> None:
    message = "not finished: the worker was killed by signal 9 before it finished"
    reasons = [Reason(cause=Cause.GATE_ERROR, check=name, message=message) for name in "abc"]
    (group,) = group_reasons(reasons)
    assert (group.label, group.message, group.names) == ("3 checks", message, "a, b, c")


def test_groups_do_not_depend_on_the_order_of_other_reasons() -> None:
    reasons = [refused_reason(str(number)) for number in range(5)]
    others = [Reason(cause=Cause.GATE_ERROR, check=f"o{number}", message=f"m{number}") for number in range(5)]
    mixed = [*reasons, *others]
    random.Random(7).shuffle(mixed)
    assert {frozenset(group.checks) for group in group_reasons(mixed)} == {
        frozenset(map(str, range(5))),
        *(frozenset([f"o{number}"]) for number in range(5)),
    }


@pytest.mark.parametrize("form", ENDS_OF_VERDICT)
def test_twelve_checks_with_one_failure_say_it_once_and_are_named(form: str) -> None:
    rendered = importlib.import_module(f"greenlight.report.{form}").render(report_of(12)).replace("\\", "")
    verdict = rendered.partition(ENDS_OF_VERDICT[form])[0]
    assert verdict.count("refuses connections") == 1
    assert "12 checks" in verdict
    assert all(f"check {number}" in verdict for number in range(12))


@pytest.mark.parametrize("form", ENDS_OF_VERDICT)
def test_only_the_first_checks_of_a_large_group_are_named(form: str) -> None:
    rendered = importlib.import_module(f"greenlight.report.{form}").render(report_of(MAX_NAMES + 7))
    assert "check 11 and 7 more" in rendered.replace("</a>", "").replace("\\", "")


def test_every_check_keeps_its_reason_in_the_document() -> None:
    document = json.loads(importlib.import_module("greenlight.report.json").render(report_of(12)))
    assert [reason["check"] for reason in document["reasons"]] == [f"check {number}" for number in range(12)]
    assert {reason["root"] for reason in document["reasons"]} == {REFUSED}


def test_card_for_chat_has_the_failure_once() -> None:
    description = sns.build_card(report_of(12), "")["content"]["description"]
    assert description.startswith(f"*12 checks*: {REFUSED} (check 0, check 1, ")
    assert description.count("refuses connections") == 1
