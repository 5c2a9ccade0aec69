"""A simulated AWS account that answers as the world says: healthy, unhealthy, empty, throttled, denied or malformed."""

from __future__ import annotations

import datetime
import io
import json
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from greenlight.aws.client import Aws

if TYPE_CHECKING:
    from .servers import Servers
    from .world import World

REGION, ACCOUNT = "eu-central-1", "111122223333"
ELB = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"
GROUPS = {side: f"{ELB}:targetgroup/{side}/0123456789abcdef" for side in ("green", "blue", "other")}
TASK_SETS = {"green": "ecs-svc/8", "blue": "ecs-svc/7"}
DEFINITIONS = {side: f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web:{TASK_SETS[side][-1]}" for side in TASK_SETS}
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web@sha256:{'a' * 64}"
VERSIONS = {"green": "8", "blue": "7"}
DEPLOYMENT = "d-GENERATED"
HANG_S = 3.0


class SimulatedAws(Aws):
    """The account; `is_faulty` makes its answers those of the world, otherwise they are healthy."""

    def __init__(self, world: World, servers: Servers) -> None:
        super().__init__(None)
        self.answers = _Answers(world, servers)
        self.is_faulty = False

    def client(self, service: str, **_: Any) -> Any:
        """Return a client that answers every operation."""
        return _Client(self, service)


class _Client:
    def __init__(self, aws: SimulatedAws, service: str) -> None:
        self._aws, self._service = aws, service

    def __getattr__(self, operation: str) -> Any:
        return lambda **parameters: self._call(operation, parameters)

    def get_paginator(self, operation: str) -> Any:
        call = self._call

        class Pages:
            def paginate(self, **parameters: Any) -> list[Any]:
                return [call(operation, parameters)]

        return Pages()

    def _call(self, operation: str, parameters: dict[str, Any]) -> Any:
        answers = self._aws.answers
        state = answers.world.account if self._aws.is_faulty else "healthy"
        if operation == "invoke":
            return answers.invoke(parameters)
        if state in ("throttled", "denied"):
            code = "ThrottlingException" if state == "throttled" else "AccessDeniedException"
            raise ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {}}, operation)
        if state in ("empty", "malformed"):
            return {} if state == "empty" else {"x": [1]}
        method = getattr(answers, f"{self._service}_{operation}", None)
        return method(parameters, state == "healthy") if method else {}


class _Answers:
    """Answers by service and operation, each with the parameters and whether the resources are healthy."""

    def __init__(self, world: World, servers: Servers) -> None:
        self.world, self._servers = world, servers

    # ---- Lambda

    def invoke(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Answer an invocation, and record green's."""
        world, qualifier = self.world, str(parameters.get("Qualifier", ""))
        live = VERSIONS["green" if world.stage == "AfterAllowTraffic" else "blue"]
        version = live if qualifier == "live" else qualifier
        payload = json.loads(parameters.get("Payload") or b"{}")
        answer: Any = {"status": "ok", "release": version, "statusCode": 200, "body": "{}"}
        result = {"ExecutedVersion": version, "StatusCode": 200}
        if version == VERSIONS["green"]:
            if world.green == "dead":
                raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, "Invoke")
            if world.green == "hanging":
                time.sleep(HANG_S)
                raise ClientError({"Error": {"Code": "ServiceException", "Message": "late"}}, "Invoke")
            if world.green in ("other version", "no version"):
                result["ExecutedVersion"] = VERSIONS["blue"] if world.green == "other version" else ""
            else:
                world.record.add_answer(_tag_of(payload))
            if world.green == "error":
                result["FunctionError"], answer = "Unhandled", {"errorType": "Error", "errorMessage": "broken"}
            elif world.green == "wrong body":
                answer = {"status": "broken"}
        return {**result, "Payload": io.BytesIO(json.dumps(answer).encode())}

    def lambda_get_function_configuration(self, parameters: dict[str, Any], is_healthy: bool) -> dict[str, Any]:
        version = str(parameters.get("Qualifier", ""))
        self._show_state(version == VERSIONS["green"])
        state = "Active" if is_healthy else "Failed"
        name = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
        facts = {"Version": version, "State": state, "LastUpdateStatus": "Successful", "Timeout": 3}
        return {**facts, "FunctionArn": name, "PackageType": "Image", "CodeSha256": "a" * 64}

    def lambda_get_alias(self, _parameters: dict[str, Any], is_healthy: bool) -> dict[str, Any]:
        is_green = (self.world.stage == "AfterAllowTraffic") is is_healthy
        return {"FunctionVersion": VERSIONS["green" if is_green else "blue"]}

    def lambda_get_provisioned_concurrency_config(self, _: dict[str, Any], is_healthy: bool) -> dict[str, Any]:
        return {"Status": "READY" if is_healthy else "FAILED"}

    # ---- ECS and load balancer

    def ecs_describe_services(self, _parameters: dict[str, Any], is_healthy: bool) -> dict[str, Any]:
        has_green = self.world.stage != "BeforeInstall"
        self._show_state(has_green)
        return {
            "services": [
                {"taskSets": [_task_set(side, is_healthy) for side in TASK_SETS if side == "blue" or has_green]}
            ]
        }

    def ecs_list_tasks(self, parameters: dict[str, Any], is_healthy: bool) -> dict[str, Any]:
        is_listed = (parameters.get("desiredStatus") == "RUNNING") or not is_healthy
        return {
            "taskArns": [f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/shop/{side}" for side in TASK_SETS] if is_listed else []
        }

    def ecs_describe_tasks(self, parameters: dict[str, Any], is_healthy: bool) -> dict[str, Any]:
        self._show_state(any("green" in arn for arn in parameters["tasks"]))
        container = {"name": "app", "image": IMAGE, "imageDigest": "sha256:" + ("a" if is_healthy else "b") * 64}
        return {
            "tasks": [
                {
                    "taskArn": arn,
                    "startedBy": TASK_SETS[arn.rpartition("/")[2]],
                    "lastStatus": "RUNNING",
                    "containers": [container],
                }
                for arn in parameters["tasks"]
            ]
        }

    def ecs_describe_task_definition(self, parameters: dict[str, Any], is_healthy: bool) -> dict[str, Any]:
        self._show_state(parameters.get("taskDefinition") == DEFINITIONS["green"])
        log = {"logDriver": "awslogs", "options": {"awslogs-group": "/shop"}}
        container = {"name": "app", "image": IMAGE, "logConfiguration": log}
        return {"taskDefinition": {"containerDefinitions": [container], "cpu": "256" if is_healthy else "128"}}

    def elbv2_describe_target_groups(self, _parameters: dict[str, Any], _is_healthy: bool) -> dict[str, Any]:
        facts = {"HealthCheckProtocol": "HTTP", "HealthCheckPath": "/t/health/health", "Matcher": {"HttpCode": "200"}}
        return {
            "TargetGroups": [
                {"TargetGroupName": side, "TargetGroupArn": GROUPS[side], **facts} for side in ("blue", "green")
            ]
        }

    def elbv2_describe_listeners(self, parameters: dict[str, Any], _is_healthy: bool) -> dict[str, Any]:
        return {"Listeners": [self._describe_listener(arn) for arn in parameters["ListenerArns"]]}

    def _describe_listener(self, arn: str) -> dict[str, Any]:
        is_greens = "test" in arn or self.world.stage == "AfterAllowTraffic"
        kind = self.world.listener if is_greens else "HTTP"
        port = self._servers.green_port() if is_greens else self._servers.blue_port()
        actions = [_forward("green" if is_greens else "blue")]
        facts = {"ListenerArn": arn, "LoadBalancerArn": "balancer", "DefaultActions": actions}
        return {**facts, "Protocol": kind, "Port": port}

    def elbv2_describe_load_balancers(self, _parameters: dict[str, Any], _is_healthy: bool) -> dict[str, Any]:
        return {"LoadBalancers": [{"DNSName": "127.0.0.1"}]}

    def elbv2_describe_rules(self, parameters: dict[str, Any], _is_healthy: bool) -> dict[str, Any]:
        if "test" not in parameters["ListenerArn"] and self.world.stage != "AfterAllowTraffic":
            return {"Rules": [{"Priority": "default", "IsDefault": True, "Actions": [_forward("blue")]}]}
        return {"Rules": [_to_aws(rule) for rule in self.world.rules]}

    def elbv2_describe_target_health(self, parameters: dict[str, Any], is_healthy: bool) -> dict[str, Any]:
        self._show_state(parameters["TargetGroupArn"] == GROUPS["green"])
        state = {"State": "healthy" if is_healthy else "unhealthy"}
        return {"TargetHealthDescriptions": [{"Target": {"Id": "10.0.0.1", "Port": 80}, "TargetHealth": state}]}

    # ---- Observations

    def cloudwatch_describe_alarms(self, parameters: dict[str, Any], is_healthy: bool) -> dict[str, Any]:
        names = parameters.get("AlarmNames") or ["quiet"]
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": "OK" if is_healthy else "ALARM"} for name in names]}

    def cloudwatch_get_metric_data(self, parameters: dict[str, Any], is_healthy: bool) -> dict[str, Any]:
        results = []
        for query in parameters["MetricDataQueries"]:
            is_greens = _names_green(query)
            has_data = not (is_greens and self.world.notes.get("is_silent"))
            if is_greens and has_data:
                self.world.record.show("metrics")
            values = [0.0 if is_healthy else 99.0] if has_data else []
            results.append({"Id": query["Id"], "Values": values, "Timestamps": [_now()] * len(values)})
        return {"MetricDataResults": results}

    def logs_filter_log_events(self, _parameters: dict[str, Any], is_healthy: bool) -> dict[str, Any]:
        green = "web/app/green" if self.world.platform == "ecs" else "2026/01/01/[8]abc"
        streams = ["web/app/blue", *([] if self.world.notes.get("is_silent") else [green])]
        if green in streams:
            self.world.record.show("logs")
        return {
            "events": [{"logStreamName": stream, "message": "fine" if is_healthy else "ERROR"} for stream in streams]
        }

    def logs_start_query(self, _parameters: dict[str, Any], _is_healthy: bool) -> dict[str, Any]:
        return {"queryId": "q"}

    def logs_get_query_results(self, _parameters: dict[str, Any], _is_healthy: bool) -> dict[str, Any]:
        return {"status": "Complete", "results": [[{"field": "count", "value": "0"}]]}

    def xray_get_trace_summaries(self, parameters: dict[str, Any], is_healthy: bool) -> dict[str, Any]:
        if _names_green(parameters) and not self.world.notes.get("is_silent"):
            self.world.record.show("traces")
        elif _names_green(parameters):
            return {"TraceSummaries": []}
        return {"TraceSummaries": [{"ResponseTime": 0.1, "HasFault": not is_healthy} for _ in range(20)]}

    def synthetics_get_canary_runs(self, _parameters: dict[str, Any], is_healthy: bool) -> dict[str, Any]:
        status = {"State": "PASSED" if is_healthy else "FAILED"}
        return {"CanaryRuns": [{"Id": "1", "Status": status, "Timeline": {"Completed": _now()}}]}

    # ---- Others

    def codedeploy_get_deployment_group(self, _parameters: dict[str, Any], _is_healthy: bool) -> dict[str, Any]:
        return {"deploymentGroupInfo": deployment_group()}

    def codedeploy_get_deployment(self, _parameters: dict[str, Any], _is_healthy: bool) -> dict[str, Any]:
        return {"deploymentInfo": {"deploymentId": DEPLOYMENT}}

    def ecr_describe_images(self, _parameters: dict[str, Any], _is_healthy: bool) -> dict[str, Any]:
        return {"imageDetails": [{"imagePushedAt": _now()}]}

    def dynamodb_get_item(self, _parameters: dict[str, Any], _is_healthy: bool) -> dict[str, Any]:
        count = self.world.notes["looks"] = self.world.notes.get("looks", 0) + 1
        return {"Item": {"state": {"S": "new"}}} if count > 1 else {}

    def _show_state(self, is_greens: bool) -> None:
        if is_greens:
            self.world.record.show("state")


def deployment_group() -> dict[str, Any]:
    """Return the deployment group."""
    pair = {
        "targetGroups": [{"name": "blue"}, {"name": "green"}],
        "prodTrafficRoute": {"listenerArns": ["listener/production"]},
        "testTrafficRoute": {"listenerArns": ["listener/test"]},
    }
    return {
        "ecsServices": [{"clusterName": "shop", "serviceName": "web"}],
        "loadBalancerInfo": {"targetGroupPairInfoList": [pair]},
        "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]},
        "alarmConfiguration": {"enabled": True, "alarms": [{"name": "quiet"}]},
    }


def _task_set(side: str, is_healthy: bool) -> dict[str, Any]:
    counts = {"computedDesiredCount": 1, "runningCount": 1 if is_healthy else 0, "pendingCount": 0}
    return {
        "id": TASK_SETS[side],
        "status": "ACTIVE" if side == "green" else "PRIMARY",
        "externalId": DEPLOYMENT if side == "green" else "d-EARLIER",
        "taskDefinition": DEFINITIONS[side],
        "loadBalancers": [{"targetGroupArn": GROUPS[side]}],
        "stabilityStatus": "STEADY_STATE" if is_healthy else "STABILIZING",
        **counts,
    }


def _forward(side: str) -> dict[str, Any]:
    return {"Type": "forward", "TargetGroupArn": GROUPS[side]}


def _to_aws(rule: Any) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = []
    if rule.paths:
        conditions.append({"Field": "path-pattern", "PathPatternConfig": {"Values": list(rule.paths)}})
    if rule.hosts:
        conditions.append({"Field": "host-header", "HostHeaderConfig": {"Values": list(rule.hosts)}})
    name, value = rule.header
    if name:
        conditions.append({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": [value]}})
    kinds = {"fixed": {"Type": "fixed-response"}, "redirect": {"Type": "redirect"}}
    is_default = rule.priority >= 1000
    return {
        "Priority": "default" if is_default else str(rule.priority),
        "IsDefault": is_default,
        "Conditions": conditions,
        "Actions": [kinds.get(rule.target) or _forward(rule.target)],
    }


def _names_green(value: Any) -> bool:
    text = str(value)
    return any(mark in text for mark in ("targetgroup/green/", "ecs-svc/8", "orders:8", "'Value': '8'"))


def _tag_of(payload: Any) -> str:
    """Return the tag in a payload: its own, or that of the path of an HTTP event."""
    text = json.dumps(payload)
    return text.partition("tag-")[2].partition('"')[0].partition("/")[0]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
