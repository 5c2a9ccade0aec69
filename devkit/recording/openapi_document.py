"""The check of an OpenAPI document, with the number of operations that a server answers correctly today."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from greenlight.checks.registry import Registry
from greenlight.core.deployment import Side
from greenlight.core.document_decoding import InvalidDocumentError, decode_document
from greenlight.core.errors import GreenlightError
from greenlight.core.finding import Outcome

from . import plan_writer
from .expectations import Server
from .openapi_files import bundle
from .request import RecordedRequest, escape_references

if TYPE_CHECKING:
    from pathlib import Path

_USUAL_PATHS = ("/openapi.json", "/openapi.yaml", "/v3/api-docs", "/swagger.json", "/api/openapi.json")
_MAX_LENGTH = 4 * 1024 * 1024
"""Limit on the characters of a document; the check does not read a larger one either."""
_MAX_LENGTH_IN_PLAN = 768 * 1024
"""Limit on the characters of a document inside a plan, which may have 1 MiB with its indentation."""


def record_document(text: str, origin: str, file: Path | None = None) -> tuple[list[str], list[str]]:
    """Render the check of an OpenAPI document.

    Args:
        text: The document, JSON or YAML.
        origin: The server that is checked once; "" to check none.
        file: The file of the document, whose references to files beside it are followed; None for standard input.

    Returns:
        The lines of the check, and the operations that it does not cover.

    Raises:
        GreenlightError: The document is not supported, or the server does not follow it.
    """
    original = _parse(text)
    document = original if file is None else _plain(bundle(original, file))
    operations = _safe_operations(document)
    if not operations and _has_other_files(document):
        raise GreenlightError("the operations of this document are in other files; bundle it into one file first")
    if not operations:
        raise GreenlightError("the check sends only GET and HEAD requests, and this document has neither")
    if not origin and all(_needs_credentials(operation, document) for operation in operations):
        raise GreenlightError(
            "every GET and HEAD operation of this document needs credentials, so the plan could never pass; write the "
            'check by hand with headers: openapi: {headers: {authorization: "${secret:secretsmanager:smoke#token}"}}'
        )
    params: dict[str, Any] = {"text": escape_references(text if document == original else json.dumps(document))}
    left_out: list[str] = []
    if origin:
        with Server(origin) as server:
            responses = {path: server.send(RecordedRequest(path=path)) for path in _USUAL_PATHS}
        path = next((path for path, response in responses.items() if _is_document(response, original)), "")
        params = {"document": path} if path else params
        covered, message = _run_check(params, origin)
        params["minimum"] = covered
        left_out = [f"{item.strip().removesuffix(')')})" for item in _uncovered(message) if item]
    lines = ["- name: the API keeps its contract", "  openapi:"]
    for key, value in params.items():
        if key == "text":
            rendered = escape_references(json.dumps(document, indent=1)).splitlines()
            lines += ["    text: |2", *(f"      {line}".rstrip() for line in rendered)]
        else:
            lines.append(f"    {key}: {plan_writer.flow_yaml(value)}")
    if sum(map(len, lines)) > _MAX_LENGTH_IN_PLAN:
        raise GreenlightError(
            "the document is too large for a plan; name the URL of a service that serves it at one of "
            + ", ".join(_USUAL_PATHS)
        )
    return lines, left_out


def _parse(text: str) -> Any:
    if len(text) > _MAX_LENGTH:
        raise GreenlightError(f"the OpenAPI document is larger than {_MAX_LENGTH >> 20} MiB")
    try:
        data = decode_document(text)
    except InvalidDocumentError as error:
        raise GreenlightError(f"the OpenAPI document {error}") from error
    if isinstance(data, dict) and "swagger" in data:
        raise GreenlightError(
            "the document is Swagger 2.0; convert it to OpenAPI 3.0 "
            "(https://converter.swagger.io), and record the result"
        )
    if not isinstance(data, dict) or not str(data.get("openapi", "")).startswith(("3.0", "3.1")):
        raise GreenlightError("the document is not an OpenAPI 3.0 or 3.1 document")
    return _plain(data)


def _plain(data: Any) -> Any:
    """Return the data as JSON has it: YAML has dates, and keys that are numbers."""
    return json.loads(json.dumps(data, default=str))


def _uncovered(message: str) -> list[str]:
    return message.partition("not covered: ")[2].split("), ")


def _safe_operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the operations that may be called; a path behind a reference within the document counts as one."""
    paths = document.get("paths")
    items = [item for item in paths.values() if isinstance(item, dict)] if isinstance(paths, dict) else []
    operations = [item[method] for item in items for method in ("get", "head") if method in item]
    operations += [item for item in items if "$ref" in item]
    return [
        operation
        for operation in operations
        if isinstance(operation, dict) and str(operation.get("$ref", "#")).startswith("#")
    ]


def _has_other_files(document: dict[str, Any]) -> bool:
    return re.search(r'"\$ref": "[^#"]', json.dumps(document.get("paths"))) is not None


def _needs_credentials(operation: dict[str, Any], document: dict[str, Any]) -> bool:
    security = operation.get("security", document.get("security")) or []
    return "$ref" not in operation and bool(security) and {} not in security


def _is_document(response: Any, document: Any) -> bool:
    try:
        return not isinstance(response, str) and response.status == 200 and _parse(response.body.decode()) == document
    except (GreenlightError, UnicodeDecodeError):
        return False


def _run_check(params: dict[str, Any], origin: str) -> tuple[int, str]:
    """Run the check once; return the number of operations that it covers, and its message."""
    from greenlight.testing import context_for, ecs_deployment, run_check

    validator = Registry().get("openapi")
    assert validator is not None  # noqa: S101 - it is part of greenlight
    with context_for(ecs_deployment(green=Side(url=origin)), timeout_s=60.0) as context:
        finding = run_check(validator, params, context)
    if finding.outcome is Outcome.INCONCLUSIVE:
        raise GreenlightError(
            f"no operation of the document can be called without further parameters: {finding.message}"
        )
    if finding.outcome is not Outcome.PASS:
        raise GreenlightError(f"the service does not follow the document: {finding.message}")
    return max(1, len(finding.evidence)), finding.message
