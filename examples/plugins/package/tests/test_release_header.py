"""Test of the promises that release_header makes as a validator."""

from __future__ import annotations

from acme_checks.release_header import release_header

from greenlight.testing import Case, check_validator


def release_2(*_: object) -> tuple[int, dict[str, str], str]:
    return 200, {"x-release": "2"}, ""


def test_it_keeps_every_promise_of_validators() -> None:
    check_validator(
        release_header,
        passing=Case(params={"expect": "2"}, green=release_2),
        failing=Case(params={"expect": "3"}, green=release_2),
    )
