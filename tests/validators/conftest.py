"""Fixtures for tests of validators: one check run as the gate runs it, and AWS with scripted answers."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Deployment, Finding, Platform, Side
from greenlight.core.errors import PlanError
from greenlight.testing import StubbedAws, context_for, load, run, stubbed_aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def check() -> Iterator[Callable[..., Finding]]:
    """Run one validator against green at `url`, with parameters in a plan's form."""
    with contextlib.ExitStack() as stack:

        def run_check(
            name: str,
            raw_params: Any,
            url: str = "",
            *,
            hosts: tuple[str, ...] = ("127.0.0.1", "localhost"),
            timeout_s: float = 3.0,
            aws: Any = None,
            resolver: Any = lambda *_: ["127.0.0.1"],
            blue: Side | None = None,
            deployment: dict[str, Any] | None = None,
            **green: Any,
        ) -> Finding:
            facts = {"id": "d-TEST00001", "platform": "ecs", "stage": "AfterAllowTestTraffic", **(deployment or {})}
            facts["platform"] = Platform(facts["platform"])
            context = context_for(
                Deployment(green=Side(url=url, **green), blue=blue or Side(), **facts),
                aws=aws,
                hosts=hosts,
                timeout_s=timeout_s,
                resolver=resolver,
            )
            try:
                return run(load(name), raw_params, stack.enter_context(context), patience_s=30.0)
            except PlanError as problem:
                raise ValueError(str(problem)) from problem

        yield run_check


@pytest.fixture
def scripted() -> Iterator[StubbedAws]:
    """AWS with scripted answers; the test fails unless it uses all of them."""
    with stubbed_aws() as aws:
        yield aws
