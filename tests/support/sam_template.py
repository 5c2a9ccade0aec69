"""template.yaml for tests: the raw template, and the one that CloudFormation gets after the Serverless transform."""

from __future__ import annotations

import functools
import json
import re
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
    """Parse a template; short forms such as !Ref become their long forms."""
    return yaml_parse(text)


@functools.cache
def _raw_json() -> str:
    return json.dumps(parse(TEMPLATE.read_text()))


def raw_template() -> Json:
    """Return template.yaml before the transform, as a new copy (cached as JSON, since parsing YAML takes a second)."""
    return json.loads(_raw_json())


def transform(template: Json) -> Json:
    """Apply the Serverless transform to `template`; local folders become S3 URIs, as with `sam package`."""
    import boto3  # takes half a second with the translator, and every test process imports this file
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    placeholder = "s3://artifacts/code.zip"
    for properties in (
        template.get("Globals", {}).get("Function", {}),
        *(r["Properties"] for r in template["Resources"].values()),
    ):
        for key in ("CodeUri", "ContentUri", "DefinitionUri"):
            if isinstance(properties.get(key), str):
                properties[key] = placeholder
    parameters = {name: parameter.get("Default", "") for name, parameter in template.get("Parameters", {}).items()}
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-central-1"))
    return json.loads(json.dumps(translator.translate(template, parameters)))


@functools.cache
def _transformed_json() -> str:
    return json.dumps(transform(raw_template()))


def transformed() -> Json:
    """Return template.yaml as CloudFormation gets it, as a new copy."""
    return json.loads(_transformed_json())


def of_type(template: Json, kind: str) -> dict[str, Json]:
    """Return the properties of all resources of one type, by logical ID."""
    return {name: r["Properties"] for name, r in template["Resources"].items() if r["Type"] == kind}


def alternatives(value: Any) -> Iterator[Any]:
    """Yield all possible values of `value`: both branches of every Fn::If, lists flattened, without AWS::NoValue."""
    if isinstance(value, list):
        for item in value:
            yield from alternatives(item)
    elif isinstance(value, dict) and "Fn::If" in value:
        yield from alternatives(value["Fn::If"][1:])
    elif value != {"Ref": "AWS::NoValue"}:
        yield value


def statements(template: Json, role: str) -> list[Json]:
    """Return every statement that `role` can have, of inline and managed policies, with the role's tags filled in."""
    properties = template["Resources"][role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for arn in alternatives(properties.get("ManagedPolicyArns", [])):
        resource = template["Resources"].get(arn.get("Ref", ""))
        documents += [resource["Properties"]["PolicyDocument"]] if resource else []
    documents = with_principal_tags(documents, properties)
    return [statement for document in documents for statement in alternatives(document["Statement"])]


def with_principal_tags(value: Any, role: Json) -> Any:
    """Return `value` with the policy variables `${aws:PrincipalTag/KEY}` replaced by the tags of `role`, as IAM does.

    In a Fn::Sub the variable is `${!aws:PrincipalTag/KEY}`. A variable without a tag stays, and matches no resource.
    """
    text = json.dumps(value)
    for tag in role.get("Tags", []):
        text = re.sub(rf"\$\{{!?aws:PrincipalTag/{re.escape(tag['Key'])}\}}", tag["Value"], text)
    return json.loads(text)


def listed(value: Any) -> list[Any]:
    """Return an IAM element that may be one value or a list as a list."""
    return value if isinstance(value, list) else [value]


def plain(arn: Any) -> str:
    """Convert an ARN expression to one string: the pattern of a Fn::Sub, or ${Logical.Attribute}."""
    if isinstance(arn, str):
        return arn
    if "Fn::Sub" in arn:
        return str(arn["Fn::Sub"])
    if "Fn::Split" in arn:
        return plain(arn["Fn::Split"][1])
    if "Ref" in arn:
        return "${" + arn["Ref"] + "}"
    return "${" + ".".join(listed(arn["Fn::GetAtt"])) + "}"
