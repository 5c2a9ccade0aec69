"""A Lambda function that prices orders, for rehearsals.

Environment: RELEASE names the release; BROKEN=true multiplies its prices by a hundred.
"""

from __future__ import annotations

import os
from typing import Any

PRICES = {"A1": 40, "B2": 320}


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Return the price of an order: {"sku": "A1", "count": 3}."""
    sku, count = event.get("sku", "A1"), int(event.get("count", 1))
    if sku not in PRICES:
        raise ValueError(f"there is no article {sku}")
    cents = PRICES[sku] * count
    if os.environ.get("BROKEN") == "true":
        cents *= 100
    return {"sku": sku, "count": count, "cents": cents, "release": os.environ.get("RELEASE", "1")}
