"""Readers of the JUnit and TAP reports that tests check."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from greenlight.report import junit, tap

if TYPE_CHECKING:
    from greenlight.core.report import Report

POINT = re.compile(r"(not )?ok [0-9]+ - ((?:[^\\#]|\\.)*)(?:# (SKIP|TODO) .*)?")


def points_of(report: Report) -> list[re.Match[str]]:
    """Parse the test points of the TAP report."""
    points = [line for line in tap.render(report).splitlines() if re.match(r"(not )?ok\b", line)]
    return [match for line in points if (match := POINT.fullmatch(line))]


def junit_of(report: Report) -> ET.Element:
    """Parse the JUnit report."""
    return ET.fromstring(junit.render(report))  # noqa: S314 - our own document
