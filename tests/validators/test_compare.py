"""compare against a blue and a green on loopback, and two versions of a function."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome, Side
from greenlight.testing import Service
from tests.support.function_server import DEPLOYMENT, Failing, Functions

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]

NUMBERS = itertools.count()


def answering(content: Any, status: int = 200, wait_s: float = 0.0, **headers: str) -> Callable[..., Any]:
    """Answer with `content` and a number that is never the same."""

    def answer(_method: str, _path: str, _body: bytes) -> Any:
        time.sleep(wait_s)
        said = {**content, "served": next(NUMBERS)} if isinstance(content, dict) else content
        return status, {name.replace("_", "-"): value for name, value in headers.items()}, said

    return answer


def against(check: Check, written: Any, blue: Any, green: Any, **settings: Any) -> Finding:
    with Service(blue) as old, Service(green) as new:
        return check("compare", written, new.url, blue=Side(url=old.url), **settings)


SHOP = {"items": [{"price": 10, "name": "shoe"}], "total": 1}


def test_a_changed_value_fails_with_both_values(check: Check) -> None:
    finding = against(check, {"requests": ["/a"]}, answering(SHOP), answering({**SHOP, "total": 2}))
    assert finding.outcome is Outcome.FAIL
    assert "GET /a body.total: value is 2, expected 1" in finding.message
    assert [(each.query, each.baseline_is_blue) for each in finding.evidence] == [("GET /a body.total: value", True)]
    assert [(each.side, each.count) for each in finding.series] == [("blue", 2), ("green", 1)]


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
    assert any(each.query == f"GET /a {place}" for each in finding.evidence)


def test_what_differs_on_blue_itself_is_noise(check: Check) -> None:
    finding = against(check, {"requests": ["/a", "/b"], "samples": 3}, answering(SHOP), answering(SHOP))
    assert finding.outcome is Outcome.PASS, finding.message
    assert "6 answers compared" in finding.message
    assert "2 kinds of difference are noise" in finding.message


def test_noise_that_is_gone_is_news(check: Check) -> None:
    finding = against(check, {"requests": ["/a"]}, answering(SHOP), lambda *_: (200, {}, SHOP))
    assert (finding.outcome, "body.served: missing" in finding.message) == (Outcome.FAIL, True)


def test_what_the_plan_ignores_may_differ(check: Check) -> None:
    green = answering({**SHOP, "total": 2}, X_Release="8")
    blue = answering(SHOP, X_Release="7")
    assert against(check, {"requests": ["/a"], "ignore": ["total"]}, blue, green).outcome is Outcome.FAIL
    written = {"requests": ["/a"], "ignore": ["total", "header.x-release"]}
    assert against(check, written, blue, green).outcome is Outcome.PASS
    assert against(check, {"requests": ["/a"], "ignore": ["total"], "headers": False}, blue, green).outcome == "PASS"


def test_a_green_that_does_not_answer_fails_and_a_blue_that_does_not_shows_nothing(check: Check) -> None:
    hanging = answering(SHOP, wait_s=1.0)
    finding = against(check, {"requests": ["/a"]}, answering(SHOP), hanging, timeout_s=0.5)
    assert (finding.outcome, "blue answers GET /a and green does not" in finding.message) == (Outcome.FAIL, True)
    finding = against(check, {"requests": ["/a"]}, hanging, answering(SHOP), timeout_s=0.5)
    assert finding.outcome is Outcome.INCONCLUSIVE


def test_a_broken_blue_is_nothing_to_compare_with(check: Check) -> None:
    finding = against(check, {"requests": ["/a"]}, answering(SHOP, 500), answering(SHOP, 500))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "blue itself answers GET /a with status 500" in finding.message


def test_two_sides_that_refuse_everything_alike_show_nothing(check: Check) -> None:
    refusing = answering({"message": "no token"}, 401)
    finding = against(check, {"requests": ["/a", "/b"]}, refusing, refusing)
    assert (finding.outcome, "nothing was compared that works" in finding.message) == (Outcome.INCONCLUSIVE, True)
    assert against(check, {"requests": ["/a"]}, refusing, answering(SHOP)).outcome is Outcome.FAIL


def test_bytes_that_are_no_text_are_compared_byte_by_byte(check: Check) -> None:
    finding = against(check, {"requests": ["/a.png"]}, answering(b"\x89PNG\xff"), answering(b"\x89PNG\xfe"))
    assert finding.outcome is Outcome.FAIL


def test_without_a_blue_nothing_is_shown(check: Check) -> None:
    side = Side(no_url="the listener on port 80 does not lead to blue")
    finding = check("compare", {"requests": ["/a"]}, "http://127.0.0.1:1", blue=side)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "does not lead to blue" in finding.message


def test_a_slower_green_fails_and_few_answers_show_nothing(check: Check) -> None:
    written = {"requests": ["/a"], "samples": 5, "latency": {"slower": {"lte": 2}, "by": {"lte": "10ms"}}}
    finding = against(check, written, answering(SHOP), answering(SHOP, wait_s=0.05))
    assert finding.outcome is Outcome.FAIL
    assert "green's median time" in finding.message
    finding = against(check, {**written, "samples": 2}, answering(SHOP), answering(SHOP))
    assert (finding.outcome, "too few" in finding.message) == (Outcome.INCONCLUSIVE, True)


def test_the_header_that_a_rule_asks_for_goes_to_its_own_side(check: Check) -> None:
    with Service(answering(SHOP)) as old, Service(answering(SHOP)) as new:
        blue = Side(url=old.url, headers={"x-side": "blue"})
        finding = check("compare", {"requests": ["/a"]}, new.url, blue=blue, headers={"x-side": "green"})
    assert finding.outcome is Outcome.PASS, finding.message
    assert ([each["x-side"] for each in old.headers], [each["x-side"] for each in new.headers]) == (
        ["blue"] * 2,
        ["green"],
    )


def versions(check: Check, written: Any, six: Any, seven: Any, blue: str = "6") -> Finding:
    with Functions({"6": six, "7": seven}) as functions:
        return check(
            "compare", written, aws=functions.aws(), deployment=DEPLOYMENT, version="7", blue=Side(version=blue)
        )


def test_versions_of_a_function_are_compared_by_event_and_by_payload(check: Check) -> None:
    def page(body: str) -> Callable[[Any], Any]:
        return lambda event: {"statusCode": 200, "body": body + event.get("rawPath", "")}

    both = {"requests": ["/a"], "payloads": [{"n": 1}]}
    assert versions(check, both, page("x"), page("x")).outcome is Outcome.PASS
    finding = versions(check, both, page("x"), page("y"))
    assert finding.outcome is Outcome.FAIL
    assert [each.query for each in finding.evidence] == ["GET /a body: value", "payload 1 payload.body: value"]


def test_an_error_of_the_new_version_alone_fails(check: Check) -> None:
    def broken(_event: Any) -> Any:
        raise Failing("no database")

    finding = versions(check, {"payloads": [{}]}, lambda _event: "ok", broken)
    assert (finding.outcome, "no database" in finding.message) == (Outcome.FAIL, True)
    assert versions(check, {"payloads": [{}]}, broken, broken).outcome is Outcome.INCONCLUSIVE
    assert versions(check, {"payloads": [{}]}, broken, broken, blue="").outcome is Outcome.INCONCLUSIVE
    assert versions(check, {"payloads": [{}]}, broken, broken, blue="7").outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({}, "nothing to compare"),
        ({"requests": [{"post": "/a"}]}, "POST may change"),
        ({"requests": [{}]}, "exactly one of"),
        ({"requests": ["/a"], "ignore": ["status", "header", "body"]}, "nothing is left"),
        ({"requests": ["/a"], "ignore": ["status", "body"], "headers": False}, "nothing is left"),
        ({"payloads": [1], "ignore": ["payload"]}, "nothing is left"),
    ],
)
def test_what_means_nothing_is_refused(check: Check, written: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check("compare", written)
