"""`greenlight doctor`: what will go wrong in the next deployment, the worst first, each with the fix."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from rich.text import Text

from devkit.doctor import cloudformation, examination, revision, rules
from devkit.doctor.reader import Reader
from devkit.lint import files
from devkit.lint.rules import explain_rules
from devkit.terminal.console import stderr_console, stdout_console
from greenlight.core.errors import GreenlightError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from devkit.doctor.examination import Examined
    from devkit.doctor.rules import Harm, Symptom

SCHEMA = "greenlight.doctor/1"
_STYLES: dict[Harm, str] = {
    "ships unchecked": "bold red",
    "stalls an hour": "bold red",
    "blocks": "red",
    "annoys": "yellow",
    "not seen": "magenta",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to look at: an application of the account, or a template."""
    add = parser.add_argument
    add(
        "--application",
        default="",
        metavar="NAME",
        help="CodeDeploy's application, in the account you are logged in to",
    )
    add("--group", default="", metavar="NAME", help="its deployment group; all of them unless said")
    add(
        "--template",
        default="",
        metavar="FILE",
        help="a template of SAM or CloudFormation instead, offline; - reads one",
    )
    add(
        "--parameters", nargs="+", default=[], metavar="KEY=VALUE", help="parameters of the template, over its defaults"
    )
    add(
        "--appspec",
        default="",
        metavar="FILE",
        help="the AppSpec of the next deployment (default: that of the last one)",
    )
    add("--plan", default="", metavar="FILE", help="the plan (default: the one that the gate would find)")
    add("--installation", default="greenlight", metavar="NAME", help="which greenlight (default greenlight)")
    add("--format", choices=("text", "json"), default="text", help="what is printed (default text)")
    add("--explain", default="", metavar="RULE", help="print what a rule is about; `all` for all of them")


def run(arguments: argparse.Namespace, reader: Reader | None = None) -> int:
    """Print what is wrong: 0 nothing harmful, 1 something will go wrong, 3 no harm seen but not everything was."""
    if arguments.explain:
        print(explain_rules(arguments.explain, rules.BY_ID, rules.explained, rules.markdown))
        return examination.NOTHING
    if bool(arguments.application) == bool(arguments.template):
        raise GreenlightError("name what to look at: --application NAME in an account, or --template FILE")
    appspec = _appspec(arguments.appspec)
    if arguments.template:
        if arguments.group or arguments.plan:
            raise GreenlightError("--group and --plan are for an account, not for a template")
        examined = [_template(arguments, appspec)]
    else:
        if arguments.parameters:
            raise GreenlightError("--parameters are for --template")
        examined = _account(arguments, appspec, reader or Reader())
    if arguments.format == "json":
        print(json.dumps(_document(examined), indent=2))
    else:
        _show(examined, stdout_console())
    return examination.status(examined)


def _appspec(name: str) -> revision.AppSpec | None:
    return revision.parse_revision(files.read_text(name), name, is_next=True) if name else None


def _account(arguments: argparse.Namespace, appspec: revision.AppSpec | None, reader: Reader) -> list[Examined]:
    wanted = examination.Query(
        application=arguments.application,
        group=arguments.group,
        appspec=appspec,
        plan=arguments.plan,
        installation=arguments.installation,
    )
    console = stderr_console()
    with console.status("looking …") if console.is_terminal else nullcontext() as status:

        def progress(what: str) -> None:
            if status is not None:
                status.update(Text(f"looking at {what}"))

        return examination.account(reader, wanted, progress)


def _template(arguments: argparse.Namespace, appspec: revision.AppSpec | None) -> Examined:
    from devkit.doctor import template

    given = dict(_parameter(each) for each in arguments.parameters)
    read = cloudformation.read(_text(arguments.template), given)
    found = template.examine(read, appspec, arguments.installation)
    return examination.Examined(
        name=arguments.template,
        platform="template",
        appspec=appspec.source if appspec else "",
        symptoms=tuple(rules.in_order(found)),
    )


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise GreenlightError(f"{text!r} is no parameter; write --parameters NAME=VALUE")
    return name, value


def _text(name: str) -> str:
    """Read a template, which may be larger than a plan."""
    try:
        if name == files.STDIN:
            return sys.stdin.read(cloudformation.MAX_BYTES + 1)
        with open(name, encoding="utf-8-sig") as stream:
            return stream.read(cloudformation.MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise GreenlightError(f"there is no file {name}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise GreenlightError(f"{name} cannot be read: {error}") from error


def _show(examined: Sequence[Examined], console: Console) -> None:
    for number, each in enumerate(examined):
        if number:
            console.print()
        about = ", ".join(filter(None, (each.platform, each.appspec)))
        console.print(Text.assemble((each.name, "bold"), f" ({about})" if about else ""))
        for one in each.symptoms:
            for line in _lines(one, each):
                console.print(
                    line, soft_wrap=True
                )  # what is typed or put into a file is copied from here, line by line
        if not each.symptoms:
            console.print("  nothing wrong was found")
    console.print()
    console.print(_summary(examined))


def _lines(one: Symptom, of: Examined) -> Iterator[Text]:
    place = f"{of.name}:{one.line}: " if one.line else ""
    yield Text.assemble(
        "  ", (one.harm.upper(), _STYLES[one.harm]), f"  {place}{one.message}", (f" [{one.rule}]", "bright_black")
    )
    for evidence in one.evidence:
        yield Text(f"      seen: {evidence}", style="bright_black")
    first, *more = one.fix.split("\n")
    yield Text(f"      fix:  {first}")
    for line in more:
        yield Text(f"            {line}")


def _summary(examined: Sequence[Examined]) -> str:
    harms = [one.harm for each in examined for one in each.symptoms]
    counts = [f"{harms.count(harm)} {harm}" for harm in rules.HARMS if harm in harms]
    said = {
        examination.NOTHING: "nothing will go wrong that can be seen from here",
        examination.HARMFUL: "the next deployment will go wrong",
        examination.UNSEEN: "nothing harmful was seen, but not everything was looked at",
    }[examination.status(list(examined))]
    return f"{said}{': ' if counts else ''}{', '.join(counts)}"


def _document(examined: Sequence[Examined]) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "status": examination.status(list(examined)),
        "looked_at_everything": not any(one.harm == "not seen" for each in examined for one in each.symptoms),
        "examined": [
            {
                "name": each.name,
                "platform": each.platform,
                "appspec": each.appspec,
                "findings": [
                    {
                        "rule": one.rule,
                        "severity": one.harm,
                        "message": one.message,
                        "evidence": list(one.evidence),
                        "fix": one.fix,
                        "line": one.line,
                    }
                    for one in each.symptoms
                ],
            }
            for each in examined
        ],
    }
