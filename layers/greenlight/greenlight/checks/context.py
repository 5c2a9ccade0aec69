"""What a validator gets beside its parameters; all that it reaches of the world goes through here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

from greenlight.aws.client import call_aws, iam_action
from greenlight.checks.findings import KEPT_LENGTH
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
    from greenlight.network.request_target import Request as Addressed

MAX_PAGES = 50
"""Pages of one listing that a check reads; more are refused, not overlooked."""
_NEXT = {"NextToken": "NextToken", "nextToken": "nextToken", "NextMarker": "Marker"}
"""Where an answer says that there is a next page, by the name under which the next call hands that back."""


class Context:
    """What a validator gets beside its parameters: the deployment, the time it has, and guarded ways to the world."""

    def __init__(
        self,
        deployment: Deployment,
        timeout_s: float,
        client: Client,
        aws: Aws,
        redactor: Redactor | None = None,
    ) -> None:
        """Made by the runner for each attempt."""
        self.deployment = deployment
        self._timeout_s = timeout_s
        self._redactor = redactor
        self._deadline = time.monotonic() + timeout_s
        self._client = client
        self._aws = aws

    @property
    def green(self) -> Side:
        """The revision under test."""
        return self.deployment.green

    @property
    def blue(self) -> Side:
        """The revision that users have, or had."""
        return self.deployment.blue

    def remaining_s(self) -> float:
        """Give the time this attempt still has, in seconds; never negative."""
        return max(0.0, self._deadline - time.monotonic())

    def sleep(self, seconds: float) -> bool:
        """Wait, but not past the attempt's time; tell whether time is left."""
        time.sleep(max(0.0, min(seconds, self.remaining_s() - 0.05)))
        return self.remaining_s() > 0.1

    def reserving(self, seconds: float) -> Context:
        """Give a context with `seconds` less time; a check that must clean up does everything else with it."""
        left_s = max(0.0, self.remaining_s() - seconds)
        return Context(self.deployment, left_s, self._client, self._aws, self._redactor)

    def request(
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
        """Make an HTTP exchange with green (for a path) or with an allowed host (for a URL).

        A path goes to the listener that leads to green, with the host name and headers its rule asks for; to the one
        that leads to blue where `side` says so, which there is until traffic shifts. It may take the time that is left,
        or `timeout_s` of it: a check that must clean up keeps some. `new_connection` makes a connection of its own, so that all
        of the answer's `timings` and its `certificate` are known; a `jar` gives and takes cookies.

        Raises:
            HttpError: No exchange took place; its subclasses say why.
        """
        from greenlight.network.request_target import resolve_request

        left_s = self.remaining_s()
        asked = self.blue if side == "blue" else self.green
        where = resolve_request(asked, path_or_url, dict(headers or {}))
        return self._client.request(
            method,
            where.url,
            headers=where.headers,
            host=where.host,
            body=body,
            timeout_s=left_s if timeout_s is None else min(left_s, timeout_s),
            redirects=redirects,
            new_connection=new_connection,
            jar=jar,
            **({"max_bytes": max_bytes} if max_bytes else {}),
        )

    def session(self) -> Any:
        """Give a `requests.Session` on the same guarded pool; `get("/path")` goes to green."""
        from greenlight.network.requests_adapter import session

        return session(self.request, self.green.url)

    def hide(self, value: Any) -> None:
        """Keep a value out of all that is shown of this attempt, such as a token that green gave."""
        written = value if isinstance(value, str) else "" if isinstance(value, bool) else display_value(value)
        if self._redactor is not None:
            self._redactor.hide(written)

    def excerpt(self, text: str, length: int = 160) -> str:
        """Give the start of a text in one line, for a message; secrets are taken out before it is cut, not after."""
        kept = text[: KEPT_LENGTH + length]
        clean = self._redactor.text(kept) if self._redactor else kept
        return " ".join(clean.split())[:length]

    def connect(self, host: str = "", port: int = 0, *, tls: bool = False, alpn: Sequence[str] = ()) -> socket.socket:
        """Open a connection for a protocol other than HTTP, to green or to an allowed host; close it yourself.

        Its time-out is what is left of the attempt; before reading again, set it anew to `remaining_s()`.

        Args:
            host: An allowed host; green's when left out.
            port: TCP port; that of green's URL when left out.
            tls: Make a TLS connection of it, its certificate verified for `host`, for green by the name it goes by.
            alpn: Protocols to offer in TLS, such as h2.

        Raises:
            HttpError: No connection was made; its subclasses say why.
        """
        from greenlight.network.request_target import resolve_endpoint

        where = resolve_endpoint(self.green, host, port)
        return self._client.connect(
            where.host, where.port, tls=tls, name=where.name, alpn=alpn, timeout_s=self.remaining_s()
        )

    def request_target(self, path_or_url: str, headers: Mapping[str, str] | None = None) -> Addressed:
        """Say where `request` would send this: the URL, the host name to use there, and the headers.

        Raises:
            HttpError: Green has no URL at this stage.
        """
        from greenlight.network.request_target import resolve_request

        return resolve_request(self.green, path_or_url, dict(headers or {}))

    def allows(self, host: str) -> bool:
        """Tell whether `host` is one of this deployment or allowed by the operator."""
        return self._client.allows(host)

    def aws_call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Make one AWS call, `operation` in boto3's spelling; it may take as long as an attempt and is not repeated.

        Raises:
            GreenlightError: AWS refused or did not answer; the sentence names the permission where one is missing.
        """
        # The time of a whole attempt, not what is left of it: a client costs more than a call, and polling is many calls.
        client = self._aws.client(service, read_timeout_s=max(1.0, round(self._timeout_s, 1)), attempts=1)
        answer: dict[str, Any] = call_aws(service, operation, lambda: getattr(client, operation)(**parameters))
        return answer

    def aws_pages(self, service: str, operation: str, /, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Make one AWS call page after page and give each answer; all pages, or it raises.

        Raises:
            GreenlightError: As `aws_call` does; or there are more than `MAX_PAGES` pages, or the attempt's time ended
                before the last: what was not read may hold anything.
        """
        token: dict[str, Any] = {}
        for _ in range(MAX_PAGES):
            answer = self.aws_call(service, operation, **parameters, **token)
            yield answer
            token = {sent: answer[given] for given, sent in _NEXT.items() if answer.get(given)}
            if not token:
                return
            if self.remaining_s() < 0.1:
                raise AwsError(
                    f"reading all pages of {iam_action(service, operation)} did not end within the check's time"
                )
        raise AwsError(f"{iam_action(service, operation)} has more than {MAX_PAGES} pages; ask for less at once")
