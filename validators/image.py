"""image: green's images come from the right registry, are pinned, recent, and scanned without findings over the limits.

ECS: the images of the containers in green's task definition. Lambda: the version's image in the ECR `repository` that
the plan names. A scan in progress is waited for; an image that was not scanned, or could not be, is inconclusive, for
no findings were found by nobody looking. moto scans nothing, and gives the same findings for every image, so the tests use
answers written down.

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

import datetime
import re
from typing import Annotated, Any, Literal

import msgspec

from greenlight.api import (
    Context,
    Duration,
    Evidence,
    Expectation,
    Finding,
    GreenlightError,
    Params,
    check_value,
    error,
    failed,
    finding_from,
    inconclusive,
    validator,
)

POLL_S = 3.0
_ECR = re.compile(r"(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(.+)", re.ASCII)
_DONE, _WAITING = ("COMPLETE", "ACTIVE"), ("IN_PROGRESS", "PENDING")

Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED", "UNTRIAGED"]


class Image(Params, frozen=True, kw_only=True):
    """`findings` gives the most of each severity, `max_age` since the push; `registry` and `pinned` are about the name.

    `container` picks one of ECS's containers; `repository` is the ECR repository of a Lambda function's image.
    """

    findings: dict[Severity, Annotated[int, msgspec.Meta(ge=0)]] = {}
    max_age: Duration | None = None
    registry: Expectation | None = None
    pinned: bool = False
    container: str = ""
    repository: str = ""

    def __post_init__(self) -> None:
        """Refuse a check of nothing."""
        if not (self.findings or self.max_age is not None or self.registry or self.pinned):
            raise ValueError("image looks at nothing; write findings: {CRITICAL: 0}, max_age, registry or pinned: true")


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
        "imageDigest=DIGEST`, rebuild on a mended base image, and deploy that. An image that was never scanned "
        "needs scan on push, or `aws ecr start-image-scan`."
    ),
    cost=(
        "One task definition or function read, and two ECR reads for each image, the second every 3 s while a "
        "scan runs; scans themselves are billed by ECR."
    ),
)
def image(params: Image, context: Context) -> Finding:
    """Green's images are from the right registry, pinned, recent and scanned."""
    found: list[Evidence] = []
    doubts: list[str] = []
    try:
        references = _references(params, context)
        for reference in references:
            found += _named(reference, params)
            if params.findings or params.max_age is not None:
                kept = _kept(reference, context)
                found += _aged(reference, kept, params, context)
                found += _scanned(reference, kept, params, context, doubts)
    except GreenlightError as problem:
        return error(str(problem), *found)
    if not references:
        return failed(f"green has no container {params.container!r}" if params.container else "green has no image")
    finding = finding_from(found, f"{', '.join(references)}: as it should be") if found else None
    if doubts and (finding is None or finding.outcome == "PASS"):
        return inconclusive(doubts[0], *found)
    return finding or inconclusive("nothing was looked at")


def _references(params: Image, context: Context) -> list[str]:
    """Give the images as they are written, or for Lambda as they would be."""
    deployment = context.deployment
    if deployment.platform == "ecs":
        if not context.green.task_definition:
            raise GreenlightError(f"green has no task definition at {deployment.stage}")
        asked = context.aws_call("ecs", "describe_task_definition", taskDefinition=context.green.task_definition)
        containers = asked["taskDefinition"].get("containerDefinitions", [])
        chosen = [each for each in containers if params.container in ("", each.get("name"))]
        return list(dict.fromkeys(str(each.get("image", "")) for each in chosen))
    if not params.repository:
        raise GreenlightError("a Lambda version does not say where its image is kept; write repository: NAME")
    function, version = deployment.function, context.green.version
    answer = context.aws_call("lambda", "get_function_configuration", FunctionName=function, Qualifier=version)
    if answer.get("PackageType") != "Image":
        raise GreenlightError(f"{function}:{version} is made of a {answer.get('PackageType', 'Zip')}, not of an image")
    account = f"{answer.get('FunctionArn', '')}:::::".split(":")[4]
    registry = f"{account}.dkr.ecr.{deployment.region}.amazonaws.com"
    return [f"{registry}/{params.repository}@sha256:{answer['CodeSha256']}"]


def _named(reference: str, params: Image) -> list[Evidence]:
    found = []
    first = reference.partition("/")[0]
    # As Docker reads it: the part before the first slash is a host when it looks like one.
    registry = first if "/" in reference and ("." in first or ":" in first or first == "localhost") else "docker.io"
    if params.registry is not None:
        found.append(check_value("registry", params.registry, registry, reference))
    if params.pinned:
        pinned = re.search(r"@sha256:[0-9a-f]{64}\Z", reference) is not None
        found.append(Evidence(query="pinned by digest", expected=True, actual=pinned, passed=pinned, where=reference))
    return found


def _kept(reference: str, context: Context) -> dict[str, Any]:
    """Give the parameters by which ECR knows an image."""
    match = _ECR.fullmatch(reference)
    if match is None:
        raise GreenlightError(f"{reference} is not in ECR, which is where age and findings are asked for")
    if context.deployment.region not in ("", match[2]):
        raise GreenlightError(f"{reference} is in {match[2]}, and only {context.deployment.region} is asked")
    path, _, digest = match[3].partition("@")
    repository, _, tag = path.partition(":")
    which = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
    return {"registryId": match[1], "repositoryName": repository, "imageId": which}


def _aged(reference: str, kept: dict[str, Any], params: Image, context: Context) -> list[Evidence]:
    if params.max_age is None:
        return []
    which = {"registryId": kept["registryId"], "repositoryName": kept["repositoryName"], "imageIds": [kept["imageId"]]}
    details = context.aws_call("ecr", "describe_images", **which).get("imageDetails", [])
    pushed = details[0].get("imagePushedAt") if details else None
    if pushed is None:
        raise GreenlightError(f"ECR does not say when {reference} was pushed")
    age = Duration((datetime.datetime.now(datetime.UTC) - pushed).total_seconds())
    said = f"{age / 3600:.1f}h"
    limit = f"at most {params.max_age / 3600:g}h"
    return [Evidence(query="age", expected=limit, actual=said, passed=age <= params.max_age, where=reference)]


def _scanned(
    reference: str, kept: dict[str, Any], params: Image, context: Context, doubts: list[str]
) -> list[Evidence]:
    """Hold the counts of findings against their limits; say in `doubts` why there are none."""
    if not params.findings:
        return []
    while True:
        try:
            answer = context.aws_call("ecr", "describe_image_scan_findings", maxResults=1, **kept)
        except GreenlightError as problem:
            if getattr(problem, "code", "") != "ScanNotFoundException":
                raise
            doubts.append(f"{reference} was never scanned")
            return []
        status = answer.get("imageScanStatus", {}).get("status", "unknown")
        if status not in _WAITING or not context.sleep(POLL_S):
            break
    if status not in _DONE:
        doubts.append(
            f"the scan of {reference} is {status}: {answer.get('imageScanStatus', {}).get('description', '')}"
        )
        return []
    if "imageScanFindings" not in answer:
        doubts.append(f"the scan of {reference} is {status} and yet has no findings to count")
        return []
    counts = answer["imageScanFindings"].get("findingSeverityCounts", {})
    return [
        Evidence(
            query=f"{severity} findings",
            expected=f"at most {limit}",
            actual=counts.get(severity, 0),
            passed=counts.get(severity, 0) <= limit,
            where=reference,
        )
        for severity, limit in params.findings.items()
    ]
