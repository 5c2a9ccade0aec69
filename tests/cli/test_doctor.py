"""`greenlight doctor` of an account: one mistake in its wiring is one finding, and what is right has none.

moto keeps no alarm configurations, no task sets and no revisions of CodeDeploy, so the accounts here are tables of answers,
requests and answers held against botocore's models; what moto does keep (functions, roles, their policies, log groups) is
asked of moto at the end, with AWS's own managed policies.
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.response import StreamingBody
from greenlight.errors import GreenlightError
from greenlight.model import STAGES
from greenlight.settings import Settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from devkit import doctor
from devkit.cli import main
from devkit.commands import doctor as command
from devkit.doctor import permissions, rules
from devkit.doctor.reader import Reader
from devkit.doctor.revision import parsed
from tests.cli.test_documents import aws_mistake
from tests.integration.account import REGION, Account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Change = Callable[[dict[str, Any]], None]

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
        (one,) = doctor.account(Reader(self.account()), doctor.Wanted(application="shop", **wanted), lambda _: None)
        return list(one.symptoms)

    def found(self, **wanted: Any) -> list[str]:
        return [each.rule for each in self.examined(**wanted)]


def allow(action: str, resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


@pytest.mark.parametrize("platform", ["ECS", "Lambda"])
def test_a_wiring_that_is_right_has_no_finding(platform: str) -> None:
    assert [str(each) for each in World(platform).examined()] == []


def stack_of(listener: str, group: str) -> dict[str, Any]:
    """Give the answers about a stack whose template leads a listener to a target group."""
    tags = [
        {"Key": f"aws:cloudformation:{key}", "Value": value}
        for key, value in (("stack-name", "net"), ("logical-id", "Tests"))
    ]
    properties = {"DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "First"}}]}
    return {
        "elbv2.describe_tags": {"TagDescriptions": [{"ResourceArn": listener, "Tags": tags}]},
        "cloudformation.get_template": {"TemplateBody": json.dumps({"Resources": {"Tests": {"Type": "T", "Properties": properties}}})},
        "cloudformation.describe_stack_resources": {
            "StackResources": [{"LogicalResourceId": "First", "PhysicalResourceId": group, "ResourceType": "T", "Timestamp": NOW, "ResourceStatus": "CREATE_COMPLETE"}]
        },
    }  # fmt: skip


MISTAKES: list[tuple[str, str, Callable[[World], Any]]] = [
    ("no-rollback", "ECS", lambda w: w.group.pop("autoRollbackConfiguration")),
    ("no-rollback", "Lambda", lambda w: w.group["autoRollbackConfiguration"].update(enabled=False)),
    ("no-rollback", "Lambda", lambda w: w.group["autoRollbackConfiguration"].update(events=["DEPLOYMENT_STOP_ON_REQUEST"])),
    ("no-rollback-on-alarm", "ECS", lambda w: w.group["autoRollbackConfiguration"].update(events=["DEPLOYMENT_FAILURE"])),
    ("no-alarms", "ECS", lambda w: w.group.pop("alarmConfiguration")),
    ("no-alarms", "ECS", lambda w: w.group["alarmConfiguration"].update(enabled=False)),
    ("alarms-overlooked", "ECS", lambda w: w.group["alarmConfiguration"].update(ignorePollAlarmFailure=True)),
    ("alarm-rings", "Lambda", lambda w: w.alarms[0].update(StateValue="ALARM")),
    ("alarm-without-data", "Lambda", lambda w: w.alarms[0].update(StateValue="INSUFFICIENT_DATA")),
    ("alarm-missing", "Lambda", lambda w: w.alarms.clear()),
    ("deployment-running", "ECS", lambda w: w.group["lastAttemptedDeployment"].update(status="InProgress")),
    ("blue-ends-at-once", "ECS", lambda w: w.group["blueGreenDeploymentConfiguration"]["terminateBlueInstancesOnDeploymentSuccess"].update(terminationWaitTimeInMinutes=0)),
    ("all-at-once-after", "Lambda", lambda w: (w.group.update(deploymentConfigName="CodeDeployDefault.LambdaAllAtOnce"), setattr(w, "appspec", appspec("Lambda", {"AfterAllowTraffic": "CodeDeployHook_greenlight-AfterAllowTraffic"})))),
    ("no-hooks", "Lambda", lambda w: setattr(w, "appspec", appspec("Lambda", {}))),
    ("appspec", "ECS", lambda w: setattr(w, "appspec", w.appspec.replace('"ContainerPort": 80', '"ContainerPort": "80"'))),
    ("hook-elsewhere", "ECS", lambda w: setattr(w, "appspec", w.appspec.replace('"CodeDeployHook_greenlight-AfterAllowTe', f'"arn:aws:lambda:venus-east-1:{ME}:function:CodeDeployHook_greenlight-AfterAllowTe'))),
    ("hook-elsewhere", "ECS", lambda w: setattr(w, "appspec", w.appspec.replace('"CodeDeployHook_greenlight-AfterAllowTe', f'"arn:aws:lambda:{REGION}:999999999999:function:CodeDeployHook_greenlight-AfterAllowTe'))),
    ("hook-missing", "ECS", lambda w: w.functions.pop("CodeDeployHook_greenlight-AfterAllowTestTraffic")),
    ("hook-missing", "ECS", lambda w: setattr(w, "appspec", w.appspec.replace("greenlight-AfterAllowTe", "greenlihgt-AfterAllowTe"))),
    ("installation-missing", "Lambda", lambda w: (w.functions.clear(), w.functions.update({"shop:8": {}}), w.exports.clear(), setattr(w, "plan", ""))),
    ("hook-wrong-stage", "Lambda", lambda w: setattr(w, "appspec", appspec("Lambda", {"BeforeAllowTraffic": "CodeDeployHook_greenlight-AfterAllowTraffic", "AfterAllowTraffic": "CodeDeployHook_greenlight-AfterAllowTraffic"}))),
    ("service-role", "Lambda", lambda w: w.policies.pop("codedeploy")),
    ("service-role", "Lambda", lambda w: w.trust.update(Service="ec2.amazonaws.com")),
    ("hook-not-allowed", "Lambda", lambda w: w.policies["codedeploy"].append({"Effect": "Deny", "Action": "lambda:*", "Resource": "*AfterAllowTraffic"})),
    ("hook-not-allowed", "Lambda", lambda w: (w.functions.update({"shop-check": {**w.hook, "FunctionName": "shop-check", "FunctionArn": f"arn:aws:lambda:{REGION}:{ME}:function:shop-check"}}), setattr(w, "appspec", appspec("Lambda", {"AfterAllowTraffic": "shop-check"})))),
    ("hook-cannot-answer", "Lambda", lambda w: (w.policies.update(mute=[]), w.hook.update(Role=f"arn:aws:iam::{ME}:role/mute"))),
    ("hook-cannot-answer", "Lambda", lambda w: w.hook.update(Role=f"arn:aws:iam::{ME}:role/gone")),
    ("hook-cannot-answer", "Lambda", lambda w: (w.policies.update(other=[allow("codedeploy:*", f"arn:aws:codedeploy:{REGION}:{ME}:deploymentgroup:orders/*")]), w.hook.update(Role=f"arn:aws:iam::{ME}:role/other"))),
    ("hook-retried", "Lambda", lambda w: w.table.update({"lambda.get_function_event_invoke_config": lambda asked: {**w.events, "MaximumRetryAttempts": 2} if "AfterAllow" in asked["FunctionName"] else w.events})),
    ("hook-not-ready", "Lambda", lambda w: w.hook.update(State="Failed")),
    ("hook-not-ready", "Lambda", lambda w: w.hook.update(LastUpdateStatus="Failed")),
    ("hook-throttled", "Lambda", lambda w: w.table.update({"lambda.get_function_concurrency": lambda asked: {"ReservedConcurrentExecutions": 0} if "AfterAllow" in asked["FunctionName"] else {}})),
    ("hook-without-last-resort", "Lambda", lambda w: w.functions["CodeDeployHook_greenlight-BeforeAllowTraffic"].update(DeadLetterConfig={"TargetArn": "arn:aws:sqs:mars-west-1:1:q"}) or w.table.update({"lambda.get_function_event_invoke_config": lambda asked: "ResourceNotFoundException" if "AfterAllow" in asked["FunctionName"] else w.events})),
    ("hook-has-alias", "Lambda", lambda w: w.table.update({"lambda.list_aliases": lambda asked: {"Aliases": [{"Name": "live"}] if "AfterAllow" in asked["FunctionName"] else []}})),
    ("hook-without-log", "Lambda", lambda w: w.table.update({"logs.describe_log_groups": lambda _: {"logGroups": [{"logGroupName": "log-CodeDeployHook_greenlight-BeforeAllowTraffic"}]}})),
    ("hook-without-way-out", "Lambda", lambda w: w.hook.update(VpcConfig={"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"})),
    ("hook-without-way-out", "Lambda", lambda w: (w.hook.update(VpcConfig={"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}), w.routes.append({"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1"}))),
    ("hook-without-way-out", "Lambda", lambda w: (w.hook.update(VpcConfig={"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}), w.routes.append({"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "blackhole"}))),
    ("hook-without-way-out", "Lambda", lambda w: (w.hook.update(VpcConfig={"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}), w.endpoints.append({"ServiceName": f"com.amazonaws.{REGION}.codedeploy", "State": "pending", "PrivateDnsEnabled": True}))),
    ("hook-may-be-too-short", "Lambda", lambda w: w.hook.update(Timeout=5, Handler="mine.handler", Environment={"Variables": {}})),
    ("hook-may-be-too-short", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("name: a,", "name: a, timeout: 400s, retry: {attempts: 2},"))),
    ("hook-too-short", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("    checks:", "    bake: 11m\n    checks:"))),
    ("plan", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("{status: 200}", "{staus: 200}"))),
    ("plan", "Lambda", lambda w: w.tags.update({"greenlight:plan": "ssm:/nowhere"})),
    ("plan", "Lambda", lambda w: w.tags.update({"greenlight:plan": "ftp://nowhere"})),
    ("plan-warning", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("{status: 200}", "{status: {ne: 500}}"))),
    ("could-not-look", "Lambda", lambda w: w.tags.update({"greenlight:plan": "file:shop.yaml"})),
    ("stage-without-hook", "Lambda", lambda w: setattr(w, "appspec", appspec("Lambda", {"BeforeAllowTraffic": "CodeDeployHook_greenlight-BeforeAllowTraffic"}))),
    ("stage-without-hook", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("stages:\n", "stages:\n  AfterInstall:\n    checks:\n      - {name: b, when: {platform: ecs}, target_health: {}}\n"))),
    ("default-checks", "Lambda", lambda w: setattr(w, "plan", "")),
    ("no-plan", "Lambda", lambda w: (setattr(w, "plan", ""), [each["Environment"]["Variables"].update(GREENLIGHT_ON_MISSING_PLAN="fail") for each in w.functions.values()])),
    ("missing-plan-passes", "Lambda", lambda w: (setattr(w, "plan", ""), [each["Environment"]["Variables"].update(GREENLIGHT_ON_MISSING_PLAN="pass") for each in w.functions.values()])),
    ("installation-older", "Lambda", lambda w: [each["Environment"]["Variables"].pop("GREENLIGHT_NOTICE_ON") for each in w.functions.values()]),
    ("installation-settings", "Lambda", lambda w: [each["Environment"]["Variables"].update(GREENLIGHT_CONCURRENCY="many") for each in w.functions.values()]),
    ("shadow", "Lambda", lambda w: (setattr(w, "plan", f"shadow: {{until: '{datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=40)}', why: we begin}}\n{OF_LAMBDA}"), [each["Environment"]["Variables"].update(GREENLIGHT_ALLOW_SHADOW="true") for each in w.functions.values()])),
    ("host-not-allowed", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("get: /", "get: 'https://other.example.com/'"))),
    ("host-not-allowed", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace(f"shop.{REGION}.elb.amazonaws.com", "green.example.com"))),
    ("check-not-allowed", "Lambda", lambda w: setattr(w, "plan", OF_LAMBDA.replace("http: {get: /, expect: {status: 200}}", "logs: {group: shop, expect: 0}"))),
    ("service-role-lacks", "ECS", lambda w: w.policies.update(codedeploy=[allow("lambda:*", "*"), allow("cloudwatch:*", "*")])),
    ("service-role-lacks", "ECS", lambda w: w.policies["codedeploy"].append({"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*:role/task"})),
    ("service-role-lacks", "Lambda", lambda w: w.policies.update(codedeploy=[allow("lambda:InvokeFunction", "*"), allow("ecs:*", "*"), allow("cloudwatch:*", "*")])),
    ("service-role-lacks", "Lambda", lambda w: w.policies.update(codedeploy=[allow("lambda:*", "*")])),
    ("hook-retried", "Lambda", lambda w: w.table.update({"lambda.get_function_event_invoke_config": lambda asked: {**w.events, "MaximumEventAgeInSeconds": 21600} if "AfterAllow" in asked["FunctionName"] else w.events})),
    ("green-out-of-reach", "Lambda", lambda w: setattr(w, "plan", PLAN)),
    ("green-out-of-reach", "ECS", lambda w: (setattr(w, "appspec", appspec("ECS", {"AfterInstall": "CodeDeployHook_greenlight-AfterInstall"})), setattr(w, "plan", PLAN.replace("AfterAllowTraffic", "AfterInstall")))),
    ("green-out-of-reach", "ECS", lambda w: (w.pair.pop("testTrafficRoute"), setattr(w, "appspec", appspec("ECS", {"BeforeAllowTraffic": "CodeDeployHook_greenlight-BeforeAllowTraffic"})), setattr(w, "plan", PLAN.replace("AfterAllowTraffic", "BeforeAllowTraffic")))),
    ("hook-outside", "ECS", lambda w: w.balancer.update(Scheme="internal")),
    ("hook-shut-out", "ECS", lambda w: setattr(w, "admits", {"UserIdGroupPairs": [{"GroupId": "sg-users"}]})),
    ("hook-shut-out", "ECS", lambda w: setattr(w, "admits", {"IpRanges": [{"CidrIp": "203.0.113.0/24"}, {"CidrIp": "10.0.0.0/8"}]})),
    ("hook-shut-out", "ECS", lambda w: w.admits.update(FromPort=443, ToPort=443)),
    ("test-is-production", "ECS", lambda w: w.pair["testTrafficRoute"].update(listenerArns=[USERS])),
    ("waits-for-somebody", "ECS", lambda w: w.group["blueGreenDeploymentConfiguration"].update(deploymentReadyOption={"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 60})),
    ("target-groups", "ECS", lambda w: w.kinds.update(one={"TargetType": "ip"}, two={"TargetType": "instance"})),
    ("target-groups", "ECS", lambda w: (w.groups.append("three"), w.pair.update(targetGroups=[{"name": "two"}, {"name": "three"}]), w.groups.remove("one"))),
    ("service", "ECS", lambda w: w.service.clear()),
    ("service", "ECS", lambda w: w.service.update(status="INACTIVE")),
    ("controller", "ECS", lambda w: w.service.update(deploymentController={"type": "ECS"})),
    ("first-deployment", "ECS", lambda w: w.service.update(taskSets=[])),
    ("first-deployment", "Lambda", lambda w: w.alias.clear()),
    ("alias-weighted", "Lambda", lambda w: w.alias.update(RoutingConfig={"AdditionalVersionWeights": {"8": 0.1}})),
    ("target-groups", "ECS", lambda w: w.groups.remove("two")),
    ("target-groups", "ECS", lambda w: w.pair["targetGroups"].pop()),
    ("targets-unhealthy", "ECS", lambda w: w.health.append(("10.0.0.3", "unhealthy"))),
    ("targets-unhealthy", "ECS", lambda w: w.health.clear()),
    ("no-test-listener", "ECS", lambda w: w.pair.pop("testTrafficRoute")),
    ("listener", "ECS", lambda w: w.balancers.pop(TESTS)),
    ("listener-elsewhere", "ECS", lambda w: w.forwards.update({TESTS: [(ONE, 0), (TWO, 100)]})),
    ("listener-elsewhere", "ECS", lambda w: w.forwards.update({USERS: [(TWO, 1)]})),
    ("listener-split", "ECS", lambda w: w.forwards.update({TESTS: [(ONE, 50), (TWO, 50)]})),
    ("listener-rule", "ECS", lambda w: (w.pair.pop("prodTrafficRoute"), w.conditions.append({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}))),
    ("listener-of-stack", "ECS", lambda w: w.table.update(stack_of(TESTS, TWO))),
    ("listeners-apart", "ECS", lambda w: w.balancers.update({TESTS: f"{LB}:loadbalancer/app/other/9"})),
    ("network-balancer", "ECS", lambda w: w.balancers.update(dict.fromkeys((USERS, TESTS), f"{LB}:loadbalancer/net/shop/9"))),
    ("could-not-look", "ECS", lambda w: (w.group.update(computePlatform="Server"))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "platform", "wrong"),
    MISTAKES,
    ids=[f"{number}-{platform}-{rule}" for number, (rule, platform, _) in enumerate(MISTAKES)],
)
def test_one_mistake_is_one_finding(rule: str, platform: str, wrong: Callable[[World], Any]) -> None:
    world = World(platform)
    wrong(world)

    found = world.examined()

    assert [each.rule for each in found] == [rule], found
    assert found[0].fix
    typed = [
        part.partition("; ")[0]
        for part in re.findall(r"\baws [a-z0-9-]+ [a-z-]+ -[^)\n]*|\baws s3 cp [^\n]*", found[0].fix)
    ]
    assert [mistake for each in typed if (mistake := aws_mistake(each))] == [], found[0].fix


def test_every_rule_that_an_account_can_break_is_broken_here() -> None:
    seen = {rule for rule, _, _ in MISTAKES} | {"version", "task-definition"}

    assert {rule.id for rule in rules.RULES if rule.where != "template"} - seen == set()


def test_another_appspec_is_held_against_the_versions_there_are() -> None:
    text = appspec("Lambda")
    wanted = {"7": [], "6": ["version"]}

    for current, expected in wanted.items():
        spec = parsed(text.replace('"7"', f'"{current}"'), "appspec.yaml", is_next=True)
        assert World("Lambda").found(appspec=spec) == expected
    assert World("Lambda").found(appspec=parsed(text.replace('"8"', '"9"'), "a", is_next=True)) == ["version"]


def test_versions_that_cannot_share_an_alias_are_told() -> None:
    world = World("Lambda")
    world.functions["shop:7"] = {**world.functions["shop:8"], "Role": f"arn:aws:iam::{ME}:role/older"}

    (one,) = world.examined(appspec=parsed(world.appspec, "appspec.yaml", is_next=True))

    assert one.rule == "version"
    assert "differ in Role" in one.message


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"status": "INACTIVE"}, "is INACTIVE"),
        ({}, "does not exist"),
        ({"containerDefinitions": [{"name": "web", "portMappings": [{"containerPort": 80}]}]}, "no container shop"),
        ({"containerDefinitions": [{"name": "shop", "portMappings": [{"containerPort": 8080}]}]}, "no port 80"),
    ],
    ids=["inactive", "gone", "container", "port"],
)
def test_another_appspec_is_held_against_its_task_definition(task: dict[str, Any], said: str) -> None:
    world = World("ECS")
    world.task = {**world.task, **task} if task else {}

    found = world.examined(appspec=parsed(world.appspec, "appspec.yaml", is_next=True))

    assert [each.rule for each in found] == ["task-definition"]
    assert said in found[0].message


def test_a_hook_in_the_vpc_is_let_in_by_its_own_security_group() -> None:
    world = World("ECS")
    world.balancer["Scheme"] = "internal"
    world.routes.append({"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"})
    world.admits = {"UserIdGroupPairs": [{"GroupId": "sg-hooks"}]}
    found = {}
    for group in ("sg-hooks", "sg-other"):
        world.hook["VpcConfig"] = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": [group], "VpcId": "vpc-1"}
        found[group] = world.found()

    assert found == {"sg-hooks": [], "sg-other": ["hook-shut-out"]}


def test_what_a_pipeline_puts_in_later_is_no_mistake() -> None:
    text = appspec("Lambda").replace('"7"', '"<CURRENT>"').replace('"8"', '"<TARGET>"')

    assert World("Lambda").found(appspec=parsed(text, "appspec.yaml", is_next=True)) == []


@pytest.mark.parametrize(
    ("way", "value"),
    [
        ("routes", {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}),
        ("routes", {"DestinationCidrBlock": "0.0.0.0/0", "TransitGatewayId": "tgw-1"}),
        ("endpoints", {"ServiceName": f"com.amazonaws.{REGION}.codedeploy", "State": "available", "PrivateDnsEnabled": True}),
    ],
)  # fmt: skip
def test_a_hook_in_a_vpc_with_a_way_out_is_right(way: str, value: dict[str, Any]) -> None:
    world = World("Lambda")
    world.hook["VpcConfig"] = {"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}
    getattr(world, way).append(value)

    assert world.found() == []


def test_a_subnet_has_its_own_routes_before_those_of_its_vpc() -> None:
    world = World("Lambda")
    world.hook["VpcConfig"] = {"SubnetIds": ["subnet-1", "subnet-2"], "VpcId": "vpc-1"}
    out = [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"}]
    own = {"RouteTables": [{"Associations": [{"Main": True}], "Routes": out}, {"Associations": [{"SubnetId": "subnet-2"}], "Routes": []}]}  # fmt: skip
    world.table["ec2.describe_route_tables"] = own

    (found,) = world.examined()

    assert found.rule == "hook-without-way-out"
    assert "from the subnets subnet-2 of vpc-1, and Lambda may run it there" in found.message


REVISIONS: list[tuple[dict[str, Any], list[str]]] = [
    ({"revisionType": "String", "string": {"content": appspec("Lambda"), "sha256": "0"}}, []),
    ({"revisionType": "String", "string": {"sha256": "0"}}, []),
    ({"revisionType": "AppSpecContent", "appSpecContent": {"content": appspec("Lambda")}}, []),
    ({"revisionType": "S3", "s3Location": {"bucket": "b", "key": "appspec.json", "bundleType": "JSON"}}, []),
    ({"revisionType": "S3", "s3Location": {"bucket": "b", "key": "appspec.zip", "bundleType": "zip"}}, ["could-not-look"]),
    ({"revisionType": "GitHub", "gitHubLocation": {"repository": "a/b", "commitId": "c"}}, ["could-not-look"]),
]  # fmt: skip


@pytest.mark.parametrize(("revision", "found"), REVISIONS, ids=range(len(REVISIONS)))
def test_the_appspec_is_read_wherever_it_can_be(revision: dict[str, Any], found: list[str]) -> None:
    world = World("Lambda")
    world.revision = lambda: revision  # type: ignore[method-assign]

    def stored(asked: dict[str, Any]) -> dict[str, Any]:
        data = (world.plan if asked["Bucket"] == "plans" else world.appspec).encode()
        return {"Body": StreamingBody(io.BytesIO(data), len(data))}

    world.table["s3.get_object"] = stored

    symptoms = world.examined()

    assert [each.rule for each in symptoms] == found
    assert all("--appspec FILE" in each.message for each in symptoms)


def test_of_a_group_that_never_deployed_the_appspec_is_asked_for() -> None:
    world = World("Lambda")
    world.group.pop("lastAttemptedDeployment")
    world.table["codedeploy.list_deployments"] = {"deployments": []}

    (found,) = world.examined()

    assert (found.rule, found.harm) == ("could-not-look", "not seen")
    assert "has never deployed" in found.message
    assert "--appspec FILE" in found.fix
    assert World("Lambda").found(appspec=parsed(world.appspec, "appspec.yaml", is_next=True)) == []


def test_while_a_deployment_runs_listeners_and_alias_are_not_judged() -> None:
    ecs, function = World("ECS"), World("Lambda")
    ecs.forwards[TESTS] = [(TWO, 100)]
    function.alias["RoutingConfig"] = {"AdditionalVersionWeights": {"8": 0.1}}
    for world in (ecs, function):
        world.group["lastAttemptedDeployment"]["status"] = "InProgress"

        assert world.found() == ["deployment-running"]


def test_hooks_that_are_not_greenlights_are_asked_for_no_plan() -> None:
    world = World("Lambda")
    world.appspec, world.plan = appspec("Lambda", {"AfterAllowTraffic": "CodeDeployHook_mine"}), ""
    mine = {**world.hook, "FunctionName": "CodeDeployHook_mine", "Environment": {}, "Handler": "mine.handler"}
    world.functions = {"CodeDeployHook_mine": mine, "greenlight-LastResort": {}}

    assert world.found() == []


def test_a_host_that_the_installation_or_the_group_names_is_allowed() -> None:
    world = World("Lambda")
    world.plan = PLAN.replace("get: /", "get: 'https://api.example.com/'")
    for each in world.functions.values():
        each["Environment"]["Variables"]["GREENLIGHT_ALLOWED_HOSTS"] = "*.example.com"

    assert world.found() == []


def test_a_plan_on_this_machine_stands_for_the_one_that_the_gate_would_find(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(OF_LAMBDA.replace("{status: 200}", "{status: {ne: 500}}"))

    assert World("Lambda").found(plan=str(path)) == ["plan-warning"]
    assert World("Lambda").found(plan=str(tmp_path / "none.yaml")) == ["plan"]


def test_a_plan_is_read_for_the_environment_of_its_group() -> None:
    world = World("Lambda")
    world.plan = OF_LAMBDA.replace("stages:", "environments:\n  prod: {}\nstages:")

    assert set(world.found()) == {"plan"}
    world.tags["greenlight:environment"] = "prod"
    assert world.found() == []


OPERATIONS = [
    (platform, operation)
    for platform in ("ECS", "Lambda")
    for operation in World(platform).answers()
    if operation not in ("codedeploy.get_application", "codedeploy.list_deployment_groups", "codedeploy.get_deployment_group")
]  # fmt: skip


def asked(world: World) -> set[str]:
    account = world.account()
    doctor.account(Reader(account), doctor.Wanted(application="shop"), lambda _: None)
    return set(account.names())


@pytest.mark.parametrize(("platform", "operation"), OPERATIONS, ids=[" ".join(each) for each in OPERATIONS])
def test_a_missing_permission_is_named_and_hides_nothing_else(platform: str, operation: str) -> None:
    world = World(platform)
    del world.group["autoRollbackConfiguration"]
    world.hook["VpcConfig"] = {"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}
    account = world.account()
    (before,) = doctor.account(Reader(account), doctor.Wanted(application="shop"), lambda _: None)
    world.table[operation] = "AccessDeniedException"

    found = world.examined()

    if operation not in account.names():
        assert found == list(before.symptoms)  # who is not asked cannot refuse
        return
    unseen = [each for each in found if each.rule == "could-not-look"]
    action = "".join(part.capitalize() for part in operation.partition(".")[2].split("_"))
    assert unseen
    assert any(f"{action} to whoever runs this" in each.fix for each in unseen), unseen
    assert any(each.rule == "no-rollback" for each in found)


@pytest.mark.parametrize(("platform", "operation"), OPERATIONS, ids=[" ".join(each) for each in OPERATIONS])
def test_an_answer_that_lacks_everything_is_no_crash(platform: str, operation: str) -> None:
    world = World(platform)
    world.table[operation] = {}

    assert all(each.message and each.fix for each in world.examined())


def run(world: World, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(["--application", "shop", *arguments]), Reader(world.account()))


def test_the_command_ends_with_0_where_nothing_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(World("ECS")) == 0
    assert capsys.readouterr().out == (
        "shop/live (ecs, the AppSpec of d-1)\n  nothing wrong was found\n\nnothing will go wrong that can be seen from here\n"
    )


def test_the_worst_comes_first_each_with_evidence_and_fix(capsys: pytest.CaptureFixture[str]) -> None:
    world = World("ECS")
    world.pair.pop("testTrafficRoute")
    world.alarms[0]["StateValue"] = "ALARM"
    world.policies |= {"mute": []}
    world.hook["Role"] = f"arn:aws:iam::{ME}:role/mute"
    world.group["alarmConfiguration"]["ignorePollAlarmFailure"] = True

    assert run(world) == 1

    out = capsys.readouterr().out
    harms = [line.split("  ")[1] for line in out.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    assert harms == ["SHIPS UNCHECKED", "STALLS AN HOUR", "BLOCKS", "ANNOYS"]
    assert "      seen: role mute: own" in out
    assert "      fix:  deploy greenlight again: its template has this permission" in out
    assert out.endswith("go wrong: 1 ships unchecked, 1 stalls an hour, 1 blocks, 1 annoys\n")


def test_warnings_alone_end_with_0_and_what_is_not_seen_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    warned, unseen = World("Lambda"), World("Lambda")
    warned.alarms[0]["StateValue"] = "INSUFFICIENT_DATA"
    unseen.table["cloudwatch.describe_alarms"] = "AccessDenied"

    assert run(warned) == 0
    assert run(unseen) == 3
    assert "you may not call cloudwatch:DescribeAlarms" in capsys.readouterr().out


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    world = World("Lambda")
    world.alias["RoutingConfig"] = {"AdditionalVersionWeights": {"8": 0.1}}

    assert run(world, "--format", "json") == 1

    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["looked_at_everything"]) == (1, True)
    ((one,),) = [each["findings"] for each in document["examined"]]
    assert (one["rule"], one["severity"]) == ("alias-weighted", "blocks")
    assert one["evidence"] == ["version 7, and version 8 with 10%"]
    assert "update-alias --function-name shop --name live --function-version 7" in one["fix"]


def test_all_groups_are_examined_unless_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    world = World("Lambda")
    world.table["codedeploy.list_deployment_groups"] = {"deploymentGroups": ["live", "test"]}
    world.table["codedeploy.get_deployment_group"] = lambda asked: {
        "deploymentGroupInfo": {**world.group, "deploymentGroupName": asked["deploymentGroupName"]}
    }

    assert run(world, "--format", "json") == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["examined"]] == ["shop/live", "shop/test"]
    assert run(world, "--group", "test", "--format", "json") == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["examined"]] == ["shop/test"]


@pytest.mark.parametrize(
    ("table", "arguments", "said"),
    [
        ({"codedeploy.get_application": "ApplicationDoesNotExistException"}, [], "there is no application 'shop' in CodeDeploy here; did you mean 'shops'?"),
        ({}, ["--group", "lvie"], "has no deployment group 'lvie'; did you mean 'live'?"),
        ({"codedeploy.list_deployment_groups": {"deploymentGroups": []}}, [], "has no deployment groups"),
        ({"codedeploy.get_application": "AccessDeniedException"}, [], "you may not call codedeploy:GetApplication"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_sentence(table: dict[str, Any], arguments: list[str], said: str) -> None:
    world = World("Lambda")
    world.table = {"codedeploy.list_applications": {"applications": ["shops", "bills"]}, **table}

    with pytest.raises(GreenlightError) as raised:
        run(world, *arguments)

    assert said in str(raised.value)


def test_names_from_the_account_are_quoted_in_commands_and_shown_clean(capsys: pytest.CaptureFixture[str]) -> None:
    world = World("Lambda")
    world.group["alarmConfiguration"]["alarms"] = [{"name": "x; rm -rf \x1b[2J"}]
    world.alarms = [{"AlarmName": "x; rm -rf \x1b[2J", "StateValue": "ALARM", "StateReason": "a\nBLOCKS  b"}]

    assert run(world) == 1

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "--alarm-name 'x; rm -rf" in out
    assert "\nBLOCKS" not in out


def test_the_same_is_asked_once() -> None:
    account = World("ECS").account()
    doctor.account(Reader(account), doctor.Wanted(application="shop"), lambda _: None)
    calls = [json.dumps(each, default=str, sort_keys=True) for each in account.calls]

    assert sorted(calls) == sorted(set(calls))


def test_nothing_is_changed() -> None:
    reading = ("get_", "list_", "describe_")

    assert [
        each for each in asked(World("ECS")) | asked(World("Lambda")) if not each.split(".")[1].startswith(reading)
    ] == []


ANSWER, GROUP = "codedeploy:PutLifecycleEventHookExecutionStatus", "arn:aws:codedeploy:eu-west-1:1:deploymentgroup:a/b"
STATEMENTS: list[tuple[bool, list[dict[str, Any]]]] = [
    (False, []),
    (True, [allow("*", "*")]),
    (True, [allow("codedeploy:*", "*")]),
    (True, [allow("CODEDEPLOY:putlifecycle*", "arn:aws:codedeploy:*:*:deploymentgroup:*")]),
    (True, [{"Effect": "Allow", "Action": ["s3:*", ANSWER], "Resource": ["x", GROUP]}]),
    (True, [allow("codedeploy:Put?ifecycleEventHookExecutionStatus", "*")]),
    (True, [allow(ANSWER, "arn:aws:codedeploy:*:*:deploymentgroup:${aws:PrincipalTag/app}/*")]),
    (True, [{"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::*"}]),
    (False, [{"Effect": "Allow", "NotAction": "codedeploy:*", "Resource": "*"}]),
    (False, [{"Effect": "Allow", "Action": ANSWER, "NotResource": "*"}]),
    (False, [allow(ANSWER, "arn:aws:codedeploy:*:*:deploymentgroup:other/*")]),
    (False, [allow("codedeploy:Get*", "*")]),
    (False, [allow("*", "*"), {"Effect": "Deny", "Action": "codedeploy:Put*", "Resource": "*"}]),
    (True, [allow("*", "*"), {"Effect": "Deny", "Action": "codedeploy:Put*", "Resource": "arn:other"}]),
    (True, [allow("*", "*"), {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a": "b"}}}]),
    (False, [{"Effect": "Allow"}]),
    (False, [{"Action": "*", "Resource": "*"}]),
    (False, [{"Effect": "Allow", "Action": {"odd": 1}, "Resource": [1, None]}]),
]


@pytest.mark.parametrize(("allowed", "held"), STATEMENTS, ids=range(len(STATEMENTS)))
def test_statements_are_weighed_as_iam_does(allowed: bool, held: list[dict[str, Any]]) -> None:
    assert permissions.allows(permissions.statements({"Statement": held}), ANSWER, GROUP) is allowed


def test_a_boundary_bounds() -> None:
    role = permissions.Role(name="r", statements=(allow("*", "*"),), boundary=(allow("s3:*", "*"),))

    assert role.may("s3:GetObject", "x")
    assert not role.may(ANSWER, GROUP)


def test_many_stars_are_matched_in_no_time() -> None:
    assert not permissions.allows((allow("*", "a*" * 200 + "c"),), "x", "a" * 2000 + "b")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Effect", "Action", "Statement"]), inner)
    ),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(json_values)
def test_no_policy_document_is_a_crash(document: Any) -> None:
    held = permissions.statements(document)

    assert permissions.allows(held, ANSWER, GROUP) in (True, False)
    assert isinstance(permissions.trusted(document), tuple)


@given(st.text(max_size=200))
def test_no_text_is_a_crash_as_an_appspec(text: str) -> None:
    assert parsed(text, "appspec.yaml").source == "appspec.yaml"


@pytest.fixture
def moto(nobody: None) -> Iterator[Reader]:
    """Give an account by moto, with AWS's own managed policies."""
    with mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        yield Reader()


TRUST = json.dumps(
    {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "codedeploy.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]
    }
)


def test_policies_and_boundaries_are_read_as_iam_keeps_them(moto: Reader) -> None:
    iam = moto.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow(ANSWER, "*")]})
    bounds = json.dumps({"Version": "2012-10-17", "Statement": [allow("lambda:*", "*")]})
    policy = iam.create_policy(PolicyName="answers", PolicyDocument=document)["Policy"]["Arn"]
    boundary = iam.create_policy(PolicyName="bounds", PolicyDocument=bounds)["Policy"]["Arn"]
    for name, more in {"free": {}, "bound": {"PermissionsBoundary": boundary}}.items():
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Path="/team/", **more)
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=bounds)

    free = permissions.role(moto, f"arn:aws:iam::{ME}:role/team/free")
    bound = permissions.role(moto, f"arn:aws:iam::{ME}:role/team/bound")

    assert free is not None
    assert bound is not None
    assert (free.trusts, free.policies) == (("codedeploy.amazonaws.com",), (policy, "own"))
    assert [each.may(ANSWER, GROUP) for each in (free, bound)] == [True, False]
    assert [each.may("lambda:InvokeFunction", "x") for each in (free, bound)] == [True, True]
    assert permissions.role(moto, f"arn:aws:iam::{ME}:role/gone") is None


def test_the_managed_roles_of_aws_allow_the_prefix_and_one_of_them_everything(moto: Reader) -> None:
    wanted = {
        "service-role/AWSCodeDeployRoleForLambda": [True, False],
        "service-role/AWSCodeDeployRoleForLambdaLimited": [True, False],
        "AWSCodeDeployRoleForECS": [True, True],
        "AWSCodeDeployRoleForECSLimited": [True, False],
    }
    may = {}
    for number, policy in enumerate(wanted):
        name = f"role{number}"
        moto.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        moto.client("iam").attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        role = permissions.role(moto, f"arn:aws:iam::{ME}:role/{name}")
        functions = [f"arn:aws:lambda:us-east-1:{ME}:function:{each}" for each in ("CodeDeployHook_shop", "shop")]
        may[policy] = [role is not None and role.may("lambda:InvokeFunction", each) for each in functions]

    assert may == wanted


def test_the_command_reads_an_account_as_moto_keeps_it(
    moto: Reader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arn = moto.client("iam").create_role(RoleName="codedeploy", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    policy = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"
    moto.client("iam").attach_role_policy(RoleName="codedeploy", PolicyArn=policy)
    moto.client("codedeploy").create_application(applicationName="shop", computePlatform="Lambda")
    moto.client("codedeploy").create_deployment_group(
        applicationName="shop",
        deploymentGroupName="live",
        serviceRoleArn=arn,
        autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
    )
    path = tmp_path / "appspec.json"
    path.write_text(appspec("Lambda", {"BeforeAllowTraffic": "shop-check"}))

    assert main(["doctor", "--application", "shop", "--appspec", str(path), "--format", "json"]) == 1

    ((*found,),) = [each["findings"] for each in json.loads(capsys.readouterr().out)["examined"]]
    assert [each["rule"] for each in found] == ["first-deployment", "hook-missing", "no-alarms"]
    assert main(["doctor", "--application", "shpo"]) == 2
    assert "did you mean 'shop'?" in capsys.readouterr().err


def test_progress_names_what_is_looked_at() -> None:
    told: list[str] = []
    doctor.account(Reader(World("Lambda").account()), doctor.Wanted(application="shop"), told.append)

    assert told[:3] == ["the application shop", "shop/live", "shop/live: automatic rollback"]
