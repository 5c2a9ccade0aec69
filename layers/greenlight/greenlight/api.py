"""All that a validator may import. What stands here stays; nothing else of greenlight is promised.

A validator is one file: a module docstring with its claim, a frozen `Params`, one decorated function.

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

from greenlight.assertions.expectation import Expectation
from greenlight.assertions.jmespath_query import compiled, find
from greenlight.checks.context import Context
from greenlight.checks.findings import error, evidence, failed, inconclusive, judged, passed
from greenlight.checks.series import over_time, sample
from greenlight.checks.validator import Need, Params, Validator, validator
from greenlight.core.errors import ExpectationError, GreenlightError, HttpError, NoAnswerError
from greenlight.core.missing import MISSING
from greenlight.core.model import Deployment, Evidence, Finding, Outcome, Platform, Series, Side
from greenlight.core.units import Duration, Size, default
from greenlight.network.client import Response
from greenlight.plan.decoder import DurationExpectation, SizeExpectation
from greenlight.toolkit.capture_substitution import filled

if TYPE_CHECKING:
    from greenlight.assertions.json_schema import mismatched
    from greenlight.aws.dynamodb_json import marshalled, unmarshalled
    from greenlight.network.certificate import Certificate, certificate
    from greenlight.network.cookies import Jar
    from greenlight.plan.yaml_reader import too_deep
    from greenlight.toolkit.aws_lookups import deployment_group, service_tasks
    from greenlight.toolkit.captures import captured_value, checked_source, fresh, hidden
    from greenlight.toolkit.http_expectation import (
        AnswerExpectation,
        CertificateExpectation,
        ContentExpectation,
        certified,
        looked_at,
    )
    from greenlight.toolkit.http_request import SAFE, Call, exchanged
    from greenlight.toolkit.lambda_events.event import HttpKind, LambdaEvent, built
    from greenlight.toolkit.lambda_events.metadata import Stamp
    from greenlight.toolkit.lambda_events.payload import LambdaInput
    from greenlight.toolkit.lambda_events.response import response
    from greenlight.toolkit.lambda_invocation import Invocation, NoResultError, invoked
    from greenlight.toolkit.response_diff import Compared, Difference, compared, differences, percentile

__all__ = [
    "MISSING",
    "SAFE",
    "AnswerExpectation",
    "Call",
    "Certificate",
    "CertificateExpectation",
    "Compared",
    "ContentExpectation",
    "Context",
    "Deployment",
    "Difference",
    "Duration",
    "DurationExpectation",
    "Evidence",
    "Expectation",
    "ExpectationError",
    "Finding",
    "GreenlightError",
    "HttpError",
    "HttpKind",
    "Invocation",
    "Jar",
    "LambdaEvent",
    "LambdaInput",
    "Need",
    "NoAnswerError",
    "NoResultError",
    "Outcome",
    "Params",
    "Platform",
    "Response",
    "Series",
    "Side",
    "Size",
    "SizeExpectation",
    "Stamp",
    "Validator",
    "built",
    "captured_value",
    "certificate",
    "certified",
    "checked_source",
    "compared",
    "compiled",
    "default",
    "deployment_group",
    "differences",
    "error",
    "evidence",
    "exchanged",
    "failed",
    "filled",
    "find",
    "fresh",
    "hidden",
    "inconclusive",
    "invoked",
    "judged",
    "looked_at",
    "marshalled",
    "mismatched",
    "over_time",
    "passed",
    "percentile",
    "response",
    "sample",
    "service_tasks",
    "too_deep",
    "unmarshalled",
    "validator",
]  # fmt: skip

_WHEN_ASKED_FOR = {
    "toolkit.http_expectation": (
        "AnswerExpectation",
        "CertificateExpectation",
        "ContentExpectation",
        "certified",
        "looked_at",
    ),
    "toolkit.captures": ("captured_value", "checked_source", "fresh", "hidden"),
    "network.certificate": ("Certificate", "certificate"),
    "toolkit.response_diff": ("Compared", "Difference", "compared", "differences", "percentile"),
    "network.cookies": ("Jar",),
    "aws.dynamodb_json": ("marshalled", "unmarshalled"),
    "toolkit.http_request": ("SAFE", "Call", "exchanged"),
    "toolkit.lambda_invocation": ("Invocation", "NoResultError", "invoked"),
    "toolkit.aws_lookups": ("deployment_group", "service_tasks"),
    "assertions.json_schema": ("mismatched",),
    "plan.yaml_reader": ("too_deep",),
    "toolkit.lambda_events.event": ("HttpKind", "LambdaEvent", "built"),
    "toolkit.lambda_events.payload": ("LambdaInput",),
    "toolkit.lambda_events.response": ("response",),
    "toolkit.lambda_events.metadata": ("Stamp",),
}
"""Modules that few validators need, each with what it gives; a gate whose plan has none of those does not load them."""


def __getattr__(name: str) -> Any:
    """Give what is imported only when a validator asks for it."""
    for module, names in _WHEN_ASKED_FOR.items():
        if name in names:
            return getattr(importlib.import_module(f"greenlight.{module}"), name)
    raise AttributeError(f"greenlight.api has no {name!r}")
