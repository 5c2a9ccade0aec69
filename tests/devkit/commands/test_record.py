"""What `greenlight record` writes passes lint and, against the same server, `check`; and it has no secret in it."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from devkit.cli.main import main
from devkit.recording import access_log, curl, expectations
from greenlight.testing import HttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAGE = "AfterAllowTestTraffic"
COUNT, FLIPS = itertools.count(), itertools.count()
DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "shop", "version": "1"},
    "paths": {
        "/orders": {
            "get": {"responses": {"200": {"description": "all", "content": {"application/json": {"schema": {"type": "array"}}}}}},
            "post": {"responses": {"201": {"description": "made"}}},
        },
        "/orders/{id}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "one"}},
            }
        },
    },
}  # fmt: skip


def answer(method: str, path: str, body: bytes) -> tuple[int, dict[str, str], Any]:
    json_ = {"Content-Type": "application/json; charset=utf-8"}
    bare = path.partition("?")[0]
    if method == "POST":
        return 201, json_, {"sku": json.loads(body)["sku"], "id": f"o-{next(COUNT)}"}
    if bare == "/health":
        said = {
            "status": "ok",
            "version": "1.4.2",
            "hits": next(COUNT),
            "db": {"up": True, "pool size": 4},
            "token": "t",
        }
        return 200, json_, said
    if bare == "/orders":
        return 200, json_, [{"sku": "A1"}, {"sku": "A2"}]
    if bare == "/":
        return 200, {"Content-Type": "text/html"}, "<h1>Shop</h1>"
    if bare == "/openapi.json":
        return 200, json_, DOCUMENT
    if bare == "/price":
        return 200, json_, {"price": 1.1, "note": "${not} a reference", "opens": "9:30", "ratio": 1e20, "none": None}
    if bare == "/flips":
        return 200 if next(FLIPS) % 2 else 404, {}, ""
    if bare == "/secret":
        return 200, json_, {"echo": "k-27819", "kind": "echo"}
    return (503 if bare == "/broken" else 404), {}, "no"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectations.recorded, "__defaults__", (0.0,))


@pytest.fixture
def shop() -> Iterator[HttpServer]:
    with HttpServer(answer) as service:
        yield service


def record(tmp_path: Path, *arguments: str) -> tuple[str, dict[str, Any]]:
    """Give the plan that is written, as text, and its checks by name."""
    target = tmp_path / "plan.yaml"
    assert main(["record", *arguments, "-o", str(target)]) == 0
    text = target.read_text()
    assert main(["lint", "--strict", str(target)]) == 0
    return text, {each["name"]: each for each in yaml.safe_load(text)["stages"][STAGE]["checks"]}


def passes(tmp_path: Path, url: str) -> bool:
    return main(["check", str(tmp_path / "plan.yaml"), "--stage", STAGE, "--url", url]) == 0


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["record", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err


# ---- from a URL ----------------------------------------------------------------------------------------------------


def test_a_plan_recorded_from_a_url_passes_against_it(tmp_path: Path, shop: HttpServer) -> None:
    _, checks = record(tmp_path, shop.url)

    assert list(checks) == ["GET / answers 200", "GET /health answers 200", "GET /openapi.json answers 200"]
    assert passes(tmp_path, shop.url)


def test_what_differs_between_two_answers_and_what_a_release_changes_is_left_out(
    tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    _, checks = record(tmp_path, f"{shop.url}/health")

    assert checks["GET /health answers 200"]["http"]["expect"] == {
        "status": 200,
        "headers": {"content-type": {"starts_with": "application/json"}},
        "json": {"status": "ok", "db.up": True, 'db."pool size"': 4},
    }
    said = capsys.readouterr().err
    assert "left out: GET /health: hits (differs between two answers)" in said
    assert "left out: GET /health: version (another release, host or time changes it)" in said
    assert "left out: GET /health: token (may be a secret)" in said


def test_a_release_that_answers_otherwise_fails_the_recorded_plan(tmp_path: Path, shop: HttpServer) -> None:
    record(tmp_path, f"{shop.url}/health")

    with HttpServer(lambda *_: (200, {"Content-Type": "application/json"}, {"status": "down"})) as other:
        assert not passes(tmp_path, other.url)


def test_texts_and_numbers_that_yaml_reads_otherwise_pass_as_they_are(tmp_path: Path, shop: HttpServer) -> None:
    _, checks = record(tmp_path, f"{shop.url}/price")

    fields = checks["GET /price answers 200"]["http"]["expect"]["json"]
    assert fields == {"price": 1.1, "note": "$${not} a reference", "opens": "9:30"}
    assert passes(tmp_path, shop.url)


def test_a_path_that_answers_once_so_and_once_so_is_left_out(
    tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    _, checks = record(tmp_path, shop.url, "--path", "/flips", "--path", "/broken")

    assert not any("flips" in name or "broken" in name for name in checks)
    said = capsys.readouterr().err
    assert "left out: GET /flips: it answered " in said
    assert "left out: GET /broken: it answered 503" in said


def test_only_get_is_sent_to_a_url(tmp_path: Path, shop: HttpServer) -> None:
    record(tmp_path, shop.url)

    assert {method for method, _, _ in shop.requests} == {"GET"}


def test_nothing_but_refusals_is_no_plan(capsys: pytest.CaptureFixture[str]) -> None:
    with HttpServer(lambda *_: (403, {}, "")) as service:
        said = refused(capsys, f"{service.url}/orders")

    assert "no plan was written, for it would be a bad one" in said
    assert "refusal" in said


def test_a_server_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert "does not answer" in refused(capsys, "http://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a URL, or one of --curl"),
        (["ftp://shop"], "no http or https URL"),
        (["http://me:hush@shop/"], "has credentials in it"),
        (["http://shop", "--path", "health"], "does not begin with /"),
        (["--curl", "no-such-file"], "cannot be read"),
        (["http://shop", "--top", "0"], "--top is a whole number"),
        (["http://shop", "--secret", "a b"], "--secret is the name"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_a_call_that_cannot_be_is_said_without_its_secrets(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = refused(capsys, *arguments)

    assert said in shown
    assert "hush" not in shown


def test_nothing_is_written_over_a_file(tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.yaml").write_text("mine")

    assert "nothing is written over it" in refused(capsys, shop.url, "-o", str(tmp_path / "plan.yaml"))
    assert (tmp_path / "plan.yaml").read_text() == "mine"


def test_a_program_gets_the_plan_and_what_is_left_out_in_one_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "access.log"
    log.write_text(common("/health") + common("/search?q=x"))

    assert main(["record", "--access-log", str(log), "--format", "json"]) == 0

    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert captured.err == ""
    assert document["left_out"] == ["requests with a query, whose values may be secrets (1)"]
    assert (document["secret"], document["secret_keys"]) == ("smoke", [])
    (check,) = yaml.safe_load(document["plan"])["stages"][STAGE]["checks"]
    assert check["name"] == "GET /health answers 200"
    assert "# once in the log\n" in document["plan"]


# ---- from curl -----------------------------------------------------------------------------------------------------


def test_curl_lines_become_checks_and_their_secrets_references(
    tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lines.sh"
    file.write_text(
        f"""\
# what support asks for
curl -sS {shop.url}/health \\
  -H 'Authorization: Bearer s3cr3t-value' -H 'X-Tenant: smoke' --compressed
$ curl '{shop.url}/orders?api_key=k-27819&page=1' -b 'session=abcdef'
curl -u me:hush {shop.url}/secret
curl {shop.url}/orders -d '{{"sku": "A1"}}' -H 'content-type: application/json'
curl -T file {shop.url}/upload
wget {shop.url}/
curl http://elsewhere.example/
"""
    )

    text, checks = record(tmp_path, "--curl", str(file))

    said = capsys.readouterr().err
    for secret in ("s3cr3t-value", "k-27819", "abcdef", "hush", "bWU6aHVzaA=="):
        assert secret not in text
        assert secret not in said
    health = checks["GET /health answers 200"]["http"]
    assert health["headers"] == {
        "Authorization": "Bearer ${secret:secretsmanager:smoke#authorization}",
        "X-Tenant": "smoke",
    }
    orders = checks["GET /orders answers 200"]["http"]
    assert orders["query"] == {"api_key": "${secret:secretsmanager:smoke#api-key}", "page": "1"}
    assert "echo" not in checks["GET /secret answers 200"]["http"]["expect"]["json"]
    assert "curl command 4: POST /orders changes data; --unsafe records it" in said
    assert "curl command 5: the option -T is not known here" in said
    assert "curl command 6: it does not begin with curl" in said
    assert "curl command 7: it goes to http://elsewhere.example" in said
    assert "put these keys into the secret 'smoke': api-key, authorization, authorization-2, cookie" in said
    assert {method for method, _, _ in shop.requests} == {"GET"}


def test_a_secret_of_one_request_is_in_no_other_either(
    tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "requests.sh"
    file.write_text(f"""curl {shop.url}/health -H 'Authorization: Bearer canary-1'
curl '{shop.url}/health?q=canary-1' -H 'X-Trace: a canary-1 b'
curl {shop.url}/health/canary-1
curl {shop.url}/password-reset/Zq81kLmP
""")
    text, _ = record(tmp_path, "--curl", str(file))
    said = capsys.readouterr().err
    assert "canary-1" not in text + said
    assert "Zq81kLmP" not in text + said
    assert "paths with a part that may be a secret or an id (2)" in said


def test_unsafe_methods_are_recorded_when_that_is_asked_for_and_sent_once(tmp_path: Path, shop: HttpServer) -> None:
    file = tmp_path / "lines.sh"
    file.write_text(f"""curl {shop.url}/orders --json '{{"sku": "A1", "password": "hush"}}'\n""")

    text, checks = record(tmp_path, "--curl", str(file), "--unsafe")

    check = checks["POST /orders answers 201"]
    assert check["retry"] == {"attempts": 1}
    assert check["http"]["body"] == {"json": {"sku": "A1", "password": "${secret:secretsmanager:smoke#password}"}}
    assert "hush" not in text
    assert [method for method, _, _ in shop.requests] == ["POST"]


def test_what_curl_says_of_every_body_is_no_secret_and_json_is_sent_as_json(tmp_path: Path, shop: HttpServer) -> None:
    file = tmp_path / "lines.sh"
    file.write_text(f"""curl {shop.url}/orders -d '{{"sku": "A1"}}'\n""")

    text, checks = record(tmp_path, "--curl", str(file), "--unsafe")

    http = checks["POST /orders answers 201"]["http"]
    assert http["headers"] == {"Content-Type": "application/x-www-form-urlencoded"}
    assert http["body"] == {"json": {"sku": "A1"}}
    assert "secret" not in text


def test_curl_lines_can_be_sent_elsewhere_and_come_from_standard_input(
    tmp_path: Path, shop: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("curl https://shop.example/health\ncurl -I https://www.example/\n"))

    _, checks = record(tmp_path, shop.url, "--curl", "-")

    assert list(checks) == ["GET /health answers 200", "HEAD / answers 200"]
    assert passes(tmp_path, shop.url)


@pytest.mark.parametrize(
    ("command", "method", "path", "body"),
    [
        ("curl http://a/x", "GET", "/x", None),
        ("curl a/x", "GET", "/x", None),
        ("curl -XDELETE http://a/x", "DELETE", "/x", None),
        ("curl --request=PUT http://a/x -d a=1 --data b=2", "PUT", "/x", b"a=1&b=2"),
        ("curl -G http://a/x -d a=1 --data-urlencode 'b=ä c'", "GET", "/x?a=1&b=%C3%A4%20c", None),
        ("curl -sSLI http://a", "HEAD", "/", None),
        ("/usr/bin/curl 'http://a/ä b?c=d e'", "GET", "/%C3%A4%20b?c=d%20e", None),
        ("curl http://a/x --data-raw @not-a-file", "POST", "/x", b"@not-a-file"),
        (r"""curl http://a/x --data-raw $'{"a":"it\'s \u0021\n"}'""", "POST", "/x", b'{"a":"it\'s !\n"}'),
        (r"""curl http://a/x -d 'costs $' -H $'x: \x41'""", "POST", "/x", b"costs $"),
        (r"""curl http://a/x -d "a \$'b'" """, "POST", "/x", b"a $'b'"),
        ("curl 'http://a/x' | jq .", "GET", "/x", None),
        ("curl 'http://a/x' > /dev/null 2>&1", "GET", "/x", None),
        ("curl 'http://a/x' --compressed ;", "GET", "/x", None),
        ('curl ^"http://a/x?a=1^&b=^%^2F^" ^\n  -H ^"accept: */*^" ^\n  --insecure &', "GET", "/x?a=1&b=%2F", None),
        (r'curl ^"http://a/x^" --data-raw ^"^{^\^"a^\^":^\^"b c^\^"^}^"', "POST", "/x", b'{"a":"b c"}'),
        (r'curl.exe "http://a/x" ^' + "\n" + r' -d "a \"b\" ^ c"', "POST", "/x", b'a "b" ^ c'),
        ('curl ^"http://a/x^" --data-raw ^"one^\n\ntwo^"', "POST", "/x", b"one\ntwo"),
    ],
)
def test_what_curl_would_send_is_understood(command: str, method: str, path: str, body: bytes | None) -> None:
    origin, asked = curl.asked(command, 1)

    assert (origin, asked.method, asked.path, asked.body) == ("http://a", method, path, body)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("curl", "no URLs"),
        ("curl http://a http://b", "2 URLs"),
        ("curl http://a -d @body.json", "read from a file"),
        ("curl http://a -b cookies.txt", "read from a file"),
        ("curl http://a -H", "-H has no value"),
        ("curl http://a -F x=@y", "the option -F is not known"),
        ("curl ftp://a/x", "neither http nor https"),
        ("curl http://me:hush@a/x", "credentials in it"),
        ("curl 'http://a", "quotes do not end"),
    ],
)
def test_what_curl_does_beyond_that_is_left_out_with_its_reason(command: str, said: str) -> None:
    with pytest.raises(curl.UnreadableError, match=said) as refusal:
        curl.asked(command, 1)

    assert "hush" not in str(refusal.value)


CHROME = """\
curl 'URL/health' \\
  -H 'accept: application/json' \\
  -H 'if-none-match: W/"1"' \\
  -b 'session=abcdef; theme=dark' \\
  -H 'priority: u=1, i' \\
  -H 'sec-ch-ua: "Chromium";v="142", "Not_A Brand";v="99"' \\
  -H 'sec-fetch-mode: cors' \\
  -H 'user-agent: Mozilla/5.0' ;
curl 'URL/orders' \\
  --compressed
"""
FIREFOX = """\
curl.exe ^"URL/health^" ^
  --compressed ^
  -H ^"Accept: application/json^" ^
  -H ^"Cookie: session=abcdef; theme=dark^" ^
  -H ^"Sec-Fetch-Mode: cors^" ^
  -H ^"Sec-GPC: 1^" &
curl.exe "URL/orders" ^
  -X GET
"""


@pytest.mark.parametrize("copied", [CHROME, FIREFOX], ids=["posix", "cmd"])
def test_what_browsers_copy_is_read_without_what_they_say_of_themselves(
    copied: str, tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "copied"
    file.write_text(copied.replace("URL", shop.url))

    text, checks = record(tmp_path, "--curl", str(file))

    assert list(checks) == ["GET /health answers 200", "GET /orders answers 200"]
    headers = {name.lower(): value for name, value in checks["GET /health answers 200"]["http"]["headers"].items()}
    assert headers == {"accept": "application/json", "cookie": "${secret:secretsmanager:smoke#cookie}"}
    assert "abcdef" not in text + capsys.readouterr().err


# ---- from an access log --------------------------------------------------------------------------------------------


def common(path: str, status: int = 200, method: str = "GET", more: str = "") -> str:
    return f'203.0.113.9 - - [22/Nov/2026:10:00:00 +0000] "{method} {path} HTTP/1.1" {status} 512{more}\n'


def balancer(path: str, seconds: float, status: str = "200") -> str:
    return (
        f"https 2026-11-22T10:00:00.000000Z app/shop/0123456789abcdef 203.0.113.9:2817 10.0.0.1:80 0.000 {seconds:.3f} 0.000 "
        f'{status} {status} 34 366 "GET https://shop.example:443{path} HTTP/1.1" "curl/8" - - '
        'arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/t/1 "Root=1-2-3" "-" "-" 0 - "forward" "-" "-" "-" "-" "-" "-"\n'
    )


def test_the_paths_that_users_ask_for_most_are_taken_with_their_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "access.log"
    log.write_text(
        common("/health") * 30
        + common("/orders", more=' "https://shop.example/" "Mozilla/5.0 (X11)"') * 20
        + common("/orders/4711") * 19
        + common("/search?q=secret-word") * 18
        + common("/orders", 201, "POST") * 17
        + common("/wp-login.php", 404) * 16
        + common("/unsteady") * 5
        + common("/unsteady", 302) * 5
        + common("/rare")
        + "no request\n"
    )

    text, checks = record(tmp_path, "--access-log", str(log), "--top", "2")

    said = capsys.readouterr().err
    assert list(checks) == ["GET /health answers 200", "GET /orders answers 200"]
    assert "# 30 times in the log" in text
    assert "secret-word" not in text + said
    for each in (
        "GET /orders/4711: an id in its path, which may not be there tomorrow (19)",
        "requests with a query, whose values may be secrets (18)",
        "POST requests: not safe (17)",
        "GET /wp-login.php: mostly answered with 404 (16)",
        "GET /unsteady: answered differently, 200 5 times, 302 5 times (10)",
        "paths beyond the 2 asked for most (--top) (1)",
        "lines that are no requests (1)",
    ):
        assert f"left out: {each}\n" in said


def test_a_log_of_the_load_balancer_gives_a_bound_on_latency(tmp_path: Path, shop: HttpServer) -> None:
    log = tmp_path / "alb.log"
    log.write_text("".join(balancer("/health", 0.010 * number) for number in range(1, 21)))

    text, checks = record(tmp_path, "--access-log", str(log), shop.url)

    assert "95 % within 190 ms" in text
    assert checks["GET /health answers 200"]["http"]["expect"]["latency"] == {"lte": "400ms"}
    assert passes(tmp_path, shop.url)


def test_few_requests_give_no_bound_on_latency() -> None:
    lines, others = access_log.lines([balancer("/a", 0.01)] * 19)

    (asked,), _ = access_log.asked(lines, 5, known=False)

    assert (others, asked.latency_s) == (0, 0.0)


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        (' "-" "curl/8.1.000" 0.125', 0.125),
        (' "-" "curl" rt=0.250 uct="0.001"', 0.25),
        (' "-" "curl/8"', None),
        ("", None),
    ],
)
def test_the_time_that_nginx_writes_is_read(more: str, seconds: float | None) -> None:
    (line,), _ = access_log.lines([common("/", more=more)])

    assert line.seconds == seconds


NGINX = '{"status":"200","request_method":"GET","request_uri":"/health","uri":"/x.php","request_time":"0.250","remote_addr":"203.0.113.9"}'
OTHER_LOGS = {
    "nginx": (NGINX, 0.25),
    "nginx, the request line": ('{"time":"t","request":"GET /health HTTP/1.1","status":200,"request_time":0.25}', 0.25),
    "nginx, nested": (f'{{"@timestamp":"t","@nginx_fields":{NGINX}}}', 0.25),
    "a container's": (json.dumps({"log": f"{NGINX}\n", "stream": "stdout", "time": "t"}), 0.25),
    "a container's, common": (json.dumps({"log": common("/health"), "stream": "stdout"}), None),
    "after a time": (f"2026-11-22T10:00:00.000Z web/web/0123 {NGINX}", 0.25),
    "envoy": ('{"method":"GET","path":"/health","response_code":200,"duration":250,"protocol":"HTTP/1.1"}', 0.25),
    "envoy, text": ('[2026-11-22T10:00:00.000Z] "GET /health HTTP/1.1" 200 - 0 512 250 249 "-" "curl/8" "id" "shop" "10.0.0.1:80"', 0.25),
    "istio, text": ('[2026-11-22T10:00:00.000Z] "GET /health HTTP/2" 200 - via_upstream - "-" 0 512 250 249 "-" "curl" "id" "shop"', 0.25),
    "cloudfront": ('{"cs-method":"GET","cs-uri-stem":"/health","cs-uri-query":"-","sc-status":"200","time-taken":"0.250"}', 0.25),
    "traefik": ('{"RequestMethod":"GET","RequestPath":"/health","DownstreamStatus":200,"Duration":250000000}', 0.25),
    "traefik, text": (common("/health", more=' "-" "curl" 7 "shop@docker" "http://10.0.0.1:80" 250ms').strip(), 0.25),
    "caddy": ('{"level":"info","request":{"method":"GET","uri":"/health","proto":"HTTP/2.0"},"duration":0.25,"status":200}', 0.25),
    "api gateway": ('{"httpMethod":"GET","path":"/health","status":"200","responseLatency":"250","routeKey":"GET /{any}"}', 0.25),
    "pino": ('{"level":30,"req":{"method":"GET","url":"/health"},"res":{"statusCode":200},"responseTime":250,"msg":"done"}', 0.25),
    "common schema": ('{"http.request.method":"GET","url.path":"/health","http.response.status_code":200,"event":{"duration":250000000}}', 0.25),
    "uvicorn": ('INFO:     127.0.0.1:52814 - "GET /health HTTP/1.1" 200 OK', None),
    "a duration of nobody known": ('{"method":"GET","url":"/health","status":200,"duration":250}', None),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_LOGS)
def test_logs_of_other_servers_are_read(name: str) -> None:
    text, seconds = OTHER_LOGS[name]

    (line,), others = access_log.lines([text])

    assert (line.method, line.url, line.status, others) == ("GET", "/health", 200, 0)
    assert line.seconds == (seconds if seconds is None else pytest.approx(seconds))


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
    ids=["an event", "no status", "a map", "a truth", "wrapped", "deep", "a list", "empty"],
)
def test_a_line_of_json_that_is_no_request_is_none(text: str) -> None:
    assert access_log.lines([text]) == ([], 1)


def test_a_query_in_json_is_left_out_as_well() -> None:
    found, _ = access_log.lines([NGINX.replace("/health", "/health?token=x")])

    assert access_log.asked(found, 10, known=True) == ([], ["requests with a query, whose values may be secrets (1)"])


def test_a_log_that_aws_has_packed_is_read(tmp_path: Path) -> None:
    log = tmp_path / "alb.log.gz"
    log.write_bytes(gzip.compress(balancer("/health", 0.01).encode()))

    _, checks = record(tmp_path, "--access-log", str(log))

    assert list(checks) == ["GET /health answers 200"]


@pytest.mark.parametrize("data", [b"2026-11-22\tnothing\n", gzip.compress(b"x" * 999)[:20]], ids=["words", "cut"])
def test_a_log_without_requests_says_which_are_known(
    data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(data)

    said = refused(capsys, "--access-log", str(log))

    assert "known are common and combined" in said or "cannot be read: Compressed file ended" in said


def test_a_request_that_the_balancer_could_not_send_on_has_no_time() -> None:
    (line,), _ = access_log.lines([balancer("/", 0.1, "-").replace(" 0.000 0.100 0.000 ", " -1 -1 -1 ")])

    assert (line.status, line.seconds) == (0, None)


# ---- from an OpenAPI document --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "line", "seconds"),
    [
        ("date x-edge-location cs-method cs-uri-stem sc-status cs-uri-query time-taken", "2026-11-22\tFRA2\tGET\t/health\t200\t-\t0.002", 0.002),
        ("date cs-method cs-uri-stem cs-uri-query sc-status time-taken", "2026-11-22 GET /health - 200 2", 0.002),
        ("cs-method cs-uri-stem sc-status", "GET /health 200", None),
    ],
    ids=["cloudfront", "iis", "no-time"],
)  # fmt: skip
def test_a_log_that_names_its_fields_is_read(fields: str, line: str, seconds: float | None) -> None:
    (found,), others = access_log.lines(["#Version: 1.0", f"#Fields: {fields}", line])

    assert (found.method, found.url, found.status, found.seconds) == ("GET", "/health", 200, seconds)
    assert others == 0


def test_a_query_of_a_log_that_names_its_fields_is_left_out() -> None:
    found, _ = access_log.lines(
        ["#Fields: cs-method cs-uri-stem cs-uri-query sc-status", "GET /a token=x 200", "- - - -"]
    )

    assert access_log.asked(found, 10, known=True) == ([], ["requests with a query, whose values may be secrets (1)"])


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_an_openapi_document_becomes_a_check_that_holds_what_the_server_keeps_today(
    form: str, tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"openapi.{form}"
    file.write_text(json.dumps(DOCUMENT) if form == "json" else yaml.safe_dump(DOCUMENT))

    _, checks = record(tmp_path, shop.url, "--openapi", str(file))

    assert checks["the API keeps its contract"]["openapi"] == {"document": "/openapi.json", "minimum": 1}
    assert "left out: POST /orders (not a safe method" in capsys.readouterr().err
    assert passes(tmp_path, shop.url)


def test_a_document_that_nobody_serves_stands_in_the_plan(tmp_path: Path, shop: HttpServer) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps({**DOCUMENT, "info": {"title": "another", "version": "2"}}))

    _, checks = record(tmp_path, "--openapi", str(file))

    assert json.loads(checks["the API keeps its contract"]["openapi"]["text"])["info"]["title"] == "another"
    assert passes(tmp_path, shop.url)


def test_a_server_that_breaks_its_contract_is_no_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(DOCUMENT))

    with HttpServer(lambda *_: (200, {"Content-Type": "application/json"}, {"not": "a list"})) as service:
        assert "does not answer as the document says" in refused(capsys, service.url, "--openapi", str(file))


def test_a_document_of_which_nothing_can_be_called_is_no_plan(
    tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps({**DOCUMENT, "paths": {"/orders": {"post": {}}}}))
    assert "this document has neither" in refused(capsys, "--openapi", str(file))

    file.write_text(json.dumps({**DOCUMENT, "security": [{"key": []}]}))
    said = refused(capsys, shop.url, "--openapi", str(file))
    assert "nothing that the document describes can be called as it is" in said
    assert "GET /orders (needs credentials; give headers)" in said


def test_a_large_document_is_left_where_it_is_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps({**DOCUMENT, "x-large": "x" * 800_000}))

    assert "name the URL of a service that serves it at one of /openapi.json" in refused(capsys, "--openapi", str(file))


@pytest.mark.parametrize("text", ["[]", "openapi: 2.0.0", "{", "a: [", "swagger: '2.0'"])
def test_what_is_no_openapi_document_is_said(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "document"
    file.write_text(text)

    assert "the " in refused(capsys, "--openapi", str(file))
