"""Interface for validators. Its names are stable; a validator imports nothing else of greenlight.

A validator is one file: a module docstring with its claim, a frozen `Params`, and one decorated function.

    class Tcp(Params):
        port: int

    @validator(Tcp, iam=())
    def tcp(params: Tcp, context: Context) -> Finding:
        ...
        return passed(f"port {params.port} accepts connections")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from greenlight.assertions.expectation import DurationExpectation, Expectation, SizeExpectation
from greenlight.assertions.jmespath_query import compile_query, run_query
from greenlight.checks.context import Context
from greenlight.checks.findings import check_value, error, failed, finding_from, inconclusive, out_of_time, passed
from greenlight.checks.series import sample_series, time_series
from greenlight.checks.validator import IamRequirement, Params, Validator, validator
from greenlight.core.clock import Clock
from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.core.errors import ExpectationError, GreenlightError, HttpError, NoAnswerError, UnreachableError
from greenlight.core.finding import Evidence, Finding, Outcome, Series
from greenlight.core.json_values import MISSING
from greenlight.core.units import Duration, Size, field_default
from greenlight.network.client import Response
from greenlight.toolkit.capture_substitution import substitute_captures

if TYPE_CHECKING:
    from greenlight.assertions.json_schema import SchemaLimitError, schema_errors
    from greenlight.aws.dynamodb_json import from_dynamodb, to_dynamodb
    from greenlight.core.document_decoding import InvalidDocumentError, decode_document, nesting_exceeds
    from greenlight.core.json_decoding import DuplicateKeyError, InvalidJsonError, decode_json
    from greenlight.network.certificate import Certificate, read_certificate
    from greenlight.network.cookies import CookieJar
    from greenlight.toolkit.aws_lookups import (
        get_deployment_group,
        get_function_configuration,
        get_task_definition,
        list_service_tasks,
    )
    from greenlight.toolkit.captures import capture_value, is_sensitive, unique_id, validate_capture
    from greenlight.toolkit.http_expectation import (
        CertificateExpectation,
        ContentExpectation,
        ResponseExpectation,
        check_certificate,
        check_response,
        reject_body_expectations,
    )
    from greenlight.toolkit.http_request import SAFE_METHODS, HttpRequest, send_request
    from greenlight.toolkit.json_text import describe_gap, parse_json
    from greenlight.toolkit.lambda_events.event import HttpKind, LambdaEvent, build_event
    from greenlight.toolkit.lambda_events.metadata import EventMetadata
    from greenlight.toolkit.lambda_events.payload import LambdaPayload
    from greenlight.toolkit.lambda_events.response import read_response
    from greenlight.toolkit.lambda_invocation import Invocation, NoResultError, invoke
    from greenlight.toolkit.response_diff import (
        Difference,
        DifferenceCount,
        count_differences,
        find_differences,
        is_partial,
        percentile,
    )

__all__ = [
    "MISSING",
    "SAFE_METHODS",
    "Certificate",
    "CertificateExpectation",
    "Clock",
    "ContentExpectation",
    "Context",
    "CookieJar",
    "Deployment",
    "Difference",
    "DifferenceCount",
    "DuplicateKeyError",
    "Duration",
    "DurationExpectation",
    "EventMetadata",
    "Evidence",
    "Expectation",
    "ExpectationError",
    "Finding",
    "GreenlightError",
    "HttpError",
    "HttpKind",
    "HttpRequest",
    "IamRequirement",
    "InvalidDocumentError",
    "InvalidJsonError",
    "Invocation",
    "LambdaEvent",
    "LambdaPayload",
    "NoAnswerError",
    "NoResultError",
    "Outcome",
    "Params",
    "Platform",
    "Response",
    "ResponseExpectation",
    "SchemaLimitError",
    "Series",
    "Side",
    "Size",
    "SizeExpectation",
    "UnreachableError",
    "Validator",
    "build_event",
    "capture_value",
    "check_certificate",
    "check_response",
    "check_value",
    "compile_query",
    "count_differences",
    "decode_document",
    "decode_json",
    "describe_gap",
    "error",
    "failed",
    "field_default",
    "find_differences",
    "finding_from",
    "from_dynamodb",
    "get_deployment_group",
    "get_function_configuration",
    "get_task_definition",
    "inconclusive",
    "invoke",
    "is_partial",
    "is_sensitive",
    "list_service_tasks",
    "nesting_exceeds",
    "out_of_time",
    "parse_json",
    "passed",
    "percentile",
    "read_certificate",
    "read_response",
    "reject_body_expectations",
    "run_query",
    "sample_series",
    "schema_errors",
    "send_request",
    "substitute_captures",
    "time_series",
    "to_dynamodb",
    "unique_id",
    "validate_capture",
    "validator",
]  # fmt: skip

_LAZY_EXPORTS = {
    "toolkit.http_expectation": (
        "ResponseExpectation",
        "CertificateExpectation",
        "ContentExpectation",
        "check_certificate",
        "check_response",
        "reject_body_expectations",
    ),
    "toolkit.captures": ("capture_value", "validate_capture", "unique_id", "is_sensitive"),
    "network.certificate": ("Certificate", "read_certificate"),
    "toolkit.response_diff": (
        "DifferenceCount",
        "Difference",
        "count_differences",
        "find_differences",
        "is_partial",
        "percentile",
    ),
    "network.cookies": ("CookieJar",),
    "aws.dynamodb_json": ("to_dynamodb", "from_dynamodb"),
    "toolkit.http_request": ("SAFE_METHODS", "HttpRequest", "send_request"),
    "toolkit.lambda_invocation": ("Invocation", "NoResultError", "invoke"),
    "toolkit.aws_lookups": (
        "get_deployment_group",
        "get_function_configuration",
        "get_task_definition",
        "list_service_tasks",
    ),
    "assertions.json_schema": ("SchemaLimitError", "schema_errors"),
    "core.document_decoding": ("InvalidDocumentError", "decode_document", "nesting_exceeds"),
    "core.json_decoding": ("DuplicateKeyError", "InvalidJsonError", "decode_json"),
    "toolkit.json_text": ("describe_gap", "parse_json"),
    "toolkit.lambda_events.event": ("HttpKind", "LambdaEvent", "build_event"),
    "toolkit.lambda_events.payload": ("LambdaPayload",),
    "toolkit.lambda_events.response": ("read_response",),
    "toolkit.lambda_events.metadata": ("EventMetadata",),
}
"""Modules that few validators need, with their exported names. A gate loads them only if its plan needs them."""


def __getattr__(name: str) -> Any:
    """Import and return a lazy export."""
    for module, names in _LAZY_EXPORTS.items():
        if name in names:
            return getattr(importlib.import_module(f"greenlight.{module}"), name)
    raise AttributeError(f"greenlight.api has no {name!r}")
