"""One random situation: deployment, green, listener and AWS, and the record of who answered whom."""

from __future__ import annotations

import dataclasses
import random
import threading
from typing import Any

ECS_STAGES = ("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic")
LAMBDA_STAGES = ("BeforeAllowTraffic", "AfterAllowTraffic")
GREENS = (
    *("good", "dead", "wrong status", "wrong body", "to blue", "to other", "to itself"),
    *("hanging", "illegal framing", "cut"),
)
"""Behaviours of green over HTTP."""

FUNCTIONS = ("good", "dead", "wrong body", "error", "other version", "hanging", "no version")
"""Behaviours of green's version of a function."""

LISTENERS = ("HTTP", "HTTPS", "TCP")
ACCOUNTS = ("healthy", "unhealthy", "empty", "throttled", "denied", "malformed")


@dataclasses.dataclass(frozen=True)
class Rule:
    """A rule of the test listener.

    Attributes:
        priority: As the load balancer orders rules.
        paths, hosts: Its patterns; empty for every path or host.
        header: Name and value that it requires; ("", "") for none.
        target: `green`, `blue`, `other`, `fixed` or `redirect`.
    """

    priority: int
    target: str
    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    header: tuple[str, str] = ("", "")


@dataclasses.dataclass(frozen=True)
class Answer:
    """An answer of green.

    Attributes:
        tag: The check that asked, by the tag in its request; "" for a connection, which has none.
        token: Mark of the address that a redirect leads to; "" for any other answer.
    """

    tag: str
    token: str = ""


class Record:
    """Record of green's answers, of redirects that were followed, and of green's data in AWS; for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: list[Answer] = []
        self._followed: set[str] = set()
        self._shown: set[str] = set()

    def add_answer(self, tag: str, token: str = "") -> None:
        """Add an answer of green."""
        with self._lock:
            self._answers.append(Answer(tag, token))

    def add_followed(self, token: str) -> None:
        """Add a redirect whose target was requested."""
        with self._lock:
            self._followed.add(token)

    def show(self, what_of_green: str) -> None:
        """Add data of green that AWS returned: `logs`, `metrics`, `traces` or `state`."""
        with self._lock:
            self._shown.add(what_of_green)

    def has_shown(self, what_of_green: str) -> bool:
        """Return whether AWS returned such data of green."""
        return what_of_green in self._shown

    def has_answered(self, tag: str) -> bool:
        """Return whether green gave an answer to a check that no redirect led away from."""
        return any(answer.tag == tag and answer.token not in self._followed for answer in self._answers)


@dataclasses.dataclass
class World:
    """The situation of one gate; `chance` decides what green does next."""

    number: int
    chance: random.Random
    platform: str
    stage: str
    green: str
    listener: str
    rules: tuple[Rule, ...]
    account: str
    names_itself: bool
    record: Record = dataclasses.field(default_factory=Record)
    notes: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def has_greens_listener(self) -> bool:
        """Whether a listener leads to green at this stage."""
        return self.platform == "ecs" and self.stage in ECS_STAGES[2:]


def make_world(number: int, chance: random.Random) -> World:
    """Return a random situation."""
    platform = chance.choice(("ecs", "ecs", "ecs", "lambda"))
    is_ecs = platform == "ecs"
    greens, stages = (GREENS, ECS_STAGES) if is_ecs else (FUNCTIONS, LAMBDA_STAGES)
    listener = chance.choices(LISTENERS, (5, 2, 3))[0]
    return World(
        number=number,
        chance=random.Random(chance.random()),
        platform=platform,
        stage=chance.choices(stages, (1, 1, 5, 3, 5) if is_ecs else (1, 1))[0],
        green=chance.choices(greens, (9, 3, *(2 for _ in greens[2:])))[0],
        listener=listener,
        rules=() if listener == "TCP" else tuple(_make_rules(chance)),
        account=chance.choices(ACCOUNTS, (10, 3, 2, 0.3, 2, 1))[0],
        names_itself=chance.random() < 0.7,
    )


def _make_rules(chance: random.Random) -> list[Rule]:
    """Return rules of which the last one leads to green."""
    own = Rule(
        priority=50,
        target="green",
        paths=("/t/*",) if chance.random() < 0.2 else (),
        hosts=("green.example",) if chance.random() < 0.2 else (),
        header=("x-side", "green") if chance.random() < 0.2 else ("", ""),
    )
    others = [
        Rule(
            priority=priority,
            target=chance.choice(("blue", "other", "fixed", "redirect")),
            paths=chance.choice((("*/health",), ("/t/*/a*",), ("*",), ("/elsewhere/*",))),
        )
        for priority in range(chance.choice((0, 0, 0, 1, 2)))
    ]
    default = Rule(priority=1000, target=chance.choice(("blue", "fixed", "redirect")))
    return [*others, own, default]
