"""Cold starts: a hook in AWS's own runtime client, from the start of its process until CodeDeploy has its answer.

Both hooks use the same local AWS (moto behind the rehearsal's CodeDeploy) and the same target. greenlight's hook is the
whole gate: it reads the deployment, fetches its plan from S3 and runs one check in its worker.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devkit.rehearsal.aws.codedeploy import CodeDeployApi
from devkit.rehearsal.aws.ecs import EcsApi, TaskSet
from devkit.rehearsal.aws.elbv2 import backend
from devkit.rehearsal.aws.server import ACCOUNT, REGION, LocalAws
from devkit.rehearsal.codedeploy_state import (
    CodeDeployState,
    DeploymentRecord,
    HookExecution,
    LifecycleEvent,
    create_deployment_id,
)
from devkit.rehearsal.functions import environment
from devkit.rehearsal.lifecycle import event_names
from devkit.rehearsal.sandbox import FunctionSpec, Invocation, Sandbox
from tests.benchmarks.contestants import BENCH_BIN, PEERS, PROJECT, STAGE
from tests.benchmarks.running import BenchError, PeakMemory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from devkit.rehearsal.aws.calls import Application, Call

_KEY = "AKIABENCHMARK"
_PLANS, _REPORTS = "greenlight-plans-bench", "greenlight-reports-bench"
_NAME = "shop"


@dataclass(frozen=True)
class ColdStart:
    """One cold start; all times are from the start of the process.

    Attributes:
        first_poll_s: Until the runtime client asks for work: Lambda's Init.
        answered_s: Until CodeDeploy has its answer.
        over_s: Until the call is over.
        warm_s: Time of a second call in the same process until its answer.
        aws_calls: Calls to AWS that the first call made.
    """

    first_poll_s: float
    answered_s: float
    over_s: float
    warm_s: float
    aws_calls: int

    @property
    def start_s(self) -> float:
        """Time of the start alone: the first answer less a warm one."""
        return self.answered_s - self.warm_s


class Account:
    """Account with a deployment of an ECS service with a test listener, which waits for its hook."""

    def __init__(self, target_port: int, plan: Path) -> None:
        """Create the resources, with green at `target_port`."""
        self._url = f"http://127.0.0.1:{target_port}"
        self._state = CodeDeployState()
        self._calls = 0
        self._aws = LocalAws()
        self._aws.start()
        self._task_sets: list[TaskSet] = []
        self._aws.reset([self._count, CodeDeployApi(self._state), EcsApi(self._task_sets)])
        self._build(target_port, plan)

    def close(self) -> None:
        """Stop the local AWS."""
        self._aws.stop()

    def greenlight(self) -> FunctionSpec:
        """Return greenlight's hook as Lambda runs it: the task root comes first, then the layers."""
        hooks = PROJECT / "hooks"
        path = ":".join(str(folder) for folder in (hooks, PROJECT / "layers" / "greenlight", PROJECT))
        return self._function(
            "after_allow_test_traffic.handler",
            hooks,
            {
                "PYTHONPATH": path,
                "GREENLIGHT_PLAN_BUCKET": _PLANS,
                "GREENLIGHT_REPORT_BUCKET": _REPORTS,
                "GREENLIGHT_ALLOW_LOOPBACK": "true",
                "POWERTOOLS_SERVICE_NAME": "greenlight",
                "POWERTOOLS_METRICS_NAMESPACE": "greenlight",
            },
        )

    def sample(self) -> FunctionSpec:
        """Return the smallest hook."""
        return self._function("sample_hook.handler", PEERS, {"BENCH_URL": self._url, "PYTHONPATH": str(PEERS)})

    def cold_start(self, spec: FunctionSpec) -> ColdStart:
        """Start a new environment, call its hook twice and return the times.

        Raises:
            BenchError: The hook failed, or did not answer Succeeded.
        """
        began = time.perf_counter()
        sandbox = Sandbox(spec)
        started, calls = time.monotonic(), self._calls
        try:
            answered_s, over_s, ready = self._invoke(sandbox, spec)
            calls = self._calls - calls
            warm_began = time.perf_counter()
            warm_s, _, _ = self._invoke(sandbox, spec)
        finally:
            sandbox.close()
        return ColdStart(ready - started, answered_s - began, over_s - began, warm_s - warm_began, calls)

    def _invoke(self, sandbox: Sandbox, spec: FunctionSpec) -> tuple[float, float, float]:
        """Call the hook once; return when CodeDeploy had its answer, when the call ended and when it was started."""
        execution, payload = self._new_deployment()
        answered: list[float] = []
        watcher = threading.Thread(
            target=lambda: (execution.answered.wait(30), answered.append(time.perf_counter())), daemon=True
        )
        watcher.start()
        invocation = Invocation(payload)
        sandbox.invoke(invocation)
        ended = time.perf_counter()
        if invocation.error or execution.status != "Succeeded":
            response = invocation.response.decode(errors="replace")
            raise BenchError(f"{spec.name} returned {response} and the status {execution.status!r}; {invocation.log}")
        watcher.join(1.0)
        return answered[0], ended, invocation.started

    def peak_memory_mb(self, spec: FunctionSpec) -> float:
        """Return the peak memory of the hook and its worker together during one cold invocation."""
        _, payload = self._new_deployment()
        sandbox = Sandbox(spec)
        memory = PeakMemory(sandbox.process.pid)
        try:
            sandbox.invoke(Invocation(payload))
        finally:
            peak = memory.stop()
            sandbox.close()
        return peak

    def _function(self, handler: str, root: Path, more: dict[str, str]) -> FunctionSpec:
        variables = environment(self._aws.environment(_KEY) | more)
        return FunctionSpec(
            name=handler.partition(".")[0],
            version="$LATEST",
            handler=handler,
            root=root,
            environment=variables,
            python=str(BENCH_BIN / "python"),  # has only the packages of the layer
        )

    def _new_deployment(self) -> tuple[HookExecution, bytes]:
        """Add a deployment that waits at the hook's stage; return its execution and the event."""
        deployment_id = create_deployment_id()
        entries = [LifecycleEvent(name) for name in event_names("ecs", test_listener=True)]
        record = DeploymentRecord(
            deployment_id, "ecs", _NAME, _NAME, "CodeDeployDefault.ECSAllAtOnce", entries, self._target
        )
        record.status = "InProgress"
        record.event(STAGE).status, record.event(STAGE).started = "InProgress", time.time()
        self._state.add(record)
        self._task_sets[1].external_id = deployment_id
        execution = self._state.open_execution(deployment_id, STAGE)
        event = {"DeploymentId": deployment_id, "LifecycleEventHookExecutionId": execution.id}
        return execution, json.dumps(event).encode()

    def _target(self) -> dict[str, Any]:
        sets = [
            {
                "identifer": task_set.id,  # misspelt in AWS's API
                "taskSetLabel": label,
                "status": task_set.status,
                "targetGroup": {"name": task_set.target_group.split("/")[1]},
            }
            for task_set, label in zip(self._task_sets, ("Blue", "Green"), strict=True)
        ]
        return {
            "deploymentTargetType": "ECSTarget",
            "ecsTarget": {"targetId": f"{_NAME}-cluster:{_NAME}", "taskSetsInfo": sets},
        }

    def _count(self, _call: Call, _moto: Application) -> None:
        self._calls += 1

    def _build(self, port: int, plan: Path) -> None:
        s3 = self._aws.client("s3")
        for bucket in (_PLANS, _REPORTS):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=_PLANS, Key=f"{_NAME}/{_NAME}.yaml", Body=plan.read_bytes())
        groups, listeners = self._create_balancer(port)
        ecs = self._aws.client("ecs")
        ecs.create_cluster(clusterName=f"{_NAME}-cluster")
        container = {"name": _NAME, "image": f"{_NAME}:1", "portMappings": [{"containerPort": 8080}]}
        definition = ecs.register_task_definition(
            family=_NAME, networkMode="awsvpc", cpu="256", memory="512", containerDefinitions=[container]
        )["taskDefinition"]["taskDefinitionArn"]
        ecs.create_service(
            cluster=f"{_NAME}-cluster",
            serviceName=_NAME,
            desiredCount=1,
            deploymentController={"type": "CODE_DEPLOY"},
            taskDefinition=definition,
        )
        self._task_sets += [
            TaskSet(f"ecs-svc/{number}", f"{_NAME}-cluster", _NAME, definition, group, _NAME, 8080)
            for number, group in enumerate(groups, 1)
        ]
        self._task_sets[0].status = "PRIMARY"
        codedeploy = self._aws.client("codedeploy")
        codedeploy.create_application(applicationName=_NAME, computePlatform="ECS")
        codedeploy.create_deployment_group(
            applicationName=_NAME,
            deploymentGroupName=_NAME,
            serviceRoleArn=f"arn:aws:iam::{ACCOUNT}:role/codedeploy",
            ecsServices=[{"serviceName": _NAME, "clusterName": f"{_NAME}-cluster"}],
            loadBalancerInfo={"targetGroupPairInfoList": [_pair(groups, listeners)]},
        )

    def _create_balancer(self, port: int) -> tuple[list[str], list[str]]:
        """Create a balancer whose test listener is the target itself; return its target groups and listeners."""
        elb, subnets = self._aws.client("elbv2"), self._aws.client("ec2").describe_subnets()["Subnets"][:2]
        balancer = elb.create_load_balancer(Name=_NAME, Subnets=[subnet["SubnetId"] for subnet in subnets])
        arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        backend().load_balancers[arn].dns_name = "127.0.0.1"
        groups = [
            elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=subnets[0]["VpcId"], TargetType="ip")[
                "TargetGroups"
            ][0]["TargetGroupArn"]
            for name in ("one", "two")
        ]
        listeners = [
            elb.create_listener(
                LoadBalancerArn=arn,
                Port=listening,
                Protocol="HTTP",
                DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
            )["Listeners"][0]["ListenerArn"]
            for listening, group in zip((80, port), groups, strict=True)
        ]
        return groups, listeners


def _pair(groups: list[str], listeners: list[str]) -> dict[str, Any]:
    return {
        "targetGroups": [{"name": arn.split("/")[1]} for arn in groups],
        "prodTrafficRoute": {"listenerArns": listeners[:1]},
        "testTrafficRoute": {"listenerArns": listeners[1:]},
    }


def one_check(folder: Path) -> Path:
    """Write the plan with the same check as the smallest hook."""
    path = folder / "one.yaml"
    path.write_text(
        f"version: 1\nstages:\n  {STAGE}:\n    checks:\n"
        "      - {name: green answers, http: {get: /items/7, expect: {status: 200}}}\n"
    )
    return path


def alternating(account: Account, pairs: int) -> Iterator[tuple[ColdStart, ColdStart]]:
    """Yield pairs of cold starts, greenlight's first, after one start of each that leaves bytecode on the disk."""
    ours, theirs = account.greenlight(), account.sample()
    for spec in (ours, theirs):
        account.cold_start(spec)
    for _ in range(pairs):
        yield account.cold_start(ours), account.cold_start(theirs)
