"""template.yaml as an account has it after a deployment with certain parameters: conditions decided, ARNs complete."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from devkit.doctor.permissions import allows
from tests.support.sam_template import Json, transformed, with_principal_tags

REGION, ACCOUNT = "eu-central-1", "111122223333"
_PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::URLSuffix": "amazonaws.com"}
_NO_VALUE = {"Ref": "AWS::NoValue"}
ADMINISTRATOR: Json = {"Effect": "Allow", "Action": "*", "Resource": "*"}
"""The widest statement that the policy in CheckPolicyArn can have."""


class Deployed:
    """The resources and roles of an installation with certain parameters; others have their defaults."""

    def __init__(self, **parameters: str) -> None:
        """Remember the parameters; the template is read when it is needed."""
        self._chosen = parameters

    @functools.cached_property
    def _template(self) -> Json:
        return transformed()

    @functools.cached_property
    def _parameters(self) -> dict[str, str]:
        defaults = {name: str(p.get("Default", "")) for name, p in self._template["Parameters"].items()}
        return defaults | self._chosen

    @functools.cached_property
    def resources(self) -> dict[str, Json]:
        """The resources that exist, by logical ID."""
        return {
            name: resource
            for name, resource in self._template["Resources"].items()
            if "Condition" not in resource or self._is_true({"Condition": resource["Condition"]})
        }

    def properties(self, name: str) -> Json:
        """Return the properties of a resource, with every intrinsic function replaced by its value."""
        properties: Json = self.value(self.resources[name]["Properties"])
        return properties

    def statements(self, role: str) -> list[Json]:
        """Return the statements of a role; a policy of the operator (CheckPolicyArn) allows everything."""
        properties = self.properties(role)
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        result: list[Json] = []
        for arn in properties.get("ManagedPolicyArns", []):
            name = arn.rpartition("/")[2]
            if name in self.resources:
                documents.append(self.properties(name)["PolicyDocument"])
            else:
                result.append(ADMINISTRATOR)
        for document in with_principal_tags(documents, properties):
            result += document["Statement"]
        return result

    def may(self, role: str, action: str, resource: str) -> bool:
        """Return whether a role is allowed an action on a resource."""
        return allows(self.statements(role), action, resource)

    def value(self, value: Any) -> Any:
        """Return `value` with every intrinsic function replaced by its value."""
        if isinstance(value, list):
            return [self.value(item) for item in map(self._choose, value) if item != _NO_VALUE]
        if not isinstance(value, dict):
            return value
        value = self._choose(value)
        if not isinstance(value, dict) or len(value) != 1:
            return self._mapping(value)
        ((key, argument),) = value.items()
        if key == "Ref":
            return self._reference(argument)
        if key == "Fn::GetAtt":
            return self._attribute(*argument)
        if key == "Fn::Sub":
            return re.sub(r"\$\{([^!}][^}]*)\}", lambda match: self._name(match[1]), argument)
        if key == "Fn::Split":
            return str(self.value(argument[1])).split(argument[0])
        return self._mapping(value)

    def _mapping(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return self.value(value) if isinstance(value, list) else value
        chosen = {key: self._choose(item) for key, item in value.items()}
        return {key: self.value(item) for key, item in chosen.items() if item != _NO_VALUE}

    def _choose(self, value: Any) -> Any:
        while isinstance(value, dict) and "Fn::If" in value:
            condition, yes, no = value["Fn::If"]
            value = yes if self._is_true({"Condition": condition}) else no
        return value

    def _is_true(self, condition: Any) -> bool:
        ((key, argument),) = condition.items()
        if key == "Condition":
            return self._is_true(self._template["Conditions"][argument])
        if key == "Fn::Equals":
            return self.value(argument[0]) == self.value(argument[1])
        if key == "Fn::Not":
            return not self._is_true(argument[0])
        return (all if key == "Fn::And" else any)(self._is_true(item) for item in argument)

    def _name(self, name: str) -> str:
        logical, _, attribute = name.partition(".")
        return str(self._attribute(logical, attribute) if attribute else self._reference(logical))

    def _reference(self, name: str) -> str:
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in self._parameters:
            return self._parameters[name]
        kind = self._template["Resources"][name]["Type"]
        return self._arn(name) if kind in ("AWS::IAM::ManagedPolicy", "AWS::StepFunctions::StateMachine") else name

    def _attribute(self, name: str, attribute: str) -> str:
        return self._arn(name) if attribute == "Arn" else self._own_name(name)

    def _own_name(self, name: str) -> str:
        properties = self._template["Resources"][name]["Properties"]
        keys = ("FunctionName", "StateMachineName", "QueueName", "LogGroupName", "Name")
        return str(next((self.value(properties[key]) for key in keys if key in properties), name))

    def _arn(self, name: str) -> str:
        own = self._own_name(name)
        formats = {
            "AWS::S3::Bucket": f"arn:aws:s3:::{own}",
            "AWS::IAM::ManagedPolicy": f"arn:aws:iam::{ACCOUNT}:policy/{own}",
            "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{own}",
            "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{own}",
            "AWS::StepFunctions::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{own}",
            "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{own}:*",
            "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{own}",
            "AWS::Events::Rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{own}",
        }
        return formats[self._template["Resources"][name]["Type"]]


def policy_size(document: Json) -> int:
    """Return the size of a policy as IAM counts it: without white space."""
    return len(re.sub(r"\s", "", json.dumps(document)))
