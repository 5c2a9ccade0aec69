"""Lambda's Invoke in local execution environments, and another operation that moto lacks."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from ..functions import LATEST
from .calls import Application, Call, Reply, json_error

if TYPE_CHECKING:
    from ..functions import LocalLambda

_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
_PROVISIONED = re.compile(r"/2019-09-30/functions/([^/]+)/provisioned-concurrency/?")
_ARN = re.compile(r"(?:arn:[^:]+:lambda:[^:]*:[^:]*:function:)?([^:]+)(?::([^:]+))?")


class LambdaApi:
    """Lambda's API: runs the code of functions."""

    def __init__(self, functions: LocalLambda) -> None:
        """Invoke functions of `functions`."""
        self._functions = functions

    def __call__(self, call: Call, _moto: Application) -> Reply | None:
        """Return the response to a call; None for a call that moto answers."""
        if call.service != "lambda":
            return None
        if call.method == "POST" and (match := _INVOKE.fullmatch(call.path)):
            return self._invoke(call, match[1])
        if call.method == "GET" and _PROVISIONED.fullmatch(call.path):
            return json_error(
                "ProvisionedConcurrencyConfigNotFoundException",
                "No Provisioned Concurrency Config found for this function",
                404,
            )
        return None

    def _invoke(self, call: Call, reference: str) -> Reply:
        match = _ARN.fullmatch(reference)
        name, qualifier = (match[1], match[2]) if match else (reference, None)
        qualifier = (call.query.get("Qualifier") or [qualifier or LATEST])[0]
        pool = self._functions.pool(name, qualifier)
        if pool is None:
            return json_error("ResourceNotFoundException", f"Function not found: {name}:{qualifier}", 404)
        invocation_type = call.header("X-Amz-Invocation-Type", "RequestResponse")
        if invocation_type == "DryRun":
            return Reply(b"", 204)
        if invocation_type == "Event":
            self._functions.invoke_async(name, call.json, qualifier)
            return Reply(b"", 202)
        invocation = pool.invoke(call.body or b"{}")
        headers = [("Content-Type", "application/json"), ("X-Amz-Executed-Version", pool.spec.version)]
        if invocation.error:
            headers.append(("X-Amz-Function-Error", invocation.error))
        if call.header("X-Amz-Log-Type") == "Tail":
            headers.append(("X-Amz-Log-Result", base64.b64encode(invocation.log.encode()).decode()))
        return Reply(invocation.response, 200, tuple(headers))


def choose_version(name: str, alias: str) -> str | None:
    """Choose the version for one call of an alias, by its routing weights in moto; None for an unknown alias."""
    import random

    from moto.awslambda.models import lambda_backends

    from .server import ACCOUNT, REGION

    try:
        configuration = lambda_backends[ACCOUNT][REGION].get_alias(name=alias, function_name=name)
    except Exception:  # noqa: BLE001 - moto raises several types, all of which mean that there is no such alias
        return None
    draw = random.random()
    routing: dict[str, dict[str, float]] = configuration.routing_config or {}  # type: ignore[assignment]
    for version, weight in (routing.get("AdditionalVersionWeights") or {}).items():
        draw -= float(weight)
        if draw < 0:
            return str(version)
    return str(configuration.function_version)
