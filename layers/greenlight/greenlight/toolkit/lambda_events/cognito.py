"""A trigger of a user pool.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.checks.validator import Params

if TYPE_CHECKING:
    from greenlight.toolkit.lambda_events.metadata import EventMetadata


class Cognito(Params, frozen=True, kw_only=True):
    """A trigger of a user pool, such as PreSignUp_SignUp; `request` is added to the user's attributes.

    Attributes:
        trigger: Name of the trigger in Cognito.
        user: The user's name.
        attributes: The user's attributes, by name.
        pool: The user pool's id.
        client_id: The app client's id.
    """

    trigger: str
    user: str = "greenlight"
    attributes: dict[str, str] = {}
    request: dict[str, Any] = {}
    pool: str = "pool"
    client_id: str = "client"


def event(described: Cognito, metadata: EventMetadata) -> dict[str, Any]:
    """Build the event of the trigger, with an empty response."""
    return {
        "version": "1",
        "triggerSource": described.trigger,
        "region": metadata.region,
        "userPoolId": f"{metadata.region}_{described.pool}",
        "userName": described.user,
        "callerContext": {"awsSdkVersion": "greenlight", "clientId": described.client_id},
        "request": {"userAttributes": described.attributes} | described.request,
        "response": {},
    }
