"""greenlight schema: the schema for editors agrees with the engine."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from devkit.cli.main import main
from greenlight.assertions.expectation import parse
from greenlight.assertions.filters import FILTERS
from greenlight.assertions.predicates import PREDICATES

EXAMPLES = sorted(Path(__file__).parents[3].glob("examples/*/plan.yaml"))


@pytest.fixture(scope="module")
def schema() -> jsonschema.protocols.Validator:
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        assert main(["schema"]) == 0
    document = json.loads(stdout.getvalue())
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


def plan(check: dict[str, object], stage: str = "AfterAllowTraffic") -> dict[str, object]:
    return {"version": 1, "stages": {stage: {"checks": [check]}}}


@pytest.mark.parametrize(
    "wrong",
    [
        plan({"name": "a"}),
        plan({"name": "a", "htp": {}}),
        plan({"name": "a", "target_health": {}, "lambda_state": {}}),
        plan({"name": "a", "target_health": {"heathy": 1}}),
        plan({"name": "a", "target_health": {}, "timeout": "5"}),
        plan({"name": "a", "http": {"get": "/", "expect": {"status": {"lessthan": 300}}}}),
        plan({"name": "a", "http": {"get": "/", "expect": {"status": {"gt": "high"}}}}),
        plan({"name": "a", "http": {"get": "/", "expect": {"status": {"between": [200]}}}}),
        plan({"name": "a", "http": {"get": "/", "expect": {"status": None}}}),
        plan({"name": "a", "http": {"get": "/", "expect": {"body": {"filters": ["trim"]}}}}),
        plan({"name": "a", "http": {"get": "/", "expect": {"body": {"filters": ["split"], "eq": "a"}}}}),
        plan({"name": "a", "http": {"get": "/", "expect": {"body": {"filters": [{"splt": ","}], "eq": "a"}}}}),
        plan({"name": "a", "http": {"get": "/", "expect": {"body": {"any_of": [{"exist": False}]}}}}),
        plan({"name": "a", "http": {"get": "/", "body": None, "expect": {"status": 200}}}),
        plan({"name": "a", "target_health": {}}, stage="AfterAllowTrafic"),
        {"version": 2, "stages": {}},
    ],
)
def test_a_wrong_plan_is_wrong_in_the_schema_too(
    wrong: dict[str, object], schema: jsonschema.protocols.Validator
) -> None:
    assert not schema.is_valid(wrong)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_example_plans_are_right_in_the_schema(path: Path, schema: jsonschema.protocols.Validator) -> None:
    assert [error.message for error in schema.iter_errors(yaml.safe_load(path.read_text()))] == []


def test_every_key_of_the_plan_and_of_its_validators_is_explained_to_editors(
    schema: jsonschema.protocols.Validator,
) -> None:
    undocumented = [
        f"{name}.{key}"
        for name, struct in schema.schema["$defs"].items()
        for key, field in struct.get("properties", {}).items()
        if not field.get("description") and "Expectation" not in name
    ]

    assert undocumented == [], "describe them under Attributes: in the docstring of their class"


def test_an_editor_shows_what_a_key_is_and_not_its_example(schema: jsonschema.protocols.Validator) -> None:
    check = schema.schema["$defs"]["check"]["properties"]

    assert check["needs"]["description"].startswith("Names of earlier checks of the stage that must pass first")
    assert check["timeout"]["description"].startswith("Time limit of one attempt")
    assert schema.schema["$defs"]["Repeat"]["properties"]["interval"]["default"] == "10s"
    assert schema.schema["$defs"]["Retry"]["properties"]["interval"]["default"] == "1s"
    assert check["alarms"]["description"] == "The named alarms are not in ALARM."
    assert "Example" not in schema.schema["$defs"]["Retry"]["description"]


@pytest.mark.parametrize("name", [*PREDICATES])
def test_the_example_of_every_predicate_is_read_and_right_in_the_schema(
    name: str, schema: jsonschema.protocols.Validator
) -> None:
    example = PREDICATES[name].example

    assert set(example) == {name}
    assert parse(example).raw == example
    assert schema.is_valid(plan({"name": "a", "http": {"get": "/", "expect": {"json": {"a": example}}}}))


@pytest.mark.parametrize("name", [*FILTERS])
def test_the_example_of_every_filter_is_read_and_right_in_the_schema(
    name: str, schema: jsonschema.protocols.Validator
) -> None:
    example = {"filters": [FILTERS[name].example], "exists": True}

    assert parse(example).filters[0].name == name
    assert schema.is_valid(plan({"name": "a", "http": {"get": "/", "expect": {"json": {"a": example}}}}))


def test_null_can_be_expected_in_a_response(schema: jsonschema.protocols.Validator) -> None:
    for expected in (None, {"eq": None}, {"any_of": [None, {"exists": False}]}):
        assert schema.is_valid(plan({"name": "a", "http": {"get": "/", "expect": {"json": {"a": expected}}}}))
