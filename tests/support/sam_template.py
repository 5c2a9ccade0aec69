"""template.yaml as the tests read it: as written, and as CloudFormation gets it after the Serverless transform."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samtranslator.yaml_helper import yaml_parse

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
ECS_STAGES = ("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic")
SHARED_STAGES = ("BeforeAllowTraffic", "AfterAllowTraffic")
STAGES = ECS_STAGES + SHARED_STAGES

Json = dict[str, Any]


def parse(text: str) -> Json:
    """Read a template; short forms such as !Ref come out as their long ones."""
    return yaml_parse(text)


@functools.cache
def _written() -> str:
    return json.dumps(parse(TEMPLATE.read_text()))


def written() -> Json:
    """Read template.yaml, a fresh copy each time (JSON, because parsing YAML takes a second)."""
    return json.loads(_written())


def transform(template: Json) -> Json:
    """Do to `template` what the Serverless transform does; local folders become places in S3, as `sam package` does."""
    import boto3  # half a second with the translator, and every test process reads this file
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    stand_in = "s3://artifacts-of-nobody/code.zip"
    for properties in (
        template.get("Globals", {}).get("Function", {}),
        *(r["Properties"] for r in template["Resources"].values()),
    ):
        for key in ("CodeUri", "ContentUri"):
            if isinstance(properties.get(key), str):
                properties[key] = stand_in
    parameters = {name: parameter.get("Default", "") for name, parameter in template.get("Parameters", {}).items()}
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-central-1"))
    return json.loads(json.dumps(translator.translate(template, parameters)))


@functools.cache
def _transformed() -> str:
    return json.dumps(transform(written()))


def transformed() -> Json:
    """Read template.yaml as CloudFormation gets it, a fresh copy each time."""
    return json.loads(_transformed())


def of_type(template: Json, kind: str) -> dict[str, Json]:
    """Pick the resources of one type, properties by logical id."""
    return {name: r["Properties"] for name, r in template["Resources"].items() if r["Type"] == kind}


def alternatives(value: Any) -> Iterator[Any]:
    """Yield what `value` can become: both branches of every Fn::If in it, lists flattened, AWS::NoValue left out."""
    if isinstance(value, list):
        for item in value:
            yield from alternatives(item)
    elif isinstance(value, dict) and "Fn::If" in value:
        yield from alternatives(value["Fn::If"][1:])
    elif value != {"Ref": "AWS::NoValue"}:
        yield value


def statements(template: Json, role: str) -> list[Json]:
    """Collect every statement that `role` can come to hold, by policies of its own and by managed ones."""
    properties = template["Resources"][role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for arn in alternatives(properties.get("ManagedPolicyArns", [])):
        resource = template["Resources"].get(arn.get("Ref", ""))
        documents += [resource["Properties"]["PolicyDocument"]] if resource else []
    return [statement for document in documents for statement in alternatives(document["Statement"])]


def listed(value: Any) -> list[Any]:
    """Read an IAM element that may be one or several."""
    return value if isinstance(value, list) else [value]


def plain(arn: Any) -> str:
    """Write an ARN expression as one text: the Sub's pattern, or ${Logical.Attribute}."""
    if isinstance(arn, str):
        return arn
    if "Fn::Sub" in arn:
        return str(arn["Fn::Sub"])
    if "Fn::Split" in arn:
        return plain(arn["Fn::Split"][1])
    if "Ref" in arn:
        return "${" + arn["Ref"] + "}"
    return "${" + ".".join(listed(arn["Fn::GetAtt"])) + "}"
