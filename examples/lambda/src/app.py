"""A Lambda function that prices orders, for rehearsals.

Environment: RELEASE names the release; BROKEN=true multiplies its prices by a hundred; DEGRADES=20 makes each execution
environment fail after 20 calls.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

PRICES = {"A1": 40, "B2": 320}
CALLS = itertools.count(1)


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Return the price of an order: {"sku": "A1", "count": 3}."""
    if next(CALLS) > int(os.environ.get("DEGRADES", "1000000000")):
        raise RuntimeError("no database connection left")
    sku, count = event.get("sku", "A1"), int(event.get("count", 1))
    if sku not in PRICES:
        raise ValueError(f"there is no article {sku}")
    cents = PRICES[sku] * count
    if os.environ.get("BROKEN") == "true":
        cents *= 100
    return {"sku": sku, "count": count, "cents": cents, "release": os.environ.get("RELEASE", "1")}
