"""Prices an order."""

from __future__ import annotations

from typing import Any

PRICES = {"A1": 2.5, "B2": 7.0}


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Give the total of one order."""
    return {"sku": event["sku"], "total": PRICES[event["sku"]] * event["quantity"]}
