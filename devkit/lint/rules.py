"""Every rule of lint: its name, which never changes, what it is about, and a file that breaks it beside one that does not.

The engine refuses with sentences alone, for a gate names no rules. Here the sentences find their rules, by their words.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from devkit.lint.examples import EXAMPLES
from greenlight.core.errors import GreenlightError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.suggestions import suggest_or_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from greenlight.core.errors import Problem

R = TypeVar("R")


class Listed(Protocol):
    """What a table of rules shows of each."""

    @property
    def id(self) -> str:
        """Its name, which never changes."""

    @property
    def what(self) -> str:
        """What it is about."""

    @property
    def severity(self) -> str:
        """How bad it is."""


class Rule(FrozenStruct, frozen=True, kw_only=True):
    """One rule; `said` is a pattern of the engine's sentences, "" for rules that lint itself looks for."""

    id: str
    what: str
    severity: Literal["error", "warning"] = "error"
    said: str = ""

    @property
    def bad(self) -> str:
        """A file in which exactly this is wrong."""
        return EXAMPLES[self.id][0]

    @property
    def good(self) -> str:
        """The same file, mended."""
        return EXAMPLES[self.id][1]


def _error(name: str, what: str, said: str = "") -> Rule:
    return Rule(id=name, what=what, said=said)


def _warning(name: str, what: str) -> Rule:
    return Rule(id=name, what=what, severity="warning")


_REFUSED = (
    _error("file", "The file cannot be read: absent, no UTF-8, too large, or a folder without plans.", "no such file|cannot be read: |is larger than|not UTF-8|holds no plan"),
    _error("yaml-duplicate-key", "A key stands twice in a map; the first would be lost.", "stands here twice"),
    _error("yaml-anchor", "Anchors, aliases and merge keys hide what a plan says.", "anchors and aliases|no anchor and no tag|merge keys"),
    _error("yaml-tag", "A tag asks for a type of another program.", r"^the tag "),
    _error("yaml-octal", "A number with a leading zero is octal to some, and decimal to others.", "may mean an octal number"),
    _error("yaml-odd-number", "A number in another base, with underscores, too long, or not finite.", "may mean a number|for a number; text|equals nothing; write a finite"),
    _error("yaml-syntax", "The file is not YAML, or not the JSON it is named after.", "not valid YAML|not valid JSON|a key must be a text|cannot stand in a plan|nested deeper|a second document"),
    _error("duplicate-name", "Two checks of a stage have one name.", "another check of this stage is called"),
    _error("needs", "A check needs one that there is not, that stands later, or itself.", "no check of this stage is called|cannot need itself|must stand before"),
    _error("validator-count", "A check has exactly one key beside the control keys: its validator.", "has exactly one key, the validator"),
    _error("unknown-validator", "No validator has this name.", "there is no validator"),
    _error("malformed-validator", "A plugin is no validator.", "cannot be loaded|must hold exactly one function|file and function must|remove one of the packages"),
    _error("unknown-predicate", "No predicate has this name.", "^unknown predicate"),
    _error("unknown-key", "No key has this name here.", "^unknown key"),
    _error("unknown-name", "A reference means nothing.", r"^nothing is called \$"),
    _error("reference", "A reference is malformed, or stands where none is replaced.", r"is not a valid reference(; | to a secret)|\$\{…\} is |would hide the capture|is not a valid name; write"),
    _error("wrong-stage", "The validator shows nothing at this stage.", "shows nothing at"),
    _error("nothing-to-check", "A plan without stages, or a stage without checks, proves nothing.", "a stage without checks|a plan without stages"),
    _error("nothing-expected", "What is expected is empty, and every answer would pass.", "expects nothing|expect is empty|expects anything|nothing of the response is expected|is in every text|looks at nothing|would pass any answer"),
    _error("query", "A JMESPath query is none.", "JMESPath|looks at nothing"),
    _error("pattern", "A regular expression is none.", "is not a valid pattern|a pattern has"),
    _error("unit", "A duration or a size lacks its unit, or is none.", "is not a valid (duration|size)"),
    _error("too-long", "A time is longer than the hour CodeDeploy waits, or is none.", "longer than the hour|checked in no time"),
    _error("shadow-too-far", "A shadow ends further ahead than one may.", "days ahead; a shadow may end"),
    _error("missing-key", "A key that must be there is missing, or has no value.", r"^the key '.*' is missing|has no value; write one"),
    _error("unknown-choice", "A word is none of those that may stand here.", r"is none of |^unknown type|^.{1,62} is not [^ ]+(; did|$)"),
    _error("type", "A value is of another type, or beyond its bounds.", "^expected |is too (small|large); write"),
    _error("value", "A value cannot be; the sentence says why and what to write.", ""),
)  # fmt: skip
_APPSPEC = (
    _error("appspec-alias", "An AppSpec's alias is none."),
    _error("appspec-capacity-provider", "An AppSpec's capacity providers are no list of what ECS takes."),
    _error("appspec-container-port", "An AppSpec's container port is no number, or stands in quotes."),
    _error("appspec-ec2", "A key of AppSpecs for servers (files, os, location …) stands in one for Lambda or ECS."),
    _error("appspec-event", "A hook's event is none of this platform."),
    _error("appspec-event-twice", "An event of an AppSpec has two hooks; CodeDeploy calls one."),
    _error("appspec-function-name", "An AppSpec's function is named by its ARN, or with its version."),
    _error("appspec-hook", "A hook is no Lambda function's name, or has a version or an alias."),
    _warning("appspec-hook-prefix", "The roles AWS gives CodeDeploy for Lambda may not call the hook."),
    _warning("appspec-hook-stage", "By its name a hook is for another event than the one it is called at."),
    _error("appspec-hooks", "An AppSpec's Hooks are no list with one key in each entry."),
    _error("appspec-indentation", "Type, Properties or what they hold stand at the wrong depth of an AppSpec."),
    _error("appspec-key-twice", "Two keys of an AppSpec differ in nothing but their case."),
    _error(
        "appspec-lambda-version", "An AppSpec's version is no published version's number: an ARN, $LATEST, an alias."
    ),
    _error("appspec-load-balancer", "An AppSpec's LoadBalancerInfo is no map of container and port."),
    _error("appspec-network", "An AppSpec's network is incomplete, or holds what ECS does not take."),
    _error("appspec-platform-version", "An AppSpec's platform version is none of Fargate's."),
    _error("appspec-property", "A property that an AppSpec must have is missing or empty."),
    _error("appspec-resources", "An AppSpec's Resources are no list with one entry."),
    _error("appspec-same-version", "An AppSpec deploys the version that users have already."),
    _error("appspec-task-definition", "An AppSpec's task definition is no ARN and no FAMILY:REVISION."),
    _error(
        "appspec-template",
        "A template of CloudFormation or SAM was taken for an AppSpec.",
        "^this is a template of CloudFormation",
    ),
    _error("appspec-type", "The resource of an AppSpec is neither a Lambda function nor an ECS service."),
    _warning("appspec-unknown-key", "CodeDeploy does nothing with a key of an AppSpec."),
    _error("appspec-version", "An AppSpec begins with version: 0.0."),
)
_LOOKED_FOR = (
    _error("no-blocking-check", "Every check of a stage is advisory: the stage can never succeed."),
    _error("wrong-platform", "A check runs only on a platform on which its validator fails."),
    _error("captured-too-late", "A step uses what a later step captures."),
    _error("impossible-budget", "What a stage waits in any case is longer than the hook function lives."),
    _error("impossible-wait", "What a validator waits is longer than its check's timeout."),
    _error("never-passes", "An expectation that no answer can pass."),
    _warning("always-passes", "An expectation that every answer passes."),
    _warning("bare-word", "A JMESPath filter compares with a name, which is a field, where a text is meant."),
    _warning("empty-value", "An expectation is left out, which means null."),
    _warning("body-on-get", "A GET or HEAD with a body, which has no meaning there."),
    _warning("error-passes", "An expectation that a server error passes, too."),
    _warning("captures-only", "A request that captures, expects nothing, and is followed by none."),
    _warning("only-refusals", "All that a stage expects are refusals: 401, 403, 404."),
    _warning("may-not-finish", "A stage's worst case is longer than the hook function lives."),
    _warning("never-runs", "A check is for deployments that do not have its stage."),
    _warning("need-skipped", "A check runs where one that it needs is skipped, and the stage fails."),
    _warning("first-deployment", "On a first deployment a stage skips all its blocking checks, and fails."),
    _warning("shadow-ends", "A shadow is over, or ends within two weeks."),
    _warning("same-check-twice", "Two checks of a stage differ in nothing but their names."),
    _warning("placeholder-in-path", "{name} in a path is sent as it stands; ${name} is replaced."),
    _warning("unused-variable", "A variable that no check uses."),
    _warning("plain-secret", "A secret is written out in the plan."),
    _warning("yaml-boolean", "yes, no, on and off are texts in YAML 1.2, and booleans in YAML 1.1."),
    _warning("yaml-base-60", "1:30 is a text in YAML 1.2, and the number 90 in YAML 1.1."),
    _warning("yaml-date", "2026-01-01 is a text in YAML 1.2, and a date in YAML 1.1."),
    _warning("yaml-number", "1.10 is the number 1.1, and 1e5 is 100000, where a version or a name may be meant."),
)
RULES = tuple(sorted((*_REFUSED, *_APPSPEC, *_LOOKED_FOR), key=lambda rule: rule.id))
BY_ID = {rule.id: rule for rule in RULES}
_SAID = tuple((re.compile(rule.said), rule.id) for rule in _REFUSED if rule.said)


def with_rule(problem: Problem) -> Problem:
    """Give one of the engine's problems its rule; `value` where its words are no rule's."""
    problem.rule = next((name for said, name in _SAID if said.search(problem.message)), "value")
    return problem


def markdown() -> str:
    """Write docs/lint.md: a table of the rules, and of each what is wrong and what is right."""
    head = (
        "# Rules of lint\n\nMade by `make docs`. `greenlight lint --explain RULE` prints one with whole files. An error is refused by\n"
        "the gates, or can never succeed; a warning runs, and means something else than it says. `--strict` makes warnings\n"
        "count. The comment `# lint: allow RULE` in a line, or in the line before, takes a warning back.\n"
    )
    shown = [f"## {rule.id}\n\n```diff\n{_mended(rule)}\n```\n" for rule in RULES if rule.bad]
    return "\n".join([head, table(RULES), *shown]).rstrip()


def table(rules: Iterable[Listed], seen: Mapping[str, str] | None = None) -> str:
    """Write rules as a table in Markdown; `seen` says of each by id where it is looked for, in a column of its own."""
    more = "" if seen is None else " seen in |"
    rows = (f"| `{rule.id}` | {rule.severity} | {rule.what} |{f' {seen[rule.id]} |' if seen else ''}" for rule in rules)
    return "\n".join((f"| rule | | what |{more}\n|---|---|---|{'---|' if more else ''}", *rows, ""))


def _mended(rule: Rule) -> str:
    """Show what is wrong and what is right as a difference, the lines around it for its place."""
    lines = difflib.unified_diff(rule.bad.splitlines(), rule.good.splitlines(), lineterm="", n=2)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def explained(rule: Rule) -> str:
    """Write one rule: what it is, a file that breaks it, and the file mended."""
    files = f"\n\nWrong:\n\n{rule.bad}\nRight:\n\n{rule.good}" if rule.bad else ""
    return f"{rule.id} ({rule.severity}): {rule.what}{files}".rstrip()


def rules_named(name: str, known: Mapping[str, R], one: Callable[[R], str], every: Callable[[], str]) -> str:
    """Say what somebody asks of rules: of `one` by its name, or of `every` one by the word all.

    Raises:
        GreenlightError: There is no such rule.
    """
    if name == "all":
        return every()
    if name not in known:
        raise GreenlightError(f"there is no rule {name!r}{suggest_or_list(name, known)}")
    return one(known[name])
