"""Recording of a plan: requests from a source, checks from a server's responses, and the plan of both."""

from __future__ import annotations

import gzip
import io
import itertools
import re
import sys
import urllib.parse
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from greenlight.checks.registry import Registry
from greenlight.core.errors import GreenlightError
from greenlight.core.frozen import FrozenStruct

from . import access_log, curl, openapi_document, plan_writer
from .expectations import PAUSE_S, RecordedCheck, Server, latency_bound, record_checks
from .request import RecordedRequest
from .secret_references import SecretReferences, is_sensitive

if TYPE_CHECKING:
    from collections.abc import Sequence

_USUAL_PATHS = (
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
_MAX_BYTES = 256 * 1024 * 1024
_MAX_COMMANDS = 10_000
_TOKEN_FOLLOWS = re.compile(r"(?i)reset|verif|confirm|invit|activat|unsubscribe|magic|token")
_LIKE_A_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_.~-]{6,}")


class RecordOptions(FrozenStruct, frozen=True, kw_only=True):
    """The sources of a plan.

    Attributes:
        origin: The server to send requests to; "" for none.
        path: The path of its URL.
        paths: Further paths to record.
        curl: A file of curl commands; "" for none, - for standard input.
        access_log: An access log, likewise.
        openapi: An OpenAPI document, likewise.
        stage: The stage of the checks.
        secret: The name of the secret in Secrets Manager that references name.
        top: How many paths of an access log are recorded.
        has_unsafe: Whether methods that change data are recorded.
    """

    origin: str = ""
    path: str = "/"
    paths: tuple[str, ...] = ()
    curl: str = ""
    access_log: str = ""
    openapi: str = ""
    stage: str = "AfterAllowTestTraffic"
    secret: str = "smoke"  # noqa: S105 - a name, not a value
    top: int = 10
    has_unsafe: bool = False


class Recording(FrozenStruct, frozen=True, kw_only=True):
    """A recorded plan.

    Attributes:
        plan: Its text.
        left_out: Everything that was left out, with reasons.
        secret_keys: The keys that the secret in Secrets Manager must have.
    """

    plan: str
    left_out: tuple[str, ...]
    secret_keys: tuple[str, ...]


class _Source(FrozenStruct, frozen=True, kw_only=True):
    """The requests of one source, the lines of further checks, and the server to send requests to."""

    origin: str
    requests: tuple[RecordedRequest, ...] = ()
    further_checks: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def record_plan(options: RecordOptions, pause_s: float = PAUSE_S) -> Recording:
    """Record a plan.

    Raises:
        GreenlightError: Nothing could be recorded, or lint rejects the plan.
    """
    references = SecretReferences(options.secret)
    paths = [options.path] if options.origin and options.path != "/" else []
    requests = [RecordedRequest(path=path) for path in (*paths, *options.paths)]
    source = _read_source(options, {request.path for request in requests})
    requests, repeated = _without_repetitions([*requests, *source.requests])
    requests, secret_paths = _without_secret_paths(requests, references)
    left_out = [*source.left_out, *repeated, *secret_paths]
    if source.origin and requests:
        with Server(source.origin) as server:
            checks, unanswered = record_checks(requests, server, references, pause_s)
        left_out += unanswered
        left_out += [f"{check.request.name}: {field}" for check in checks for field in check.left_out]
    else:
        checks = [_check_from_log(request) for request in requests if request.status]
        left_out += [
            f"{request.name}: the request was not sent; name a URL" for request in requests if not request.status
        ]
    if not checks and not source.further_checks:
        raise GreenlightError("; ".join(["nothing could be recorded", *left_out[:5]]))
    name = display_name(options.curl or options.access_log or options.openapi or source.origin)
    text = plan_writer.render_plan(checks, options.stage, name, references, source.further_checks)
    _lint(text)
    return Recording(plan=text, left_out=tuple(left_out), secret_keys=tuple(sorted(references.keys)))


def display_name(file: str) -> str:
    """Return a file's name for messages; - is standard input."""
    return "standard input" if file == "-" else file


def _check_from_log(request: RecordedRequest) -> RecordedCheck:
    return RecordedCheck(request=request, expect={"status": request.status, **latency_bound(request)})


# ---- Sources ---------------------------------------------------------------------------------------------------------


def _read_source(options: RecordOptions, paths: set[str]) -> _Source:
    origin = options.origin
    if options.curl:
        return _from_curl(_read(options.curl), origin, has_unsafe=options.has_unsafe)
    if options.access_log:
        return _from_access_log(options)
    if options.openapi:
        file = None if options.openapi == "-" else Path(options.openapi)
        lines, left_out = openapi_document.record_document(_read(options.openapi), origin, file)
        return _Source(origin=origin, further_checks=tuple(lines), left_out=tuple(left_out))
    if origin:
        guesses = (RecordedRequest(path=path, is_guessed=True) for path in _USUAL_PATHS if path not in paths)
        return _Source(origin=origin, requests=tuple(guesses))
    raise GreenlightError("name a URL, or one of --curl, --access-log and --openapi with a file")


def _from_access_log(options: RecordOptions) -> _Source:
    entries, skipped_count = access_log.parse_lines(_read(options.access_log).splitlines())
    if not entries:
        raise GreenlightError(
            f"{display_name(options.access_log)} contains no request; supported formats: "
            + access_log.SUPPORTED_FORMATS
        )
    requests, left_out = access_log.most_frequent(entries, options.top, has_server=bool(options.origin))
    left_out += [f"lines that are not requests ({skipped_count})"] if skipped_count else []
    return _Source(origin=options.origin, requests=tuple(requests), left_out=tuple(left_out))


def _from_curl(text: str, origin: str, *, has_unsafe: bool) -> _Source:
    """Parse curl commands; leave out those that change data or go to another server than the first."""
    requests, left_out = [], []
    has_fixed_origin = bool(origin)
    commands = list(itertools.islice(curl.split_commands(text), _MAX_COMMANDS + 1))
    if len(commands) > _MAX_COMMANDS:
        raise GreenlightError(f"the file has more than {_MAX_COMMANDS} commands")
    for number, command in enumerate(commands, 1):
        try:
            own_origin, request = curl.parse_command(command, number)
        except curl.UnreadableError as error:
            left_out.append(f"curl command {number}: {error}")
            continue
        if not request.is_safe and not has_unsafe:
            left_out.append(f"curl command {number}: {request.name} changes data; --unsafe records it")
        elif not has_fixed_origin and origin and own_origin and own_origin != origin:
            left_out.append(f"curl command {number}: it goes to {own_origin} instead of {origin}")
        else:
            origin = origin or own_origin
            requests.append(request)
    return _Source(origin=origin, requests=tuple(requests), left_out=tuple(left_out))


def _read(name: str) -> str:
    try:
        if name == "-":
            return sys.stdin.read(_MAX_BYTES).removeprefix("\ufeff")
        with Path(name).open("rb") as file:
            is_compressed = file.peek(2)[:2] == b"\x1f\x8b"  # AWS stores access logs compressed
            with io.TextIOWrapper(
                gzip.open(file) if is_compressed else file, encoding="utf-8-sig", errors="replace"
            ) as text:
                return text.read(_MAX_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise GreenlightError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _without_repetitions(requests: Sequence[RecordedRequest]) -> tuple[list[RecordedRequest], list[str]]:
    """Return the requests that a plan may have once each, and the reasons why others are left out."""
    remaining: list[RecordedRequest] = []
    left_out = []
    seen: set[object] = set()
    for request in requests:
        name = f"{request.source}: {request.name}" if request.source else request.name
        key = (request.method, request.path, frozenset(request.headers), request.body)
        if key in seen:
            left_out.append(f"{name}: the same request comes before")
        elif request.body is not None and request.is_safe:
            left_out.append(f"{name}: {request.method} with a body cannot be in a plan")
        else:
            remaining.append(request)
        seen.add(key)
    return remaining, left_out


# ---- Secrets and lint ------------------------------------------------------------------------------------------------


def _without_secret_paths(
    requests: Sequence[RecordedRequest], references: SecretReferences
) -> tuple[list[RecordedRequest], list[str]]:
    """Remove requests with a secret in their path, where a plan cannot have a reference."""
    for request in requests:
        plan_writer.collect_secrets(request, references)
    remaining = []
    for request in requests:
        parts = urllib.parse.unquote(request.path.partition("?")[0]).split("/")
        if not (_has_secret_part(parts) or references.contains_secret("/".join(parts))):
            remaining.append(request)
    count = len(requests) - len(remaining)
    return remaining, [f"paths with a part that may be a secret or an id ({count})"] if count else []


def _has_secret_part(parts: list[str]) -> bool:
    """Return whether a part of a path looks like a secret, or like a token after a word such as reset."""
    return any(part and is_sensitive("", part) for part in parts) or any(
        _TOKEN_FOLLOWS.search(before) and _LIKE_A_TOKEN.fullmatch(part) for before, part in itertools.pairwise(parts)
    )


def _lint(text: str) -> None:
    """Check the plan with lint.

    Raises:
        GreenlightError: The first problem, for example that all responses were refusals.
    """
    from ..lint.limits import Limits
    from ..lint.linter import problems

    lint_problems = problems(text, "plan.yaml", Registry(), Limits())
    if lint_problems:
        raise GreenlightError(f"no plan was written, because lint rejects it: {lint_problems[0]}")
