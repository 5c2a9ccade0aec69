"""An AWS account written down as a table: operation to answer; requests and answers are held against botocore's models."""

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
def _made(service: str, region: str) -> Any:
    return Session().client(service, config=Config(region_name=region, signature_version=UNSIGNED))


class _Events:
    """The events of a client that many accounts share, of which one hears; to copy them would take longer than a call."""

    def __init__(self, shared: Any, asked: Callable[..., None], answered: Callable[..., Any]) -> None:
        self._shared, self._asked, self._answered = shared, asked, answered

    def emit(self, name: str, **about: Any) -> Any:
        given = self._shared.emit(name, **about)
        if name.startswith("before-parameter-build."):
            self._asked(**about)
        return given

    def emit_until_response(self, name: str, **about: Any) -> Any:
        handler, response = self._shared.emit_until_response(name, **about)
        if response is None and name.startswith("before-call."):
            return self._answered, self._answered(**about)
        return handler, response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shared, name)


class Account:
    """Takes the place of a session: `Aws(Account({...}))`.

    Attributes:
        table: By "service.operation": an answer, an error's code, a list of these given in turn, the last for ever, or
            a function of the parameters that gives one.
        calls: Every call that was made: "service.operation" and its parameters.
    """

    def __init__(self, table: dict[str, Any], region: str = REGION) -> None:
        self.table = table
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._region = region

    def client(self, service: str, **_: Any) -> Any:
        """Make a client whose calls end at the table."""
        # Made once for all accounts, since one of EC2 takes a quarter of a second; what it tells is each account's own.
        made = _made(service, self._region)
        client = object.__new__(type(made))  # `copy` would look for what a client without its fields cannot tell
        client.__dict__ |= made.__dict__
        client.meta = copy.copy(made.meta)
        client.meta.events = _Events(made.meta.events, self._asked, self._answered)
        return client

    def names(self) -> list[str]:
        """Give the calls by name."""
        return [name for name, _ in self.calls]

    def _asked(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        name = f"{model.service_model.service_name}.{xform_name(model.name)}"
        self.calls.append((name, {key: value for key, value in params.items() if not key.startswith("_")}))

    def _answered(self, model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        name = f"{model.service_model.service_name}.{xform_name(model.name)}"
        assert name in self.table, f"nobody expected {name}"
        answer: Any = self.table[name]
        if callable(answer):
            answer = answer(self.calls[-1][1])
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, str):
            error = {"Error": {"Code": answer, "Message": f"{name} said no"}, "ResponseMetadata": {}}
            return AWSResponse("", 400, {}, None), error
        validate_parameters(answer, model.output_shape)
        return AWSResponse("", 200, {}, None), copy.deepcopy(answer)
