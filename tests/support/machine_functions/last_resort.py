"""Stand-in of the last resort: answers Failed for a hook's failed invocation, or for a guardian's bad end."""

import json
from typing import Any

from common import client


def handler(event: dict[str, Any], context: object) -> None:
    if event.get("source") == "aws.states":
        document = json.loads(event["detail"]["input"])
        deployment, execution = document["gate"]["deployment"], document["execution"]
    else:
        payload = event["requestPayload"]
        deployment, execution = payload["DeploymentId"], payload["LifecycleEventHookExecutionId"]
    client("codedeploy").put_lifecycle_event_hook_execution_status(
        deploymentId=deployment, lifecycleEventHookExecutionId=execution, status="Failed"
    )
