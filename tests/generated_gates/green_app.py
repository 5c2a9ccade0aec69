"""The service of a generated gate, as green, blue or another host runs it."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .world import World

_TAG = re.compile(r"/t/([^/?]+)")
_NOTES: dict[str, dict[str, Any]] = {}


@dataclasses.dataclass(frozen=True)
class Request:
    """A request as received; `raw` is its head."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    raw: bytes

    @property
    def tag(self) -> str:
        """The tag of the check that sent it."""
        match = _TAG.match(self.target)
        return match[1] if match else ""


@dataclasses.dataclass(frozen=True)
class Response:
    """A response; `raw` replaces all else."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bytes = b""


def make_response(world: World, request: Request, side: str, blue_port: int, other_port: int) -> Response | None:
    """Return the response of a side, and record green's; None closes the connection."""
    token = request.target.partition("token=")[2]
    if token and side != "green":
        world.record.add_followed(token)
    if side != "green":
        return _answer(request, "7" if side == "blue" else "9")
    if world.green == "cut":
        return Response(0, {}, b"", b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"status": "ok"')
    if world.green == "illegal framing":
        return Response(0, {}, b"", world.chance.choice(_ILLEGAL))
    if world.green in ("to blue", "to other", "to itself") and not token:
        return _redirect(world, request, {"to blue": blue_port, "to other": other_port}.get(world.green, 0))
    world.record.add_answer(request.tag)
    if world.green == "wrong status":
        return Response(world.chance.choice((500, 404, 418, 503)), {}, b'{"status": "ok", "release": "8"}')
    if world.green == "wrong body":
        return Response(
            200, {"content-type": "application/json"}, b'{"status": "broken", "errors": [{"message": "x"}]}'
        )
    return _answer(request, "8")


_ILLEGAL = (
    b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 16\r\n\r\n{"status": "ok"}',
    b'HTTP/1.1 200 OK\r\nContent-Length: +16\r\n\r\n{"status": "ok"}',
    b'HTTP/1.1 200 OK\nContent-Length: 16\n\n{"status": "ok"}',
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n{"status": "ok"}',
    b"garbage",
)


def _redirect(world: World, request: Request, port: int) -> Response:
    token = f"{world.number}-{world.chance.getrandbits(60):x}"
    world.record.add_answer(request.tag, token if port else "")
    base = f"http://127.0.0.1:{port}" if port else ""
    return Response(302, {"location": f"{base}{request.target.partition('?')[0]}?token={token}"}, b"")


def _answer(request: Request, release: str) -> Response:
    path = request.target.partition("?")[0]
    headers = {"content-type": "application/json", "x-release": release}
    if path.endswith("/openapi.json"):
        return Response(200, headers, json.dumps(_describe_api(request.tag)).encode())
    if "/notes" in path:
        return _answer_note(request, path, headers)
    return Response(200, headers, json.dumps({"status": "ok", "release": release, "data": {"a": 1}}).encode())


def _answer_note(request: Request, path: str, headers: dict[str, str]) -> Response:
    """Answer a request for the notes, which both sides keep in one database."""
    name = path.rpartition("/")[2]
    if request.method == "POST":
        note = json.loads(request.body or b"{}")
        _NOTES[str(note.get("text", ""))] = note
        return Response(201, headers, json.dumps({"id": note.get("text"), **note}).encode())
    if request.method == "DELETE":
        _NOTES.pop(name, None)
        return Response(200, headers, b"{}")
    return Response(200 if name in _NOTES else 404, headers, json.dumps(_NOTES.get(name, {})).encode())


def _describe_api(tag: str) -> dict[str, Any]:
    schema = {"type": "object", "required": ["status"], "properties": {"status": {"enum": ["ok"]}}}
    content = {"application/json": {"schema": schema}}
    operation = {"get": {"responses": {"200": {"description": "", "content": content}}}}
    return {"openapi": "3.0.3", "info": {"title": "x", "version": "1"}, "paths": {f"/t/{tag}/items": operation}}
