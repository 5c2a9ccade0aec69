"""Settings: a value that is not valid has a message, a missing one its default."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.errors import SettingsError
from greenlight.core.settings import Settings, read


@pytest.mark.parametrize(
    ("name", "value", "may"),
    [
        ("CONCURRENCY", "0", "1 to 256"),
        ("CONCURRENCY", "257", "1 to 256"),
        ("CONCURRENCY", "-1", "1 to 256"),
        ("CONCURRENCY", "1.5", "1 to 256"),
        ("CONCURRENCY", "many", "1 to 256"),
        ("CONCURRENCY", "\u0665", "1 to 256"),
        ("CONCURRENCY", "0010099999", "1 to 256"),
        ("CONCURRENCY", "9" * 5000, "1 to 256"),
        ("ENVIRONMENT", "pr od", "such as prod"),
        ("ENVIRONMENT", "p" * 65, "such as prod"),
        ("ON_MISSING_PLAN", "Pass", "default-checks, fail, pass"),
        ("ON_MISSING_PLAN", "ignore", "default-checks, fail, pass"),
        ("ON_ROLLBACK", "fail", "pass, check"),
        ("ALLOW_LOOPBACK", "1", "false, true"),
        ("ALLOW_SHADOW", "yes", "false, true"),
        ("ALLOW_LOOPBACK", "True", "false, true"),
        ("ALLOWED_HOSTS", "https://api.example.com", "such as api.example.com or *.example.com"),
        ("ALLOWED_HOSTS", "api.example.com, *", "such as api.example.com"),
        ("ALLOWED_HOSTS", "api.example.com/path", "such as api.example.com"),
        ("ALLOWED_HOSTS", "*example.com", "such as api.example.com"),
        ("ALLOWED_HOSTS", "a b", "such as api.example.com"),
        ("SECRET_PATHS", ",", "such as greenlight/{application}"),
        ("SECRET_PATHS", "/", "such as greenlight/{application}"),
        ("SECRET_PATHS", "greenlight/*", "such as greenlight/{application}"),
        ("SECRET_PATHS", "greenlight/{app}", "such as greenlight/{application}"),
        ("SECRET_PATHS", "greenlight/{application},", "such as greenlight/{application}"),
        ("SECRET_PATHS", "greenlight/../{application}", "such as greenlight/{application}"),
    ],
)
def test_invalid_value_is_rejected_with_its_variable_and_the_valid_values(name: str, value: str, may: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read({f"GREENLIGHT_{name}": value})

    assert f"GREENLIGHT_{name}" in str(caught.value)
    assert may in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "environment", [{}, {"GREENLIGHT_CONCURRENCY": " ", "GREENLIGHT_ON_ROLLBACK": ""}, {"PATH": "/"}]
)
def test_missing_and_empty_variables_have_their_defaults(environment: dict[str, str]) -> None:
    assert read(environment) == Settings()


def test_every_setting_is_read() -> None:
    read_back = read(
        {
            "GREENLIGHT_PLAN_BUCKET": " plans ",
            "GREENLIGHT_PLAN_PARAMETER_PREFIX": "/greenlight/plans/",
            "GREENLIGHT_PLAN_FOLDER": "plans",
            "GREENLIGHT_ENVIRONMENT": "prod",
            "GREENLIGHT_REPORT_BUCKET": "reports",
            "GREENLIGHT_ON_MISSING_PLAN": "fail",
            "GREENLIGHT_ON_ROLLBACK": "check",
            "GREENLIGHT_ALLOWED_HOSTS": "API.example.com, *.internal.example.com,,10.1.2.3, 2001:db8::1",
            "GREENLIGHT_SECRET_PATHS": " greenlight/{application}, /shared/smoke/",
            "GREENLIGHT_ALLOW_LOOPBACK": "true",
            "GREENLIGHT_CONCURRENCY": "256",
        }
    )

    assert read_back == Settings(
        plan_bucket="plans",
        plan_parameter_prefix="/greenlight/plans",
        plan_folder="plans",
        environment="prod",
        report_bucket="reports",
        on_missing_plan="fail",
        on_rollback="check",
        allowed_hosts=("api.example.com", "*.internal.example.com", "10.1.2.3", "2001:db8::1"),
        secret_paths=("greenlight/{application}", "/shared/smoke/"),
        allow_loopback=True,
        concurrency=256,
    )


NAMES = ["CONCURRENCY", "ON_MISSING_PLAN", "ON_ROLLBACK", "ALLOW_LOOPBACK", "ALLOWED_HOSTS", "PLAN_BUCKET"]


@given(st.dictionaries(st.sampled_from([f"GREENLIGHT_{name}" for name in NAMES]), st.text()))
def test_any_environment_has_settings_or_an_error(environment: dict[str, str]) -> None:
    try:
        read_back = read(environment)
    except SettingsError:
        return

    assert 1 <= read_back.concurrency <= 256
