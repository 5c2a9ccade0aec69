"""Test kit for authors of validators: local servers, scripted AWS, deployments, and the conformance kit.

Its names are as stable as those of `greenlight.api`. It is not part of the layer, and no deployed code imports it.
docs/writing-validators.md shows how to use it.
"""

from greenlight.core.errors import PlanError
from greenlight.testing.conformance import SECRET, Case, check_validator, load_validator
from greenlight.testing.fakes import (
    FakeClock,
    HttpServer,
    RecordingAws,
    RequestHandler,
    StubbedAws,
    context_for,
    ecs_deployment,
    green_server,
    lambda_deployment,
    moto_aws,
    parse_params,
    run_check,
    stubbed_aws,
    tcp_server,
)

__all__ = [
    "SECRET",
    "Case",
    "FakeClock",
    "HttpServer",
    "PlanError",
    "RecordingAws",
    "RequestHandler",
    "StubbedAws",
    "check_validator",
    "context_for",
    "ecs_deployment",
    "green_server",
    "lambda_deployment",
    "load_validator",
    "moto_aws",
    "parse_params",
    "run_check",
    "stubbed_aws",
    "tcp_server",
]
