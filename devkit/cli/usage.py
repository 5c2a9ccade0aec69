"""How each command is called: examples and exit statuses, which --help shows and docs/cli.md is made of.

The tests parse every example, and run those that need nobody's account.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    pass

Examples = tuple[tuple[str, str], ...]
_FILE_OR_CALL = "the call or a file is wrong; standard error says why"

_CALL_OR_AWS = "the call or a file is wrong, or AWS refuses; standard error says why"


class Usage(NamedTuple):
    """Examples as command line and what it does, and what exit statuses beside 130 (Ctrl-C) mean."""

    examples: Examples
    exits: tuple[tuple[int, str], ...] = ((0, "done"), (2, _FILE_OR_CALL))


USAGE: dict[str, Usage] = {
    "rehearse": Usage(
        (
            ("greenlight rehearse", "the packed deployments"),
            ("greenlight rehearse my.scenario.yaml --format json", "one of your own, for a program"),
        ),
        ((0, "every scenario ended as it says it should"), (1, "one did not"), (2, "a scenario is wrong")),
    ),
    "check": Usage(
        (
            ("greenlight check plan.yaml --stage AfterAllowTestTraffic --url http://localhost:8080", "a service on this machine"),
            ("greenlight check plan.yaml --stage AfterAllowTestTraffic --url http://localhost:8080 --watch", "again whenever the plan changes"),
            ("greenlight check plan.yaml --stage AfterAllowTestTraffic --url https://green.example.com --blue-url https://www.example.com", "green beside blue"),
            ("greenlight check plan.yaml --stage BeforeAllowTraffic --function orders:8", "a version of a Lambda function"),
            ("greenlight check plan.yaml --stage AfterAllowTestTraffic --url http://localhost:8080 --format junit -o report.xml", "for a pipeline"),
        ),
        ((0, "Succeeded"), (1, "Failed"), (2, "the plan or the call is wrong")),
    ),
    "report": Usage(
        (
            ("greenlight report d-EXAMPLE01 --bucket my-reports", "the gate that stopped a deployment"),
            ("greenlight report report.json --format html -o report.html", "a report's file as a page"),
        ),
        ((0, "shown"), (1, "there is none"), (2, _CALL_OR_AWS)),
    ),
    "history": Usage(
        (("greenlight history --application shop --last 50", "how the gates of an application went"),),
        ((0, "shown"), (1, "there are none"), (2, _CALL_OR_AWS)),
    ),
    "replay": Usage(
        (
            ("greenlight replay d-EXAMPLE01 --application shop", "the same plan against the same green, now"),
            ("greenlight replay d-EXAMPLE01 --url http://localhost:8080 --plan plan.yaml", "another green, by another plan"),
        ),
        (
            (0, "it would be Succeeded now"),
            (1, "Failed, or there is no such report"),
            (2, f"it cannot be replayed; {_CALL_OR_AWS}"),
            (3, "it would be Succeeded, but blocking checks that may change data were left out"),
        ),
    ),
    "doctor": Usage(
        (
            ("greenlight doctor --template template.yaml", "a service's template, offline"),
            ("greenlight doctor --application shop --group web", "what an account has"),
        ),
        ((0, "no harm seen"), (1, "something will go wrong"), (2, _FILE_OR_CALL), (3, "no harm seen, but not everything was")),
    ),
    "plan": Usage(
        (
            ("greenlight plan diff plan.yaml --application shop", "what it would change"),
            ("greenlight plan push plan.yaml --application shop --group web", "for one deployment group"),
            ("greenlight plan push plan.yaml --at ssm:/greenlight/plans/shop/web", "into a parameter"),
            ("greenlight plan pull --application shop -o plan.yaml", "the plan that gates run now"),
        ),
        (
            (0, "done; diff: the same"),
            (1, "push: not done; diff: it would change; pull, versions: there is none"),
            (2, _CALL_OR_AWS),
        ),
    ),
    "lint": Usage(
        (
            ("greenlight lint plan.yaml", "one plan"),
            ("greenlight lint --strict --format github .", "every plan and AppSpec below here, as annotations"),
            ("greenlight lint --explain never-passes", "what a rule is about"),
        ),
        ((0, "nothing but warnings"), (2, "errors; with --strict warnings, too")),
    ),
    "iam": Usage(
        (
            ("greenlight iam plan.yaml --format json", "the policy alone"),
            ("greenlight iam s3://PLAN-BUCKET/shop.yaml", "of a plan where gates read it"),
        )
    ),
    "validators": Usage(
        (("greenlight validators", "all of them"), ("greenlight validators http", "one with its parameters")),
    ),
    "appspec": Usage(
        (
            ("greenlight appspec write --platform lambda --function orders --alias live --current-version 7 --target-version 8", "a version of a function"),
            ("greenlight appspec write --platform ecs --task-definition '<TASK_DEFINITION>' --container web --port 8080 -o appspec.yaml", "a service, for CodePipeline to fill in"),
            ("greenlight appspec lint appspec.yaml", "every mistake, with its place"),
        ),
    ),
    "record": Usage(
        (
            ("greenlight record http://localhost:8080 -o plan.yaml", "what a service answers to what services usually have"),
            ("greenlight record http://localhost:8080 --access-log access.log", "what users ask for most"),
            ("greenlight record --curl requests.sh", "requests that you have already"),
            ("greenlight record http://localhost:8080 --openapi openapi.json", "what its contract says"),
        ),
    ),
    "new": Usage(
        (("greenlight new plan -o plan.yaml", "a first plan"), ("greenlight new validator queue_depth", "a validator with its test")),
    ),
    "override": Usage((("greenlight override list --application shop --group web", "what is let through now"),)),
    "schema": Usage((("greenlight schema -o plan.schema.json", "for editors"),)),
    "completion": Usage(
        (
            ("greenlight completion bash > ~/.local/share/bash-completion/completions/greenlight", "bash"),
            ("greenlight completion zsh > ~/.zsh/completions/_greenlight", "zsh, with that folder in fpath"),
            ("greenlight completion fish > ~/.config/fish/completions/greenlight.fish", "fish"),
        ),
    ),
}  # fmt: skip


def epilog(command: str) -> str:
    """Write what stands below the options in --help."""
    usage = USAGE.get(command)
    if usage is None:
        return ""
    lines = ["examples:"]
    for line, what in usage.examples:
        lines += [f"  # {what}", f"  {line}"]
    lines += ["", "exit status:", *(f"  {status}  {what}" for status, what in usage.exits)]
    return "\n".join(lines)


def subcommands(parser: argparse.ArgumentParser) -> dict[str, tuple[str, argparse.ArgumentParser]]:
    """Give what stands below a parser by name: what it does, and its own parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            said = {each.dest: each.help or "" for each in action._choices_actions}
            return {name: (said.get(name, ""), each) for name, each in action.choices.items()}
    return {}


def arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Give what a parser takes itself, --help left out."""
    kinds = (argparse._SubParsersAction, argparse._HelpAction)
    return [action for action in parser._actions if not isinstance(action, kinds) and action.help != argparse.SUPPRESS]


def argument_syntax(action: argparse.Action) -> str:
    """Write an argument as it is typed: `-o, --output FILE`, `[NAME]`."""
    choices = "|".join(str(each) for each in action.choices or () if each)
    value = str(action.metavar or choices or action.dest.upper())
    if not action.option_strings:
        shown = str(action.metavar or action.dest)
        return {"?": f"[{shown}]", "*": f"[{shown} …]", "+": f"{shown} …"}.get(str(action.nargs), shown)
    return ", ".join(action.option_strings) + (f" {value}" if action.nargs != 0 else "")
