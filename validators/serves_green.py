"""serves_green: what answers is green, shown by the answers themselves, and not blue.

Several samples are taken, each over a connection of its own, and every one must carry what only green can say: a
header or a JSON field equal to the expected value, such as `${green.task_definition}`, `${green.version}` or a release
that the plan names. A number in JSON equals the text of that number, and a task definition's ARN equals its
`family:revision`, which is what a container learns of itself. What blue would give just the same proves nothing:
INCONCLUSIVE, and so are fewer samples than asked for. As long as blue can be asked (ECS, until traffic shifts), it is.

A function is invoked instead when there is no `get`: through the version until traffic has shifted, and through its
alias at AfterAllowTraffic; Lambda's own ExecutedVersion must then be green's each time. Use a payload that changes
nothing: it runs once for each sample.

Example:
    checks:
      - name: the test listener leads to green
        serves_green:
          get: /version
          json: {task: "${green.task_definition}"}
          headers: {X-Release: "2026.11.2"}
          samples: 10

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (ExecutedVersion);
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
"""

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
    Finding,
    GreenlightError,
    NoAnswerError,
    Outcome,
    Params,
    compile_query,
    error,
    failed,
    field_default,
    finding_from,
    inconclusive,
    run_query,
    validator,
)

Value = str | int | float | bool
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024


class ServesGreen(Params, frozen=True, kw_only=True):
    """What to ask (`get` with `send` as request headers, or a function's `payload`) and what only green answers.

    `headers` and `json` (by JMESPath) are exact values; `samples` answers are taken, `interval` apart. `through` says
    how a function is reached.
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
        """Refuse proof by nothing, what only one way of asking has, and queries that are none."""
        if self.get and not (self.headers or self.json):
            raise ValueError("nothing tells green from blue; add headers: or json: with a value only green answers")
        if self.get and self.through:
            raise ValueError("through is for functions; with get, green's listener decides")
        if not self.get and (self.headers or self.send):
            raise ValueError("headers are those of an HTTP answer; add get: with a path")
        for query in self.json:
            compile_query(query)


@validator(
    ServesGreen,
    iam=("lambda:InvokeFunction",),
    remediation=(
        "Ask by hand what the finding asked and look who answers. On ECS check the rule that leads to green with "
        "the `listener` check; on Lambda check the alias. A value that blue gives, too, cannot tell them apart: "
        "choose one that changes with each release."
    ),
    cost=(
        "As many requests or invocations as `samples` says, and one request to blue, which users have; invocations are "
        "billed."
    ),
)
def serves_green(params: ServesGreen, context: Context) -> Finding:
    """What answers is green, shown by several answers that all say so."""
    expected = _expected(params, context)
    if isinstance(expected, Finding):
        return expected
    taken: list[dict[str, Any]] = []
    while len(taken) < params.samples:
        if taken and not context.sleep(float(params.interval)):
            break
        try:
            taken.append(_http(params, context) if params.get else _invoked(params, context))
        except NoAnswerError as problem:
            return failed(f"sample {len(taken) + 1}: {problem}", *_compared(expected, taken))
        except GreenlightError as problem:
            return error(f"sample {len(taken) + 1}: {problem}", *_compared(expected, taken))
    found = _compared(expected, taken)
    if len(taken) < params.samples and all(each.passed for each in found):
        return inconclusive(f"only {len(taken)} of {params.samples} samples could be taken in the time", *found)
    finding = finding_from(found, f"all {len(taken)} answers came from green")
    if finding.outcome is Outcome.PASS and params.get and _blue_says_so(params, context, expected):
        return inconclusive("blue gives just the same answer, so it shows nothing; use a value of this release", *found)
    return finding


def _blue_says_so(params: ServesGreen, context: Context, expected: dict[str, Value]) -> bool:
    """Ask blue, where it has a URL of its own; a blue that does not answer is not who answered."""
    if not context.blue.url or context.blue.url == context.green.url:
        return False
    try:
        return all(each.passed for each in _compared(expected, [_http(params, context, "blue")]))
    except GreenlightError:
        return False


def _expected(params: ServesGreen, context: Context) -> dict[str, Value] | Finding:
    """Give what must be answered, by the name of the evidence; or why that would prove nothing."""
    expected = {f"header {name}": value for name, value in params.headers.items()}
    expected |= {f"json {query}": value for query, value in params.json.items()}
    if not params.get:
        if not (context.deployment.function and context.green.version):
            return error("green is no function here; add get: with a path that says who answers")
        expected["ExecutedVersion"] = context.green.version
    blue = context.deployment.blue
    learned = blue.task_definition.rpartition("/")[2]
    for name, value in expected.items():
        if value == "":
            return error(f"{name}: the value expected is empty at {context.deployment.stage}, so it shows nothing")
        if value in (blue.version, blue.task_set, blue.task_definition, learned, blue.target_group):
            return inconclusive(f"{name}: blue would answer {value!r} as well, so it shows nothing; use another value")
    return expected


def _http(params: ServesGreen, context: Context, side: Literal["green", "blue"] = "green") -> dict[str, Any]:
    # A kept connection may be held to one target by a network load balancer.
    response = context.request("GET", params.get, headers={"Connection": "close", **params.send}, side=side)
    seen: dict[str, Any] = {}
    for name in params.headers:
        value = response.header(name)
        seen[f"header {name}"] = MISSING if value is None else value
    data = MISSING if response.truncated else _decoded(response.body)
    for query in params.json:
        seen[f"json {query}"] = MISSING if data is MISSING else run_query(query, data)
    return seen


def _invoked(params: ServesGreen, context: Context) -> dict[str, Any]:
    deployment = context.deployment
    way = params.through or ("alias" if deployment.stage == "AfterAllowTraffic" else "version")
    qualifier = deployment.alias if way == "alias" else context.green.version
    answer = context.aws_call(
        "lambda",
        "invoke",
        FunctionName=deployment.function,
        Qualifier=qualifier,
        Payload=msgspec.json.encode(params.payload),
    )
    payload = answer["Payload"].read(MAX_PAYLOAD_BYTES + 1)
    if answer.get("FunctionError"):
        start = context.excerpt(payload.decode(errors="replace"))
        raise NoAnswerError(f"{deployment.function}:{qualifier} ended with an error, which is no answer: {start}")
    data = _decoded(payload)
    seen = {f"json {query}": MISSING if data is MISSING else run_query(query, data) for query in params.json}
    return {"ExecutedVersion": answer.get("ExecutedVersion") or MISSING, **seen}


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return MISSING


def _compared(expected: dict[str, Value], taken: list[dict[str, Any]]) -> list[Evidence]:
    """Hold all samples against each value: one piece of evidence for each, with what the samples that differ said."""
    found = []
    for name, value in expected.items() if taken else ():
        wrong = Counter(_shown(sample[name]) for sample in taken if not _same(sample[name], value))
        said = ", ".join(f"{text} ({count} of {len(taken)})" for text, count in wrong.most_common(5))
        found.append(Evidence(query=name, expected=value, actual=said or value, passed=not wrong))
    return found


def _same(actual: Any, expected: Value) -> bool:
    if isinstance(actual, int) and not isinstance(actual, bool) and isinstance(expected, str):
        return str(actual) == expected
    if isinstance(actual, bool) or isinstance(expected, bool) or isinstance(actual, str) != isinstance(expected, str):
        return actual is expected
    if isinstance(expected, str) and ":task-definition/" in expected and actual == expected.rpartition("/")[2]:
        return True
    return bool(actual == expected)


def _shown(value: Any) -> str:
    return repr(value) if value is MISSING else json.dumps(value)[:200]
