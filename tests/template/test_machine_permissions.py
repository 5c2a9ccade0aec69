"""Permissions of the state machine's functions: code of plugins decides no verdict, and answers nothing."""

from __future__ import annotations

import inspect
import json
import re

import pytest

from greenlight.core.deployment import SHIFT
from greenlight.discovery.deployment import read_target
from greenlight.machine.documents import FOLDER, RESULT
from greenlight.machine.watch import ROUND, WATCH
from greenlight.stores.holds import hold_key
from tests.support.deployed_template import ACCOUNT, ADMINISTRATOR, REGION, Deployed
from tests.support.permissions import (
    ANSWERING_ROLES,
    BY_CHECK_POLICY,
    EVERYTHING,
    FUNCTION_ROLES,
    HARDENED,
    HOOK_ROLES,
    MACHINE_ROLES,
    PROBE_ROLES,
    PUT,
    ROLES,
    WATCH_ROLE,
    actions,
    calls,
    resources,
)
from tests.support.sam_template import ROOT, STAGES, listed

REPORTS, PLANS = "arn:aws:s3:::ReportBucket", "arn:aws:s3:::PlanBucket"
GROUP = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:shop/live"
GUARDIAN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:greenlight-Guardian"
GATE = GUARDIAN.replace("Guardian", "Gate")
WATCH_MACHINE = GUARDIAN.replace("Guardian", "Watch")
STOP = "codedeploy:StopDeployment"
EXECUTION = GATE.replace("stateMachine", "execution")
GATES = f"{REPORTS}/{FOLDER}0123456789abcdef0123456789abcdef01234567"
HOLD = f"{REPORTS}/{hold_key('d-1', STAGES[0])}"
REPORT = f"{REPORTS}/shop/live/d-1/{STAGES[0]}"

DECIDING = [
    (PUT, GROUP),
    (STOP, "*"),
    ("codedeploy:ContinueDeployment", "*"),
    ("ecs:ContinueServiceDeployment", "*"),
    ("states:StartExecution", WATCH_MACHINE),
    ("states:StartExecution", f"{WATCH_MACHINE}:1"),
    ("states:StartExecution", GUARDIAN),
    ("states:StartExecution", GATE),
    ("states:StopExecution", f"{EXECUTION}:name"),
    ("states:GetExecutionHistory", f"{EXECUTION}:name"),
    ("states:RedriveExecution", f"{EXECUTION}:name"),
    ("states:StartExecution", f"{GATE}:1"),
    ("states:UpdateStateMachine", GATE),
    ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:greenlight-LastResort"),
    ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:greenlight-LastResort:$LATEST"),
    ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:greenlight-Conclude"),
    ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:CodeDeployHook_greenlight-{STAGES[0]}"),
    *(
        (action, arn)
        for action in ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion")
        for arn in (
            f"{GATES}/{RESULT}.json",
            f"{GATES}/prepared.json",
            f"{GATES}/held.json",
            HOLD,
            f"{GATES}/{WATCH}.json",
            f"{GATES}/{ROUND}.json",
            f"{REPORTS}/shop/live/d-1/{SHIFT}.json",
            f"{REPORTS}/shop/live/d-1/{SHIFT}.html",
            f"{REPORT}.json",
            f"{REPORT}.html",
            f"{REPORT}.last-resort.json",
            f"{REPORT}.caller.json",
            f"{REPORT}.caller.html",
            f"{REPORTS}/index/2026/11/28/shop-live-d-1-{STAGES[0]}.json",
            f"{REPORTS}/runs/0.json",
            f"{PLANS}/shop/live.yaml",
            f"{PLANS}/overrides/shop/live/1.yaml",
        )
    ),
]
"""Actions that would answer CodeDeploy, or change a verdict."""


@pytest.mark.parametrize(("action", "resource"), DECIDING)
@pytest.mark.parametrize("role", PROBE_ROLES)
def test_code_of_a_plugin_can_neither_answer_nor_decide_even_with_the_widest_check_policy(
    role: str, action: str, resource: str
) -> None:
    assert ADMINISTRATOR in HARDENED.statements(role)
    assert not HARDENED.may(role, action, resource)


@pytest.mark.parametrize("role", [*HOOK_ROLES, *PROBE_ROLES])
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("states:SendTaskSuccess", "*"),
        ("states:SendTaskFailure", "*"),
        ("s3:GetObject", HOLD),
        ("s3:GetObjectVersion", HOLD),
        ("s3:PutObject", HOLD),
        ("s3:DeleteObject", HOLD),
    ],
)
def test_code_of_a_plugin_can_neither_read_a_hold_nor_decide_about_it(role: str, action: str, resource: str) -> None:
    assert not EVERYTHING.may(role, action, resource)
    assert not HARDENED.may(role, action, resource)


@pytest.mark.parametrize("role", [role for role in FUNCTION_ROLES if role != "ConcludeRole"])
def test_conclude_alone_writes_holds(role: str) -> None:
    assert EVERYTHING.may("ConcludeRole", "s3:PutObject", HOLD)
    assert not EVERYTHING.may(role, "s3:PutObject", HOLD)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("suffix", ["json", "html"])
def test_code_of_a_plugin_can_write_the_report_of_no_stage(stage: str, suffix: str) -> None:
    assert not HARDENED.may("ProbeRole", "s3:PutObject", f"{REPORTS}/shop/live/d-1/{stage}.{suffix}")


@pytest.mark.parametrize("role", HOOK_ROLES)
def test_code_of_a_plugin_does_not_run_in_a_hook_that_leaves_every_gate_to_the_state_machine(role: str) -> None:
    hook = HARDENED.properties(role.replace("Role", "Function"))

    assert [layer.rstrip("0123456789abcdef") for layer in hook["Layers"]] == ["EngineLayer"]
    assert ADMINISTRATOR not in HARDENED.statements(role)
    assert ADMINISTRATOR in EVERYTHING.statements(role)


@pytest.mark.parametrize("role", HOOK_ROLES)
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:greenlight/token"),
        ("s3:GetObject", f"{PLANS}/shop/live.yaml"),
        ("ssm:GetParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/greenlight/plans/shop/live"),
        ("kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/secrets"),
        ("codedeploy:GetDeploymentGroup", GROUP),
        ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders:2"),
        ("cloudwatch:DescribeAlarms", "*"),
    ],
)
def test_hook_that_leaves_every_gate_to_the_state_machine_reads_nothing_of_plans_and_checks(
    role: str, action: str, resource: str
) -> None:
    assert not HARDENED.may(role, action, resource)


@pytest.mark.parametrize("deployed", [EVERYTHING, HARDENED], ids=["auto", "machine"])
@pytest.mark.parametrize("role", HOOK_ROLES)
def test_hook_may_start_the_guardian_alone_and_answer_if_it_cannot(role: str, deployed: Deployed) -> None:
    own = [s for s in deployed.statements(role) if s != ADMINISTRATOR]
    started = [s["Resource"] for s in own if s["Action"] == "states:StartExecution"]

    assert sorted(started) == ([GUARDIAN, WATCH_MACHINE] if role == "BeforeAllowTrafficRole" else [GUARDIAN])
    assert deployed.may(role, PUT, GROUP)
    assert deployed.properties(role.replace("Role", "Function"))["Environment"]["Variables"]["GREENLIGHT_MACHINE"] == (
        GUARDIAN
    )


@pytest.mark.parametrize("role", HOOK_ROLES)
def test_only_a_hook_that_may_get_a_second_delivery_reads_whether_the_guardian_was_started(role: str) -> None:
    execution = f"{GUARDIAN.replace('stateMachine', 'execution')}:name"

    assert Deployed().may(role, "states:DescribeExecution", execution)
    assert not HARDENED.may(role, "states:DescribeExecution", execution)
    assert not Deployed().may(role, "states:DescribeExecution", f"{EXECUTION}:name")


@pytest.mark.parametrize("role", ["PrepareRole", "ConcludeRole", *PROBE_ROLES])
def test_functions_of_the_state_machine_do_not_answer_codedeploy(role: str) -> None:
    assert role not in ANSWERING_ROLES
    assert PUT not in actions(role)


def test_prepare_may_write_the_prepared_gate_alone() -> None:
    assert resources("PrepareRole", "s3:PutObject") == {"${ReportBucket.Arn}/gates/*/prepared.json"}
    assert not {a for a in actions("PrepareRole") if a.startswith(("lambda:", "secretsmanager:", "states:", "sns:"))}
    assert '"prepared"' in (ROOT / "layers/greenlight/greenlight/machine/prepare.py").read_text()


@pytest.mark.parametrize("role", PROBE_ROLES)
def test_probe_reads_documents_of_gates_by_version_and_writes_results_of_shards_alone(role: str) -> None:
    assert resources(role, "s3:PutObject") == {"${ReportBucket.Arn}/gates/*/shards/*"}
    assert resources(role, "s3:GetObjectVersion") == {"${ReportBucket.Arn}/gates/*"}
    assert resources(role, "s3:GetObject") == set()
    assert resources(role, "s3:ListBucket") == set()
    assert HARDENED.may(role, "s3:PutObject", f"{GATES}/shards/0.json")


def test_checks_may_read_executions_of_a_service_if_the_check_policy_allows_it() -> None:
    execution = EXECUTION.replace("greenlight-Gate", "orders")

    assert HARDENED.may("ProbeRole", "states:DescribeExecution", f"{execution}:1")


def test_probe_may_do_what_the_validators_call() -> None:
    needed = calls("validators", "layers/greenlight/greenlight/toolkit") - BY_CHECK_POLICY

    # The effects that read objects and publish messages are those of the service, which CheckPolicyArn allows.
    assert needed - {"s3:GetObject", "sns:Publish"} <= actions("ProbeRole")
    assert actions("ProbeRole") == actions("VpcProbeRole") - {
        a for a in actions("VpcProbeRole") if a.startswith("ec2:")
    }


def test_prepare_may_do_what_discovery_and_the_stores_of_plans_call() -> None:
    engine = "layers/greenlight/greenlight"

    # The deployer is looked for when a hold is decided, by Conclude.
    assert calls(f"{engine}/discovery", f"{engine}/stores") - {"cloudtrail:LookupEvents"} <= actions("PrepareRole")


def test_conclude_writes_verdicts_and_reports_of_every_stage_and_reads_overrides() -> None:
    names = [
        name for stage in (*STAGES, SHIFT) for name in (f"*/{stage}.json", f"*/{stage}.html", f"index/*-{stage}.json")
    ]

    assert resources("ConcludeRole", "s3:PutObject") == {
        f"${{ReportBucket.Arn}}/{name}"
        for name in (
            *(f"{FOLDER}*/{document}.json" for document in (RESULT, WATCH, ROUND, "held")),
            "holds/*/hold.json",
            *names,
            "*.caller.json",
            "*.caller.html",
        )
    }
    assert resources("ConcludeRole", "s3:GetObject") == {
        "${ReportBucket.Arn}/gates/*",
        "${PlanBucket.Arn}/overrides/*",
    }
    assert resources("ConcludeRole", "s3:GetObjectVersion") == {"${ReportBucket.Arn}/gates/*"}
    assert not {a for a in actions("ConcludeRole") if a.startswith(("lambda:", "secretsmanager:", "ssm:"))}


def test_conclude_may_do_what_the_watcher_and_gates_of_callers_call_and_start_the_watcher() -> None:
    package = ROOT / "layers/greenlight/greenlight"
    text = "".join((package / name).read_text() for name in ("discovery/shift.py", "machine/callers.py"))
    text += inspect.getsource(read_target)
    reads = {action for action in actions("ConcludeRole") if action.startswith("codedeploy:")}

    assert reads == {
        f"codedeploy:{name.title().replace('_', '')}" for name in re.findall(r'"codedeploy",\s+"(\w+)"', text)
    }
    started = [s["Resource"] for s in EVERYTHING.statements("ConcludeRole") if s["Action"] == "states:StartExecution"]
    assert started == [WATCH_MACHINE]


@pytest.mark.parametrize("role", [role for role in ROLES if role != WATCH_ROLE])
def test_no_role_but_that_of_the_watcher_may_stop_a_deployment(role: str) -> None:
    assert STOP not in actions(role)


def test_watcher_may_run_rounds_and_stop_a_deployment_and_never_answer_or_hurry_it() -> None:
    (invoke,) = [s for s in EVERYTHING.statements("GateMachineRole") if s["Action"] == "lambda:InvokeFunction"]
    by_action = {s["Action"]: s["Resource"] for s in EVERYTHING.statements(WATCH_ROLE) if isinstance(s["Action"], str)}

    assert by_action == {
        STOP: "*",
        "lambda:InvokeFunction": invoke["Resource"],
        "states:StartExecution": WATCH_MACHINE,
    }
    assert {a for a in actions(WATCH_ROLE) if not a.startswith("logs:")} == set(by_action)


def test_action_of_a_pipeline_may_start_the_guardian_read_its_verdict_and_answer_jobs_alone() -> None:
    executions = f"{GUARDIAN.replace('stateMachine', 'execution')}:*"
    statements = {tuple(listed(s["Action"])): s["Resource"] for s in EVERYTHING.statements("PipelineActionRole")}
    (logs,) = [names for names in statements if names[0].startswith("logs:")]

    assert {names: resource for names, resource in statements.items() if names != logs} == {
        ("states:StartExecution",): GUARDIAN,
        ("states:DescribeExecution",): executions,
        ("codepipeline:PutJobFailureResult", "codepipeline:PutJobSuccessResult"): "*",
    }


def test_only_functions_of_gates_that_other_callers_start_list_deployments() -> None:
    assert {role for role in ROLES if "codedeploy:ListDeployments" in actions(role)} == {"PrepareRole", "ConcludeRole"}


def test_conclude_lists_overrides_alone_in_the_plan_bucket() -> None:
    lists = [s for s in EVERYTHING.statements("ConcludeRole") if s["Action"] == "s3:ListBucket"]

    assert {s["Resource"]: s.get("Condition") for s in lists} == {
        REPORTS: None,
        PLANS: {"StringLike": {"s3:prefix": "overrides/*"}},
    }


def test_machine_of_a_gate_may_invoke_its_four_functions_and_answer() -> None:
    functions = [
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:greenlight-{step}{qualifier}"
        for step in ("Prepare", "Probe", "VpcProbe", "Conclude")
        for qualifier in ("", ":*")
    ]
    (invoke,) = [s for s in EVERYTHING.statements("GateMachineRole") if s["Action"] == "lambda:InvokeFunction"]

    assert invoke["Resource"] == functions
    assert {a for a in actions("GateMachineRole") if not a.startswith("logs:")} == {PUT, "lambda:InvokeFunction"}


def test_guardian_may_run_the_machine_of_the_gate_record_it_and_answer() -> None:
    by_action = {
        action: s["Resource"]
        for s in EVERYTHING.statements("GuardianMachineRole")
        for action in (s["Action"] if isinstance(s["Action"], list) else [s["Action"]])
        if not action.startswith("logs:")
    }
    conclude = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:greenlight-Conclude"
    executions = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:greenlight-Gate:*"
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"

    assert by_action == {
        PUT: f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:*",
        "states:StartExecution": GATE,
        "states:DescribeExecution": executions,
        "states:StopExecution": executions,
        "events:DescribeRule": rule,
        "events:PutRule": rule,
        "events:PutTargets": rule,
        "lambda:InvokeFunction": [conclude, f"{conclude}:*"],
    }


@pytest.mark.parametrize(
    ("role", "definition"), [("GateMachineRole", "gate"), ("GuardianMachineRole", "guardian"), (WATCH_ROLE, "watch")]
)
def test_machine_has_the_permission_for_every_task_of_its_definition(role: str, definition: str) -> None:
    text = (ROOT / "machine" / f"{definition}.asl.json").read_text()
    tasks = set(re.findall(r'"Resource": "arn:\$\{Partition\}:states:::([^"]+)"', text))
    needed = {
        "lambda:invoke": "lambda:InvokeFunction",
        "lambda:invoke.waitForTaskToken": "lambda:InvokeFunction",
        "aws-sdk:codedeploy:putLifecycleEventHookExecutionStatus": PUT,
        "aws-sdk:codedeploy:stopDeployment": STOP,
        "states:startExecution": "states:StartExecution",
        "states:startExecution.sync:2": "states:StartExecution",
    }

    assert json.loads(text)["States"]
    assert {needed[task] for task in tasks} <= actions(role)
    assert MACHINE_ROLES == ["GateMachineRole", "GuardianMachineRole"]
