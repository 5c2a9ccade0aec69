"""For tests of validators: real local servers, scripted AWS, deployments, and the conformance kit.

On laptops and in pipelines only; the layer is built without it, and nothing that is deployed imports it. What stands
here stays, as in `greenlight.api`. docs/writing-validators.md shows all of it at work.
"""

from greenlight.testing.conformance import SECRET, Case, check_validator, load
from greenlight.testing.fakes import (
    Handler,
    RecordingAws,
    Service,
    StubbedAws,
    context_for,
    ecs_deployment,
    green_server,
    lambda_deployment,
    moto_aws,
    params,
    run,
    stubbed_aws,
    wire_server,
)

__all__ = [
    "SECRET",
    "Case",
    "Handler",
    "RecordingAws",
    "Service",
    "StubbedAws",
    "check_validator",
    "context_for",
    "ecs_deployment",
    "green_server",
    "lambda_deployment",
    "load",
    "moto_aws",
    "params",
    "run",
    "stubbed_aws",
    "wire_server",
]
