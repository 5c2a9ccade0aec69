"""Lambda's Invoke, carried out by the rehearsal's own execution environments, and what moto lacks beside it."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from devkit.rehearsal.aws.calls import Application, Call, Reply, json_error
from devkit.rehearsal.functions import LATEST

if TYPE_CHECKING:
    from devkit.rehearsal.functions import LocalLambda

_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
_PROVISIONED = re.compile(r"/2019-09-30/functions/([^/]+)/provisioned-concurrency/?")
_ARN = re.compile(r"(?:arn:[^:]+:lambda:[^:]*:[^:]*:function:)?([^:]+)(?::([^:]+))?")


class LambdaRoom:
    """Answers for Lambda where code has to run."""

    def __init__(self, functions: LocalLambda) -> None:
        """Run calls in `functions`."""
        self._functions = functions

    def __call__(self, call: Call, _moto: Application) -> Reply | None:
        """Answer one call, or leave it to moto."""
        if call.service != "lambda":
            return None
        if call.method == "POST" and (found := _INVOKE.fullmatch(call.path)):
            return self._invoke(call, found[1])
        if call.method == "GET" and _PROVISIONED.fullmatch(call.path):
            return json_error(
                "ProvisionedConcurrencyConfigNotFoundException",
                "No Provisioned Concurrency Config found for this function",
                404,
            )
        return None

    def _invoke(self, call: Call, reference: str) -> Reply:
        found = _ARN.fullmatch(reference)
        name, qualifier = (found[1], found[2]) if found else (reference, None)
        qualifier = (call.query.get("Qualifier") or [qualifier or LATEST])[0]
        pool = self._functions.pool(name, qualifier)
        if pool is None:
            return json_error("ResourceNotFoundException", f"Function not found: {name}:{qualifier}", 404)
        kind = call.header("X-Amz-Invocation-Type", "RequestResponse")
        if kind == "DryRun":
            return Reply(b"", 204)
        if kind == "Event":
            self._functions.invoke_async(name, call.json, qualifier)
            return Reply(b"", 202)
        invocation = pool.invoke(call.body or b"{}")
        headers = [("Content-Type", "application/json"), ("X-Amz-Executed-Version", pool.spec.version)]
        if invocation.error:
            headers.append(("X-Amz-Function-Error", invocation.error))
        if call.header("X-Amz-Log-Type") == "Tail":
            headers.append(("X-Amz-Log-Result", base64.b64encode(invocation.log.encode()).decode()))
        return Reply(invocation.response, 200, tuple(headers))


def route_by_moto(name: str, alias: str) -> str | None:
    """Choose the version that this call to an alias goes to, by the alias's routing weights as moto keeps them."""
    import random

    from moto.awslambda.models import lambda_backends

    from devkit.rehearsal.aws.server import ACCOUNT, REGION

    try:
        found = lambda_backends[ACCOUNT][REGION].get_alias(name=alias, function_name=name)
    except Exception:  # noqa: BLE001 - moto raises several kinds; they all mean that there is no such alias
        return None
    draw = random.random()
    routing: dict[str, dict[str, float]] = found.routing_config or {}  # type: ignore[assignment]
    for version, weight in (routing.get("AdditionalVersionWeights") or {}).items():
        draw -= float(weight)
        if draw < 0:
            return str(version)
    return str(found.function_version)
