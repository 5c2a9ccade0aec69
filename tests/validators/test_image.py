"""image: an image with findings over the limit, or without a scan, never passes.

moto scans nothing and has the same findings for every image, so the tests use scripted answers.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

PINNED = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app@sha256:" + "ab" * 32
GREEN = {"task_definition": "orders:7", "deployment": {"region": "eu-central-1"}}
ECR_KEY = {
    "registryId": "123456789012",
    "repositoryName": "team/app",
    "imageId": {"imageDigest": "sha256:" + "ab" * 32},
}


def script_images(aws: Any, *references: str) -> None:
    containers = [{"name": f"c{n}", "image": reference} for n, reference in enumerate(references)]
    aws.add_response("ecs", "describe_task_definition", {"taskDefinition": {"containerDefinitions": containers}})


def script_scan(aws: Any, status: str, counts: dict[str, int] | None = None) -> None:
    answer: dict[str, Any] = {"imageScanStatus": {"status": status, "description": "said ECR"}}
    if counts is not None:
        answer["imageScanFindings"] = {"findingSeverityCounts": counts}
    aws.add_response("ecr", "describe_image_scan_findings", answer, {**ECR_KEY, "maxResults": 1})


@pytest.mark.parametrize(
    ("counts", "outcome"),
    [({"CRITICAL": 1}, "FAIL"), ({"HIGH": 3}, "FAIL"), ({"HIGH": 2, "LOW": 99}, "PASS"), ({}, "PASS")],
)
def test_findings_over_the_limit_fail(
    check: Callable[..., Any], scripted: Any, counts: dict[str, int], outcome: str
) -> None:
    script_images(scripted, PINNED)
    script_scan(scripted, "COMPLETE", counts)

    assert check("image", {"findings": {"CRITICAL": 0, "HIGH": 2}}, aws=scripted, **GREEN).outcome == outcome


@pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE", "IN_PROGRESS", "FINDINGS_UNAVAILABLE", "COMPLETE"])
def test_a_scan_without_findings_to_count_is_inconclusive(
    check: Callable[..., Any], scripted: Any, status: str
) -> None:
    script_images(scripted, PINNED)
    script_scan(scripted, status)

    finding = check("image", {"findings": {"CRITICAL": 0}}, aws=scripted, clock=FakeClock(), **GREEN)

    assert finding.outcome == "INCONCLUSIVE"
    assert status in finding.message


def test_an_image_that_was_never_scanned_is_inconclusive(check: Callable[..., Any], scripted: Any) -> None:
    script_images(scripted, PINNED)
    scripted.add_client_error("ecr", "describe_image_scan_findings", "ScanNotFoundException")

    finding = check("image", {"findings": {"CRITICAL": 0}, "pinned": True}, aws=scripted, **GREEN)

    assert (finding.outcome, finding.message) == ("INCONCLUSIVE", f"{PINNED} was never scanned")


def test_a_scan_may_end_within_the_time(check: Callable[..., Any], scripted: Any) -> None:
    clock = FakeClock()
    script_images(scripted, PINNED)
    script_scan(scripted, "IN_PROGRESS")
    script_scan(scripted, "COMPLETE", {})

    finding = check("image", {"findings": {"CRITICAL": 0}}, aws=scripted, timeout_s=60.0, clock=clock, **GREEN)

    assert finding.outcome == "PASS"
    assert clock.slept == [3.0]


@pytest.mark.parametrize(
    ("reference", "registry"),
    [
        ("app:1", "docker.io"),
        ("team/app", "docker.io"),
        ("localhost/app", "localhost"),
        ("ghcr.io/team/app:1", "ghcr.io"),
    ],
)
def test_other_registries_and_tags_fail(
    check: Callable[..., Any], scripted: Any, reference: str, registry: str
) -> None:
    script_images(scripted, PINNED, reference)

    params = {"registry": {"ends_with": ".amazonaws.com"}, "pinned": True}
    finding = check("image", params, aws=scripted, **GREEN)

    assert finding.outcome == "FAIL"
    assert [(item.passed, item.actual) for item in finding.evidence[2:]] == [(False, registry), (False, False)]


@pytest.mark.parametrize(("hours", "outcome"), [(49, "FAIL"), (47, "PASS")])
def test_an_old_image_fails(check: Callable[..., Any], scripted: Any, hours: int, outcome: str) -> None:
    script_images(scripted, PINNED)
    pushed = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=hours)
    scripted.add_response("ecr", "describe_images", {"imageDetails": [{"imagePushedAt": pushed}]})

    assert check("image", {"max_age": "48h"}, aws=scripted, **GREEN).outcome == outcome


def test_the_image_of_a_function_is_read_by_its_digest(check: Callable[..., Any], scripted: Any) -> None:
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:f:7"
    answer = {"PackageType": "Image", "CodeSha256": "ab" * 32, "FunctionArn": arn}
    scripted.add_response("lambda", "get_function_configuration", answer)
    script_scan(scripted, "ACTIVE", {})
    about = {"platform": "lambda", "function": "f", "region": "eu-central-1"}

    params = {"repository": "team/app", "findings": {"CRITICAL": 0}}
    assert check("image", params, aws=scripted, version="7", deployment=about).outcome == "PASS"


@pytest.mark.parametrize("reference", ["docker.io/app:1", PINNED.replace("eu-central-1", "eu-west-1")])
def test_findings_of_images_in_other_places_are_an_error(
    check: Callable[..., Any], scripted: Any, reference: str
) -> None:
    script_images(scripted, reference)

    assert check("image", {"findings": {"CRITICAL": 0}}, aws=scripted, **GREEN).outcome == "ERROR"


def test_a_missing_container_fails(check: Callable[..., Any], scripted: Any) -> None:
    script_images(scripted, PINNED)

    assert check("image", {"pinned": True, "container": "app"}, aws=scripted, **GREEN).outcome == "FAIL"


@pytest.mark.parametrize("params", [{}, {"findings": {"CRITICAL": -1}}, {"findings": {"critical": 0}}, {"max_age": 3}])
def test_invalid_parameters_are_rejected(check: Callable[..., Any], params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check("image", params)
