"""`sam deploy` of template.yaml to a local AWS, and invocations of the deployed functions.

ministack runs the deployment and the functions, with TLS and IAM enabled, so the hooks have only the permissions of
the template. ministack has no CodeDeploy. The functions call the fake one of these tests instead, by an environment
variable that ministack passes on to them; the template does not contain it.
"""

from __future__ import annotations

import io
import json
import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import trustme

from devkit.rehearsal.processes import free_port
from tests.support.application import BIN, PYTHON_VERSION, command
from tests.support.codedeploy_fake import CodeDeploy
from tests.support.deployed_template import Deployed
from tests.support.sam_template import (
    ROOT,
    SHARED_STAGES,
    STAGES,
    of_type,
    parse,
    raw_template,
    with_principal_tags,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.sam

REGION = "eu-central-1"
NAME = "greenlight-dev"  # the InstallationName of environment dev in samconfig.toml
# Services that the hooks and the last resort call in these tests.
CALLED_SERVICES = {"codedeploy", "events", "lambda", "s3", "ssm", "stepfunctions"}


def is_supported_by_ministack(resource: dict[str, Any]) -> bool:
    """Return whether ministack can create a resource; it has no saved queries and no alarms on metric math."""
    return resource["Type"] != "AWS::Logs::QueryDefinition" and "Metrics" not in resource["Properties"]


PLAN = """
version: 1
stages:
  BeforeAllowTraffic:
    checks:
      - name: the new version prices an order
        lambda_invoke: {payload: {quantity: 2}, expect: {json: {total: 5}}}
"""


@dataclass(frozen=True)
class Installation:
    """Deployed greenlight stack."""

    session: boto3.Session
    url: str
    codedeploy: CodeDeploy
    log: Path

    def client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.url)

    def call(self, stage: str, deployment: str, execution: str) -> dict[str, Any]:
        """Invoke a hook with the payload that CodeDeploy sends, and return its result."""
        answer = self.client("lambda").invoke(
            FunctionName=f"CodeDeployHook_{NAME}-{stage}",
            Payload=json.dumps({"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution}),
        )
        return json.loads(answer["Payload"].read())

    def answers(self, execution: str) -> list[str]:
        """Return the statuses that CodeDeploy accepted for an execution ID."""
        return [status for _, answered, status in self.codedeploy.answers if answered == execution]

    def output(self, name: str) -> str:
        outputs = self.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]["Outputs"]
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}[name]


def wait_until_listening(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"ministack did not start: {log.read_text()[-2000:]}")


@pytest.fixture(scope="session")  # with scope "module", a test process that returns to this module would deploy again
def installation(application: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Deploy greenlight to ministack with the commands of the README."""
    command("make", "ministack", f"PYTHON={sys.executable}", cwd=ROOT)
    python = command(
        ROOT / ".venv-ministack/bin/python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])", cwd=ROOT
    )
    assert python.stdout.strip() == PYTHON_VERSION, (
        "ministack runs functions with its own Python; delete .venv-ministack and run make ministack"
    )
    folder = tmp_path_factory.mktemp("ministack")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    port, log = free_port(), folder / "log"
    url = f"https://localhost:{port}"
    aws = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CA_BUNDLE": str(folder / "ca.pem"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(folder),
    }
    with CodeDeploy() as codedeploy, log.open("wb") as output:
        process = subprocess.Popen(
            [ROOT / ".venv-ministack" / "bin" / "ministack"],
            env=aws
            | {
                "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
                "AWS_ENDPOINT_URL_CODEDEPLOY": codedeploy.url,
                "AUTH": "true",
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "MINISTACK_REGION": REGION,
                "MINISTACK_SSL_CERT": str(folder / "certificate.pem"),
                "MINISTACK_SSL_KEY": str(folder / "key.pem"),
                "S3_DATA_DIR": str(folder / "s3"),
                "SFN_WAIT_SCALE": "0.01",
                "STATE_DIR": str(folder / "state"),
                "TMPDIR": str(folder),
                "USE_SSL": "1",
            },
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_until_listening(port, process, log)
            command(
                "sam",
                "deploy",
                "--config-file",
                application / "samconfig.toml",
                "--config-env",
                "dev",
                "--template-file",
                copy_for_ministack(application / ".aws-sam" / "build", folder),
                cwd=application,
                AWS_ENDPOINT_URL=url,
                SAM_CLI_POLL_DELAY="1",
                **aws,
            )
            session = boto3.Session("test", "test", region_name=REGION)
            session._session.set_config_variable("ca_bundle", aws["AWS_CA_BUNDLE"])
            yield Installation(session, url, codedeploy, log)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def copy_for_ministack(built: Path, folder: Path) -> Path:
    """Copy the built application, without resources that ministack cannot create and with policy variables resolved.

    ministack compares the policy variables of a Resource as text, so each role gets its own copy of such a policy, with
    its tags filled in. It also unpacks the layers for every function, and files that no test reads would slow that
    down; they are left out.
    """
    copy = Path(shutil.copytree(built, folder / "built", ignore=unused_files))
    template = parse((copy / "template.yaml").read_text())
    supported = {
        name: resource for name, resource in template["Resources"].items() if is_supported_by_ministack(resource)
    }
    policy = supported.pop("RecordPolicy")["Properties"]
    for resource in supported.values():
        role = resource["Properties"]
        if {"Ref": "RecordPolicy"} in role.get("ManagedPolicyArns", []):
            role["ManagedPolicyArns"].remove({"Ref": "RecordPolicy"})
            document = with_principal_tags(policy["PolicyDocument"], role)
            role["Policies"] = [{"PolicyName": "RecordPolicy", "PolicyDocument": document}]
        if "DefinitionUri" in role:
            role["DefinitionUri"] = str((built / role["DefinitionUri"]).resolve())
    (copy / "template.yaml").write_text(json.dumps(template | {"Resources": supported}))
    return copy / "template.yaml"


def unused_files(folder: str, names: list[str]) -> set[str]:
    """Return the names of API models that no test uses, and of modules for another processor."""
    path = Path(folder)
    models = {name for name in names if (path / name).is_dir()} if path.match("botocore/data") else set()
    modules = {name for name in names if name.endswith("-linux-gnu.so") and f"-{platform.machine()}-" not in name}
    return (models - CALLED_SERVICES) | modules


@pytest.fixture(scope="session")
def orders(installation: Installation) -> str:
    """Create a Lambda function with version 1 behind the alias live, and version 2, which is being deployed."""
    lambda_ = installation.client("lambda")
    role = installation.client("iam").create_role(RoleName="orders", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    for price in (2.0, 2.5):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as code:
            code.writestr(
                "app.py", f"def handler(event, context): return {{'total': {price} * event.get('quantity', 0)}}"
            )
        if price == 2.0:
            configuration = lambda_.create_function(
                FunctionName="orders",
                Runtime="python3.13",
                Role=role,
                Handler="app.handler",
                Code={"ZipFile": archive.getvalue()},
            )
        else:
            lambda_.update_function_code(FunctionName="orders", ZipFile=archive.getvalue())
        lambda_.publish_version(FunctionName="orders")
    lambda_.create_alias(FunctionName="orders", Name="live", FunctionVersion="1")
    for stage in SHARED_STAGES:
        allow_additional_actions(installation, f"CodeDeployHook_{NAME}-{stage}", configuration["FunctionArn"])
    return "orders"


def allow_additional_actions(installation: Installation, function: str, function_arn: str) -> None:
    """Allow a function the actions that ministack requires because its IAM differs from that of AWS.

    ministack authorizes the invocation of a version by the ARN of the function without the version. It authorizes
    GetProvisionedConcurrencyConfig as GetFunction. It does not support the condition key events:source.
    """
    role = installation.client("lambda").get_function_configuration(FunctionName=function)["Role"]
    actions = ["lambda:InvokeFunction", "lambda:GetFunction"]
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": function_arn},
            {"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"},
        ],
    }
    installation.client("iam").put_role_policy(
        RoleName=role.rpartition("/")[2], PolicyName="ministack", PolicyDocument=json.dumps(document)
    )


def deployment_of(function: str, installation: Installation, stage: str, target_version: str = "2") -> tuple[str, str]:
    """Start a deployment; return its ID and the execution ID for the answer at `stage`."""
    deployment, execution = f"d-{secrets.token_hex(5)[:9].upper()}", secrets.token_urlsafe(80)
    fake = installation.codedeploy
    fake.deployments[deployment] = {
        "applicationName": "shop",
        "deploymentGroupName": "live",
        "deploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce",
        "deploymentId": deployment,
        "computePlatform": "Lambda",
        "status": "InProgress",
        "creator": "user",
    }
    fake.groups["live"] = {"applicationName": "shop", "deploymentGroupName": "live", "computePlatform": "Lambda"}
    fake.targets[deployment] = {
        "deploymentTargetType": "LambdaTarget",
        "lambdaTarget": {
            "deploymentId": deployment,
            "targetId": "target",
            "targetArn": f"arn:aws:lambda:{REGION}:000000000000:function:{function}",
            "status": "InProgress",
            "lifecycleEvents": [{"lifecycleEventName": stage, "status": "InProgress"}],
            "lambdaFunctionInfo": {
                "functionName": function,
                "functionAlias": "live",
                "currentVersion": "1",
                "targetVersion": target_version,
                "targetVersionWeight": 0.0,
            },
        },
    }
    return deployment, execution


def test_every_supported_resource_of_the_template_is_created(installation: Installation) -> None:
    created = installation.client("cloudformation").describe_stack_resources(StackName=NAME)["StackResources"]
    resources = Deployed().resources.values()
    expected = Counter(resource["Type"] for resource in resources if is_supported_by_ministack(resource))
    expected["AWS::IAM::ManagedPolicy"] -= 1  # RecordPolicy is inline here
    counts = Counter(resource["ResourceType"] for resource in created)

    assert {kind: counts[kind] for kind in expected} == expected
    assert {resource["ResourceStatus"] for resource in created} == {"CREATE_COMPLETE"}


def test_only_saved_queries_and_alarms_over_several_metrics_are_not_deployed_here() -> None:
    left_out = {
        name for name, resource in raw_template()["Resources"].items() if not is_supported_by_ministack(resource)
    }

    assert left_out - set(of_type(raw_template(), "AWS::Logs::QueryDefinition")) == {
        "GateErrorAlarm",
        "CouldNotAnswerAlarm",
        "NoAnswerAlarm",
        "LastResortGaveUpAlarm",
        "MachineFailedAlarm",
        "WatchFailedAlarm",
    }


def test_exports_are_the_names_of_the_hooks(installation: Installation) -> None:
    exports = {e["Name"]: e["Value"] for e in installation.client("cloudformation").list_exports()["Exports"]}

    assert {s: exports[f"{NAME}-{s}"] for s in STAGES} == {s: f"CodeDeployHook_{NAME}-{s}" for s in STAGES}


def test_every_deployed_hook_answers_failed_once_for_an_unknown_deployment(
    installation: Installation,
) -> None:
    executions = {stage: secrets.token_urlsafe(80) for stage in STAGES}
    with ThreadPoolExecutor() as pool:
        calls = {stage: pool.submit(installation.call, stage, "d-UNKNOWN42", executions[stage]) for stage in STAGES}

    assert [call.result() for call in calls.values()] == [{"verdict": "Failed", "told": True}] * len(STAGES)
    assert [installation.answers(execution) for execution in executions.values()] == [["Failed"]] * len(STAGES)


def test_good_version_passes_the_plan_in_the_plan_bucket(installation: Installation, orders: str) -> None:
    installation.client("s3").put_object(
        Bucket=installation.output("PlanBucketName"), Key="shop/live.yaml", Body=PLAN.encode()
    )
    deployment, execution = deployment_of(orders, installation, "BeforeAllowTraffic")

    answer = installation.call("BeforeAllowTraffic", deployment, execution)
    report = report_of(installation, deployment, "BeforeAllowTraffic")

    assert answer == {"verdict": "Succeeded", "told": True}, report
    assert installation.answers(execution) == ["Succeeded"]
    assert report["verdict"] == "Succeeded"
    assert [check["outcome"] for check in report["checks"]] == ["PASS"]
    assert report["plan"]["uri"].endswith("/shop/live.yaml")


def test_rule_of_a_service_team_receives_the_verdict_from_the_bus(installation: Installation, orders: str) -> None:
    events, sqs = installation.client("events"), installation.client("sqs")
    queue = sqs.create_queue(QueueName="verdicts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="verdicts", EventPattern=json.dumps({"source": ["greenlight"]}))
    events.put_targets(Rule="verdicts", Targets=[{"Id": "queue", "Arn": arn}])
    deployment, execution = deployment_of(orders, installation, "BeforeAllowTraffic")

    installation.call("BeforeAllowTraffic", deployment, execution)
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]

    assert json.loads(message["Body"])["detail"]["deployment"]["id"] == deployment


def test_version_that_behaves_like_the_old_one_is_stopped(installation: Installation, orders: str) -> None:
    installation.client("s3").put_object(
        Bucket=installation.output("PlanBucketName"), Key="shop/live.yaml", Body=PLAN.encode()
    )
    deployment, execution = deployment_of(orders, installation, "BeforeAllowTraffic", target_version="1")

    answer = installation.call("BeforeAllowTraffic", deployment, execution)
    report = report_of(installation, deployment, "BeforeAllowTraffic")

    assert answer == {"verdict": "Failed", "told": True}
    assert installation.answers(execution) == ["Failed"]
    assert [reason["cause"] for reason in report["reasons"]] == ["RELEASE_FAILED"]


def test_state_of_the_version_decides_without_a_plan(installation: Installation, orders: str) -> None:
    deployment, execution = deployment_of(orders, installation, "AfterAllowTraffic")
    installation.codedeploy.deployments[deployment]["applicationName"] = "shop-without-a-plan"

    answer = installation.call("AfterAllowTraffic", deployment, execution)

    assert answer == {"verdict": "Succeeded", "told": True}, installation.log.read_text()[-3000:]
    assert installation.answers(execution) == ["Succeeded"]


def test_last_resort_answers_for_a_hook_without_permission_to_answer(installation: Installation, orders: str) -> None:
    deployment, execution = deployment_of(orders, installation, "BeforeAllowTraffic")
    # The hook raises after three rejections. Then Lambda invokes the on-failure destination.
    installation.codedeploy.refusing = 3
    installation.client("lambda").invoke(
        FunctionName=f"CodeDeployHook_{NAME}-BeforeAllowTraffic",
        InvocationType="Event",
        Payload=json.dumps({"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution}),
    )

    for _ in range(300):
        if installation.answers(execution):
            break
        time.sleep(0.1)
    assert installation.answers(execution) == ["Failed"], installation.log.read_text()[-3000:]
    group, messages = f"/aws/lambda/{NAME}-LastResort", ""
    for _ in range(300):  # the log arrives after the invocation, which ends with the page of the report
        events = installation.client("logs").filter_log_events(logGroupName=group)["events"]
        messages = "\n".join(event["message"] for event in events)
        if "page stored" in messages:
            break
        time.sleep(0.1)
    assert "LastResortAnswered" in messages
    report = report_of(installation, deployment, "BeforeAllowTraffic.last-resort")
    assert (report["verdict"], report["judged"], report["answer"]["by"]) == ("Failed", "Succeeded", "last-resort")
    assert execution not in json.dumps(report) + messages


def test_execution_that_the_last_resort_cannot_answer_either_is_in_the_queue_until_its_record_is_deleted(
    installation: Installation, orders: str
) -> None:
    deployment, execution = deployment_of(orders, installation, "BeforeAllowTraffic")
    event = {"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution}
    sqs, url = installation.client("sqs"), installation.output("UnansweredQueueUrl")
    installation.codedeploy.refusing = 1000
    try:
        installation.client("lambda").invoke(
            FunctionName=f"{NAME}-LastResort",
            InvocationType="Event",
            Payload=json.dumps({"requestPayload": event, "requestContext": {}, "responsePayload": {}}),
        )
        messages = wait_for_messages(sqs, url)
    finally:
        installation.codedeploy.refusing = 0

    assert messages, installation.log.read_text()[-3000:]
    record = json.loads(messages[0]["Body"])
    assert record["requestPayload"]["requestPayload"] == event
    assert "CodeDeploy did not accept Failed" in record["responsePayload"]["errorMessage"]
    assert execution not in json.dumps(record["responsePayload"])
    (visible_again,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=visible_again["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def wait_for_messages(sqs: Any, url: str) -> list[dict[str, Any]]:
    """Return the messages of a queue, as soon as there are any."""
    for _ in range(60):
        if messages := sqs.receive_message(QueueUrl=url).get("Messages", []):
            return messages
        time.sleep(0.5)
    return []


def test_last_resort_answers_for_state_machines_that_cannot_answer(installation: Installation, orders: str) -> None:
    """ministack has no task that answers CodeDeploy, so the machine of the gate and its guardian both fail there."""
    put_plan(installation, "network: vpc\n" + PLAN)
    deployment, execution = deployment_of(orders, installation, "BeforeAllowTraffic")

    answer = installation.call("BeforeAllowTraffic", deployment, execution)
    wait_for_answer(installation, execution)
    put_plan(installation, PLAN)

    assert list(answer) == ["conducted_by"], answer
    assert installation.answers(execution) == ["Failed"], installation.log.read_text()[-3000:]
    assert "state machine started" in log_of(installation, f"CodeDeployHook_{NAME}-BeforeAllowTraffic")
    result = read_json(installation, f"gates/{answer['conducted_by']}/result.json")
    assert result["result"]["verdict"]["status"] == "Failed"
    assert "ProbeSubnetIds" in result["result"]["verdict"]["reasons"][0]["message"]


def test_state_machine_checks_a_good_version_and_answers_succeeded(installation: Installation, orders: str) -> None:
    """Run the deployed machine of a gate, in which a function answers in place of the task that ministack lacks."""
    put_plan(installation, PLAN)
    deployment, execution = deployment_of(orders, installation, "BeforeAllowTraffic")
    for step in ("Prepare", "Probe", "Conclude"):
        allow_additional_actions(
            installation, f"{NAME}-{step}", f"arn:aws:lambda:{REGION}:000000000000:function:{orders}"
        )
    gate = {"name": "0" * 40, "deployment": deployment, "stage": "BeforeAllowTraffic"}
    client = installation.client("stepfunctions")
    machine = create_machine_with_answering_function(installation)

    started = client.start_execution(
        stateMachineArn=machine, name=gate["name"], input=json.dumps({"gate": gate, "execution": execution})
    )
    for _ in range(600):
        end = client.describe_execution(executionArn=started["executionArn"])
        if end["status"] != "RUNNING":
            break
        time.sleep(0.1)

    assert end["status"] == "SUCCEEDED", (end, installation.log.read_text()[-3000:])
    assert installation.answers(execution) == ["Succeeded"]
    assert json.loads(end["output"])["verdict"] == "Succeeded"
    assert [check["outcome"] for check in report_of(installation, deployment, "BeforeAllowTraffic")["checks"]] == [
        "PASS"
    ]


def put_plan(installation: Installation, plan: str) -> None:
    """Store the plan of the application shop."""
    installation.client("s3").put_object(
        Bucket=installation.output("PlanBucketName"), Key="shop/live.yaml", Body=plan.encode()
    )


def log_of(installation: Installation, function: str) -> str:
    """Return the log of a function."""
    events = installation.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    return "\n".join(event["message"] for event in events)


def wait_for_answer(installation: Installation, execution: str) -> None:
    for _ in range(600):
        if installation.answers(execution):
            return
        time.sleep(0.1)


ANSWERING_FUNCTION = """
from greenlight.core.verdict import Status
from greenlight.gate.codedeploy import Execution, Reporter

def handler(event, context):
    execution = Execution(deployment_id=event["DeploymentId"], execution_id=event["LifecycleEventHookExecutionId"])
    return {"told": Reporter(execution).answer(Status(event["Status"]), 10.0).told}
"""


def create_machine_with_answering_function(installation: Installation) -> str:
    """Create a copy of the deployed machine of a gate, whose task Answer invokes a function, and return its ARN."""
    lambda_, states = installation.client("lambda"), installation.client("stepfunctions")
    last_resort = lambda_.get_function_configuration(FunctionName=f"{NAME}-LastResort")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("answer.py", ANSWERING_FUNCTION)
    function = lambda_.create_function(
        FunctionName="answer",
        Runtime="python3.13",
        Role=last_resort["Role"],
        Handler="answer.handler",
        Code={"ZipFile": archive.getvalue()},
        Layers=[layer["Arn"] for layer in last_resort["Layers"]],
        Timeout=30,
    )
    gate = states.describe_state_machine(stateMachineArn=installation.output("GateMachineArn"))
    definition = json.loads(gate["definition"])
    task = definition["States"]["Answer"]
    task["Resource"] = "arn:aws:states:::lambda:invoke"
    task["Parameters"] = {"FunctionName": function["FunctionArn"], "Payload": task["Parameters"]}
    machine = states.create_state_machine(
        name="gate-with-answer", definition=json.dumps(definition), roleArn=gate["roleArn"]
    )
    return str(machine["stateMachineArn"])


def read_json(installation: Installation, key: str) -> dict[str, Any]:
    """Load a document of the report bucket."""
    s3, bucket = installation.client("s3"), installation.output("ReportBucketName")
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def test_role_of_a_hook_of_an_ecs_stage_may_not_invoke_a_function(installation: Installation, orders: str) -> None:
    simulate = installation.client("iam").simulate_principal_policy
    arn = f"arn:aws:lambda:{REGION}:000000000000:function:{orders}:2"
    decisions = {}
    for stage in STAGES:
        role = installation.client("lambda").get_function_configuration(FunctionName=f"CodeDeployHook_{NAME}-{stage}")[
            "Role"
        ]
        result = simulate(PolicySourceArn=role, ActionNames=["lambda:InvokeFunction"], ResourceArns=[arn])
        decisions[stage] = result["EvaluationResults"][0]["EvalDecision"]

    assert {stage for stage, decision in decisions.items() if decision == "allowed"} == {
        "BeforeAllowTraffic",
        "AfterAllowTraffic",
    }


def report_of(installation: Installation, deployment: str, stage: str) -> dict[str, Any]:
    """Load the report of a gate from the report bucket."""
    return read_json(installation, f"shop/live/{deployment}/{stage}.json")
