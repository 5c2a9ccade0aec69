"""Greens that repeat the secrets of a request in any form, in any place, whole or cut."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING, Any

from tests.attacks.attack import ANY_CAUSE, Attack, plan_of
from tests.support.secret_encodings import ENCODINGS
from tests.support.wire import answer

if TYPE_CHECKING:
    import random

    from tests.support.wire import Peer, Script

FORMS = {name: encode for name, encode in ENCODINGS.items() if "auth" not in name}
PLACES = ("body", "json value", "json key", "header", "reason", "location", "cookie", "html", "error", "data")
REFERENCE = "${secret:ssm:/canary}"
LIMITS = (0, 60, 100, 160, 200, 300, 400, 600, 1000, 5000)
"""Lengths at which texts are cut on their way into a report."""


def secret_of(rng: random.Random) -> str:
    """Return a secret as people have them: a token, a passphrase, a password with signs, one beyond ASCII."""
    letters = string.ascii_letters + string.digits
    token = "".join(rng.choice(letters) for _ in range(rng.randrange(16, 48)))
    words = " ".join("".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randrange(4, 9))) for _ in range(4))
    signs = "".join(rng.choice(letters + "+/='\"<>&%!?*:;,.-_$#@ ") for _ in range(20)).strip() + "aA"
    beyond = f"P\u00e4ssw\u00f6rd-{token[:12]}-\u00fc\u00df"
    return rng.choice((token, words, signs, beyond))


def echoed_secret(rng: random.Random) -> Attack:
    """Return a green that repeats the secret that it was sent."""
    secret = secret_of(rng)
    form, place = rng.choice(tuple(FORMS)), rng.choice(PLACES)
    text = FORMS[form](secret)
    cut = rng.random() < 0.3
    if cut:
        text = text[: len(text) * 2 // 3]
    padding = "p" * max(0, rng.choice(LIMITS) - rng.randrange(0, len(text) + 20))
    name, params = rng.choice(VALIDATORS)
    filled = json.loads(json.dumps(params).replace("SECRET", REFERENCE))
    check = {"name": "c", "timeout": "900ms", name: filled}
    title = f"{form}{', cut' if cut else ''} in {place}, {name}"
    script = _repeat(place, padding + text)
    return Attack(title, plan_of(check), script, script, ANY_CAUSE, secrets={"ssm:/canary": secret})


def _repeat(place: str, text: str) -> Script:
    body: Any = "no"
    line = "".join(c for c in text if c.isprintable()).encode("latin-1", "replace").decode("latin-1")
    headers, reason = ["content-type: application/json"], "Internal"
    if place in ("header", "location", "cookie"):
        headers.append({"header": "x-seen: ", "location": "location: /", "cookie": "set-cookie: a="}[place] + line)
    elif place == "reason":
        reason = line
    else:
        bodies = {
            "json value": {"seen": text, "deep": [{"a": [text]}]},
            "json key": {text: 1},
            "error": {"errors": [{"message": text}], "data": None},
            "data": {"data": {"seen": text}, "seen": text},
        }
        body = bodies.get(place, f"<html><body class='{text}'>{text}</body>" if place == "html" else text)
    data = answer(500, body.encode() if isinstance(body, str) else json.dumps(body).encode(), *headers)
    data = data.replace(b" 500 ", b" 500 " + reason.encode("latin-1") + b" ", 1) if place == "reason" else data

    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(data)

    return script


VALIDATORS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("http", {"get": "/", "headers": {"x-key": "SECRET"}, "expect": {"status": 200}}),
    ("http", {"get": "/", "headers": {"x-key": "SECRET"}, "expect": {"json": {"seen": "x"}}}),
    ("http", {"get": "/", "headers": {"x-key": "SECRET"}, "expect": {"body": "x"}}),
    ("http", {"get": "/?key=SECRET", "expect": {"body": {"filters": ["lower"], "eq": "x"}}}),
    ("http", {"get": "/", "headers": {"x-key": "SECRET"}, "expect": {"headers": {"x-seen": "x"}, "reason": "OK"}}),
    ("http", {"get": "/", "basic": {"user": "u", "password": "SECRET"}, "expect": {"cookies": {"a": {"value": "x"}}}}),
    ("http", {"post": "/", "body": {"json": "SECRET"}, "expect": {"json": {"seen": {"length": 1}}}}),
    ("http", {"post": "/", "body": {"text": "SECRET"}, "expect": {"bytes": "00", "html": {"body": "x"}}}),
    ("http", {"get": "/", "redirects": 2, "headers": {"x-key": "SECRET"}, "expect": {"url": "x", "hops": []}}),
    ("graphql", {"query": "{a}", "headers": {"x-key": "SECRET"}, "expect": {"data": {"seen": "x"}}}),
    ("load", {"paths": ["/?key=SECRET"], "requests": 2, "minimum_samples": 1, "warm_up": 0}),
    ("serves_green", {"get": "/", "send": {"x-key": "SECRET"}, "json": {"seen": "x"}, "interval": "1ms", "samples": 2}),
    ("openapi", {"headers": {"x-key": "SECRET"}}),
    ("compare", {"requests": [{"get": "/", "headers": {"x-key": "SECRET"}}]}),
    ("websocket", {"headers": {"x-key": "SECRET"}}),
    ("grpc_health", {"metadata": {"x-key": "SECRET"}}),
)
