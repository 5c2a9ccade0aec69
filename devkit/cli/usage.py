"""Usage of each command: the examples and exit statuses that --help and docs/cli.md show.

The tests parse every example, and run those that need no AWS account.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

Examples = tuple[tuple[str, str], ...]

_FILE_OR_CALL = "the command line or a file is not valid; see standard error"
_CALL_OR_AWS = "the command line or a file is not valid, or AWS refused; see standard error"

_DECISION_EXITS = (
    (0, "the decision counts"),
    (1, "the decision does not count, or the deployment does not wait"),
    (2, _CALL_OR_AWS),
    (3, "the decision was sent, and the gate has not confirmed it within a minute"),
)

_CHECK = "greenlight check plan.yaml --stage AfterAllowTestTraffic"
_APPSPEC = "greenlight appspec write"


class Usage(NamedTuple):
    """Documentation of one command.

    Attributes:
        examples: Pairs of a command line and what it does.
        exits: Exit statuses with their meaning, besides 130 (Ctrl-C).
    """

    examples: Examples
    exits: tuple[tuple[int, str], ...] = ((0, "done"), (2, _FILE_OR_CALL))


USAGE: dict[str, Usage] = {
    "rehearse": Usage(
        (
            ("greenlight rehearse", "the scenarios that come with greenlight"),
            ("greenlight rehearse my.scenario.yaml --format json", "a scenario of your own, as JSON"),
        ),
        (
            (0, "every scenario ended as expected"),
            (1, "a scenario did not end as expected"),
            (2, "a scenario is not valid"),
        ),
    ),
    "check": Usage(
        (
            (f"{_CHECK} --url http://localhost:8080", "a service on this machine"),
            (f"{_CHECK} --url http://localhost:8080 --watch", "run again whenever the plan changes"),
            (f"{_CHECK} --url https://green.example.com --blue-url https://www.example.com", "compare green with blue"),
            (
                "greenlight check plan.yaml --stage BeforeAllowTraffic --function orders:8",
                "a version of a Lambda function",
            ),
            (f"{_CHECK} --url http://localhost:8080 --format junit -o report.xml", "in a pipeline"),
        ),
        (
            (0, "the verdict is Succeeded"),
            (1, "the verdict is Failed"),
            (2, "the plan or the command line is not valid"),
        ),
    ),
    "report": Usage(
        (
            ("greenlight report d-EXAMPLE01 --bucket my-reports", "the gate that stopped a deployment"),
            ("greenlight report report.json --format html -o report.html", "a report file as an HTML page"),
        ),
        ((0, "the report was shown"), (1, "the report was not found"), (2, _CALL_OR_AWS)),
    ),
    "history": Usage(
        (("greenlight history --application shop --last 50", "the last 50 gates of an application"),),
        ((0, "the gates were shown"), (1, "there are no gates"), (2, _CALL_OR_AWS)),
    ),
    "replay": Usage(
        (
            ("greenlight replay d-EXAMPLE01 --application shop", "the same plan against the same green, now"),
            (
                "greenlight replay d-EXAMPLE01 --url http://localhost:8080 --plan plan.yaml",
                "another green and another plan",
            ),
        ),
        (
            (0, "the verdict would be Succeeded now"),
            (1, "the verdict would be Failed now, or the report was not found"),
            (2, f"the gate cannot be replayed; {_CALL_OR_AWS}"),
            (3, "the verdict would be Succeeded, but blocking checks that may change data were left out"),
        ),
    ),
    "doctor": Usage(
        (
            ("greenlight doctor --template template.yaml", "a service's template, offline"),
            ("greenlight doctor --application shop --group web", "the resources of an account"),
        ),
        (
            (0, "no problem found"),
            (1, "a deployment would fail or go live unchecked"),
            (2, _FILE_OR_CALL),
            (3, "no problem found, but not everything could be examined"),
        ),
    ),
    "plan": Usage(
        (
            ("greenlight plan diff plan.yaml --application shop", "what a push would change"),
            ("greenlight plan push plan.yaml --application shop --group web", "for one deployment group"),
            ("greenlight plan push plan.yaml --at ssm:/greenlight/plans/shop/web", "to an SSM parameter"),
            ("greenlight plan pull --application shop -o plan.yaml", "the plan that gates use now"),
        ),
        (
            (0, "done; diff: no difference"),
            (1, "push: not done; diff: a difference; pull, versions: plan not found"),
            (2, _CALL_OR_AWS),
        ),
    ),
    "lint": Usage(
        (
            ("greenlight lint plan.yaml", "one plan"),
            (
                "greenlight lint --strict --format github .",
                "every plan and AppSpec in this folder and below, as annotations",
            ),
            ("greenlight lint --explain never-passes", "the explanation of a rule"),
        ),
        ((0, "there are at most warnings"), (2, "there are errors; with --strict also warnings")),
    ),
    "iam": Usage(
        (
            ("greenlight iam plan.yaml --format json", "only the policy"),
            ("greenlight iam s3://PLAN-BUCKET/shop.yaml", "for a plan in the plan bucket"),
        )
    ),
    "validators": Usage(
        (("greenlight validators", "all validators"), ("greenlight validators http", "one, with its parameters")),
    ),
    "appspec": Usage(
        (
            (
                f"{_APPSPEC} --platform lambda --function orders --alias live --current-version 7 --target-version 8",
                "a version of a Lambda function",
            ),
            (
                f"{_APPSPEC} --platform ecs --task-definition '<TASK_DEFINITION>'"
                " --container web --port 8080 -o appspec.yaml",
                "an ECS service, with a placeholder that CodePipeline fills in",
            ),
            ("greenlight appspec lint appspec.yaml", "every mistake, with its line and column"),
        ),
    ),
    "record": Usage(
        (
            ("greenlight record http://localhost:8080 -o plan.yaml", "from a service's responses to common paths"),
            (
                "greenlight record http://localhost:8080 --access-log access.log",
                "from a log's most frequent requests",
            ),
            ("greenlight record --curl requests.sh", "from curl commands"),
            ("greenlight record http://localhost:8080 --openapi openapi.json", "from an OpenAPI document"),
        ),
    ),
    "new": Usage(
        (
            ("greenlight new plan -o plan.yaml", "a first plan"),
            ("greenlight new validator queue_depth", "a validator with its test"),
        ),
    ),
    "override": Usage((("greenlight override list --application shop --group web", "the current overrides"),)),
    "approve": Usage(
        (("greenlight approve d-EXAMPLE01 --why 'the checkout works'", "a deployment that waits"),), _DECISION_EXITS
    ),
    "refuse": Usage(
        (("greenlight refuse d-EXAMPLE01 --why 'the logo is missing'", "the same; the deployment fails"),),
        _DECISION_EXITS,
    ),
    "schema": Usage((("greenlight schema -o plan.schema.json", "for editors"),)),
    "completion": Usage(
        (
            ("greenlight completion bash > ~/.local/share/bash-completion/completions/greenlight", "bash"),
            ("greenlight completion zsh > ~/.zsh/completions/_greenlight", "zsh, with that folder in fpath"),
            ("greenlight completion fish > ~/.config/fish/completions/greenlight.fish", "fish"),
        ),
    ),
}


class Subcommand(NamedTuple):
    """A command below another: its summary and its parser."""

    summary: str
    parser: argparse.ArgumentParser


def epilog(command: str) -> str:
    """Return the text that --help shows below the options: examples and exit statuses."""
    usage = USAGE.get(command)
    if usage is None:
        return ""
    lines = ["examples:"]
    for line, purpose in usage.examples:
        lines += [f"  # {purpose}", f"  {line}"]
    lines += ["", "exit status:", *(f"  {status}  {meaning}" for status, meaning in usage.exits)]
    return "\n".join(lines)


# argparse has no public way to list the arguments of a parser: the two functions below read its private members.


def subcommands(parser: argparse.ArgumentParser) -> dict[str, Subcommand]:
    """Return the subcommands of a parser by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {choice.dest: choice.help or "" for choice in action._choices_actions}
            return {name: Subcommand(summaries.get(name, ""), child) for name, child in action.choices.items()}
    return {}


def arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments of a parser, without --help and subcommands."""
    kinds = (argparse._SubParsersAction, argparse._HelpAction)
    return [action for action in parser._actions if not isinstance(action, kinds) and action.help != argparse.SUPPRESS]


def argument_syntax(action: argparse.Action) -> str:
    """Return an argument as it is typed: `-o, --output FILE`, `[NAME]`."""
    if action.option_strings:
        names = ", ".join(action.option_strings)
        choices = "|".join(str(choice) for choice in action.choices or () if choice)
        return names if action.nargs == 0 else f"{names} {action.metavar or choices or action.dest.upper()}"
    value = str(action.metavar or action.dest)
    return {"?": f"[{value}]", "*": f"[{value} …]", "+": f"{value} …"}.get(str(action.nargs), value)
