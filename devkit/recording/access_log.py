"""Parser for access logs of web servers, load balancers and CDNs, and the selection of the most frequent requests.

Sources: https://httpd.apache.org/docs/2.4/logs.html (common and combined),
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html,
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html and
https://www.w3.org/TR/WD-logfile.html (a line of field names, then fields),
https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage (text and JSON, milliseconds),
https://doc.traefik.io/traefik/observability/access-logs/ (JSON, nanoseconds; text, milliseconds at the end),
https://caddyserver.com/docs/caddyfile/directives/log (JSON, seconds),
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html (JSON, milliseconds),
https://docs.haproxy.org/3.0/configuration.html#8.2.3 (the HTTP log format, milliseconds) and
https://developers.cloudflare.com/logs/reference/log-fields/zone/http_requests/ (JSON).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from greenlight.core.frozen import FrozenStruct
from greenlight.toolkit.http_request import SAFE_METHODS

from .request import RecordedRequest, origin_of, path_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_COMMON = re.compile(
    r'\S+ \S+ .*?\[[^\]]+\] "(?P<method>[A-Z]+) (?P<url>\S+)( HTTP/[0-9.]+)?" '
    r"(?P<status>[0-9]{3}) (?:[0-9]+|-)(?P<rest>.*)"
)
_LOAD_BALANCER = re.compile(
    r"(?:https?|h2|grpcs?|wss?) \S+ \S+ \S+ \S+ (?P<first>-?[0-9.]+) (?P<second>-?[0-9.]+) (?P<third>-?[0-9.]+) "
    r'(?P<status>[0-9]{3}|-) \S+ \S+ \S+ "(?P<method>[A-Z]+) (?P<url>\S+) [^"]*"'
)
_ENVOY = re.compile(
    r'\[[^\]]+\] "(?P<method>[A-Z]+) (?P<url>\S+)( HTTP/[0-9.]+)?" (?P<status>[0-9]{3}) \S+ '
    r'(?:\S+ \S+ "[^"]*" )?[0-9]+ [0-9]+ (?P<ms>[0-9]+) '
)
_HAPROXY = re.compile(
    r"\S+(?:/\S+)? \[[^\]]+\] \S+ \S+/\S+ (?:-?[0-9]+/){4}\+?(?P<ms>-?[0-9]+) (?P<status>[0-9]{3}) .*"
    r'"(?P<method>[A-Z]+) (?P<url>\S+)( HTTP/[0-9.]+)?"$'
)
_NGINX_SECONDS = re.compile(r"(?:(?:rt|request_time|urt)=|\s)\"?(?P<seconds>[0-9]+\.[0-9]{3,6})\"?(?=\s|$)")
"""A duration in a format of nginx: seconds with a fraction, at the end of the line or after a name."""
_TRAEFIK = re.compile(r"\s(?P<ms>[0-9]+)ms$")
_QUOTED_REQUEST = re.compile(r'"(?P<method>[A-Z]+) (?P<url>\S+) HTTP/[0-9.]+" (?P<status>[0-9]{3})\b')
"""Request line and status in the form that most servers write, for example uvicorn."""
_REQUEST_LINE = re.compile(r"(?P<method>[A-Z]+) (?P<url>\S+)( HTTP/[0-9.]+)?")
_METHOD_KEYS = (
    "request_method",
    "method",
    "httpMethod",
    "RequestMethod",
    "cs-method",
    "http_method",
    "request.method",
    "req.method",
    "ClientRequestMethod",
    "http.request.method",
    "httpRequest.requestMethod",
)
_URL_KEYS = (
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
    "ClientRequestURI",
    "resourcePath",
    "routeKey",
)
_STATUS_KEYS = (
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
    "EdgeResponseStatus",
    "response",
)
_DURATION_KEYS = (
    ("request_time", 1.0),
    ("time-taken", 1.0),
    ("responseLatency", 1e-3),
    ("responseTime", 1e-3),
    ("duration_ms", 1e-3),
    ("latency_ms", 1e-3),
    ("Duration", 1e-9),
    ("event.duration", 1e-9),
)
"""Keys of durations in JSON logs, with their unit in seconds; the unit of `duration` depends on the server."""
_WRAPPER_KEYS = ("log", "message", "@nginx_fields")
"""Keys under which log collectors put the original line."""
SUPPORTED_FORMATS = (
    "common and combined (Apache, nginx, Traefik), Envoy, HAProxy, ALB, logs with a #Fields line (CloudFront, IIS), "
    "and JSON with a method, a path and a status (also of API Gateway and Cloudflare)"
)
_ID = re.compile(r"[0-9]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-fA-F]{16,}")
_MIN_DURATIONS = 20
"""The smallest number of durations for which a 95th percentile is meaningful."""
_MIN_STATUS_SHARE = 0.95
"""Share of a path's responses that must have the same status."""


class LogEntry(FrozenStruct, frozen=True, kw_only=True):
    """One request of a log; `duration_s` is None if the log has no duration."""

    method: str
    url: str
    status: int
    duration_s: float | None = None


# ---- Parsing ---------------------------------------------------------------------------------------------------------


def parse_lines(lines: Iterable[str]) -> tuple[list[LogEntry], int]:
    """Parse a log; return its requests and the number of lines that are not requests."""
    entries, skipped_count = [], 0
    names: list[str] = []
    for line in lines:
        if not line.strip():
            continue
        if line.startswith("#"):
            names = line.split()[1:] if line.startswith("#Fields:") else names
            continue
        entry = _from_fields(dict(zip(names, line.split(), strict=False))) if names else _from_line(line.strip())
        if entry is None:
            skipped_count += 1
        else:
            entries.append(entry)
    return entries, skipped_count


def _from_fields(fields: dict[str, str]) -> LogEntry | None:
    """Parse a line of CloudFront, or of another server with a #Fields line."""
    method, path, status = (fields.get(name, "") for name in ("cs-method", "cs-uri-stem", "sc-status"))
    if not (method and path.startswith("/") and re.fullmatch("[0-9]{3}", status)):
        return None
    query = fields.get("cs-uri-query", "-")
    duration = fields.get("time-taken", "")
    # CloudFront writes seconds with a fraction, IIS milliseconds.
    divisor = 1 if "x-edge-location" in fields else 1000
    return LogEntry(
        method=method,
        url=path if query == "-" else f"{path}?{query}",
        status=int(status),
        duration_s=float(duration) / divisor if re.fullmatch("[0-9.]+", duration) else None,
    )


def _from_json(data: Any, depth: int = 0) -> LogEntry | None:
    """Parse a line in JSON, or the original line in the JSON of a log collector."""
    if not isinstance(data, dict):
        return None
    method, url, status = (str(_lookup(data, keys)) for keys in (_METHOD_KEYS, _URL_KEYS, _STATUS_KEYS))
    # The variable of nginx for the request line, or a route of API Gateway, such as GET /orders.
    if match := _REQUEST_LINE.fullmatch(str(data.get("request"))) or _REQUEST_LINE.fullmatch(url):
        method, url = match["method"], match["url"]
    if re.fullmatch("[A-Za-z]+", method) and url and re.fullmatch("[0-9]{3}", status):
        query = str(_lookup(data, ("cs-uri-query",)))
        url = url if query in ("", "-") else f"{url}?{query}"
        return LogEntry(method=method.upper(), url=url, status=int(status), duration_s=_json_duration(data))
    inner = next((data[key] for key in _WRAPPER_KEYS if data.get(key)), None)
    if depth > 0 or not inner:
        return None
    return _from_line(inner.strip(), depth + 1) if isinstance(inner, str) else _from_json(inner, depth + 1)


def _lookup(data: dict[str, Any], keys: Iterable[str]) -> Any:
    """Return the first value with one of the keys, flat or as a path with dots; "" if none of them has a value."""
    for key in keys:
        value: Any = data
        for part in (key,) if key in data else key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return value
    return ""


def _json_duration(data: dict[str, Any]) -> float | None:
    server_units = {"response_code": 1e-3, "request.method": 1.0}  # Envoy; Caddy
    units = [*_DURATION_KEYS]
    units += [("duration", unit) for key, unit in server_units.items() if _lookup(data, (key,)) != ""]
    for key, unit in units:
        duration = str(_lookup(data, (key,)))
        if re.fullmatch(r"[0-9]{1,18}(\.[0-9]+)?", duration):
            return float(duration) * unit
    return None


def _from_line(text: str, depth: int = 0) -> LogEntry | None:
    begin = text.find("{")
    if begin >= 0 and text.endswith("}"):  # log viewers may prepend a time and a name
        try:
            return _from_json(json.loads(text[begin:]), depth)
        except (ValueError, RecursionError):
            pass
    if match := _LOAD_BALANCER.match(text):
        durations_s = [float(match[part]) for part in ("first", "second", "third")]
        status = match["status"] if match["status"] != "-" else "0"
        return _entry(match, status, sum(durations_s) if min(durations_s) >= 0 else None)
    if match := _HAPROXY.search(text):
        return _entry(match, match["status"], int(match["ms"]) / 1000 if int(match["ms"]) >= 0 else None)
    if match := _ENVOY.match(text):
        return _entry(match, match["status"], int(match["ms"]) / 1000)
    if match := _COMMON.match(text):
        return _entry(match, match["status"], _common_duration(match["rest"]))
    if match := _QUOTED_REQUEST.search(text):
        return _entry(match, match["status"], None)
    return None


def _entry(match: re.Match[str], status: str, duration_s: float | None) -> LogEntry:
    return LogEntry(method=match["method"], url=match["url"], status=int(status), duration_s=duration_s)


def _common_duration(rest: str) -> float | None:
    """Return the duration after the common fields, outside of quotes, as nginx or Traefik write it."""
    unquoted = re.sub(r'"[^"]*[A-Za-z/][^"]*"', "", rest)
    if match := _NGINX_SECONDS.search(unquoted):
        return float(match["seconds"])
    match = _TRAEFIK.search(unquoted)
    return int(match["ms"]) / 1000 if match else None


# ---- Selection -------------------------------------------------------------------------------------------------------


def most_frequent(
    entries: Iterable[LogEntry], top: int, *, has_server: bool
) -> tuple[list[RecordedRequest], list[str]]:
    """Select the `top` most frequent requests that can be repeated.

    Args:
        entries: The requests of a log.
        top: The number of requests.
        has_server: Whether the requests can be sent to a server, so that paths with ids can be recorded, too.

    Returns:
        The requests, and what is left out, with reasons and counts.
    """
    by_path: dict[tuple[str, str], list[LogEntry]] = {}
    left_out: Counter[str] = Counter()
    for entry in entries:
        path = _path(entry.url)
        if entry.method not in SAFE_METHODS:
            left_out[f"{entry.method[:10]} requests: not safe"] += 1
        elif not path:
            left_out[f"{entry.method[:10]} requests: no address"] += 1
        elif "?" in path:
            left_out["requests with a query, whose values may be secrets"] += 1
        else:
            by_path.setdefault((entry.method, path), []).append(entry)
    requests: list[RecordedRequest] = []
    for (method, path), group in sorted(by_path.items(), key=lambda item: (-len(item[1]), item[0])):
        reason = _why_unsuitable(path, group, has_server=has_server)
        if reason:
            left_out[f"{method} {path}: {reason}"] += len(group)
        elif len(requests) >= top:
            left_out[f"paths beyond the {top} most frequent (--top)"] += len(group)
        else:
            requests.append(_request(method, path, group))
    return requests, [f"{reason} ({count})" for reason, count in left_out.most_common()]


def _path(url: str) -> str:
    """Return path and query of a URL or path; "" for any other text."""
    try:
        return path_of(url) if url.startswith("/") or origin_of(url) else ""
    except ValueError:
        return ""


def _why_unsuitable(path: str, entries: list[LogEntry], *, has_server: bool) -> str:
    if not has_server and any(_ID.fullmatch(part) for part in path.split("/")):
        return "its path has an id, which may not exist later"
    if "%7B" in path:  # API Gateway logs the route, and a path has no brace
        return "it is a route with a parameter, and not a path"
    statuses = Counter(map(_expected_status, entries))
    status, count = statuses.most_common(1)[0]
    if count < _MIN_STATUS_SHARE * len(entries):
        counts = ", ".join(f"{number} times {code}" for code, number in statuses.most_common(3))
        return f"answered with different statuses, {counts}"
    return "" if 200 <= status < 400 else f"mostly answered with {status}"


def _expected_status(entry: LogEntry) -> int:
    """Return the status that a request without a condition or a range gets, as the plan will send it."""
    return 200 if entry.status in (206, 304) else entry.status


def _request(method: str, path: str, entries: list[LogEntry]) -> RecordedRequest:
    status = Counter(map(_expected_status, entries)).most_common(1)[0][0]
    durations_s = sorted(entry.duration_s for entry in entries if entry.duration_s is not None)
    p95_s = durations_s[-(-95 * len(durations_s) // 100) - 1] if len(durations_s) >= _MIN_DURATIONS else 0.0
    count = "once" if len(entries) == 1 else f"{len(entries)} times"
    percentile = f", 95 % within {p95_s * 1000:.0f} ms" if p95_s else ""
    return RecordedRequest(
        method=method, path=path, status=status, latency_s=p95_s, source=f"{count} in the log{percentile}"
    )
