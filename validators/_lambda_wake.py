"""Waking of a Lambda version that was idle for weeks; for `lambda_state` and `rollback_ready`.

Lambda sets such a version to Inactive. The next invocation is rejected, and the version becomes Pending and then Active
again. Nothing else wakes it.

Source: https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

from __future__ import annotations

from greenlight.api import Context, GreenlightError

INACTIVE = "Inactive"

_REJECTED = ("ResourceNotReadyException", "ResourceConflictException", "ReadTimeoutError")
"""Codes of an invocation that Lambda rejected because it prepares the version, or that is still running."""


def wake(context: Context, version: str) -> None:
    """Invoke an Inactive version once with an empty object.

    Raises:
        GreenlightError: The invocation is not allowed, or Lambda rejected it for another reason.
    """
    try:
        context.aws_call("lambda", "invoke", FunctionName=context.deployment.function, Qualifier=version, Payload=b"{}")
    except GreenlightError as problem:
        if getattr(problem, "code", "") not in _REJECTED:
            raise
