"""The report's page in a browser: desktop and mobile widths, light and dark colour schemes, and print."""

from __future__ import annotations

import itertools
import os
import re
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from msgspec.structs import replace
from playwright.sync_api import sync_playwright

from greenlight.core.finding import Outcome
from greenlight.report.html import render
from tests.support.report_samples import SAMPLES, closed, hostile, large

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page, Route

    from greenlight.core.report import Report

    Opening = Callable[..., "Opened"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
# The browser sends no requests of its own: no updates, no accounts, no name resolution.
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
FOLD = "isOpen => document.querySelectorAll('details').forEach(details => details.open = isOpen)"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Opened(NamedTuple):
    """Page with every address that it requested and every message of the browser about it."""

    page: Page
    requests: list[str]
    messages: list[str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser; it ends with this module, since its event loop would disturb other tests."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        reason = f"there is no browser here: none of {', '.join(NAMES)} is on PATH"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, and .ci/run was to install one")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opening]:
    """Return a function that opens a report as a recipient's browser does."""
    contexts = []

    def open_it(report: Report, width: int = 1280, scheme: Any = "light", **options: Any) -> Opened:
        context = browser.new_context(viewport={"width": width, "height": SIZES[width]}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        requests: list[str] = []
        messages: list[str] = []

        def answer(route: Route) -> None:
            requests.append(route.request.url)
            if route.request.url == ADDRESS:
                route.fulfill(body=render(report), content_type="text/html; charset=utf-8")
            else:
                route.abort()

        context.route("**/*", answer)
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("dialog", lambda dialog: (messages.append(dialog.message), dialog.dismiss()))
        page.goto(ADDRESS)
        return Opened(page, requests, messages)

    yield open_it
    for context in contexts:
        context.close()


def beyond_the_edge(page: Page) -> list[str]:
    """Return the elements that reach beyond the window, except those in boxes that scroll or clip."""
    elements: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('body *')]
            .filter(element => !element.closest('.scroll *, .timeline .name *, .unseen, svg *'))
            .filter(element => element.getClientRects().length)
            .map(element => [element, element.getBoundingClientRect()])
            .filter(([_, box]) => box.right > innerWidth + 1 || box.left < -1)
            .map(([element]) => element.outerHTML.slice(0, 100))"""
    )
    scrolls = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*elements, *(["the page scrolls sideways"] if scrolls else [])]


# ---- Every page


@pytest.mark.parametrize("sample", SAMPLES)
def test_page_makes_no_requests_logs_no_messages_and_fits_every_window(sample: str, opened: Opening) -> None:
    page, requests, messages = opened(SAMPLES[sample]())
    beyond = {}
    for width, scheme, is_unfolded in itertools.product(SIZES, ("light", "dark"), (False, True)):
        page.set_viewport_size({"width": width, "height": SIZES[width]})
        page.emulate_media(color_scheme=scheme)
        page.evaluate(FOLD, is_unfolded)
        beyond[width, scheme, is_unfolded] = beyond_the_edge(page)

    assert beyond == {view: [] for view in beyond}
    assert (requests, messages) == ([ADDRESS], [])


@pytest.mark.parametrize(
    ("sample", "width", "scheme"),
    [
        ("closed", 1280, "light"),
        ("closed", 390, "dark"),
        ("hostile", 390, "dark"),
    ],
)
def test_page_conforms_to_wcag(sample: str, width: int, scheme: str, opened: Opening) -> None:
    page = opened(SAMPLES[sample](), width, scheme).page
    page.evaluate(FOLD, True)

    results = Axe().run(page, options={"runOnly": TAGS, "resultTypes": ["violations", "incomplete"]}).response

    violations = results["violations"]
    assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in violations] == []
    # axe cannot judge letters in pictures and signs; tests/unit/test_report_html.py tests their colours.
    undecided = [node["html"] for rule in results["incomplete"] for node in rule["nodes"]]
    assert [
        element
        for element in undecided
        if not re.match('<text|<span class="(sign|mark|took)|<span aria-hidden="true">.</span>', element)
    ] == []
    assert len(results["passes"]) > 20


@pytest.mark.parametrize("width", SIZES)
def test_first_screen_has_the_failed_check_with_expected_and_actual_values(width: int, opened: Opening) -> None:
    page = opened(closed(), width).page

    for element in (
        page.get_by_text("shop/shop-blue-green · AfterAllowTestTraffic · shop:42"),
        page.get_by_role("heading", level=1, name="Failed"),
        page.get_by_role("heading", level=2, name="an order can be placed and read back"),
        page.locator(".pair dt", has_text="Expected"),
        page.locator(".pair dd", has_text="9.99").first,
        page.locator(".pair .seen", has_text='"9.99"'),
        page.locator(".pair code", has_text="GET /orders/17: json total"),
        page.get_by_text("the team that wrote the release has to act"),
        page.locator(".facts dd", has_text="shop:42"),
        page.locator(".facts dd", has_text="https://shop.example.com:8443"),
    ):
        box = element.bounding_box()
        assert box is not None
        assert 0 <= box["y"] < box["y"] + box["height"] <= SIZES[width], element


# ---- By keyboard


def test_every_folded_check_gets_a_visible_focus_by_tab_and_opens_by_enter(opened: Opening) -> None:
    page = opened(closed()).page
    folded = page.locator("details:not([open])").count()
    reached, without_outline = 0, []
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
            without_outline.append(focused["text"])
        if focused["isFolded"]:
            reached += 1
            page.keyboard.press("Enter")

    assert folded > 3
    assert (reached, without_outline) == (folded, [])
    assert page.locator("details:not([open])").count() == 0


def test_link_to_the_failed_check_works_by_keyboard(opened: Opening) -> None:
    page = opened(closed()).page

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "an order can be placed and read back"
    page.keyboard.press("Enter")

    box = page.locator("#check-1").bounding_box()
    assert box is not None
    assert -1 <= box["y"] < SIZES[1280]


def test_one_click_selects_the_whole_command(opened: Opening) -> None:
    page = opened(closed(), 390).page

    page.locator(".facts code", has_text="greenlight replay").click()

    assert page.evaluate("getSelection().toString()").startswith("greenlight replay d-A1B2C3D4E --stage")
    assert page.evaluate("getSelection().toString()").endswith("--bucket greenlight-reports")


# ---- Print, and reduced motion


def test_print_shows_the_folded_parts(opened: Opening) -> None:
    page = opened(closed()).page
    folded = "[...document.querySelectorAll('details:not([open]) > :not(summary)')]"
    visibility = "element.checkVisibility({contentVisibilityAuto: true}) && element.offsetHeight > 0"
    visible = f"{folded}.map(element => {visibility})"
    assert not any(page.evaluate(visible))

    page.emulate_media(media="print", color_scheme="dark")

    assert len(page.evaluate(visible)) > 3
    page.wait_for_function(f"{visible}.every(Boolean)")  # the next frame lays out what was skipped
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") in (
        "rgb(255, 255, 255)",
        "rgba(0, 0, 0, 0)",
    )
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_nothing_moves_with_and_without_reduced_motion(opened: Opening) -> None:
    page = opened(closed()).page
    moves = """() => [...document.querySelectorAll('*')]
        .map(element => getComputedStyle(element))
        .filter(style =>
            style.transitionDuration !== '0s' || style.animationName !== 'none' || style.scrollBehavior !== 'auto')
        .length"""

    assert page.evaluate(moves) == 0
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moves) == 0


# ---- Untrusted texts


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
def test_untrusted_text_runs_no_script_makes_no_request_and_does_not_overflow(evil: str, opened: Opening) -> None:
    # Without the page's content security policy, so that escaping is tested by itself.
    page, requests, messages = opened(hostile(evil), 390, bypass_csp=True)
    page.evaluate(FOLD, True)

    assert beyond_the_edge(page) == []
    assert page.evaluate("[document.scripts.length, document.images.length]") == [0, 0]
    assert (requests, messages) == ([ADDRESS], [])


def test_right_to_left_texts_do_not_change_the_order_of_the_page(opened: Opening) -> None:
    finding = closed().checks[1]
    hebrew = replace(finding, name=RTL, message=RTL, evidence=(replace(finding.evidence[1], expected=RTL, actual=RTL),))
    reason = replace(closed().reasons[0], check=RTL, message=RTL)
    page = opened(closed(checks=(hebrew,), reasons=(reason,)), 390).page

    expected, seen = page.locator(".pair dt", has_text="Expected"), page.locator(".pair dt", has_text="Actual")
    left, right = expected.bounding_box(), seen.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] < right["x"]
    mark, took = page.locator("summary .mark").first.bounding_box(), page.locator("summary").first.bounding_box()
    assert mark is not None
    assert took is not None
    assert mark["x"] == pytest.approx(took["x"], abs=2)


def test_largest_report_opens_and_its_last_check_is_readable(opened: Opening) -> None:
    page, requests, messages = opened(large(300), 390)

    last = page.locator("details").last
    last.locator("summary").click()

    assert page.get_by_text("GET /catalogue/299: status is seen").is_visible()
    assert page.locator("details").count() == 300
    assert page.locator(f".mark.{Outcome.FAIL.value.lower()}").count() > 0
    assert (requests, messages) == ([ADDRESS], [])
