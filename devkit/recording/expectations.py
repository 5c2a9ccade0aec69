"""What a service answers, asked twice, into expectations that hold as long as the service is the same.

What differs between the two is left out, and so is what the next release changes by its nature: versions, times, hosts.
"""

from __future__ import annotations

import json
import math
import re
import time
from typing import TYPE_CHECKING, Any

from devkit.recording.request import RecordedRequest, escaped, sensitive
from greenlight.core.errors import GreenlightError, HttpError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.json_values import equals
from greenlight.network.client import Client, split_url
from greenlight.network.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devkit.recording.request import Hidden
    from greenlight.network.client import Response

APART_S = 1.1
"""Between the two times that a path is asked: clocks that show seconds have moved on."""
FIELDS = 8
"""Fields of one answer that are expected; with more of them every change is a failure."""
DEPTH = 3
LONGEST = 100
_OF_A_RELEASE = re.compile(
    r"(?i)version|release|commit|build|revision|(^|[-_.])(sha|tag|digest|image)$|host|instance|container|node|pod|task|server|pid|uptime"
    r"|time|date|timestamp|(_at|_on|At|On)$|^(now|seed|nonce|etag)$|trace|request_?id|correlation"
)
_LIKE_A_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?|[0-9]{10}([0-9]{3})?")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Recorded(FrozenStruct, frozen=True, kw_only=True):
    """A request and what is expected of its answer; `left` says what of the answer is not."""

    asked: RecordedRequest
    expect: dict[str, Any]
    left: tuple[str, ...] = ()


class Server:
    """The server that is asked, and no other; use it in a `with`."""

    def __init__(self, origin: str, timeout_s: float = 10.0) -> None:
        """Allow the host of `origin`, loopback included."""
        self.origin, self._timeout_s = origin, timeout_s
        self._client = Client(Guard([split_url(origin).hostname or ""], allow_loopback=True))

    def __enter__(self) -> Server:
        """Begin to ask."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Hang up."""
        self._client.close()

    def answer(self, asked: RecordedRequest) -> Response | str:
        """Give what it answers, or why it does not."""
        try:
            return self._client.request(
                asked.method,
                f"{self.origin}{asked.path}",
                headers=dict(asked.headers),
                body=asked.body,
                timeout_s=self._timeout_s,
            )
        except HttpError as error:
            return str(error)


def recorded(
    wanted: Sequence[RecordedRequest], server: Server, hidden: Hidden, apart_s: float = APART_S
) -> tuple[list[Recorded], list[str]]:
    """Ask for everything, safe requests twice; gives what can be expected, and what is left out and why.

    Raises:
        GreenlightError: The server answers nothing at all.
    """
    began = time.monotonic()
    first = [server.answer(each) for each in wanted]
    if first and all(isinstance(each, str) for each in first):
        raise GreenlightError(hidden.redacted(f"{server.origin} does not answer: {first[0]}"))
    time.sleep(max(0.0, apart_s - (time.monotonic() - began)))
    found, left = [], []
    for each, answer in zip(wanted, first, strict=True):
        again = server.answer(each) if each.safe and not isinstance(answer, str) else answer
        made = _made(each, answer, again, hidden)
        if isinstance(made, str):
            if not each.guessed:
                left.append(f"{each.name}: {hidden.redacted(made)}")
        else:
            found.append(made)
    return found, left


def _made(asked: RecordedRequest, first: Response | str, again: Response | str, hidden: Hidden) -> Recorded | str:
    if isinstance(first, str) or isinstance(again, str):
        return first if isinstance(first, str) else f"it answered once, and not a second time: {again}"
    if first.status != again.status:
        return f"it answered {first.status}, and then {again.status}"
    if first.status >= 500 or (asked.guessed and first.status not in range(200, 300)):
        return f"it answered {first.status}"
    expect: dict[str, Any] = {"status": first.status}
    media_type = (first.header("content-type") or "").partition(";")[0].strip()
    if media_type and media_type == (again.header("content-type") or "").partition(";")[0].strip():
        expect["headers"] = {"content-type": {"starts_with": escaped(media_type)}}
    if asked.method == "HEAD" or "json" not in media_type:
        return Recorded(asked=asked, expect={**expect, **latency(asked)})
    fields, left = _stable(_json(first), _json(again), hidden)
    if fields:
        expect["json"] = fields
    return Recorded(asked=asked, expect={**expect, **latency(asked)}, left=tuple(left))


def latency(asked: RecordedRequest) -> dict[str, Any]:
    """Give twice the 95th percentile that a log has, rounded up: one request alone is slower one time in twenty."""
    if not asked.latency_s:
        return {}
    double_ms = max(50.0, asked.latency_s * 2000)
    step = 10 ** math.floor(math.log10(double_ms)) / 2
    return {"latency": {"lte": f"{math.ceil(double_ms / step) * step:.0f}ms"}}


def _json(response: Response) -> Any:
    try:
        return None if response.truncated else json.loads(response.body)
    except (ValueError, RecursionError):
        return None


def _stable(first: Any, again: Any, hidden: Hidden) -> tuple[dict[str, Any], list[str]]:
    """Give what both answers say alike, by JMESPath, and what is left out and why."""
    fields: dict[str, Any] = {}
    left: list[str] = []
    _walk(first, again, "", "", fields, left, hidden)
    more = list(fields)[FIELDS:]
    if more:
        left.append(f"{len(more)} further fields, from {more[0]} on")
    return {key: fields[key] for key in list(fields)[:FIELDS]}, left


def _walk(first: Any, again: Any, path: str, key: str, fields: dict[str, Any], left: list[str], hidden: Hidden) -> None:
    if isinstance(first, dict) and isinstance(again, dict):
        if path.count(".") >= DEPTH:
            return
        for name in first:
            step = name if _PLAIN_KEY.fullmatch(name) else json.dumps(name)
            below = f"{path}.{step}" if path else step
            if name not in again:
                left.append(f"{below} (not in every answer)")
            else:
                _walk(first[name], again[name], below, name, fields, left, hidden)
    elif isinstance(first, list) and isinstance(again, list):
        if first and again:
            fields[f"length({path or '@'})"] = {"gte": 1}
    elif path and (why := _unstable(first, again, key, hidden)):
        left.append(f"{path} ({why})")
    elif path:
        fields[path] = escaped(first) if isinstance(first, str) else first


def _unstable(first: Any, again: Any, key: str, hidden: Hidden) -> str:
    """Say why a value cannot be expected of the next release; "" when it can."""
    if type(first) is not type(again) or not equals(first, again):
        return "differs between two answers"
    if first is None:
        return "null"
    written = str(first)
    if sensitive(key, written) or hidden.shows(written):
        return "may be a secret"
    if _OF_A_RELEASE.search(key) or _LIKE_A_TIME.fullmatch(written):
        return "another release, host or time changes it"
    if len(written) > LONGEST or (isinstance(first, float) and "e" in written):
        return "too long to be read"
    return ""
