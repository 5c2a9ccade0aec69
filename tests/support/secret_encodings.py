"""Encodings in which a secret may appear in a text."""

from __future__ import annotations

import base64
import html
import html.entities
import json
import re
import urllib.parse
from typing import TYPE_CHECKING
from xml.sax import saxutils

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = html.entities.codepoint2name | {ord("'"): "apos"}


def escape_in_json(text: str) -> str:
    """Escape every character, as few encoders do and every decoder accepts."""
    raw = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{raw[index : index + 2].hex()}" for index in range(0, len(raw), 2))


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda s: s,
    "quoted": urllib.parse.quote,
    "quoted strictly": lambda s: urllib.parse.quote(s, safe=""),
    "quoted by requests": lambda s: urllib.parse.quote(s, safe="!#$%&'()*+,/:;=?@[]~"),
    "form": urllib.parse.quote_plus,
    "lower escapes": lambda s: re.sub("%..", lambda escape: escape[0].lower(), urllib.parse.quote(s, safe="")),
    "json": json.dumps,
    "json unescaped": lambda s: json.dumps(s, ensure_ascii=False),
    "json in json": lambda s: json.dumps(json.dumps({"token": s})),
    "repr": repr,
    "html": html.escape,
    "html, quotes kept": lambda s: html.escape(s, quote=False),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 for URLs": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "basic auth": lambda s: base64.b64encode(b"user:" + s.encode()).decode(),
    "basic auth, other name": lambda s: base64.b64encode(b"admin:" + s.encode()).decode(),
    "basic auth, third alignment": lambda s: base64.b64encode(b"root1:" + s.encode() + b":x").decode(),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
    "json of Go": lambda s: json.dumps(s).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
    "json of Gson": lambda s: json.dumps(s)[1:-1].replace("=", "\\u003d").replace("&", "\\u0026")
    .replace("'", "\\u0027").replace("<", "\\u003c").replace(">", "\\u003e"),
    "html of mustache": lambda s: html.escape(s).replace("&#x27;", "&#39;").replace("/", "&#x2F;")
    .replace("=", "&#x3D;"),
    "capitals": lambda s: s.upper() if len(s) >= 8 else s,
    "small letters": lambda s: s.lower() if len(s) >= 8 else s,
    "title case": lambda s: s.title() if len(s) >= 8 else s,
    "mixed case": lambda s: "".join(c.upper() if i % 3 else c.lower() for i, c in enumerate(s)) if len(s) >= 8 else s,
    "every byte": lambda s: "".join(f"%{byte:02X}" for byte in s.encode()),
    "every byte of latin-1": lambda s: "".join(f"%{byte:02x}" for byte in s.encode("latin-1"))
    if "€" not in s else s,
    "every character in JSON": lambda s: escape_in_json(s),
    "every character in JavaScript": lambda s: "".join(f"\\u{{{ord(c):x}}}" for c in s),
    "every character in Python": lambda s: "".join(f"\\U{ord(c):08x}" for c in s),
    "numeric entities": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "hexadecimal entities": lambda s: "".join(f"&#x{ord(c):X};" for c in s),
    "named entities": lambda s: "".join(f"&{NAMES[ord(c)]};" if ord(c) in NAMES else c for c in s),
    "XML": lambda s: saxutils.escape(s, {"'": "&apos;", '"': "&quot;"}),
    "quoted twice": lambda s: urllib.parse.quote(urllib.parse.quote(s, safe=""), safe=""),
    "HTML in HTML": lambda s: html.escape(html.escape(s)),
    "JSON in a URL": lambda s: urllib.parse.quote(json.dumps(s)[1:-1]),
    "JSON in JSON in HTML": lambda s: html.escape(json.dumps(json.dumps(s)[1:-1])[1:-1]),
    "base64 in a URL": lambda s: urllib.parse.quote(base64.b64encode(s.encode()).decode(), safe=""),
    "stripped": str.strip,
    "in one line": lambda s: " ".join(s.split()),
}  # fmt: skip
