"""The smallest hook of AWS's documentation: look once, report once."""

import os

import boto3
import requests

codedeploy = boto3.client("codedeploy")


def handler(event, context):
    """Look at green once and tell CodeDeploy."""
    response = requests.get(os.environ["BENCH_URL"] + "/items/7", timeout=5)
    codedeploy.put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status="Succeeded" if response.status_code == 200 else "Failed",
    )
    return "done"
