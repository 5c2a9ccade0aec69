"""What a validator meets in a gate, made small and local: servers, AWS, deployments, the runner."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import socket
import socketserver
import threading
import time
import urllib.parse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.api import Context, Deployment, Finding, Platform, Side, Validator
from greenlight.aws.client import Aws, Session
from greenlight.checks.binding import Bound, bind
from greenlight.checks.runner import CheckResources, Runner
from greenlight.core.redaction import Redactor
from greenlight.network.client import Client
from greenlight.network.guard import Guard
from greenlight.plan import parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Speak = Callable[[socket.socket], object]
"""What a green of another protocol than HTTP does with a connection."""

Handler = Callable[[str, str, bytes], tuple[int, dict[str, str], Any]]
"""What a service does: method, path and body of a request into status, headers, and a body (bytes, text, or data)."""

REGION = "eu-central-1"
_BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:111122223333"


# ---- Servers -----------------------------------------------------------------------------------------------------------


class Service:
    """A server on loopback; use it in a `with`.

    Attributes:
        url: Where it answers.
        requests: Method, path and body of every request so far; `headers` theirs, names in lower case.
    """

    def __init__(self, answer: Handler) -> None:
        """Answer every request with what `answer` gives for it; data becomes JSON."""
        self.requests: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.append((self.command, self.path, body))
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                status, headers, content = answer(self.command, self.path, body)
                if not isinstance(content, bytes):
                    content = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815 - so named there

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Service:
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


# ---- Deployments -------------------------------------------------------------------------------------------------------


def ecs_deployment(
    stage: str = "AfterAllowTestTraffic", *, green: Side | None = None, blue: Side | None = None, **about: Any
) -> Deployment:
    """Give a deployment of an ECS service; `about` goes into `Deployment` as it is."""
    known = {"application": "shop", "group": "web", "region": REGION, "cluster": "shop", "service": "web"}
    return Deployment(
        stage=stage,
        platform=Platform.ECS,
        green=green or _ecs_side("green", "8"),
        blue=blue or _ecs_side("blue", "7"),
        **{"id": "d-TEST00001", **known, **about},
    )


def _ecs_side(colour: str, revision: str) -> Side:
    return Side(
        task_set=f"ecs-svc/{revision}",
        task_definition=f"arn:aws:ecs:{REGION}:111122223333:task-definition/web:{revision}",
        target_group=f"{_BALANCER}:targetgroup/{colour}/{revision}",
    )


def lambda_deployment(
    stage: str = "BeforeAllowTraffic", *, green: Side | None = None, blue: Side | None = None, **about: Any
) -> Deployment:
    """Give a deployment of a Lambda function; `about` goes into `Deployment` as it is."""
    known = {"application": "orders", "group": "live", "region": REGION, "function": "orders", "alias": "live"}
    return Deployment(
        stage=stage,
        platform=Platform.LAMBDA,
        green=green or Side(version="8", no_url="a Lambda function has no URL here"),
        blue=blue or Side(version="7", no_url="a Lambda function has no URL here"),
        **{"id": "d-TEST00001", **known, **about},
    )


# ---- AWS ---------------------------------------------------------------------------------------------------------------


@functools.cache
def _client(service: str) -> Any:
    """Give one client for all tests; reading AWS's models is most of what a test would cost."""
    from botocore.config import Config

    return _Nobody().client(service, config=Config())


class _Watch:
    """Writes down the calls of clients, and answers in AWS's place where `instead` has something for a call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.instead: dict[tuple[str, str], Callable[[Any], Any]] = {}

    def begin(self, client: Any) -> None:
        client.meta.events.register_first("provide-client-params.*.*", self._asked, f"asked {id(self)}")
        client.meta.events.register_first("before-call.*.*", self._answered, f"answered {id(self)}")

    def end(self, client: Any) -> None:
        client.meta.events.unregister("provide-client-params.*.*", self._asked, f"asked {id(self)}")
        client.meta.events.unregister("before-call.*.*", self._answered, f"answered {id(self)}")

    def _asked(self, model: Any, **_: Any) -> None:
        self.calls.append(_call(model))

    def _answered(self, model: Any, **_: Any) -> Any:
        answer = self.instead.get(_call(model))
        return answer(model) if answer else None


def _call(model: Any) -> tuple[str, str]:
    from botocore import xform_name

    return model.service_model.service_name, xform_name(model.name)


class StubbedAws:
    """AWS that answers what a test wrote down, in order; botocore holds requests and answers against its models.

    Attributes:
        calls: Service and operation of every call, in boto3's spelling.
    """

    def __init__(self) -> None:
        """Know no service yet."""
        self.watch = _Watch()
        self.calls = self.watch.calls
        self._stubs: dict[str, Any] = {}

    def client(self, service: str, **_: Any) -> Any:
        """Give the client of a service, which refuses calls that nobody wrote down."""
        from botocore.stub import Stubber

        made = _client(service)
        if service not in self._stubs:
            self._stubs[service] = Stubber(made)
            self._stubs[service].activate()
            self.watch.begin(made)
        return made

    def answers(
        self, service: str, operation: str, answer: dict[str, Any], asked: dict[str, Any] | None = None
    ) -> None:
        """Answer the next call of the service so; `asked` is what the call must have as parameters."""
        self.client(service)
        self._stubs[service].add_response(operation, answer, asked)

    def refuses(self, service: str, operation: str, code: str, message: str = "no") -> None:
        """Refuse the next call of the service with AWS's code."""
        self.client(service)
        self._stubs[service].add_client_error(operation, code, message)

    def close(self) -> None:
        """Give the clients back."""
        for service, stub in self._stubs.items():
            stub.deactivate()
            self.watch.end(_client(service))

    def all_was_asked(self) -> None:
        """Give the clients back, and fail when an answer was written down that nobody asked for."""
        self.close()
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()


@contextlib.contextmanager
def stubbed_aws() -> Iterator[StubbedAws]:
    """Give an AWS of written answers, all of which must have been asked for by the end."""
    aws = StubbedAws()
    try:
        yield aws
    except BaseException:
        aws.close()
        raise
    aws.all_was_asked()


class RecordingAws(Aws):
    """An AWS that writes down what it is asked, in `calls` as `StubbedAws` does; `calls.clear()` after setting up."""

    def __init__(self, session: Any) -> None:
        """Make clients by `session`, anything with boto3's `client`."""
        super().__init__(session)
        self.watch = _Watch()
        self.calls = self.watch.calls

    def _create_client(self, service: str, read_timeout_s: float, attempts: int) -> Any:
        client = super()._create_client(service, read_timeout_s, attempts)
        self.watch.begin(client)
        return client


class _Nobody(Session):
    """Makes clients of an account of nobody's."""

    def __init__(self) -> None:
        super().__init__()
        self._session.set_config_variable("region", REGION)
        self._session.set_credentials("nobody", "nothing")


@contextlib.contextmanager
def moto_aws() -> Iterator[RecordingAws]:
    """Give an account by moto, empty at first; fill it through `client(service)`."""
    from moto import mock_aws

    with mock_aws():
        yield RecordingAws(_Nobody())


# ---- A check -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def context_for(
    deployment: Deployment,
    *,
    aws: Any = None,
    hosts: tuple[str, ...] = (),
    timeout_s: float = 3.0,
    secrets: tuple[str, ...] = (),
    resolver: Any = None,
) -> Iterator[Context]:
    """Give a context as the runner makes one for an attempt.

    Args:
        deployment: What is being deployed; the hosts of its URLs may be called, loopback included.
        aws: From `stubbed_aws` or `moto_aws`; without one a call to AWS is a mistake of the test.
        hosts: Further hosts that the operator would allow.
        timeout_s: The time of the attempt.
        secrets: Values to take out of findings.
        resolver: Gives the addresses of a name and a port; real name resolution when left out.
    """
    urls = [deployment.green.url, deployment.blue.url]
    own = {urllib.parse.urlsplit(url).hostname or "" for url in urls}
    client = Client(Guard({*own, *hosts}, allow_loopback=True, resolver=resolver))
    try:
        yield Context(deployment, timeout_s, client, aws, Redactor(secrets))
    finally:
        client.close()


@contextlib.contextmanager
def green_server(
    answer: Handler, *, blue: Handler | None = None, deployment: Deployment | None = None, **more: Any
) -> Iterator[Context]:
    """Serve green, and blue if there is one, and give a context whose sides they are.

    Args:
        answer: What green answers.
        blue: What blue answers; no server when left out.
        deployment: An ECS deployment when left out; the URLs of its sides are replaced.
        more: As in `context_for`.
    """
    with contextlib.ExitStack() as stack:
        known = deployment or ecs_deployment()
        known = replace(known, green=replace(known.green, url=stack.enter_context(Service(answer)).url))
        if blue is not None:
            known = replace(known, blue=replace(known.blue, url=stack.enter_context(Service(blue)).url))
        yield stack.enter_context(context_for(known, **more))


@contextlib.contextmanager
def wire_server(speak: Speak) -> Iterator[str]:
    """Serve a protocol other than HTTP, and give the URL of such a green.

    Args:
        speak: Called with every connection, in a thread of its own; the connection is closed when it returns.
    """

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                speak(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


class _Only:
    """A registry of one validator."""

    def __init__(self, validator: Validator) -> None:
        self._validator = validator

    def names(self) -> list[str]:
        return [self._validator.name]

    def get(self, name: str) -> Validator | None:
        return self._validator if name == self._validator.name else None


def bound(
    validator: Validator, written: Any, deployment: Deployment, secrets: Mapping[str, str] | None = None
) -> Bound:
    """Bind a check of one validator as the gate binds a plan's.

    Raises:
        PlanError: The parameters do not fit, or the validator does not work at this stage.
    """
    check = {"name": validator.name, validator.name: written, "retry": {"attempts": 1}}
    text = json.dumps({"version": 1, "stages": {deployment.stage: {"checks": [check]}}})
    only: Any = _Only(validator)
    found: Bound = bind(parser.parse(text, "test.yaml"), deployment, secrets or {}, only)[deployment.stage][0]
    return found


def params(validator: Validator, written: Any, deployment: Deployment | None = None) -> Any:
    """Give parameters as a plan's become those of a validator, `${green.version}` and the like filled in.

    Args:
        validator: Whose parameters they are.
        written: As a plan writes them, in plain data.
        deployment: Gives the values of `${…}`; one that the validator works for when left out.

    Raises:
        PlanError: They do not fit; the sentence is the one that the plan's author would read.
    """
    return bound(validator, written, deployment or deployment_for(validator)).params


def deployment_for(validator: Validator) -> Deployment:
    """Give a deployment that a validator works for."""
    make = ecs_deployment if Platform.ECS in validator.platforms else lambda_deployment
    usual = "AfterAllowTestTraffic" if Platform.ECS in validator.platforms else "BeforeAllowTraffic"
    return make(usual if usual in validator.stages else validator.stages[-1])


def run(
    validator: Validator,
    written: Any,
    context: Context,
    secrets: Mapping[str, str] | None = None,
    *,
    patience_s: float = 0.0,
) -> Finding:
    """Run one attempt of one check through the gate's own runner: what it raises, hangs on or leaks ends as it does there.

    Args:
        validator: What to run.
        written: Its parameters as a plan writes them.
        context: Whose deployment, time, hosts and AWS the attempt gets.
        secrets: Values of `${secret:…}`, by reference (`ssm:/NAME`); they are taken out of the finding.
        patience_s: What the attempt may take beyond its time before it is abandoned.

    Raises:
        PlanError: The parameters do not fit.
    """
    found = bound(validator, written, context.deployment, secrets)
    own = context._redactor or Redactor(())
    tools = _Tools(context, Redactor(secrets.values()) if secrets else own)
    limit_s = tools.timeout_s + patience_s
    found.check = replace(found.check, timeout_s=limit_s)
    (finding,) = Runner(tools, 1, time.monotonic() + limit_s + 60, lambda _: None).run([found])
    return finding


class _Tools(CheckResources):
    """Gives every attempt the time of the context it was made from, however long the runner waits for it."""

    def __init__(self, context: Context, redactor: Redactor) -> None:
        super().__init__(context.deployment, context._client, context._aws, redactor)
        self.timeout_s = context._timeout_s

    def context(self, timeout_s: float, redactor: Redactor) -> Context:
        return super().context(min(self.timeout_s, timeout_s), redactor)
