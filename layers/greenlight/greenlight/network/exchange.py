"""One exchange of a request: its parts, the cookies that it sends, and its redirect."""

from __future__ import annotations

import time
import urllib.parse
from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight.core.errors import GuardError, NoAnswerError
from greenlight.core.frozen import FrozenStruct
from greenlight.network.request_encoding import Url, parse_url
from greenlight.network.server import describe_error

if TYPE_CHECKING:
    from greenlight.network.cookies import CookieJar

_SENT_TO_OTHER_HOSTS = ("accept", "user-agent")


class Exchange(FrozenStruct, frozen=True, kw_only=True):
    """One request to send; a redirect that is followed is another exchange.

    Attributes:
        host: Name for the Host header, SNI and certificate; "" for the URL's host.
        deadline: On the monotonic clock.
        timeout_s: Time limit that the deadline follows from, for messages.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    host: str
    deadline: float
    timeout_s: float
    max_bytes: int
    new_connection: bool

    @property
    def parsed_url(self) -> Url:
        """The parts of the URL."""
        return parse_url(self.url)

    @property
    def server_name(self) -> str:
        """The host name of the server: from `host` if it is set, otherwise from the URL."""
        url = self.parsed_url
        return parse_url(f"{url.scheme}://{self.host}").host if self.host else url.host


def redirect(exchange: Exchange, status: int, location: str) -> Exchange:
    """Return the exchange for a redirect, with the method, body and headers that may be sent to its target.

    Raises:
        NoAnswerError: The location is not a valid http or https URL.
        GuardError: The redirect leads from https to http.
    """
    try:
        target = urllib.parse.urljoin(exchange.url, location)
        new = parse_url(target).origin
    except (ValueError, GuardError) as error:  # green has sent it, so neither the plan nor the gate is wrong
        raise NoAnswerError(f"{exchange.url} redirects to an invalid location: {describe_error(error)}") from error
    method, headers = exchange.method, exchange.headers
    body, host = exchange.body, exchange.host
    old = exchange.parsed_url.origin
    if old != new:
        if old[0] == "https" and new[0] == "http":
            raise GuardError(f"{exchange.url} redirects from https to {target}; greenlight does not follow a downgrade")
        headers = {key: value for key, value in headers.items() if key.lower() in _SENT_TO_OTHER_HOSTS}
        host = ""
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
        headers = {key: value for key, value in headers.items() if not key.lower().startswith("content-")}
    return replace(exchange, method=method, url=target, headers=headers, body=body, host=host)


def add_cookies(exchange: Exchange, jar: CookieJar) -> Exchange:
    """Return the exchange with the cookies of its URL, unless its headers have some."""
    if any(name.lower() == "cookie" for name in exchange.headers):
        return exchange
    cookies = jar.cookie_header(exchange.url, exchange.server_name, time.time())
    return replace(exchange, headers={**exchange.headers, "Cookie": cookies}) if cookies else exchange
