"""For tests of validators: real local servers, scripted AWS, deployments, and the conformance kit.

On laptops and in pipelines only; the layer is built without it, and nothing that is deployed imports it. What stands
here stays, as in `greenlight.api`. docs/writing-validators.md shows all of it at work.
"""

from greenlight.core.errors import PlanError
from greenlight.testing.conformance import SECRET, Case, check_validator, load_validator
from greenlight.testing.fakes import (
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
