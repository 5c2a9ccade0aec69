"""image: green's images are from the expected registry, pinned, recent, and scanned with findings within the limits.

ECS: the images of the containers in green's task definition. Lambda: the version's image in the ECR `repository` that
the plan names. The check waits for a scan in progress. An image that was not scanned, or cannot be, is INCONCLUSIVE,
because the absence of findings then shows nothing.

Example:
    checks:
      - name: nothing critical goes live
        image:
          findings: {CRITICAL: 0, HIGH: 3}
          max_age: 720h
          registry: {ends_with: .amazonaws.com}
          pinned: true

Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from greenlight.api import (
    Context,
    Duration,
    Evidence,
    Expectation,
    Finding,
    GreenlightError,
    Params,
    error,
    failed,
    finding_from,
    inconclusive,
    validator,
)

from ._images import check_age, check_reference, check_scan, image_references

Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED", "UNTRIAGED"]


class Image(Params, frozen=True, kw_only=True):
    """Limits of green's images.

    Attributes:
        findings: Maximum number of findings by severity.
        max_age: Maximum time since the image was pushed.
        registry: Expectation of the host in the image's reference.
        pinned: Require a reference with a digest.
        container: The container to check (ECS); all by default.
        repository: The ECR repository of the image (Lambda).
    """

    findings: dict[Severity, Annotated[int, msgspec.Meta(ge=0)]] = {}
    max_age: Duration | None = None
    registry: Expectation | None = None
    pinned: bool = False
    container: str = ""
    repository: str = ""

    def __post_init__(self) -> None:
        """Reject a check without limits."""
        if not (self.findings or self.max_age is not None or self.registry or self.pinned):
            raise ValueError("image has no limits; write findings: {CRITICAL: 0}, max_age, registry or pinned: true")


@validator(
    Image,
    iam=(
        "ecs:DescribeTaskDefinition",
        "lambda:GetFunctionConfiguration",
        "ecr:DescribeImages",
        "ecr:DescribeImageScanFindings",
    ),
    remediation=(
        "List the findings with `aws ecr describe-image-scan-findings --repository-name NAME --image-id "
        "imageDigest=DIGEST`, rebuild on a fixed base image, and deploy that. An image that was never scanned "
        "needs scan on push, or `aws ecr start-image-scan`."
    ),
    cost=(
        "One task definition or function read, and two ECR reads for each image, the second every 3 s while a "
        "scan runs; scans themselves are billed by ECR."
    ),
)
def image(params: Image, context: Context) -> Finding:
    """Green's images are from the expected registry, pinned, recent and scanned."""
    references = image_references(context, params.container, params.repository)
    if not references:
        return failed(f"green has no container {params.container!r}" if params.container else "green has no image")
    results: list[Evidence] = []
    doubts: list[str] = []
    try:
        for reference in references:
            results += check_reference(reference, params.registry, requires_digest=params.pinned)
            if params.max_age is not None:
                results.append(check_age(reference, params.max_age, context))
            if params.findings:
                counts, doubt = check_scan(reference, params.findings, context)
                results += counts
                doubts += [doubt] if doubt else []
    except GreenlightError as problem:
        return error(str(problem), *results)  # the evidence so far is kept
    if doubts and all(item.passed for item in results):
        return inconclusive(doubts[0], *results)
    return finding_from(results, f"{', '.join(references)}: as expected")
