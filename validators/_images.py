"""Container images of green: references, running digests, and ECR's record of an image (its age and its scan)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlight.api import (
    Evidence,
    GreenlightError,
    check_value,
    get_function_configuration,
    get_task_definition,
    list_service_tasks,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenlight.api import Context, Duration, Expectation

POLL_S = 3.0

_ECR = re.compile(r"(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(.+)", re.ASCII)
_DONE, _WAITING = ("COMPLETE", "ACTIVE"), ("IN_PROGRESS", "PENDING")


def image_references(context: Context, container: str, repository: str) -> list[str]:
    """Return the image references of green's containers, or of green's version in the ECR repository.

    Raises:
        GreenlightError: Green has no task definition or no image, or AWS refused or did not answer.
    """
    if context.deployment.platform == "ecs":
        containers = get_task_definition(context).get("containerDefinitions", [])
        images = [str(item.get("image", "")) for item in containers if container in ("", item.get("name"))]
        return list(dict.fromkeys(images))
    if not repository:
        raise GreenlightError(
            "AWS does not say which repository a Lambda version's image is in; write repository: NAME"
        )
    answer = get_function_configuration(context)
    if answer.get("PackageType") != "Image":
        name = f"{context.deployment.function}:{context.green.version}"
        raise GreenlightError(f"the package type of {name} is {answer.get('PackageType', 'Zip')}, not Image")
    account = f"{answer.get('FunctionArn', '')}:::::".split(":")[4]
    registry = f"{account}.dkr.ecr.{context.deployment.region}.amazonaws.com"
    return [f"{registry}/{repository}@sha256:{answer['CodeSha256']}"]


def running_digests(context: Context, container: str) -> list[tuple[str, str]]:
    """Return name and digest of green's version, or of the containers (all, or by name) of every running task of green.

    Raises:
        GreenlightError: Green has no task set, or AWS refused or did not answer.
    """
    if context.deployment.platform == "lambda":
        code = str(get_function_configuration(context).get("CodeSha256", ""))
        return [(f"{context.deployment.function}:{context.green.version}", code)]
    if not context.green.task_set:
        raise GreenlightError(f"green has no task set at {context.deployment.stage}")
    return [
        (f"{item.get('name')} in task {str(task.get('taskArn')).rpartition('/')[2]}", str(item.get("imageDigest", "")))
        for task in list_service_tasks(context, "RUNNING")
        if task.get("startedBy") == context.green.task_set and task.get("lastStatus") == "RUNNING"
        for item in task.get("containers", [])
        if container in ("", item.get("name"))
    ]


def check_reference(reference: str, registry: Expectation | None, *, requires_digest: bool) -> list[Evidence]:
    """Check the registry in a reference, and that it has a digest."""
    results = []
    first = reference.partition("/")[0]
    # As Docker reads it: the part before the first slash is a host if it looks like one.
    host = first if "/" in reference and ("." in first or ":" in first or first == "localhost") else "docker.io"
    if registry is not None:
        results.append(check_value("registry", registry, host, reference))
    if requires_digest:
        pinned = re.search(r"@sha256:[0-9a-f]{64}\Z", reference) is not None
        results.append(Evidence(query="pinned by digest", expected=True, actual=pinned, passed=pinned, where=reference))
    return results


def check_age(reference: str, max_age: Duration, context: Context) -> Evidence:
    """Check the time since the image was pushed to ECR.

    Raises:
        GreenlightError: The image is not in ECR, ECR does not know its age, or AWS refused or did not answer.
    """
    key = _EcrKey.from_reference(reference, context)
    answer = context.aws_call(
        "ecr", "describe_images", registryId=key.registry_id, repositoryName=key.repository, imageIds=[key.image_id]
    )
    pushed_at = next((details.get("imagePushedAt") for details in answer.get("imageDetails", [])), None)
    if pushed_at is None:
        raise GreenlightError(f"ECR does not say when {reference} was pushed")
    age_s = (context.clock.now_utc() - pushed_at).total_seconds()
    return Evidence(
        query="age",
        expected=f"at most {max_age / 3600:g}h",
        actual=f"{age_s / 3600:.1f}h",
        passed=age_s <= max_age,
        where=reference,
    )


def check_scan(reference: str, limits: Mapping[Any, int], context: Context) -> tuple[list[Evidence], str]:
    """Check the number of findings of each severity; return the reason instead where the scan shows nothing.

    Raises:
        GreenlightError: The image is not in ECR, or AWS refused or did not answer.
    """
    key = _EcrKey.from_reference(reference, context)
    try:
        answer = _wait_for_scan(key, context)
    except GreenlightError as problem:
        if getattr(problem, "code", "") != "ScanNotFoundException":
            raise
        return [], f"{reference} was never scanned"
    status = answer.get("imageScanStatus", {}).get("status", "unknown")
    if status not in _DONE:
        return [], f"the scan of {reference} is {status}: {answer.get('imageScanStatus', {}).get('description', '')}"
    if "imageScanFindings" not in answer:
        return [], f"the scan of {reference} is {status} without findings that could be counted"
    counts = answer["imageScanFindings"].get("findingSeverityCounts", {})
    return [
        Evidence(
            query=f"{severity} findings",
            expected=f"at most {limit}",
            actual=counts.get(severity, 0),
            passed=counts.get(severity, 0) <= limit,
            where=reference,
        )
        for severity, limit in limits.items()
    ], ""


def _wait_for_scan(key: _EcrKey, context: Context) -> dict[str, Any]:
    while True:
        answer = context.aws_call(
            "ecr",
            "describe_image_scan_findings",
            maxResults=1,
            registryId=key.registry_id,
            repositoryName=key.repository,
            imageId=key.image_id,
        )
        status = answer.get("imageScanStatus", {}).get("status", "unknown")
        if status not in _WAITING or not context.sleep(POLL_S):
            return answer


class _EcrKey(NamedTuple):
    """Parameters that identify an image in ECR's API."""

    registry_id: str
    repository: str
    image_id: dict[str, str]

    @classmethod
    def from_reference(cls, reference: str, context: Context) -> _EcrKey:
        """Parse a reference.

        Raises:
            GreenlightError: The image is not in ECR, or in another region.
        """
        match = _ECR.fullmatch(reference)
        if match is None:
            raise GreenlightError(f"{reference} is not in ECR; only ECR provides age and findings")
        if context.deployment.region not in ("", match[2]):
            raise GreenlightError(f"{reference} is in {match[2]}, and only {context.deployment.region} is queried")
        path, _, digest = match[3].partition("@")
        repository, _, tag = path.partition(":")
        image_id = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
        return cls(match[1], repository, image_id)
