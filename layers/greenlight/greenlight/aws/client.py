"""AWS clients for the gate: created on first use, with short timeouts, few retries and readable errors.

No boto error leaves this module. With botocore's defaults (60 s to connect, 60 s to read, five attempts) one endpoint
that does not respond would use up the whole time of a hook. Clients come from botocore: the gate needs nothing else
of boto3, and botocore alone imports faster.
"""

from __future__ import annotations

import copy
import functools
import math
import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from greenlight.aws.repeat import TransientError, is_transient, repeat_transient
from greenlight.aws.response_types import check_types
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from greenlight.core.clock import Clock

T = TypeVar("T")

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 8
ATTEMPTS = 3
MAX_PAGES = 50

AWS_ENDPOINTS = ("*.amazonaws.com", "*.amazonaws.com.cn", "*.api.aws")
"""Names of AWS's endpoints, as patterns of allowed hosts."""

_ACTIONS = {"invoke": "InvokeFunction", "head_object": "GetObject", "list_objects_v2": "ListBucket"}
_IAM_PREFIX = {"elbv2": "elasticloadbalancing", "stepfunctions": "states"}
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "AccessDeniedFault")
"""Error codes by which AWS says that a permission is missing."""


def own_secrets(environment: Mapping[str, str]) -> list[str]:
    """Return the secret parts of the process's own credentials; code that prints its environment prints them, too."""
    return [environment[name] for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN") if environment.get(name)]


class Aws:
    """The AWS account the hook runs in."""

    def __init__(self, session: Any = None) -> None:
        """Use `session`, an object with boto3's `client` method; by default a session is created on first use."""
        self._session = session
        self._clients: dict[tuple[str, float | None, int], Any] = {}
        self._lock = threading.Lock()  # a session must not create two clients at once
        self._repeat_until = -math.inf
        self._clock: Clock = SYSTEM_CLOCK

    def repeating(self, until: float, clock: Clock = SYSTEM_CLOCK) -> Aws:
        """Return the same account for reads: a call with a transient error is repeated until `until`.

        It shares the clients. Their own few attempts end early, although a gate may have minutes left.
        """
        reader = copy.copy(self)
        reader._repeat_until, reader._clock = until, clock  # noqa: SLF001 - an object of this class
        return reader

    def client(self, service: str, *, read_timeout_s: float | None = None, attempts: int = ATTEMPTS) -> Any:
        """Return the client of a service; calls with the same timeout and attempts share one.

        Raises:
            AwsError: No region or no credentials are configured.
        """
        with self._lock:
            key = (service, read_timeout_s, attempts)
            if key not in self._clients:
                self._clients[key] = self._create_client(service, read_timeout_s or READ_TIMEOUT_S, attempts)
            return self._clients[key]

    def _create_client(self, service: str, read_timeout_s: float, attempts: int) -> Any:
        from botocore.config import Config  # takes 150 ms, and not every command calls AWS
        from botocore.exceptions import BotoCoreError, NoRegionError

        try:
            self._session = self._session or Session()
            return self._session.client(
                service,
                config=Config(
                    connect_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=read_timeout_s,
                    retries={"mode": "standard", "total_max_attempts": attempts},
                    user_agent_extra="greenlight",
                ),
            )
        except (BotoCoreError, ValueError) as error:
            hint = ""
            if isinstance(error, NoRegionError):
                hint = " Set AWS_REGION, or AWS_PROFILE to a profile that has one"
            raise AwsError(f"no AWS client for {service}: {error}{hint}") from error

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Call an operation, spelled as in boto3.

        Raises:
            AwsError: AWS denied or throttled the call, or did not respond.
        """
        return self._repeat(lambda: self._call_once(service, operation, parameters))

    def read(self, service: str, operation: str, member: str, /, **parameters: Any) -> Any:
        """Call an operation and return this member of its response.

        Raises:
            AwsError: As `call_for` raises it.
        """
        return self.call_for(service, operation, member, **parameters)[member]

    def call_for(self, service: str, operation: str, member: str, /, **parameters: Any) -> dict[str, Any]:
        """Call an operation whose responses all have this member, and return the response.

        Raises:
            AwsError: As `call` raises it; or the response lacks the member, as a response does that is not AWS's.
        """

        def attempt() -> dict[str, Any]:
            response = self._call_once(service, operation, parameters)
            member_of(response, service, operation, member)
            return response

        return self._repeat(attempt)

    def read_object(self, bucket: str, key: str, max_bytes: int, *, version: str = "") -> tuple[bytes, dict[str, Any]]:
        """Return the first bytes of an object in S3, one more than `max_bytes` at most, and the response.

        Args:
            bucket: The bucket.
            key: Key of the object.
            max_bytes: Largest size that the caller accepts.
            version: Version of the object; "" for the latest.

        Raises:
            AwsError: As `call` raises it; or the body did not arrive whole.
        """
        parameters = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}

        def attempt() -> tuple[bytes, dict[str, Any]]:
            response = self._call_once("s3", "get_object", parameters)
            body = member_of(response, "s3", "get_object", "Body")
            return call_aws("s3", "get_object", lambda: _read_body(body, max_bytes + 1)), response

        return self._repeat(attempt)

    def pages(self, service: str, operation: str, key: str, /, **parameters: Any) -> list[Any]:
        """Call a paginated operation and return all items below `key`, of at most 50 pages.

        Raises:
            AwsError: AWS denied or throttled a call or did not respond, or there are more pages.
        """
        return self._repeat(lambda: self._all_pages(service, operation, key, parameters))

    def _call_once(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        method = getattr(self.client(service), operation)
        response: dict[str, Any] = call_aws(service, operation, lambda: method(**parameters))
        return response

    def _all_pages(self, service: str, operation: str, key: str, parameters: dict[str, Any]) -> list[Any]:
        items: list[Any] = []
        pages = self.client(service).get_paginator(operation).paginate(**parameters)
        for number, page in enumerate(_guarded_pages(service, operation, pages)):
            items += page.get(key) or []
            if number >= MAX_PAGES:
                raise AwsError(f"{iam_action(service, operation)} returned more than {MAX_PAGES} pages")
        return items

    def _repeat(self, call: Callable[[], T]) -> T:
        return repeat_transient(call, self._repeat_until, self._clock)


class Session:
    """Factory of clients: botocore's session with the interface of boto3's."""

    def __init__(self) -> None:
        """Create a session that shares the API models with all other sessions of the process."""
        import logging  # takes 10 ms, and not every command needs it

        import botocore.session

        # At DEBUG botocore logs whole requests and responses, which contain the execution id and secrets.
        logging.getLogger("botocore").setLevel(logging.WARNING)
        self._session = botocore.session.Session()
        self._session.register_component("data_loader", _model_loader())

    def client(self, service: str, *, config: Any) -> Any:
        """Create a client in the region of AWS_REGION, which other AWS tools respect and botocore does not."""
        region = config.region_name or os.environ.get("AWS_REGION") or None
        client = self._session.create_client(service, region_name=region, config=config)
        client.meta.events.register("after-call", check_types)
        return client


@functools.cache
def _model_loader() -> Any:
    """Return the shared loader of AWS's API models; loading them takes most of the time of a first client.

    The models are the same for every session, so they are read once. They are read into plain dictionaries: botocore
    requests `OrderedDict`, with which parsing takes several times as long (docs/benchmarks.md).
    """
    import gzip
    import json
    import pathlib

    from botocore.loaders import JSONFileLoader, Loader

    class Models(JSONFileLoader):  # type: ignore[misc, unused-ignore]
        def load_file(self, file_path: str) -> Any:
            for path, read in ((f"{file_path}.json", bytes), (f"{file_path}.json.gz", gzip.decompress)):
                if (file := pathlib.Path(path)).is_file():
                    return json.loads(read(file.read_bytes()))
            return None

    return Loader(file_loader=Models())


def _guarded_pages(service: str, operation: str, pages: Any) -> Any:
    iterator = iter(pages)
    while (page := call_aws(service, operation, lambda: next(iterator, None))) is not None:
        yield page


def call_aws(service: str, operation: str, call: Callable[[], T]) -> T:
    """Make a boto3 call and convert its errors to an `AwsError`.

    Raises:
        TransientError: The call failed with a transient error, or its response cannot be parsed. botocore's parsers
            raise errors of Python, such as KeyError and UnicodeDecodeError, for a response that is not AWS's.
        AwsError: The call failed for another reason.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except ClientError as error:
        kind = TransientError if is_transient(error_code(error), _http_status(error)) else AwsError
        failure = _describe_client_error(service, operation, error)
        is_shared = error_code(error) in DENIED or kind is TransientError
        raise kind(
            f"{failure}{_quote_client_error(error)}", error_code(error), root=failure if is_shared else ""
        ) from error
    except BotoCoreError as error:
        kind = TransientError if _is_broken_response(error) else AwsError
        failure = f"{iam_action(service, operation)} got no response"
        raise kind(f"{failure}: {_one_line(error)}", type(error).__name__, root=failure) from error
    except (AwsError, MemoryError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {_one_line(error)}"
        failure = f"the response to {iam_action(service, operation)} cannot be parsed"
        raise TransientError(f"{failure} ({reason})", type(error).__name__, root=failure) from error


def member_of(response: dict[str, Any], service: str, operation: str, member: str) -> Any:
    """Return a member that each response to an operation has.

    botocore parses a proxy's page, an empty body and any other JSON with status 200 to a response without members.

    Raises:
        TransientError: The response lacks the member.
    """
    if not isinstance(response, dict) or response.get(member) in (None, {}):
        failure = f"the response to {iam_action(service, operation)} lacks {member}"
        raise TransientError(failure, "MissingMember", root=failure)
    return response[member]


def _is_broken_response(error: Exception) -> bool:
    """Return whether the connection failed, or the response did not arrive whole."""
    from botocore.exceptions import ChecksumError, FlexibleChecksumError, HTTPClientError, IncompleteReadError

    return isinstance(error, (HTTPClientError, IncompleteReadError, ChecksumError, FlexibleChecksumError))


def _read_body(body: Any, max_bytes: int) -> bytes:
    """Read a body up to its end, which alone shows that it is whole, or up to `max_bytes`."""
    data = b""
    while len(data) < max_bytes and (chunk := body.read(max_bytes - len(data))):
        data += chunk
    return data


def _http_status(error: Any) -> int:
    """Return the HTTP status of a ClientError; 0 if its response is malformed."""
    response = getattr(error, "response", None)
    metadata = response.get("ResponseMetadata") if isinstance(response, dict) else None
    status = metadata.get("HTTPStatusCode") if isinstance(metadata, dict) else None
    return status if isinstance(status, int) else 0


def iam_action(service: str, operation: str) -> str:
    """Return the IAM action of a boto3 operation; most are the operation's name in camel case."""
    action = _ACTIONS.get(operation) or "".join(part.capitalize() for part in operation.split("_"))
    return f"{_IAM_PREFIX.get(service, service)}:{action}"


def error_code(error: Any) -> str:
    """Return the error code of a ClientError; "" if its response is malformed."""
    response = getattr(error, "response", None)
    inner = response.get("Error") if isinstance(response, dict) else None
    return str(inner.get("Code", "")) if isinstance(inner, dict) else ""


def _describe_client_error(service: str, operation: str, error: Any) -> str:
    code, action = error_code(error), iam_action(service, operation)
    if code in DENIED:
        who = "the function's role needs" if os.environ.get("AWS_LAMBDA_FUNCTION_NAME") else "you need"
        return f"{action} was denied; {who} that permission"
    return f"{action} failed with {code or 'an unknown error'}"


def _quote_client_error(error: Any) -> str:
    return f" ({_one_line(error)})" if error_code(error) in DENIED else f": {_one_line(error)}"


def _one_line(error: Any) -> str:
    return " ".join(str(error).split())  # not truncated: the redactor would not recognize half of a secret
