"""What tests of validators share: a context to call one with, and parameters read the way a plan's are."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest
from greenlight.api import Context, Deployment, Finding, Side
from greenlight.decode import convert
from greenlight.http import Client, Guard
from greenlight.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def check() -> Iterator[Callable[..., Finding]]:
    """Run one validator against green at `url`, with the parameters as a plan writes them."""
    clients: list[Client] = []

    def run(
        name: str,
        written: Any,
        url: str = "",
        *,
        hosts: tuple[str, ...] = ("127.0.0.1", "localhost"),
        timeout_s: float = 3.0,
        aws: Any = None,
        resolver: Any = None,
        blue: Side | None = None,
        deployment: dict[str, Any] | None = None,
        **green: Any,
    ) -> Finding:
        found = Registry().get(name)
        assert found is not None
        params, mistakes = convert(written, found.params)
        if params is None:
            raise ValueError("; ".join(message for _, message in mistakes))
        guard = Guard(
            {urllib.parse.urlsplit(url).hostname or "", *hosts},
            allow_loopback=True,
            resolver=resolver or (lambda *_: ["127.0.0.1"]),
        )
        clients.append(Client(guard))
        about = {"id": "d-TEST00001", "platform": "ecs", "stage": "AfterAllowTestTraffic", **(deployment or {})}
        side = Side(url=url, **green)
        context = Context(Deployment(green=side, blue=blue or Side(), **about), timeout_s, clients[-1], aws, {})
        finding: Finding = found(params, context)
        return finding

    yield run
    for client in clients:
        client.close()
