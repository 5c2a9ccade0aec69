"""Every example of a check in a validator's docstring is a plan that is read and bound."""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap

import pytest
from greenlight.bind import bind
from greenlight.model import Deployment, Platform, Side
from greenlight.plan import parse
from greenlight.registry import Registry

EXAMPLE = re.compile(r"^Examples?:\n((?:[ ]{4}.*\n|\n)+)", re.MULTILINE)


def examples(name: str) -> list[str]:
    """Give the indented blocks under `Example:` in the docstring of a validator's file."""
    text = inspect.getdoc(importlib.import_module(f"validators.{name}")) or ""
    return [textwrap.dedent(block) for block in EXAMPLE.findall(f"{text}\n")]


WITH_EXAMPLE = [name for name in Registry().names() if name.isidentifier() and examples(name)]


@pytest.mark.parametrize("name", WITH_EXAMPLE)
def test_an_example_is_a_check_that_binds(name: str) -> None:
    found = Registry().get(name)
    assert found is not None
    stage = found.stages[-1]
    for block in examples(name):
        plan = parse(f"version: 1\nstages:\n  {stage}:\n{textwrap.indent(block, '    ')}", "example.yaml")
        side = Side(url="https://green.example", version="7", task_definition="arn:aws:ecs:mars-west-1:0:task/o:7")
        bound = bind(plan, Deployment(id="d-EXAMPLE01", platform=Platform.ECS, stage=stage, green=side), {}, Registry())
        assert [each.check.validator for each in bound[stage]].count(name) >= 1
        assert all(each.params is not None for each in bound[stage])


def test_there_are_examples() -> None:
    assert WITH_EXAMPLE
