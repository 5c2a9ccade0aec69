"""What a role may do, read from its policies; pure but for the reading.

An explicit Deny wins, a permissions boundary bounds. Conditions are not weighed: an Allow with one counts, a Deny with one
does not, for a doctor that cries wolf is not heard. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from devkit.doctor.reader import Reader

_ABSENT = ("NoSuchEntity", "NoSuchEntityException")


class Role(FrozenStruct, frozen=True, kw_only=True):
    """A role as its policies make it; `boundary` is None where there is none."""

    name: str
    statements: tuple[dict[str, Any], ...] = ()
    boundary: tuple[dict[str, Any], ...] | None = None
    trusts: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()

    def may(self, action: str, resource: str) -> bool:
        """Tell whether the role may do `action` (as in IAM) to `resource`, an ARN or "*" for any at all."""
        return allows(self.statements, action, resource) and (
            self.boundary is None or allows(self.boundary, action, resource)
        )


def role(reader: Reader, arn: str) -> Role | None:
    """Read a role with all its policies; None where there is no such role.

    Raises:
        UnseenError: The role or one of its policies may not be read.
    """
    name = arn.rsplit("/", 1)[-1]
    answer = reader.found("iam", "get_role", _ABSENT, RoleName=name)
    if answer is None:
        return None
    attached = reader.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    inline = reader.pages("iam", "list_role_policies", "PolicyNames", RoleName=name)
    documents = [_managed(reader, each["PolicyArn"]) for each in attached]
    documents += [
        reader.call("iam", "get_role_policy", RoleName=name, PolicyName=each)["PolicyDocument"] for each in inline
    ]
    boundary = answer["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
    return Role(
        name=name,
        statements=statements(*documents),
        boundary=statements(_managed(reader, boundary)) if boundary else None,
        trusts=trusted(answer["Role"].get("AssumeRolePolicyDocument", {})),
        policies=(*(each["PolicyArn"] for each in attached), *inline),
    )


def _managed(reader: Reader, arn: str) -> Any:
    version = reader.call("iam", "get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return reader.call("iam", "get_policy_version", PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def statements(*documents: Any) -> tuple[dict[str, Any], ...]:
    """Give the statements of policy documents; what is none is left out."""
    written = [_listed(each.get("Statement")) for each in documents if isinstance(each, dict)]
    return tuple(each for several in written for each in several if isinstance(each, dict))


def trusted(document: Any) -> tuple[str, ...]:
    """Give the services that a trust policy lets assume its role; "*" for anybody."""
    found: list[str] = []
    for each in statements(document):
        principal = each.get("Principal")
        if each.get("Effect") == "Allow" and any(
            _matches(str(action), "sts:AssumeRole", case=False) for action in _listed(each.get("Action"))
        ):
            named = _listed(principal.get("Service")) if isinstance(principal, dict) else _listed(principal)
            found += map(str, named)
    return tuple(found)


def allows(held: Sequence[dict[str, Any]], action: str, resource: str) -> bool:
    """Tell whether statements allow an action; of a resource with wildcards any part that they allow is enough."""
    denied = any(
        _fits(each, action, resource, part=False)
        for each in held
        if each.get("Effect") == "Deny" and not each.get("Condition")
    )
    return not denied and any(
        _fits(each, action, resource, part=True) for each in held if each.get("Effect") == "Allow"
    )


def _fits(statement: dict[str, Any], action: str, resource: str, *, part: bool) -> bool:
    return _element(statement, "Action", lambda pattern: _matches(pattern, action, case=False)) and _element(
        statement, "Resource", lambda pattern: _matches(pattern, resource) or (part and _matches(resource, pattern))
    )


def _element(statement: dict[str, Any], key: str, fits: Any) -> bool:
    if key in statement:
        return any(fits(str(each)) for each in _listed(statement[key]))
    unless = f"Not{key}"
    return unless in statement and not any(fits(str(each)) for each in _listed(statement[unless]))


def _listed(value: Any) -> Iterable[Any]:
    return () if value is None else value if isinstance(value, list) else [value]


def _matches(pattern: str, text: str, *, case: bool = True) -> bool:
    """Match with IAM's wildcards, in time that no pattern can make long; a policy variable may become anything."""
    pattern = re.sub(r"\$\{[^}]*\}", "*", pattern)
    if not case:
        pattern, text = pattern.lower(), text.lower()
    at = here = 0
    star, resume = -1, 0
    while here < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resume, at = at, here, at + 1
        elif at < len(pattern) and pattern[at] in ("?", text[here]):
            at, here = at + 1, here + 1
        elif star >= 0:  # let the last star take one more
            resume += 1
            at, here = star + 1, resume
        else:
            return False
    return not pattern[at:].strip("*")
