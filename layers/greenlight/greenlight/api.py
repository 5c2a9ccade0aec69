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

from greenlight.context import Context
from greenlight.decode import DurationExpectation, SizeExpectation
from greenlight.errors import ExpectationError, GreenlightError, HttpError, NoAnswerError
from greenlight.expect import Expectation
from greenlight.filled import filled
from greenlight.findings import error, evidence, failed, inconclusive, judged, passed
from greenlight.http import Response
from greenlight.missing import MISSING
from greenlight.model import Deployment, Evidence, Finding, Outcome, Platform, Series, Side
from greenlight.query import compiled, find
from greenlight.series import over_time, sample
from greenlight.units import Duration, Size, default
from greenlight.validator import Need, Params, Validator, validator

if TYPE_CHECKING:
    from greenlight.answer import (
        AnswerExpectation,
        CertificateExpectation,
        ContentExpectation,
        certified,
        looked_at,
    )
    from greenlight.captures import captured_value, checked_source, fresh, hidden
    from greenlight.certificate import Certificate, certificate
    from greenlight.compare import Compared, Difference, compared, differences, percentile
    from greenlight.cookies import Jar
    from greenlight.dynamodb import marshalled, unmarshalled
    from greenlight.exchange import SAFE, Call, exchanged
    from greenlight.invocation import Invocation, NoResultError, invoked
    from greenlight.lambda_events.event import HttpKind, LambdaEvent, built
    from greenlight.lambda_events.input import LambdaInput
    from greenlight.lambda_events.response import response
    from greenlight.lambda_events.stamp import Stamp
    from greenlight.lookups import deployment_group, service_tasks
    from greenlight.schemas import mismatched
    from greenlight.yamlread import too_deep

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
    "answer": (
        "AnswerExpectation",
        "CertificateExpectation",
        "ContentExpectation",
        "certified",
        "looked_at",
    ),
    "captures": ("captured_value", "checked_source", "fresh", "hidden"),
    "certificate": ("Certificate", "certificate"),
    "compare": ("Compared", "Difference", "compared", "differences", "percentile"),
    "cookies": ("Jar",),
    "dynamodb": ("marshalled", "unmarshalled"),
    "exchange": ("SAFE", "Call", "exchanged"),
    "invocation": ("Invocation", "NoResultError", "invoked"),
    "lookups": ("deployment_group", "service_tasks"),
    "schemas": ("mismatched",),
    "yamlread": ("too_deep",),
    "lambda_events.event": ("HttpKind", "LambdaEvent", "built"),
    "lambda_events.input": ("LambdaInput",),
    "lambda_events.response": ("response",),
    "lambda_events.stamp": ("Stamp",),
}
"""Modules that few validators need, each with what it gives; a gate whose plan has none of those does not load them."""


def __getattr__(name: str) -> Any:
    """Give what is imported only when a validator asks for it."""
    for module, names in _WHEN_ASKED_FOR.items():
        if name in names:
            return getattr(importlib.import_module(f"greenlight.{module}"), name)
    raise AttributeError(f"greenlight.api has no {name!r}")
