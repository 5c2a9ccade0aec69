"""`greenlight doctor`: find mistakes in the setup that would break the next deployment, worst first, with fixes."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from rich.text import Text

from greenlight.core.errors import GreenlightError

from ..doctor import cloudformation, examination, revision, rules
from ..doctor.reader import Reader
from ..lint import files
from ..lint.rules import explain_rules
from ..terminal.console import stderr_console, stdout_console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from ..doctor.examination import Examination
    from ..doctor.rules import Harm, Symptom

SCHEMA = "greenlight.doctor/1"
_STYLES: dict[Harm, str] = {
    "ships unchecked": "bold red",
    "stalls an hour": "bold red",
    "blocks": "red",
    "annoys": "yellow",
    "not seen": "magenta",
}
_CONCLUSIONS = {
    examination.EXIT_HARMLESS: "no problem found that would break the next deployment",
    examination.EXIT_HARMFUL: "the next deployment will go wrong",
    examination.EXIT_UNSEEN: "no harmful problem found, but not everything could be read",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options for an application in an account or for a template."""
    add = parser.add_argument
    add(
        "--application",
        default="",
        metavar="NAME",
        help="the CodeDeploy application, in the account of your AWS credentials",
    )
    add("--group", default="", metavar="NAME", help="its deployment group (default: all)")
    add(
        "--template",
        default="",
        metavar="FILE",
        help="a SAM or CloudFormation template instead of an account, offline; - for standard input",
    )
    add(
        "--parameters",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="values of the template's parameters, which override its defaults",
    )
    add(
        "--appspec",
        default="",
        metavar="FILE",
        help="the AppSpec of the next deployment (default: that of the last deployment)",
    )
    add("--plan", default="", metavar="FILE", help="the plan (default: the one that the gate finds)")
    add("--installation", default="greenlight", metavar="NAME", help="greenlight's installation (default greenlight)")
    add("--format", choices=("text", "json"), default="text", help="the output format (default text)")
    add("--explain", default="", metavar="RULE", help="print the description of a rule; `all` for all rules")


def run(arguments: argparse.Namespace, reader: Reader | None = None) -> int:
    """Print the findings.

    Returns:
        0 without harmful findings; 1 with at least one; 3 if something could not be read and the rest is harmless.
    """
    if arguments.explain:
        print(explain_rules(arguments.explain, rules.BY_ID, rules.explain, rules.markdown))
        return examination.EXIT_HARMLESS
    if bool(arguments.application) == bool(arguments.template):
        raise GreenlightError("pass either --application NAME, for an account, or --template FILE")
    appspec = _read_appspec(arguments.appspec)
    if arguments.template:
        if arguments.group or arguments.plan:
            raise GreenlightError("--group and --plan are for --application, not for --template")
        examinations = [_examine_template(arguments, appspec)]
    else:
        if arguments.parameters:
            raise GreenlightError("--parameters is for --template only")
        examinations = _examine_account(arguments, appspec, reader or Reader())
    if arguments.format == "json":
        print(json.dumps(_to_json(examinations), indent=2))
    else:
        _print(examinations, stdout_console())
    return examination.exit_status(examinations)


def _read_appspec(name: str) -> revision.AppSpec | None:
    return revision.parse_revision(files.read_text(name), name, is_next=True) if name else None


def _examine_account(
    arguments: argparse.Namespace, appspec: revision.AppSpec | None, reader: Reader
) -> list[Examination]:
    query = examination.Query(
        application=arguments.application,
        group=arguments.group,
        appspec=appspec,
        plan=arguments.plan,
        installation=arguments.installation,
    )
    console = stderr_console()
    with console.status("checking …") if console.is_terminal else nullcontext() as status:

        def progress(subject: str) -> None:
            if status is not None:
                status.update(Text(f"checking {subject}"))

        return examination.examine_account(reader, query, progress)


def _examine_template(arguments: argparse.Namespace, appspec: revision.AppSpec | None) -> Examination:
    from ..doctor.template.examination import examine_template

    parameters = dict(_parse_parameter(text) for text in arguments.parameters)
    template = cloudformation.parse_template(_read_template(arguments.template), parameters)
    return examination.Examination(
        name=arguments.template,
        platform="template",
        appspec=appspec.source if appspec else "",
        symptoms=tuple(rules.worst_first(examine_template(template, appspec, arguments.installation))),
    )


def _parse_parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise GreenlightError(f"{text!r} is not a valid parameter; write --parameters NAME=VALUE")
    return name, value


def _read_template(name: str) -> str:
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


def _print(examinations: Sequence[Examination], console: Console) -> None:
    for number, group in enumerate(examinations):
        if number:
            console.print()
        details = ", ".join(filter(None, (group.platform, group.appspec)))
        console.print(Text.assemble((group.name, "bold"), f" ({details})" if details else ""))
        for symptom in group.symptoms:
            for line in _lines(symptom, group.name):
                console.print(line, soft_wrap=True)  # no line breaks of the terminal's width in commands to copy
        if not group.symptoms:
            console.print("  no findings")
    console.print()
    console.print(_summary(examinations))


def _lines(symptom: Symptom, name: str) -> Iterator[Text]:
    place = f"{name}:{symptom.line}: " if symptom.line else ""
    yield Text.assemble(
        "  ",
        (symptom.harm.upper(), _STYLES[symptom.harm]),
        f"  {place}{symptom.message}",
        (f" [{symptom.rule}]", "bright_black"),
    )
    for evidence in symptom.evidence:
        yield Text(f"      seen: {evidence}", style="bright_black")
    first_line, *further_lines = symptom.fix.split("\n")
    yield Text(f"      fix:  {first_line}")
    for line in further_lines:
        yield Text(f"            {line}")


def _summary(examinations: Sequence[Examination]) -> str:
    harms = [symptom.harm for group in examinations for symptom in group.symptoms]
    counts = [f"{harms.count(harm)} {harm}" for harm in rules.HARMS if harm in harms]
    conclusion = _CONCLUSIONS[examination.exit_status(list(examinations))]
    return f"{conclusion}{': ' if counts else ''}{', '.join(counts)}"


def _to_json(examinations: Sequence[Examination]) -> dict[str, object]:
    symptoms = [symptom for group in examinations for symptom in group.symptoms]
    return {
        "schema": SCHEMA,
        "status": examination.exit_status(list(examinations)),
        "looked_at_everything": not any(symptom.harm == "not seen" for symptom in symptoms),
        "examined": [
            {
                "name": group.name,
                "platform": group.platform,
                "appspec": group.appspec,
                "findings": [_finding_to_json(symptom) for symptom in group.symptoms],
            }
            for group in examinations
        ],
    }


def _finding_to_json(symptom: Symptom) -> dict[str, object]:
    return {
        "rule": symptom.rule,
        "severity": symptom.harm,
        "message": symptom.message,
        "evidence": list(symptom.evidence),
        "fix": symptom.fix,
        "line": symptom.line,
    }
