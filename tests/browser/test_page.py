"""The report's page in a browser: what people see of it, on a desk and on a telephone, by day and by night, on paper."""

from __future__ import annotations

import itertools
import os
import re
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from greenlight.core.model import Outcome
from greenlight.report.html import render
from msgspec.structs import replace
from playwright.sync_api import sync_playwright

from tests.support.report_samples import SAMPLES, closed, hostile, large

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from greenlight.core.model import Report
    from playwright.sync_api import Browser, Page, Route

    Opening = Callable[..., "Opened"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Nothing is asked of anybody: no update, no account, no name looked up.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]
ADDRESS = "https://reports.example.com/shop.html"
SIZES = {1280: 800, 390: 844}
FOLD = "isOpen => document.querySelectorAll('details').forEach(each => each.open = isOpen)"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Opened(NamedTuple):
    """A page, every address that was asked for, and everything that the browser said about it."""

    page: Page
    requests: list[str]
    said: list[str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a browser; it is gone with this file, since its loop would be in the way of other tests."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        said = f"there is no browser here: none of {', '.join(NAMES)} is on PATH"
        if os.environ.get("CI"):
            pytest.fail(f"{said}, and .ci/run was to install one")
        pytest.skip(said)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opening]:
    """Give what opens a report as the browser of somebody who was sent it."""
    contexts = []

    def open_it(report: Report, width: int = 1280, scheme: Any = "light", **options: Any) -> Opened:
        context = browser.new_context(viewport={"width": width, "height": SIZES[width]}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        requests: list[str] = []
        said: list[str] = []

        def answer(route: Route) -> None:
            requests.append(route.request.url)
            if route.request.url == ADDRESS:
                route.fulfill(body=render(report), content_type="text/html; charset=utf-8")
            else:
                route.abort()

        context.route("**/*", answer)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.goto(ADDRESS)
        return Opened(page, requests, said)

    yield open_it
    for context in contexts:
        context.close()


def beyond_the_edge(page: Page) -> list[str]:
    """Give what is wider than the window, what lies in boxes that scroll or cut off left out."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('body *')]
            .filter(each => !each.closest('.scroll *, .timeline .name *, .unseen, svg *') && each.getClientRects().length)
            .filter(each => each.getBoundingClientRect().right > innerWidth + 1 || each.getBoundingClientRect().left < -1)
            .map(each => each.outerHTML.slice(0, 100))"""
    )
    scrolls = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*found, *(["the page scrolls sideways"] if scrolls else [])]


# ---- Everywhere


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_page_asks_nobody_says_nothing_and_fits_every_window(sample: str, opened: Opening) -> None:
    page, requests, said = opened(SAMPLES[sample]())
    beyond = {}
    for width, scheme, is_unfolded in itertools.product(SIZES, ("light", "dark"), (False, True)):
        page.set_viewport_size({"width": width, "height": SIZES[width]})
        page.emulate_media(color_scheme=scheme)
        page.evaluate(FOLD, is_unfolded)
        beyond[width, scheme, is_unfolded] = beyond_the_edge(page)

    assert beyond == {view: [] for view in beyond}
    assert (requests, said) == ([ADDRESS], [])


@pytest.mark.parametrize(
    ("sample", "width", "scheme"),
    [
        ("closed", 1280, "light"),
        ("closed", 390, "dark"),
        ("hostile", 390, "dark"),
    ],
)
def test_a_page_is_for_everybody_as_wcag_means_it(sample: str, width: int, scheme: str, opened: Opening) -> None:
    page = opened(SAMPLES[sample](), width, scheme).page
    page.evaluate(FOLD, True)

    done = Axe().run(page, options={"runOnly": TAGS, "resultTypes": ["violations", "incomplete"]}).response

    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in done["violations"]] == []
    # What axe cannot tell is left to tests/unit/test_report_html.py, which knows the colours: letters in pictures, signs.
    untold = [node["html"] for each in done["incomplete"] for node in each["nodes"]]
    assert [
        each
        for each in untold
        if not re.match('<text|<span class="(sign|mark|took)|<span aria-hidden="true">.</span>', each)
    ] == []
    assert len(done["passes"]) > 20


@pytest.mark.parametrize("width", SIZES)
def test_the_first_screen_says_what_failed_where_and_what_was_expected(width: int, opened: Opening) -> None:
    page = opened(closed(), width).page

    for said in (
        page.get_by_text("shop/shop-blue-green · AfterAllowTestTraffic · shop:42"),
        page.get_by_role("heading", level=1, name="Failed"),
        page.get_by_role("heading", level=2, name="an order can be placed and read back"),
        page.locator(".pair dt", has_text="Expected"),
        page.locator(".pair dd", has_text="9.99").first,
        page.locator(".pair .seen", has_text='"9.99"'),
        page.locator(".pair code", has_text="GET /orders/17: json total"),
        page.get_by_text("this is for the team that wrote the release"),
        page.locator(".facts dd", has_text="shop:42"),
        page.locator(".facts dd", has_text="https://shop.example.com:8443"),
    ):
        box = said.bounding_box()
        assert box is not None
        assert 0 <= box["y"] < box["y"] + box["height"] <= SIZES[width], said


# ---- By keyboard


def test_every_folded_check_is_reached_by_tab_seen_to_be_and_opened_by_enter(opened: Opening) -> None:
    page = opened(closed()).page
    folded = page.locator("details:not([open])").count()
    reached, unseen = 0, []
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => ({
                isOver: document.activeElement === document.body,
                outline: getComputedStyle(document.activeElement).outlineStyle,
                isFolded: document.activeElement.matches('details:not([open]) > summary'),
                text: document.activeElement.textContent.slice(0, 80),
            })"""
        )
        if focused["isOver"]:
            break
        if focused["outline"] == "none":
            unseen.append(focused["text"])
        if focused["isFolded"]:
            reached += 1
            page.keyboard.press("Enter")

    assert folded > 3
    assert (reached, unseen) == (folded, [])
    assert page.locator("details:not([open])").count() == 0


def test_the_failing_checks_name_leads_to_it_by_keyboard(opened: Opening) -> None:
    page = opened(closed()).page

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "an order can be placed and read back"
    page.keyboard.press("Enter")

    box = page.locator("#check-1").bounding_box()
    assert box is not None
    assert -1 <= box["y"] < SIZES[1280]


def test_one_click_takes_the_whole_command(opened: Opening) -> None:
    page = opened(closed(), 390).page

    page.locator(".facts code", has_text="greenlight replay").click()

    assert page.evaluate("getSelection().toString()").startswith("greenlight replay d-A1B2C3D4E --stage")
    assert page.evaluate("getSelection().toString()").endswith("--bucket greenlight-reports")


# ---- On paper, and without motion


def test_paper_has_what_is_folded_on_the_screen(opened: Opening) -> None:
    page = opened(closed()).page
    folded = "[...document.querySelectorAll('details:not([open]) > :not(summary)')]"
    seen = f"{folded}.map(each => each.checkVisibility({{contentVisibilityAuto: true}}) && each.offsetHeight > 0)"
    assert not any(page.evaluate(seen))

    page.emulate_media(media="print", color_scheme="dark")

    assert len(page.evaluate(seen)) > 3
    page.wait_for_function(f"{seen}.every(Boolean)")  # a frame later, in which what was skipped is laid out
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") in (
        "rgb(255, 255, 255)",
        "rgba(0, 0, 0, 0)",
    )
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_nothing_moves_with_or_without_the_wish_for_less_motion(opened: Opening) -> None:
    page = opened(closed()).page
    moves = """() => [...document.querySelectorAll('*')].map(each => getComputedStyle(each)).filter(each =>
        each.transitionDuration !== '0s' || each.animationName !== 'none' || each.scrollBehavior !== 'auto').length"""

    assert page.evaluate(moves) == 0
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moves) == 0


# ---- Texts of strangers


RTL = "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 "


@pytest.mark.parametrize(
    "evil",
    [
        "</script><script>alert(1)</script><img src=https://evil.example/x onerror=alert(2)><svg/onload=alert(3)>",
        "w" * 10_000,
        RTL * 1000,
        "\u202e\u2066" * 100,
    ],
    ids=["markup", "word", "rtl", "overrides"],
)
def test_a_strangers_text_neither_runs_nor_asks_nor_overflows(evil: str, opened: Opening) -> None:
    # Without the page's policy, so that what is escaped holds by itself.
    page, requests, said = opened(hostile(evil), 390, bypass_csp=True)
    page.evaluate(FOLD, True)

    assert beyond_the_edge(page) == []
    assert page.evaluate("[document.scripts.length, document.images.length]") == [0, 0]
    assert (requests, said) == ([ADDRESS], [])


def test_words_from_right_to_left_leave_the_order_of_ours(opened: Opening) -> None:
    finding = closed().checks[1]
    hebrew = replace(finding, name=RTL, message=RTL, evidence=(replace(finding.evidence[1], expected=RTL, actual=RTL),))
    reason = replace(closed().reasons[0], check=RTL, message=RTL)
    page = opened(closed(checks=(hebrew,), reasons=(reason,)), 390).page

    expected, seen = page.locator(".pair dt", has_text="Expected"), page.locator(".pair dt", has_text="Seen")
    left, right = expected.bounding_box(), seen.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] < right["x"]
    mark, took = page.locator("summary .mark").first.bounding_box(), page.locator("summary").first.bounding_box()
    assert mark is not None
    assert took is not None
    assert mark["x"] == pytest.approx(took["x"], abs=2)


def test_the_largest_report_opens_and_its_last_check_can_be_read(opened: Opening) -> None:
    page, requests, said = opened(large(300), 390)

    last = page.locator("details").last
    last.locator("summary").click()

    assert page.get_by_text("GET /catalogue/299: status is seen").is_visible()
    assert page.locator("details").count() == 300
    assert page.locator(f".mark.{Outcome.FAIL.value.lower()}").count() > 0
    assert (requests, said) == ([ADDRESS], [])
