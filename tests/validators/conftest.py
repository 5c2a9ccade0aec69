"""What tests of validators share: a context to call one with, and parameters read the way a plan's are."""

from __future__ import annotations

import functools
import urllib.parse
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.stub import Stubber
from greenlight.api import Context, Deployment, Finding, Side
from greenlight.decode import convert
from greenlight.guard import Guard
from greenlight.http import Client
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
        context = Context(Deployment(green=side, blue=blue or Side(), **about), timeout_s, clients[-1], aws)
        finding: Finding = found(params, context)
        return finding

    yield run
    for client in clients:
        client.close()


@functools.cache
def _real_client(service: str) -> Any:
    """Give one client for all tests; reading AWS's models is most of what a test would cost."""
    return botocore.session.Session().create_client(
        service, region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b"
    )


class ScriptedAws:
    """AWS that answers what a test wrote down, in order; botocore holds requests and answers against its models."""

    def __init__(self) -> None:
        """Know no service yet."""
        self._stubs: dict[str, tuple[Any, Stubber]] = {}

    def client(self, service: str, **_: Any) -> Any:
        """Give the client of a service, which refuses calls that nobody wrote down."""
        if service not in self._stubs:
            made = _real_client(service)
            self._stubs[service] = made, Stubber(made)
            self._stubs[service][1].activate()
        return self._stubs[service][0]

    def answers(
        self, service: str, operation: str, answer: dict[str, Any], asked: dict[str, Any] | None = None
    ) -> None:
        """Answer the next call of the service so; `asked` is what the call must have as parameters."""
        self.client(service)
        self._stubs[service][1].add_response(operation, answer, asked)

    def refuses(self, service: str, operation: str, code: str, message: str = "no") -> None:
        """Refuse the next call of the service with AWS's code."""
        self.client(service)
        self._stubs[service][1].add_client_error(operation, code, message)

    def all_was_asked(self) -> None:
        """Fail when an answer was written down that nobody asked for."""
        for _, stub in self._stubs.values():
            stub.deactivate()
        for _, stub in self._stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture
def scripted() -> Iterator[ScriptedAws]:
    """Give an AWS of written answers, all of which the test must have used by its end."""
    aws = ScriptedAws()
    yield aws
    aws.all_was_asked()
