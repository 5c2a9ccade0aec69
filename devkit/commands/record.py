"""`greenlight record`: a first plan, from the responses of a service today."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from greenlight.core.deployment import STAGES
from greenlight.core.display import escape_controls
from greenlight.core.errors import GreenlightError

from ..cli import urls
from ..recording.expectations import PAUSE_S
from ..recording.recorder import RecordOptions, record_plan
from ..recording.request import origin_of, path_of
from ..terminal import output

if TYPE_CHECKING:
    import argparse

_SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,200}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options: the source of the requests, the server, and the output."""
    add = parser.add_argument
    add(
        "url",
        nargs="?",
        default="",
        metavar="URL",
        help="URL of the service to record; its path is recorded, too",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--curl", metavar="FILE", help="record the requests of curl commands; - for standard input")
    source.add_argument(
        "--access-log",
        metavar="FILE",
        help="record the most frequent paths: common, combined, JSON, ALB, CloudFront, Envoy; also .gz",
    )
    source.add_argument("--openapi", metavar="FILE", help="record a check of green against this OpenAPI document")
    add("--path", action="append", default=[], metavar="PATH", help="another path to record (repeatable)")
    add("--top", type=int, default=10, metavar="N", help="number of paths of an access log to record (default 10)")
    add("--unsafe", action="store_true", help="also record requests that change data; each is sent once")
    add(
        "--secret",
        default="smoke",
        metavar="NAME",
        help="name of the Secrets Manager secret that the plan refers to (default smoke)",
    )
    add(
        "--stage",
        choices=STAGES,
        default="AfterAllowTestTraffic",
        metavar="STAGE",
        help="stage of the recorded checks (default AfterAllowTestTraffic)",
    )
    add(
        "--format",
        choices=("yaml", "json"),
        default="yaml",
        help="yaml: the plan; json: the plan and a list of everything left out (default yaml)",
    )
    add(
        "-o",
        "--output",
        default="",
        metavar="FILE",
        help="write to a new file instead of standard output; never overwrites",
    )


def run(arguments: argparse.Namespace, pause_s: float = PAUSE_S) -> int:
    """Write the plan, print everything left out to standard error, and return 0.

    Raises:
        GreenlightError: Nothing could be recorded, or the file cannot be written.
    """
    if not 1 <= arguments.top <= 200:
        raise GreenlightError("--top must be a whole number from 1 to 200")
    if not _SECRET_NAME.fullmatch(arguments.secret):
        raise GreenlightError("--secret must be the name of a secret in Secrets Manager")
    if arguments.output and Path(arguments.output).exists():
        raise GreenlightError(f"{arguments.output} exists and is not overwritten; name another file")
    recording = record_plan(_options(arguments), pause_s)
    is_json = arguments.format == "json"
    if not is_json:
        _print_notes(recording.left_out, recording.secret_keys, arguments.secret)
    if arguments.output:
        _write(arguments, recording.plan)
    if is_json:
        document = {
            "plan": recording.plan,
            "left_out": list(recording.left_out),
            "secret": arguments.secret,
            "secret_keys": list(recording.secret_keys),
        }
        print(json.dumps(document, indent=2))
    elif not arguments.output:
        sys.stdout.write(recording.plan)
    return 0


def _options(arguments: argparse.Namespace) -> RecordOptions:
    origin = _origin(arguments.url)
    return RecordOptions(
        origin=origin,
        path=path_of(arguments.url) if origin else "/",
        paths=tuple(path_of(_checked_path(path)) for path in arguments.path),
        curl=arguments.curl or "",
        access_log=arguments.access_log or "",
        openapi=arguments.openapi or "",
        stage=arguments.stage,
        secret=arguments.secret,
        top=arguments.top,
        has_unsafe=arguments.unsafe,
    )


def _origin(url: str) -> str:
    if not url:
        return ""
    if reason := urls.url_error(url):
        raise GreenlightError(f"the URL {reason}{'; pass them as a header with --curl' if '@' in url else ''}")
    return origin_of(url)


def _checked_path(path: str) -> str:
    if not path.startswith("/"):
        raise GreenlightError(f"--path {path!r} does not begin with /")
    return path


def _print_notes(left_out: tuple[str, ...], secret_keys: tuple[str, ...], secret: str) -> None:
    for text in left_out:
        print(f"left out: {escape_controls(text)}", file=sys.stderr)
    if secret_keys:
        keys = escape_controls(", ".join(secret_keys))
        print(
            f"put these keys into the secret {secret!r}: {keys}; their values are not in the plan",
            file=sys.stderr,
        )


def _write(arguments: argparse.Namespace, text: str) -> None:
    output.write_file(arguments.output, text, overwrite=False)
    url = f" --url {_origin(arguments.url)}" if arguments.url else ""
    command = f"greenlight check {arguments.output} --stage {arguments.stage}{url}"
    print(f"wrote {arguments.output}; to try it: {command}", file=sys.stderr)
