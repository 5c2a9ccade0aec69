"""Stand-in of a hook: starts the state machine, and answers Failed itself if it cannot."""

import hashlib
import json
import os

from common import client

STAGE = "BeforeAllowTraffic"


def handler(event: dict[str, str], context: object) -> None:
    states, execution = client("stepfunctions"), event["LifecycleEventHookExecutionId"]
    name = hashlib.sha256(execution.encode()).hexdigest()[:40]
    gate = {"name": name, "deployment": event["DeploymentId"], "stage": STAGE}
    try:
        states.start_execution(
            stateMachineArn=os.environ["GREENLIGHT_MACHINE_ARN"],
            name=name,
            input=json.dumps({"gate": gate, "execution": execution}, sort_keys=True),
        )
    except states.exceptions.ExecutionAlreadyExists:
        pass
    except states.exceptions.ClientError:
        client("codedeploy").put_lifecycle_event_hook_execution_status(
            deploymentId=event["DeploymentId"], lifecycleEventHookExecutionId=execution, status="Failed"
        )
