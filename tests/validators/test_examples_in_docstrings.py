"""Every validator has a docstring with an example that is a valid check, a remediation and a cost."""

from __future__ import annotations

import inspect
import textwrap

import pytest

from devkit.reference.struct_docs import example
from greenlight.api import Validator
from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.plan.parser import parse
from greenlight.testing import load_validator


@pytest.fixture(params=[name for name in Registry().names() if name.isidentifier()])
def shipped(request: pytest.FixtureRequest) -> Validator:
    """Every validator of this installation."""
    return load_validator(request.param)


def test_every_validator_has_an_example_that_binds(shipped: Validator) -> None:
    stage = shipped.stages[-1]
    checks = example(inspect.getdoc(inspect.getmodule(shipped.run)) or "")
    plan = parse(f"version: 1\nstages:\n  {stage}:\n{textwrap.indent(checks, '    ')}", "example.yaml")
    green = Side(url="https://green.example", version="7", task_definition="arn:aws:ecs:mars-west-1:0:task/o:7")
    deployment = Deployment(id="d-EXAMPLE01", platform=Platform.ECS, stage=stage, green=green)

    bound_checks = bind(plan, deployment, {}, Registry())[stage]

    assert shipped.name in [bound.check.validator for bound in bound_checks]
    assert all(bound.params is not None for bound in bound_checks)


def test_remediation_and_cost_of_every_validator_are_sentences(shipped: Validator) -> None:
    for text in (shipped.remediation, shipped.cost):
        assert text.endswith(".")
