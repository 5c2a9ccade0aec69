"""One attempt of one check, which calls the validator and always returns a valid finding."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from greenlight.checks.asked import ExchangeRecorder
from greenlight.checks.context import Context
from greenlight.checks.redact_finding import MAX_MESSAGE_LENGTH, redact_finding
from greenlight.core.clock import SYSTEM_CLOCK, Clock
from greenlight.core.errors import GreenlightError
from greenlight.core.finding import AFTER_REDIRECT, Finding, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.aws.client import Aws
    from greenlight.checks.binding import Bound
    from greenlight.core.deployment import Deployment
    from greenlight.core.redaction import Redactor
    from greenlight.network.client import Client

_MAX_REDIRECTS = 3
_MAX_URL_LENGTH = 160

_FINDING_DECODER = msgspec.json.Decoder(Finding)
"""Created at import: msgspec crashes if several threads are the first to need it."""


class CheckResources:
    """Resources that all attempts of all checks share: HTTP pool, AWS session, redactor and clock."""

    def __init__(
        self, deployment: Deployment, client: Client, aws: Aws, redactor: Redactor, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        """Store the resources."""
        self.deployment, self.client, self.aws, self.redactor = deployment, client, aws, redactor
        self.clock = clock

    def context(self, timeout_s: float, redactor: Redactor, recorder: ExchangeRecorder) -> Context:
        """Return the context of one attempt; secrets that it adds go into `redactor`, its exchanges into `recorder`."""
        return Context(self.deployment, timeout_s, self.client, self.aws, redactor, self.clock, recorder)


class Attempt:
    """One attempt of one check.

    Attributes:
        bound: The check with its validator and parameters.
        number: Counted from 1.
        timeout_s: Time limit.
        began: Start, monotonic.
        overdue: Whether the runner has abandoned the attempt, so that its finding does not count.
    """

    __slots__ = ("began", "bound", "number", "overdue", "timeout_s")

    def __init__(self, bound: Bound, number: int) -> None:
        """Prepare an attempt that has not begun."""
        self.bound, self.number = bound, number
        self.timeout_s = bound.check.timeout_s
        self.began = 0.0
        self.overdue = False


def run_attempt(attempt: Attempt, resources: CheckResources) -> Finding:
    """Run one attempt and return its finding, redacted, whatever the validator does."""
    began, redactor = time.monotonic(), resources.redactor.copy()
    recorder = ExchangeRecorder(resources.deployment)
    try:
        context = resources.context(attempt.timeout_s, redactor, recorder)
        context.ends_with_gate = attempt.timeout_s < attempt.bound.check.timeout_s
        finding = _complete(_call_validator(attempt, context), recorder, redactor)
        finding = _add_redirects(finding, [redactor.text(url) for url in recorder.redirects()])
    except BaseException as error:  # noqa: BLE001 - SystemExit of a plugin must not end the thread without a finding
        # The traceback keeps all objects of the validator alive. After a MemoryError there would not even be memory
        # for the message.
        BaseException.with_traceback(error, None)
        finding = _complete(Finding(outcome=Outcome.ERROR, message=_describe_failure(error)), recorder, redactor)
    duration_ms = round((time.monotonic() - began) * 1000, 3)
    return replace(finding, duration_ms=duration_ms, asked=recorder.asked())


def _complete(finding: Finding, recorder: ExchangeRecorder, redactor: Redactor) -> Finding:
    """Return the finding with the failed exchange that it is about, as root and evidence; redacted."""
    failure = recorder.failure_behind(finding)
    if failure is None:
        return redact_finding(replace(finding, root=""), redactor)
    has_mismatch = any(not item.passed for item in finding.evidence)
    evidence = finding.evidence if has_mismatch else (*finding.evidence, failure.to_evidence())
    return redact_finding(replace(finding, root=failure.root, evidence=evidence), redactor)


def _call_validator(attempt: Attempt, context: Context) -> Finding:
    assert attempt.bound.validator is not None  # noqa: S101 - the runner starts no attempt of a check without one
    finding = attempt.bound.validator(_copy_params(attempt.bound.params), context)
    if not isinstance(finding, Finding):
        return Finding(outcome=Outcome.ERROR, message=f"the validator returned {type(finding).__name__}, not a Finding")
    try:
        # msgspec does not check the fields of a struct that Python code creates, and a finding that cannot be encoded
        # would end the worker.
        finding = _FINDING_DECODER.decode(msgspec.json.encode(finding, enc_hook=repr))
    except Exception as error:  # noqa: BLE001 - objects of a plugin may raise anything
        return Finding(
            outcome=Outcome.ERROR, message=f"the validator returned a Finding that is not valid: {_error_text(error)}"
        )
    if finding.outcome is Outcome.SKIPPED:
        reason = "the validator returned SKIPPED, but only a plan may skip a check"
        return replace(finding, outcome=Outcome.INCONCLUSIVE, message=f"{reason}: {finding.message}")
    return finding


def _add_redirects(finding: Finding, urls: Sequence[str]) -> Finding:
    """Add to the message which URLs answered in place of green after a redirect."""
    if not urls:
        return finding
    more = f" and {len(urls) - _MAX_REDIRECTS} more" if len(urls) > _MAX_REDIRECTS else ""
    shown = ", ".join(url[:_MAX_URL_LENGTH] for url in urls[:_MAX_REDIRECTS])
    note = f"{AFTER_REDIRECT}{shown}{more}, not from green"
    return replace(finding, message=f"{finding.message[: MAX_MESSAGE_LENGTH - len(note)]}{note}")


def _copy_params(value: Any) -> Any:
    """Copy parameters deeply, so that a change by one attempt does not affect the next attempt."""
    if isinstance(value, dict):
        return {key: _copy_params(item) for key, item in value.items()}
    if isinstance(value, (list, set)):
        return type(value)(map(_copy_params, value))
    if isinstance(value, tuple):
        items = map(_copy_params, value)
        return value._make(items) if hasattr(value, "_make") else tuple(items)
    if not isinstance(value, msgspec.Struct):
        return value
    copied = copy.copy(value)
    for name in value.__struct_fields__:
        msgspec.structs.force_setattr(copied, name, _copy_params(getattr(value, name)))
    return copied


def _describe_failure(error: BaseException) -> str:
    text = _error_text(error)
    return text if isinstance(error, GreenlightError) else f"the validator raised {type(error).__name__}: {text}"


def _error_text(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())
    except BaseException:  # noqa: BLE001 - the __str__ of a plugin's error may raise as well
        return "(it cannot be shown)"
