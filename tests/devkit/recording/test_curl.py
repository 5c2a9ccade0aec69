"""curl commands become requests, without the secrets in them."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from devkit.recording import curl
from greenlight.testing import HttpServer
from tests.support.recorded_service import passes, record

if TYPE_CHECKING:
    from pathlib import Path


def test_curl_commands_become_checks_with_references_to_secrets(
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

    stderr = capsys.readouterr().err
    for secret in ("s3cr3t-value", "k-27819", "abcdef", "hush", "bWU6aHVzaA=="):
        assert secret not in text
        assert secret not in stderr
    health = checks["GET /health answers 200"]["http"]
    assert health["headers"] == {
        "Authorization": "Bearer ${secret:secretsmanager:smoke#authorization}",
        "X-Tenant": "smoke",
    }
    orders = checks["GET /orders answers 200"]["http"]
    assert orders["query"] == {"api_key": "${secret:secretsmanager:smoke#api-key}", "page": "1"}
    assert "echo" not in checks["GET /secret answers 200"]["http"]["expect"]["json"]
    assert "curl command 4: POST /orders changes data; --unsafe records it" in stderr
    assert "curl command 5: the option -T is not supported" in stderr
    assert "curl command 6: it does not begin with curl" in stderr
    assert "curl command 7: it goes to http://elsewhere.example" in stderr
    assert "put these keys into the secret 'smoke': api-key, authorization, authorization-2, cookie" in stderr
    assert {method for method, _, _ in shop.requests} == {"GET"}


def test_secret_of_one_request_is_removed_from_all_others(
    tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "requests.sh"
    file.write_text(f"""curl {shop.url}/health -H 'Authorization: Bearer canary-1'
curl '{shop.url}/health?q=canary-1' -H 'X-Trace: a canary-1 b'
curl {shop.url}/health/canary-1
curl {shop.url}/password-reset/Zq81kLmP
""")
    text, _ = record(tmp_path, "--curl", str(file))
    stderr = capsys.readouterr().err
    assert "canary-1" not in text + stderr
    assert "Zq81kLmP" not in text + stderr
    assert "paths with a part that may be a secret or an id (2)" in stderr


def test_unsafe_methods_are_recorded_only_with_unsafe_and_sent_once(tmp_path: Path, shop: HttpServer) -> None:
    file = tmp_path / "lines.sh"
    file.write_text(f"""curl {shop.url}/orders --json '{{"sku": "A1", "password": "hush"}}'\n""")

    text, checks = record(tmp_path, "--curl", str(file), "--unsafe")

    check = checks["POST /orders answers 201"]
    assert check["retry"] == {"attempts": 1}
    assert check["http"]["body"] == {"json": {"sku": "A1", "password": "${secret:secretsmanager:smoke#password}"}}
    assert "hush" not in text
    assert [method for method, _, _ in shop.requests] == ["POST"]


def test_json_body_with_the_form_media_type_of_curl_is_recorded_as_json(tmp_path: Path, shop: HttpServer) -> None:
    file = tmp_path / "lines.sh"
    file.write_text(f"""curl {shop.url}/orders -d '{{"sku": "A1"}}'\n""")

    text, checks = record(tmp_path, "--curl", str(file), "--unsafe")

    http = checks["POST /orders answers 201"]["http"]
    assert http["headers"] == {"Content-Type": "application/x-www-form-urlencoded"}
    assert http["body"] == {"json": {"sku": "A1"}}
    assert "secret" not in text


def test_curl_commands_are_read_from_standard_input_and_sent_to_another_server(
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
def test_command_is_parsed_as_curl_parses_it(command: str, method: str, path: str, body: bytes | None) -> None:
    origin, request = curl.parse_command(command, 1)

    assert (origin, request.method, request.path, request.body) == ("http://a", method, path, body)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("curl", "no URLs"),
        ("curl http://a http://b", "2 URLs"),
        ("curl http://a -d @body.json", "read from a file"),
        ("curl http://a -b cookies.txt", "read from a file"),
        ("curl http://a -H", "-H has no value"),
        ("curl http://a -F x=@y", "the option -F is not supported"),
        ("curl ftp://a/x", "neither http nor https"),
        ("curl http://me:hush@a/x", "credentials in it"),
        ("curl 'http://a", "open quote"),
        ("curl $BASE_URL/health", r"the shell's variable \$BASE_URL; write the value"),
        ('curl "https://${HOST}:8080/health"', r"the shell's variable \$\{HOST\}"),
    ],
)
def test_unsupported_command_is_left_out_with_its_reason(command: str, message: str) -> None:
    with pytest.raises(curl.UnreadableError, match=message) as refusal:
        curl.parse_command(command, 1)

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


@pytest.mark.parametrize("commands", [CHROME, FIREFOX], ids=["posix", "cmd"])
def test_commands_copied_from_browsers_are_read_without_headers_about_the_browser(
    commands: str, tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "copied"
    file.write_text(commands.replace("URL", shop.url))

    text, checks = record(tmp_path, "--curl", str(file))

    assert list(checks) == ["GET /health answers 200", "GET /orders answers 200"]
    headers = {name.lower(): value for name, value in checks["GET /health answers 200"]["http"]["headers"].items()}
    assert headers == {"accept": "application/json", "cookie": "${secret:secretsmanager:smoke#cookie}"}
    assert "abcdef" not in text + capsys.readouterr().err


def test_request_that_comes_twice_is_recorded_once(
    tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "history"
    url = shop.url
    file.write_text(
        f"curl {url}/health\ncurl -s {url}/health\ncurl {url}/orders\n"
        f"curl -X GET {url}/orders -d x\nsudo curl {url}/\ntime curl {url}/price\n"
    )

    _, checks = record(tmp_path, "--curl", str(file), "--path", "/health")

    stderr = capsys.readouterr().err
    paths = ("/health", "/orders", "/", "/price")
    assert list(checks) == [f"GET {path} answers 200" for path in paths]
    assert "left out: curl command 2: GET /health: the same request comes before\n" in stderr
    assert "left out: curl command 4: GET /orders: GET with a body cannot be in a plan\n" in stderr


def test_missing_page_of_a_command_is_left_out_with_its_status(
    tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "history"
    file.write_text(f"curl {shop.url}/checkout\ncurl {shop.url}/orders\n")

    _, checks = record(tmp_path, "--curl", str(file))

    assert list(checks) == ["GET /orders answers 200"]
    assert "left out: GET /checkout: it answered 404\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "recorded"),
    [(206, ["GET / answers 200", "GET /b answers 206"]), (304, ["GET / answers 200"])],
)
def test_part_of_an_answer_is_expected_only_of_a_request_for_a_part(
    status: int, recorded: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with HttpServer(lambda _method, path, _body: (200 if path == "/" else status, {}, "")) as service:
        file = tmp_path / "history"
        file.write_text(f"curl {service.url}/\ncurl {service.url}/a\ncurl {service.url}/b -H 'Range: bytes=0-1'\n")
        _, checks = record(tmp_path, "--curl", str(file))

    assert list(checks) == recorded
    assert f"left out: GET /a: it answered {status} to a request that asks for the whole" in capsys.readouterr().err


def test_commands_of_powershell_and_files_with_a_mark_are_read(tmp_path: Path, shop: HttpServer) -> None:
    file = tmp_path / "commands.ps1"
    file.write_text(f'curl.exe "{shop.url}/health"\ncurl.exe "{shop.url}/orders" `\n  -H "X-A: 1"\n', "utf-8-sig")

    _, checks = record(tmp_path, "--curl", str(file))

    assert list(checks) == ["GET /health answers 200", "GET /orders answers 200"]
    assert checks["GET /orders answers 200"]["http"]["headers"] == {"X-A": "1"}
