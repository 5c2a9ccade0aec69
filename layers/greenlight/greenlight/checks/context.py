"""Context of one attempt: the deployment, the remaining time, and guarded access to green and AWS."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Literal

from greenlight.aws.client import AWS_ENDPOINTS, call_aws, iam_action
from greenlight.aws.repeat import is_repeatable, repeat_transient
from greenlight.checks.asked import ExchangeRecorder
from greenlight.checks.findings import MAX_VALUE_LENGTH
from greenlight.core.clock import SYSTEM_CLOCK, Clock
from greenlight.core.display import display_value
from greenlight.core.errors import AwsError, HttpError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping, Sequence

    from greenlight.aws.client import Aws
    from greenlight.core.deployment import Deployment, Side
    from greenlight.core.redaction import Redactor
    from greenlight.network.client import Client, Response
    from greenlight.network.cookies import CookieJar
    from greenlight.network.request_target import Request

MAX_PAGES = 50
"""Maximum number of pages that a check reads. A longer listing is an error, because its rest would not be checked."""

_PAGE_TOKENS = {"NextToken": "NextToken", "nextToken": "nextToken", "NextMarker": "Marker"}
"""Response key of the token for the next page, and the request parameter for this token."""

_SLEEP_MARGIN_S = 0.05
"""A sleep ends this long before the attempt's deadline."""

_MIN_USEFUL_S = 0.1
"""Minimum remaining time to start another step."""


class Context:
    """Context of one attempt, which a validator receives in addition to its parameters.

    Attributes:
        deployment: The deployment under test.
        clock: Source of time; use it instead of `time` and `datetime`, so that a test can pass a `FakeClock`.
        ends_with_gate: Whether the gate's time ends before the check's `timeout`, so that the attempt has less.
    """

    def __init__(
        self,
        deployment: Deployment,
        timeout_s: float,
        client: Client,
        aws: Aws,
        redactor: Redactor | None = None,
        clock: Clock = SYSTEM_CLOCK,
        recorder: ExchangeRecorder | None = None,
    ) -> None:
        """Start the attempt's time; the runner creates one context for each attempt."""
        self.deployment = deployment
        self.clock = clock
        self.ends_with_gate = False
        self._timeout_s = timeout_s
        self._redactor = redactor
        self._deadline = clock.monotonic() + timeout_s
        self._client = client
        self._aws = aws
        self._recorder = recorder or ExchangeRecorder(deployment)

    @property
    def green(self) -> Side:
        """The revision under test."""
        return self.deployment.green

    @property
    def blue(self) -> Side:
        """The revision that serves, or served, the users."""
        return self.deployment.blue

    def remaining_s(self) -> float:
        """Return the remaining time of this attempt in seconds; never negative."""
        return max(0.0, self._deadline - self.clock.monotonic())

    def sleep(self, seconds: float) -> bool:
        """Wait, at most until the attempt's deadline; return whether time remains."""
        self.clock.sleep(max(0.0, min(seconds, self.remaining_s() - _SLEEP_MARGIN_S)))
        return self.remaining_s() > _MIN_USEFUL_S

    def reserve(self, seconds: float) -> Context:
        """Return a context whose time is shorter by `seconds`, which remain for cleaning up with this context."""
        timeout_s = max(0.0, self.remaining_s() - seconds)
        return Context(self.deployment, timeout_s, self._client, self._aws, self._redactor, self.clock, self._recorder)

    def request(  # noqa: PLR0913 - keyword arguments of an HTTP request
        self,
        method: str,
        path_or_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        redirects: int = 0,
        max_bytes: int | None = None,
        side: Literal["green", "blue"] = "green",
        timeout_s: float | None = None,
        new_connection: bool = False,
        jar: CookieJar | None = None,
    ) -> Response:
        """Send an HTTP request to green, to blue or to an allowed host, and return the response.

        Args:
            method: The method, in capitals.
            path_or_url: A path is requested from the listener that routes to `side`, with the host name and the headers
                that its rule requires. A URL must have an allowed host.
            headers: Further headers.
            body: The body.
            redirects: Maximum number of redirects to follow.
            max_bytes: Maximum number of body bytes to read.
            side: The side that receives a request for a path. Blue has a separate listener until traffic shifts.
            timeout_s: Time limit, at most the attempt's remaining time. A check that must clean up sets a shorter one.
            new_connection: Open a new connection for this request, so that all `timings` and the `certificate` of the
                response are known.
            jar: Cookies to send; cookies that the response sets are stored in it.

        Raises:
            HttpError: The exchange failed; the subclass depends on the reason.
        """
        from greenlight.network.request_target import reject_taken, resolve_request

        remaining_s = self.remaining_s()
        revision = self.blue if side == "blue" else self.green
        with self._recorder.record_failure(f"{method} {path_or_url}", "a complete response"):
            target = resolve_request(revision, path_or_url, dict(headers or {}), method, side)
            response = self._client.request(
                method,
                target.url,
                headers=target.headers,
                host=target.host,
                body=body,
                timeout_s=remaining_s if timeout_s is None else min(remaining_s, timeout_s),
                redirects=redirects,
                new_connection=new_connection,
                jar=jar,
                **({"max_bytes": max_bytes} if max_bytes else {}),
            )
        if response.hops:  # a redirect may lead to a path that another rule of the listener takes
            reject_taken(revision, response.url, target.headers, name=side)
        self._recorder.count_response(side, path_or_url, target.headers, response)
        return response

    def session(self) -> Any:
        """Return a `requests.Session` with the same limits as `request`; `get("/path")` goes to green."""
        from greenlight.network.requests_adapter import session

        return session(self.request, self.green.url)

    def add_secret(self, value: Any) -> None:
        """Redact a value, such as a token in green's response, from the finding of this attempt."""
        if self._redactor is None or isinstance(value, bool):
            return
        self._redactor.hide(value if isinstance(value, str) else display_value(value))

    def excerpt(self, text: str, max_length: int = 160) -> str:
        """Return the start of a text on one line, for a message. Secrets are redacted before the text is truncated."""
        start = text[: MAX_VALUE_LENGTH + max_length]
        clean = self._redactor.text(start) if self._redactor else start
        return " ".join(clean.split())[:max_length]

    def connect(self, host: str = "", port: int = 0, *, tls: bool = False, alpn: Sequence[str] = ()) -> socket.socket:
        """Open a connection for a protocol other than HTTP, to green or to an allowed host. The caller closes it.

        The socket's timeout is the attempt's remaining time; set it again to `remaining_s()` before each further read.

        Args:
            host: An allowed host; green's host by default.
            port: TCP port; that of green's URL by default.
            tls: Use TLS and verify the certificate, for green with the host name that its clients use.
            alpn: Protocols to offer in TLS, such as h2.

        Raises:
            HttpError: The connection failed; the subclass depends on the reason.
        """
        from greenlight.network.request_target import resolve_endpoint

        endpoint = resolve_endpoint(self.green, host, port)
        observer = self._recorder.observe_connection(endpoint.host, endpoint.port)
        with self._recorder.record_failure(f"{endpoint.host} port {endpoint.port}", "a connection"):
            connection = self._client.connect(
                endpoint.host,
                endpoint.port,
                tls=tls,
                name=endpoint.name,
                alpn=alpn,
                timeout_s=self.remaining_s(),
                on_data=observer.receive,
            )
        observer.open()
        return connection

    @contextlib.contextmanager
    def proxy(self, *, aws: bool = False) -> Iterator[str]:
        """Yield the URL of an HTTP proxy for a process that makes connections of its own, so that they count.

        It connects under the rules of `request`, and tunnels TLS without ending it. An answer that it cannot read may
        be that of green's load balancer; then green is asked once more at the end, by a request of the gate's own.

        Args:
            aws: Also connect to AWS's endpoints, for a process with credentials.
        """
        from greenlight.network.forward_proxy import ForwardProxy

        client = self._client.allowing(AWS_ENDPOINTS) if aws else self._client

        def connect(host: str, port: int, timeout_s: float) -> socket.socket:
            return client.connect(host, port, timeout_s=timeout_s)

        with ForwardProxy(connect, self._recorder, self.remaining_s()) as proxy:
            yield proxy.url
        if self._recorder.needs_confirmation():
            with contextlib.suppress(HttpError):
                timeout_s = max(_MIN_USEFUL_S, self.remaining_s() - _MIN_USEFUL_S)
                self.request("GET", self.green.health_check_path or "/", timeout_s=timeout_s)

    def has_asked_green(self) -> bool:
        """Return whether green itself has answered something in this attempt."""
        return self._recorder.asked().green > 0

    def resolve_request(self, path_or_url: str, headers: Mapping[str, str] | None = None, method: str = "") -> Request:
        """Return URL, host name and headers that `request` would use, without sending anything.

        Raises:
            HttpError: Green has no URL at this stage, or another rule of its listener may take the request.
        """
        from greenlight.network.request_target import resolve_request

        return resolve_request(self.green, path_or_url, dict(headers or {}), method)

    def allows(self, host: str) -> bool:
        """Return whether `host` belongs to this deployment or is allowed by the operator."""
        return self._client.allows(host)

    def aws_call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Make one AWS call, `operation` in boto3's spelling. It may take as long as an attempt.

        A call that AWS throttles is repeated while the attempt has time. So is a read that fails inside AWS or whose
        response does not arrive whole; any other call may have had its effect then.

        Raises:
            GreenlightError: AWS refused the call or did not answer. The message names a missing permission.
        """
        # The timeout is that of the attempt, not the remaining time: the timeout belongs to the client, and a new
        # client for each call of a polling check would cost more than the call.
        client = self._aws.client(service, read_timeout_s=max(1.0, round(self._timeout_s, 1)), attempts=1)
        method = getattr(client, operation)

        def call() -> dict[str, Any]:
            response: dict[str, Any] = call_aws(service, operation, lambda: method(**parameters))
            return response

        until = self._deadline - _MIN_USEFUL_S
        with self._recorder.record_failure(iam_action(service, operation), "a response"):
            response = repeat_transient(call, until, self.clock, only_throttled=not is_repeatable(operation))
        self._recorder.count_call(service, operation, parameters, response)
        return response

    def aws_pages(self, service: str, operation: str, /, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Make one AWS call for each page and yield the responses; yields all pages or raises.

        Raises:
            GreenlightError: A call failed, there are more than `MAX_PAGES` pages, or the attempt's time ended before
                the last page. Unread pages would not be checked.
        """
        token: dict[str, Any] = {}
        for _ in range(MAX_PAGES):
            response = self.aws_call(service, operation, **parameters, **token)
            yield response
            token = {parameter: response[key] for key, parameter in _PAGE_TOKENS.items() if response.get(key)}
            if not token:
                return
            if self.remaining_s() < _MIN_USEFUL_S:
                raise AwsError(
                    f"reading all pages of {iam_action(service, operation)} did not end within the check's time"
                )
        raise AwsError(f"{iam_action(service, operation)} has more than {MAX_PAGES} pages; request fewer items")
