"""Samples for `serves_green`: answers over HTTP or of a function, compared with the values that only green has."""

from __future__ import annotations

import json
from collections import Counter
from typing import Annotated, Any, Literal

import msgspec

from greenlight.api import (
    MISSING,
    Context,
    Duration,
    Evidence,
    GreenlightError,
    NoAnswerError,
    Params,
    compile_query,
    field_default,
    parse_json,
    run_query,
)

Value = str | int | float | bool
Sample = dict[str, Any]
"""One answer: its values by the name of their evidence, MISSING where it has none."""

MAX_PAYLOAD_BYTES = 6 * 1024 * 1024


class ServesGreen(Params, frozen=True, kw_only=True):
    """The request or invocation, and values that only green returns.

    Attributes:
        get: Path of an HTTP request; without it, a function is invoked.
        send: Headers of the request.
        payload: Payload of the invocation.
        through: How a function is invoked; by default through its alias at AfterAllowTraffic, else through its version.
        headers: Exact values of response headers.
        json: Exact values by JMESPath into the answer.
        samples: Number of answers.
        interval: Time between two samples.
    """

    get: str = ""
    send: dict[str, str] = {}
    payload: Any = msgspec.field(default_factory=dict)
    through: Literal["", "version", "alias"] = ""
    headers: dict[str, Value] = {}
    json: dict[str, Value] = {}
    samples: Annotated[int, msgspec.Meta(ge=2, le=100)] = 5
    interval: Duration = field_default(Duration(0.1))

    def __post_init__(self) -> None:
        """Reject a check without proof, keys that do not fit the kind of call, and malformed queries."""
        if self.get and not (self.headers or self.json):
            raise ValueError(
                "nothing distinguishes green from blue; add headers: or json: with a value that only green returns"
            )
        if self.get and self.through:
            raise ValueError("through is for functions; with get, green's listener decides")
        if not self.get and (self.headers or self.send):
            raise ValueError("headers are those of an HTTP answer; add get: with a path")
        for query in self.json:
            compile_query(query)


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
    # A network load balancer may route all requests of a kept-alive connection to the same target.
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
    stream: Any = response.get("Payload")
    if not hasattr(stream, "read"):
        raise GreenlightError("the response to lambda:InvokeFunction lacks Payload")
    payload = stream.read(MAX_PAYLOAD_BYTES + 1)
    if response.get("FunctionError"):
        excerpt = context.excerpt(payload.decode(errors="replace"))
        raise NoAnswerError(f"{deployment.function}:{qualifier} ended with an error, not an answer: {excerpt}")
    return {"ExecutedVersion": response.get("ExecutedVersion") or MISSING, **_query_json(params, parse_json(payload))}


def _query_json(params: ServesGreen, data: Any) -> Sample:
    return {f"json {query}": MISSING if data is MISSING else run_query(query, data) for query in params.json}


def compare_samples(expected: dict[str, Value], samples: list[Sample]) -> list[Evidence]:
    """Compare all samples with each expected value; the evidence lists the most common unexpected values."""
    if not samples:
        return []
    results = []
    for name, value in expected.items():
        unexpected = Counter(_display(sample[name]) for sample in samples if not _is_same(sample[name], value))
        counts = ", ".join(f"{text} ({count} of {len(samples)})" for text, count in unexpected.most_common(5))
        results.append(Evidence(query=name, expected=value, actual=counts or value, passed=not unexpected))
    return results


def _is_same(actual: Any, expected: Value) -> bool:
    """Compare values; types must match, but an integer equals its text, and an ARN its family:revision."""
    if isinstance(actual, int) and not isinstance(actual, bool) and isinstance(expected, str):
        return str(actual) == expected
    if isinstance(actual, bool) or isinstance(expected, bool) or isinstance(actual, str) != isinstance(expected, str):
        return actual is expected
    if isinstance(expected, str) and ":task-definition/" in expected and actual == expected.rpartition("/")[2]:
        return True
    return bool(actual == expected)


def _display(value: Any) -> str:
    return repr(value) if value is MISSING else json.dumps(value)[:200]
