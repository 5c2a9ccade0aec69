"""The principal that created a deployment, by CloudTrail: CodeDeploy itself does not know it.

CloudTrail shows an event within minutes. Source:
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

from __future__ import annotations

import datetime
import json
import re
from typing import TYPE_CHECKING, Any

from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from greenlight.aws.client import Aws

WINDOW = datetime.timedelta(minutes=5)
"""How far the time of the event may be from the time that CodeDeploy has for the deployment."""

_IDENTITY_CENTER = re.compile(r":assumed-role/awsreservedsso_[^/]+/(.+)")

MAX_EVENTS = 500
"""Events with the name CreateDeployment, of all services, that are read at most."""


class UnknownDeployerError(GreenlightError):
    """The principal that created a deployment cannot be determined."""


class Deployer(FrozenStruct, frozen=True, kw_only=True):
    """The principal that created a deployment: its ARN, and its unique id with the session's name."""

    arn: str
    principal_id: str = ""

    def is_same(self, arn: str, principal_id: str) -> bool:
        """Return whether another principal is the same user, the same session of a role, or the same person.

        IAM Identity Center names the sessions of its roles after the person, so two of its roles can be compared. For
        other roles the caller chooses the name. Upper and lower case do not matter: the name may be a mail address.
        """
        is_same_id = bool(self.principal_id) and self.principal_id.casefold() == principal_id.casefold()
        person, other = _person_of(self.arn), _person_of(arn)
        return is_same_id or self.arn.casefold() == arn.casefold() or (bool(person) and person == other)


def _person_of(arn: str) -> str:
    """Return the name of the person in a session of IAM Identity Center; "" for another principal."""
    match = _IDENTITY_CENTER.search(arn.casefold())
    return match[1] if match else ""


def find_deployer(aws: Aws, deployment_id: str) -> Deployer:
    """Return the principal that called CreateDeployment for a deployment.

    Raises:
        UnknownDeployerError: CloudTrail has no such event, or it names no principal.
        AwsError: AWS denied a call or did not respond.
    """
    info = aws.read("codedeploy", "get_deployment", "deploymentInfo", deploymentId=deployment_id)
    created_at = info.get("createTime")
    if not isinstance(created_at, datetime.datetime):
        raise UnknownDeployerError(f"CodeDeploy has no creation time of {deployment_id}")
    for record in _read_records(aws, created_at):
        elements = record.get("responseElements") or {}
        if record.get("eventSource") == "codedeploy.amazonaws.com" and elements.get("deploymentId") == deployment_id:
            return _parse_identity(record.get("userIdentity") or {}, deployment_id)
    raise UnknownDeployerError(
        f"CloudTrail has no event CreateDeployment of {deployment_id} yet; it shows an event within about five minutes"
    )


def _read_records(aws: Aws, created_at: datetime.datetime) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    page: dict[str, Any] = {}
    while True:
        page = aws.call(
            "cloudtrail",
            "lookup_events",
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateDeployment"}],
            StartTime=created_at - WINDOW,
            EndTime=created_at + WINDOW,
            **({"NextToken": page["NextToken"]} if page else {}),
        )
        records += filter(None, (_parse_record(event.get("CloudTrailEvent", "")) for event in page.get("Events", [])))
        if not page.get("NextToken"):
            return records
        if len(records) > MAX_EVENTS:
            raise AwsError(f"CloudTrail returned more than {MAX_EVENTS} events CreateDeployment")


def _parse_record(text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _parse_identity(identity: dict[str, Any], deployment_id: str) -> Deployer:
    arn = str(identity.get("arn") or "")
    if not arn:
        service = identity.get("invokedBy") or identity.get("type") or "an unknown principal"
        raise UnknownDeployerError(f"by CloudTrail, {deployment_id} was created by {service}, which has no ARN")
    return Deployer(arn=arn, principal_id=str(identity.get("principalId") or ""))
