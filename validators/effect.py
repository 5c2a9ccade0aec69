"""effect: what green is asked to do, it does: the message, row, object, metric, line or execution appears.

`cause` does something to green: an HTTP request, an invocation of the new version, a message to a queue or a topic. Then
`see` is asked again and again, every `interval`, until what is there is as expected or `within` is over. `capture` names
values for use in both: `unique` is a fresh text, known before the cause and the way to know one's own traces; `json.PATH`,
`headers.NAME`, `status` and `body` are of the answer to an HTTP cause. A row, an object or a metric that is as expected
*before* the cause shows nothing: INCONCLUSIVE; messages, lines and executions from before it do not count. `clean_up` runs after every cause, whatever came of it; where it fails, the
check is an ERROR that says what was left behind.

A message of a queue is taken out of it only if it `contains` the given text; others are put back at once, and are seen
once more by their readers, so give checks a queue of their own. A metric is summed over whole minutes, the one of the
cause included. The message of a cause goes where it is sent: whether green or blue reads it is for the plan to know.

Of the executions of a state machine the newest 20 are looked at. moto runs none and ignores most filter patterns of logs,
so the tests of these two use answers written down.

What it reads and deletes is the service's own: allow the actions for those resources in the policy given to the template
as CheckPolicyArn, never for all; `greenlight iam PLAN` writes it.

Example:
    checks:
      - name: an order reaches the warehouse
        timeout: 40s
        effect:
          capture: {probe: unique, order: json.id}
          cause: {http: {post: /orders, body: {json: {sku: A1, reference: "${probe}"}}}, expect: {status: 201}}
          see: {dynamodb: {table: shipments, key: {order: "${order}"}}}
          expect: {reference: "${probe}", state: {in: [new, packed]}}
          within: 20s
          clean_up:
            - http: {delete: "/orders/${order}"}
            - dynamodb: {table: shipments, key: {order: "${order}"}}

Source: the AWS API references of the operations in `_CALLS`.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from greenlight.api import (
    MISSING,
    Context,
    Duration,
    Evidence,
    Expectation,
    ExpectationError,
    Finding,
    GreenlightError,
    HttpError,
    HttpRequest,
    IamRequirement,
    LambdaPayload,
    NoAnswerError,
    NoResultError,
    Outcome,
    Params,
    Response,
    ResponseExpectation,
    capture_value,
    check_response,
    check_value,
    compile_query,
    error,
    failed,
    field_default,
    finding_from,
    from_dynamodb,
    inconclusive,
    invoke,
    is_sensitive,
    run_query,
    send_request,
    substitute_captures,
    to_dynamodb,
    unique_id,
    validate_capture,
    validator,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

FOR_CLEANING_UP = 0.25
"""Share of the check's time that is kept for cleaning up."""
MAX_OBJECT_BYTES = 1024 * 1024
CLOCKS_S = 1.0
"""How far AWS's clocks may be behind this one: what is older than that was there before the cause."""
_QUEUE = re.compile(r"https?://sqs\.([a-z0-9-]+)\.[^/]+/([0-9]{12})/([^/]+)", re.ASCII)
_Told = Annotated[str, msgspec.Meta(min_length=1)]
"""What tells one's own thing from others; the empty text would be in all of them."""
_ABSENT = ("NoSuchKey", "404", "NotFound")


class Invoke(LambdaPayload, frozen=True, kw_only=True):
    """An invocation of the new version, with a `payload` or an `event`."""


class Send(Params, frozen=True, kw_only=True):
    """A message to a queue (its URL) or a topic (its ARN); what is no text becomes JSON.

    Attributes:
        to: The queue's URL, or the topic's ARN.
        message: What is sent.
    """

    to: str
    message: Any


class Row(Params, frozen=True, kw_only=True):
    """A row by its whole key.

    Attributes:
        table: The table's name.
        key: All attributes of its key.
    """

    table: str
    key: dict[str, str | int | float]


class Object(Params, frozen=True, kw_only=True):
    """An object; seen as `size`, `type`, and `json` or `text`.

    Attributes:
        bucket: The bucket's name.
        key: The object's key.
    """

    bucket: str
    key: str


class Queue(Params, frozen=True, kw_only=True):
    """A message of a queue (its URL) that contains a text; seen as JSON where it is that.

    Attributes:
        url: The queue's URL.
        contains: A text that only the message meant holds.
    """

    url: str
    contains: _Told


class Metric(Params, frozen=True, kw_only=True):
    """A metric since the cause, seen as `value`: the sum, or the largest, smallest or mean of its minutes.

    Attributes:
        namespace: The metric's namespace.
        name: The metric's name.
        dimensions: All of its dimensions.
        statistic: What of its minutes is taken.
    """

    namespace: str
    name: str
    dimensions: dict[str, str] = {}
    statistic: Literal["Sum", "SampleCount", "Maximum", "Minimum", "Average"] = "Sum"


class Log(Params, frozen=True, kw_only=True):
    """A line of a log group since the cause that CloudWatch's filter `pattern` finds; seen as JSON where it is that.

    Attributes:
        group: The log group's name.
    """

    group: str
    pattern: _Told


class Execution(Params, frozen=True, kw_only=True):
    """An execution of a state machine since the cause whose name or input `contains` a text; `status`, `input`, `output`.

    Attributes:
        state_machine: The state machine's ARN.
    """

    state_machine: str
    contains: _Told


class _OneOf(Params, frozen=True, kw_only=True):
    def __post_init__(self) -> None:
        """Refuse none or several."""
        names = [name for name in self.__struct_fields__ if name != "expect"]
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of {', '.join(names)} is needed, and this has {', '.join(given) or 'none'}")


class Cause(_OneOf, frozen=True, kw_only=True):
    """What is done; `expect` is about the answer to an HTTP request, which is below 400 unless said.

    Attributes:
        http: A request to green.
        lambda_invoke: An invocation of the new version.
        sqs, sns: A message to a queue or a topic.
    """

    http: HttpRequest | None = None
    lambda_invoke: Invoke | None = None
    sqs: Send | None = None
    sns: Send | None = None
    expect: ResponseExpectation | None = None


class See(_OneOf, frozen=True, kw_only=True):
    """Where the effect shows.

    Attributes:
        sqs: A message in a queue.
        dynamodb: A row in a table.
        s3: An object in a bucket.
        metric: A metric of CloudWatch.
        log: A line in a log group.
        execution: An execution of a state machine.
    """

    sqs: Queue | None = None
    dynamodb: Row | None = None
    s3: Object | None = None
    metric: Metric | None = None
    log: Log | None = None
    execution: Execution | None = None


class CleanUp(_OneOf, frozen=True, kw_only=True):
    """What is taken away afterwards; a row or object that is not there is no failure, nor is a 404 or 410.

    Attributes:
        http: A request to green.
        dynamodb: A row to delete.
        s3: An object to delete.
    """

    http: HttpRequest | None = None
    dynamodb: Row | None = None
    s3: Object | None = None


class Effect(Params, frozen=True, kw_only=True):
    """The `cause`, where to `see` its effect, and by JMESPath what to `expect` of that (`@` for a text as a whole).

    Attributes:
        capture: Names for values: `unique`, or a source in the answer to an HTTP cause.
        within: How long the effect may take.
        interval: Wait between two looks.
        clean_up: What is taken away afterwards, in this order.
    """

    cause: Cause
    see: See
    expect: dict[str, Expectation] = {}
    capture: dict[str, str] = {}
    within: Duration = field_default(Duration(10.0))
    interval: Duration = field_default(Duration(1.0))
    clean_up: list[CleanUp] = []

    def __post_init__(self) -> None:
        """Refuse effects that would be seen without a cause."""
        for query in self.expect:
            compile_query(query, "expect", query)
        for source in self.capture.values():
            validate_capture(source)
            if source != "unique" and self.cause.http is None:
                raise ValueError(f"{source!r} is of an HTTP answer, and the cause is none; only unique can be captured")
        if not self.expect and (self.see.metric or self.see.execution):
            raise ValueError("say what to expect, such as expect: {value: {gte: 1}} or {status: SUCCEEDED}")
        if self.cause.expect is not None and self.cause.http is None:
            raise ValueError("only an HTTP cause has an answer to expect something of")


def _needs(params: Effect) -> Iterator[IamRequirement]:
    """Give what cause, look and clean-up ask of AWS, each for its own resource."""
    cause, see = params.cause, params.see
    if cause.lambda_invoke:
        yield "lambda:InvokeFunction"
    if cause.sqs:
        yield "sqs:SendMessage", _queue(cause.sqs.to)
    if cause.sns:
        yield "sns:Publish", cause.sns.to
    if see.sqs:
        for action in ("ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage"):
            yield f"sqs:{action}", _queue(see.sqs.url)
    if see.metric:
        yield "cloudwatch:GetMetricStatistics"
    if see.log:
        yield "logs:FilterLogEvents", f"arn:aws:logs:*:*:log-group:{see.log.group}:*"
    if see.execution:
        yield "states:ListExecutions", see.execution.state_machine
        yield "states:DescribeExecution", f"{see.execution.state_machine.replace(':stateMachine:', ':execution:')}:*"
    for row, action in ((see.dynamodb, "GetItem"), *((each.dynamodb, "DeleteItem") for each in params.clean_up)):
        if row:
            yield f"dynamodb:{action}", f"arn:aws:dynamodb:*:*:table/{row.table}"
    for item, action in ((see.s3, "GetObject"), *((each.s3, "DeleteObject") for each in params.clean_up)):
        if item:
            yield f"s3:{action}", f"arn:aws:s3:::{item.bucket}/{item.key}"
    if see.s3:  # without it S3 calls a key that is not there forbidden
        yield "s3:ListBucket", f"arn:aws:s3:::{see.s3.bucket}"


def _queue(url: str) -> str:
    """Give the ARN of the queue at a URL, whose host names the region and whose path account and queue."""
    found = _QUEUE.fullmatch(url)
    return f"arn:aws:sqs:{found[1]}:{found[2]}:{found[3]}" if found else "*"


@validator(
    Effect,
    iam=(
        *(
            "s3:ListBucket",
            "lambda:InvokeFunction",
            "sqs:SendMessage",
            "sqs:ReceiveMessage",
            "sqs:ChangeMessageVisibility",
        ),
        *("sqs:DeleteMessage", "sns:Publish", "dynamodb:GetItem", "dynamodb:DeleteItem", "s3:GetObject"),
        *("s3:DeleteObject", "cloudwatch:GetMetricStatistics", "logs:FilterLogEvents", "states:ListExecutions"),
        "states:DescribeExecution",
    ),
    iam_for=_needs,
    unsafe=True,
    remediation=(
        "The evidence says what was last seen where the effect should appear. Look in green's log for the cause "
        "(the value of `unique` is in it), then whether the consumer runs and listens to this queue, table or "
        "bucket; where `clean_up` failed, take away by hand what the finding names."
    ),
    cost=(
        "The cause once, billed as what it is, and one request to the service looked at for each `interval` until "
        "the effect is there or `within` is over; GetMetricStatistics and FilterLogEvents are billed by request "
        "and by data read."
    ),
)
def effect(params: Effect, context: Context) -> Finding:
    """What green is asked to do, it does: the message, row, object, metric, line or execution appears."""
    names: dict[str, Any] = {name: unique_id() for name, source in params.capture.items() if source == "unique"}
    captured = names if params.capture else None
    began = time.time()
    try:
        if _there_before(params, context, captured, began):
            own = (
                "take dimensions that only the cause has"
                if params.see.metric
                else "let its key depend on a value that is unique"
            )
            return inconclusive(f"the effect was there before the cause; {own}")
    except GreenlightError as problem:
        return error(str(problem))
    keep_s = context.remaining_s() * FOR_CLEANING_UP if params.clean_up else 0.0
    finding = _caused_and_seen(params, context.reserve(keep_s), captured, began)
    left = [each for step in params.clean_up if (each := _cleaned_up(step, context, captured)) is not None]
    if not left:
        return finding
    said = f"cleaning up failed: {left[0].actual}"
    message = said if finding.outcome is Outcome.PASS else f"{finding.message}; {said}"
    return (failed if finding.outcome is Outcome.FAIL else error)(message, *finding.evidence, *left)


def _caused_and_seen(params: Effect, context: Context, captured: dict[str, Any] | None, began: float) -> Finding:
    try:
        found = _caused(params, context, captured)
        if not all(each.passed for each in found):
            return finding_from(found, "")
        until_s = max(0.0, context.remaining_s() - params.within)
        while True:
            seen = _seen(params, context, captured, began)
            if all(each.passed for each in seen):
                return finding_from(
                    [*found, *seen], f"the effect was seen {time.time() - began:.1f} s after the cause began"
                )
            if context.remaining_s() - params.interval <= until_s or not context.sleep(params.interval):
                break
        finding = finding_from([*found, *seen], "")
        late = f"{finding.message}; {time.time() - began:.1f} s after the cause began"
        return msgspec.structs.replace(finding, message=late)
    except (NoAnswerError, NoResultError) as problem:
        return failed(f"the cause got no answer: {problem}")
    except (ExpectationError, GreenlightError) as problem:
        return error(str(problem))
    except KeyError as problem:
        return error(f"${{{problem.args[0]}}} was not in the answer to the cause")
    except Exception as problem:  # noqa: BLE001 - whatever it is, what the cause left behind is taken away first
        return error(f"the effect could not be looked for: {type(problem).__name__}: {problem}")


def _refilled(part: Any, captured: dict[str, Any] | None) -> Any:
    """Fill what was captured into a part of the parameters."""
    plain = substitute_captures(msgspec.to_builtins(part), captured)
    return msgspec.convert(plain, type(part))


def _caused(params: Effect, context: Context, captured: dict[str, Any] | None) -> list[Evidence]:
    cause = params.cause
    if cause.http is not None:
        answer = send_request(context, cause.http, captured, expect=cause.expect)
        _capture(params, context, answer, captured)
        if cause.expect is not None:
            return check_response(cause.expect, answer, "cause", captured)
        fine = answer.status < 400
        return [Evidence(query="status", expected="below 400", actual=answer.status, passed=fine, where="cause")]
    if cause.lambda_invoke is not None:
        failure = invoke(context, _refilled(cause.lambda_invoke, captured).build(context)).failure
        return [Evidence(query="error", expected="none", actual=failure or "none", passed=not failure, where="cause")]
    for service, publication in (("sqs", cause.sqs), ("sns", cause.sns)):
        if publication is not None:
            body = substitute_captures(publication.message, captured)
            where, text = ("QueueUrl", "MessageBody") if service == "sqs" else ("TopicArn", "Message")
            written = body if isinstance(body, str) else json.dumps(body)
            _aws(context, f"send to {service}", **{where: substitute_captures(publication.to, captured), text: written})
    return []


def _capture(params: Effect, context: Context, answer: Response, captured: dict[str, Any] | None) -> None:
    for name, source in params.capture.items():
        if source != "unique" and captured is not None and (value := capture_value(source, answer)) is not MISSING:
            captured[name] = value
            if is_sensitive(name, source):
                context.add_secret(value)


def _there_before(params: Effect, context: Context, captured: dict[str, Any] | None, began: float) -> bool:
    if params.see.dynamodb is None and params.see.s3 is None and params.see.metric is None:
        return False  # messages, lines and executions have a time, and those from before the cause do not count
    try:
        return all(each.passed for each in _seen(params, context, captured, began))
    except KeyError:
        return False  # its key is known only by the answer to the cause


def _seen(params: Effect, context: Context, captured: dict[str, Any] | None, began: float) -> list[Evidence]:
    """Look once; of several things there the first that is as expected counts, else the last."""
    kind = next(name for name in params.see.__struct_fields__ if getattr(params.see, name) is not None)
    what = _refilled(getattr(params.see, kind), captured)
    things = _LOOKING[kind](what, context, began)
    found: list[Evidence] = []
    for thing in things or [MISSING]:
        there = thing is not MISSING
        shown = "something" if there else repr(MISSING)
        found = [Evidence(query=kind, expected="something", actual=shown, passed=there, where="effect")]
        for query, wanted in params.expect.items():
            actual = run_query(query, thing) if there else MISSING
            found.append(check_value(query, substitute_captures(wanted, captured), actual, "effect"))
        if all(each.passed for each in found):
            break
    return found


_CALLS = {
    "send to sqs": ("sqs", "send_message"),
    "send to sns": ("sns", "publish"),
    "receive": ("sqs", "receive_message"),
    "put back": ("sqs", "change_message_visibility"),
    "take out": ("sqs", "delete_message"),
    "row": ("dynamodb", "get_item"),
    "delete row": ("dynamodb", "delete_item"),
    "object": ("s3", "get_object"),
    "delete object": ("s3", "delete_object"),
    "metric": ("cloudwatch", "get_metric_statistics"),
    "log": ("logs", "filter_log_events"),
    "executions": ("stepfunctions", "list_executions"),
    "execution": ("stepfunctions", "describe_execution"),
}


def _aws(context: Context, what: str, /, **parameters: Any) -> dict[str, Any]:
    service, operation = _CALLS[what]
    return context.aws_call(service, operation, **parameters)


def _data(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def _messages(queue: Queue, context: Context, began: float) -> list[Any]:
    asked = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 10, "MessageSystemAttributeNames": ["SentTimestamp"]}
    found = []
    for message in _aws(context, "receive", QueueUrl=queue.url, **asked).get("Messages", []):
        place = {"QueueUrl": queue.url, "ReceiptHandle": message["ReceiptHandle"]}
        sent_s = int(message.get("Attributes", {}).get("SentTimestamp", 0)) / 1000
        if queue.contains in message["Body"] and sent_s >= began - CLOCKS_S:
            found.append(_data(message["Body"]))
            _aws(context, "take out", **place)
        else:
            _aws(context, "put back", **place, VisibilityTimeout=0)
    return found


def _row(row: Row, context: Context, _began: float) -> list[Any]:
    item = _aws(context, "row", TableName=row.table, Key=to_dynamodb(row.key)["M"], ConsistentRead=True).get("Item")
    return [] if item is None else [from_dynamodb({"M": item})]


def _object(item: Object, context: Context, _began: float) -> list[Any]:
    try:
        answer = _aws(context, "object", Bucket=item.bucket, Key=item.key)
    except GreenlightError as problem:
        if getattr(problem, "code", "") in _ABSENT:
            return []
        raise
    raw = answer["Body"].read(MAX_OBJECT_BYTES + 1)
    seen = {"size": answer.get("ContentLength"), "type": answer.get("ContentType")}
    if len(raw) > MAX_OBJECT_BYTES:
        return [seen]
    data = _data(raw.decode(errors="replace"))
    return [{**seen, "text": data} if isinstance(data, str) else {**seen, "json": data}]


def _metric(metric: Metric, context: Context, began: float) -> list[Any]:
    start = began - began % 60
    points = _aws(
        context,
        "metric",
        Namespace=metric.namespace,
        MetricName=metric.name,
        Dimensions=[{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
        StartTime=start,
        EndTime=time.time() + 60,
        Period=60,
        Statistics=[metric.statistic],
    ).get("Datapoints", [])
    values = [float(point[metric.statistic]) for point in points]
    if not values:
        return []
    together = {"Maximum": max, "Minimum": min, "Average": lambda each: sum(each) / len(each)}
    return [{"value": together.get(metric.statistic, sum)(values)}]  # type: ignore[operator]


def _lines(log: Log, context: Context, began: float) -> list[Any]:
    where = {"logGroupName": log.group, "filterPattern": log.pattern, "startTime": int(began * 1000), "limit": 100}
    found: list[Any] = []
    token: dict[str, str] = {}
    for _ in range(10):  # a page may be empty and still not be the last
        page = _aws(context, "log", **where, **token)
        found += [_data(event["message"]) for event in page.get("events", [])]
        if found or not page.get("nextToken"):
            break
        token = {"nextToken": page["nextToken"]}
    return found


def _executions(wanted: Execution, context: Context, began: float) -> list[Any]:
    listed = _aws(context, "executions", stateMachineArn=wanted.state_machine, maxResults=20).get("executions", [])
    found = []
    for each in listed:
        if each["startDate"].timestamp() < began - CLOCKS_S:
            continue
        full = _aws(context, "execution", executionArn=each["executionArn"])
        if wanted.contains in full.get("name", "") or wanted.contains in full.get("input", ""):
            data = {name: _data(full[name]) for name in ("input", "output") if full.get(name)}
            found.append({"name": full.get("name"), "status": full.get("status"), **data})
    return found


_LOOKING: dict[str, Any] = {
    "sqs": _messages,
    "dynamodb": _row,
    "s3": _object,
    "metric": _metric,
    "log": _lines,
    "execution": _executions,
}


def _cleaned_up(step: CleanUp, context: Context, captured: dict[str, Any] | None) -> Evidence | None:
    """Take one thing away; give evidence where that failed."""
    said = ""
    try:
        if step.http is not None:
            answer = send_request(context, step.http, captured, timeout_s=max(0.1, context.remaining_s() / 2))
            if answer.status >= 400 and answer.status not in (404, 410):
                said = f"{step.http.method} {step.http.target(captured)} answered {answer.status}"
        elif step.dynamodb is not None:
            row = _refilled(step.dynamodb, captured)
            _aws(context, "delete row", TableName=row.table, Key=to_dynamodb(row.key)["M"])
        elif step.s3 is not None:
            item = _refilled(step.s3, captured)
            _aws(context, "delete object", Bucket=item.bucket, Key=item.key)
    except KeyError as problem:
        said = f"${{{problem.args[0]}}} is not known"
    except (HttpError, GreenlightError) as problem:
        said = str(problem)
    except Exception as problem:  # noqa: BLE001 - the next step of the clean-up is to be tried all the same
        said = f"{type(problem).__name__}: {problem}"
    return Evidence(query="clean_up", expected="taken away", actual=said, where="clean_up") if said else None
