"""Test doubles for validators: local servers, scripted AWS, deployments, a clock, and the gate's own runner."""

from __future__ import annotations

import contextlib
import datetime
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
from greenlight.checks.attempt import CheckResources
from greenlight.checks.binding import Bound, bind
from greenlight.checks.runner import Runner
from greenlight.core.clock import SYSTEM_CLOCK, Clock
from greenlight.core.redaction import Redactor
from greenlight.network.client import Client
from greenlight.network.guard import Guard
from greenlight.plan import parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.checks.asked import ExchangeRecorder

ConnectionHandler = Callable[[socket.socket], object]
"""Function that a server for another protocol than HTTP calls with each connection."""

RequestHandler = Callable[[str, str, bytes], tuple[int, dict[str, str], Any]]
"""Function from method, path and body of a request to status, headers and body. Data is sent as JSON."""

REGION = "eu-central-1"
_LOAD_BALANCER_ARN = f"arn:aws:elasticloadbalancing:{REGION}:111122223333"


# ---- Servers


class HttpServer:
    """HTTP server on loopback; use it in a `with` statement.

    Attributes:
        url: Its URL.
        requests: Method, path and body of every request so far.
        headers: Headers of every request so far, names in lower case.
    """

    def __init__(self, handler: RequestHandler) -> None:
        """Listen on a free port; `handler` answers every request."""
        self.requests: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, str]] = []
        server = self

        class _HttpHandler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.requests.append((self.command, self.path, body))
                server.headers.append({name.lower(): value for name, value in self.headers.items()})
                status, headers, content = handler(self.command, self.path, body)
                if not isinstance(content, bytes):
                    content = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815 - http.server looks for these names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
                """Write no log."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _HttpHandler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> HttpServer:
        """Start to answer."""
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        """Stop to answer."""
        self._server.shutdown()
        self._server.server_close()


# ---- Time


class FakeClock:
    """Clock whose `sleep` returns at once and moves its time forward instead.

    Attributes:
        slept: Seconds of every sleep so far.
    """

    def __init__(self) -> None:
        """Start at the system's time."""
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """Return the system's monotonic time plus all that was slept."""
        return SYSTEM_CLOCK.monotonic() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        """Move the time forward."""
        self.slept.append(max(0.0, seconds))

    def now_utc(self) -> datetime.datetime:
        """Return the system's date and time plus all that was slept."""
        return SYSTEM_CLOCK.now_utc() + datetime.timedelta(seconds=sum(self.slept))


# ---- Deployments


def ecs_deployment(
    stage: str = "AfterAllowTestTraffic", *, green: Side | None = None, blue: Side | None = None, **fields: Any
) -> Deployment:
    """Build a deployment of an ECS service; `fields` are further fields of `Deployment`."""
    defaults = {"application": "shop", "group": "web", "region": REGION, "cluster": "shop", "service": "web"}
    return Deployment(
        stage=stage,
        platform=Platform.ECS,
        green=green or _ecs_side("green", "8"),
        blue=blue or _ecs_side("blue", "7"),
        **{"id": "d-TEST00001", **defaults, **fields},
    )


def _ecs_side(color: str, revision: str) -> Side:
    return Side(
        task_set=f"ecs-svc/{revision}",
        task_definition=f"arn:aws:ecs:{REGION}:111122223333:task-definition/web:{revision}",
        target_group=f"{_LOAD_BALANCER_ARN}:targetgroup/{color}/{revision}",
    )


def lambda_deployment(
    stage: str = "BeforeAllowTraffic", *, green: Side | None = None, blue: Side | None = None, **fields: Any
) -> Deployment:
    """Build a deployment of a Lambda function; `fields` are further fields of `Deployment`."""
    defaults = {"application": "orders", "group": "live", "region": REGION, "function": "orders", "alias": "live"}
    return Deployment(
        stage=stage,
        platform=Platform.LAMBDA,
        green=green or Side(version="8", no_url="a Lambda function has no URL here"),
        blue=blue or Side(version="7", no_url="a Lambda function has no URL here"),
        **{"id": "d-TEST00001", **defaults, **fields},
    )


# ---- AWS


@functools.cache
def _client(service: str) -> Any:
    """Return the client of a service, one for all tests: reading AWS's models takes most of a test's time."""
    from botocore.config import Config

    return _FakeAccountSession().client(service, config=Config())


class CallRecorder:
    """Recorder of the calls of boto3 clients, which can answer some of them in place of AWS.

    Attributes:
        calls: Service and operation of every call, in boto3's spelling.
        faults: Replacement of the response, by service and operation.
    """

    def __init__(self) -> None:
        """Start without any call."""
        self.calls: list[tuple[str, str]] = []
        self.faults: dict[tuple[str, str], Callable[[Any], Any]] = {}

    def attach(self, client: Any) -> None:
        """Record the calls of a client."""
        client.meta.events.register_first("provide-client-params.*.*", self._record, f"record {id(self)}")
        client.meta.events.register_first("before-call.*.*", self._answer, f"answer {id(self)}")

    def detach(self, client: Any) -> None:
        """Stop to record the calls of a client."""
        client.meta.events.unregister("provide-client-params.*.*", self._record, f"record {id(self)}")
        client.meta.events.unregister("before-call.*.*", self._answer, f"answer {id(self)}")

    def _record(self, model: Any, **_: Any) -> None:
        self.calls.append(_call_of(model))

    def _answer(self, model: Any, **_: Any) -> Any:
        fault = self.faults.get(_call_of(model))
        return fault(model) if fault else None


def _call_of(model: Any) -> tuple[str, str]:
    from botocore import xform_name

    return model.service_model.service_name, xform_name(model.name)


class StubbedAws:
    """AWS with responses that a test adds, used in order; botocore checks requests and responses against its models.

    Attributes:
        calls: Service and operation of every call, in boto3's spelling.
    """

    def __init__(self) -> None:
        """Start without any response."""
        self.recorder = CallRecorder()
        self.calls = self.recorder.calls
        self._stubs: dict[str, Any] = {}

    def client(self, service: str, **_: Any) -> Any:
        """Return the client of a service, which refuses calls without an added response."""
        from botocore.stub import Stubber

        client = _client(service)
        if service not in self._stubs:
            self._stubs[service] = Stubber(client)
            self._stubs[service].activate()
            self.recorder.attach(client)
        return client

    def add_response(
        self, service: str, operation: str, response: dict[str, Any], expected_params: dict[str, Any] | None = None
    ) -> None:
        """Add the response to the next call of a service, which must have `expected_params` if they are given."""
        self.client(service)
        self._stubs[service].add_response(operation, response, expected_params)

    def add_client_error(self, service: str, operation: str, code: str, message: str = "no") -> None:
        """Add an error, by AWS's code, as the response to the next call of a service."""
        self.client(service)
        self._stubs[service].add_client_error(operation, code, message)

    def close(self) -> None:
        """Release the clients."""
        for service, stub in self._stubs.items():
            stub.deactivate()
            self.recorder.detach(_client(service))

    def assert_no_pending_responses(self) -> None:
        """Release the clients, and fail if an added response was not used."""
        self.close()
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()


@contextlib.contextmanager
def stubbed_aws() -> Iterator[StubbedAws]:
    """Yield an AWS with added responses, all of which must have been used at the end."""
    aws = StubbedAws()
    try:
        yield aws
    except BaseException:
        aws.close()
        raise
    aws.assert_no_pending_responses()


class RecordingAws(Aws):
    """AWS that records its calls in `calls`, as `StubbedAws` does; use `calls.clear()` after setting up."""

    def __init__(self, session: Any) -> None:
        """Create clients with `session`, an object with the `client` method of boto3."""
        super().__init__(session)
        self.recorder = CallRecorder()
        self.calls = self.recorder.calls

    def _create_client(self, service: str, read_timeout_s: float, attempts: int) -> Any:
        client = super()._create_client(service, read_timeout_s, attempts)
        self.recorder.attach(client)
        return client


class _FakeAccountSession(Session):
    """Session with fake credentials."""

    def __init__(self) -> None:
        """Set the region and the credentials."""
        super().__init__()
        self._session.set_config_variable("region", REGION)
        self._session.set_credentials("fake", "fake")


@contextlib.contextmanager
def moto_aws() -> Iterator[RecordingAws]:
    """Yield an account simulated by moto, empty at first; fill it through `client(service)`."""
    from moto import mock_aws

    with mock_aws():
        yield RecordingAws(_FakeAccountSession())


class KitContext(Context):
    """Context that `run_check` can create further contexts from."""

    def __init__(self, resources: CheckResources, timeout_s: float) -> None:
        """Start the attempt's time."""
        self.resources, self.timeout_s = resources, timeout_s
        super().__init__(
            resources.deployment, timeout_s, resources.client, resources.aws, resources.redactor, resources.clock
        )


# ---- A check


@contextlib.contextmanager
def context_for(
    deployment: Deployment,
    *,
    aws: Any = None,
    allowed_hosts: tuple[str, ...] = (),
    timeout_s: float = 3.0,
    secrets: tuple[str, ...] = (),
    resolver: Any = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[Context]:
    """Yield a context as the runner creates one for an attempt.

    Args:
        deployment: The deployment; the hosts of its URLs may be called, including loopback addresses.
        aws: From `stubbed_aws` or `moto_aws`; without it a call to AWS is a mistake of the test.
        allowed_hosts: Hosts that the operator allows.
        timeout_s: Time limit of the attempt.
        secrets: Values to redact from findings.
        resolver: Returns the addresses of a name and a port; the system's resolver by default.
        clock: Source of time; pass a `FakeClock` for a validator that waits.
    """
    urls = [deployment.green.url, deployment.blue.url]
    own_hosts = {urllib.parse.urlsplit(url).hostname or "" for url in urls}
    client = Client(Guard({*own_hosts, *allowed_hosts}, allow_loopback=True, resolver=resolver))
    try:
        yield KitContext(CheckResources(deployment, client, aws, Redactor(secrets), clock), timeout_s)
    finally:
        client.close()


@contextlib.contextmanager
def green_server(
    handler: RequestHandler, *, blue: RequestHandler | None = None, deployment: Deployment | None = None, **options: Any
) -> Iterator[Context]:
    """Serve green and, if given, blue, and yield a context for them.

    Args:
        handler: Answers requests to green.
        blue: Answers requests to blue; without it blue has no server.
        deployment: An ECS deployment by default; the URLs of its sides are replaced.
        options: Options of `context_for`.
    """
    with contextlib.ExitStack() as stack:
        served = deployment or ecs_deployment()
        served = replace(served, green=replace(served.green, url=stack.enter_context(HttpServer(handler)).url))
        if blue is not None:
            served = replace(served, blue=replace(served.blue, url=stack.enter_context(HttpServer(blue)).url))
        yield stack.enter_context(context_for(served, **options))


@contextlib.contextmanager
def tcp_server(handler: ConnectionHandler) -> Iterator[str]:
    """Serve a protocol other than HTTP, and yield the URL of the server.

    Args:
        handler: Called with each connection in a thread of its own; the connection is closed when it returns.
    """

    class _TcpHandler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                handler(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _TcpHandler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


class SingleRegistry:
    """Registry of one validator."""

    def __init__(self, validator: Validator) -> None:
        """Keep the validator."""
        self._validator = validator

    def names(self) -> list[str]:
        """Return the name of the validator."""
        return [self._validator.name]

    def get(self, name: str) -> Validator | None:
        """Return the validator if it has that name."""
        return self._validator if name == self._validator.name else None


def bind_check(
    validator: Validator, raw_params: Any, deployment: Deployment, secrets: Mapping[str, str] | None = None
) -> Bound:
    """Bind a check of one validator as the gate binds the checks of a plan.

    Raises:
        PlanError: The parameters do not fit, or the validator does not work at this stage.
    """
    check = {"name": validator.name, validator.name: raw_params, "retry": {"attempts": 1}}
    text = json.dumps({"version": 1, "stages": {deployment.stage: {"checks": [check]}}})
    registry: Any = SingleRegistry(validator)
    bound: Bound = bind(parser.parse(text, "test.yaml"), deployment, secrets or {}, registry)[deployment.stage][0]
    return bound


def parse_params(validator: Validator, raw_params: Any, deployment: Deployment | None = None) -> Any:
    """Parse parameters as those of a plan are parsed, and replace references such as `${green.version}`.

    Args:
        validator: The validator that they are for.
        raw_params: Plain data, as in a plan.
        deployment: Source of the values of `${…}`; by default one that the validator works for.

    Raises:
        PlanError: They do not fit; the message is the one that the plan's author reads.
    """
    return bind_check(validator, raw_params, deployment or deployment_for(validator)).params


def deployment_for(validator: Validator) -> Deployment:
    """Return a deployment that a validator works for."""
    if Platform.ECS in validator.platforms:
        build, stage = ecs_deployment, "AfterAllowTestTraffic"
    else:
        build, stage = lambda_deployment, "BeforeAllowTraffic"
    return build(stage if stage in validator.stages else validator.stages[-1])


def run_check(
    validator: Validator,
    raw_params: Any,
    context: Context,
    secrets: Mapping[str, str] | None = None,
    *,
    patience_s: float = 0.0,
) -> Finding:
    """Run one attempt of one check with the gate's own runner, so that errors, timeouts and redaction are as in a gate.

    Args:
        validator: The validator to run.
        raw_params: Its parameters as plain data, as in a plan.
        context: Source of deployment, time limit, allowed hosts, AWS and clock.
        secrets: Values of `${secret:…}` by reference (`ssm:/NAME`); they are redacted from the finding.
        patience_s: Time beyond its limit before the attempt is abandoned.

    Raises:
        PlanError: The parameters do not fit.
        TypeError: The context comes from elsewhere than `context_for` or `green_server`.
    """
    if not isinstance(context, KitContext):
        raise TypeError("run_check takes a context from context_for or green_server")
    bound = bind_check(validator, raw_params, context.deployment, secrets)
    resources = _AttemptResources(context, secrets)
    limit_s = resources.timeout_s + patience_s
    bound.check = replace(bound.check, timeout_s=limit_s)
    (finding,) = Runner(resources, 1, time.monotonic() + limit_s + 60, lambda _: None).run([bound])
    return finding


class _AttemptResources(CheckResources):
    """Resources that give every attempt the time limit of one context, however long the runner waits for it."""

    def __init__(self, context: KitContext, secrets: Mapping[str, str] | None) -> None:
        """Share all resources of the context; redact `secrets` if they are given."""
        shared = context.resources
        redactor = Redactor(secrets.values()) if secrets else shared.redactor
        super().__init__(shared.deployment, shared.client, shared.aws, redactor, shared.clock)
        self.timeout_s = context.timeout_s

    def context(self, timeout_s: float, redactor: Redactor, recorder: ExchangeRecorder) -> Context:
        """Return the context of one attempt."""
        return super().context(min(self.timeout_s, timeout_s), redactor, recorder)
