"""CodeDeploy's operations that moto lacks or answers with placeholders, based on `CodeDeployState`.

Shapes: botocore's service model of CodeDeploy, 2014-10-06.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from ..codedeploy_state import CodeDeployState, DeploymentRecord, LifecycleEvent, ServiceError
from .calls import Application, Call, Reply, json_error, json_reply
from .server import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable


class CodeDeployApi:
    """CodeDeploy's API.

    Attributes:
        late_s: Seconds for which an event that has started is still returned as Pending.
    """

    def __init__(self, state: CodeDeployState, *, alarms: tuple[str, ...] = ()) -> None:
        """Answer from `state`; GetDeploymentGroup returns `alarms`, because moto does not store them."""
        self._state = state
        self.late_s = 0.0
        self._alarms = alarms
        self._operations: dict[str, Callable[[Call], dict[str, Any]]] = {
            "GetDeployment": self._get_deployment,
            "ListDeploymentTargets": self._list_targets,
            "BatchGetDeploymentTargets": self._batch_get_targets,
            "GetDeploymentTarget": self._get_target,
            "StopDeployment": self._stop_deployment,
            "PutLifecycleEventHookExecutionStatus": self._put_status,
        }

    def __call__(self, call: Call, moto: Application) -> Reply | None:
        """Return the response to a call; None for a call that moto answers."""
        if call.service != "codedeploy":
            return None
        if call.target == "GetDeploymentGroup":
            return self._get_group(call, moto)
        operation = self._operations.get(call.target)
        if operation is None:
            return None
        try:
            return json_reply(operation(call))
        except ServiceError as error:
            return json_error(error.code, error.message)

    def _get_deployment(self, call: Call) -> dict[str, Any]:
        return {"deploymentInfo": _deployment_info(self._state.find(call.json.get("deploymentId")))}

    def _list_targets(self, call: Call) -> dict[str, Any]:
        record = self._state.find(call.json.get("deploymentId"))
        return {"targetIds": [_member(record.target())["targetId"]]}

    def _batch_get_targets(self, call: Call) -> dict[str, Any]:
        record = self._state.find(call.json.get("deploymentId"))
        if not (target_ids := call.json.get("targetIds")):
            raise ServiceError("DeploymentTargetIdRequiredException", "A deployment target ID was not provided.")
        target = self._target(record)
        return {"deploymentTargets": [target for target_id in target_ids if target_id == _member(target)["targetId"]]}

    def _get_target(self, call: Call) -> dict[str, Any]:
        record = self._state.find(call.json.get("deploymentId"))
        target = self._target(record)
        if call.json.get("targetId") != _member(target)["targetId"]:
            raise ServiceError("DeploymentTargetDoesNotExistException", "The provided target ID does not exist.")
        return {"deploymentTarget": target}

    def _stop_deployment(self, call: Call) -> dict[str, Any]:
        record = self._state.find(call.json.get("deploymentId"))
        if record.completed:
            raise ServiceError(
                "DeploymentAlreadyCompletedException", f"The deployment {record.id} is already completed."
            )
        record.stop_requested = True
        return {"status": "Pending", "statusMessage": "The deployment is being stopped."}

    def _put_status(self, call: Call) -> dict[str, Any]:
        request = call.json
        execution = self._state.put_status(
            request.get("deploymentId"),
            request.get("lifecycleEventHookExecutionId"),
            request.get("status"),
            caller=call.caller,
        )
        return {"lifecycleEventHookExecutionId": execution}

    def _get_group(self, call: Call, moto: Application) -> Reply:
        reply = call.pass_on(moto)
        if reply.status != 200:
            return reply
        data = json.loads(reply.body)
        data["deploymentGroupInfo"]["alarmConfiguration"] = {
            "enabled": bool(self._alarms),
            "ignorePollAlarmFailure": False,
            "alarms": [{"name": name} for name in self._alarms],
        }
        return Reply(json.dumps(data).encode(), reply.status, reply.headers)

    def _target(self, record: DeploymentRecord) -> dict[str, Any]:
        target = record.target()
        status = record.status if record.completed else "InProgress"
        _member(target).update(
            deploymentId=record.id,
            targetArn=f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:target/{_member(target)['targetId']}",
            status={"Stopped": "Failed"}.get(status, status),
            lastUpdatedAt=max(record.created, *(max(event.started, event.ended) for event in record.events)),
            lifecycleEvents=[_describe_event(event, self.late_s) for event in record.events],
        )
        return target


def _member(target: dict[str, Any]) -> dict[str, Any]:
    """Return the member of a deployment target that belongs to its type."""
    member: dict[str, Any] = target["ecsTarget" if target["deploymentTargetType"] == "ECSTarget" else "lambdaTarget"]
    return member


def _describe_event(event: LifecycleEvent, late_s: float) -> dict[str, Any]:
    if event.status == "InProgress" and time.time() - event.started < late_s:
        return {"lifecycleEventName": event.name, "status": "Pending"}
    description: dict[str, Any] = {"lifecycleEventName": event.name, "status": event.status}
    if event.started:
        description["startTime"] = event.started
    if event.ended:
        description["endTime"] = event.ended
    return description


def _deployment_info(record: DeploymentRecord) -> dict[str, Any]:
    counts = dict.fromkeys(("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready"), 0)
    counts[{"Created": "Pending", "Stopped": "Failed"}.get(record.status, record.status)] = 1
    info: dict[str, Any] = {
        "applicationName": record.application,
        "deploymentGroupName": record.group,
        "deploymentConfigName": record.config,
        "deploymentId": record.id,
        # GetDeployment returns only the digest of an AppSpec; GetApplicationRevision returns the content.
        "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "0" * 64}},
        "status": record.status,
        "createTime": record.created,
        "startTime": record.created,
        "deploymentOverview": counts,
        "creator": record.creator,
        "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        "computePlatform": {"ecs": "ECS", "lambda": "Lambda"}[record.platform],
    }
    if record.completed:
        info["completeTime"] = record.completed
    if record.error_code:
        info["errorInformation"] = {"code": record.error_code, "message": record.error_message}
    rollback = {"rollbackDeploymentId": record.rolled_back_by, "rollbackTriggeringDeploymentId": record.rollback_of}
    if any(rollback.values()):
        info["rollbackInfo"] = {key: value for key, value in rollback.items() if value}
    return info
