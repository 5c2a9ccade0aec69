"""identity: what was not built, or cannot be told, never passes."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

BUILT, ELSE = "ab" * 32, "cd" * 32
FUNCTION = {"deployment": {"platform": "lambda", "function": "f"}, "version": "7"}
SERVICE = {"deployment": {"cluster": "c", "service": "s"}, "task_set": "ecs-svc/2"}


def zipped(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()


def task(digest: str | None, by: str = "ecs-svc/2") -> dict[str, Any]:
    app = {"name": "app", **({"imageDigest": f"sha256:{digest}"} if digest else {})}
    sidecar = {"name": "proxy", "imageDigest": "sha256:" + "ee" * 32}
    return {"taskArn": "t/1", "startedBy": by, "lastStatus": "RUNNING", "containers": [app, sidecar]}


def tasks(aws: Any, *found: dict[str, Any]) -> None:
    asked = {"cluster": "c", "serviceName": "s", "desiredStatus": "RUNNING"}
    aws.add_response("ecs", "list_tasks", {"taskArns": ["t/1"]}, asked)
    aws.add_response("ecs", "describe_tasks", {"tasks": list(found)})


@pytest.mark.parametrize("running", [zipped(ELSE), ELSE, ""])
def test_a_version_of_other_code_fails(check: Callable[..., Any], scripted: Any, running: str) -> None:
    asked = {"FunctionName": "f", "Qualifier": "7"}
    scripted.add_response("lambda", "get_function_configuration", {"CodeSha256": running}, asked)

    assert check("identity", {"sha256": BUILT}, aws=scripted, **FUNCTION).outcome == "FAIL"


@pytest.mark.parametrize("written", [BUILT, f"sha256:{BUILT}", zipped(BUILT), [ELSE, BUILT]])
@pytest.mark.parametrize("running", [BUILT, zipped(BUILT)])
def test_the_code_that_was_built_passes_however_it_is_written(
    check: Callable[..., Any], scripted: Any, written: Any, running: str
) -> None:
    scripted.add_response("lambda", "get_function_configuration", {"CodeSha256": running})

    assert check("identity", {"sha256": written}, aws=scripted, **FUNCTION).outcome == "PASS"


@pytest.mark.parametrize("digest", [ELSE, None])
def test_one_task_that_runs_another_image_fails(check: Callable[..., Any], scripted: Any, digest: str | None) -> None:
    tasks(scripted, task(BUILT), task(digest))

    assert check("identity", {"sha256": BUILT, "container": "app"}, aws=scripted, **SERVICE).outcome == "FAIL"


def test_tasks_of_green_that_all_run_the_image_pass_whatever_blue_runs(
    check: Callable[..., Any], scripted: Any
) -> None:
    tasks(scripted, task(BUILT), task(ELSE, by="ecs-svc/1"))

    found = check("identity", {"sha256": BUILT, "container": "app"}, aws=scripted, **SERVICE)

    assert (found.outcome, len(found.evidence)) == ("PASS", 1)


@pytest.mark.parametrize("params", [{"container": "ap"}, {}])
def test_no_running_task_with_the_container_shows_nothing(
    check: Callable[..., Any], scripted: Any, params: dict[str, str]
) -> None:
    tasks(scripted, task(BUILT) if params else {**task(BUILT), "lastStatus": "PENDING"})

    assert check("identity", {"sha256": BUILT, **params}, aws=scripted, **SERVICE).outcome == "INCONCLUSIVE"


def test_what_cannot_be_read_is_an_error(check: Callable[..., Any], scripted: Any) -> None:
    scripted.add_client_error("lambda", "get_function_configuration", "AccessDeniedException")

    assert check("identity", {"sha256": BUILT}, aws=scripted, **FUNCTION).outcome == "ERROR"
    assert check("identity", {"sha256": BUILT}, aws=scripted).outcome == "ERROR"


@pytest.mark.parametrize("written", ["abc", [], ["", BUILT], BUILT[:-1]])
def test_what_is_no_digest_is_refused(check: Callable[..., Any], written: Any) -> None:
    with pytest.raises(ValueError, match=r"sha256|SHA-256"):
        check("identity", {"sha256": written})
