"""Rules of `greenlight doctor`: every rule with its harm, the worst harm first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from greenlight.core.display import truncate
from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenlight.core.errors import Problem

    Source = Literal["account", "template", "both"]

Harm = Literal["ships unchecked", "stalls an hour", "blocks", "annoys", "not seen"]

HARMS: dict[Harm, str] = {
    "ships unchecked": "a release serves users without its checks, or keeps serving them after a hook answered Failed",
    "stalls an hour": "CodeDeploy gets no answer from the hook, and waits an hour before the lifecycle event times out",
    "blocks": "the deployment fails or is refused, however good the release is",
    "annoys": "the deployment works, but the setup has a weakness or is inconvenient",
    "not seen": "the doctor could not read something, so it did not check it",
}
"""The harms, worst first. With one of the first three the command exits with status 1."""

SHORT_TIMEOUT_S = 30
"""A hook with a shorter timeout is reported: a cold start and one slow response take longer. AWS's tutorials use 5."""


class Rule(FrozenStruct, frozen=True, kw_only=True):
    """One possible mistake in the setup.

    Attributes:
        id: Its name in reports, for `--explain` and in JSON.
        severity: Its harm.
        summary: One sentence: the mistake and its effect.
        source: Whether it is detected in an account, in a template or in both.
    """

    id: str
    severity: Harm
    summary: str
    source: Source = "account"


class Symptom(FrozenStruct, frozen=True, kw_only=True):
    """One mistake that was detected.

    Attributes:
        rule: The id of the rule.
        message: The mistake and its place, in one sentence.
        evidence: Names, values and ARNs that show it.
        fix: A command to run or lines to write; may have several lines.
        line: Line of the template, counted from 1; 0 in an account.
    """

    rule: str
    message: str
    evidence: tuple[str, ...] = ()
    fix: str = ""
    line: int = 0

    @property
    def harm(self) -> Harm:
        """The harm of its rule."""
        return BY_ID[self.rule].severity


def make_symptom(rule: str, message: str, *evidence: str, fix: str, line: int = 0) -> Symptom:
    """Build a symptom from untrusted texts of an account or template: clean lines of bounded length."""
    return Symptom(
        rule=rule,
        message=truncate(message, 600),
        evidence=tuple(truncate(text, 300) for text in evidence[:20]),
        fix="\n".join(truncate(text, 2000) for text in fix.split("\n")[:40]),
        line=line,
    )


def rule_for_problem(problem: Problem) -> str:
    """Return the id of the doctor's rule for a problem that lint reports of a plan."""
    timeout_rules = {"impossible-budget": "hook-too-short", "may-not-finish": "hook-may-be-too-short"}
    return timeout_rules.get(problem.rule) or ("plan" if problem.severity == "error" else "plan-warning")


def worst_first(symptoms: Iterable[Symptom]) -> list[Symptom]:
    """Sort symptoms by harm, worst first, without duplicates."""
    order = list(HARMS)
    unique = {(symptom.rule, symptom.message): symptom for symptom in symptoms}
    return sorted(
        unique.values(), key=lambda symptom: (order.index(symptom.harm), symptom.line, symptom.rule, symptom.message)
    )


def _ships(name: str, summary: str, source: Source = "account") -> Rule:
    return Rule(id=name, severity="ships unchecked", summary=summary, source=source)


def _stalls(name: str, summary: str, source: Source = "account") -> Rule:
    return Rule(id=name, severity="stalls an hour", summary=summary, source=source)


def _blocks(name: str, summary: str, source: Source = "account") -> Rule:
    return Rule(id=name, severity="blocks", summary=summary, source=source)


def _annoys(name: str, summary: str, source: Source = "account") -> Rule:
    return Rule(id=name, severity="annoys", summary=summary, source=source)


RULES = (
    _ships("no-hooks", "No hook is configured, so no release is checked.", "both"),
    _ships("stage-without-hook", "The plan has a stage without a hook in the AppSpec, so its checks never run."),
    _ships("shift-not-watched", "The plan has checks at AllowTraffic, but nothing runs them while traffic shifts."),
    _ships(
        "no-test-listener",
        "There is no test listener, so CodeDeploy silently skips AfterAllowTestTraffic.",
        "both",
    ),
    _ships(
        "test-is-production",
        "The test listener is the production listener, so green serves users before it is checked.",
        "both",
    ),
    _ships(
        "all-at-once-after",
        "The deployment configuration is all-at-once and the only hook is "
        "AfterAllowTraffic: all users are on green before it runs.",
        "both",
    ),
    _ships(
        "no-rollback",
        "Automatic rollback is off for failed deployments: after a hook answers Failed, traffic stays where it is.",
        "both",
    ),
    _ships(
        "no-rollback-on-alarm",
        "The deployment group has alarms but no rollback on alarm: an alarm stops a deployment halfway.",
        "both",
    ),
    _ships("first-deployment", "This is the first deployment, for which CodeDeploy calls no hooks."),
    _ships("shadow", "The plan is in shadow mode: the gate answers Succeeded until a date, whatever the checks find."),
    _ships("missing-plan-passes", "There is no plan, and the installation lets deployments without a plan pass."),
    _stalls(
        "hook-cannot-answer",
        "The hook's execution role is not allowed to report its status to CodeDeploy.",
        "both",
    ),
    _stalls(
        "last-resort-throttled",
        "The function that answers for a failed hook has a reserved concurrency of 0, so it never runs.",
    ),
    _stalls(
        "hook-without-last-resort",
        "The hook has no on-failure destination, so CodeDeploy gets no answer when its function crashes or times out.",
        "both",
    ),
    _stalls("hook-without-way-out", "The hook is in a VPC that has neither a route nor a VPC endpoint to CodeDeploy."),
    _blocks(
        "hook-not-allowed",
        "CodeDeploy's service role is not allowed to invoke the hook; AWS's managed policies allow only function names "
        "that begin with CodeDeployHook_.",
        "both",
    ),
    _blocks("service-role", "CodeDeploy's service role does not exist, or its trust policy does not trust CodeDeploy."),
    _blocks(
        "service-role-lacks",
        "CodeDeploy's service role lacks permissions that a deployment needs, for example because its policy is for "
        "another compute platform.",
        "both",
    ),
    _blocks("installation-missing", "There is no greenlight installation in this account and Region."),
    _blocks("hook-missing", "The AppSpec names a hook function that does not exist in this Region."),
    _blocks("hook-elsewhere", "The AppSpec names a hook function in another Region or account."),
    _blocks(
        "hook-wrong-stage",
        "A lifecycle event names greenlight's hook of another stage, which answers Failed.",
        "both",
    ),
    _blocks("hook-not-ready", "The hook's function cannot run: its state is not Active."),
    _blocks("hook-throttled", "The hook's reserved concurrency is 0, so it never runs."),
    _blocks("hook-too-short", "A stage of the plan cannot finish within the hook's timeout.", "both"),
    _blocks(
        "state-machine-missing",
        "The state machine that the hooks start does not exist, so they answer Failed for the gates that it conducts.",
    ),
    _blocks(
        "plan-needs-machine",
        "The plan needs the state machine, because of network: vpc or of its number of checks, and the installation "
        "has none.",
    ),
    _blocks("plan-needs-subnets", "The plan says network: vpc, and the installation has no subnets for its checks."),
    _blocks(
        "probe-without-way-out",
        "The function for checks in a VPC has neither a route nor a VPC endpoint to S3, so it cannot get its checks.",
    ),
    _blocks("appspec", "The AppSpec is not valid.", "both"),
    _blocks("plan", "The gate rejects the plan.", "both"),
    _blocks("no-plan", "There is no plan, and the installation fails deployments without a plan."),
    _blocks("installation-settings", "A setting of the installation is not valid, so its hooks answer Failed."),
    _blocks("host-not-allowed", "The plan calls a host that is not in the installation's AllowedHosts."),
    _blocks(
        "secret-not-allowed", "The plan refers to a secret that is not below a path of SecretPaths for its application."
    ),
    _blocks(
        "check-not-allowed",
        "A check needs a permission that the execution role of the function that runs it does not have.",
    ),
    _blocks("green-out-of-reach", "A check calls green, but green has no URL at this stage or on this platform."),
    _blocks(
        "hook-outside",
        "The load balancer is internal and the function that runs the checks is not in a VPC, so they cannot connect.",
    ),
    _blocks(
        "hook-shut-out",
        "The load balancer's security groups do not allow inbound traffic from the function that runs the checks.",
    ),
    _blocks("alarm-rings", "An alarm of the deployment group is in ALARM state, so CodeDeploy stops every deployment."),
    _blocks("alarm-missing", "An alarm of the deployment group does not exist, so CodeDeploy cannot read its state."),
    _blocks("service", "The ECS service does not exist or is not active."),
    _blocks("controller", "The ECS service's deployment controller is not CODE_DEPLOY.", "both"),
    _blocks(
        "task-definition",
        "The AppSpec names a task definition that does not exist, or a container or port that it does not have.",
    ),
    _blocks(
        "target-groups",
        "The deployment group does not have two matching target groups, one of which serves the primary task set.",
        "both",
    ),
    _blocks(
        "listener",
        "A listener of the deployment group does not exist, or a traffic route has several listeners.",
        "both",
    ),
    _blocks("listener-elsewhere", "A listener does not forward to the target group of the primary task set."),
    _blocks(
        "listener-split",
        "A listener forwards only part of its traffic to the primary task set, so blue or green may answer a check.",
    ),
    _blocks(
        "listener-rule",
        "A listener rule forwards to the service under conditions that a check cannot be certain to meet.",
    ),
    _blocks(
        "rule-above",
        "A listener rule before the service's takes the request of a check, so the check ends as an error.",
    ),
    _blocks(
        "listeners-apart",
        "The test listener and the production listener are on different load balancers.",
        "both",
    ),
    _blocks(
        "network-balancer",
        "A Network Load Balancer shifts all traffic at once, but the deployment configuration shifts it in steps.",
        "both",
    ),
    _blocks("alias-weighted", "The alias still splits traffic between two versions although no deployment is running."),
    _blocks(
        "version",
        "The AppSpec names a version that does not exist, that the alias no "
        "longer points to, or that cannot share the alias with the other version.",
    ),
    _blocks("no-alias", "A function has a DeploymentPreference but no alias to shift.", "template"),
    _blocks(
        "bluegreen-transform",
        "The template uses the transform AWS::CodeDeployBlueGreen, with which a hook cannot find green.",
        "template",
    ),
    _annoys("deployment-running", "A deployment of the group is running; CodeDeploy refuses another until it ends."),
    _annoys("no-alarms", "No alarm is configured, so nothing watches the service while traffic shifts.", "both"),
    _annoys(
        "alarm-without-data",
        "An alarm of the deployment group has insufficient data, so it cannot stop a deployment.",
    ),
    _annoys("alarms-overlooked", "Deployments continue when CodeDeploy cannot read the state of the alarms.", "both"),
    _annoys(
        "blue-ends-at-once",
        "The original task set is terminated as soon as all traffic is on "
        "green: a later rollback is a full deployment.",
        "both",
    ),
    _annoys(
        "waits-for-somebody",
        "Each deployment waits for a manual approval before traffic shifts, and stops without one.",
        "both",
    ),
    _annoys("targets-unhealthy", "Targets that serve users now are unhealthy."),
    _annoys("listener-of-stack", "A stack update would reset a listener to its original target group."),
    _annoys(
        "hook-has-alias",
        "The hook has an alias: its settings for failed events apply only to the alias, but CodeDeploy invokes the "
        "function without it.",
        "both",
    ),
    _annoys(
        "hook-retried",
        "Lambda retries a failed hook, or keeps its event for longer than CodeDeploy waits.",
    ),
    _annoys(
        "hook-may-be-too-short",
        "The hook's timeout is shorter than the time that its stage or a single check may take.",
        "both",
    ),
    _annoys(
        "hook-without-log",
        "The hook's log group does not exist, so the reasons of a failed gate are not logged.",
    ),
    _annoys(
        "default-checks",
        "There is no plan, so greenlight checks only the health of targets or the state of the version.",
    ),
    _annoys(
        "plan-warning",
        "Lint has a warning about the plan: a part of it probably does not do what its author meant.",
        "both",
    ),
    _annoys(
        "installation-older",
        "The installation is older than this command and lacks settings that plans may need.",
    ),
    Rule(
        id="could-not-look",
        severity="not seen",
        summary="The doctor could not read something; the fix names the missing permission or option.",
        source="both",
    ),
)
BY_ID = {rule.id: rule for rule in RULES}


def markdown() -> str:
    """Render docs/doctor.md: usage and limits of the doctor, its harms and its rules."""
    return _HEAD + "\n".join((_harm_table(), "## Rules\n", _rule_table())).rstrip()


def _harm_table() -> str:
    rows = (f"| {harm} | {text} | {_EXIT_STATUSES.get(harm, '1')} |" for harm, text in HARMS.items())
    return "\n".join(("| harm | | exit status |\n|---|---|---|", *rows, ""))


def _rule_table() -> str:
    rows = (f"| `{rule.id}` | {rule.severity} | {rule.summary} | {_SOURCES[rule.source]} |" for rule in RULES)
    return "\n".join(("| rule | harm | problem | detected in |\n|---|---|---|---|", *rows, ""))


def explain(rule: Rule) -> str:
    """Render one rule for `--explain`: its summary and its harm."""
    return f"{rule.id} ({rule.severity}): {rule.summary}\n{rule.severity}: {HARMS[rule.severity]}"


_SOURCES: dict[Source, str] = {"account": "account", "template": "template", "both": "account, template"}
_EXIT_STATUSES: dict[Harm, str] = {"annoys": "0", "not seen": "3, if there is nothing worse"}
_HEAD = """\
# The doctor

`make docs` generates this page from the rules. `greenlight doctor` finds mistakes in the setup before they break the
next deployment. It lists the worst first, each with its fix. It only reads, and changes nothing.

```console
$ greenlight doctor --application orders --group live              # an account
$ greenlight doctor --application orders --appspec appspec.yaml    # all groups, with the AppSpec of the next release
$ greenlight doctor --template template.yaml --parameters Stage=prod --appspec appspec.yaml    # offline
```

In an account it reads CodeDeploy's application and deployment groups, the AppSpec of the last deployment (or
`--appspec`), CodeDeploy's service role, the hooks and their execution roles, alarms, listeners, targets, the ECS
service or the Lambda alias, the installation's settings and state machine, and the plan where the gate looks for it
(or `--plan`). It
lints that plan with the real timeout of the hooks. In a template it reads the resources as SAM and CloudFormation
resolve them, with the defaults of parameters and the values of `--parameters`.

When it is not allowed to read something, it reports *not seen* and names the missing permission. AWS's managed policy
`ReadOnlyAccess` has all permissions that it needs.

A run without findings does not prove that everything is right:

- Conditions in IAM policies, service control policies and session policies are not evaluated.
- Routes, VPC endpoints and the load balancer's security groups are checked. The hook's security groups, network ACLs
  and firewalls are not.
- A plan that is packed with the hooks is read only with `--plan`.
- The state of alarms and targets is the state at the time of the run.

"""
