"""Fake CodeDeploy over HTTP that validates requests as strictly as the real one and records the answers of hooks."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session
from botocore.validate import ParamValidator


class RefusedError(Exception):
    """Error response of CodeDeploy, with a code of its service model or a common code of AWS services."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


@dataclass
class CodeDeploy:
    """Fake CodeDeploy with the deployments, targets and groups that its operations return.

    Attributes:
        deployments: Results of GetDeployment, by deployment ID.
        targets: Results of BatchGetDeploymentTargets, by deployment ID.
        groups: Results of GetDeploymentGroup, by name of the group.
        answers: Every accepted status: deployment ID, execution ID, status.
        refusing: Number of the next answers that are rejected as if the role had no permission.
        running: Results of ListDeployments.
        url: Endpoint, while the server runs.
    """

    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: list[tuple[str, str, str]] = field(default_factory=list)
    refusing: int = 0
    running: list[str] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> CodeDeploy:
        """Start the server on a free port."""
        model = botocore.session.Session().get_service_model("codedeploy")
        lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                with lock:
                    status, answer = fake.reply(model, self.headers.get("x-amz-target", ""), body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/x-amz-json-1.1")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                """Suppress the log of the server in the output of the tests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *raised: object) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()

    def reply(self, model: Any, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Return the status and body of the response to one request of CodeDeploy's JSON protocol."""
        try:
            name = target.removeprefix("CodeDeploy_20141006.")
            if name not in model.operation_names:
                raise RefusedError("UnknownOperationException", f"there is no operation {target!r}")
            parameters = json.loads(body)
            problems = ParamValidator().validate(parameters, model.operation_model(name).input_shape).generate_report()
            if problems:
                raise RefusedError("ValidationException", problems)
            return 200, self._perform(name, parameters)
        except RefusedError as refusal:
            return 400, {"__type": refusal.code, "message": refusal.message}

    def _perform(self, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
        match name:
            case "GetDeployment":
                return {"deploymentInfo": self._deployment(parameters)}
            case "ListDeploymentTargets":
                self._deployment(parameters)
                return {"targetIds": ["target"]}
            case "BatchGetDeploymentTargets":
                self._deployment(parameters)
                return {"deploymentTargets": [self.targets[parameters["deploymentId"]]]}
            case "GetDeploymentGroup":
                return {"deploymentGroupInfo": self.groups[parameters["deploymentGroupName"]]}
            case "ListDeployments":
                return {"deployments": self.running}
            case "ListTagsForResource":
                return {"Tags": []}
            case "PutLifecycleEventHookExecutionStatus":
                return self._put(parameters)
        raise RefusedError("AccessDeniedException", f"hooks do not call {name}")

    def _deployment(self, parameters: dict[str, Any]) -> dict[str, Any]:
        if parameters["deploymentId"] not in self.deployments:
            raise RefusedError("DeploymentDoesNotExistException", "there is no such deployment")
        return self.deployments[parameters["deploymentId"]]

    def _put(self, parameters: dict[str, Any]) -> dict[str, Any]:
        if self.refusing > 0:
            self.refusing -= 1
            raise RefusedError("AccessDeniedException", "not authorized to perform this action")
        deployment, execution, status = (
            parameters["deploymentId"],
            parameters["lifecycleEventHookExecutionId"],
            parameters["status"],
        )
        if len(deployment) != 11 or not deployment.startswith("d-"):
            raise RefusedError("InvalidDeploymentIdException", "the deployment ID has an invalid format")
        if not 40 <= len(execution) <= 4096:
            raise RefusedError(
                "InvalidLifecycleEventHookExecutionIdException", "the execution ID was not issued by CodeDeploy"
            )
        if status not in ("Succeeded", "Failed"):
            raise RefusedError("InvalidLifecycleEventHookExecutionStatusException", f"a hook may not answer {status!r}")
        if any(execution == answered for _, answered, _ in self.answers):
            raise RefusedError("LifecycleEventAlreadyCompletedException", "this lifecycle event has been answered")
        self.answers.append((deployment, execution, status))
        for target in self.targets.get(deployment, {}).values():
            for event in target["lifecycleEvents"] if isinstance(target, dict) else ():
                event["status"] = status if event["status"] == "InProgress" else event["status"]
        return {"lifecycleEventHookExecutionId": execution}
