"""Building blocks of effects: a choice of one kind, captured values, and texts as data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from greenlight.api import (
    DuplicateKeyError,
    InvalidJsonError,
    Params,
    decode_json,
    describe_gap,
    substitute_captures,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_Part = TypeVar("_Part")

CLOCK_SKEW_S = 1.0
"""Tolerance for clocks of AWS that are behind this one; an item older than that was there before the cause."""

Marker = Annotated[str, msgspec.Meta(min_length=1)]
"""Text that identifies the effect of this cause; an empty text would be in every effect."""


class Place(Params, frozen=True, kw_only=True):
    """A place where an effect appears."""

    def gap(self, effect: Any, query: str) -> str:
        """Return why the absence of a query's result shows nothing; "" if it shows something.

        A text that is not JSON has no fields at all.
        """
        if gap := describe_gap(query, effect):
            return "the text is not JSON" if isinstance(effect, str) else gap
        texts = [key for key, value in effect.items() if isinstance(value, str)] if isinstance(effect, dict) else []
        key = next((key for key in texts if re.search(rf"\b{re.escape(key)}\b\"?\s*[.\[]", query)), "")
        return f"{key} is a text that is not JSON" if key else ""


class OneOf(Params, frozen=True, kw_only=True):
    """Parameters exactly one of which is set; `expect` does not count."""

    def __post_init__(self) -> None:
        """Reject none or several."""
        provided = self._provided()
        if len(provided) != 1:
            names = ", ".join(self._kinds())
            raise ValueError(f"exactly one of {names} is required, and this has {', '.join(provided) or 'none'}")

    @property
    def kind(self) -> str:
        """The name of the parameter that is set."""
        return self._provided()[0]

    @property
    def chosen(self) -> Any:
        """The value of the parameter that is set."""
        return getattr(self, self.kind)

    def _kinds(self) -> list[str]:
        return [name for name in self.__struct_fields__ if name != "expect"]

    def _provided(self) -> list[str]:
        return [name for name in self._kinds() if getattr(self, name) is not None]


def fill(part: _Part, captured: Mapping[str, Any] | None) -> _Part:
    """Replace references to captured values in a part of the parameters.

    Raises:
        KeyError: A name that was not captured.
    """
    plain = substitute_captures(msgspec.to_builtins(part), captured)
    return msgspec.convert(plain, type(part))


def to_data(text: str) -> Any:
    """Parse a JSON text; return any other text as it is.

    Raises:
        DuplicateKeyError: An object of the JSON text has a key twice.
    """
    try:
        return decode_json(text)
    except DuplicateKeyError:
        raise
    except InvalidJsonError:
        return text
