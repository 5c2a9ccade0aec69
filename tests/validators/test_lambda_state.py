"""lambda_state passes only when the version is active and its provisioned concurrency is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome
from greenlight.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]

DEPLOYMENT = {"platform": "lambda", "stage": "BeforeAllowTraffic", "function": "orders", "alias": "live"}
NOT_CONFIGURED = "ProvisionedConcurrencyConfigNotFoundException"


def script_poll(scripted: Any, *provisioned: str, **configuration: str) -> None:
    """Write the responses to one poll of the version; `provisioned` is the state of version and alias."""
    scripted.add_response(
        "lambda",
        "get_function_configuration",
        {"Version": "8", **configuration},
        {"FunctionName": "orders", "Qualifier": "8"},
    )
    for qualifier, status in zip(("8", "live"), provisioned or (NOT_CONFIGURED, NOT_CONFIGURED), strict=True):
        if status == NOT_CONFIGURED or status.endswith("Exception"):
            scripted.add_client_error("lambda", "get_provisioned_concurrency_config", status)
        else:
            request = {"FunctionName": "orders", "Qualifier": qualifier}
            scripted.add_response("lambda", "get_provisioned_concurrency_config", {"Status": status}, request)


def run_check(check: Check, scripted: Any, raw_params: Any = None, **settings: Any) -> Finding:
    settings = {"timeout_s": 5.0, "clock": FakeClock(), **settings}
    return check("lambda_state", raw_params or {}, aws=scripted, deployment=DEPLOYMENT, version="8", **settings)


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"State": "Failed", "StateReason": "no image"}, 'state is "Failed", expected "Active"'),
        ({"State": "Active", "LastUpdateStatus": "Failed"}, 'last update is "Failed", expected "Successful"'),
    ],
)
def test_a_version_that_is_not_active_fails(check: Check, scripted: Any, configuration: Any, message: str) -> None:
    script_poll(scripted, **configuration)
    finding = run_check(check, scripted)
    assert finding.outcome is Outcome.FAIL
    assert message in finding.message
    assert configuration.get("StateReason", "") in finding.message


@pytest.mark.parametrize(
    ("version", "alias"), [("FAILED", NOT_CONFIGURED), (NOT_CONFIGURED, "FAILED"), ("READY", "FAILED")]
)
def test_provisioned_concurrency_that_failed_fails(check: Check, scripted: Any, version: str, alias: str) -> None:
    script_poll(scripted, version, alias, State="Active")
    finding = run_check(check, scripted)
    assert finding.outcome is Outcome.FAIL
    assert "provisioned concurrency of" in finding.message


def test_required_provisioned_concurrency_that_is_not_configured_fails(check: Check, scripted: Any) -> None:
    script_poll(scripted, State="Active")
    finding = run_check(check, scripted, {"provisioned_concurrency": True})
    assert finding.outcome is Outcome.FAIL
    assert "none configured" in finding.message


@pytest.mark.parametrize(
    ("provisioned", "configuration", "message"),
    [
        ((NOT_CONFIGURED, NOT_CONFIGURED), {"State": "Pending"}, "state is still Pending"),
        (
            (NOT_CONFIGURED, NOT_CONFIGURED),
            {"State": "Active", "LastUpdateStatus": "InProgress"},
            "last update is still InProgress",
        ),
        (("IN_PROGRESS", NOT_CONFIGURED), {"State": "Active"}, "provisioned concurrency of 8 is still IN_PROGRESS"),
    ],
)
def test_a_version_that_does_not_become_ready_in_time_fails(
    check: Check, scripted: Any, provisioned: Any, configuration: Any, message: str
) -> None:
    for _ in range(3):
        script_poll(scripted, *provisioned, **configuration)
    finding = run_check(check, scripted)
    assert (finding.outcome, finding.message) == (Outcome.FAIL, f"orders:8 did not become ready in time: {message}")


@pytest.mark.parametrize(
    "configuration", [{}, {"State": "Active", "LastUpdateStatus": "Successful"}, {"Version": "7", "State": "Active"}]
)
def test_a_response_that_does_not_name_greens_version_is_an_error(
    check: Check, scripted: Any, configuration: Any
) -> None:
    scripted.add_response("lambda", "get_function_configuration", configuration)
    finding = run_check(check, scripted, timeout_s=1.5)
    assert finding.outcome is Outcome.ERROR
    assert "lambda:GetFunctionConfiguration for orders:8 names" in finding.message


def test_a_response_about_another_version_is_read_again(check: Check, scripted: Any) -> None:
    scripted.add_response("lambda", "get_function_configuration", {})
    script_poll(scripted, State="Active")
    assert run_check(check, scripted, timeout_s=8).outcome is Outcome.PASS


def test_provisioned_concurrency_without_a_status_is_an_error(check: Check, scripted: Any) -> None:
    scripted.add_response("lambda", "get_function_configuration", {"Version": "8", "State": "Active"})
    scripted.add_response("lambda", "get_provisioned_concurrency_config", {})
    finding = run_check(check, scripted)
    assert (finding.outcome, "lacks Status" in finding.message) == (Outcome.ERROR, True)


@pytest.mark.parametrize("code", ["ThrottlingException", "TooManyRequestsException", "ServiceException"])
def test_a_read_that_fails_for_a_while_is_repeated(check: Check, scripted: Any, code: str) -> None:
    for _ in range(3):
        scripted.add_client_error("lambda", "get_function_configuration", code)
    script_poll(scripted, State="Active")
    assert run_check(check, scripted, timeout_s=20).outcome is Outcome.PASS


@pytest.mark.parametrize("operation", ["GetFunctionConfiguration", "GetProvisionedConcurrencyConfig"])
def test_a_denied_call_is_an_error_that_names_the_permission(check: Check, scripted: Any, operation: str) -> None:
    if operation == "GetFunctionConfiguration":
        scripted.add_client_error("lambda", "get_function_configuration", "AccessDeniedException")
    else:
        scripted.add_response("lambda", "get_function_configuration", {"Version": "8", "State": "Active"})
        scripted.add_client_error("lambda", "get_provisioned_concurrency_config", "AccessDeniedException")
    finding = run_check(check, scripted)
    assert finding.outcome is Outcome.ERROR
    assert f"lambda:{operation} was denied" in finding.message


def test_a_version_that_does_not_exist_is_an_error(check: Check, scripted: Any) -> None:
    scripted.add_client_error("lambda", "get_function_configuration", "ResourceNotFoundException")
    assert run_check(check, scripted).outcome is Outcome.ERROR


def test_a_ready_version_passes(check: Check, scripted: Any) -> None:
    script_poll(scripted, "READY", "READY", State="Active", LastUpdateStatus="Successful")
    finding = run_check(check, scripted, {"provisioned_concurrency": True})
    assert (finding.outcome, finding.message) == (Outcome.PASS, "orders:8 is ready")
    assert len(finding.evidence) == 4


def test_a_function_that_never_left_its_first_state_is_active(check: Check, scripted: Any) -> None:
    script_poll(scripted)
    assert run_check(check, scripted).outcome is Outcome.PASS


INVOCATION = {"FunctionName": "orders", "Qualifier": "8", "Payload": b"{}"}


@pytest.mark.parametrize("code", ["ResourceNotReadyException", "ResourceConflictException", ""])
def test_an_inactive_version_is_woken_once_and_waited_for(check: Check, scripted: Any, code: str) -> None:
    script_poll(scripted, State="Inactive", StateReasonCode="Idle")
    if code:
        scripted.add_client_error("lambda", "invoke", code)
    else:
        scripted.add_response("lambda", "invoke", {"StatusCode": 200}, INVOCATION)
    script_poll(scripted, State="Inactive")
    script_poll(scripted, State="Pending")
    script_poll(scripted, State="Active")
    finding = run_check(check, scripted, timeout_s=12)
    assert (finding.outcome, finding.message) == (Outcome.PASS, "orders:8 is ready")


def test_an_inactive_version_that_does_not_wake_fails(check: Check, scripted: Any) -> None:
    script_poll(scripted, State="Inactive")
    scripted.add_client_error("lambda", "invoke", "ResourceNotReadyException")
    finding = run_check(check, scripted, timeout_s=1.5)
    message = "orders:8 did not become ready in time: state is still Inactive"
    assert (finding.outcome, finding.message) == (Outcome.FAIL, message)


def test_an_inactive_version_that_may_not_be_invoked_is_an_error(check: Check, scripted: Any) -> None:
    script_poll(scripted, State="Inactive")
    scripted.add_client_error("lambda", "invoke", "AccessDeniedException")
    finding = run_check(check, scripted)
    assert finding.outcome is Outcome.ERROR
    assert "lambda:InvokeFunction was denied" in finding.message


def test_the_check_waits_for_a_pending_version(check: Check, scripted: Any) -> None:
    script_poll(scripted, State="Pending")
    script_poll(scripted, State="Active")
    clock = FakeClock()
    assert run_check(check, scripted, clock=clock).outcome is Outcome.PASS
    assert clock.slept == [2.0]
