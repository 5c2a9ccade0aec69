"""Context of one attempt: the deployment, the remaining time, and guarded access to green and AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from greenlight.aws.client import call_aws, iam_action
from greenlight.checks.findings import MAX_VALUE_LENGTH
from greenlight.core.clock import SYSTEM_CLOCK, Clock
from greenlight.core.display import display_value
from greenlight.core.errors import AwsError

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
"""Pages of one listing that a check reads. A longer listing is an error: the unread rest could hold anything."""

_PAGE_TOKENS = {"NextToken": "NextToken", "nextToken": "nextToken", "NextMarker": "Marker"}
"""Key of a response that holds the token of the next page, and the parameter that takes this token."""

_SLEEP_MARGIN_S = 0.05
"""A sleep ends this long before the attempt's deadline."""

_MIN_USEFUL_S = 0.1
"""Below this remaining time no further step is begun."""


class Context:
    """Everything that a validator gets beside its parameters.

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
        """Return a context with `seconds` less time, so that this one still has them for cleaning up."""
        timeout_s = max(0.0, self.remaining_s() - seconds)
        return Context(self.deployment, timeout_s, self._client, self._aws, self._redactor, self.clock)

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
            path_or_url: A path goes to the listener that leads to `side`, with the host name and the headers that its
                rule asks for. A URL goes to an allowed host.
            headers: Further headers.
            body: The body.
            redirects: Redirects to follow at most.
            max_bytes: Bytes of the body to read at most.
            side: The side that a path goes to. Blue has a listener of its own until traffic shifts.
            timeout_s: Time limit, at most the attempt's remaining time. A check that must clean up saves some of it.
            new_connection: Open a connection for this request alone, so that all `timings` and the `certificate` of
                the response are known.
            jar: Cookies to send; those that the response sets are stored in it.

        Raises:
            HttpError: No exchange took place; the subclass names the reason.
        """
        from greenlight.network.request_target import resolve_request

        remaining_s = self.remaining_s()
        target = resolve_request(self.blue if side == "blue" else self.green, path_or_url, dict(headers or {}))
        return self._client.request(
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

    def session(self) -> Any:
        """Return a `requests.Session` with the same limits as `request`; `get("/path")` goes to green."""
        from greenlight.network.requests_adapter import session

        return session(self.request, self.green.url)

    def add_secret(self, value: Any) -> None:
        """Redact a value, such as a token in green's response, from everything that is shown of this attempt."""
        if self._redactor is None or isinstance(value, bool):
            return
        self._redactor.hide(value if isinstance(value, str) else display_value(value))

    def excerpt(self, text: str, max_length: int = 160) -> str:
        """Return the start of a text on one line, for a message. Secrets are redacted before the text is cut."""
        start = text[: MAX_VALUE_LENGTH + max_length]
        clean = self._redactor.text(start) if self._redactor else start
        return " ".join(clean.split())[:max_length]

    def connect(self, host: str = "", port: int = 0, *, tls: bool = False, alpn: Sequence[str] = ()) -> socket.socket:
        """Open a connection for a protocol other than HTTP, to green or to an allowed host. The caller closes it.

        The socket's timeout is the attempt's remaining time; set it again to `remaining_s()` before each further read.

        Args:
            host: An allowed host; green's host by default.
            port: TCP port; that of green's URL by default.
            tls: Use TLS and verify the certificate for `host`, for green for the name that its clients use.
            alpn: Protocols to offer in TLS, such as h2.

        Raises:
            HttpError: No connection was made; the subclass names the reason.
        """
        from greenlight.network.request_target import resolve_endpoint

        endpoint = resolve_endpoint(self.green, host, port)
        return self._client.connect(
            endpoint.host, endpoint.port, tls=tls, name=endpoint.name, alpn=alpn, timeout_s=self.remaining_s()
        )

    def resolve_request(self, path_or_url: str, headers: Mapping[str, str] | None = None) -> Request:
        """Return URL, host name and headers that `request` would use, without sending anything.

        Raises:
            HttpError: Green has no URL at this stage.
        """
        from greenlight.network.request_target import resolve_request

        return resolve_request(self.green, path_or_url, dict(headers or {}))

    def allows(self, host: str) -> bool:
        """Return whether `host` belongs to this deployment or is allowed by the operator."""
        return self._client.allows(host)

    def aws_call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Make one AWS call, `operation` in boto3's spelling. It is not retried and may take as long as an attempt.

        Raises:
            GreenlightError: AWS refused the call or did not answer. The message names a missing permission.
        """
        # The limit is the whole attempt's time, not the remaining one: it is part of the client, a new client costs
        # more than a call, and a check that polls makes many calls.
        client = self._aws.client(service, read_timeout_s=max(1.0, round(self._timeout_s, 1)), attempts=1)
        response: dict[str, Any] = call_aws(service, operation, lambda: getattr(client, operation)(**parameters))
        return response

    def aws_pages(self, service: str, operation: str, /, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Make one AWS call page after page and yield each response. It yields all pages or raises.

        Raises:
            GreenlightError: As `aws_call` raises it; or there are more than `MAX_PAGES` pages, or the attempt's time
                ended before the last one. The unread rest could hold anything.
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
        raise AwsError(f"{iam_action(service, operation)} has more than {MAX_PAGES} pages; ask for less at once")
