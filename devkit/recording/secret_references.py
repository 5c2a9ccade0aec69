"""Secrets of recorded requests, which a plan contains only as references to Secrets Manager."""

from __future__ import annotations

import re
import urllib.parse
from typing import Any

from greenlight.core.redaction import is_secret_name

from ..lint import secrets
from .request import escape_references

_LIKE_A_KEY = re.compile(r"[A-Za-z0-9+/_=.-]{32,}")
_CREDENTIALS = re.compile(r"(?i)(bearer|basic|token|apikey) +(.+)", re.DOTALL)
_MEDIA_TYPE = re.compile(r"(application|audio|font|image|message|model|multipart|text|video)/[A-Za-z0-9.+-]+")
_MIN_LENGTH = 3
"""Secrets with fewer characters are not searched for in other texts, as almost every text contains them."""


class SecretReferences:
    """The secrets of all recorded requests, and the references that replace them.

    Attributes:
        keys: Secrets by their key in Secrets Manager.
    """

    def __init__(self, secret_name: str) -> None:
        """Refer to the secret `secret_name` of Secrets Manager."""
        self._secret_name = secret_name
        self.keys: dict[str, str] = {}
        self._values: set[str] = set()

    def replace_in_header(self, name: str, value: str) -> str:
        """Replace a secret in a header's value; the scheme of credentials stays."""
        if not self.is_secret(name, value):
            return escape_references(value)
        match = _CREDENTIALS.fullmatch(value.strip())
        if match:
            return f"{match[1]} {self.reference(name, match[2])}"
        return self.reference(name, value)

    def replace_in_data(self, value: Any, key: str = "") -> Any:
        """Replace all secrets in JSON-like data."""
        if isinstance(value, dict):
            return {escape_references(name): self.replace_in_data(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.replace_in_data(item, key) for item in value]
        if not isinstance(value, str):
            return value
        if value and self.is_secret(key, value):
            return self.reference(key or "body", value)
        return escape_references(value)

    def is_secret(self, key: str, value: str) -> bool:
        """Return whether a text is a secret, or contains one that was replaced elsewhere."""
        return is_sensitive(key, value) or self.contains_secret(value)

    def contains_secret(self, text: str) -> bool:
        """Return whether a text contains one of the secrets."""
        return any(secret in text for secret in self._values if len(secret) >= _MIN_LENGTH)

    def redact(self, text: str) -> str:
        """Replace the secrets in a message by ***."""
        for secret in sorted(self._values, key=len, reverse=True):
            if len(secret) >= _MIN_LENGTH:
                text = text.replace(urllib.parse.quote(secret, safe=""), "***").replace(secret, "***")
        return text

    def reference(self, name: str, value: str) -> str:
        """Return the reference to the secret `value`, with a key derived from `name`."""
        base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "value"
        candidates = [base, *(f"{base}-{number}" for number in range(2, 100))]
        key = next((key for key in candidates if self.keys.setdefault(key, value) == value), base)
        self._values.add(value)
        return f"${{secret:secretsmanager:{self._secret_name}#{key}}}"


def is_sensitive(key: str, value: str) -> bool:
    """Return whether a text is a secret by its key or by its form; in doubt it is one."""
    is_key = _LIKE_A_KEY.fullmatch(value) and not _MEDIA_TYPE.fullmatch(value)
    return bool(is_secret_name(key) or secrets.secret_form(value) or is_key)
