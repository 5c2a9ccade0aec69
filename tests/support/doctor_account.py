"""Accounts for tests of the doctor: a valid setup, in which each test breaks one thing.

moto does not keep alarm configurations, task sets and revisions of CodeDeploy. The setup is a table of answers, which
botocore's models validate. For resources that moto does keep (functions, roles, policies, log groups), tests use moto
with AWS's own managed policies.
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import re
from typing import TYPE_CHECKING, Any

from botocore.response import StreamingBody

from devkit.commands import doctor as command
from devkit.doctor import examination, rules
from devkit.doctor.reader import Reader
from greenlight.core.deployment import STAGES
from greenlight.core.settings import Settings
from tests.support.account import REGION, Account
from tests.support.shell_commands import aws_cli_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Change = Callable[["DoctorAccount"], Any]
    Mistake = tuple[str, str, Change]
    """The rule, the platform, and the change that breaks the rule."""

ACCOUNT_ID = "111122223333"
ELB = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT_ID}"
ONE, TWO = f"{ELB}:targetgroup/one/1", f"{ELB}:targetgroup/two/2"
TARGET_GROUP_ARNS = {"one": ONE, "two": TWO}
PRODUCTION, TEST = f"{ELB}:listener/app/shop/9/1", f"{ELB}:listener/app/shop/9/2"
LOAD_BALANCER = f"{ELB}:loadbalancer/app/shop/9"
LAST_RESORT = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:greenlight-LastResort"
NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
ECS_STAGES = ("AfterAllowTestTraffic", "AfterAllowTraffic")
TRUST_STATEMENT = {"Effect": "Allow", "Principal": {"Service": "codedeploy.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST_POLICY = json.dumps({"Statement": [TRUST_STATEMENT]})
PLAN = """\
version: 1
stages:
  AfterAllowTraffic:
    checks:
      - {name: a, http: {get: /, expect: {status: 200}}}
"""
LAMBDA_PLAN = f"{PLAN}target: {{url: 'https://shop.{REGION}.elb.amazonaws.com'}}\n"


# ---- The parts of a valid setup --------------------------------------------------------------------------------------


def appspec(platform: str, hooks: dict[str, str] | None = None) -> str:
    """Return an AppSpec, with greenlight's hooks unless others are passed."""
    stages = ECS_STAGES if platform == "ECS" else STAGES[-2:]
    hooks = {stage: f"CodeDeployHook_greenlight-{stage}" for stage in stages} if hooks is None else hooks
    resource: dict[str, Any] = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Name": "shop", "Alias": "live", "CurrentVersion": "7", "TargetVersion": "8"},
    }
    if platform == "ECS":
        resource = {
            "Type": "AWS::ECS::Service",
            "Properties": {
                "TaskDefinition": f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:task-definition/shop:7",
                "LoadBalancerInfo": {"ContainerName": "shop", "ContainerPort": 80},
            },
        }
    hook_list = {"Hooks": [{event: function} for event, function in hooks.items()]} if hooks else {}
    return json.dumps({"version": 0.0, "Resources": [{"Shop": resource}], **hook_list})


def allow(action: str, resource: str) -> dict[str, Any]:
    """Return a policy statement."""
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def function(name: str, stage: str) -> dict[str, Any]:
    """Return a hook's configuration, as an installation creates it."""
    fields = [field for field in Settings.__struct_fields__ if field not in ("plan_folder", "allow_loopback")]
    variables = dict.fromkeys((f"GREENLIGHT_{field.upper()}" for field in fields), "")
    return {
        "FunctionName": name,
        "FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}",
        "Handler": "".join(f"_{c.lower()}" if c.isupper() else c for c in stage).lstrip("_") + ".handler",
        "Role": f"arn:aws:iam::{ACCOUNT_ID}:role/hook",
        "Timeout": 600,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "LoggingConfig": {"LogGroup": f"log-{name}"},
        "Environment": {"Variables": variables | {"GREENLIGHT_PLAN_BUCKET": "plans"}},
    }


def _functions() -> dict[str, dict[str, Any]]:
    names = {stage: f"CodeDeployHook_greenlight-{stage}" for stage in STAGES}
    return {
        **{name: function(name, stage) for stage, name in names.items()},
        "greenlight-LastResort": function("greenlight-LastResort", "LastResort"),
        "shop:8": function("shop", "Shop"),
    }


def _group(platform: str) -> dict[str, Any]:
    group = {
        "applicationName": "shop",
        "deploymentGroupName": "live",
        "computePlatform": platform,
        "serviceRoleArn": f"arn:aws:iam::{ACCOUNT_ID}:role/codedeploy",
        "deploymentConfigName": f"CodeDeployDefault.{platform}Canary10Percent5Minutes",
        "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]},
        "alarmConfiguration": {"enabled": True, "alarms": [{"name": "errors"}]},
        "lastAttemptedDeployment": {"deploymentId": "d-1", "status": "Succeeded"},
    }
    return {**group, **_ecs_settings()} if platform == "ECS" else group


def _ecs_settings() -> dict[str, Any]:
    pair = {
        "targetGroups": [{"name": "one"}, {"name": "two"}],
        "prodTrafficRoute": {"listenerArns": [PRODUCTION]},
        "testTrafficRoute": {"listenerArns": [TEST]},
    }
    terminate = {"action": "TERMINATE", "terminationWaitTimeInMinutes": 30}
    return {
        "ecsServices": [{"serviceName": "shop", "clusterName": "shop"}],
        "blueGreenDeploymentConfiguration": {"terminateBlueInstancesOnDeploymentSuccess": terminate},
        "loadBalancerInfo": {"targetGroupPairInfoList": [pair]},
    }


def _service() -> dict[str, Any]:
    task_set = {
        "id": "ecs-svc/1",
        "status": "PRIMARY",
        "taskDefinition": "shop:7",
        "loadBalancers": [{"targetGroupArn": ONE}],
    }
    return {"status": "ACTIVE", "deploymentController": {"type": "CODE_DEPLOY"}, "taskSets": [task_set]}


def _task_definition() -> dict[str, Any]:
    return {
        "status": "ACTIVE",
        "executionRoleArn": f"arn:aws:iam::{ACCOUNT_ID}:role/task",
        "containerDefinitions": [{"name": "shop", "portMappings": [{"containerPort": 80}]}],
    }


def _load_balancer() -> dict[str, Any]:
    return {
        "DNSName": "shop.example.com",
        "Scheme": "internet-facing",
        "VpcId": "vpc-1",
        "SecurityGroups": ["sg-balancer"],
    }


def _event_invoke_config() -> dict[str, Any]:
    return {
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 300,
        "DestinationConfig": {"OnFailure": {"Destination": LAST_RESORT}},
    }


def _policies() -> dict[str, list[dict[str, Any]]]:
    service_actions = ("lambda:*Alias", "ecs:*", "elasticloadbalancing:*", "cloudwatch:*", "iam:PassRole")
    groups = f"arn:aws:codedeploy:{REGION}:{ACCOUNT_ID}:deploymentgroup:*"
    return {
        "codedeploy": [
            allow("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:CodeDeployHook_*"),
            *(allow(action, "*") for action in service_actions),
        ],
        "hook": [allow("codedeploy:PutLifecycleEventHookExecutionStatus", groups)],
    }


# ---- The account -----------------------------------------------------------------------------------------------------


class DoctorAccount:
    """A valid setup; a test changes one of its parts to make a mistake.

    Attributes:
        group: CodeDeploy's `deploymentGroupInfo`.
        functions: Configurations of functions by name.
        policies: Policy statements by role.
        forwards: Target groups and weights by listener.
        target_groups: The names of the target groups that exist.
        target_group_settings: Further fields of a target group by its name.
        table: Answers by operation, which take precedence over all parts.
    """

    def __init__(self, platform: str) -> None:
        self.platform = platform
        self.appspec, self.plan = appspec(platform), PLAN if platform == "ECS" else LAMBDA_PLAN
        self.group = _group(platform)
        self.functions = _functions()
        self.alarms = [{"AlarmName": "errors", "StateValue": "OK", "StateUpdatedTimestamp": NOW}]
        self.trust: dict[str, Any] = {"Service": "codedeploy.amazonaws.com"}
        self.policies = _policies()
        self.event_invoke_config = _event_invoke_config()
        self.exports = ["greenlight-PlanBucket"]
        self.tags: dict[str, str] = {}
        self.alias: dict[str, Any] = {"FunctionVersion": "7"}
        self.service = _service()
        self.task_definition = _task_definition()
        self.health = [("10.0.0.1", "healthy"), ("10.0.0.2", "healthy")]
        self.forwards = {PRODUCTION: [(ONE, 100), (TWO, 0)], TEST: [(ONE, 100), (TWO, 0)]}
        self.conditions: list[dict[str, Any]] = []
        self.load_balancer_arns = {PRODUCTION: LOAD_BALANCER, TEST: LOAD_BALANCER}
        self.target_groups = ["one", "two"]
        self.target_group_settings: dict[str, dict[str, str]] = {}
        self.load_balancer = _load_balancer()
        self.ingress: dict[str, Any] = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.routes: list[dict[str, Any]] = [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}]
        self.endpoints: list[dict[str, Any]] = []
        self.table: dict[str, Any] = {}

    @property
    def pair(self) -> dict[str, Any]:
        pair: dict[str, Any] = self.group["loadBalancerInfo"]["targetGroupPairInfoList"][0]
        return pair

    @property
    def hook(self) -> dict[str, Any]:
        """The function that runs last."""
        return self.functions["CodeDeployHook_greenlight-AfterAllowTraffic"]

    def revision(self) -> dict[str, Any]:
        return {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "0"}}

    def answers(self) -> dict[str, Any]:
        """Return the answer of every operation that the doctor calls."""
        return {
            **self._codedeploy(),
            **self._lambda(),
            **self._iam(),
            **self._ecs(),
            **self._elbv2(),
            **self._ec2(),
            **self._others(),
            **self.table,
        }

    def _codedeploy(self) -> dict[str, Any]:
        content = {"revisionType": "AppSpecContent", "appSpecContent": {"content": self.appspec}}
        return {
            "codedeploy.get_application": {"application": {"applicationName": "shop"}},
            "codedeploy.list_deployment_groups": {"deploymentGroups": ["live"]},
            "codedeploy.get_deployment_group": {"deploymentGroupInfo": self.group},
            "codedeploy.get_deployment": {"deploymentInfo": {"revision": self.revision()}},
            "codedeploy.get_application_revision": {"revision": content},
            "codedeploy.list_tags_for_resource": {
                "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()]
            },
        }

    def _lambda(self) -> dict[str, Any]:
        def configuration(request: dict[str, Any]) -> Any:
            name = request["FunctionName"] + (f":{request['Qualifier']}" if "Qualifier" in request else "")
            return self.functions.get(name, "ResourceNotFoundException")

        return {
            "lambda.get_function_configuration": configuration,
            "lambda.get_function_event_invoke_config": self.event_invoke_config or "ResourceNotFoundException",
            "lambda.get_function_concurrency": {},
            "lambda.list_aliases": {"Aliases": []},
            "lambda.get_alias": self.alias or "ResourceNotFoundException",
        }

    def _iam(self) -> dict[str, Any]:
        def role(request: dict[str, Any]) -> Any:
            name = request["RoleName"]
            if name not in self.policies:
                return "NoSuchEntity"
            return {
                "Role": {
                    "Path": "/",
                    "RoleName": name,
                    "RoleId": "AROAAAAAAAAAAAAAA",
                    "Arn": f"arn:aws:iam::{ACCOUNT_ID}:role/{name}",
                    "CreateDate": NOW,
                    "AssumeRolePolicyDocument": json.dumps(
                        {"Statement": [{**TRUST_STATEMENT, "Principal": self.trust}]}
                    ),
                }
            }

        def policy(request: dict[str, Any]) -> Any:
            name = request["RoleName"]
            document = json.dumps({"Statement": self.policies[name]})
            return {"RoleName": name, "PolicyName": "own", "PolicyDocument": document}

        return {
            "iam.get_role": role,
            "iam.list_attached_role_policies": {"AttachedPolicies": []},
            "iam.list_role_policies": {"PolicyNames": ["own"]},
            "iam.get_role_policy": policy,
        }

    def _ecs(self) -> dict[str, Any]:
        definition = {"taskDefinition": self.task_definition} if self.task_definition else "ClientException"
        return {
            "ecs.describe_services": {"services": [self.service] if self.service else []},
            "ecs.describe_task_definition": definition,
        }

    def _elbv2(self) -> dict[str, Any]:
        groups = [
            {
                "TargetGroupName": name,
                "TargetGroupArn": TARGET_GROUP_ARNS.get(name, name),
                **self.target_group_settings.get(name, {}),
            }
            for name in self.target_groups
        ]
        health = [{"Target": {"Id": name}, "TargetHealth": {"State": state}} for name, state in self.health]
        tags = [{"Key": "team", "Value": "shop"}]
        return {
            "elbv2.describe_target_groups": {"TargetGroups": groups} if groups else "TargetGroupNotFound",
            "elbv2.describe_target_health": {"TargetHealthDescriptions": health},
            "elbv2.describe_listeners": self._describe_listener,
            "elbv2.describe_rules": self._describe_rules,
            "elbv2.describe_load_balancers": {"LoadBalancers": [self.load_balancer]},
            "elbv2.describe_tags": lambda request: {
                "TagDescriptions": [{"ResourceArn": arn, "Tags": tags} for arn in request["ResourceArns"]]
            },
        }

    def _describe_rules(self, request: dict[str, Any]) -> Any:
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in self.forwards[request["ListenerArn"]]]
        rule = {
            "RuleArn": "r",
            "Priority": "default",
            "IsDefault": True,
            "Conditions": self.conditions,
            "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
        }
        return {"Rules": [rule]}

    def _describe_listener(self, request: dict[str, Any]) -> Any:
        arn = request["ListenerArns"][0]
        if arn not in self.load_balancer_arns:
            return "ListenerNotFound"
        listener = {"ListenerArn": arn, "LoadBalancerArn": self.load_balancer_arns[arn], "Port": 80, "Protocol": "HTTP"}
        return {"Listeners": [listener]}

    def _ec2(self) -> dict[str, Any]:
        permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, **self.ingress}
        table = {"Associations": [{"Main": True}], "Routes": self.routes}
        return {
            "ec2.describe_security_groups": {"SecurityGroups": [{"IpPermissions": [permission]}]},
            "ec2.describe_route_tables": lambda _: {"RouteTables": [table]},
            "ec2.describe_vpc_endpoints": lambda _: {"VpcEndpoints": self.endpoints},
        }

    def _others(self) -> dict[str, Any]:
        exports = [{"Name": name, "Value": "v", "ExportingStackId": "s"} for name in self.exports]
        return {
            "cloudwatch.describe_alarms": {"MetricAlarms": self.alarms},
            "logs.describe_log_groups": lambda request: {
                "logGroups": [{"logGroupName": request["logGroupNamePrefix"]}]
            },
            "cloudformation.list_exports": {"Exports": exports},
            "s3.get_object": lambda _: self._stored_plan(),
            "ssm.get_parameter": lambda _: "ParameterNotFound",
        }

    def _stored_plan(self) -> Any:
        if not self.plan:
            return "NoSuchKey"
        data = self.plan.encode()
        return {"Body": StreamingBody(io.BytesIO(data), len(data))}

    def session(self) -> Account:
        """Return the account as a session of botocore."""
        return Account(self.answers())

    def examine(self, **options: Any) -> list[rules.Symptom]:
        """Return the symptoms of its deployment group."""
        query = examination.Query(application="shop", **options)
        (group,) = examination.examine_account(Reader(self.session()), query, lambda _: None)
        return list(group.symptoms)

    def broken_rules(self, **options: Any) -> list[str]:
        """Return the ids of the rules that its deployment group breaks."""
        return [symptom.rule for symptom in self.examine(**options)]


def run(account: DoctorAccount, *arguments: str) -> int:
    """Run the command against an account, and return its exit status."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(["--application", "shop", *arguments]), Reader(account.session()))


def ids(mistakes: Sequence[Mistake]) -> list[str]:
    """Return a name for each mistake of a table."""
    return [f"{number}-{platform}-{rule}" for number, (rule, platform, _) in enumerate(mistakes)]


def assert_only_finding(rule: str, platform: str, change: Change) -> None:
    """Check that one mistake is one finding, and that AWS accepts the commands of its fix."""
    account = DoctorAccount(platform)
    change(account)

    symptoms = account.examine()

    assert [symptom.rule for symptom in symptoms] == [rule], symptoms
    fix = symptoms[0].fix
    assert fix
    commands = [
        part.partition("; ")[0] for part in re.findall(r"\baws [a-z0-9-]+ [a-z-]+ -[^)\n]*|\baws s3 cp [^\n]*", fix)
    ]
    assert [mistake for line in commands if (mistake := aws_cli_error(line))] == [], fix
