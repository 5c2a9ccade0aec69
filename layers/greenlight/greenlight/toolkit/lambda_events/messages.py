"""Messages and records as plans write them; data that is not text becomes JSON."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

Items = Annotated[list[Any], msgspec.Meta(min_length=1, max_length=100)]
