"""`greenlight record`: a first plan, from what a service answers today."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import re
import sys
import urllib.parse
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devkit.cli import urls
from devkit.recording import access_log, curl, plan_writer
from devkit.recording.expectations import Recorded, Server, latency, recorded
from devkit.recording.request import Hidden, RecordedRequest, origin_of, path_of, sensitive
from devkit.terminal import output
from greenlight.checks.registry import Registry
from greenlight.core.deployment import STAGES, Side
from greenlight.core.errors import GreenlightError
from greenlight.core.finding import Outcome

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

GUESSED = (
    "/",
    "/health",
    "/healthz",
    "/health/live",
    "/health/ready",
    "/ready",
    "/status",
    "/version",
    "/openapi.json",
)
DOCUMENTS = ("/openapi.json", "/openapi.yaml", "/v3/api-docs", "/swagger.json", "/api/openapi.json")
MAX_BYTES = 256 * 1024 * 1024
MAX_COMMANDS = 10_000
MAX_DOCUMENT = 4 * 1024 * 1024
"""Characters of an OpenAPI document; the check reads no larger one."""
MAX_IN_PLAN = 768 * 1024
"""Characters of one that stands in a plan, which may have 1 MiB with its margins."""
_BEFORE_A_TOKEN = re.compile(r"(?i)reset|verif|confirm|invit|activat|unsubscribe|magic|token")
_NO_WORD = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_.~-]{6,}")
_A_SECRET = re.compile(r"[A-Za-z0-9/_+=.@-]{1,200}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take where the requests come from, and whom to ask."""
    add = parser.add_argument
    add("url", nargs="?", default="", metavar="URL", help="the service that is asked, and a path of it to begin with")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--curl", metavar="FILE", help="take requests from command lines of curl; - for standard input")
    source.add_argument(
        "--access-log",
        metavar="FILE",
        help="take the paths users ask for most: common, combined, JSON, ALB, CloudFront, Envoy; .gz, too",
    )
    source.add_argument("--openapi", metavar="FILE", help="hold green against this OpenAPI document")
    add("--path", action="append", default=[], metavar="PATH", help="a further path to ask for")
    add("--top", type=int, default=10, metavar="N", help="paths of an access log that are taken (default 10)")
    add("--unsafe", action="store_true", help="record methods that change data, too: they are sent, once")
    add(
        "--secret",
        default="smoke",
        metavar="NAME",
        help="the Secrets Manager secret that references lead to (default smoke)",
    )
    add(
        "--stage",
        choices=STAGES,
        default="AfterAllowTestTraffic",
        metavar="STAGE",
        help="default AfterAllowTestTraffic",
    )
    add("--format", choices=("yaml", "json"), default="yaml", help="the plan, or a document with what is left out")
    add("-o", "--output", default="", metavar="FILE", help="write there and not to standard output; never over a file")


def run(arguments: argparse.Namespace) -> int:
    """Write the plan, and say on standard error what is left out: 0.

    Raises:
        GreenlightError: Nothing could be recorded, or the file cannot be written.
    """
    if not 1 <= arguments.top <= 200:
        raise GreenlightError("--top is a whole number from 1 to 200")
    if not _A_SECRET.fullmatch(arguments.secret):
        raise GreenlightError("--secret is the name of a secret in Secrets Manager")
    if arguments.output and Path(arguments.output).exists():
        raise GreenlightError(f"{arguments.output} exists, and nothing is written over it")
    hidden = Hidden(arguments.secret)
    text, left = _plan(arguments, hidden)
    _refuse_what_lint_finds(text)
    as_json = arguments.format == "json"
    for each in () if as_json else left:
        print(f"left out: {each}", file=sys.stderr)
    if hidden.keys and not as_json:
        said = f"put these keys into the secret {arguments.secret!r}: {', '.join(sorted(hidden.keys))}"
        print(f"{said}; their values are not in the plan", file=sys.stderr)
    if arguments.output:
        _write(arguments, text)
    if as_json:
        keys = {"secret": arguments.secret, "secret_keys": sorted(hidden.keys)}
        print(json.dumps({"plan": text, "left_out": left, **keys}, indent=2))
    elif not arguments.output:
        sys.stdout.write(text)
    return 0


def _write(arguments: argparse.Namespace, text: str) -> None:
    output.write_file(arguments.output, text, over=False)
    at = f" --url {_origin(arguments.url)}" if arguments.url else ""
    tried = f"greenlight check {arguments.output} --stage {arguments.stage}{at}"
    print(f"wrote {arguments.output}; try it: {tried}", file=sys.stderr)


def _plan(arguments: argparse.Namespace, hidden: Hidden) -> tuple[str, list[str]]:
    origin = _origin(arguments.url)
    of_url = path_of(arguments.url) if origin else "/"
    wanted = [RecordedRequest(path=each) for each in ([of_url] if of_url != "/" else [])]
    wanted += [RecordedRequest(path=path_of(each)) for each in map(_path, arguments.path)]
    left: list[str] = []
    more: list[str] = []
    if arguments.curl:
        found, origin, left = _from_curl(_read(arguments.curl), origin, unsafe=arguments.unsafe)
        wanted += found
    elif arguments.access_log:
        lines, others = access_log.lines(_read(arguments.access_log).splitlines())
        if not lines:
            of = _named(arguments.access_log)
            raise GreenlightError(f"no line of {of} is a request; known are {access_log.KNOWN}")
        found, left = access_log.asked(lines, arguments.top, known=bool(origin))
        left += [f"lines that are no requests ({others})"] if others else []
        wanted += found
    elif arguments.openapi:
        more, left = _from_openapi(_read(arguments.openapi), origin)
    elif origin:
        known = {each.path for each in wanted}
        wanted += [RecordedRequest(path=each, guessed=True) for each in GUESSED if each not in known]
    else:
        raise GreenlightError("name a URL, or one of --curl, --access-log and --openapi with a file")
    wanted, hiding = _without_secret_paths(wanted, hidden)
    left += hiding
    if origin and wanted:
        with Server(origin) as server:
            made, unanswered = recorded(wanted, server, hidden)
        left += unanswered
        left += [f"{each.asked.name}: {field}" for each in made for field in each.left]
    else:
        made = [Recorded(asked=each, expect={"status": each.status, **latency(each)}) for each in wanted if each.status]
        left += [f"{each.name}: nobody was asked; give a URL" for each in wanted if not each.status]
    if not made and not more:
        raise GreenlightError("; ".join(["nothing could be recorded", *left[:5]]))
    source = arguments.curl or arguments.access_log or arguments.openapi or origin
    return plan_writer.plan(made, arguments.stage, _named(source), hidden, more), left


def _named(file: str) -> str:
    return "standard input" if file == "-" else file


def _origin(url: str) -> str:
    if not url:
        return ""
    if why := urls.mistake(url):
        raise GreenlightError(f"the URL {why}{'; give them as a header with --curl' if '@' in url else ''}")
    return origin_of(url)


def _path(written_path: str) -> str:
    if not written_path.startswith("/"):
        raise GreenlightError(f"--path {written_path!r} does not begin with /")
    return written_path


def _read(name: str) -> str:
    try:
        if name == "-":
            return sys.stdin.read(MAX_BYTES)
        with Path(name).open("rb") as file:
            packed = file.peek(2)[:2] == b"\x1f\x8b"  # as AWS stores its logs
            with io.TextIOWrapper(gzip.open(file) if packed else file, encoding="utf-8", errors="replace") as text:
                return text.read(MAX_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise GreenlightError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _from_curl(text: str, origin: str, *, unsafe: bool) -> tuple[list[RecordedRequest], str, list[str]]:
    """Give the requests, whom to ask, and what is left out: what changes data, and what goes elsewhere."""
    wanted, left = [], []
    fixed = bool(origin)
    commands = list(itertools.islice(curl.commands(text), MAX_COMMANDS + 1))
    if len(commands) > MAX_COMMANDS:
        raise GreenlightError(f"the file has more than {MAX_COMMANDS} commands")
    for number, command in enumerate(commands, 1):
        try:
            its, asked = curl.asked(command, number)
        except curl.UnreadableError as error:
            left.append(f"curl command {number}: {error}")
            continue
        if not asked.safe and not unsafe:
            left.append(f"curl command {number}: {asked.name} changes data; --unsafe records it")
        elif not fixed and origin and its and its != origin:
            left.append(f"curl command {number}: it goes to {its}, and green is {origin}")
        else:
            origin = origin or its
            wanted.append(asked)
    return wanted, origin, left


def _without_secret_paths(wanted: Sequence[RecordedRequest], hidden: Hidden) -> tuple[list[RecordedRequest], list[str]]:
    """Leave out what has a secret where a plan has no place for a reference that reads well."""
    for each in wanted:
        plan_writer.hide(each, hidden)
    parts = {each: urllib.parse.unquote(each.path.partition("?")[0]).split("/") for each in wanted}
    kept = [each for each in wanted if not (_tells(parts[each]) or hidden.shows("/".join(parts[each])))]
    hiding = len(wanted) - len(kept)
    return kept, [f"paths with a part that may be a secret or an id ({hiding})"] if hiding else []


def _tells(parts: list[str]) -> bool:
    """Tell whether a part of a path looks like a secret, or follows a word such as reset and looks like no word."""
    after = itertools.pairwise(parts)
    return any(part and sensitive("", part) for part in parts) or any(
        _BEFORE_A_TOKEN.search(before) and _NO_WORD.fullmatch(part) for before, part in after
    )


def _from_openapi(text: str, origin: str) -> tuple[list[str], list[str]]:
    """Give the check of an OpenAPI document; of a server it holds as many operations as that answers well today."""
    document = _document(text)
    if not _has_safe_operations(document):
        raise GreenlightError("the check of a document sends GET and HEAD, and this document has neither")
    found: dict[str, Any] = {"text": text}
    left: list[str] = []
    if origin:
        with Server(origin) as server:
            served = [each for each in DOCUMENTS if _same_document(server.answer(RecordedRequest(path=each)), document)]
        found = {"document": served[0]} if served else found
        covered, said = _covered(found, origin)
        found["minimum"] = covered
        left += [each.strip() for each in said.partition("not covered: ")[2].split("), ") if each]
    lines = ["- name: the API keeps its contract", "  openapi:"]
    for key, value in found.items():
        if key == "text":
            lines += [
                "    text: |2",
                *(f"      {line}".rstrip() for line in json.dumps(document, indent=1).splitlines()),
            ]
        else:
            lines.append(f"    {key}: {plan_writer.flow(value)}")
    if sum(map(len, lines)) > MAX_IN_PLAN:
        raise GreenlightError(
            f"the document is too large to stand in a plan; name the URL of a service that serves it at one of {', '.join(DOCUMENTS)}"
        )
    return lines, left


def _document(text: str) -> Any:
    import yaml

    if len(text) > MAX_DOCUMENT:
        raise GreenlightError(f"the OpenAPI document is larger than {MAX_DOCUMENT >> 20} MiB")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        try:
            data = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise GreenlightError("the OpenAPI document is neither JSON nor YAML") from error
    if isinstance(data, dict) and "swagger" in data:
        raise GreenlightError(
            "the document is Swagger 2.0; convert it to OpenAPI 3.0 (https://converter.swagger.io), and record that"
        )
    if not isinstance(data, dict) or not str(data.get("openapi", "")).startswith(("3.0", "3.1")):
        raise GreenlightError("the document is none of OpenAPI 3.0 or 3.1")
    return json.loads(json.dumps(data, default=str))


def _has_safe_operations(document: dict[str, Any]) -> bool:
    paths = document.get("paths")
    items = [each for each in paths.values() if isinstance(each, dict)] if isinstance(paths, dict) else []
    return any("get" in each or "head" in each or "$ref" in each for each in items)


def _same_document(answer: Any, document: Any) -> bool:
    try:
        return not isinstance(answer, str) and answer.status == 200 and _document(answer.body.decode()) == document
    except (GreenlightError, UnicodeDecodeError):
        return False


def _covered(params: dict[str, Any], origin: str) -> tuple[int, str]:
    """Run the check once; gives how many operations it covers, and what it says of the rest."""
    from greenlight.testing import context_for, ecs_deployment, run_check

    validator = Registry().get("openapi")
    assert validator is not None  # noqa: S101 - it comes with greenlight
    with context_for(ecs_deployment(green=Side(url=origin)), timeout_s=60.0) as context:
        finding = run_check(validator, params, context)
    if finding.outcome is Outcome.INCONCLUSIVE:
        raise GreenlightError(f"nothing that the document describes can be called as it is: {finding.message}")
    if finding.outcome is not Outcome.PASS:
        raise GreenlightError(f"the service does not answer as the document says: {finding.message}")
    return max(1, len(finding.evidence)), finding.message


def _refuse_what_lint_finds(text: str) -> None:
    """Nothing is written that lint would complain of.

    Raises:
        GreenlightError: With the first sentence of lint, such as that all answers were refusals.
    """
    from devkit.lint.limits import Limits
    from devkit.lint.linter import problems

    found = problems(text, "plan.yaml", Registry(), Limits())
    if found:
        raise GreenlightError(f"no plan was written, for it would be a bad one: {found[0]}")
