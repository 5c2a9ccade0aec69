"""Access logs of web servers and of AWS's load balancer, into the requests that users make most.

Sources: https://httpd.apache.org/docs/2.4/logs.html (common and combined),
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html,
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html and
https://www.w3.org/TR/WD-logfile.html (a line of field names, then fields),
https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage (text and JSON, milliseconds),
https://doc.traefik.io/traefik/observability/access-logs/ (JSON, nanoseconds; text, milliseconds at the end),
https://caddyserver.com/docs/caddyfile/directives/log (JSON, seconds),
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html (JSON, milliseconds).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from devkit.recording.request import RecordedRequest, origin_of, path_of
from greenlight.core.frozen import FrozenStruct
from greenlight.toolkit.http_request import SAFE_METHODS

if TYPE_CHECKING:
    from collections.abc import Iterable

_COMMON = re.compile(
    r'\S+ \S+ .*?\[[^\]]+\] "(?P<method>[A-Z]+) (?P<url>\S+)( HTTP/[0-9.]+)?" (?P<status>[0-9]{3}) (?:[0-9]+|-)(?P<rest>.*)'
)
_BALANCER = re.compile(
    r"(?:https?|h2|grpcs?|wss?) \S+ \S+ \S+ \S+ (?P<first>-?[0-9.]+) (?P<second>-?[0-9.]+) (?P<third>-?[0-9.]+) "
    r'(?P<status>[0-9]{3}|-) \S+ \S+ \S+ "(?P<method>[A-Z]+) (?P<url>\S+) [^"]*"'
)
_ENVOY = re.compile(
    r'\[[^\]]+\] "(?P<method>[A-Z]+) (?P<url>\S+)( HTTP/[0-9.]+)?" (?P<status>[0-9]{3}) \S+ '
    r'(?:\S+ \S+ "[^"]*" )?[0-9]+ [0-9]+ (?P<ms>[0-9]+) '
)
_SECONDS = re.compile(r"(?:(?:rt|request_time|urt)=|\s)\"?(?P<seconds>[0-9]+\.[0-9]{3,6})\"?(?=\s|$)")
"""A time as nginx writes it where a format has one: seconds with a fraction, at the end of the line or named."""
_TRAEFIK = re.compile(r"\s(?P<ms>[0-9]+)ms$")
_QUOTED = re.compile(r'"(?P<method>[A-Z]+) (?P<url>\S+) HTTP/[0-9.]+" (?P<status>[0-9]{3})\b')
"""The request line and a status, which most servers write so whatever stands around them, uvicorn for one."""
_REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<url>\S+)( HTTP/[0-9.]+)?")
_METHOD = (
    "request_method",
    "method",
    "httpMethod",
    "RequestMethod",
    "cs-method",
    "http_method",
    "request.method",
    "req.method",
    "http.request.method",
    "httpRequest.requestMethod",
)
_URL = (
    "request_uri",
    "uri",
    "path",
    "url",
    "RequestPath",
    "cs-uri-stem",
    "request.uri",
    "request.url",
    "req.url",
    "url.path",
    "httpRequest.requestUrl",
)
_STATUS = (
    "status",
    "response_code",
    "DownstreamStatus",
    "sc-status",
    "status_code",
    "statusCode",
    "response.status",
    "res.statusCode",
    "http.response.status_code",
    "httpRequest.status",
)
_TIME = (
    ("request_time", 1.0),
    ("time-taken", 1.0),
    ("responseLatency", 1e-3),
    ("responseTime", 1e-3),
    ("duration_ms", 1e-3),
    ("latency_ms", 1e-3),
    ("Duration", 1e-9),
    ("event.duration", 1e-9),
)
"""Where a JSON log has its time, and the unit in seconds; `duration` alone has a unit of its own for each server."""
_WRAPPED = ("log", "message", "@nginx_fields")
"""Where what collects logs puts the line itself."""
KNOWN = (
    "common and combined (Apache, nginx, Traefik), Envoy, ALB, what has a line of #Fields (CloudFront, IIS), "
    "and JSON with a method, a path and a status"
)
_AN_ID = re.compile(r"[0-9]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-fA-F]{16,}")
ENOUGH = 20
"""Requests from which a 95th percentile means something."""
ONE_STATUS = 0.95
"""Share of a path's answers that must have one status."""


class Line(FrozenStruct, frozen=True, kw_only=True):
    """One request of a log; `seconds` is None where the log has no time."""

    method: str
    url: str
    status: int
    seconds: float | None


def lines(text: Iterable[str]) -> tuple[list[Line], int]:
    """Give every request of a log, and how many lines are none."""
    found, others = [], 0
    names: list[str] = []
    for each in text:
        if not each.strip():
            continue
        if each.startswith("#"):
            names = each.split()[1:] if each.startswith("#Fields:") else names
            continue
        line = _of_fields(dict(zip(names, each.split(), strict=False))) if names else _line(each.strip())
        if line is None:
            others += 1
        else:
            found.append(line)
    return found, others


def _of_fields(fields: dict[str, str]) -> Line | None:
    """Read a line of CloudFront, or of another server that names its fields."""
    method, stem, status = (fields.get(name, "") for name in ("cs-method", "cs-uri-stem", "sc-status"))
    if not (method and stem.startswith("/") and re.fullmatch("[0-9]{3}", status)):
        return None
    query = fields.get("cs-uri-query", "-")
    taken = fields.get("time-taken", "")
    # CloudFront writes seconds with a fraction, IIS whole milliseconds.
    seconds = float(taken) / (1 if "x-edge-location" in fields else 1000) if re.fullmatch("[0-9.]+", taken) else None
    return Line(method=method, url=stem if query == "-" else f"{stem}?{query}", status=int(status), seconds=seconds)


def _of_json(data: Any, depth: int = 0) -> Line | None:
    """Read a line that is JSON, as it is or as what collects logs wraps it."""
    if not isinstance(data, dict):
        return None
    method, url, status = (str(_first(data, names)) for names in (_METHOD, _URL, _STATUS))
    if match := _REQUEST.fullmatch(str(data.get("request"))):  # the request line, as nginx calls it
        method, url = match["method"], match["url"]
    if re.fullmatch("[A-Za-z]+", method) and url and re.fullmatch("[0-9]{3}", status):
        query = str(_first(data, ("cs-uri-query",)))
        url = url if query in ("", "-") else f"{url}?{query}"
        return Line(method=method.upper(), url=url, status=int(status), seconds=_seconds(data))
    inner = next((data[key] for key in _WRAPPED if data.get(key)), None) if depth == 0 else None
    return _line(inner.strip(), depth + 1) if isinstance(inner, str) else _of_json(inner, depth + 1) if inner else None


def _first(data: dict[str, Any], names: Iterable[str]) -> Any:
    """Give the first of some values, of which a name may be dotted and its value stand below; "" for none."""
    for name in names:
        value: Any = data
        for part in (name,) if name in data else name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return value
    return ""


def _seconds(data: dict[str, Any]) -> float | None:
    of_server = {"response_code": 1e-3, "request.method": 1.0}  # Envoy; Caddy
    units = (*_TIME, *(("duration", unit) for name, unit in of_server.items() if _first(data, (name,)) != ""))
    for name, unit in units:
        taken = str(_first(data, (name,)))
        if re.fullmatch(r"[0-9]{1,18}(\.[0-9]+)?", taken):
            return float(taken) * unit
    return None


def _line(text: str, depth: int = 0) -> Line | None:
    begin = text.find("{")
    if begin >= 0 and text.endswith("}"):  # what shows logs may put a time and a name before
        try:
            return _of_json(json.loads(text[begin:]), depth)
        except (ValueError, RecursionError):
            pass
    if match := _BALANCER.match(text):
        times = [float(match[part]) for part in ("first", "second", "third")]
        status = int(match["status"]) if match["status"] != "-" else 0
        seconds = sum(times) if min(times) >= 0 else None
        return Line(method=match["method"], url=match["url"], status=status, seconds=seconds)
    if match := _ENVOY.match(text):
        return Line(
            method=match["method"], url=match["url"], status=int(match["status"]), seconds=int(match["ms"]) / 1000
        )
    match = _COMMON.match(text)
    if match is None:
        quoted = _QUOTED.search(text)
        return quoted and Line(method=quoted["method"], url=quoted["url"], status=int(quoted["status"]), seconds=None)
    unquoted = re.sub(r'"[^"]*[A-Za-z/][^"]*"', "", match["rest"])
    timed, ended = _SECONDS.search(unquoted), _TRAEFIK.search(unquoted)
    return Line(
        method=match["method"],
        url=match["url"],
        status=int(match["status"]),
        seconds=float(timed["seconds"]) if timed else int(ended["ms"]) / 1000 if ended else None,
    )


def asked(found: Iterable[Line], top: int, *, known: bool) -> tuple[list[RecordedRequest], list[str]]:
    """Give the `top` requests made most that can be made again, and what is left out and why.

    Where a server is known that can be asked (`known`), paths with ids in them are kept for it to answer.
    """
    paths: dict[tuple[str, str], list[Line]] = {}
    left: Counter[str] = Counter()
    for line in found:
        path = _path(line.url)
        if line.method not in SAFE_METHODS or not path:
            left[f"{line.method[:10]} requests: {'no address' if line.method in SAFE_METHODS else 'not safe'}"] += 1
        elif "?" in path:
            left["requests with a query, whose values may be secrets"] += 1
        else:
            paths.setdefault((line.method, path), []).append(line)
    kept: list[RecordedRequest] = []
    for (method, path), seen in sorted(paths.items(), key=lambda each: (-len(each[1]), each[0])):
        why = _unfit(path, seen, known=known)
        if why:
            left[f"{method} {path}: {why}"] += len(seen)
        elif len(kept) >= top:
            left[f"paths beyond the {top} asked for most (--top)"] += len(seen)
        else:
            kept.append(_asked(method, path, seen))
    return kept, [f"{what} ({count})" for what, count in left.most_common()]


def _path(url: str) -> str:
    """Give path and query of what was asked for; "" for what is no address."""
    try:
        return path_of(url) if url.startswith("/") or origin_of(url) else ""
    except ValueError:
        return ""


def _unfit(path: str, seen: list[Line], *, known: bool) -> str:
    if not known and any(_AN_ID.fullmatch(part) for part in path.split("/")):
        return "an id in its path, which may not be there tomorrow"
    statuses = Counter(line.status for line in seen)
    status, count = statuses.most_common(1)[0]
    if not 200 <= status < 400:
        return f"mostly answered with {status}"
    if count < ONE_STATUS * len(seen):
        said = ", ".join(f"{each} {number} times" for each, number in statuses.most_common(3))
        return f"answered differently, {said}"
    return ""


def _asked(method: str, path: str, seen: list[Line]) -> RecordedRequest:
    status = Counter(line.status for line in seen).most_common(1)[0][0]
    times = sorted(line.seconds for line in seen if line.seconds is not None)
    p95 = times[-(-95 * len(times) // 100) - 1] if len(times) >= ENOUGH else 0.0
    often = "once" if len(seen) == 1 else f"{len(seen)} times"
    of = f"{often} in the log{f', 95 % within {p95 * 1000:.0f} ms' if p95 else ''}"
    return RecordedRequest(method=method, path=path, status=status, latency_s=p95, of=of)
