"""Answers of both sides to all questions, as differences and times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from greenlight.api import GreenlightError, error, failed, find_differences, inconclusive, is_partial

from .sides import Answer, ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.api import Context, Difference, Finding

    from .sides import Question


class Samples:
    """Differences and times so far.

    Attributes:
        raw: For each question, the differences between blue and green.
        noise: For each question, the differences between blue and blue.
        blue_ms, green_ms: Times of the answers.
        has_working_answer: Whether blue answered any question with less than 400.
        is_cut: Whether a pair has so many differences or levels that a part of it was not compared.
    """

    def __init__(self, ignore: Sequence[str]) -> None:
        """Start without samples; the places in `ignore` may differ."""
        self._ignore = ignore
        self.raw: list[list[Difference]] = []
        self.noise: list[list[Difference]] = []
        self.blue_ms: list[float] = []
        self.green_ms: list[float] = []
        self.has_working_answer = False
        self.is_cut = False

    @property
    def count(self) -> int:
        """Number of questions so far."""
        return len(self.raw)

    def add(self, question: Question, context: Context) -> Finding | None:
        """Ask blue, green and blue again; return a finding if that is not a comparison."""
        try:
            answers = _ask_blue_green_blue(question, context)
        except GreenlightError as problem:
            return error(f"{question.name}: {problem}")
        if not isinstance(answers, tuple):
            return answers
        first, green, second = answers
        self.raw.append(self._differences(question, first, green))
        self.noise.append(self._differences(question, first, second))
        self.blue_ms += [first.latency_ms, second.latency_ms]
        self.green_ms.append(green.latency_ms)
        self.has_working_answer |= first.status < 400
        return None

    def _differences(self, question: Question, blue: Answer, other: Answer) -> list[Difference]:
        """Return the differences of a pair, each place prefixed with the question's name."""
        differences = find_differences(blue.data, other.data, ignore=self._ignore)
        self.is_cut |= is_partial(differences)
        return [msgspec.structs.replace(item, path=f"{question.name} {item.path}") for item in differences]


def _ask_blue_green_blue(question: Question, context: Context) -> tuple[Answer, Answer, Answer] | Finding:
    """Ask blue, green and blue; stop early if there is nothing to compare, to save time."""
    first = ask(question, "blue", context)
    if isinstance(first, str):
        return inconclusive(f"blue does not answer {question.name}, so there is nothing to compare: {first}")
    if first.status >= 500:
        return inconclusive(
            f"blue itself answers {question.name} with status {first.status}, so there is nothing to compare with"
        )
    green = ask(question, "green", context)
    if isinstance(green, str):
        return failed(f"blue answers {question.name} and green does not: {green}")
    second = ask(question, "blue", context)
    if isinstance(second, str):
        return inconclusive(f"blue answers {question.name} only sometimes: {second}")
    return first, green, second
