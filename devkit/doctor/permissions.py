"""Permissions of an IAM role, evaluated from its policies.

An explicit Deny wins, and a permissions boundary limits. Conditions are not evaluated, to avoid false alarms: an Allow
with a condition counts, a Deny with one does not. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .reader import Reader

_ABSENT = ("NoSuchEntity", "NoSuchEntityException")


class Role(FrozenStruct, frozen=True, kw_only=True):
    """An IAM role.

    Attributes:
        name: The role's name.
        statements: The statements of all its policies.
        boundary: The statements of its permissions boundary; None without one.
        trusts: The services that may assume it.
        policies: ARNs of managed policies, names of inline ones.
    """

    name: str
    statements: tuple[dict[str, Any], ...] = ()
    boundary: tuple[dict[str, Any], ...] | None = None
    trusts: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()

    def may(self, action: str, resource: str) -> bool:
        """Return whether the role is allowed `action` (as in IAM) on `resource`, an ARN or "*" for any."""
        return allows(self.statements, action, resource) and (
            self.boundary is None or allows(self.boundary, action, resource)
        )


def read_role(reader: Reader, arn: str) -> Role | None:
    """Read a role with all its policies; return None if the role does not exist.

    Raises:
        UnseenError: Access to the role or one of its policies is denied.
    """
    name = arn.rsplit("/", 1)[-1]
    response = reader.find("iam", "get_role", _ABSENT, RoleName=name)
    if response is None:
        return None
    attached = reader.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    inline = reader.pages("iam", "list_role_policies", "PolicyNames", RoleName=name)
    documents = [_read_managed(reader, policy["PolicyArn"]) for policy in attached]
    documents += [
        reader.call("iam", "get_role_policy", RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in inline
    ]
    boundary = response["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
    return Role(
        name=name,
        statements=statements(*documents),
        boundary=statements(_read_managed(reader, boundary)) if boundary else None,
        trusts=trusted_services(response["Role"].get("AssumeRolePolicyDocument", {})),
        policies=(*(policy["PolicyArn"] for policy in attached), *inline),
    )


def _read_managed(reader: Reader, arn: str) -> Any:
    version = reader.call("iam", "get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return reader.call("iam", "get_policy_version", PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def statements(*documents: Any) -> tuple[dict[str, Any], ...]:
    """Return the statements of policy documents; anything that is not a statement is skipped."""
    lists = [_as_list(document.get("Statement")) for document in documents if isinstance(document, dict)]
    return tuple(statement for items in lists for statement in items if isinstance(statement, dict))


def trusted_services(document: Any) -> tuple[str, ...]:
    """Return the services that a trust policy allows to assume its role; "*" for any principal."""
    services: list[str] = []
    for statement in statements(document):
        principal = statement.get("Principal")
        actions = _as_list(statement.get("Action"))
        if statement.get("Effect") == "Allow" and any(
            _matches(str(action), "sts:AssumeRole", case_sensitive=False) for action in actions
        ):
            principals = principal.get("Service") if isinstance(principal, dict) else principal
            services += map(str, _as_list(principals))
    return tuple(services)


def allows(policy: Sequence[dict[str, Any]], action: str, resource: str) -> bool:
    """Return whether statements allow an action on a resource.

    If `resource` has wildcards, it is enough that some of the resources it matches are allowed.
    """
    is_denied = any(
        _applies(statement, action, resource, partial=False)
        for statement in policy
        if statement.get("Effect") == "Deny" and not statement.get("Condition")
    )
    return not is_denied and any(
        _applies(statement, action, resource, partial=True)
        for statement in policy
        if statement.get("Effect") == "Allow"
    )


def _applies(statement: dict[str, Any], action: str, resource: str, *, partial: bool) -> bool:
    return _element_matches(
        statement, "Action", lambda pattern: _matches(pattern, action, case_sensitive=False)
    ) and _element_matches(
        statement,
        "Resource",
        lambda pattern: _matches(pattern, resource) or (partial and _matches(resource, pattern)),
    )


def _element_matches(statement: dict[str, Any], key: str, matches: Any) -> bool:
    if key in statement:
        return any(matches(str(pattern)) for pattern in _as_list(statement[key]))
    inverse = f"Not{key}"
    return inverse in statement and not any(matches(str(pattern)) for pattern in _as_list(statement[inverse]))


def _as_list(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list) else [value]


def _matches(pattern: str, text: str, *, case_sensitive: bool = True) -> bool:
    """Match IAM's wildcards without exponential backtracking; a policy variable matches any text."""
    pattern = re.sub(r"\$\{[^}]*\}", "*", pattern)
    if not case_sensitive:
        pattern, text = pattern.lower(), text.lower()
    pattern_index = text_index = 0
    star, resume = -1, 0
    while text_index < len(text):
        if pattern_index < len(pattern) and pattern[pattern_index] == "*":
            star, resume, pattern_index = pattern_index, text_index, pattern_index + 1
        elif pattern_index < len(pattern) and pattern[pattern_index] in ("?", text[text_index]):
            pattern_index, text_index = pattern_index + 1, text_index + 1
        elif star >= 0:  # the last star takes one more character
            resume += 1
            pattern_index, text_index = star + 1, resume
        else:
            return False
    return not pattern[pattern_index:].strip("*")
