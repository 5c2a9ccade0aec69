"""The plan reference is current, and every example and row in it is true."""

from __future__ import annotations

import http.server
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from devkit.cli.main import main
from devkit.reference import plan_reference, predicate_docs, struct_docs
from greenlight.assertions import expectation
from greenlight.checks.binding import bind, deployment_values
from greenlight.checks.registry import Registry
from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.plan import yaml_reader
from greenlight.plan.model import Plan
from greenlight.plan.parser import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[3] / "docs"
SECTIONS = list(plan_reference.sections())
KINDS = plan_reference.plan_structs()
EXAMPLES = {item.title: plan_reference.complete_plan(item.example) for item in SECTIONS if item.example}
STAGE = "AfterAllowTestTraffic"
ROWS = [*predicate_docs.LITERALS, *(row for rows in predicate_docs.ROWS.values() for row in rows)]

OF_THE_SHIFT = ("every", "tolerate", "stop_on")
"""Keys of a stage that are only for AllowTraffic, which the example of a stage is not."""


PAGES = {
    "/page": ("text/html", b"<html><body><h1>Shop</h1></body></html>"),
    "/feed": ("application/xml", b'<feed xmlns="urn:example:feed"><title>Two articles</title></feed>'),
}


class _Shop(http.server.BaseHTTPRequestHandler):
    """A green with a catalogue and orders, for the examples of the reference."""

    protocol_version = "HTTP/1.1"
    orders: dict[str, Any] = {}

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        articles = {"articles": [{"sku": "A1"}, {"sku": "A2"}]}
        documents = {"/health": {"status": "ok"}, "/catalogue": articles, **self.orders}
        if path in PAGES:
            self._send(200, *PAGES[path])
        else:
            self._answer(200 if path in documents else 404, documents.get(path))

    def do_POST(self) -> None:
        number = str(len(self.orders) + 1)
        self.orders[f"/orders/{number}"] = self._sent()
        self._answer(201, {"id": number})

    def do_PUT(self) -> None:
        self.orders[self.path] = self._sent()
        self._answer(200, {})

    def do_DELETE(self) -> None:
        self._answer(200 if self.orders.pop(self.path, None) else 404, {})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_OPTIONS(self) -> None:
        self.do_GET()

    def do_PATCH(self) -> None:
        self.do_PUT()

    def _sent(self) -> Any:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return json.loads(raw) if self.headers.get("Content-Type") == "application/json" else raw.decode()

    def _answer(self, status: int, data: Any) -> None:
        self._send(status, "application/json", json.dumps(data).encode())

    def _send(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        if media_type == "text/html":
            cookie = "session=abc123; Domain=shop.example.com; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax"
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Log nothing."""


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Shop)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def read(text: str) -> Plan:
    return parse(text, fetch=lambda uri: (plan_reference.FRAGMENT, "") if uri == "file:shared/web.yaml" else None)


def needs_more(text: str) -> bool:
    """Return whether a plan needs an account or a certificate: for a validator with AWS calls, a secret, or `tls`."""
    checks = [check for stage in read(text).stages.values() for check in stage.checks]
    validators = [Registry().get(check.validator) for check in checks]
    return "${secret:" in text or "  tls:\n" in text or any(item is None or item.iam for item in validators)


RUN = {title: text for title, text in EXAMPLES.items() if not needs_more(text)}


def test_the_reference_in_docs_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--format", "markdown"]) == 0

    assert capsys.readouterr().out == (DOCS / "plan.md").read_text(), "run: make docs"


def test_keys_of_the_shift_are_in_an_example_of_its_guide() -> None:
    guide = (DOCS / "shift.md").read_text()
    assert [key for key in OF_THE_SHIFT if f"{key}:" not in guide] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_key_is_described_and_used_in_the_example_of_its_type(kind: struct_docs.Kind) -> None:
    descriptions = struct_docs.key_descriptions(kind)
    below = [item for field in msgspec.structs.fields(kind) for item in struct_docs.structs([field.type])]
    used = {
        key for item in (kind, *below) for key in _keys(yaml_reader.read(struct_docs.example_of(item), "example").data)
    }

    assert [key for key in descriptions if not descriptions[key]] == [], (
        "describe them under Attributes: in its docstring"
    )
    not_used = [key for key in descriptions if key not in used and key not in OF_THE_SHIFT]
    assert not_used == [], "use them, under Example: in its docstring"


def _keys(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from _keys(value)
    elif isinstance(data, list):
        for item in data:
            yield from _keys(item)


@pytest.mark.parametrize("title", EXAMPLES)
def test_every_example_is_a_plan_that_binds(title: str) -> None:
    side = Side(url="https://green.example", version="7", task_definition="arn:aws:ecs:mars-west-1:0:task/o:7")
    deployment = Deployment(id="d-EXAMPLE01", platform=Platform.ECS, stage=STAGE, green=side)

    bound = bind(read(EXAMPLES[title]), deployment, {}, Registry())

    assert all(check.params is not None and not check.malformed for checks in bound.values() for check in checks)


@pytest.mark.parametrize("title", RUN)
def test_every_example_that_needs_neither_account_nor_certificate_succeeds(
    title: str, shop: str, tmp_path: Path, capsys: Any
) -> None:
    plan = tmp_path / "example.yaml"
    plan.write_text(RUN[title])
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "web.yaml").write_text(plan_reference.FRAGMENT)

    for stage in read(RUN[title]).stages:
        assert main(["check", str(plan), "--stage", stage, "--url", shop]) == 0, capsys.readouterr().out


def test_few_examples_need_more_than_a_service() -> None:
    assert len(RUN) >= len(EXAMPLES) - 3


def test_every_predicate_has_a_description_a_row_that_holds_and_one_that_does_not() -> None:
    assert set(predicate_docs.MEANING) == set(predicate_docs.ROWS) == set(expectation.PREDICATES), (
        "write them in devkit/reference/predicate_docs.py"
    )
    assert [name for name, rows in predicate_docs.ROWS.items() if {row.holds for row in rows} != {True, False}] == []


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_row_is_true(row: predicate_docs.Row) -> None:
    assert expectation.parse(row.expected).holds(row.actual) is row.holds


def test_every_value_of_a_deployment_is_described() -> None:
    values = next(item.body for item in SECTIONS if item.title == "Variables and other values")
    names = deployment_values(Deployment(id="", platform=Platform.ECS, stage=""))

    assert [name for name in names if f"| `${{{name}}}` | " not in values] == []
    assert "|  |" not in values
