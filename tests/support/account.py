"""AWS account as a table of responses; requests and responses are validated against botocore's models."""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING, Any

from botocore import UNSIGNED, xform_name
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.validate import validate_parameters

from greenlight.aws.client import Session

if TYPE_CHECKING:
    from collections.abc import Callable

REGION = "mars-west-1"


@functools.cache
def _shared_client(service: str, region: str) -> Any:
    return Session().client(service, config=Config(region_name=region, signature_version=UNSIGNED))


class _Events:
    """Event emitter of one account for a client that accounts share; copying it would take longer than a call."""

    def __init__(self, shared: Any, record_call: Callable[..., None], respond: Callable[..., Any]) -> None:
        self._shared, self._record_call, self._respond = shared, record_call, respond

    def emit(self, name: str, **about: Any) -> Any:
        responses = self._shared.emit(name, **about)
        if name.startswith("before-parameter-build."):
            self._record_call(**about)
        return responses

    def emit_until_response(self, name: str, **about: Any) -> Any:
        handler, response = self._shared.emit_until_response(name, **about)
        if response is None and name.startswith("before-call."):
            return self._respond, self._respond(**about)
        return handler, response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shared, name)


class Account:
    """Replacement for a session: `Aws(Account({...}))`.

    Attributes:
        table: By "service.operation": a response, an error code, a list of these that is used in order and whose last
            item is repeated, or a function of the parameters that returns one of them.
        calls: Every call: "service.operation" and its parameters.
    """

    def __init__(self, table: dict[str, Any], region: str = REGION) -> None:
        self.table = table
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._region = region

    def client(self, service: str, **_: Any) -> Any:
        """Return a client whose calls are answered from the table."""
        # Accounts share the client, since creating one of EC2 takes 250 ms; events and metadata are the account's own.
        shared = _shared_client(service, self._region)
        client = object.__new__(type(shared))  # `copy` would call __getattr__ before the client has its fields
        client.__dict__ |= shared.__dict__
        client.meta = copy.copy(shared.meta)
        client.meta.events = _Events(shared.meta.events, self._record_call, self._respond)
        return client

    def names(self) -> list[str]:
        """Return the names of all calls."""
        return [name for name, _ in self.calls]

    def _record_call(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        name = f"{model.service_model.service_name}.{xform_name(model.name)}"
        self.calls.append((name, {key: value for key, value in params.items() if not key.startswith("_")}))

    def _respond(self, model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        name = f"{model.service_model.service_name}.{xform_name(model.name)}"
        assert name in self.table, f"unexpected call: {name}"
        answer: Any = self.table[name]
        if callable(answer):
            answer = answer(self.calls[-1][1])
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, str):
            error = {"Error": {"Code": answer, "Message": f"{name} failed"}, "ResponseMetadata": {}}
            return AWSResponse("", 400, {}, None), error
        if model.output_shape is not None:
            validate_parameters(answer, model.output_shape)
        return AWSResponse("", 200, {}, None), copy.deepcopy(answer)
