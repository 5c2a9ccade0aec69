"""Campaign of attacks: each case follows from the seed and its number, so that one can be run again alone."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.attacks import clouds, echoes, greens, plans

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.attacks.attack import Attack

FAMILIES: dict[str, tuple[Callable[[random.Random], Attack], int]] = {
    "illegal framing": (greens.illegal_framing, 20),
    "endless answers": (greens.endless_answer, 7),
    "hostile bodies": (greens.hostile_body, 13),
    "redirects": (greens.redirect, 9),
    "redirects to blue": (greens.redirect_to_blue, 1),
    "broken frames": (greens.broken_frames, 5),
    "echoed secrets": (echoes.echoed_secret, 20),
    "hostile plans": (plans.hostile_plan, 8),
    "mutated plans": (plans.mutated_plan, 6),
    "foreign includes": (plans.foreign_include, 3),
    "answers of AWS": (clouds.hostile_answer, 5),
    "discovery": (clouds.hostile_discovery, 3),
}
"""Families with their share of the cases in percent."""


def build_attack(seed: int, number: int, only: str = "") -> tuple[str, Attack]:
    """Return the family and the attack of a number."""
    rng = random.Random(f"{seed} {number}")
    family = only or rng.choices(tuple(FAMILIES), [share for _, share in FAMILIES.values()])[0]
    return family, FAMILIES[family][0](rng)
