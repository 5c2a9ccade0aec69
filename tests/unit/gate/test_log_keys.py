"""Keys of log lines: none is a name that Python's logging keeps for itself, which would lose the line."""

from __future__ import annotations

import ast
import logging

from tests.support.sam_template import ROOT

RESERVED = {*vars(logging.makeLogRecord({})), "message", "asctime"} - {"exc_info"}
LEVELS = {"info", "warning", "error"}


def test_no_log_line_has_a_key_that_logging_reserves() -> None:
    sources = [*(ROOT / "layers" / "greenlight" / "greenlight").rglob("*.py"), *(ROOT / "hooks").glob("*.py")]
    calls = [
        (path.name, keyword.arg)
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS
        for keyword in node.keywords
    ]

    assert len(calls) >= 10
    assert [call for call in calls if call[1] in RESERVED] == []
