"""The doctor looks at the alias of a function, and holds the AppSpec against the versions there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devkit.doctor.revision import parse_revision
from tests.support.doctor_world import ME, World, appspec, found_alone, ids

if TYPE_CHECKING:
    from tests.support.doctor_world import Change, Mistake


MISTAKES: list[Mistake] = [
    ("first-deployment", "Lambda", lambda w: w.alias.clear()),
    ("alias-weighted", "Lambda", lambda w: w.alias.update(RoutingConfig={"AdditionalVersionWeights": {"8": 0.1}})),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "platform", "wrong"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, wrong: Change) -> None:
    found_alone(rule, platform, wrong)


def test_another_appspec_is_held_against_the_versions_there_are() -> None:
    text = appspec("Lambda")
    wanted = {"7": [], "6": ["version"]}

    for current, expected in wanted.items():
        spec = parse_revision(text.replace('"7"', f'"{current}"'), "appspec.yaml", is_next=True)
        assert World("Lambda").found(appspec=spec) == expected
    assert World("Lambda").found(appspec=parse_revision(text.replace('"8"', '"9"'), "a", is_next=True)) == ["version"]


def test_versions_that_cannot_share_an_alias_are_told() -> None:
    world = World("Lambda")
    world.functions["shop:7"] = {**world.functions["shop:8"], "Role": f"arn:aws:iam::{ME}:role/older"}

    (one,) = world.examined(appspec=parse_revision(world.appspec, "appspec.yaml", is_next=True))

    assert one.rule == "version"
    assert "differ in Role" in one.message


def test_what_a_pipeline_puts_in_later_is_no_mistake() -> None:
    text = appspec("Lambda").replace('"7"', '"<CURRENT>"').replace('"8"', '"<TARGET>"')

    assert World("Lambda").found(appspec=parse_revision(text, "appspec.yaml", is_next=True)) == []
