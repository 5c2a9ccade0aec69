"""Other people's cases, as facts in tables beside this file; each says where it comes from."""

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


@pytest.mark.parametrize("wanted", SEMVER["not_in_range"], ids=repr)
def test_versions_out_of_a_range(wanted: str) -> None:
    assert [each for each in SEMVER["not_in_range"][wanted] if parse({"semver": wanted}).holds(each)] == []


@pytest.mark.parametrize("wanted", SEMVER["in_range"], ids=repr)
def test_versions_in_a_range(wanted: str) -> None:
    assert [each for each in SEMVER["in_range"][wanted] if not parse({"semver": wanted}).holds(each)] == []


@pytest.mark.parametrize("text", SEMVER["no_range"], ids=repr)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ExpectationError, match="range of versions"):
        parse({"semver": text})


@pytest.mark.parametrize("text", SEMVER["no_version"], ids=lambda text: repr(text)[:20])
def test_what_is_no_version_is_in_no_range(text: str) -> None:
    assert semver.parse_version(text) is None
    assert not parse({"semver": "*"}).holds(text)
    assert not parse({"not": {"semver": "*"}}).holds(text)


@pytest.mark.parametrize(("greater", "smaller"), SEMVER["greater_first"])
def test_versions_have_their_order(greater: str, smaller: str) -> None:
    first, second = semver.parse_version(greater), semver.parse_version(smaller)

    assert first is not None
    assert second is not None
    assert first > second


@pytest.mark.parametrize("case", HURL["fails"], ids=lambda case: case["hurl"])
def test_what_hurl_fails(case: dict[str, Any]) -> None:
    assert not parse(case["expect"]).holds(case["value"])


@pytest.mark.parametrize("case", HURL["passes"], ids=lambda case: case["hurl"])
def test_what_hurl_passes(case: dict[str, Any]) -> None:
    assert parse(case["expect"]).why(case["value"]) == "" or "filters" in case["expect"]
    assert parse(case["expect"]).holds(case["value"])


@pytest.mark.parametrize("case", SCHEMAS, ids=lambda case: case["of"])
def test_json_schema(case: dict[str, Any]) -> None:
    expectation = parse({"schema": case["schema"]})

    assert [each for each in case["invalid"] if expectation.holds(each)] == []
    assert [each for each in case["valid"] if not expectation.holds(each)] == []
    assert all(json_schema.schema_errors(case["schema"], each) for each in case["invalid"])


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case["format"])
def test_texts_with_a_form(case: dict[str, Any]) -> None:
    typed, formed = parse({"type": case["type"]}), parse({"schema": {"format": case["format"]}})

    assert [each for each in case["invalid"] if FORMATS[case["format"]](each) or formed.holds(each)] == []
    assert [each for each in case["valid"] if not (typed.holds(each) and formed.holds(each))] == []
    assert case["type"] == "ip" or [each for each in case["invalid"] if typed.holds(each)] == []


@pytest.mark.parametrize("case", PATHS, ids=range(len(PATHS)))
def test_jmespath(case: dict[str, Any]) -> None:
    given = case["given"]

    assert [each for each in case.get("nothing", ()) if run_query(each, given) is not MISSING] == []
    assert [each for each, value in case.get("finds", {}).items() if not equals(run_query(each, given), value)] == []
    for each in case.get("refused", ()):
        with pytest.raises(ExpectationError):
            run_query(each, given)
