"""Secrets taken out of everything that leaves the process: by value, at one place. Pure.

A secret is found as it is and in the forms it takes on its way: URL-encoded, in base64, inside JSON text.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"
MIN_LENGTH = 4
"""Shorter values are not searched for: masking every `1` would hide the report, not the secret."""


class Redactor:
    """Replaces known secret values by `***` in texts and in trees of plain data."""

    def __init__(self, values: Iterable[str]) -> None:
        """Prepare for `values`; the longest form is replaced first, so that no rest of one remains."""
        forms = {form for value in values if len(value) >= MIN_LENGTH for form in _forms(value)}
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Give `text` without secrets."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def data(self, data: Any) -> Any:
        """Give a copy of JSON-like `data`, keys included, without secrets."""
        if not self._forms:
            return data
        if isinstance(data, str):
            return self.text(data)
        if isinstance(data, dict):
            return {self.text(key) if isinstance(key, str) else key: self.data(value) for key, value in data.items()}
        return [self.data(value) for value in data] if isinstance(data, (list, tuple)) else data


def _forms(value: str) -> set[str]:
    raw = value.encode()
    # The secret inside a longer base64 text (user:secret) shows in one of three alignments; their inner parts are constant.
    aligned = {
        base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 :].rstrip(b"=")[: -1 if len(raw) > 6 else None]
        for shift in range(3)
    }
    return {
        value,
        urllib.parse.quote(value, safe=""),
        urllib.parse.quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        raw.hex(),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        *(text.decode() for text in aligned if len(text) >= 8),
    }
