"""effect: a cause has its effect: the message, row, object, metric, line or execution appears.

`cause` does something to green: an HTTP request, an invocation of the new version, a message to a queue or a topic.
Then `see` looks every `interval` until the effect is as expected or `within` is over. `capture` names values for
both: `unique` is a unique id, known before the cause, that identifies the check's own effect; `json.PATH`,
`headers.NAME`, `status` and `body` are of the response to an HTTP cause. A row, an object or a metric that is as
expected *before* the cause shows nothing: INCONCLUSIVE. Earlier messages, lines and executions do not count.
`clean_up` runs after every cause, whatever its result; if it fails, the finding names what remains, and is an ERROR
unless it is a FAIL already.

A message is removed from its queue only if it `contains` the given text. Others become visible again at once, and
their readers receive them once more, so give checks a queue of their own. A metric is summed over whole minutes,
including the one of the cause. Only the newest 20 executions are read. Whether green or blue reads a message is up to
the plan.

The check reads and deletes data of the service: allow the actions for those resources, never for all, in the policy
of the template's parameter CheckPolicyArn; `greenlight iam PLAN` writes it.

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

Source: the AWS API references of the operations in `_effects`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.api import (
    Context,
    Duration,
    Expectation,
    Finding,
    IamRequirement,
    Params,
    compile_query,
    field_default,
    validate_capture,
    validator,
)

from ._effects.cause import Cause
from ._effects.clean_up import CleanUp
from ._effects.run import Run, Timing
from ._effects.see import See

if TYPE_CHECKING:
    from collections.abc import Iterator

CLEAN_UP_SHARE = 0.25
"""Share of the check's time that is reserved for the clean-up."""


class Effect(Params, frozen=True, kw_only=True):
    """A cause and its expected effect.

    Attributes:
        cause: The cause, run once.
        see: The place where the effect appears.
        expect: Expectations by JMESPath query into the effect (`@` for a whole text).
        capture: Names for values: `unique`, or a source in the response to an HTTP cause.
        within: Maximum time until the effect.
        interval: The pause between two looks.
        clean_up: Things to remove afterwards, in this order.
    """

    cause: Cause
    see: See
    expect: dict[str, Expectation] = {}
    capture: dict[str, str] = {}
    within: Duration = field_default(Duration(10.0))
    interval: Duration = field_default(Duration(1.0))
    clean_up: list[CleanUp] = []

    def __post_init__(self) -> None:
        """Reject effects that would be seen without a cause."""
        for query in self.expect:
            compile_query(query, "expect", query)
        for source in self.capture.values():
            validate_capture(source)
            if source != "unique" and self.cause.http is None:
                raise ValueError(f"{source!r} is of an HTTP response; with this cause only unique can be captured")
        if not self.expect and (self.see.metric or self.see.execution):
            raise ValueError("expect is missing; write expect: {value: {gte: 1}} or expect: {status: SUCCEEDED}")
        if self.cause.expect is not None and self.cause.http is None:
            raise ValueError("only an HTTP cause has a response; remove expect from the cause")

    def required_iam(self) -> Iterator[IamRequirement]:
        """Yield the actions of cause, look and clean-up, each with its own resource."""
        yield from self.cause.required_iam()
        yield from self.see.required_iam()
        for step in self.clean_up:
            yield from step.required_iam()


@validator(
    Effect,
    iam=(
        *("s3:ListBucket", "s3:GetObject", "s3:DeleteObject", "lambda:InvokeFunction", "sns:Publish"),
        *("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"),
        *("dynamodb:GetItem", "dynamodb:DeleteItem", "cloudwatch:GetMetricStatistics", "logs:FilterLogEvents"),
        *("states:ListExecutions", "states:DescribeExecution"),
    ),
    iam_for=Effect.required_iam,
    unsafe=True,
    remediation=(
        "The evidence shows what was last seen where the effect should appear. Search green's log for the cause "
        "(it contains the value of `unique`), then check that the consumer runs and reads this queue, table or "
        "bucket. Where `clean_up` failed, remove by hand what the finding names."
    ),
    cost=(
        "The cause once, billed as what it is, and one request to the service for each `interval` until "
        "the effect is there or `within` is over; GetMetricStatistics and FilterLogEvents are billed by request "
        "and by data read."
    ),
)
def effect(params: Effect, context: Context) -> Finding:
    """A cause has its effect: the message, row, object, metric, line or execution appears."""
    run = Run(params.cause, params.see, params.expect, params.capture, context)
    if (finding := run.check_before(context)) is not None:
        return finding
    reserved_s = context.remaining_s() * CLEAN_UP_SHARE if params.clean_up else 0.0
    finding = run.check_effect(context.reserve(reserved_s), Timing(params.within, params.interval))
    return run.clean_up(params.clean_up, finding, context)
