"""identity: another or an unknown digest never passes.

moto starts no tasks, so the tests use scripted answers.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

BUILT, ELSE = "ab" * 32, "cd" * 32
FUNCTION = {"deployment": {"platform": "lambda", "function": "f"}, "version": "7"}
SERVICE = {"deployment": {"cluster": "c", "service": "s"}, "task_set": "ecs-svc/2"}


def to_base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()


def task(digest: str | None, by: str = "ecs-svc/2") -> dict[str, Any]:
    app = {"name": "app", **({"imageDigest": f"sha256:{digest}"} if digest else {})}
    sidecar = {"name": "proxy", "imageDigest": "sha256:" + "ee" * 32}
    return {"taskArn": "t/1", "startedBy": by, "lastStatus": "RUNNING", "containers": [app, sidecar]}


def script_tasks(aws: Any, *running: dict[str, Any]) -> None:
    request = {"cluster": "c", "serviceName": "s", "desiredStatus": "RUNNING"}
    aws.add_response("ecs", "list_tasks", {"taskArns": ["t/1"]}, request)
    aws.add_response("ecs", "describe_tasks", {"tasks": list(running)})


@pytest.mark.parametrize("running", [to_base64(ELSE), ELSE, ""])
def test_a_version_of_other_code_fails(check: Callable[..., Any], scripted: Any, running: str) -> None:
    request = {"FunctionName": "f", "Qualifier": "7"}
    scripted.add_response("lambda", "get_function_configuration", {"CodeSha256": running}, request)

    assert check("identity", {"sha256": BUILT}, aws=scripted, **FUNCTION).outcome == "FAIL"


@pytest.mark.parametrize("expected", [BUILT, f"sha256:{BUILT}", to_base64(BUILT), [ELSE, BUILT]])
@pytest.mark.parametrize("running", [BUILT, to_base64(BUILT)])
def test_the_expected_code_passes_in_every_notation(
    check: Callable[..., Any], scripted: Any, expected: Any, running: str
) -> None:
    scripted.add_response("lambda", "get_function_configuration", {"CodeSha256": running})

    assert check("identity", {"sha256": expected}, aws=scripted, **FUNCTION).outcome == "PASS"


@pytest.mark.parametrize("digest", [ELSE, None])
def test_one_task_that_runs_another_image_fails(check: Callable[..., Any], scripted: Any, digest: str | None) -> None:
    script_tasks(scripted, task(BUILT), task(digest))

    assert check("identity", {"sha256": BUILT, "container": "app"}, aws=scripted, **SERVICE).outcome == "FAIL"


def test_tasks_of_green_that_all_run_the_image_pass_regardless_of_blue(
    check: Callable[..., Any], scripted: Any
) -> None:
    script_tasks(scripted, task(BUILT), task(ELSE, by="ecs-svc/1"))

    finding = check("identity", {"sha256": BUILT, "container": "app"}, aws=scripted, **SERVICE)

    assert (finding.outcome, len(finding.evidence)) == ("PASS", 1)


@pytest.mark.parametrize("params", [{"container": "ap"}, {}])
def test_no_running_task_with_the_container_is_inconclusive(
    check: Callable[..., Any], scripted: Any, params: dict[str, str]
) -> None:
    script_tasks(scripted, task(BUILT) if params else {**task(BUILT), "lastStatus": "PENDING"})

    assert check("identity", {"sha256": BUILT, **params}, aws=scripted, **SERVICE).outcome == "INCONCLUSIVE"


def test_a_digest_that_cannot_be_read_is_an_error(check: Callable[..., Any], scripted: Any) -> None:
    scripted.add_client_error("lambda", "get_function_configuration", "AccessDeniedException")

    assert check("identity", {"sha256": BUILT}, aws=scripted, **FUNCTION).outcome == "ERROR"
    assert check("identity", {"sha256": BUILT}, aws=scripted).outcome == "ERROR"


@pytest.mark.parametrize("expected", ["abc", [], ["", BUILT], BUILT[:-1]])
def test_an_invalid_digest_is_rejected(check: Callable[..., Any], expected: Any) -> None:
    with pytest.raises(ValueError, match=r"sha256|SHA-256"):
        check("identity", {"sha256": expected})
