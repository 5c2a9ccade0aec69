"""What tests of validators share: a validator run once, with parameters read the way a plan's are."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Clock, Deployment, Finding, Side
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.plan.decoder import convert
from greenlight.testing import StubbedAws, context_for, load_validator, stubbed_aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def check() -> Iterator[Callable[..., Finding]]:
    """Run one validator against green at `url`, with the parameters as a plan writes them."""
    with contextlib.ExitStack() as stack:

        def run(
            name: str,
            written: Any,
            url: str = "",
            *,
            hosts: tuple[str, ...] = ("127.0.0.1", "localhost"),
            timeout_s: float = 3.0,
            aws: Any = None,
            resolver: Any = lambda *_: ["127.0.0.1"],
            blue: Side | None = None,
            deployment: dict[str, Any] | None = None,
            clock: Clock = SYSTEM_CLOCK,
            **green: Any,
        ) -> Finding:
            found = load_validator(name)
            params, mistakes = convert(written, found.params)
            if params is None:
                raise ValueError("; ".join(message for _, message in mistakes))
            about = {"id": "d-TEST00001", "platform": "ecs", "stage": "AfterAllowTestTraffic", **(deployment or {})}
            known = Deployment(green=Side(url=url, **green), blue=blue or Side(), **about)
            options: dict[str, Any] = {"timeout_s": timeout_s, "resolver": resolver, "clock": clock}
            made = context_for(known, aws=aws, allowed_hosts=hosts, **options)
            return found.run(params, stack.enter_context(made))

        yield run


@pytest.fixture
def scripted() -> Iterator[StubbedAws]:
    """Give an AWS of written answers, all of which the test must have used by its end."""
    with stubbed_aws() as aws:
        yield aws
