"""lambda_state: not before the version is active and its provisioned concurrency is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]

DEPLOYMENT = {"platform": "lambda", "stage": "BeforeAllowTraffic", "function": "orders", "alias": "live"}
NONE = "ProvisionedConcurrencyConfigNotFoundException"


def state(scripted: Any, *provisioned: str, **configuration: str) -> None:
    """Write down what one look at the version sees; `provisioned` is the state of version and alias."""
    scripted.add_response(
        "lambda", "get_function_configuration", configuration, {"FunctionName": "orders", "Qualifier": "8"}
    )
    for qualifier, status in zip(("8", "live"), provisioned or (NONE, NONE), strict=True):
        if status == NONE or status.endswith("Exception"):
            scripted.add_client_error("lambda", "get_provisioned_concurrency_config", status)
        else:
            asked = {"FunctionName": "orders", "Qualifier": qualifier}
            scripted.add_response("lambda", "get_provisioned_concurrency_config", {"Status": status}, asked)


def seen(check: Check, scripted: Any, written: Any = None, timeout_s: float = 0.1) -> Finding:
    return check("lambda_state", written or {}, aws=scripted, deployment=DEPLOYMENT, version="8", timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({"State": "Failed", "StateReason": "no image"}, 'state is "Failed", expected "Active"'),
        ({"State": "Inactive"}, 'state is "Inactive"'),
        ({"State": "Active", "LastUpdateStatus": "Failed"}, 'last update is "Failed", expected "Successful"'),
    ],
)
def test_a_version_that_is_not_active_fails(check: Check, scripted: Any, configuration: Any, said: str) -> None:
    state(scripted, **configuration)
    finding = seen(check, scripted)
    assert finding.outcome is Outcome.FAIL
    assert said in finding.message
    assert configuration.get("StateReason", "") in finding.message


@pytest.mark.parametrize(("version", "alias"), [("FAILED", NONE), (NONE, "FAILED"), ("READY", "FAILED")])
def test_provisioned_concurrency_that_failed_fails(check: Check, scripted: Any, version: str, alias: str) -> None:
    state(scripted, version, alias, State="Active")
    finding = seen(check, scripted)
    assert finding.outcome is Outcome.FAIL
    assert "provisioned concurrency of" in finding.message


def test_provisioned_concurrency_that_is_wanted_and_not_configured_fails(check: Check, scripted: Any) -> None:
    state(scripted, State="Active")
    finding = seen(check, scripted, {"provisioned_concurrency": True})
    assert finding.outcome is Outcome.FAIL
    assert "none configured" in finding.message


@pytest.mark.parametrize(
    ("provisioned", "configuration", "said"),
    [
        ((NONE, NONE), {"State": "Pending"}, "state is still Pending"),
        ((NONE, NONE), {"State": "Active", "LastUpdateStatus": "InProgress"}, "last update is still InProgress"),
        (("IN_PROGRESS", NONE), {"State": "Active"}, "provisioned concurrency of 8 is still IN_PROGRESS"),
    ],
)
def test_a_version_that_does_not_become_ready_in_time_fails(
    check: Check, scripted: Any, provisioned: Any, configuration: Any, said: str
) -> None:
    state(scripted, *provisioned, **configuration)
    finding = seen(check, scripted)
    assert (finding.outcome, finding.message) == (Outcome.FAIL, f"orders:8 did not become ready in time: {said}")


@pytest.mark.parametrize("operation", ["GetFunctionConfiguration", "GetProvisionedConcurrencyConfig"])
def test_a_denied_call_is_an_error_that_names_the_permission(check: Check, scripted: Any, operation: str) -> None:
    if operation == "GetFunctionConfiguration":
        scripted.add_client_error("lambda", "get_function_configuration", "AccessDeniedException")
    else:
        scripted.add_response("lambda", "get_function_configuration", {"State": "Active"})
        scripted.add_client_error("lambda", "get_provisioned_concurrency_config", "AccessDeniedException")
    finding = seen(check, scripted)
    assert finding.outcome is Outcome.ERROR
    assert f"lambda:{operation} was denied" in finding.message


def test_a_version_that_does_not_exist_is_an_error(check: Check, scripted: Any) -> None:
    scripted.add_client_error("lambda", "get_function_configuration", "ResourceNotFoundException")
    assert seen(check, scripted).outcome is Outcome.ERROR


def test_a_ready_version_passes(check: Check, scripted: Any) -> None:
    state(scripted, "READY", "READY", State="Active", LastUpdateStatus="Successful")
    finding = seen(check, scripted, {"provisioned_concurrency": True})
    assert (finding.outcome, finding.message) == (Outcome.PASS, "orders:8 is ready")
    assert len(finding.evidence) == 4


def test_a_function_that_never_left_its_first_state_is_active(check: Check, scripted: Any) -> None:
    state(scripted)
    assert seen(check, scripted).outcome is Outcome.PASS


def test_a_version_that_is_on_its_way_is_waited_for(check: Check, scripted: Any) -> None:
    state(scripted, State="Pending")
    state(scripted, State="Active")
    assert seen(check, scripted, timeout_s=8).outcome is Outcome.PASS
