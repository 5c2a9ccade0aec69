"""The lint rules: ids, which never change, summaries, and a wrong and a corrected file for each.

The engine's problems have no rule ids, because gates do not need them. Lint finds the rule of such a problem by
matching its sentence.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Literal, TypeVar

from greenlight.core.errors import GreenlightError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.suggestions import suggest_or_list

from .examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from greenlight.core.errors import Problem

R = TypeVar("R")


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
        "file not found|cannot be read: |is larger than|not UTF-8|contains no plan",
    ),
    _error(
        "watch-key",
        "Only AllowTraffic has rounds (every, tolerate, stop_on), and it has no bake.",
        "^only AllowTraffic has |^AllowTraffic has no bake|is not between 10s and 10m|so the list contains fail",
    ),
    _error("yaml-duplicate-key", "A key occurs twice in a map, so its first value would be lost.", "occurs twice"),
    _error(
        "yaml-anchor",
        "Anchors, aliases and merge keys are not allowed, because they make a plan hard to review.",
        "anchors and aliases|an anchor or a tag|merge keys",
    ),
    _error("yaml-tag", "YAML tags are not allowed.", "^the tag "),
    _error(
        "yaml-octal",
        "A number with a leading zero is octal in YAML 1.1 and decimal in YAML 1.2.",
        "may mean an octal number",
    ),
    _error(
        "yaml-odd-number",
        "A number is in another base, has underscores, is too long, or is not finite.",
        "may mean a number|for a number; text|is not a finite number; write a",
    ),
    _error(
        "yaml-syntax",
        "The file is not valid YAML, or is named .json and is not valid JSON.",
        "not valid YAML|not valid JSON|a key must be a text|is not allowed in a plan|nested deeper|a second document",
    ),
    _error(
        "one-address-for-both",
        "A check that compares blue and green has a URL, which is the same server for both.",
        "is one address for both sides",
    ),
    _error(
        "duplicate-name",
        "Two checks of a stage have the same name.",
        "another check of this stage has the name",
    ),
    _error(
        "needs",
        "A check needs itself, a later check, or a check that does not exist.",
        "no check of this stage has the name|cannot need itself|must come before",
    ),
    _error(
        "validator-count",
        "A check does not have exactly one validator.",
        "has exactly one key, its validator",
    ),
    _error("unknown-validator", "There is no validator with this name.", "there is no validator"),
    _error(
        "malformed-validator",
        "A plugin does not define a valid validator.",
        "cannot be loaded|must contain exactly one function|file and function must",
    ),
    _error("unknown-predicate", "There is no predicate with this name.", "^unknown predicate"),
    _error("unknown-key", "There is no key with this name at this place.", "^unknown key"),
    _error("unknown-name", "A reference names neither a variable nor another known value.", r"^nothing is called \$"),
    _error(
        "reference",
        "A reference is malformed, or is in a place where references are not replaced.",
        r"is not a valid reference(?:; | to a secret)|\$\{…\} is |would hide the capture|is not a valid name; write",
    ),
    _error("wrong-stage", "The validator cannot be used at this stage.", "shows nothing at"),
    _error(
        "nothing-to-check",
        "A plan has no stages, or a stage has no checks.",
        "a stage without checks|a plan without stages",
    ),
    _error(
        "nothing-expected",
        "An expectation is empty, so every response would pass.",
        "expects nothing|expect is empty|expects anything|nothing of the response is expected|is in every text"
        "|looks at nothing|would pass any response",
    ),
    _error("query", "A JMESPath query is not valid.", "JMESPath|looks at nothing"),
    _error(
        "pattern",
        "A regular expression is not valid.",
        "is not a valid pattern|a pattern has",
    ),
    _error(
        "unit",
        "A duration or a size has no unit, or is not valid.",
        "is not a valid (?:duration|size)",
    ),
    _error(
        "too-long",
        "A duration is zero, or longer than the hour that CodeDeploy waits.",
        "longer than the hour|checked in no time",
    ),
    _error(
        "shadow-too-far",
        "A shadow ends further in the future than allowed.",
        "days ahead; a shadow must end",
    ),
    _error(
        "missing-key",
        "A required key is missing or has no value.",
        "^the key '.*' is missing|has no value; write a value",
    ),
    _error(
        "unknown-choice",
        "A value is not one of the allowed values.",
        "is not one of |^unknown type|^.{1,62} is not [^ ]+(; did|$)",
    ),
    _error("type", "A value has the wrong type or is out of range.", "^expected |is too (small|large); write"),
    _error("value", "A value is not valid for another reason, which the message explains.", ""),
)
_APPSPEC_RULES = (
    _error("appspec-alias", "The alias in the AppSpec is not a valid alias name."),
    _error("appspec-capacity-provider", "The AppSpec's CapacityProviderStrategy is not a list that ECS accepts."),
    _error("appspec-container-port", "The AppSpec's ContainerPort is not a number from 1 to 65535, or is in quotes."),
    _error(
        "appspec-ec2",
        "A key is only for EC2 and on-premises deployments: files, os, location …",
    ),
    _error("appspec-event", "A hook is set for a lifecycle event that this platform does not have."),
    _error("appspec-event-twice", "The AppSpec has two hooks for one lifecycle event; CodeDeploy calls only one."),
    _error(
        "appspec-function-name",
        "The AppSpec's function is an ARN, or has a version or an alias.",
    ),
    _error("appspec-hook", "A hook is not the name or ARN of a Lambda function, or has a version or an alias."),
    _warning("appspec-hook-prefix", "AWS's managed CodeDeploy policies for Lambda do not allow invoking the hook."),
    _warning("appspec-hook-stage", "By its name, the hook is for another lifecycle event."),
    _error("appspec-hooks", "The AppSpec's Hooks is not a list of maps with one key each."),
    _error("appspec-indentation", "Type, Properties or their contents have the wrong indentation in the AppSpec."),
    _error("appspec-key-twice", "Two keys of the AppSpec differ only in case."),
    _error(
        "appspec-lambda-version",
        "A version in the AppSpec is not the number of a published version, but an ARN, $LATEST or an alias.",
    ),
    _error("appspec-load-balancer", "The AppSpec's LoadBalancerInfo is not a map of ContainerName and ContainerPort."),
    _error("appspec-network", "The AppSpec's NetworkConfiguration is incomplete or not valid."),
    _error("appspec-platform-version", "The AppSpec's PlatformVersion is not a Fargate platform version."),
    _error("appspec-property", "A required property of the AppSpec is missing or empty."),
    _error("appspec-resources", "The AppSpec's Resources is not a list with one entry."),
    _error("appspec-same-version", "The AppSpec deploys the version that is already live."),
    _error("appspec-task-definition", "The AppSpec's TaskDefinition is neither an ARN nor FAMILY:REVISION."),
    _error(
        "appspec-template",
        "The file is a CloudFormation or SAM template, not an AppSpec.",
        "^this is a CloudFormation or SAM template",
    ),
    _error("appspec-type", "The AppSpec's resource is neither a Lambda function nor an ECS service."),
    _warning("appspec-unknown-key", "The AppSpec has a key that CodeDeploy ignores."),
    _error("appspec-version", "The AppSpec's version is not 0.0."),
)
_LINT_RULES = (
    _error("no-blocking-check", "Every check of a stage is advisory, so the stage can never succeed."),
    _error("wrong-platform", "A check runs only on a platform that its validator does not support."),
    _error("captured-too-late", "A step uses a value that only a later step captures."),
    _error("impossible-budget", "Even the shortest run of a stage is longer than the hook or the state machine has."),
    _error("impossible-wait", "A validator waits longer than its check's timeout."),
    _error("never-passes", "No response can pass the expectation."),
    _warning("never-asks-green", "No blocking check of a stage can ask green, and the stage accepts no less."),
    _warning("always-passes", "Every response passes the expectation."),
    _warning("bare-word", "A JMESPath filter compares with the name of a field; a string was probably meant."),
    _warning("empty-value", "An expectation has no value, which means null."),
    _warning("body-on-get", "A GET or HEAD request has a body, which has no defined meaning for these methods."),
    _warning("error-passes", "A server error passes the expectation, too."),
    _warning("captures-only", "A single request captures values but expects nothing."),
    _warning(
        "only-refusals",
        "A stage expects only refusals: 401, 403, 404.",
    ),
    _warning("may-not-finish", "The longest run of a stage is longer than the hook or the state machine has."),
    _warning("watch-without-gate", "The plan watches the shift, but has no stage whose hook starts the watcher."),
    _warning("slow-rounds", "A round of checks during the shift may take longer than the time between two rounds."),
    _warning("never-runs", "A check runs only on a platform that does not have its stage."),
    _warning("need-skipped", "A check runs in deployments that skip a check that it needs, so the stage fails."),
    _warning("first-deployment", "A first deployment skips all blocking checks of a stage, so the stage fails."),
    _warning("shadow-ends", "A shadow has ended, or ends within two weeks."),
    _warning("same-check-twice", "Two checks of a stage differ only in their names."),
    _warning("placeholder-in-path", "{name} in a path is sent unchanged; ${name} is replaced."),
    _warning("unused-variable", "The plan has a variable that no check uses."),
    _warning("plain-secret", "A secret is in the plan as plain text."),
    _warning("yaml-boolean", "yes, no, on and off are strings in YAML 1.2, but booleans in YAML 1.1."),
    _warning("yaml-base-60", "1:30 is a string in YAML 1.2, but the number 90 in YAML 1.1."),
    _warning("yaml-date", "2026-01-01 is a string in YAML 1.2, but a date in YAML 1.1."),
    _warning("yaml-number", "1.10 is the number 1.1 and 1e5 is 100000; a version or a name was probably meant."),
)
RULES = tuple(sorted((*_ENGINE_RULES, *_APPSPEC_RULES, *_LINT_RULES), key=lambda rule: rule.id))
BY_ID = {rule.id: rule for rule in RULES}
_PATTERNS = tuple((re.compile(rule.pattern), rule.id) for rule in (*_ENGINE_RULES, *_APPSPEC_RULES) if rule.pattern)


def with_rule(problem: Problem) -> Problem:
    """Set the rule of one of the engine's problems; `value` if no pattern matches its sentence."""
    problem.rule = next((name for pattern, name in _PATTERNS if pattern.search(problem.message)), "value")
    return problem


_HEAD = """\
# Lint rules

`make docs` generates this page from the rules. `greenlight lint --explain RULE` prints a rule with complete files. A
gate rejects a plan with an error, or the plan can never succeed. A plan with a warning runs, but probably does not do
what its author meant; `--strict` treats warnings as errors. The comment `# lint: allow RULE`, on the same line or on
the line before, suppresses a warning.
"""


def markdown() -> str:
    """Render docs/lint.md: a table of the rules, and for each rule a diff from a wrong to the corrected file."""
    examples = [f"## {rule.id}\n\n```diff\n{_difference(rule)}\n```\n" for rule in RULES if rule.bad]
    return "\n".join([_HEAD, _table(), *examples]).rstrip()


def _table() -> str:
    rows = (f"| `{rule.id}` | {rule.severity} | {rule.summary} |" for rule in RULES)
    return "\n".join(("| rule | severity | problem |\n|---|---|---|", *rows, ""))


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
        GreenlightError: The rule does not exist.
    """
    if name == "all":
        return all_rules()
    if name not in rules:
        raise GreenlightError(f"there is no rule {name!r}{suggest_or_list(name, rules)}")
    return explain_one(rules[name])
