"""A recorded plan as a person would have written it."""

from __future__ import annotations

import json
import re
import urllib.parse
from typing import TYPE_CHECKING, Any

from devkit.recording.request import escaped
from greenlight.core.display import truncate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devkit.recording.expectations import Recorded
    from devkit.recording.request import Hidden, RecordedRequest

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9/._-]*")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def plan(recorded: Sequence[Recorded], stage: str, source: str, hidden: Hidden, more: Sequence[str] = ()) -> str:
    """Write a plan of one stage; `more` are the lines of further checks."""
    lines = [
        f"# Recorded from {truncate(source, 200)}. It says what is so today: read it, and take out what may change.",
        "version: 1",
        "defaults: {timeout: 5s, retry: {attempts: 2, interval: 1s}}",
        "stages:",
        f"  {stage}:",
        "    checks:",
    ]
    names: dict[str, int] = {}
    for each in recorded:
        name = f"{each.asked.name} answers {each.expect['status']}"
        names[name] = names.get(name, 0) + 1
        lines += _check(each, f"{name} ({names[name]})" if names[name] > 1 else name, hidden)
    lines += [f"      {line}" for line in more]
    return "\n".join([*lines, ""])


def hide(asked: RecordedRequest, hidden: Hidden) -> None:
    """Learn the secrets of a request before any message can have them in it."""
    for name, value in asked.headers:
        hidden.header(name, value)
    _split(asked.path, hidden)
    if asked.body is not None:
        _content(asked, hidden)


def _check(each: Recorded, name: str, hidden: Hidden) -> list[str]:
    asked = each.asked
    path, query = _split(asked.path, hidden)
    lines = [f"      # {truncate(asked.of, 200)}"] if asked.of else []
    lines += [f"      - name: {_scalar(truncate(escaped(name), 120))}"]
    if not asked.safe:
        lines.append("        retry: {attempts: 1}")
    lines += ["        http:", f"          {asked.method.lower()}: {_scalar(escaped(path))}"]
    if query:
        lines.append(f"          query: {flow(query)}")
    if asked.headers:
        lines.append("          headers:")
        lines += [
            f"            {_scalar(name)}: {_scalar(hidden.header(name, value))}" for name, value in asked.headers
        ]
    if asked.body is not None:
        lines.append(f"          body: {flow(_content(asked, hidden))}")
    lines.append("          expect:")
    for key, value in each.expect.items():
        if key == "json":
            lines.append("            json:")
            lines += [f"              {_scalar(path)}: {flow(value)}" for path, value in value.items()]
        else:
            lines.append(f"            {key}: {flow(value)}")
    return lines


def _split(path: str, hidden: Hidden) -> tuple[str, dict[str, Any]]:
    """Give the path with its query, or both apart where a value of the query is a secret."""
    bare, _, query = path.partition("?")
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    if not any(hidden.hides(name, value) for name, value in pairs):
        return path, {}
    fields: dict[str, Any] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(hidden.data(value, name))
    return bare, {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _content(asked: RecordedRequest, hidden: Hidden) -> dict[str, Any]:
    """Give a body in the form that says most about it."""
    body = asked.body or b""
    media_type = next((value for name, value in asked.headers if name.lower() == "content-type"), "").partition(";")[0]
    try:
        data = json.loads(body)
        if "json" in media_type or isinstance(data, (dict, list)):  # curl -d says of every body that it is a form
            return {"json": hidden.data(data)}
    except (ValueError, RecursionError):
        pass
    text = body.decode("utf-8", errors="replace")
    if media_type == "application/x-www-form-urlencoded":
        pairs = urllib.parse.parse_qsl(text, keep_blank_values=True)
        fields = dict(pairs)
        if len(fields) == len(pairs) and urllib.parse.urlencode(fields) == urllib.parse.urlencode(pairs) and fields:
            return {"form": hidden.data(fields)}
    return {"text": hidden.reference("body", text) if hidden.hides(text, text) else escaped(text)}


def flow(value: Any) -> str:
    """Write data on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """Write a text plainly where every reader takes it for that text, and in quotes elsewhere."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
