"""Cases of other projects for the assertion language; each table beside this file has its source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from greenlight.assertions import json_schema, semver
from greenlight.assertions.expectation import parse
from greenlight.assertions.formats import FORMATS
from greenlight.assertions.jmespath_query import run_query
from greenlight.core.errors import ExpectationError
from greenlight.core.json_values import MISSING, equals

HERE = Path(__file__).parent


def table(name: str) -> Any:
    return yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))


SEMVER, HURL, SCHEMAS, TEXTS, PATHS = (table(name) for name in ("semver", "hurl", "jsonschema", "formats", "jmespath"))


@pytest.mark.parametrize("allowed", SEMVER["not_in_range"], ids=repr)
def test_version_is_not_in_the_range(allowed: str) -> None:
    assert [version for version in SEMVER["not_in_range"][allowed] if parse({"semver": allowed}).holds(version)] == []


@pytest.mark.parametrize("allowed", SEMVER["in_range"], ids=repr)
def test_version_is_in_the_range(allowed: str) -> None:
    assert [version for version in SEMVER["in_range"][allowed] if not parse({"semver": allowed}).holds(version)] == []


@pytest.mark.parametrize("text", SEMVER["no_range"], ids=repr)
def test_invalid_range_is_rejected(text: str) -> None:
    with pytest.raises(ExpectationError, match="range of versions"):
        parse({"semver": text})


@pytest.mark.parametrize("text", SEMVER["no_version"], ids=lambda text: repr(text)[:20])
def test_invalid_version_is_not_in_any_range(text: str) -> None:
    assert semver.parse_version(text) is None
    assert not parse({"semver": "*"}).holds(text)
    assert not parse({"not": {"semver": "*"}}).holds(text)


@pytest.mark.parametrize(("greater", "smaller"), SEMVER["greater_first"])
def test_versions_are_ordered(greater: str, smaller: str) -> None:
    first, second = semver.parse_version(greater), semver.parse_version(smaller)

    assert first is not None
    assert second is not None
    assert first > second


@pytest.mark.parametrize("case", HURL["fails"], ids=lambda case: case["hurl"])
def test_case_that_fails_in_hurl_fails(case: dict[str, Any]) -> None:
    assert not parse(case["expect"]).holds(case["value"])


@pytest.mark.parametrize("case", HURL["passes"], ids=lambda case: case["hurl"])
def test_case_that_passes_in_hurl_passes(case: dict[str, Any]) -> None:
    assert parse(case["expect"]).why(case["value"]) == "" or "filters" in case["expect"]
    assert parse(case["expect"]).holds(case["value"])


@pytest.mark.parametrize("case", SCHEMAS, ids=lambda case: case["of"])
def test_json_schema(case: dict[str, Any]) -> None:
    expectation = parse({"schema": case["schema"]})

    assert [data for data in case["invalid"] if expectation.holds(data)] == []
    assert [data for data in case["valid"] if not expectation.holds(data)] == []
    assert all(json_schema.schema_errors(case["schema"], data) for data in case["invalid"])


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case["format"])
def test_text_formats(case: dict[str, Any]) -> None:
    typed, formatted = parse({"type": case["type"]}), parse({"schema": {"format": case["format"]}})

    assert [text for text in case["invalid"] if FORMATS[case["format"]](text) or formatted.holds(text)] == []
    assert [text for text in case["valid"] if not (typed.holds(text) and formatted.holds(text))] == []
    assert case["type"] == "ip" or [text for text in case["invalid"] if typed.holds(text)] == []


@pytest.mark.parametrize("case", PATHS, ids=range(len(PATHS)))
def test_jmespath(case: dict[str, Any]) -> None:
    data = case["given"]

    assert [query for query in case.get("nothing", ()) if run_query(query, data) is not MISSING] == []
    results = case.get("finds", {})
    assert [query for query, value in results.items() if not equals(run_query(query, data), value)] == []
    for query in case.get("refused", ()):
        with pytest.raises(ExpectationError):
            run_query(query, data)
