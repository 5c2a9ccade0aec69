"""ECS services as moto keeps them, with the task sets that CodeDeploy makes and moto cannot."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from devkit.rehearsal.aws.calls import Application, Call, Reply
from devkit.rehearsal.aws.server import ACCOUNT, REGION


@dataclass
class TaskSet:
    """One task set. `external_id` is the deployment that made it, "" for the first one; `weight` in percent."""

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

    def described(self) -> dict[str, Any]:
        """Describe it as DescribeServices does."""
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


class EcsRoom:
    """Adds the task sets to DescribeServices."""

    def __init__(self, task_sets: list[TaskSet]) -> None:
        """Show `task_sets`, as they are when asked."""
        self._task_sets = task_sets

    def __call__(self, call: Call, moto: Application) -> Reply | None:
        """Answer one call, or leave it to moto."""
        if call.service != "ecs" or call.target != "DescribeServices":
            return None
        reply = call.pass_on(moto)
        if reply.status != 200:
            return reply
        data = json.loads(reply.body)
        for service in data.get("services", ()):
            mine = [each for each in self._task_sets if each.service == service.get("serviceName")]
            service["taskSets"] = [each.described() for each in mine]
            service["runningCount"] = service["desiredCount"] = max(1, len(mine))
            service["pendingCount"] = 0
        return Reply(json.dumps(data).encode(), reply.status, reply.headers)
