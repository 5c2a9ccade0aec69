"""Principals of a rehearsal: STS names the people who decide about holds, and CloudTrail the deployer.

The signature of a request is not verified; its access key alone names the person.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from .calls import Call, Reply, json_reply
from .server import ACCOUNT

if TYPE_CHECKING:
    from ..codedeploy_state import CodeDeployState
    from .calls import Application

DEPLOYER = "deployer"
"""Name of the person who creates all deployments."""

_KEY_PREFIX = "AKIAPERSON"
_PEOPLE: dict[str, str] = {}
"""Names of people by their access keys."""


def person_key(name: str) -> str:
    """Return the access key of a person."""
    key = f"{_KEY_PREFIX}{hashlib.sha256(name.encode()).hexdigest()[:20].upper()}"
    _PEOPLE[key] = name
    return key


def person_arn(name: str) -> str:
    """Return the ARN of a person's session."""
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/people/{name}"


class IdentityApi:
    """STS and CloudTrail in front of moto."""

    def __init__(self, state: CodeDeployState) -> None:
        """Create the APIs of the account whose deployments `state` has."""
        self._state = state

    def __call__(self, call: Call, _moto: Application) -> Reply | None:
        """Return who signed a request of a person, or who created the deployments; None for other calls."""
        if call.service == "sts" and call.caller in _PEOPLE:
            return _caller_identity(_PEOPLE[call.caller])
        if call.service == "cloudtrail" and call.target == "LookupEvents":
            ids = self._state.deployment_ids()
            return json_reply({"Events": [{"CloudTrailEvent": json.dumps(_creation(name))} for name in ids]})
        return None


def _caller_identity(name: str) -> Reply:
    result = f"<Arn>{escape(person_arn(name))}</Arn><UserId>AROAPEOPLE:{escape(name)}</UserId>"
    result += f"<Account>{ACCOUNT}</Account>"
    text = f"<GetCallerIdentityResult>{result}</GetCallerIdentityResult>"
    document = f"<GetCallerIdentityResponse>{text}</GetCallerIdentityResponse>"
    return Reply(document.encode(), 200, (("Content-Type", "text/xml"),))


def _creation(deployment: str) -> dict[str, object]:
    identity = {"type": "AssumedRole", "arn": person_arn(DEPLOYER), "principalId": f"AROAPEOPLE:{DEPLOYER}"}
    return {
        "eventSource": "codedeploy.amazonaws.com",
        "eventName": "CreateDeployment",
        "userIdentity": identity,
        "responseElements": {"deploymentId": deployment},
    }
