"""Proof of a principal's identity: a request to STS that the principal signs and another process sends.

GetCallerIdentity needs no permission and returns the principal that signed the request. The signature also covers a
header with the digest of a statement, so the request proves who made this statement and serves for nothing else. It
contains no secret key and is valid for a few minutes. EKS and HashiCorp Vault identify principals in the same way.

Sources: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from greenlight.aws.client import call_aws
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from greenlight.aws.client import Aws

HEADER = "x-greenlight-hold"
"""Header with the digest of the statement."""

# The signature must cover the header: STS ignores a header that is not listed here.
_AUTHORIZATION = (
    r"^AWS4-HMAC-SHA256 Credential=[A-Za-z0-9]{1,128}/[0-9]{8}/[a-z0-9-]{1,40}/sts/aws4_request, "
    r"SignedHeaders=content-type;host;x-amz-date;(x-amz-security-token;)?x-greenlight-hold, Signature=[0-9a-f]{64}\Z"
)
_TOKEN_IS_SIGNED = re.compile(r"SignedHeaders=[a-z;-]*x-amz-security-token")
_PARTS = {"authorization": "Authorization", "date": "X-Amz-Date", "token": "X-Amz-Security-Token"}
_NO_ANSWER = ("ConnectTimeoutError", "ReadTimeoutError", "EndpointConnectionError", "ConnectionClosedError")


class IdentityError(GreenlightError):
    """A proof of identity is not valid."""


class SignedIdentity(FrozenStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The headers of a signed request that only the signer can make."""

    authorization: Annotated[str, msgspec.Meta(max_length=1000, pattern=_AUTHORIZATION)]
    date: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{8}T[0-9]{6}Z\Z")]
    token: Annotated[str, msgspec.Meta(max_length=8192, pattern=r"^[A-Za-z0-9+/=_-]*\Z")] = ""


class Principal(FrozenStruct, frozen=True, kw_only=True):
    """A principal: its ARN, its unique id with the session's name, and its account."""

    arn: str
    user_id: str = ""
    account: str = ""


class _SignedError(Exception):
    """Ends the call before the request is sent."""

    def __init__(self, identity: SignedIdentity) -> None:
        self.identity = identity
        super().__init__()


def sign_identity(aws: Aws, digest: str) -> SignedIdentity:
    """Sign a statement with the credentials of this process, without a call to AWS.

    Raises:
        AwsError: There are no credentials or no region.
    """

    def take(request: Any, **_: Any) -> None:
        headers = {name: _as_text(request.headers.get(header, "")) for name, header in _PARTS.items()}
        raise _SignedError(SignedIdentity(**headers))

    try:
        with _handlers(aws, digest, take) as client:
            call_aws("sts", "get_caller_identity", client.get_caller_identity)
    except AwsError as error:
        if isinstance(error.__cause__, _SignedError):
            return error.__cause__.identity
        raise
    raise AssertionError("the request was sent")


def verify_identity(aws: Aws, digest: str, identity: SignedIdentity) -> Principal:
    """Return the principal that signed a statement, as STS identifies it.

    Raises:
        IdentityError: STS rejects the request: the signature is not valid, has expired, or is of another statement.
        AwsError: STS did not respond.
    """
    if bool(identity.token) != bool(_TOKEN_IS_SIGNED.search(identity.authorization)):
        raise IdentityError("the signature does not cover the session token")

    def replace_headers(request: Any, **_: Any) -> None:
        for name, header in _PARTS.items():
            request.headers.pop(header, None)
            if value := getattr(identity, name):
                request.headers[header] = value

    with _handlers(aws, digest, replace_headers) as client:
        try:
            response = call_aws("sts", "get_caller_identity", client.get_caller_identity)
        except AwsError as error:
            if error.code in _NO_ANSWER:
                raise
            raise IdentityError(f"STS does not confirm the signature: {error}") from error
    return Principal(arn=response["Arn"], user_id=response["UserId"], account=response["Account"])


@contextlib.contextmanager
def _handlers(aws: Aws, digest: str, before_send: Callable[..., None]) -> Iterator[Any]:
    """Yield a client whose GetCallerIdentity signs the digest, and calls `before_send` with each signed request."""

    def add_digest(request: Any, **_: Any) -> None:
        request.headers[HEADER] = digest

    client = aws.client("sts")
    handlers = {"before-sign.sts.GetCallerIdentity": add_digest, "before-send.sts.GetCallerIdentity": before_send}
    for event, handler in handlers.items():
        client.meta.events.register(event, handler)
    try:
        yield client
    finally:
        for event, handler in handlers.items():
            client.meta.events.unregister(event, handler)


def _as_text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
