"""The HTML report: a safe, accessible page with the facts that on-call needs first."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from greenlight.core.finding import Cause
from greenlight.core.report import DEFAULT_CHECKS, PlanSource, TrafficShare
from greenlight.core.verdict import Reason, ShadowedVerdict, Status
from greenlight.report.html import MAX_TIMELINE_ROWS, render
from tests.support.report_samples import ECS, EVIL, SAMPLES, closed, hostile, large, refused

VOID = {"meta", "link", "br"}
ELEMENTS = {
    "html", "head", "meta", "title", "link", "style", "body", "header", "main", "footer", "section", "h1", "h2", "h3",
    "p", "span", "a", "strong", "code", "pre", "ul", "ol", "li", "dl", "dt", "dd", "div", "details", "summary",
    "table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "br",
    "svg", "rect", "line", "path", "circle", "text",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "rel", "href", "class", "id", "open", "tabindex", "scope",
    "role", "aria-label", "aria-hidden", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "dx", "d",
    "width", "height", "viewbox", "preserveaspectratio", "text-anchor",
}  # fmt: skip


class Page(HTMLParser):
    """Strict parser of a page: every element must be closed in order; texts and attributes are stored."""

    def __init__(self, rendered: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(rendered)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self._open[-1] if self._open else "", data))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    def text(self, *tags: str) -> list[str]:
        return [data for tag, data in self.texts if tag in tags]

    @property
    def whole(self) -> str:
        return " ".join(data for tag, data in self.texts if tag != "style")


EVERY = {**SAMPLES, "large": large}


# ---- Safety


@pytest.mark.parametrize("name", EVERY)
def test_page_has_no_scripts_inline_styles_or_external_resources(name: str) -> None:
    page = Page(render(EVERY[name]()))

    assert {tag for tag, _ in page.elements} <= ELEMENTS
    assert {attribute for _, attributes in page.elements for attribute in attributes} <= ATTRIBUTES
    hrefs = [attributes["href"] for _, attributes in page.elements if "href" in attributes]
    assert all(href == "data:," or href.startswith("#") for href in hrefs)


def test_policy_allows_only_the_style_sheet_of_the_page() -> None:
    rendered = render(closed())
    page = Page(rendered)
    (css,) = page.text("style")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")

    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"url\(|@import|</", css)


def test_text_cannot_become_markup() -> None:
    page = Page(render(hostile()))

    assert {body.get("class") for body in page.all("body")} == {"error"}
    assert page.whole.count("<script>alert(1)</script>") > 20
    for data in (
        *(data for _, data in page.texts),
        *(value for _, attributes in page.elements for value in attributes.values()),
    ):
        assert all(character.isprintable() or character == "\n" for character in data)


@given(st.text(st.characters(exclude_characters="`"), min_size=1))  # backticks mark code in a remediation
def test_any_text_leaves_the_elements_of_the_page_unchanged(evil: str) -> None:
    rendered = render(hostile(evil))
    page, other = Page(rendered), Page(render(hostile("x")))

    assert [tag for tag, _ in page.elements] == [tag for tag, _ in other.elements]
    rendered.encode()


def test_texts_of_ten_megabytes_are_truncated() -> None:
    huge = EVIL * 60_000

    assert len(render(hostile(huge))) < 400_000


# ---- Accessibility


@pytest.mark.parametrize("name", EVERY)
def test_headings_have_one_h1_and_skip_no_level(name: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(render(EVERY[name]())).elements if re.fullmatch("h[1-6]", tag)]

    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("name", EVERY)
def test_every_chart_has_a_description(name: str) -> None:
    page = Page(render(EVERY[name]()))
    outer = [svg for svg in page.all("svg") if "viewbox" not in svg]

    assert all(svg.get("aria-hidden") == "true" or (svg.get("role") == "img" and svg["aria-label"]) for svg in outer)


@pytest.mark.parametrize("name", EVERY)
def test_every_link_has_a_target_and_every_id_is_unique(name: str) -> None:
    page = Page(render(EVERY[name]()))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    links = [link["href"][1:] for link in page.all("a")]

    assert len(set(ids)) == len(ids)
    assert set(links) <= set(ids)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_colours_have_sufficient_contrast(scheme: str) -> None:
    (css,) = Page(render(closed())).text("style")
    blocks = re.findall(r":root \{(.*?)\}", css, re.S)
    colours: dict[str, str] = {}
    for block in blocks[: 1 if scheme == "light" else 2]:
        colours |= dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block))

    letters = ("ink", "muted", "pass", "fail", "error", "inconclusive", "skipped", "blue", "green")
    for ground, letter in itertools.product(("page", "raised"), letters):
        assert _contrast(colours[ground], colours[letter]) >= 4.5, (scheme, ground, letter)


def _contrast(one: str, other: str) -> float:
    """Calculate the contrast of two colours: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_typical_page_is_small() -> None:
    assert len(render(closed()).encode()) < 60_000


# ---- Content


def test_first_screen_has_everything_that_on_call_needs() -> None:
    page = Page(render(closed()))
    first = page.whole.partition("Timeline")[0]

    for text in (
        "Failed", "an order can be placed and read back", 'GET /orders/17: json total is "9.99", expected 9.99',
        "Expected 9.99", 'Actual "9.99"', "GET /orders/17: json total", "shop:42",
        "s3://greenlight-plans/shop/shop-blue-green.yaml",
        "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "2026-03-14 09:26:53 UTC", "RELEASE_FAILED", "the team that wrote the release has to act", "Read green's log",
        "the queue drains: approved by maria@example.com",
    ):  # fmt: skip
        assert text in first
    assert page.text("title") == ["Failed: shop/shop-blue-green at AfterAllowTestTraffic"]


def test_rejected_plan_shows_its_owner_and_that_nothing_was_tested() -> None:
    page = Page(render(refused()))

    assert "The plan is wrong: its author has to act. Green was not tested." in page.whole
    assert "No check ran at this stage." in page.whole
    assert page.all("body") == [{"class": "error"}]


def test_shadow_mode_is_in_the_headline_and_in_the_colour() -> None:
    shadow = ShadowedVerdict(would_have_been=Status.FAILED, until="2026-04-01", why="a new plan")
    page = Page(render(closed(verdict=Status.SUCCEEDED, shadow=shadow)))

    assert "shadow: would have Failed until 2026-04-01" in page.whole
    assert page.all("body") == [{"class": "inconclusive"}]


def test_timeline_of_many_checks_shows_the_broken_and_slow_ones() -> None:
    page = Page(render(large()))
    drawn = [svg for svg in page.all("svg") if svg.get("class") == "bar"]

    assert len(drawn) == MAX_TIMELINE_ROWS + 1
    assert "170 more checks passed in less time and are not shown." in page.whole
    assert page.whole.partition("Users' traffic")[0].count("page 133 of the catalogue answers") == 2


@pytest.mark.parametrize(
    ("stage", "changes", "sentence"),
    [
        ("AfterAllowTestTraffic", {}, "blue serves all users. Green is only reachable through the test listener."),
        ("AfterAllowTraffic", {}, "green serves all users"),
        ("BeforeAllowTraffic", {"first": True}, "First deployment: there was no traffic before"),
    ],
)
def test_traffic_follows_codedeploys_order_of_events(stage: str, changes: dict[str, Any], sentence: str) -> None:
    assert sentence in Page(render(closed(deployment=replace(ECS, stage=stage, **changes)))).whole


@pytest.mark.parametrize("changes", [{"id": "local"}, {"stage": "Somewhen"}, {"config": ""}])
def test_unknown_traffic_is_not_shown(changes: dict[str, str]) -> None:
    assert "Users' traffic" not in Page(render(closed(deployment=replace(ECS, **changes)))).whole


def test_traffic_of_a_rehearsal_is_drawn_over_time() -> None:
    shares = (TrafficShare(at_ms=-2000, green_percent=0), TrafficShare(at_ms=30_000, green_percent=100))

    labels = [svg.get("aria-label") for svg in Page(render(closed(traffic=shares))).all("svg")]
    assert "green's share of the traffic went from 0 % to 100 %" in labels


def test_default_checks_are_reported_as_the_only_checks() -> None:
    whole = Page(render(closed(plan=PlanSource(uri=DEFAULT_CHECKS)))).whole

    assert "No plan covers this stage; only the default checks ran." in whole


def test_number_of_reasons_on_the_first_screen_is_limited() -> None:
    reasons = tuple(Reason(cause=Cause.RELEASE_FAILED, message=f"reason {number}") for number in range(500))

    assert "and 479 more, below" in Page(render(closed(reasons=reasons))).whole
