"""Checks of a function's alias, and of the versions in the AppSpec."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devkit.doctor.revision import parse_revision
from tests.support.doctor_account import ACCOUNT_ID, DoctorAccount, appspec, assert_only_finding, ids

if TYPE_CHECKING:
    from tests.support.doctor_account import Change, Mistake


MISTAKES: list[Mistake] = [
    ("first-deployment", "Lambda", lambda account: account.alias.clear()),
    (
        "alias-weighted",
        "Lambda",
        lambda account: account.alias.update(RoutingConfig={"AdditionalVersionWeights": {"8": 0.1}}),
    ),
]


@pytest.mark.parametrize(("rule", "platform", "change"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, change: Change) -> None:
    assert_only_finding(rule, platform, change)


def test_versions_in_the_next_appspec_are_compared_with_the_function() -> None:
    text = appspec("Lambda")
    rules = {"7": [], "6": ["version"]}

    for current, expected in rules.items():
        spec = parse_revision(text.replace('"7"', f'"{current}"'), "appspec.yaml", is_next=True)
        assert DoctorAccount("Lambda").broken_rules(appspec=spec) == expected
    assert DoctorAccount("Lambda").broken_rules(
        appspec=parse_revision(text.replace('"8"', '"9"'), "a", is_next=True)
    ) == ["version"]


def test_versions_that_cannot_share_an_alias_are_reported() -> None:
    account = DoctorAccount("Lambda")
    account.functions["shop:7"] = {**account.functions["shop:8"], "Role": f"arn:aws:iam::{ACCOUNT_ID}:role/older"}

    (symptom,) = account.examine(appspec=parse_revision(account.appspec, "appspec.yaml", is_next=True))

    assert symptom.rule == "version"
    assert "differ in Role" in symptom.message


def test_placeholders_of_a_pipeline_are_accepted() -> None:
    text = appspec("Lambda").replace('"7"', '"<CURRENT>"').replace('"8"', '"<TARGET>"')

    assert DoctorAccount("Lambda").broken_rules(appspec=parse_revision(text, "appspec.yaml", is_next=True)) == []
