"""Accounts to put before the doctor, as tables of answers; each test breaks one thing in them.

moto keeps no alarm configurations, no task sets and no revisions of CodeDeploy, so requests and answers are held against
botocore's models; what moto does keep (functions, roles, their policies, log groups) is asked of moto, with AWS's own
managed policies.
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

    Change = Callable[["World"], Any]
    Mistake = tuple[str, str, Change]
    """The rule, the platform, and what breaks it."""

ME = "111122223333"

LB = f"arn:aws:elasticloadbalancing:{REGION}:{ME}"

ONE, TWO = f"{LB}:targetgroup/one/1", f"{LB}:targetgroup/two/2"

ARNS = {"one": ONE, "two": TWO}

USERS, TESTS = f"{LB}:listener/app/shop/9/1", f"{LB}:listener/app/shop/9/2"

BALANCER = f"{LB}:loadbalancer/app/shop/9"

LAST_RESORT = f"arn:aws:lambda:{REGION}:{ME}:function:greenlight-LastResort"

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)

ECS_STAGES = ("AfterAllowTestTraffic", "AfterAllowTraffic")

PLAN = """\
version: 1
stages:
  AfterAllowTraffic:
    checks:
      - {name: a, http: {get: /, expect: {status: 200}}}
"""

OF_LAMBDA = f"{PLAN}target: {{url: 'https://shop.{REGION}.elb.amazonaws.com'}}\n"


def appspec(platform: str, hooks: dict[str, str] | None = None) -> str:
    stages = ECS_STAGES if platform == "ECS" else STAGES[-2:]
    hooks = {stage: f"CodeDeployHook_greenlight-{stage}" for stage in stages} if hooks is None else hooks
    resource = (
        {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": f"arn:aws:ecs:{REGION}:{ME}:task-definition/shop:7", "LoadBalancerInfo": {"ContainerName": "shop", "ContainerPort": 80}}}
        if platform == "ECS"
        else {"Type": "AWS::Lambda::Function", "Properties": {"Name": "shop", "Alias": "live", "CurrentVersion": "7", "TargetVersion": "8"}}
    )  # fmt: skip
    named = {"Hooks": [{event: function} for event, function in hooks.items()]} if hooks else {}
    return json.dumps({"version": 0.0, "Resources": [{"Shop": resource}], **named})


def function(name: str, stage: str) -> dict[str, Any]:
    """Give a hook's configuration, as an installation makes it."""
    known = [each for each in Settings.__struct_fields__ if each not in ("plan_folder", "allow_loopback")]
    variables = dict.fromkeys((f"GREENLIGHT_{each.upper()}" for each in known), "")
    return {
        "FunctionName": name,
        "FunctionArn": f"arn:aws:lambda:{REGION}:{ME}:function:{name}",
        "Handler": "".join(f"_{c.lower()}" if c.isupper() else c for c in stage).lstrip("_") + ".handler",
        "Role": f"arn:aws:iam::{ME}:role/hook",
        "Timeout": 600,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "LoggingConfig": {"LogGroup": f"log-{name}"},
        "Environment": {"Variables": variables | {"GREENLIGHT_PLAN_BUCKET": "plans"}},
    }


class World:
    """A wiring that is right; what a test changes in its parts is what is wrong with it.

    Attributes:
        group: CodeDeploy's `deploymentGroupInfo`.
        functions: Configurations by name.
        policies: Statements by role.
        table: Everything else, by operation; what stands here counts before all parts.
    """

    def __init__(self, platform: str) -> None:
        self.platform, self.appspec, self.plan = platform, appspec(platform), PLAN if platform == "ECS" else OF_LAMBDA
        self.group: dict[str, Any] = {
            "applicationName": "shop",
            "deploymentGroupName": "live",
            "computePlatform": platform,
            "serviceRoleArn": f"arn:aws:iam::{ME}:role/codedeploy",
            "deploymentConfigName": f"CodeDeployDefault.{platform}Canary10Percent5Minutes",
            "autoRollbackConfiguration": {
                "enabled": True,
                "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
            },
            "alarmConfiguration": {"enabled": True, "alarms": [{"name": "errors"}]},
            "lastAttemptedDeployment": {"deploymentId": "d-1", "status": "Succeeded"},
        }
        self.functions = {
            f"CodeDeployHook_greenlight-{stage}": function(f"CodeDeployHook_greenlight-{stage}", stage)
            for stage in STAGES
        } | {
            "greenlight-LastResort": function("greenlight-LastResort", "LastResort"),
            "shop:8": function("shop", "Shop"),
        }
        self.alarms = [{"AlarmName": "errors", "StateValue": "OK", "StateUpdatedTimestamp": NOW}]
        self.trust: dict[str, Any] = {"Service": "codedeploy.amazonaws.com"}
        self.policies: dict[str, list[dict[str, Any]]] = {
            "codedeploy": [
                allow("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:CodeDeployHook_*"),
                *(
                    allow(each, "*")
                    for each in ("lambda:*Alias", "ecs:*", "elasticloadbalancing:*", "cloudwatch:*", "iam:PassRole")
                ),
            ],
            "hook": [
                allow(
                    "codedeploy:PutLifecycleEventHookExecutionStatus",
                    f"arn:aws:codedeploy:{REGION}:{ME}:deploymentgroup:*",
                )
            ],
        }
        self.events: dict[str, Any] = {
            "MaximumRetryAttempts": 0,
            "MaximumEventAgeInSeconds": 300,
            "DestinationConfig": {"OnFailure": {"Destination": LAST_RESORT}},
        }
        self.exports = ["greenlight-PlanBucket"]
        self.tags: dict[str, str] = {}
        self.alias: dict[str, Any] = {"FunctionVersion": "7"}
        self.service: dict[str, Any] = {
            "status": "ACTIVE",
            "deploymentController": {"type": "CODE_DEPLOY"},
            "taskSets": [
                {
                    "id": "ecs-svc/1",
                    "status": "PRIMARY",
                    "taskDefinition": "shop:7",
                    "loadBalancers": [{"targetGroupArn": ONE}],
                }
            ],
        }
        self.health = [("10.0.0.1", "healthy"), ("10.0.0.2", "healthy")]
        self.forwards = {USERS: [(ONE, 100), (TWO, 0)], TESTS: [(ONE, 100), (TWO, 0)]}
        self.conditions: list[dict[str, Any]] = []
        self.balancers = {USERS: BALANCER, TESTS: BALANCER}
        self.groups = ["one", "two"]
        self.kinds: dict[str, dict[str, str]] = {}
        self.balancer: dict[str, Any] = {
            "DNSName": "shop.example.com",
            "Scheme": "internet-facing",
            "VpcId": "vpc-1",
            "SecurityGroups": ["sg-balancer"],
        }
        self.admits: dict[str, Any] = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.task: dict[str, Any] = {
            "status": "ACTIVE",
            "executionRoleArn": f"arn:aws:iam::{ME}:role/task",
            "containerDefinitions": [{"name": "shop", "portMappings": [{"containerPort": 80}]}],
        }
        self.routes: list[dict[str, Any]] = [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}]
        self.endpoints: list[dict[str, Any]] = []
        self.table: dict[str, Any] = {}
        if platform == "ECS":
            self.group |= {
                "ecsServices": [{"serviceName": "shop", "clusterName": "shop"}],
                "blueGreenDeploymentConfiguration": {
                    "terminateBlueInstancesOnDeploymentSuccess": {
                        "action": "TERMINATE",
                        "terminationWaitTimeInMinutes": 30,
                    }
                },
                "loadBalancerInfo": {
                    "targetGroupPairInfoList": [
                        {
                            "targetGroups": [{"name": "one"}, {"name": "two"}],
                            "prodTrafficRoute": {"listenerArns": [USERS]},
                            "testTrafficRoute": {"listenerArns": [TESTS]},
                        }
                    ]
                },
            }

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
        def configuration(asked: dict[str, Any]) -> Any:
            name = asked["FunctionName"] + (f":{asked['Qualifier']}" if "Qualifier" in asked else "")
            return self.functions.get(name, "ResourceNotFoundException")

        def policy(asked: dict[str, Any]) -> Any:
            return {
                "RoleName": asked["RoleName"],
                "PolicyName": "own",
                "PolicyDocument": json.dumps({"Statement": self.policies[asked["RoleName"]]}),
            }

        def role(asked: dict[str, Any]) -> Any:
            name = asked["RoleName"]
            trust = {"Statement": [{"Effect": "Allow", "Principal": self.trust, "Action": "sts:AssumeRole"}]}
            about = {
                "Path": "/",
                "RoleName": name,
                "RoleId": "AROAAAAAAAAAAAAAA",
                "Arn": f"arn:aws:iam::{ME}:role/{name}",
                "CreateDate": NOW,
            }
            return (
                {"Role": {**about, "AssumeRolePolicyDocument": json.dumps(trust)}}
                if name in self.policies
                else "NoSuchEntity"
            )

        def rules_of(asked: dict[str, Any]) -> Any:
            groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in self.forwards[asked["ListenerArn"]]]
            return {
                "Rules": [
                    {
                        "RuleArn": "r",
                        "Priority": "default",
                        "IsDefault": True,
                        "Conditions": self.conditions,
                        "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
                    }
                ]
            }

        def listener(asked: dict[str, Any]) -> Any:
            arn = asked["ListenerArns"][0]
            if arn not in self.balancers:
                return "ListenerNotFound"
            return {
                "Listeners": [
                    {"ListenerArn": arn, "LoadBalancerArn": self.balancers[arn], "Port": 80, "Protocol": "HTTP"}
                ]
            }

        def parameter(_: dict[str, Any]) -> Any:
            return "ParameterNotFound"

        return {
            "codedeploy.get_application": {"application": {"applicationName": "shop"}},
            "codedeploy.list_deployment_groups": {"deploymentGroups": ["live"]},
            "codedeploy.get_deployment_group": {"deploymentGroupInfo": self.group},
            "codedeploy.get_deployment": {"deploymentInfo": {"revision": self.revision()}},
            "codedeploy.get_application_revision": {"revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": self.appspec}}},
            "codedeploy.list_tags_for_resource": {"Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()]},
            "cloudwatch.describe_alarms": {"MetricAlarms": self.alarms},
            "iam.get_role": role,
            "iam.list_attached_role_policies": {"AttachedPolicies": []},
            "iam.list_role_policies": {"PolicyNames": ["own"]},
            "iam.get_role_policy": policy,
            "lambda.get_function_configuration": configuration,
            "lambda.get_function_event_invoke_config": self.events or "ResourceNotFoundException",
            "lambda.get_function_concurrency": {},
            "lambda.list_aliases": {"Aliases": []},
            "lambda.get_alias": self.alias or "ResourceNotFoundException",
            "logs.describe_log_groups": lambda asked: {"logGroups": [{"logGroupName": asked["logGroupNamePrefix"]}]},
            "cloudformation.list_exports": {"Exports": [{"Name": each, "Value": "v", "ExportingStackId": "s"} for each in self.exports]},
            "s3.get_object": lambda _: self.stored(),
            "ssm.get_parameter": parameter,
            "ecs.describe_services": {"services": [self.service] if self.service else []},
            "elbv2.describe_target_groups": {"TargetGroups": [{"TargetGroupName": each, "TargetGroupArn": ARNS.get(each, each), **self.kinds.get(each, {})} for each in self.groups]} if self.groups else "TargetGroupNotFound",
            "elbv2.describe_target_health": {"TargetHealthDescriptions": [{"Target": {"Id": each}, "TargetHealth": {"State": state}} for each, state in self.health]},
            "elbv2.describe_listeners": listener,
            "elbv2.describe_rules": rules_of,
            "elbv2.describe_load_balancers": {"LoadBalancers": [self.balancer]},
            "ec2.describe_security_groups": {"SecurityGroups": [{"IpPermissions": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, **self.admits}]}]},
            "ecs.describe_task_definition": {"taskDefinition": self.task} if self.task else "ClientException",
            "elbv2.describe_tags": lambda asked: {"TagDescriptions": [{"ResourceArn": each, "Tags": [{"Key": "team", "Value": "shop"}]} for each in asked["ResourceArns"]]},
            "ec2.describe_route_tables": lambda _: {"RouteTables": [{"Associations": [{"Main": True}], "Routes": self.routes}]},
            "ec2.describe_vpc_endpoints": lambda _: {"VpcEndpoints": self.endpoints},
            **self.table,
        }  # fmt: skip

    def stored(self) -> Any:
        if not self.plan:
            return "NoSuchKey"
        data = self.plan.encode()
        return {"Body": StreamingBody(io.BytesIO(data), len(data))}

    def account(self) -> Account:
        return Account(self.answers())

    def examined(self, **wanted: Any) -> list[rules.Symptom]:
        (one,) = examination.account(
            Reader(self.account()), examination.Query(application="shop", **wanted), lambda _: None
        )
        return list(one.symptoms)

    def found(self, **wanted: Any) -> list[str]:
        return [each.rule for each in self.examined(**wanted)]


def allow(action: str, resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def run(world: World, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(["--application", "shop", *arguments]), Reader(world.account()))


TRUST = json.dumps(
    {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "codedeploy.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]
    }
)


def ids(mistakes: Sequence[Mistake]) -> list[str]:
    """Name each mistake of a table."""
    return [f"{number}-{platform}-{rule}" for number, (rule, platform, _) in enumerate(mistakes)]


def found_alone(rule: str, platform: str, wrong: Change) -> None:
    """Hold that one mistake is one finding, with a fix whose commands AWS would take."""
    world = World(platform)
    wrong(world)

    found = world.examined()

    assert [each.rule for each in found] == [rule], found
    assert found[0].fix
    typed = [
        part.partition("; ")[0]
        for part in re.findall(r"\baws [a-z0-9-]+ [a-z-]+ -[^)\n]*|\baws s3 cp [^\n]*", found[0].fix)
    ]
    assert [mistake for each in typed if (mistake := aws_cli_error(each))] == [], found[0].fix
