"""ECS services of moto, with the task sets that CodeDeploy creates and moto does not support."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from .calls import Application, Call, Reply
from .server import ACCOUNT, REGION


@dataclass
class TaskSet:
    """One task set.

    Attributes:
        external_id: Deployment that created it, "" for the first task set.
        weight: Percentage of the production traffic.
    """

    id: str
    cluster: str
    service: str
    task_definition: str
    target_group: str
    container: str
    port: int
    external_id: str = ""
    status: str = "ACTIVE"
    weight: float = 0.0
    created: float = field(default_factory=time.time)

    def describe(self) -> dict[str, Any]:
        """Return it in the form of DescribeServices."""
        base = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
        external = {"externalId": self.external_id} if self.external_id else {}
        return {
            "id": self.id,
            "taskSetArn": f"{base}:task-set/{self.cluster}/{self.service}/{self.id}",
            "serviceArn": f"{base}:service/{self.cluster}/{self.service}",
            "clusterArn": f"{base}:cluster/{self.cluster}",
            "startedBy": "CODE_DEPLOY",
            **external,
            "status": self.status,
            "taskDefinition": self.task_definition,
            "computedDesiredCount": 1,
            "pendingCount": 0,
            "runningCount": 1,
            "createdAt": self.created,
            "updatedAt": self.created,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "loadBalancers": [
                {"targetGroupArn": self.target_group, "containerName": self.container, "containerPort": self.port}
            ],
            "serviceRegistries": [],
            "scale": {"value": 100.0, "unit": "PERCENT"},
            "stabilityStatus": "STEADY_STATE",
            "stabilityStatusAt": self.created,
            "tags": [],
        }


class EcsApi:
    """ECS's API: adds the task sets to DescribeServices."""

    def __init__(self, task_sets: list[TaskSet]) -> None:
        """Return `task_sets` as they are at the time of a call."""
        self._task_sets = task_sets

    def __call__(self, call: Call, moto: Application) -> Reply | None:
        """Return the response to a call; None for a call that moto answers."""
        if call.service != "ecs" or call.target != "DescribeServices":
            return None
        reply = call.pass_on(moto)
        if reply.status != 200:
            return reply
        data = json.loads(reply.body)
        for service in data.get("services", ()):
            task_sets = [task_set for task_set in self._task_sets if task_set.service == service.get("serviceName")]
            service["taskSets"] = [task_set.describe() for task_set in task_sets]
            service["runningCount"] = service["desiredCount"] = max(1, len(task_sets))
            service["pendingCount"] = 0
        return Reply(json.dumps(data).encode(), reply.status, reply.headers)
