"""The Markdown report: escaped texts, and its main facts."""

from __future__ import annotations

import re

from greenlight.core.finding import Outcome
from greenlight.report import markdown
from tests.support.report_samples import EVIL, check, closed, hostile, refused


def test_text_in_markdown_cannot_create_links_mentions_images_html_or_cells() -> None:
    rendered = markdown.render(hostile())
    prose = "\n".join(
        line for line in rendered.splitlines() if not line.startswith("<details>")
    )  # HTML until a blank line
    cells = {line.replace(r"\|", "").count("|") for line in rendered.splitlines() if line.startswith("|")}

    assert not re.search(r"@\w", rendered)
    assert not re.search(r"(?<!\\)[\[<`](?!/?details>|br>)", prose)
    assert not re.search(r"(?<!\\)<script", rendered)
    assert "https:" not in prose
    assert cells == {4, 5}


def test_markdown_has_verdict_owner_and_untested_parts() -> None:
    rendered = markdown.render(refused())

    assert rendered.startswith("## ❌ Failed\\: orders at AfterAllowTraffic".replace("\\:", ":"))
    assert "The plan is wrong: its author has to act. Green was not tested." in rendered
    assert "- No check ran at this stage." in rendered


def test_message_of_ten_megabytes_is_truncated() -> None:
    huge = closed(checks=(check("a" * 10_000_000, "v", Outcome.FAIL, EVIL * 50_000),))

    assert len(markdown.render(huge)) < 10_000
