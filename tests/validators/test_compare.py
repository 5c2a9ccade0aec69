"""compare against a blue and a green on loopback, and two versions of a function."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome, Side
from greenlight.testing import HttpServer
from tests.support.function_server import DEPLOYMENT, Failing, Functions

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]

NUMBERS = itertools.count()


def answering(content: Any, status: int = 200, wait_s: float = 0.0, **headers: str) -> Callable[..., Any]:
    """Return a handler that answers with `content` and a number that differs each time."""

    def answer(_method: str, _path: str, _body: bytes) -> Any:
        time.sleep(wait_s)
        body = {**content, "served": next(NUMBERS)} if isinstance(content, dict) else content
        return status, {name.replace("_", "-"): value for name, value in headers.items()}, body

    return answer


def against(check: Check, raw_params: Any, blue: Any, green: Any, **settings: Any) -> Finding:
    with HttpServer(blue) as old, HttpServer(green) as new:
        return check("compare", raw_params, new.url, blue=Side(url=old.url), **settings)


SHOP = {"items": [{"price": 10, "name": "shoe"}], "total": 1}


def test_a_changed_value_fails_with_both_values(check: Check) -> None:
    finding = against(check, {"requests": ["/a"]}, answering(SHOP), answering({**SHOP, "total": 2}))
    assert finding.outcome is Outcome.FAIL
    assert "GET /a body.total: value is 2, expected 1" in finding.message
    assert [(item.query, item.baseline_is_blue) for item in finding.evidence] == [("GET /a body.total: value", True)]
    assert [(item.side, item.count) for item in finding.series] == [("blue", 2), ("green", 1)]


@pytest.mark.parametrize(
    ("green", "place"),
    [
        (answering({"items": [], "total": 1}), "body.items: length"),
        (answering({"items": [{"price": 10}], "total": 1}), "body.items[].name: missing"),
        (answering({"items": [{"price": "10", "name": "shoe"}], "total": 1}), "body.items[].price: type"),
        (answering(SHOP, 201), "status: value"),
        (answering(SHOP, X_New="1"), "header.x-new: added"),
        (answering("<html>"), "body: type"),
    ],
)
def test_every_kind_of_difference_is_named_by_its_place(check: Check, green: Any, place: str) -> None:
    finding = against(check, {"requests": ["/a"]}, answering(SHOP), green)
    assert finding.outcome is Outcome.FAIL
    assert any(item.query == f"GET /a {place}" for item in finding.evidence)


def test_differences_on_blue_itself_are_noise(check: Check) -> None:
    finding = against(check, {"requests": ["/a", "/b"], "samples": 3}, answering(SHOP), answering(SHOP))
    assert finding.outcome is Outcome.PASS, finding.message
    assert "6 answers compared" in finding.message
    assert "2 kinds of difference are noise" in finding.message


def test_noise_that_disappears_is_a_difference(check: Check) -> None:
    finding = against(check, {"requests": ["/a"]}, answering(SHOP), lambda *_: (200, {}, SHOP))
    assert (finding.outcome, "body.served: missing" in finding.message) == (Outcome.FAIL, True)


def test_ignored_places_may_differ(check: Check) -> None:
    green = answering({**SHOP, "total": 2}, X_Release="8")
    blue = answering(SHOP, X_Release="7")
    assert against(check, {"requests": ["/a"], "ignore": ["total"]}, blue, green).outcome is Outcome.FAIL
    raw_params = {"requests": ["/a"], "ignore": ["total", "header.x-release"]}
    assert against(check, raw_params, blue, green).outcome is Outcome.PASS
    assert against(check, {"requests": ["/a"], "ignore": ["total"], "headers": False}, blue, green).outcome == "PASS"


def test_a_green_that_does_not_answer_fails_and_such_a_blue_is_inconclusive(check: Check) -> None:
    hanging = answering(SHOP, wait_s=1.0)
    finding = against(check, {"requests": ["/a"]}, answering(SHOP), hanging, timeout_s=0.5)
    assert (finding.outcome, "blue answers GET /a and green does not" in finding.message) == (Outcome.FAIL, True)
    finding = against(check, {"requests": ["/a"]}, hanging, answering(SHOP), timeout_s=0.5)
    assert finding.outcome is Outcome.INCONCLUSIVE


def test_a_broken_blue_is_inconclusive(check: Check) -> None:
    finding = against(check, {"requests": ["/a"]}, answering(SHOP, 500), answering(SHOP, 500))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "blue itself answers GET /a with status 500" in finding.message


def test_two_sides_that_refuse_everything_are_inconclusive(check: Check) -> None:
    refusing = answering({"message": "no token"}, 401)
    finding = against(check, {"requests": ["/a", "/b"]}, refusing, refusing)
    assert (finding.outcome, "no working answer was compared" in finding.message) == (Outcome.INCONCLUSIVE, True)
    assert against(check, {"requests": ["/a"]}, refusing, answering(SHOP)).outcome is Outcome.FAIL


def test_bytes_that_are_not_text_are_compared_byte_by_byte(check: Check) -> None:
    finding = against(check, {"requests": ["/a.png"]}, answering(b"\x89PNG\xff"), answering(b"\x89PNG\xfe"))
    assert finding.outcome is Outcome.FAIL


def test_a_deployment_without_blue_is_inconclusive(check: Check) -> None:
    side = Side(no_url="the listener on port 80 does not lead to blue")
    finding = check("compare", {"requests": ["/a"]}, "http://127.0.0.1:1", blue=side)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "does not lead to blue" in finding.message


def test_a_slower_green_fails_and_few_answers_are_inconclusive(check: Check) -> None:
    raw_params = {"requests": ["/a"], "samples": 5, "latency": {"slower": {"lte": 2}, "by": {"lte": "10ms"}}}
    finding = against(check, raw_params, answering(SHOP), answering(SHOP, wait_s=0.05))
    assert finding.outcome is Outcome.FAIL
    assert "green's median time" in finding.message
    finding = against(check, {**raw_params, "samples": 2}, answering(SHOP), answering(SHOP))
    assert (finding.outcome, "too few" in finding.message) == (Outcome.INCONCLUSIVE, True)


def test_the_header_that_a_rule_requires_goes_to_its_own_side(check: Check) -> None:
    with HttpServer(answering(SHOP)) as old, HttpServer(answering(SHOP)) as new:
        blue = Side(url=old.url, headers={"x-side": "blue"})
        finding = check("compare", {"requests": ["/a"]}, new.url, blue=blue, headers={"x-side": "green"})
    assert finding.outcome is Outcome.PASS, finding.message
    assert ([item["x-side"] for item in old.headers], [item["x-side"] for item in new.headers]) == (
        ["blue"] * 2,
        ["green"],
    )


def versions(check: Check, raw_params: Any, six: Any, seven: Any, blue: str = "6") -> Finding:
    with Functions({"6": six, "7": seven}) as functions:
        return check(
            "compare", raw_params, aws=functions.aws(), deployment=DEPLOYMENT, version="7", blue=Side(version=blue)
        )


def test_versions_of_a_function_are_compared_by_event_and_by_payload(check: Check) -> None:
    def page(body: str) -> Callable[[Any], Any]:
        return lambda event: {"statusCode": 200, "body": body + event.get("rawPath", "")}

    both = {"requests": ["/a"], "payloads": [{"n": 1}]}
    assert versions(check, both, page("x"), page("x")).outcome is Outcome.PASS
    finding = versions(check, both, page("x"), page("y"))
    assert finding.outcome is Outcome.FAIL
    assert [item.query for item in finding.evidence] == ["GET /a body: value", "payload 1 payload.body: value"]


def test_an_error_of_the_new_version_alone_fails(check: Check) -> None:
    def broken(_event: Any) -> Any:
        raise Failing("no database")

    finding = versions(check, {"payloads": [{}]}, lambda _event: "ok", broken)
    assert (finding.outcome, "no database" in finding.message) == (Outcome.FAIL, True)
    assert versions(check, {"payloads": [{}]}, broken, broken).outcome is Outcome.INCONCLUSIVE
    assert versions(check, {"payloads": [{}]}, broken, broken, blue="").outcome is Outcome.INCONCLUSIVE
    assert versions(check, {"payloads": [{}]}, broken, broken, blue="7").outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("raw_params", "reason"),
    [
        ({}, "nothing to compare"),
        ({"requests": [{"post": "/a"}]}, "POST may change"),
        ({"requests": [{}]}, "exactly one of"),
        ({"requests": ["/a"], "ignore": ["status", "header", "body"]}, "nothing is left"),
        ({"requests": ["/a"], "ignore": ["status", "body"], "headers": False}, "nothing is left"),
        ({"payloads": [1], "ignore": ["payload"]}, "nothing is left"),
    ],
)
def test_invalid_parameters_are_rejected(check: Check, raw_params: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check("compare", raw_params)
