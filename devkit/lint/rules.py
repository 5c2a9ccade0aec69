"""The rules of lint: ids, which never change, summaries, and a wrong and a corrected file for each.

The engine's problems have sentences and no rule ids, because gates do not need them. Lint finds the rule of a problem
by patterns of its sentence.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from greenlight.core.errors import GreenlightError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.suggestions import suggest_or_list

from .examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from greenlight.core.errors import Problem

R = TypeVar("R")


class ListedRule(Protocol):
    """The attributes of a rule that a table of rules shows; the rules of the doctor have them too."""

    @property
    def id(self) -> str:
        """Its name, which never changes."""

    @property
    def summary(self) -> str:
        """One sentence about what breaks it."""

    @property
    def severity(self) -> str:
        """How bad it is."""


class Rule(FrozenStruct, frozen=True, kw_only=True):
    """One rule.

    Attributes:
        pattern: Regular expression for the engine's sentences; "" for rules that lint checks itself.
    """

    id: str
    summary: str
    severity: Literal["error", "warning"] = "error"
    pattern: str = ""

    @property
    def bad(self) -> str:
        """A file that breaks this rule and no other."""
        return EXAMPLES[self.id][0]

    @property
    def good(self) -> str:
        """The same file, corrected."""
        return EXAMPLES[self.id][1]


def _error(name: str, summary: str, pattern: str = "") -> Rule:
    return Rule(id=name, summary=summary, pattern=pattern)


def _warning(name: str, summary: str) -> Rule:
    return Rule(id=name, summary=summary, severity="warning")


_ENGINE_RULES = (
    _error(
        "file",
        "The file cannot be read: absent, not UTF-8, too large, or a folder without plans.",
        "no such file|cannot be read: |is larger than|not UTF-8|(?:holds|contains) no plan",
    ),
    _error(
        "yaml-duplicate-key",
        "A key occurs twice in a map; the first would be lost.",
        "(?:occurs|stands here) twice",
    ),
    _error(
        "yaml-anchor",
        "Anchors, aliases and merge keys hide what a plan contains.",
        "anchors and aliases|no anchor and no tag|merge keys",
    ),
    _error("yaml-tag", "A tag asks for a type of another program.", "^the tag "),
    _error(
        "yaml-octal",
        "A number with a leading zero is octal to some programs, and decimal to others.",
        "may mean an octal number",
    ),
    _error(
        "yaml-odd-number",
        "A number in another base, with underscores, too long, or not finite.",
        "may mean a number|for a number; text|is not a finite number; write one",
    ),
    _error(
        "yaml-syntax",
        "The file is not valid YAML, or not the JSON that its name promises.",
        "not valid YAML|not valid JSON|a key must be a text|is not allowed in a plan|nested deeper|a second document",
    ),
    _error(
        "one-address-for-both",
        "compare and migration ask blue and green; a URL would be the same server for both.",
        "is one address for both sides",
    ),
    _error("duplicate-name", "Two checks of a stage have one name.", "another check of this stage is called"),
    _error(
        "needs",
        "A check needs one that does not exist, that comes later, or itself.",
        "no check of this stage is called|cannot need itself|must stand before",
    ),
    _error(
        "validator-count",
        "A check has exactly one key beside the control keys: its validator.",
        "has exactly one key, the validator",
    ),
    _error("unknown-validator", "No validator has this name.", "there is no validator"),
    _error(
        "malformed-validator",
        "A plugin is not a valid validator.",
        "cannot be loaded|must (?:hold|contain) exactly one function|file and function must|remove one of the packages",
    ),
    _error("unknown-predicate", "No predicate has this name.", "^unknown predicate"),
    _error("unknown-key", "No key has this name here.", "^unknown key"),
    _error("unknown-name", "A reference names nothing.", r"^nothing is called \$"),
    _error(
        "reference",
        "A reference is malformed, or is in a place where none is replaced.",
        r"is (?:no|not a valid) reference(?:; | to a secret)|names no secret|\$\{…\} is "
        "|would hide the capture|is (?:no|not a valid|not a) name; write",
    ),
    _error("wrong-stage", "The validator shows nothing at this stage.", "shows nothing at"),
    _error(
        "nothing-to-check",
        "A plan without stages, or a stage without checks, proves nothing.",
        "a stage without checks|a plan without stages",
    ),
    _error(
        "nothing-expected",
        "The expectation is empty, and every response would pass.",
        "expects nothing|expect is empty|expects anything|nothing of the response is expected|is in every text"
        "|looks at nothing|would pass any (?:answer|response)",
    ),
    _error("query", "A JMESPath query is not valid.", "JMESPath|looks at nothing"),
    _error(
        "pattern",
        "A regular expression is not valid.",
        "is (?:no|not a valid|not a) (?:pattern|regular expression)|a pattern has",
    ),
    _error(
        "unit",
        "A duration or a size lacks its unit, or is not valid.",
        "is (?:no|not a valid|not a) (?:duration|size)",
    ),
    _error(
        "too-long",
        "A time is longer than the hour that CodeDeploy waits, or is zero.",
        "longer than the hour|longer than one hour|checked in no time",
    ),
    _error("shadow-too-far", "A shadow ends further ahead than one may.", "days ahead; a shadow may end"),
    _error(
        "missing-key",
        "A required key is missing, or has no value.",
        "^the key '.*' is missing|has no value; write one",
    ),
    _error(
        "unknown-choice",
        "A word is not one of those that are allowed here.",
        "is (?:none|not one) of |^unknown type|^.{1,62} is not [^ ]+(; did|$)",
    ),
    _error("type", "A value has another type, or is beyond its bounds.", "^expected |is too (small|large); write"),
    _error("value", "A value is impossible; the message has the reason and what to write.", ""),
)
_APPSPEC_RULES = (
    _error("appspec-alias", "An AppSpec's alias is not a valid alias."),
    _error("appspec-capacity-provider", "An AppSpec's capacity providers are not a list as ECS takes it."),
    _error("appspec-container-port", "An AppSpec's container port is not a number, or is in quotes."),
    _error("appspec-ec2", "A key of AppSpecs for servers (files, os, location …) is in one for Lambda or ECS."),
    _error("appspec-event", "A hook's event does not exist on this platform."),
    _error("appspec-event-twice", "An event of an AppSpec has two hooks; CodeDeploy calls one."),
    _error("appspec-function-name", "An AppSpec's function is named by its ARN, or with its version."),
    _error("appspec-hook", "A hook is not a Lambda function's name, or has a version or an alias."),
    _warning("appspec-hook-prefix", "AWS's managed roles of CodeDeploy for Lambda may not invoke the hook."),
    _warning("appspec-hook-stage", "The hook's name is that of another event than the one it is called at."),
    _error("appspec-hooks", "An AppSpec's Hooks are not a list with one key in each entry."),
    _error("appspec-indentation", "Type, Properties or their contents are at the wrong depth of an AppSpec."),
    _error("appspec-key-twice", "Two keys of an AppSpec differ only in their case."),
    _error(
        "appspec-lambda-version",
        "An AppSpec's version is not the number of a published version: an ARN, $LATEST, an alias.",
    ),
    _error("appspec-load-balancer", "An AppSpec's LoadBalancerInfo is not a map of container and port."),
    _error("appspec-network", "An AppSpec's network is incomplete, or has values that ECS does not take."),
    _error("appspec-platform-version", "An AppSpec's platform version is not one of Fargate's."),
    _error("appspec-property", "A required property of an AppSpec is missing or empty."),
    _error("appspec-resources", "An AppSpec's Resources are not a list with one entry."),
    _error("appspec-same-version", "An AppSpec deploys the version that is already live."),
    _error("appspec-task-definition", "An AppSpec's task definition is neither an ARN nor FAMILY:REVISION."),
    _error(
        "appspec-template",
        "A template of CloudFormation or SAM is passed as an AppSpec.",
        "^this is a template of CloudFormation",
    ),
    _error("appspec-type", "The resource of an AppSpec is neither a Lambda function nor an ECS service."),
    _warning("appspec-unknown-key", "CodeDeploy ignores a key of an AppSpec."),
    _error("appspec-version", "An AppSpec begins with version: 0.0."),
)
_LINT_RULES = (
    _error("no-blocking-check", "Every check of a stage is advisory: the stage can never succeed."),
    _error("wrong-platform", "A check runs only on a platform on which its validator fails."),
    _error("captured-too-late", "A step uses what a later step captures."),
    _error("impossible-budget", "The shortest duration of a stage is longer than the hook function's timeout."),
    _error("impossible-wait", "A validator's wait is longer than its check's timeout."),
    _error("never-passes", "An expectation that no response can pass."),
    _warning("never-asks-green", "No blocking check of a stage can ask green, and the stage accepts no less."),
    _warning("always-passes", "An expectation that every response passes."),
    _warning("bare-word", "A JMESPath filter compares with a name, which is a field; a text was probably meant."),
    _warning("empty-value", "An expectation without a value, which means null."),
    _warning("body-on-get", "A GET or HEAD with a body, which has no meaning for these methods."),
    _warning("error-passes", "An expectation that a server error passes as well."),
    _warning("captures-only", "A request that captures, expects nothing, and is not followed by another."),
    _warning("only-refusals", "A stage expects only refusals: 401, 403, 404."),
    _warning("may-not-finish", "A stage's worst case is longer than the hook function's timeout."),
    _warning("never-runs", "A check is for deployments that do not have its stage."),
    _warning("need-skipped", "A check runs where one that it needs is skipped, and the stage fails."),
    _warning("first-deployment", "On a first deployment a stage skips all its blocking checks, and fails."),
    _warning("shadow-ends", "A shadow is over, or ends within two weeks."),
    _warning("same-check-twice", "Two checks of a stage differ only in their names."),
    _warning("placeholder-in-path", "{name} in a path is sent unchanged; ${name} is replaced."),
    _warning("unused-variable", "A variable that no check uses."),
    _warning("plain-secret", "A secret is in the plan as plain text."),
    _warning("yaml-boolean", "yes, no, on and off are texts in YAML 1.2, and booleans in YAML 1.1."),
    _warning("yaml-base-60", "1:30 is a text in YAML 1.2, and the number 90 in YAML 1.1."),
    _warning("yaml-date", "2026-01-01 is a text in YAML 1.2, and a date in YAML 1.1."),
    _warning("yaml-number", "1.10 is the number 1.1, and 1e5 is 100000; a version or a name may be meant."),
)
RULES = tuple(sorted((*_ENGINE_RULES, *_APPSPEC_RULES, *_LINT_RULES), key=lambda rule: rule.id))
BY_ID = {rule.id: rule for rule in RULES}
_PATTERNS = tuple((re.compile(rule.pattern), rule.id) for rule in _ENGINE_RULES if rule.pattern)


def with_rule(problem: Problem) -> Problem:
    """Set the rule of one of the engine's problems; `value` if no pattern matches its sentence."""
    problem.rule = next((name for pattern, name in _PATTERNS if pattern.search(problem.message)), "value")
    return problem


def markdown() -> str:
    """Render docs/lint.md: a table of the rules, and for each a difference between a wrong and a corrected file."""
    head = (
        "# Rules of lint\n\nMade by `make docs`. `greenlight lint --explain RULE` prints one with whole files. "
        "Gates reject a plan with an error, or it\ncan never succeed; a plan with a warning runs, but probably does "
        "not do what its author meant. `--strict` makes warnings\ncount. The comment `# lint: allow RULE` in a line, "
        "or in the line before, suppresses a warning.\n"
    )
    examples = [f"## {rule.id}\n\n```diff\n{_difference(rule)}\n```\n" for rule in RULES if rule.bad]
    return "\n".join([head, table(RULES), *examples]).rstrip()


def table(rules: Iterable[ListedRule], places: Mapping[str, str] | None = None) -> str:
    """Render rules as a table in Markdown; `places` has by rule id where it is checked, for a column of its own."""
    place_title, place_line = ("", "") if places is None else (" seen in |", "---|")
    rows = (
        f"| `{rule.id}` | {rule.severity} | {rule.summary} |{f' {places[rule.id]} |' if places else ''}"
        for rule in rules
    )
    return "\n".join((f"| rule | | what |{place_title}\n|---|---|---|{place_line}", *rows, ""))


def _difference(rule: Rule) -> str:
    """Return the wrong and the corrected file as a unified diff."""
    lines = difflib.unified_diff(rule.bad.splitlines(), rule.good.splitlines(), lineterm="", n=2)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def explain(rule: Rule) -> str:
    """Render one rule: its summary, a file that breaks it, and the corrected file."""
    files = f"\n\nWrong:\n\n{rule.bad}\nRight:\n\n{rule.good}" if rule.bad else ""
    return f"{rule.id} ({rule.severity}): {rule.summary}{files}".rstrip()


def explain_rules(
    name: str, rules: Mapping[str, R], explain_one: Callable[[R], str], all_rules: Callable[[], str]
) -> str:
    """Return the explanation of the rule `name`, or of all rules for the name "all".

    Raises:
        GreenlightError: There is no such rule.
    """
    if name == "all":
        return all_rules()
    if name not in rules:
        raise GreenlightError(f"there is no rule {name!r}{suggest_or_list(name, rules)}")
    return explain_one(rules[name])
