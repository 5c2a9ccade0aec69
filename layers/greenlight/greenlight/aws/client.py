"""AWS clients for the gate: created on first use, with short timeouts, few retries and readable errors.

No boto error leaves this module. With botocore's defaults (60 s to connect, 60 s to read, five attempts) one endpoint
that does not respond would use up the whole time of a hook. Clients come from botocore: the gate needs nothing else
of boto3, and botocore alone imports faster.
"""

from __future__ import annotations

import functools
import os
import threading
from typing import TYPE_CHECKING, Any

from greenlight.core.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 8
ATTEMPTS = 3
MAX_PAGES = 50

_ACTIONS = {"invoke": "InvokeFunction", "head_object": "GetObject", "list_objects_v2": "ListBucket"}
_IAM_PREFIX = {"elbv2": "elasticloadbalancing", "stepfunctions": "states"}
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "AccessDeniedFault")


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
        response: dict[str, Any] = call_aws(
            service, operation, lambda: getattr(self.client(service), operation)(**parameters)
        )
        return response

    def pages(self, service: str, operation: str, key: str, /, **parameters: Any) -> list[Any]:
        """Call a paginated operation and return all items below `key`, of at most 50 pages.

        Raises:
            AwsError: AWS denied or throttled a call or did not respond, or there are more pages.
        """
        items: list[Any] = []
        pages = self.client(service).get_paginator(operation).paginate(**parameters)
        for number, page in enumerate(_guarded_pages(service, operation, pages)):
            items += page.get(key, [])
            if number >= MAX_PAGES:
                raise AwsError(f"{iam_action(service, operation)} returned more than {MAX_PAGES} pages")
        return items


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
        return self._session.create_client(service, region_name=region, config=config)


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


def call_aws(service: str, operation: str, call: Callable[[], Any]) -> Any:
    """Make a boto3 call and convert its errors to an `AwsError`."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except ClientError as error:
        raise AwsError(_describe_client_error(service, operation, error), error_code(error)) from error
    except BotoCoreError as error:
        raise AwsError(
            f"{iam_action(service, operation)} got no response: {_one_line(error)}", type(error).__name__
        ) from error


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
    if code in _DENIED:
        who = "the function's role needs" if os.environ.get("AWS_LAMBDA_FUNCTION_NAME") else "you need"
        return f"{action} was denied; {who} that permission ({_one_line(error)})"
    return f"{action} failed with {code or 'an unknown error'}: {_one_line(error)}"


def _one_line(error: Any) -> str:
    return " ".join(str(error).split())  # not truncated: the redactor would not recognize half of a secret
