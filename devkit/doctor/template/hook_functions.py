"""Checks of the functions in a template that are hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...lint.appspec import HOOK_PREFIX
from .. import permissions
from ..cloudformation import as_list, deployment_preference, logical_id
from ..hook_names import ANSWER_ACTION
from ..rules import SHORT_TIMEOUT_S, make_symptom
from .aliases import ALIAS_HOOKS, shifted_aliases
from .hook_references import FUNCTION_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cloudformation import Template
    from ..rules import Symptom

_HARMLESS_POLICIES = ("AWSLambdaBasicExecutionRole", "AWSLambdaVPCAccessExecutionRole", "AWSXRayDaemonWriteAccess")
"""Managed policies that do not allow reporting a status to CodeDeploy."""


def hook_functions(template: Template) -> list[str]:
    """Return the logical ids of the functions that are hooks: by their names, or because a resource names them."""
    functions = template.resources(*FUNCTION_TYPES)
    hooks: dict[str, None] = {}
    for name, resource in functions.items():
        properties = resource.get("Properties")
        function_name = template.resolve(properties.get("FunctionName")) if isinstance(properties, dict) else ""
        if isinstance(function_name, str) and function_name.startswith(HOOK_PREFIX):
            hooks[name] = None
        references = (deployment_preference(template.properties(name)) or {}).get("Hooks")
        for value in references.values() if isinstance(references, dict) else ():
            if logical_id(value) in functions:
                hooks[logical_id(value)] = None
    for update in shifted_aliases(template).values():
        for value in (update.get(key) for key in ALIAS_HOOKS):
            if logical_id(value) in functions:
                hooks[logical_id(value)] = None
    return list(hooks)


def check_hook(template: Template, name: str, installation: str) -> Iterator[Symptom]:
    """Check a function that is a hook."""
    properties, line = template.properties(name), template.line("Resources", name)
    if properties.get("AutoPublishAlias") or deployment_preference(properties) is not None:
        yield make_symptom(
            "hook-has-alias",
            f"the hook {name} is published or shifted like a service; its EventInvokeConfig applies to the alias, but "
            "CodeDeploy invokes the function without it",
            fix=f"{name}: remove AutoPublishAlias, and write:\nDeploymentPreference: {{Enabled: false}}",
            line=line,
        )
    timeout = properties.get("Timeout", 3)
    if isinstance(timeout, int | str) and str(timeout).isdigit() and int(timeout) < SHORT_TIMEOUT_S:
        yield make_symptom(
            "hook-may-be-too-short",
            f"the hook {name} times out after {timeout} seconds; a cold start and one slow response take longer",
            fix="Timeout: 300",
            line=template.line("Resources", name, "Properties", "Timeout"),
        )
    if _may_answer(template, properties) is False:
        resource = "arn:${AWS::Partition}:codedeploy:${AWS::Region}:${AWS::AccountId}:deploymentgroup:*"
        yield make_symptom(
            "hook-cannot-answer",
            f"the hook {name} is not allowed to report its status to CodeDeploy, and the deployment waits for an hour",
            fix=f"Policies:\n  - Statement:\n      - Effect: Allow\n        Action: {ANSWER_ACTION}\n"
            f"        Resource: !Sub {resource}",
            line=line,
        )
    if not _handles_failures(template, name, properties):
        last_resort = (
            f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{installation}-LastResort"
        )
        yield make_symptom(
            "hook-without-last-resort",
            f"CodeDeploy gets no answer when the hook {name} crashes or times out: it has no on-failure destination",
            fix="EventInvokeConfig:\n  MaximumRetryAttempts: 0\n  DestinationConfig:\n    OnFailure:\n"
            f"      Type: Lambda\n      Destination: !Sub {last_resort}",
            line=line,
        )


def _handles_failures(template: Template, name: str, properties: dict[str, Any]) -> bool:
    if properties.get("DeadLetterQueue") or properties.get("DeadLetterConfig"):
        return True
    config = properties.get("EventInvokeConfig")
    destination = config.get("DestinationConfig") if isinstance(config, dict) else None
    if isinstance(destination, dict) and destination.get("OnFailure"):
        return True
    return any(
        logical_id(template.properties(resource).get("FunctionName")) == name
        for resource in template.resources("AWS::Lambda::EventInvokeConfig")
    )


def _may_answer(template: Template, properties: dict[str, Any]) -> bool | None:
    """Return whether a hook's execution role may report a status; None if a policy is not in the template."""
    role = logical_id(properties.get("Role"))
    if properties.get("Role") and role not in template.resources("AWS::IAM::Role"):
        return None
    holder = template.properties(role) if role else properties
    policies = holder.get("Policies", [])
    policies = policies if isinstance(policies, list) else [policies]
    documents = [_document(policy) for policy in policies if isinstance(policy, dict)]
    is_unknown = False
    for policy in (*policies, *as_list(holder.get("ManagedPolicyArns"))):
        if isinstance(policy, dict) and _document(policy):
            continue
        resource = logical_id(policy)
        if resource in template.resources("AWS::IAM::ManagedPolicy"):
            documents.append(template.properties(resource).get("PolicyDocument"))
        elif not str(policy).rstrip("'}\"").endswith(_HARMLESS_POLICIES):
            is_unknown = True
    if permissions.allows(permissions.statements(*documents), ANSWER_ACTION, "*"):
        return True
    return None if is_unknown else False


def _document(policy: dict[str, Any]) -> Any:
    return policy.get("PolicyDocument") or (policy if "Statement" in policy else None)
