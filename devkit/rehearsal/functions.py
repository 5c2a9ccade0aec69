"""Local Lambda: functions with versions and aliases, concurrent calls, asynchronous calls with OnFailure.

moto resolves an alias to a version (`route`), so that discovery and the users' calls see the same version.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from greenlight.core.clock import SYSTEM_CLOCK

from .aws.server import ACCOUNT, REGION
from .processes import ProcessError
from .sandbox import FunctionSpec, Invocation, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LATEST = "$LATEST"
_MAX_SANDBOXES = 24
_INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "COVERAGE_PROCESS_START")


def arn(name: str, qualifier: str = "") -> str:
    """Return a function's ARN."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}" + (f":{qualifier}" if qualifier else "")


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a function's process: a few variables of this machine, and the function's own."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | dict(variables)


class Pool:
    """Execution environments of one version of a function."""

    def __init__(self, spec: FunctionSpec, on_line: Callable[[str], None] | None = None) -> None:
        """Create an empty pool; environments start with the first calls."""
        self.spec = spec
        self._on_line = on_line
        self._lock = threading.Lock()
        self._idle: list[Sandbox] = []
        self._busy: set[Sandbox] = set()
        self._capacity = threading.BoundedSemaphore(_MAX_SANDBOXES)
        self._closed = False

    def invoke(self, payload: bytes) -> Invocation:
        """Invoke the version in a warm or new environment. An error of the function is part of the invocation."""
        invocation = Invocation(payload)
        with self._capacity:
            try:
                sandbox = self._acquire()
            except ProcessError as error:
                invocation.fail("Runtime.InitError", str(error))
                return invocation
            try:
                sandbox.invoke(invocation)
            finally:
                self._release(sandbox)
        return invocation

    def kill_busy(self) -> int:
        """Kill the environments that run an invocation, and return their number."""
        with self._lock:
            busy = list(self._busy)
        for sandbox in busy:
            sandbox.kill()
        return len(busy)

    def kill_session(self, session: str) -> None:
        """Kill the environment whose credentials have this session token, if it runs an invocation."""
        with self._lock:
            callers = [sandbox for sandbox in self._busy if sandbox.session == session]
        for sandbox in callers:
            sandbox.kill()

    def close(self) -> None:
        """Close all environments."""
        with self._lock:
            self._closed = True
            sandboxes = [*self._idle, *self._busy]
            self._idle = []
        for sandbox in sandboxes:
            sandbox.close()

    def _acquire(self) -> Sandbox:
        with self._lock:
            while self._idle:
                sandbox = self._idle.pop()
                if sandbox.alive:
                    self._busy.add(sandbox)
                    return sandbox
                sandbox.close()
            if self._closed:
                raise ProcessError("the rehearsal is over")
        sandbox = Sandbox(self.spec, self._on_line)
        with self._lock:
            self._busy.add(sandbox)
        return sandbox

    def _release(self, sandbox: Sandbox) -> None:
        with self._lock:
            self._busy.discard(sandbox)
            reusable = sandbox.alive and not self._closed
            if reusable:
                self._idle.append(sandbox)
        if not reusable:
            sandbox.close()


@dataclass
class LocalLambda:
    """Functions of one rehearsal.

    Attributes:
        route: Returns the version for a call of a function's alias; None for an unknown alias.
    """

    route: Callable[[str, str], str | None] = lambda _name, _alias: None
    _pools: dict[tuple[str, str], Pool] = field(default_factory=dict)
    _on_failure: dict[str, str] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def register(
        self, spec: FunctionSpec, *, on_line: Callable[[str], None] | None = None, on_failure: str = ""
    ) -> None:
        """Add a version of a function; `on_failure` is the function that gets its failed asynchronous calls."""
        self._pools[spec.name, spec.version] = Pool(spec, on_line)
        self._on_failure[spec.name] = on_failure

    def pool(self, name: str, qualifier: str = "") -> Pool | None:
        """Return the pool for a call of `name` with this qualifier, None if the version or alias does not exist."""
        qualifier = qualifier or LATEST
        version = qualifier if (name, qualifier) in self._pools else self.route(name, qualifier)
        return self._pools.get((name, version)) if version else None

    def invoke_async(self, name: str, event: dict[str, Any], qualifier: str = "") -> None:
        """Invoke a function as `InvocationType=Event` does, without retries; a failed call goes to OnFailure."""
        arguments = (name, event, qualifier)
        thread = threading.Thread(target=self._run_async, args=arguments, name=f"async {name}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def drain(self, timeout_s: float) -> bool:
        """Wait for all asynchronous calls; return False if one still runs after `timeout_s`."""
        end = time.monotonic() + timeout_s
        for thread in list(self._threads):
            thread.join(max(0.0, end - time.monotonic()))
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        return not self._threads

    def close(self) -> None:
        """Close all pools and wait for their calls."""
        for pool in self._pools.values():
            with contextlib.suppress(OSError):
                pool.close()
        self.drain(2.0)

    def _run_async(self, name: str, event: dict[str, Any], qualifier: str = "") -> None:
        pool = self.pool(name, qualifier)
        if pool is None:
            return
        invocation = pool.invoke(json.dumps(event).encode())
        if invocation.error and (destination := self._on_failure.get(name)):
            self._run_async(destination, _failure_record(name, event, invocation))


def _failure_record(name: str, event: dict[str, Any], invocation: Invocation) -> dict[str, Any]:
    """Return the record that Lambda sends to an OnFailure destination."""
    try:
        response = json.loads(invocation.response)
    except ValueError:
        response = None
    now = SYSTEM_CLOCK.now_utc()
    return {
        "version": "1.0",
        "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z",
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": arn(name, LATEST),
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 1,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": LATEST, "functionError": invocation.error},
        "responsePayload": response,
    }
