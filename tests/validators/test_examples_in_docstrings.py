"""Every example of a check in a validator's docstring is a plan that is read and bound."""

from __future__ import annotations

import inspect
import textwrap

import pytest

from devkit.reference.struct_docs import example
from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.plan.parser import parse

NAMES = [name for name in Registry().names() if name.isidentifier()]


@pytest.mark.parametrize("name", NAMES)
def test_every_validator_has_an_example_and_it_is_a_check_that_binds(name: str) -> None:
    found = Registry().get(name)
    assert found is not None
    stage = found.stages[-1]
    block = example(inspect.getdoc(inspect.getmodule(found.run)) or "")
    plan = parse(f"version: 1\nstages:\n  {stage}:\n{textwrap.indent(block, '    ')}", "example.yaml")
    side = Side(url="https://green.example", version="7", task_definition="arn:aws:ecs:mars-west-1:0:task/o:7")
    bound = bind(plan, Deployment(id="d-EXAMPLE01", platform=Platform.ECS, stage=stage, green=side), {}, Registry())
    assert [each.check.validator for each in bound[stage]].count(name) >= 1
    assert all(each.params is not None for each in bound[stage])


@pytest.mark.parametrize("name", NAMES)
def test_every_validator_says_what_to_do_next_and_what_it_costs(name: str) -> None:
    found = Registry().get(name)
    assert found is not None
    for said in (found.remediation, found.cost):
        assert len(said) > 20
        assert said.endswith(".")
