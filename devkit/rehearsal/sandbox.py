"""Lambda execution environment: a process with AWS's Python runtime client, and the runtime API that it polls.

Source: "AWS Lambda runtime API" (2018-06-01). The time limit is enforced: at the deadline all processes of the
environment are killed, as Lambda does, and the invocation ends with `Sandbox.Timedout`.
"""

from __future__ import annotations

import json
import math
import queue
import re
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .processes import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_INIT_S = 20.0  # Lambda allows 10; a busy machine gets twice that
_MAX_RESPONSE_BYTES = 6 * 1024 * 1024
_LOG_TAIL = 4096


@dataclass(frozen=True)
class FunctionSpec:
    """Configuration of one version of a function, and the Python interpreter that runs it."""

    name: str
    version: str
    handler: str
    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 30.0
    memory_mb: int = 512
    arn: str = ""
    python: str = sys.executable


@dataclass
class Invocation:
    """One call of a function and its result. `error` is Lambda's FunctionError, "" without an error."""

    payload: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    response: bytes = b""
    error: str = ""
    cold: bool = False
    started: float = 0.0
    deadline: float = 0.0
    log: str = ""
    delivered: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def fail(self, error_type: str, message: str) -> None:
        """End the call with an error of the Lambda platform."""
        if not self.done.is_set():
            self.error = "Unhandled"
            self.response = json.dumps({"errorType": error_type, "errorMessage": message}).encode()
            self.done.set()


class Sandbox:
    """Execution environment that runs one invocation at a time and stays warm between invocations."""

    def __init__(self, spec: FunctionSpec, on_line: Callable[[str], None] | None = None) -> None:
        """Start the process and its runtime API. `session` is the session token of its credentials.

        Raises:
            ProcessError: The process cannot be started.
        """
        self._spec = spec
        self._on_line = on_line
        self._queue: queue.Queue[Invocation | None] = queue.Queue()
        self._current: Invocation | None = None
        self._served = 0
        self._created = time.monotonic()
        self._closed = False
        self._unusable = False
        self.session = uuid.uuid4().hex
        self._server = _ApiServer(self)
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True, name=f"api {spec.name}").start()
        try:
            self.process = Process(
                [spec.python, "-m", "awslambdaric", spec.handler],
                cwd=spec.root,
                environment=self._environment(),
                on_line=self._add_line,
            )
        except BaseException:
            self._server.shutdown()
            self._server.server_close()
            raise

    @property
    def alive(self) -> bool:
        """Whether the environment can run another invocation."""
        return not self._closed and not self._unusable and self.process.exit_code is None

    def invoke(self, invocation: Invocation) -> None:
        """Run one invocation until its response, its error or its deadline."""
        self._current = invocation
        invocation.cold = self._served == 0
        invocation.log = f"START RequestId: {invocation.request_id} Version: {self._spec.version}\n"
        self._served += 1
        self._queue.put(invocation)
        self._await(invocation, invocation.delivered, time.monotonic() + _INIT_S, "Runtime.InitTimeout")
        if not invocation.done.is_set():
            self._await(invocation, invocation.done, invocation.deadline, "Sandbox.Timedout")
        self._current = None
        invocation.log = (invocation.log + self._report(invocation))[-_LOG_TAIL:]

    def close(self) -> None:
        """Stop the environment and all its processes."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self.process.kill()
            self._server.shutdown()
            self._server.server_close()

    def kill(self) -> None:
        """Kill the processes of the environment, also during an invocation."""
        self.process.kill()

    def _await(self, invocation: Invocation, event: threading.Event, end: float, timeout_error: str) -> None:
        while not event.wait(0.03) and not invocation.done.is_set():
            code = self.process.exit_code
            if code is not None and not event.wait(0.05):
                ending = f"signal: {_signal_name(-code)}" if code < 0 else f"exit status {code}"
                invocation.fail(
                    "Runtime.ExitError",
                    f"RequestId: {invocation.request_id} Error: Runtime exited with error: {ending}",
                )
            elif time.monotonic() > end:
                self.kill()
                limit = self._spec.timeout_s if timeout_error == "Sandbox.Timedout" else _INIT_S
                invocation.fail(
                    timeout_error, f"RequestId: {invocation.request_id} Error: Task timed out after {limit:.2f} seconds"
                )

    def _report(self, invocation: Invocation) -> str:
        """Return the last lines of an invocation's log, as Lambda writes them."""
        duration_ms = (time.monotonic() - invocation.started) * 1000 if invocation.started else 0.0
        report = (
            f"END RequestId: {invocation.request_id}\n"
            f"REPORT RequestId: {invocation.request_id}\tDuration: {duration_ms:.2f} ms\t"
            f"Billed Duration: {math.ceil(duration_ms)} ms\tMemory Size: {self._spec.memory_mb} MB\t"
            f"Max Memory Used: {_peak_mb(self.process.pid)} MB\t"
        )
        if invocation.cold and invocation.started:
            report += f"Init Duration: {(invocation.started - self._created) * 1000:.2f} ms\t"
        return report + "\n"

    def _environment(self) -> dict[str, str]:
        spec = self._spec
        return {
            **spec.environment,
            "AWS_SESSION_TOKEN": self.session,
            "_HANDLER": spec.handler,
            "LAMBDA_TASK_ROOT": str(spec.root),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"2000/01/01/[{spec.version}]{uuid.uuid4().hex}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "TZ": ":UTC",
        }

    def _add_line(self, line: str) -> None:
        current = self._current
        if current is not None:
            current.log = (current.log + line + "\n")[-_LOG_TAIL:]
        if self._on_line is not None:
            self._on_line(line)

    # Called by the runtime API on its own threads.

    def next_invocation(self) -> Invocation | None:
        """Wait for the next invocation; return None when the environment is closed."""
        invocation = self._queue.get()
        if invocation is not None:
            invocation.started = time.monotonic()
            invocation.deadline = invocation.started + self._spec.timeout_s
        return invocation

    def invocation_headers(self, invocation: Invocation) -> dict[str, str]:
        """Return the headers of an invocation."""
        return {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self._spec.timeout_s) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self._spec.arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{uuid.uuid4().hex[:8]}-{uuid.uuid4().hex[:24]};Sampled=0",
        }

    def accept_result(self, path: str, body: bytes) -> int:
        """Store a response or an error, and return the HTTP status for the runtime client."""
        current = self._current
        if current is None:
            return 202
        if path.endswith("/response") and len(body) > _MAX_RESPONSE_BYTES:
            self._unusable = True  # the runtime client exits when its response is rejected
            current.fail(
                "Function.ResponseSizeTooLarge",
                f"Response payload size exceeded maximum allowed payload size ({_MAX_RESPONSE_BYTES} bytes).",
            )
            return 413
        if not current.done.is_set():
            current.error = "" if path.endswith("/response") else "Unhandled"
            current.response = body
            current.done.set()
        return 202


class _ApiServer(ThreadingHTTPServer):
    """Runtime API of one execution environment."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        super().__init__(("127.0.0.1", 0), _ApiHandler)


class _ApiHandler(BaseHTTPRequestHandler):
    server: _ApiServer
    protocol_version = "HTTP/1.1"
    # With Nagle's algorithm and default buffering every warm invocation waits for two delayed acknowledgements,
    # 40 ms each.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        sandbox = self.server.sandbox
        invocation = sandbox.next_invocation()
        if invocation is None:
            self.close_connection = True
            return
        self._respond(200, sandbox.invocation_headers(invocation), invocation.payload)
        invocation.delivered.set()

    def do_POST(self) -> None:
        body = self._read_body()
        self._respond(self.server.sandbox.accept_result(self.path, body), {}, b'{"status":"OK"}')

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _respond(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError):
            self.close_connection = True  # the process was killed during the request

    def log_message(self, *_args: Any) -> None:
        """Suppress the line for each poll."""


def _peak_mb(pid: int) -> int:
    """Return the peak resident memory of a process in MB, 0 where /proc does not exist."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    match = re.search(r"VmHWM:\s+([0-9]+) kB", status)
    return math.ceil(int(match[1]) / 1024) if match else 0


def _signal_name(number: int) -> str:
    import signal

    try:
        name = signal.Signals(number).name
    except ValueError:
        return str(number)
    return {"SIGKILL": "killed", "SIGSEGV": "segmentation fault"}.get(name, name)
