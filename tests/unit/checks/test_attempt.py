"""One attempt always ends with a finding that can be sent."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace

from greenlight.api import Context, Params, failed, passed, validator
from greenlight.checks.binding import Bound
from greenlight.core.errors import UnreachableError
from greenlight.core.finding import (
    Evidence,
    Finding,
    Outcome,
    Series,
)
from greenlight.plan.model import Check
from tests.support.check_run import ECS, Run, check, good, retried

if TYPE_CHECKING:
    pass


class EvilError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


class EvilExit(BaseException):
    """Neither an Exception nor one of Python's own."""


class Evil:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (ValueError("bad\n  value"), "the validator raised ValueError: bad value"),
        (SystemExit(0), "the validator raised SystemExit: 0"),
        (KeyboardInterrupt(), "the validator raised KeyboardInterrupt: "),
        (GeneratorExit(), "the validator raised GeneratorExit: "),
        (MemoryError(), "the validator raised MemoryError: "),
        (RecursionError("deep"), "the validator raised RecursionError: deep"),
        (EvilExit("x"), "the validator raised EvilExit: x"),
        (EvilError(), "the validator raised EvilError: (it cannot be shown)"),
        (StopIteration(), "the validator raised StopIteration: "),
        (UnreachableError("no route"), "no route"),
    ],
)
def test_any_exception_of_a_validator_is_an_error_of_its_check(raised: BaseException, message: str) -> None:
    def raising(_context: Context) -> Finding:
        raise raised

    run = Run(check("bad", raising, timeout_s=20), check("good", good))
    assert run.outcomes() == ["ERROR", "PASS"]
    assert (run.by_name["bad"].message, run.by_name["bad"].validator) == (message, "stub")
    assert run.took_s < 10


def test_memory_of_a_validator_is_released_before_its_error_is_described() -> None:
    class Heap: ...

    class FullError(Exception):
        def __str__(self) -> str:
            return f"{len(kept)} heaps are left"

    kept: weakref.WeakSet[Heap] = weakref.WeakSet()

    def raising(_context: Context) -> Finding:
        heap = Heap()
        kept.add(heap)
        raise FullError

    assert Run(check("full", raising)).by_name["full"].message.endswith("0 heaps are left")


@pytest.mark.parametrize(
    "given",
    [
        None,
        True,
        "PASS",
        Outcome.PASS,
        {"outcome": "PASS", "message": "fine"},
        [passed("fine")],
        float("nan"),
        Finding,
        Finding(outcome="PASSED", message="a word of its own"),  # type: ignore[arg-type]
        Finding(outcome=True, message="truthy"),  # type: ignore[arg-type]
        Finding(outcome=None, message=""),  # type: ignore[arg-type]
        Finding(outcome=Outcome.PASS, message=None),  # type: ignore[arg-type]
        Finding(outcome=Outcome.PASS, message="fine", evidence=None),  # type: ignore[arg-type]
        Finding(outcome=Outcome.PASS, message="fine", evidence=("text",)),  # type: ignore[arg-type]
        Finding(outcome=Outcome.PASS, message="fine", evidence=(Evidence(query="q", passed="yes"),)),  # type: ignore[arg-type]
        Finding(outcome=Outcome.PASS, message="lone \ud800"),
        Finding(outcome=Outcome.PASS, message="fine", cause="NO SUCH"),  # type: ignore[arg-type]
        Finding(outcome=Outcome.PASS, message="fine", evidence=(Evidence(query="q", actual=Evil()),)),
    ],
)
def test_malformed_finding_is_an_error(given: Any) -> None:
    run = Run(check("bad", lambda _: given, timeout_s=20), check("good", good))
    assert run.outcomes() == ["ERROR", "PASS"]
    assert run.by_name["bad"].message.startswith("the validator returned ")
    assert run.took_s < 10


def test_evidence_with_any_object_can_be_encoded() -> None:
    given = Finding(
        outcome=Outcome.PASS,
        message="fine",
        evidence=(Evidence(query="q", actual={1, 2}, expected=object, passed=True),),
    )
    (finding,) = Run(check("c", lambda _: given)).findings
    assert (finding.outcome, finding.evidence[0].actual) == (Outcome.PASS, [1, 2])
    msgspec.json.encode(finding)


def test_only_a_plan_can_skip_a_check() -> None:
    (finding,) = Run(check("c", lambda _: Finding(outcome=Outcome.SKIPPED, message="not today"))).findings
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.message.endswith("only a plan may skip a check: not today")


class Names(Params, frozen=True, kw_only=True):
    """Names to look at."""

    names: list[str]
    below: dict[str, list[str]] = {}


def test_change_of_parameters_by_one_attempt_does_not_reach_the_next() -> None:
    @validator(Names)
    def stub(params: Names, _context: Context) -> Finding:
        """Look at every name, and at none twice."""
        wrong = [params.names.pop() for _ in range(len(params.names))] + params.below.pop("more", [])
        return failed(f"{wrong} are wrong") if wrong else passed("nothing is wrong")

    named = Check(name="c", validator="stub", params={}, retry=retried(3))
    (finding,) = Run(Bound(named, stub, Names(names=["a"], below={"more": ["b"]}))).findings
    assert (finding.outcome, finding.attempts, finding.message) == (Outcome.FAIL, 3, "['a', 'b'] are wrong")


def test_change_of_the_context_by_one_attempt_does_not_reach_the_next() -> None:
    seen: list[int] = []

    def greedy(context: Context) -> Finding:
        seen.append(id(context))
        context.deployment = None  # type: ignore[assignment]
        return failed("again")

    run = Run(check("c", greedy, retry=retried(2)), check("good", lambda context: passed(context.deployment.id)))
    assert len(seen) == 2
    assert run.by_name["good"].message == ECS.id


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1", None])
def test_series_without_finite_numbers_is_an_error_of_its_check(value: Any) -> None:
    run = Run(check("plotted", lambda _: replace(passed("seen"), series=(Series(name="n", values=(value,)),))))

    assert run.outcomes() == ["ERROR"]
