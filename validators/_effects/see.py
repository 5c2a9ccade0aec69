"""Places where an effect appears, and the evidence of one look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.api import MISSING, Evidence, check_value, run_query, substitute_captures

from .base import OneOf, fill
from .execution import Execution
from .log import Log
from .metric import Metric
from .queue import Queue
from .s3_object import Object
from .table import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.api import Context, Expectation, IamRequirement


class See(OneOf, frozen=True, kw_only=True):
    """The place where the effect appears.

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

    @property
    def has_state(self) -> bool:
        """Whether a look before the cause can see the effect; messages, lines and executions have a time."""
        return self.kind in ("dynamodb", "s3", "metric")

    def required_iam(self) -> Iterator[IamRequirement]:
        """Yield the actions that `look` needs."""
        yield from self.chosen.required_iam()

    def look(
        self,
        expect: Mapping[str, Expectation],
        context: Context,
        captured: Mapping[str, Any] | None,
        start: float,
    ) -> list[Evidence]:
        """Look once; of several effects, use the first that meets the expectations, otherwise the last.

        Raises:
            GreenlightError: AWS refused or did not answer.
            KeyError: A name that was not captured.
        """
        effects = fill(self.chosen, captured).find(context, start)
        results: list[Evidence] = []
        for effect in effects or [MISSING]:
            exists = effect is not MISSING
            actual = "something" if exists else repr(MISSING)
            results = [Evidence(query=self.kind, expected="something", actual=actual, passed=exists, where="effect")]
            for query, expectation in expect.items():
                value = run_query(query, effect) if exists else MISSING
                evidence = check_value(query, substitute_captures(expectation, captured), value, "effect")
                if exists and value is MISSING and (reason := self.chosen.gap(effect, query)):
                    evidence = msgspec.structs.replace(evidence, actual=f"{MISSING!r}: {reason}", passed=False, why="")
                results.append(evidence)
            if all(item.passed for item in results):
                break
        return results
