"""Access logs of all supported servers become the most frequent requests."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from devkit.recording import access_log
from greenlight.testing import HttpServer
from tests.support.recorded_service import common_line, load_balancer_line, passes, record, refuse

if TYPE_CHECKING:
    from pathlib import Path


def test_most_frequent_paths_are_recorded_with_their_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "access.log"
    log.write_text(
        common_line("/health") * 30
        + common_line("/orders", more=' "https://shop.example/" "Mozilla/5.0 (X11)"') * 20
        + common_line("/orders/4711") * 19
        + common_line("/search?q=secret-word") * 18
        + common_line("/orders", 201, "POST") * 17
        + common_line("/wp-login.php", 404) * 16
        + common_line("/unsteady") * 5
        + common_line("/unsteady", 302) * 5
        + common_line("/rare")
        + "not a request\n"
    )

    text, checks = record(tmp_path, "--access-log", str(log), "--top", "2")

    stderr = capsys.readouterr().err
    assert list(checks) == ["GET /health answers 200", "GET /orders answers 200"]
    assert "# 30 times in the log" in text
    assert "secret-word" not in text + stderr
    for reason in (
        "GET /orders/4711: its path has an id, which may not exist later (19)",
        "requests with a query, whose values may be secrets (18)",
        "POST requests: not safe (17)",
        "GET /wp-login.php: mostly answered with 404 (16)",
        "GET /unsteady: answered with different statuses, 5 times 200, 5 times 302 (10)",
        "paths beyond the 2 most frequent (--top) (1)",
        "lines that are not requests (1)",
    ):
        assert f"left out: {reason}\n" in stderr


def test_status_that_the_service_does_not_answer_is_left_out_with_both(
    tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "access.log"
    log.write_text(
        common_line("/orders") + common_line("/checkout") * 2 + common_line("/old", 301) + common_line("/health", 302)
    )

    _, checks = record(tmp_path, shop.url, "--access-log", str(log))

    stderr = capsys.readouterr().err
    assert list(checks) == ["GET /orders answers 200"]
    for reason in (
        "GET /checkout: the log says 200, the service answers 404",
        "GET /old: the log says 301, the service answers 404",
        "GET /health: the log says 302, the service answers 200",
    ):
        assert f"left out: {reason}\n" in stderr


@pytest.mark.parametrize("status", [206, 304])
def test_answer_to_a_condition_or_a_range_counts_as_200(status: int, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(
        common_line("/orders", status) * 6 + common_line("/orders") + common_line("/", status) + common_line("/a", 301)
    )

    _, checks = record(tmp_path, "--access-log", str(log))

    assert list(checks) == ["GET /orders answers 200", "GET / answers 200", "GET /a answers 301"]


def test_statuses_that_vary_are_not_called_those_of_most_requests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "access.log"
    log.write_text(common_line("/a", 460) + common_line("/a") + common_line("/b"))

    record(tmp_path, "--access-log", str(log))

    assert (
        "left out: GET /a: answered with different statuses, 1 times 460, 1 times 200 (2)\n" in capsys.readouterr().err
    )


def test_routes_of_api_gateway_are_paths_unless_they_have_parameters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    routes = ({"routeKey": "GET /pets"}, {"routeKey": "GET /pets/{id}"}, {"routeKey": "$default"})
    entries = [{"httpMethod": "GET", "status": "200", **route} for route in (*routes, {"resourcePath": "/orders"})]
    log = tmp_path / "access.log"
    log.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))

    _, checks = record(tmp_path, "--access-log", str(log))

    stderr = capsys.readouterr().err
    assert list(checks) == ["GET /orders answers 200", "GET /pets answers 200"]
    assert "left out: GET /pets/%7Bid%7D: it is a route with a parameter, and not a path (1)\n" in stderr
    assert "left out: GET requests: no address (1)\n" in stderr


@pytest.mark.parametrize(
    ("line", "duration_s"),
    [
        ('{"request": "GET /a HTTP/1.1", "response": 200, "bytes": 0}', None),
        ('{"ClientRequestMethod": "GET", "ClientRequestURI": "/a", "EdgeResponseStatus": 200}', None),
        (
            "Feb  6 12:14:14 host haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 "
            '10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /a HTTP/1.1"',
            0.109,
        ),
    ],
    ids=["nginx", "cloudflare", "haproxy"],
)
def test_further_formats_are_read(line: str, duration_s: float | None) -> None:
    (entry,), others = access_log.parse_lines([line])

    assert (entry.method, entry.url, entry.status, entry.duration_s, others) == ("GET", "/a", 200, duration_s, 0)


def test_load_balancer_log_results_in_a_latency_bound(tmp_path: Path, shop: HttpServer) -> None:
    log = tmp_path / "alb.log"
    log.write_text("".join(load_balancer_line("/health", 0.010 * number) for number in range(1, 21)))

    text, checks = record(tmp_path, "--access-log", str(log), shop.url)

    assert "95 % within 190 ms" in text
    assert checks["GET /health answers 200"]["http"]["expect"]["latency"] == {"lte": "400ms"}
    assert passes(tmp_path, shop.url)


def test_few_requests_result_in_no_latency_bound() -> None:
    entries, skipped_count = access_log.parse_lines([load_balancer_line("/a", 0.01)] * 19)

    (request,), _ = access_log.most_frequent(entries, 5, has_server=False)

    assert (skipped_count, request.latency_s) == (0, 0.0)


@pytest.mark.parametrize(
    ("more", "duration_s"),
    [
        (' "-" "curl/8.1.000" 0.125', 0.125),
        (' "-" "curl" rt=0.250 uct="0.001"', 0.25),
        (' "-" "curl/8"', None),
        ("", None),
    ],
)
def test_duration_of_nginx_is_read(more: str, duration_s: float | None) -> None:
    (entry,), _ = access_log.parse_lines([common_line("/", more=more)])

    assert entry.duration_s == duration_s


NGINX = (
    '{"status":"200","request_method":"GET","request_uri":"/health","uri":"/x.php",'
    '"request_time":"0.250","remote_addr":"203.0.113.9"}'
)
OTHER_LOGS = {
    "nginx": (NGINX, 0.25),
    "nginx, the request line": ('{"time":"t","request":"GET /health HTTP/1.1","status":200,"request_time":0.25}', 0.25),
    "nginx, nested": (f'{{"@timestamp":"t","@nginx_fields":{NGINX}}}', 0.25),
    "a container's": (json.dumps({"log": f"{NGINX}\n", "stream": "stdout", "time": "t"}), 0.25),
    "a container's, common": (json.dumps({"log": common_line("/health"), "stream": "stdout"}), None),
    "after a time": (f"2026-11-22T10:00:00.000Z web/web/0123 {NGINX}", 0.25),
    "envoy": ('{"method":"GET","path":"/health","response_code":200,"duration":250,"protocol":"HTTP/1.1"}', 0.25),
    "envoy, text": (
        '[2026-11-22T10:00:00.000Z] "GET /health HTTP/1.1" 200 - 0 512 250 249 "-" "curl/8" "id" "shop" "10.0.0.1:80"',
        0.25,
    ),
    "istio, text": (
        '[2026-11-22T10:00:00.000Z] "GET /health HTTP/2" 200 - via_upstream - "-" 0 512 250 249 "-" "curl" "id" "shop"',
        0.25,
    ),
    "cloudfront": (
        '{"cs-method":"GET","cs-uri-stem":"/health","cs-uri-query":"-","sc-status":"200","time-taken":"0.250"}',
        0.25,
    ),
    "traefik": ('{"RequestMethod":"GET","RequestPath":"/health","DownstreamStatus":200,"Duration":250000000}', 0.25),
    "traefik, text": (
        common_line("/health", more=' "-" "curl" 7 "shop@docker" "http://10.0.0.1:80" 250ms').strip(),
        0.25,
    ),
    "caddy": (
        '{"level":"info","request":{"method":"GET","uri":"/health","proto":"HTTP/2.0"},"duration":0.25,"status":200}',
        0.25,
    ),
    "api gateway": (
        '{"httpMethod":"GET","path":"/health","status":"200","responseLatency":"250","routeKey":"GET /{any}"}',
        0.25,
    ),
    "pino": (
        '{"level":30,"req":{"method":"GET","url":"/health"},"res":{"statusCode":200},"responseTime":250,"msg":"done"}',
        0.25,
    ),
    "common schema": (
        '{"http.request.method":"GET","url.path":"/health",'
        '"http.response.status_code":200,"event":{"duration":250000000}}',
        0.25,
    ),
    "uvicorn": ('INFO:     127.0.0.1:52814 - "GET /health HTTP/1.1" 200 OK', None),
    "a duration of an unknown server": ('{"method":"GET","url":"/health","status":200,"duration":250}', None),
}


@pytest.mark.parametrize("name", OTHER_LOGS)
def test_log_formats_of_other_servers_are_read(name: str) -> None:
    text, duration_s = OTHER_LOGS[name]

    (entry,), skipped_count = access_log.parse_lines([text])

    assert (entry.method, entry.url, entry.status, skipped_count) == ("GET", "/health", 200, 0)
    assert entry.duration_s == (duration_s if duration_s is None else pytest.approx(duration_s))


@pytest.mark.parametrize(
    "text",
    [
        '{"level": "info", "msg": "listening on 80"}',
        '{"method": "GET", "path": "/health"}',
        '{"method": "GET", "path": {"a": 1}, "status": 200}',
        '{"method": "GET", "path": "/health", "status": true}',
        '{"log": {"log": {"log": 1}}}',
        '{"a": ' * 2000 + "}" * 2000,
        "[1] {}",
        "{}",
    ],
    ids=["an event", "no status", "a map", "a boolean", "wrapped", "deep", "a list", "empty"],
)
def test_line_of_json_that_is_not_a_request_is_skipped(text: str) -> None:
    assert access_log.parse_lines([text]) == ([], 1)


def test_query_in_a_json_log_is_left_out() -> None:
    entries, _ = access_log.parse_lines([NGINX.replace("/health", "/health?token=x")])

    assert access_log.most_frequent(entries, 10, has_server=True) == (
        [],
        ["requests with a query, whose values may be secrets (1)"],
    )


def test_compressed_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "alb.log.gz"
    log.write_bytes(gzip.compress(load_balancer_line("/health", 0.01).encode()))

    _, checks = record(tmp_path, "--access-log", str(log))

    assert list(checks) == ["GET /health answers 200"]


@pytest.mark.parametrize("data", [b"2026-11-22\tnothing\n", gzip.compress(b"x" * 999)[:20]], ids=["words", "cut"])
def test_log_without_requests_is_rejected_with_the_supported_formats(
    data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(data)

    stderr = refuse(capsys, "--access-log", str(log))

    assert "supported formats: common and combined" in stderr or "cannot be read: Compressed file ended" in stderr


def test_request_that_the_load_balancer_could_not_forward_has_no_duration() -> None:
    (entry,), _ = access_log.parse_lines(
        [load_balancer_line("/", 0.1, "-").replace(" 0.000 0.100 0.000 ", " -1 -1 -1 ")]
    )

    assert (entry.status, entry.duration_s) == (0, None)


@pytest.mark.parametrize(
    ("fields", "line", "duration_s"),
    [
        (
            "date x-edge-location cs-method cs-uri-stem sc-status cs-uri-query time-taken",
            "2026-11-22\tFRA2\tGET\t/health\t200\t-\t0.002",
            0.002,
        ),
        ("date cs-method cs-uri-stem cs-uri-query sc-status time-taken", "2026-11-22 GET /health - 200 2", 0.002),
        ("cs-method cs-uri-stem sc-status", "GET /health 200", None),
    ],
    ids=["cloudfront", "iis", "no-time"],
)
def test_log_with_a_fields_line_is_read(fields: str, line: str, duration_s: float | None) -> None:
    (entry,), skipped_count = access_log.parse_lines(["#Version: 1.0", f"#Fields: {fields}", line])

    assert (entry.method, entry.url, entry.status, entry.duration_s) == ("GET", "/health", 200, duration_s)
    assert skipped_count == 0


def test_query_in_a_log_with_a_fields_line_is_left_out() -> None:
    entries, _ = access_log.parse_lines(
        ["#Fields: cs-method cs-uri-stem cs-uri-query sc-status", "GET /a token=x 200", "- - - -"]
    )

    assert access_log.most_frequent(entries, 10, has_server=True) == (
        [],
        ["requests with a query, whose values may be secrets (1)"],
    )
