"""The `greenlight` command: one file in `commands/` for each thing it does.

argparse and not a larger library: `check` is run in loops and pipelines, where every import is paid at every
call (docs/decisions/0003).
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from devkit.cli import usage
from greenlight import __version__

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

COMMANDS = {
    "rehearse": "play whole deployments on this machine: real hooks, real checks, simulated CodeDeploy",
    "check": "run one stage of a plan now, against any green",
    "report": "show a gate's report, from the report bucket or a file, in any format",
    "history": "show the gates of an application: verdicts, trend, time to verdict, flaky checks",
    "replay": "judge a gate again, read-only, and show what ends otherwise than then",
    "plan": "push a plan to where gates find it, pull it, show what changes, list its versions",
    "lint": "find every mistake in plans, offline",
    "iam": "print the IAM policy that a plan's checks need",
    "doctor": "say what will go wrong in the next deployment, in an account or in a template",
    "validators": "show the validators that plans can use",
    "appspec": "write an AppSpec with the hooks of an installation, or find every mistake in one",
    "record": "write a first plan from what a service answers, curl lines, an access log or an OpenAPI document",
    "new": "write a validator with its test, or a first plan, to begin with",
    "override": "let a check that allows it pass for one deployment, with a name, a reason and an end",
    "schema": "print the JSON Schema of plans, for editors",
    "completion": "print a script that completes commands and options in a shell",
}
USAGE_ERROR = 2
INTERRUPTED = 130
"""What shells say of a program that SIGINT ended."""


def parser_of(names: Collection[str]) -> argparse.ArgumentParser:
    """Give the parser, with the arguments of the commands in `names` alone: only their modules are imported."""
    parser = argparse.ArgumentParser(prog="greenlight", description="Checks in front of every blue/green deployment.")
    parser.add_argument(
        "--version", action="version", version=f"greenlight {__version__}", help="say which one this is"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    raw = argparse.RawDescriptionHelpFormatter
    for command, summary in COMMANDS.items():
        about = f"{summary[0].upper()}{summary[1:]}."
        sub = commands.add_parser(command, help=summary, description=about, formatter_class=raw)
        if command in names:
            sub.epilog = usage.epilog(command)
            importlib.import_module(f"devkit.commands.{command}").add_arguments(sub)
    return parser


def parser_of_all() -> argparse.ArgumentParser:
    """Give the parser with everything in it: what documents and completions are made of."""
    return parser_of(COMMANDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status; bad input ends with a sentence and status 2."""
    _any_text_can_be_printed()
    given = sys.argv[1:] if arguments is None else list(arguments)
    name = next((word for word in given if not word.startswith("-")), "")
    try:
        parser = parser_of([name])
        if name and name not in COMMANDS:
            from greenlight.core.suggestions import suggest_or_list

            parser.error(f"there is no command {name!r}{suggest_or_list(name, COMMANDS)}")
        parsed, strange = parser.parse_known_args(given)
        if strange:
            _refuse(usage.subcommands(parser)[name][1], strange[0])
        return _run(parsed)
    except BrokenPipeError:
        _nobody_reads()
        return 1
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # progress may stand in the line
        print("greenlight: stopped", file=sys.stderr)
        return INTERRUPTED


def _refuse(parser: argparse.ArgumentParser, word: str) -> NoReturn:
    """Say that a command does not take a word, and which of its options may be meant."""
    from greenlight.core.suggestions import did_you_mean

    below, options = [parser], list[str]()
    for one in below:
        below += [each for _, each in usage.subcommands(one).values()]
        options += [option for action in usage.arguments(one) for option in action.option_strings]
    parser.error(f"{word!r} is nothing that it takes{did_you_mean(word.partition('=')[0], options)}")


def _run(parsed: argparse.Namespace) -> int:
    from greenlight.core.errors import GreenlightError

    try:
        status: int = importlib.import_module(f"devkit.commands.{parsed.command}").run(parsed)
        sys.stdout.flush()
    except GreenlightError as error:
        return _refused(str(error))
    except BrokenPipeError:
        raise
    except UnicodeError as error:
        return _refused(f"what was given has bytes in it that are no text: {error}")
    except RecursionError:
        return _refused("what was given is nested too deep to be read")
    except OSError as error:  # a name that is too long, a full disk: whatever no command has a better sentence for
        try:
            sys.stdout.flush()
        except OSError:
            _nobody_reads()
        return _refused(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
    return status


def _refused(said: str) -> int:
    """Say why nothing was done; what a file says goes to a terminal, so every line of it is made harmless."""
    from greenlight.core.display import truncate

    print("greenlight: " + "\n".join(truncate(line, 2000) for line in said.splitlines()), file=sys.stderr)
    return USAGE_ERROR


def _any_text_can_be_printed() -> None:
    """Let streams take any text: a name may have bytes that are none, a terminal may know few letters."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever called
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - open until the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nobody_reads() -> None:
    """Whoever read us has gone; nothing more can be said to them, not even at interpreter exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
