"""Hostile plans: bombs, patterns that never end, texts that speak to terminals and pages, mutated plans."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.attacks.attack import ANY_CAUSE, STAGE, Attack, plan_of
from tests.support.wire import answer

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.support.wire import Peer

CANARY = "canary-of-a-secret-that-is-no-plan"
"""Part of every text that is stored outside of the places of plans."""

FOREIGN_TEXT = f"version: 1\nchecks: [{{name: {CANARY}, http: 1}}]\npassword: {CANARY}\n"
"""An object outside of the bucket of plans."""

SPEAKING = "\x1b[2J\x1b]0;title\x07</script><script>alert(1)</script>\r\n::error::x\n##[error]x\u202e\u0000 @everyone"
PLAN = """\
version: 1
variables: {path: /health, word: ok}
environments: {default: {variables: {path: /up}}}
stages:
  AfterAllowTestTraffic:
    bake: 1ms
    checks:
      - name: green is well
        tags: [quick]
        severity: required-with-override
        timeout: 900ms
        retry: {attempts: 2, interval: 1ms, on: [fail, error]}
        http:
          get: "${path}"
          headers: {x-a: "1"}
          expect: {status: 200, json: {status: {eq: "${word}"}}, latency: {lte: 1s}}
      - name: "row"
        needs: [green is well]
        each: [{n: 1}, {n: 2}]
        graphql: {path: "/${each.n}", query: "{a}", expect: {data: {a: {gt: 0}}}}
"""


def _refuse(peer: Peer) -> None:
    while True:
        peer.request()
        peer.send(answer(500, b"a" * 3000 + b"!", "content-type: text/plain"))


def hostile_plan(rng: random.Random) -> Attack:
    """Return a plan that costs time or memory, or that speaks to the readers of reports."""
    form = rng.choice(tuple(PLANS))
    return Attack(f"plan: {form}", PLANS[form](rng), _refuse, causes=ANY_CAUSE)


def mutated_plan(rng: random.Random) -> Attack:
    """Return a good plan with random changes; nothing listens at green, so no change makes it pass."""
    text = PLAN
    for _ in range(rng.randrange(1, 6)):
        text = rng.choice(_MUTATIONS)(rng, text)
    return Attack("mutated plan", text, None, causes=ANY_CAUSE)


def foreign_include(rng: random.Random) -> Attack:
    """Return a plan that includes a text from outside of the places of plans."""
    uri = rng.choice(
        (
            "ssm:/shop/secret",
            "ssm:/greenlight/plans/../../shop/secret",
            "ssm:shop/secret",
            "ssm:/greenlight/plansx",
            "s3://foreign/secret.yaml",
            "file:/etc/passwd",
            "file:../../../etc/passwd",
            "file:///etc/hostname",
            "http://169.254.169.254/",
            "secretsmanager:shop",
            "ssm:/greenlight/plans/secure",
            "s3://foreign/",
            "s3:///x",
            "",
            "file:",
            "\0",
        )
    )
    secret = rng.choice(
        (
            f"!{CANARY} x",
            f"version: '{CANARY}'",
            f"{CANARY}: 1",
            f"- {CANARY}",
            f"{CANARY}",
            f"version: 1\nchecks: [{CANARY}]",
            f"version: 1\nchecks: []\n{CANARY}: x",
            f'{{"password": "{CANARY}"}}',
            f"version: 1\nchecks: [{{name: {CANARY}}}]",
            f"&a {CANARY}: *a",
        )
    )
    check = {"name": "c", "http": {"get": "/", "expect": {"status": 200}}}
    plan = json.dumps({"version": 1, "stages": {STAGE: {"include": [{"uri": uri}], "checks": [check]}}})
    parameter = {"Parameter": {"Name": "/x", "Value": secret, "Type": "SecureString", "Version": 1}}
    aws = {"ssm.get_parameter": parameter}
    return Attack(f"include {uri!r}", plan, _refuse, causes=ANY_CAUSE, canaries=(CANARY, "root:x:0"), aws=aws)


def _expecting(expect: dict[str, Any], **more: Any) -> str:
    """Return a plan whose check expects a status that the server does not have, and something hostile."""
    request = {"get": "/", "expect": {"status": 200, **expect}}
    return plan_of({"name": "c", "timeout": "900ms", "http": request}, **more)


def _pattern(rng: random.Random) -> str:
    pattern = rng.choice(
        (
            "(a+)+$",
            "(a|a)*$",
            "(a|aa)+$",
            "([a-z]+)*x$",
            "(?R)",
            "(a|(?R))+",
            "(.*)*b",
            "(a*)*\\1*b",
            "(?:a{1,900}){1,900}b",
            "^(a?){200}a{200}$",
            "(?<=a+)b(?=a+)",
            "a" * 5000,
            "(" * 300 + "a" + ")" * 300,
            "[",
            "(?P<n>a)(?P=m)",
            "\\p{L}+$",
            "(?:(?:a*)*)*b",
            "(?e)(aaaa){e<=9}b",
        )
    )
    predicate = rng.choice(("matches", "matches", "every", "filters"))
    shapes = {
        "matches": {"matches": pattern},
        "every": {"every": {"matches": pattern}},
        "filters": {"filters": [{"replace": [pattern, "x"]}], "eq": "x"},
    }
    return _expecting({"body": shapes[predicate]})


def _query(rng: random.Random) -> str:
    query = rng.choice(
        (
            "[" * 300 + "a" + "]" * 300,
            "a" + ".a" * 5000,
            "map(&map(&@, @), @)",
            "sort_by(@, &@)",
            "join(',', @)",
            "a || " * 2000 + "a",
            "*" + ".*" * 200,
            "to_string(" * 100 + "a" + ")" * 100,
            "@" + "[]" * 300,
            "\0",
            "reverse(@)",
            "max_by(@, &x)",
            "a[?" * 50 + "a" + "]" * 50,
        )
    )
    kind = rng.choice(("json", "xml", "html"))
    xpath = rng.choice(
        (
            "//*[count(//*)>count(//*//*)]",
            "(" * 400 + "//a" + ")" * 400,
            "//a" + "/.." * 2000,
            "string-length(//*//*//*)",
            "document('x')",
        )
    )
    return _expecting({kind: {query if kind == "json" else xpath: "x"}})


def _variables(rng: random.Random) -> str:
    count = rng.choice((100, 5_000, 60_000))
    variables = {"v": "x" * rng.choice((10, 10_000, 400_000))}
    text = "${v}" * count
    shapes = (
        {"body": text},
        {"json": {text[:4000]: 1}},
        {"body": {"any_of": [text[:40_000]] * 20}},
    )
    return _expecting(rng.choice(shapes), variables=variables)


def _chain(rng: random.Random) -> str:
    variables = {f"v{number}": f"${{v{number + 1}}}" * 10 for number in range(rng.choice((3, 9, 40)))}
    return _expecting({"body": "${v0}"}, variables={**variables, "v40": "x"})


def _aliases(rng: random.Random) -> str:
    lines = ["version: 1", "a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, rng.choice((3, 9, 30)))]
    return "\n".join([*lines, "stages: {AfterAllowTestTraffic: {checks: *a0}}"])


def _nested(rng: random.Random) -> str:
    depth = rng.choice((50, 1_000, 100_000))
    opening, closing = rng.choice((("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")))
    return f"version: 1\nstages: {opening * depth}1{closing * depth}"


def _text(rng: random.Random) -> str:
    return rng.choice(
        (
            "",
            "\0",
            "\ufeff" + PLAN,
            PLAN.encode("utf-16").decode("latin-1"),
            "---\n---\n",
            "%YAML 9.9\n---\n",
            "!!python/object/apply:os.system ['id']",
            "version: 1\n<<: {stages: 1}",
            "version: 1\nversion: 1",
            PLAN.replace("1", "0o17"),
            PLAN.replace("900ms", "9e99s"),
            "x" * 1_500_000,
            "[" + "1," * 400_000 + "]",
            PLAN.replace("\n", "\r"),
            PLAN.replace("  ", "\t"),
            "version: .inf",
            "version: " + "9" * 6000,
            "stages: !!set {a}",
            "a: &a\n  b: *a",
            PLAN + "\n...\n" + PLAN,
            PLAN.replace("200", "1:30:00"),
            "? [a]\n: 1",
            "{}",
            "null",
            "version: 1.0",
            "- " * 20_000,
            "\u2028version: 1",
            PLAN.replace("green is well", "x" * 100_000),
        )
    )


def _rows(rng: random.Random) -> str:
    rows = [{"n": "x" * rng.choice((1, 1000))}] * rng.choice((10, 1_000, 30_000))
    check = {"name": "row", "each": rows, "http": {"get": "/${each.n}", "expect": {"status": 200}}}
    return plan_of(check)


def _speaking(rng: random.Random) -> str:
    text = rng.choice(
        (SPEAKING, SPEAKING[::-1], "\u202e" * 50, "![x](javascript:1)|`<img src=x onerror=1>`", "${x}", "%s%n{0}")
    )
    shapes: tuple[Callable[[], str], ...] = (
        lambda: plan_of({"name": text, "http": {"get": "/", "expect": {"status": 200}}}),
        lambda: plan_of({"name": "c", "http": {"get": f"/{text}", "expect": {"status": 200}}}),
        lambda: plan_of({"name": "c", "http": {"get": "/", "headers": {"x": text}, "expect": {"status": 200}}}),
        lambda: plan_of({"name": "c", "http": {"get": "/", "headers": {text: "x"}, "expect": {"status": 200}}}),
        lambda: plan_of({"name": "c", "http": {"get": "/", "expect": {"body": text}}}),
        lambda: plan_of({"name": "c", text: {}}),
        lambda: plan_of({"name": "c", "http": {"get": "/", "expect": {"json": {text: 1}}}}),
        lambda: plan_of({"name": "c", "dns": {"name": text}}),
        lambda: plan_of({"name": "c", "tcp": {"host": text, "port": 80}}),
    )
    return rng.choice(shapes)()


def _target(rng: random.Random) -> str:
    target = rng.choice(
        (
            {"url": "http://169.254.169.254"},
            {"url": "http://user:pw@green"},
            {"url": "file:///etc"},
            {"host": "a\r\nX: y"},
            {"host": "*"},
            {"url": "http://[::1%25eth0]/"},
            {"url": "//x"},
            {"url": 1},
            {"host": "\u2460"},
            {"url": "http://" + "a" * 70_000},
            {"url": "http://x:0"},
        )
    )
    return _expecting({"status": 200}, target=target)


def _schema(rng: random.Random) -> str:
    schema = rng.choice(
        (
            {"$ref": "#"},
            {"allOf": [{"$ref": "#"}] * 3},
            {"$ref": "http://169.254.169.254/"},
            {"pattern": "(a+)+$"},
            {"type": 5},
            {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
            {"not": {"not": {"$dynamicRef": "#x"}}},
            {"multipleOf": 1e-300},
            {"enum": ["x"] * 10_000, "type": "string"},
            {"patternProperties": {"(a+)+$": {}}, "type": "object"},
            {"$ref": "file:///etc/passwd"},
        )
    )
    return _expecting({"json": {"@": {"schema": schema}}})


PLANS: dict[str, Callable[[random.Random], str]] = {
    "pattern": _pattern,
    "query": _query,
    "variables": _variables,
    "chain of variables": _chain,
    "aliases": _aliases,
    "nesting": _nested,
    "text": _text,
    "rows": _rows,
    "speaking text": _speaking,
    "target": _target,
    "JSON Schema": _schema,
}


def _replace_character(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text) or 1)
    return text[:place] + rng.choice("{}[]:,\"'&*!|>%@`#-?\t\0\x1b\u2028 \n0aZ") + text[place + rng.randrange(2) :]


def _cut(rng: random.Random, text: str) -> str:
    return text[: rng.randrange(len(text) or 1)]


def _drop_line(rng: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    del lines[rng.randrange(len(lines))]
    return "".join(lines)


def _repeat_line(rng: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    place = rng.randrange(len(lines))
    return "".join([*lines[: place + 1], *lines[place:]])


def _swap_word(rng: random.Random, text: str) -> str:
    words = text.split(" ")
    words[rng.randrange(len(words))] = rng.choice(
        (
            "null",
            "true",
            "-1",
            "1e999",
            "[]",
            "{}",
            "~",
            "!!binary x",
            "*a",
            "&a",
            "${path}",
            "${each.n}",
            "${secret:x}",
            "9" * 400,
            "\ud7ff",
            "''",
        )
    )
    return " ".join(words)


_MUTATIONS = (_replace_character, _replace_character, _cut, _drop_line, _repeat_line, _swap_word, _swap_word)
