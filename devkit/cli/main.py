"""The `greenlight` command: its parser, and one module in `commands/` for each subcommand.

argparse is used instead of a larger library because `check` runs in loops and pipelines, where the time for imports is
spent at every call (docs/decisions/0003).
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from greenlight import __version__

from . import usage

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

COMMANDS = {
    "rehearse": "run whole deployments on this machine: real hooks, real checks, simulated CodeDeploy",
    "check": "run one stage of a plan now, against any green",
    "report": "show a gate's report, from the report bucket or a file, in any format",
    "history": "show the gates of an application: verdicts, trend, time to verdict, flaky checks",
    "replay": "run a gate's checks again, read-only, and show which outcomes differ",
    "plan": "push a plan to the place where gates read it, pull it, show differences, list versions",
    "lint": "find every mistake in plans, offline",
    "iam": "print the IAM policy that a plan's checks need",
    "doctor": "find what will go wrong in the next deployment, in an account or in a template",
    "validators": "show the validators that plans can use",
    "appspec": "write an AppSpec with the hooks of an installation, or find every mistake in one",
    "record": "write a first plan from a service's responses, curl commands, an access log or an OpenAPI document",
    "new": "create a validator with its test, or a first plan",
    "override": "let a check that allows overrides fail for one deployment, with a name, a reason and an expiry",
    "approve": "let a deployment go on that waits for the approval of a person",
    "refuse": "fail a deployment that waits for the approval of a person",
    "schema": "print the JSON Schema of plans, for editors",
    "completion": "print a shell script that completes commands and options",
}
USAGE_ERROR = 2
INTERRUPTED = 130
"""Exit status that shells report for a program that SIGINT ended."""


def build_parser(names: Collection[str]) -> argparse.ArgumentParser:
    """Build the parser, with arguments only for the commands in `names`: the other modules are not imported."""
    parser = argparse.ArgumentParser(prog="greenlight", description="Checks in front of every blue/green deployment.")
    parser.add_argument(
        "--version", action="version", version=f"greenlight {__version__}", help="print the version and exit"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    raw = argparse.RawDescriptionHelpFormatter
    for command, summary in COMMANDS.items():
        description = f"{summary[0].upper()}{summary[1:]}."
        subparser = commands.add_parser(command, help=summary, description=description, formatter_class=raw)
        if command in names:
            subparser.epilog = usage.epilog(command)
            importlib.import_module(f"..commands.{command}", __package__).add_arguments(subparser)
    return parser


def build_full_parser() -> argparse.ArgumentParser:
    """Build the parser with the arguments of every command, for documents and completions."""
    return build_parser(COMMANDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; an error in the input prints a message and returns 2."""
    _make_streams_safe()
    words = sys.argv[1:] if arguments is None else list(arguments)
    name = next((word for word in words if not word.startswith("-")), "")
    try:
        parser = build_parser([name])
        if name and name not in COMMANDS:
            from greenlight.core.suggestions import suggest_or_list

            parser.error(f"unknown command {name!r}{suggest_or_list(name, COMMANDS)}")
        parsed, unrecognized = parser.parse_known_args(words)
        if unrecognized:
            _reject_argument(usage.subcommands(parser)[name].parser, unrecognized[0])
        if name == "completion":
            parsed.parser = build_full_parser()
        return _run(parsed)
    except BrokenPipeError:
        _discard_stdout()
        return 1
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # progress may be on the current line
        print("greenlight: interrupted", file=sys.stderr)
        return INTERRUPTED


def _reject_argument(parser: argparse.ArgumentParser, word: str) -> NoReturn:
    """Exit with an error about an unrecognized argument, and suggest the nearest option."""
    from greenlight.core.suggestions import did_you_mean

    parsers, options = [parser], list[str]()
    for current in parsers:  # grows while it is iterated: the subcommands of subcommands
        parsers += [subcommand.parser for subcommand in usage.subcommands(current).values()]
        options += [option for action in usage.arguments(current) for option in action.option_strings]
    parser.error(f"unrecognized argument {word!r}{did_you_mean(word.partition('=')[0], options)}")


def _run(parsed: argparse.Namespace) -> int:
    from greenlight.core.errors import GreenlightError

    try:
        status: int = importlib.import_module(f"..commands.{parsed.command}", __package__).run(parsed)
        sys.stdout.flush()
    except GreenlightError as error:
        return _report_error(str(error))
    except BrokenPipeError:
        raise
    except UnicodeError as error:
        return _report_error(f"the input contains bytes that are not valid text: {error}")
    except RecursionError:
        return _report_error("the input is nested too deeply to be read")
    except OSError as error:  # a name that is too long, a full disk: errors for which no command has a better message
        try:
            sys.stdout.flush()
        except OSError:
            _discard_stdout()
        return _report_error(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
    return status


def _report_error(message: str) -> int:
    """Print an error and return its exit status; text from files is escaped, since it is written to a terminal."""
    from greenlight.core.display import neutralize_commands, truncate

    lines = "\n".join(truncate(line, 2000) for line in message.splitlines())
    print(f"greenlight: {neutralize_commands(lines)}", file=sys.stderr)
    return USAGE_ERROR


def _make_streams_safe() -> None:
    """Make stdout and stderr accept any text: a file name may have invalid bytes, a terminal few characters."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the calling process
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - open until the process ends
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard_stdout() -> None:
    """Redirect stdout to devnull: its reader closed it, and the flush at interpreter exit would fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
