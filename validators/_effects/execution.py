"""Executions of Step Functions state machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import CLOCK_SKEW_S, Marker, Place, to_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.api import Context, IamRequirement

MAX_EXECUTIONS = 20


class Execution(Place, frozen=True, kw_only=True):
    """An execution since the cause whose name or input `contains` a text, as `status`, `input`, `output`.

    Attributes:
        state_machine: The state machine's ARN.
        contains: A text that only the expected execution has in its name or input.
    """

    state_machine: str
    contains: Marker

    def find(self, context: Context, start: float) -> list[Any]:
        """Read the newest executions, and return those since `start` that contain the text."""
        newest = context.aws_call(
            "stepfunctions", "list_executions", stateMachineArn=self.state_machine, maxResults=MAX_EXECUTIONS
        ).get("executions", [])
        matches = []
        for summary in newest:
            if summary["startDate"].timestamp() < start - CLOCK_SKEW_S:
                continue
            execution = context.aws_call("stepfunctions", "describe_execution", executionArn=summary["executionArn"])
            if self.contains in execution.get("name", "") or self.contains in execution.get("input", ""):
                data = {name: to_data(execution[name]) for name in ("input", "output") if execution.get(name)}
                matches.append({"name": execution.get("name"), "status": execution.get("status"), **data})
        return matches

    def required_iam(self) -> Iterator[IamRequirement]:
        """Yield the actions that `find` needs."""
        yield "states:ListExecutions", self.state_machine
        yield "states:DescribeExecution", f"{self.state_machine.replace(':stateMachine:', ':execution:')}:*"
