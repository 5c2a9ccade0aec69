"""What `greenlight doctor` looks for: every rule with its harm, the worst harm first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from devkit.lint.rules import table
from greenlight.core.frozen import FrozenStruct
from greenlight.core.text import truncate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenlight.core.errors import Problem

Harm = Literal["ships unchecked", "stalls an hour", "blocks", "annoys", "not seen"]

HARMS: dict[Harm, str] = {
    "ships unchecked": "a release reaches users without its checks, or stays with them although a gate was closed",
    "stalls an hour": "nobody answers CodeDeploy, which waits for an hour",
    "blocks": "the deployment fails or is refused, whatever the release is worth",
    "annoys": "the deployment takes place; something around it is worse than it could be",
    "not seen": "the doctor could not look, so nobody knows",
}
"""The harms from the worst on; the first three are what ends the command with 1."""

SHORT_S = 30
"""Seconds below which the time-out of a hook is told to be short: a cold start and one slow answer; AWS's tutorials write 5."""


class Rule(FrozenStruct, frozen=True, kw_only=True):
    """One thing that can be wrong; `severity` is its harm, and `where` says who can see it."""

    id: str
    severity: Harm
    summary: str
    where: Literal["account", "template", "both"] = "account"


class Symptom(FrozenStruct, frozen=True, kw_only=True):
    """One thing that is wrong.

    Attributes:
        rule: Its id.
        message: A sentence.
        evidence: What was seen: names, values, ARNs.
        fix: What to do: a command, or the lines to write; may have several lines.
        line: Where in the template, counted from 1; 0 in an account.
    """

    rule: str
    message: str
    evidence: tuple[str, ...] = ()
    fix: str = ""
    line: int = 0

    @property
    def harm(self) -> Harm:
        """What it does to a deployment."""
        return BY_ID[self.rule].severity


def symptom(rule: str, message: str, *evidence: str, fix: str, line: int = 0) -> Symptom:
    """Make a symptom of texts that an account or a template wrote: each becomes clean lines of bounded length."""
    return Symptom(
        rule=rule,
        message=truncate(message, 600),
        evidence=tuple(truncate(each, 300) for each in evidence[:20]),
        fix="\n".join(truncate(each, 2000) for each in fix.split("\n")[:40]),
        line=line,
    )


def from_lint(problem: Problem) -> str:
    """Give the rule here of something that lint says of a plan."""
    times = {"impossible-budget": "hook-too-short", "may-not-finish": "hook-may-be-too-short"}
    return times.get(problem.rule) or ("plan" if problem.severity == "error" else "plan-warning")


def in_order(symptoms: Iterable[Symptom]) -> list[Symptom]:
    """Put the worst first, each once."""
    order = list(HARMS)
    once = {(each.rule, each.message): each for each in symptoms}
    return sorted(once.values(), key=lambda each: (order.index(each.harm), each.line, each.rule, each.message))


def _ships(name: str, summary: str, where: Literal["account", "template", "both"] = "account") -> Rule:
    return Rule(id=name, severity="ships unchecked", summary=summary, where=where)


def _stalls(name: str, summary: str, where: Literal["account", "template", "both"] = "account") -> Rule:
    return Rule(id=name, severity="stalls an hour", summary=summary, where=where)


def _blocks(name: str, summary: str, where: Literal["account", "template", "both"] = "account") -> Rule:
    return Rule(id=name, severity="blocks", summary=summary, where=where)


def _annoys(name: str, summary: str, where: Literal["account", "template", "both"] = "account") -> Rule:
    return Rule(id=name, severity="annoys", summary=summary, where=where)


RULES = (
    _ships("no-hooks", "No hook is named, so every release ships as it is.", "both"),
    _ships("stage-without-hook", "The plan has a stage for which no hook is named: its checks never run."),
    _ships("no-test-listener", "There is no test listener: CodeDeploy leaves AfterAllowTestTraffic out and says nothing.", "both"),
    _ships("test-is-production", "The test listener is the production listener: users come to green before its checks.", "both"),
    _ships("all-at-once-after", "All users come at once, and the only hook runs when they are there.", "both"),
    _ships("no-rollback", "Automatic rollback is off: a closed gate stops the deployment and leaves everything as it stands.", "both"),
    _ships("no-rollback-on-alarm", "Alarms are bound, and their ring stops a deployment without taking it back.", "both"),
    _ships("first-deployment", "There is nothing to move users away from: CodeDeploy calls no hook for a first deployment."),
    _ships("shadow", "The plan's gate decides nothing until a date."),
    _ships("missing-plan-passes", "There is no plan, and the installation lets such deployments through."),
    _stalls("hook-cannot-answer", "The hook's role may not tell CodeDeploy its verdict.", "both"),
    _stalls("hook-without-last-resort", "Nobody answers for a hook that is killed: it has no destination for failed events.", "both"),
    _stalls("hook-without-way-out", "The hook is in a VPC and has no way to CodeDeploy."),
    _blocks("hook-not-allowed", "CodeDeploy's service role may not call the hook; AWS's managed roles allow the prefix CodeDeployHook_ alone.", "both"),
    _blocks("service-role", "CodeDeploy's service role does not exist, or is not CodeDeploy's to assume."),
    _blocks("service-role-lacks", "CodeDeploy's service role may not do what a deployment needs, as one made for another platform.", "both"),
    _blocks("installation-missing", "The installation of greenlight is not in this account and region."),
    _blocks("hook-missing", "The function of a hook does not exist in this region."),
    _blocks("hook-elsewhere", "The function of a hook is in another region, or another account."),
    _blocks("hook-wrong-stage", "A hook of greenlight is named for another stage than its own, and answers Failed.", "both"),
    _blocks("hook-not-ready", "The function of a hook cannot run: its state is not Active."),
    _blocks("hook-throttled", "The hook's reserved concurrency is 0: it never runs."),
    _blocks("hook-too-short", "A stage of the plan can never end within the hook's time-out.", "both"),
    _blocks("appspec", "The AppSpec is wrong.", "both"),
    _blocks("plan", "The gate refuses the plan.", "both"),
    _blocks("no-plan", "There is no plan, and the installation asks for one."),
    _blocks("installation-settings", "A setting of the installation is impossible, and its hooks answer Failed."),
    _blocks("host-not-allowed", "The plan calls a host that the installation does not allow."),
    _blocks("check-not-allowed", "A check needs a permission that the hook's role does not have."),
    _blocks("green-out-of-reach", "A check calls green where no URL leads to it: at its stage, or on its platform."),
    _blocks("hook-outside", "The load balancer is internal, and the hook is in no VPC: its checks reach nothing."),
    _blocks("hook-shut-out", "The load balancer's security groups do not let the hook in."),
    _blocks("alarm-rings", "A bound alarm rings already: it stops every deployment."),
    _blocks("alarm-missing", "A bound alarm does not exist, so its state cannot be read."),
    _blocks("service", "The ECS service does not exist, or is not active."),
    _blocks("controller", "The ECS service is not deployed by CodeDeploy.", "both"),
    _blocks("task-definition", "The AppSpec's task definition is not there, or lacks the container or port that the AppSpec names."),
    _blocks("target-groups", "The deployment group has no two target groups that are alike, one of them the primary task set's.", "both"),
    _blocks("listener", "A listener of the deployment group does not exist, or a route has several.", "both"),
    _blocks("listener-elsewhere", "A listener does not lead to the target group of the primary task set."),
    _blocks("listener-split", "A listener sends only a part of its traffic to the primary task set, so answers may be anybody's."),
    _blocks("listener-rule", "A listener leads to the service by a rule that no check can be sure to satisfy."),
    _blocks("listeners-apart", "Test and production listener are on two load balancers.", "both"),
    _blocks("network-balancer", "A network load balancer takes all users at once, and the configuration shifts them in steps.", "both"),
    _blocks("alias-weighted", "A stopped deployment left the alias between two versions."),
    _blocks("version", "The AppSpec names a version that is not there, from which the alias has moved away, or that cannot share the alias."),
    _blocks("no-alias", "A function is to be shifted gradually and has no alias to shift.", "template"),
    _blocks("bluegreen-transform", "The transform AWS::CodeDeployBlueGreen: a hook cannot find out there what is being deployed.", "template"),
    _annoys("deployment-running", "A deployment is running; another one of the group is refused until it ends."),
    _annoys("no-alarms", "No alarm is bound, and nothing else watches users while they come over.", "both"),
    _annoys("alarm-without-data", "A bound alarm has no data, so it cannot ring."),
    _annoys("alarms-overlooked", "Deployments go on where the state of alarms cannot be read.", "both"),
    _annoys("blue-ends-at-once", "Blue is ended as soon as all users are on green: going back then takes a whole deployment.", "both"),
    _annoys("waits-for-somebody", "Before users come over a deployment waits for somebody who lets it go on, and is stopped where nobody does.", "both"),
    _annoys("targets-unhealthy", "Targets that users have now are not healthy."),
    _annoys("listener-of-stack", "CloudFormation would lead a listener back to where it led first."),
    _annoys("hook-has-alias", "A hook is published behind an alias: its settings for failed events stand there, and CodeDeploy calls the plain name.", "both"),
    _annoys("hook-retried", "Lambda calls a hook again that failed, or keeps its event for longer than CodeDeploy waits."),
    _annoys("hook-may-be-too-short", "The hook's time-out is shorter than its stage may take, or than a check is likely to take.", "both"),
    _annoys("hook-without-log", "The hook's log group does not exist, so nobody can read why a gate was closed."),
    _annoys("default-checks", "There is no plan: only targets' health, or the version's state, is checked."),
    _annoys("plan-warning", "Something in the plan means something else than it says.", "both"),
    _annoys("installation-older", "The installation is older than this command, and does not know all that plans may say."),
    Rule(id="could-not-look", severity="not seen", summary="The doctor could not look at something, and says what it needs.", where="both"),
)  # fmt: skip
BY_ID = {rule.id: rule for rule in RULES}


def markdown() -> str:
    """Write docs/doctor.md: what the doctor does not say of itself, and a table of its rules."""
    return _HEAD + "\n".join((_harms(), "## Rules\n", table(RULES, {rule.id: _seen(rule) for rule in RULES}))).rstrip()


def _harms() -> str:
    rows = (f"| {harm} | {what} | {_COUNTS.get(harm, '1')} |" for harm, what in HARMS.items())
    return "\n".join(("| harm | | exit status |\n|---|---|---|", *rows, ""))


def _seen(rule: Rule) -> str:
    return {"account": "account", "template": "template", "both": "account, template"}[rule.where]


def explained(rule: Rule) -> str:
    """Say one rule."""
    return f"{rule.id} ({rule.severity}): {rule.summary}\n{rule.severity}: {HARMS[rule.severity]}"


_COUNTS: dict[Harm, str] = {"annoys": "0", "not seen": "3, if there is nothing worse"}
_HEAD = """\
# The doctor

Made by `make docs`. `greenlight doctor` says what will go wrong in the next deployment before it does, the worst first, each
with the fix. It reads and changes nothing.

```console
$ greenlight doctor --application orders --group live              # an account
$ greenlight doctor --application orders --appspec appspec.yaml    # all its groups, with the AppSpec of the next release
$ greenlight doctor --template template.yaml --parameters Stage=prod --appspec appspec.yaml    # offline
```

Of an account it reads CodeDeploy's application and groups, the AppSpec of the last deployment (or `--appspec`), CodeDeploy's
service role, the hooks with their roles, alarms, listeners, targets, the ECS service or the alias, the installation's settings,
and the plan where the gate would look for it (or `--plan`), which it lints with the time-out that the hooks really have. Of a
template it reads what SAM and CloudFormation would make of it, with parameters' defaults and what `--parameters` says.

What it may not read is told as *not seen*, with the permission that is missing. AWS's managed policy `ReadOnlyAccess` has all
of them.

Where it is content and still may be wrong: conditions in IAM policies, organisation policies and session policies are not
weighed; of networks it looks at routes, endpoints and the load balancer's
security groups, and not at the hook's own, network ACLs or firewalls; a plan packed with the hooks
is seen only with `--plan`; and what an alarm or a target says is true for the moment of looking.

"""
