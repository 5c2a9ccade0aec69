"""Hostile answers of AWS: members that are missing, of another type, empty or foreign."""

from __future__ import annotations

import copy
import io
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError

from tests.attacks.attack import ANY_CAUSE, STAGE, Attack, plan_of
from tests.support.account import Account
from tests.support.deployment_accounts import EcsAccount, lambda_account

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

FOREIGN: tuple[Any, ...] = (
    None,
    [],
    {},
    "",
    0,
    -1,
    1,
    True,
    1.5,
    "x",
    [None],
    [[]],
    [{}],
    {"x": 1},
    {"": None},
    ["x"],
    "\0",
    "\u202e",
    "9" * 5000,
    {"Error": {}},
    "x" * 100_000,
    [{"a": {"b": []}}] * 100,
    float("nan"),
    b"\xff",
    "<html>sign in</html>",
    {"__type": "ThrottlingException"},
)
"""Values in place of others; none of them says that anything is good."""

_FUNCTION = {
    "FunctionName": "orders",
    "FunctionArn": "arn:aws:lambda:mars-west-1:111122223333:function:orders:8",
    "Version": "8",
    "State": "Failed",
    "LastUpdateStatus": "Failed",
}
_TARGETS = {
    "TargetHealthDescriptions": [{"Target": {"Id": "10.0.0.1", "Port": 80}, "TargetHealth": {"State": "unhealthy"}}]
}
_ALARMS = {
    "MetricAlarms": [{"AlarmName": "quiet", "StateValue": "ALARM", "ActionsEnabled": True}],
    "CompositeAlarms": [],
}
_INVOCATION = {
    "StatusCode": 200,
    "FunctionError": "Unhandled",
    "ExecutedVersion": "8",
    "Payload": b'{"errorMessage": "no"}',
}
_SERVICE = {
    "services": [
        {
            "serviceName": "shop",
            "status": "ACTIVE",
            "taskSets": [
                {
                    "id": "ecs-svc/2",
                    "status": "ACTIVE",
                    "stabilityStatus": "STABILIZING",
                    "computedDesiredCount": 2,
                    "runningCount": 0,
                    "pendingCount": 2,
                    "taskDefinition": "shop:2",
                }
            ],
        }
    ],
    "failures": [],
}

CHECKS: tuple[tuple[str, str, dict[str, Any], dict[str, Any]], ...] = (
    ("lambda", "lambda_state", {}, {"lambda.get_function_configuration": _FUNCTION}),
    (
        "lambda",
        "lambda_invoke",
        {"payload": {}, "expect": {"payload": {"eq": {"status": "ok"}}}},
        {"lambda.invoke": _INVOCATION},
    ),
    (
        "lambda",
        "serves_green",
        {"samples": 2, "interval": "1ms"},
        {"lambda.invoke": {**_INVOCATION, "ExecutedVersion": "7"}},
    ),
    ("ecs", "target_health", {}, {"elbv2.describe_target_health": _TARGETS}),
    ("ecs", "alarms", {"names": ["quiet"]}, {"cloudwatch.describe_alarms": _ALARMS}),
    ("ecs", "ecs_service", {}, {"ecs.describe_services": _SERVICE}),
)
"""Platform, validator, parameters, and responses that say that green is bad."""


class HostileAccount(Account):
    """Account whose responses may have any form; a call that is not in its table is denied."""

    def _respond(self, model: Any, **_: Any) -> tuple[AWSResponse, Any]:
        name = f"{model.service_model.service_name}.{xform_name(model.name)}"
        answer = self.table.get(name, "AccessDenied")
        if callable(answer):
            answer = answer(self.calls[-1][1])
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            error = {"Error": {"Code": answer, "Message": "\x1b[31mno"}, "ResponseMetadata": {}}
            return AWSResponse("", 400, {}, None), error
        answer = _without_null(copy.deepcopy(answer))
        if isinstance(answer, dict) and isinstance(answer.get("Payload"), bytes):
            answer["Payload"] = io.BytesIO(answer["Payload"])
        return AWSResponse("", 200, {}, None), answer


def _without_null(value: Any) -> Any:
    """Return a response without null members, which botocore's parsers leave out."""
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    return [_without_null(item) for item in value] if isinstance(value, list) else value


def mutate(rng: random.Random, response: Any) -> Any:
    """Return a response with one member removed or replaced by a foreign value."""
    if rng.random() < 0.1:
        return rng.choice([value for value in FOREIGN if not isinstance(value, str)])
    response = copy.deepcopy(response)
    node, key = rng.choice(list(_places(response)))
    if isinstance(node, dict) and rng.random() < 0.3:
        del node[key]
    else:
        node[key] = copy.deepcopy(rng.choice(FOREIGN))
    return response


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(items):
        yield node, key
        yield from _places(value)


def hostile_answer(rng: random.Random) -> Attack:
    """Return a check that asks AWS, whose answer says that green is bad and has one foreign member."""
    platform, name, params, table = rng.choice(CHECKS)
    aws = {operation: mutate(rng, response) for operation, response in table.items()}
    check = {"name": "c", "timeout": "600ms", name: params}
    stage = "BeforeAllowTraffic" if platform == "lambda" else STAGE
    return Attack(f"AWS, {name}", plan_of(check, stage=stage), None, causes=ANY_CAUSE, aws=aws, platform=platform)


def hostile_discovery(rng: random.Random) -> Attack:
    """Return a deployment that AWS describes wrongly, whose green is bad."""
    is_lambda = rng.random() < 0.6
    table = dict((lambda_account() if is_lambda else EcsAccount().account).table)
    table |= {"lambda.get_function_configuration": _FUNCTION, "elbv2.describe_target_health": _TARGETS}
    table["codedeploy.list_tags_for_resource"] = {"Tags": [{"Key": "team", "Value": "shop"}]}
    names = rng.sample(sorted(table), rng.randrange(1, 3))
    for name in names:
        table[name] = mutate(rng, table[name]) if rng.random() < 0.85 else _failure(rng)
    title = f"discovery of {'lambda' if is_lambda else 'ecs'}, {', '.join(names)}"
    platform = "lambda" if is_lambda else "ecs"
    return Attack(title, "", None, causes=ANY_CAUSE, aws=table, platform=platform, discover=True, budget_s=0.8)


def _failure(rng: random.Random) -> Any:
    codes = ("ThrottlingException", "AccessDeniedException", "InternalFailure", "x" * 3000, "503")
    errors = (ConnectTimeoutError(endpoint_url="https://x"), KeyError("deploymentInfo"), ValueError("\0"))
    return rng.choice((*codes, *errors))
