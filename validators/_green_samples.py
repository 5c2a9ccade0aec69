"""Answers that show which revision gave them, over HTTP or from a function; for `serves_green`."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from greenlight.api import MISSING, Context, Evidence, NoAnswerError, parse_json, run_query

if TYPE_CHECKING:
    from .serves_green import ServesGreen

Value = str | int | float | bool
Sample = dict[str, Any]
"""One answer: its values by the name of their evidence, MISSING where it has none."""

MAX_PAYLOAD_BYTES = 6 * 1024 * 1024


def take_sample(params: ServesGreen, context: Context) -> Sample:
    """Send one request or make one invocation.

    Raises:
        GreenlightError: There is no answer, or the function ended with an error.
    """
    return request_sample(params, context, "green") if params.get else _invoke_sample(params, context)


def request_sample(params: ServesGreen, context: Context, side: Literal["green", "blue"]) -> Sample:
    """Send one HTTP request to a side.

    Raises:
        GreenlightError: There is no answer.
    """
    # A network load balancer may route a kept connection to one target only.
    response = context.request("GET", params.get, headers={"Connection": "close", **params.send}, side=side)
    sample: Sample = {}
    for name in params.headers:
        value = response.header(name)
        sample[f"header {name}"] = MISSING if value is None else value
    return sample | _query_json(params, MISSING if response.truncated else parse_json(response.body))


def _invoke_sample(params: ServesGreen, context: Context) -> Sample:
    deployment = context.deployment
    through = params.through or ("alias" if deployment.stage == "AfterAllowTraffic" else "version")
    qualifier = deployment.alias if through == "alias" else context.green.version
    call = {"FunctionName": deployment.function, "Qualifier": qualifier}
    response = context.aws_call("lambda", "invoke", **call, Payload=msgspec.json.encode(params.payload))
    payload = response["Payload"].read(MAX_PAYLOAD_BYTES + 1)
    if response.get("FunctionError"):
        excerpt = context.excerpt(payload.decode(errors="replace"))
        raise NoAnswerError(f"{deployment.function}:{qualifier} ended with an error, not an answer: {excerpt}")
    return {"ExecutedVersion": response.get("ExecutedVersion") or MISSING, **_query_json(params, parse_json(payload))}


def _query_json(params: ServesGreen, data: Any) -> Sample:
    return {f"json {query}": MISSING if data is MISSING else run_query(query, data) for query in params.json}


def compare_samples(expected: dict[str, Value], samples: list[Sample]) -> list[Evidence]:
    """Compare all samples with each expected value; the evidence lists the most common of the different values."""
    if not samples:
        return []
    results = []
    for name, value in expected.items():
        different = Counter(_display(sample[name]) for sample in samples if not _is_same(sample[name], value))
        counts = ", ".join(f"{text} ({count} of {len(samples)})" for text, count in different.most_common(5))
        results.append(Evidence(query=name, expected=value, actual=counts or value, passed=not different))
    return results


def _is_same(actual: Any, expected: Value) -> bool:
    """Compare without a conversion of types, except that a number equals its text, and an ARN its family:revision."""
    if isinstance(actual, int) and not isinstance(actual, bool) and isinstance(expected, str):
        return str(actual) == expected
    if isinstance(actual, bool) or isinstance(expected, bool) or isinstance(actual, str) != isinstance(expected, str):
        return actual is expected
    if isinstance(expected, str) and ":task-definition/" in expected and actual == expected.rpartition("/")[2]:
        return True
    return bool(actual == expected)


def _display(value: Any) -> str:
    return repr(value) if value is MISSING else json.dumps(value)[:200]
