"""AWS for the gate: clients made when first used, short time-outs, few retries, sentences for errors.

No boto error leaves this module. botocore's own defaults (60 s to connect, 60 s to read, five attempts)
would spend a hook's whole time on one endpoint that does not answer. Clients are botocore's, which is all
of boto3 that is used here and starts sooner.
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

_ACTIONS = {"invoke": "InvokeFunction", "head_object": "GetObject", "list_objects_v2": "ListBucket"}
_IAM_PREFIX = {"elbv2": "elasticloadbalancing", "stepfunctions": "states"}
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "AccessDeniedFault")


def own_secrets(environment: Mapping[str, str]) -> list[str]:
    """Give what of the process's own credentials is secret; code that prints its environment prints them, too."""
    return [environment[name] for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN") if environment.get(name)]


class Aws:
    """The AWS account the hook runs in."""

    def __init__(self, session: Any = None) -> None:
        """Use `session`, anything with boto3's `client`; one is made on first use otherwise."""
        self._session = session
        self._clients: dict[tuple[str, float | None, int], Any] = {}
        self._lock = threading.Lock()  # a session may not make two clients at once

    def client(self, service: str, *, read_timeout_s: float | None = None, attempts: int = ATTEMPTS) -> Any:
        """Give the client of a service; the same one for the same time-out.

        Raises:
            AwsError: No region or no credentials are configured.
        """
        with self._lock:
            key = (service, read_timeout_s, attempts)
            if key not in self._clients:
                self._clients[key] = self._make(service, read_timeout_s or READ_TIMEOUT_S, attempts)
            return self._clients[key]

    def _make(self, service: str, read_timeout_s: float, attempts: int) -> Any:
        from botocore.config import Config  # 150 ms, and not every command talks to AWS
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
            how = (
                " Set AWS_REGION, or AWS_PROFILE to a profile that has one" if isinstance(error, NoRegionError) else ""
            )
            raise AwsError(f"no AWS client for {service}: {error}{how}") from error

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Make one call, `operation` in boto3's spelling.

        Raises:
            AwsError: AWS refused, throttled or did not answer.
        """
        answer: dict[str, Any] = call_aws(
            service, operation, lambda: getattr(self.client(service), operation)(**parameters)
        )
        return answer

    def pages(self, service: str, operation: str, key: str, /, **parameters: Any) -> list[Any]:
        """Make a paged call and give all of `key`; at most 50 pages, since nothing here is larger."""
        found: list[Any] = []
        pages = self.client(service).get_paginator(operation).paginate(**parameters)
        for number, page in enumerate(_guarded_pages(service, operation, pages)):
            found += page.get(key, [])
            if number >= 50:
                raise AwsError(f"{iam_action(service, operation)} gave more than 50 pages")
        return found


class Session:
    """What makes clients: botocore's session under the name that boto3 gives to it."""

    def __init__(self) -> None:
        """Share the models of AWS's APIs with all other sessions of the process."""
        import logging  # 10 ms, like botocore not needed by every command

        import botocore.session

        # At DEBUG botocore logs whole requests and answers, with the execution id and with secrets in them.
        logging.getLogger("botocore").setLevel(logging.WARNING)
        self._session = botocore.session.Session()
        self._session.register_component("data_loader", _models())

    def client(self, service: str, *, config: Any) -> Any:
        """Make a client; as AWS's other tools do, and botocore does not, in the region that AWS_REGION names."""
        region = config.region_name or os.environ.get("AWS_REGION") or None
        return self._session.create_client(service, region_name=region, config=config)


@functools.cache
def _models() -> Any:
    """Give the one loader of AWS's API models, which are most of what a first client costs.

    They are the same for every session, so they are read once, and into plain dictionaries: botocore asks for
    `OrderedDict`, with which JSON takes several times as long (docs/benchmarks.md).
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
    """Make a boto3 call and say its errors as an `AwsError`."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except ClientError as error:
        raise AwsError(_sentence(service, operation, error), error_code(error)) from error
    except BotoCoreError as error:
        raise AwsError(
            f"{iam_action(service, operation)} gave no answer: {_short(error)}", type(error).__name__
        ) from error


def iam_action(service: str, operation: str) -> str:
    """Write the IAM action of a boto3 operation; most are the operation's name in camel case."""
    action = _ACTIONS.get(operation) or "".join(part.capitalize() for part in operation.split("_"))
    return f"{_IAM_PREFIX.get(service, service)}:{action}"


def error_code(error: Any) -> str:
    """Give AWS's code for a ClientError; "" where the response is not what it should be."""
    response = getattr(error, "response", None)
    inner = response.get("Error") if isinstance(response, dict) else None
    return str(inner.get("Code", "")) if isinstance(inner, dict) else ""


def _sentence(service: str, operation: str, error: Any) -> str:
    code, action = error_code(error), iam_action(service, operation)
    if code in _DENIED:
        who = "the function's role needs" if os.environ.get("AWS_LAMBDA_FUNCTION_NAME") else "you need"
        return f"{action} was denied; {who} that permission ({_short(error)})"
    return f"{action} failed with {code or 'an unknown error'}: {_short(error)}"


def _short(error: Any) -> str:
    return " ".join(str(error).split())  # not cut: half of a secret would no longer be found
