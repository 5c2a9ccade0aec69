"""Values of a response that later requests of a check use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.api import MISSING, capture_value, is_sensitive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenlight.api import Context, Response


def capture_values(
    sources: Mapping[str, str],
    response: Response,
    captured: dict[str, Any],
    context: Context,
    namespaces: Mapping[str, str] | None = None,
) -> list[str]:
    """Store values of a response in `captured`, and hide those that are sensitive.

    Returns:
        The names without a value.
    """
    missing = []
    for name, source in sources.items():
        value = capture_value(source, response, namespaces)
        if value is MISSING:
            missing.append(name)
            continue
        captured[name] = value
        if is_sensitive(name, source):
            context.add_secret(value)
    return missing
