"""One run of an effect: the look before, the cause, the looks after it, and the clean-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from greenlight.api import (
    DuplicateKeyError,
    ExpectationError,
    GreenlightError,
    NoAnswerError,
    NoResultError,
    Outcome,
    error,
    failed,
    finding_from,
    inconclusive,
    unique_id,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from greenlight.api import Context, Evidence, Expectation, Finding

    from .cause import Cause
    from .clean_up import CleanUp
    from .see import See


class Timing(NamedTuple):
    """Maximum time until the effect, and the pause between two looks."""

    within_s: float
    interval_s: float


class Run:
    """A cause and its effect, with the values captured so far."""

    def __init__(
        self,
        cause: Cause,
        see: See,
        expect: Mapping[str, Expectation],
        sources: Mapping[str, str],
        context: Context,
    ) -> None:
        """Start now; values from `unique` are captured at once."""
        self._cause, self._see, self._expect = cause, see, expect
        self._sources = {name: source for name, source in sources.items() if source != "unique"}
        unique = {name: unique_id() for name, source in sources.items() if source == "unique"}
        self._captured: dict[str, Any] | None = unique if sources else None
        self._start = context.clock.now_utc().timestamp()

    def check_before(self, context: Context) -> Finding | None:
        """Look before the cause; return a finding if the effect is there already.

        Raises:
            GreenlightError: AWS refused or did not answer.
        """
        if not self._see.has_state:
            return None  # messages, lines and executions have a time, and those from before the cause do not count
        try:
            evidence = self._look(context)
        except KeyError:
            return None  # only the response to the cause has its key
        except DuplicateKeyError:
            return None  # such an effect passes nothing, neither now nor after the cause
        if not all(item.passed for item in evidence):
            return None
        advice = "let its key depend on a value that is unique"
        if self._see.metric:
            advice = "use dimensions that only the cause has"
        return inconclusive(f"the effect was there before the cause; {advice}")

    def check_effect(self, context: Context, timing: Timing) -> Finding:
        """Run the cause and look for its effect; every error becomes a finding, so that the clean-up runs."""
        try:
            return self._cause_and_look(context, timing)
        except (NoAnswerError, NoResultError) as problem:
            return failed(f"the cause got no answer: {problem}")
        except DuplicateKeyError as problem:
            return failed(f"the effect {problem}")
        except (ExpectationError, GreenlightError) as problem:
            return error(str(problem))
        except KeyError as problem:
            return error(f"${{{problem.args[0]}}} was not in the response to the cause")
        except Exception as problem:  # noqa: BLE001 - the clean-up must run in any case
            return error(f"the effect could not be looked for: {type(problem).__name__}: {problem}")

    def clean_up(self, steps: Sequence[CleanUp], finding: Finding, context: Context) -> Finding:
        """Run all steps; return the finding, or one that also names the steps that failed."""
        failures = [failure for step in steps if (failure := step.run(context, self._captured)) is not None]
        if not failures:
            return finding
        message = f"cleaning up failed: {failures[0].actual}"
        if finding.outcome is not Outcome.PASS:
            message = f"{finding.message}; {message}"
        make_finding = failed if finding.outcome is Outcome.FAIL else error
        return make_finding(message, *finding.evidence, *failures)

    def _cause_and_look(self, context: Context, timing: Timing) -> Finding:
        evidence = self._cause.run(context, self._captured, self._sources)
        if not all(item.passed for item in evidence):
            return finding_from(evidence, "")
        end_s = max(0.0, context.remaining_s() - timing.within_s)
        while True:
            look = self._look(context)
            elapsed = f"{context.clock.now_utc().timestamp() - self._start:.1f} s after the cause began"
            if all(item.passed for item in look):
                return finding_from([*evidence, *look], f"the effect was seen {elapsed}")
            is_last = context.remaining_s() - timing.interval_s <= end_s
            if is_last or not context.sleep(timing.interval_s):
                finding = finding_from([*evidence, *look], "")
                return msgspec.structs.replace(finding, message=f"{finding.message}; {elapsed}")

    def _look(self, context: Context) -> list[Evidence]:
        return self._see.look(self._expect, context, self._captured, self._start)
