"""Rendering of recorded checks as a plan in YAML, formatted as if written by hand."""

from __future__ import annotations

import json
import re
import urllib.parse
from typing import TYPE_CHECKING, Any

from greenlight.core.display import truncate

from .request import escape_references

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .expectations import RecordedCheck
    from .request import RecordedRequest
    from .secret_references import SecretReferences

_UNQUOTED = re.compile(r"[A-Za-z/][A-Za-z0-9/._-]*")
_YAML_KEYWORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def render_plan(
    checks: Sequence[RecordedCheck],
    stage: str,
    source: str,
    references: SecretReferences,
    further_checks: Sequence[str] = (),
) -> str:
    """Render a plan with one stage; `further_checks` are lines of YAML."""
    lines = [
        f"# Recorded from {truncate(source, 200)}. It describes the responses of today. "
        "Review it, and remove what may change.",
        "version: 1",
        "defaults: {timeout: 5s, retry: {attempts: 2, interval: 1s}}",
        "stages:",
        f"  {stage}:",
        "    checks:",
    ]
    counts: dict[str, int] = {}
    for check in checks:
        name = f"{check.request.name} answers {check.expect['status']}"
        counts[name] = counts.get(name, 0) + 1
        lines += _render_check(check, f"{name} ({counts[name]})" if counts[name] > 1 else name, references)
    lines += [f"      {line}" for line in further_checks]
    return "\n".join([*lines, ""])


def collect_secrets(request: RecordedRequest, references: SecretReferences) -> None:
    """Register the secrets of a request, before any message can contain them."""
    for name, value in request.headers:
        references.replace_in_header(name, value)
    _split_query(request.path, references)
    if request.body is not None:
        _body(request, references)


def _render_check(check: RecordedCheck, name: str, references: SecretReferences) -> list[str]:
    request = check.request
    path, query = _split_query(request.path, references)
    lines = [f"      # {truncate(request.source, 200)}"] if request.source else []
    lines += [f"      - name: {_scalar(truncate(escape_references(name), 120))}"]
    if not request.is_safe:
        lines.append("        retry: {attempts: 1}")
    lines += ["        http:", f"          {request.method.lower()}: {_scalar(escape_references(path))}"]
    if query:
        lines.append(f"          query: {flow_yaml(query)}")
    if request.headers:
        lines.append("          headers:")
        for header, value in request.headers:
            lines.append(f"            {_scalar(header)}: {_scalar(references.replace_in_header(header, value))}")
    if request.body is not None:
        lines.append(f"          body: {flow_yaml(_body(request, references))}")
    lines.append("          expect:")
    for key, value in check.expect.items():
        if key == "json":
            lines.append("            json:")
            lines += [f"              {_scalar(field)}: {flow_yaml(expected)}" for field, expected in value.items()]
        else:
            lines.append(f"            {key}: {flow_yaml(value)}")
    return lines


def _split_query(path: str, references: SecretReferences) -> tuple[str, dict[str, Any]]:
    """Return the path with its query, or both separately if the query contains a secret."""
    bare, _, query = path.partition("?")
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    if not any(references.is_secret(name, value) for name, value in pairs):
        return path, {}
    fields: dict[str, Any] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(references.replace_in_data(value, name))
    return bare, {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _body(request: RecordedRequest, references: SecretReferences) -> dict[str, Any]:
    """Return the value of the key `body`, in the most specific form: json, form or text."""
    body = request.body or b""
    content_type = next((value for name, value in request.headers if name.lower() == "content-type"), "")
    media_type = content_type.partition(";")[0]
    try:
        data = json.loads(body)
        # `curl -d` sends each body as a form, so the media type alone does not decide.
        if "json" in media_type or isinstance(data, (dict, list)):
            return {"json": references.replace_in_data(data)}
    except (ValueError, RecursionError):
        pass
    text = body.decode("utf-8", errors="replace")
    if media_type == "application/x-www-form-urlencoded":
        pairs = urllib.parse.parse_qsl(text, keep_blank_values=True)
        fields = dict(pairs)
        if len(fields) == len(pairs) and urllib.parse.urlencode(fields) == urllib.parse.urlencode(pairs) and fields:
            return {"form": references.replace_in_data(fields)}
    if references.is_secret(text, text):
        return {"text": references.reference("body", text)}
    return {"text": escape_references(text)}


def flow_yaml(value: Any) -> str:
    """Render JSON-like data as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {flow_yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow_yaml, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """Render a text without quotes if every YAML parser reads it as the same text, else with quotes."""
    if isinstance(value, str) and _UNQUOTED.fullmatch(value) and value.lower() not in _YAML_KEYWORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
