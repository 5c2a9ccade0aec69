"""Encodings in which a secret can appear in a text, by name."""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.parse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: secret,
    "quoted": urllib.parse.quote,
    "quoted strictly": lambda secret: urllib.parse.quote(secret, safe=""),
    "quoted by requests": lambda secret: urllib.parse.quote(secret, safe="!#$%&'()*+,/:;=?@[]~"),
    "form": urllib.parse.quote_plus,
    "lower escapes": lambda secret: re.sub(
        "%..", lambda escape: escape[0].lower(), urllib.parse.quote(secret, safe="")
    ),
    "json": json.dumps,
    "json unescaped": lambda secret: json.dumps(secret, ensure_ascii=False),
    "json in json": lambda secret: json.dumps(json.dumps({"token": secret})),
    "repr": repr,
    "html": html.escape,
    "html, quotes kept": lambda secret: html.escape(secret, quote=False),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "basic auth": lambda secret: base64.b64encode(b"user:" + secret.encode()).decode(),
    "basic auth, other name": lambda secret: base64.b64encode(b"admin:" + secret.encode()).decode(),
    "basic auth, third alignment": lambda secret: base64.b64encode(b"root1:" + secret.encode() + b":x").decode(),
    "hex": lambda secret: secret.encode().hex(),
    "HEX": lambda secret: secret.encode().hex().upper(),
    "json of Go": lambda secret: json.dumps(secret).replace("<", "\\u003c").replace(">", "\\u003e")
    .replace("&", "\\u0026"),
    "json of Gson": lambda secret: json.dumps(secret)[1:-1].replace("=", "\\u003d").replace("&", "\\u0026")
    .replace("'", "\\u0027").replace("<", "\\u003c").replace(">", "\\u003e"),
    "html of mustache": lambda secret: html.escape(secret).replace("&#x27;", "&#39;").replace("/", "&#x2F;")
    .replace("=", "&#x3D;"),
    "capitals": lambda secret: secret.upper() if len(secret) >= 8 else secret,
    "small letters": lambda secret: secret.lower() if len(secret) >= 8 else secret,
    "stripped": str.strip,
    "in one line": lambda secret: " ".join(secret.split()),
}  # fmt: skip
