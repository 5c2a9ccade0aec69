"""Base class of the immutable data that flows from event to answer."""

from __future__ import annotations

import msgspec


class FrozenStruct(msgspec.Struct, frozen=True, omit_defaults=False, kw_only=True):
    """Base struct: immutable, keyword-only, every field in the output."""
