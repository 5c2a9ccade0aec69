"""Lambda for one rehearsal: functions with versions and aliases, concurrent calls, asynchronous calls with OnFailure.

Which version an alias means is moto's to say (`route`), so what discovery reads and what users meet agree.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from devkit.rehearsal.aws.server import ACCOUNT, REGION
from devkit.rehearsal.processes import ProcessError
from devkit.rehearsal.sandbox import FunctionSpec, Invocation, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LATEST = "$LATEST"
_MAX_SANDBOXES = 24
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "COVERAGE_PROCESS_START")


def arn(name: str, qualifier: str = "") -> str:
    """Write a function's ARN."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}" + (f":{qualifier}" if qualifier else "")


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Give what a function's process gets: the bare necessities of this machine, and its own variables."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | dict(more)


class Pool:
    """All execution environments of one version of one function."""

    def __init__(self, spec: FunctionSpec, on_line: Callable[[str], None] | None = None) -> None:
        """Start none yet."""
        self.spec = spec
        self._on_line = on_line
        self._lock = threading.Lock()
        self._idle: list[Sandbox] = []
        self._busy: set[Sandbox] = set()
        self._places = threading.BoundedSemaphore(_MAX_SANDBOXES)
        self._closed = False

    def invoke(self, payload: bytes) -> Invocation:
        """Call the version in a warm environment, or in a new one; never raises for what the function does."""
        invocation = Invocation(payload)
        with self._places:
            try:
                sandbox = self._take()
            except ProcessError as error:
                invocation.fail("Runtime.InitError", str(error))
                return invocation
            try:
                sandbox.invoke(invocation)
            finally:
                self._give_back(sandbox)
        return invocation

    def kill_busy(self) -> int:
        """Kill the environments that are in the middle of something; gives their number."""
        with self._lock:
            busy = list(self._busy)
        for sandbox in busy:
            sandbox.kill()
        return len(busy)

    def close(self) -> None:
        """End all environments."""
        with self._lock:
            self._closed = True
            sandboxes = [*self._idle, *self._busy]
            self._idle = []
        for sandbox in sandboxes:
            sandbox.close()

    def _take(self) -> Sandbox:
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

    def _give_back(self, sandbox: Sandbox) -> None:
        with self._lock:
            self._busy.discard(sandbox)
            keep = sandbox.alive and not self._closed
            if keep:
                self._idle.append(sandbox)
        if not keep:
            sandbox.close()


@dataclass
class LocalLambda:
    """All functions of one rehearsal.

    Attributes:
        route: Maps a function's name and alias to the version this call goes to; None for no such alias.
    """

    route: Callable[[str, str], str | None] = lambda _name, _alias: None
    _pools: dict[tuple[str, str], Pool] = field(default_factory=dict)
    _on_failure: dict[str, str] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def register(
        self, spec: FunctionSpec, *, on_line: Callable[[str], None] | None = None, on_failure: str = ""
    ) -> None:
        """Add a version of a function; `on_failure` names the function that failed asynchronous calls go to."""
        self._pools[spec.name, spec.version] = Pool(spec, on_line)
        self._on_failure[spec.name] = on_failure

    def pool(self, name: str, qualifier: str = "") -> Pool | None:
        """Find what a call of `name` with this qualifier runs."""
        qualifier = qualifier or LATEST
        version = qualifier if (name, qualifier) in self._pools else self.route(name, qualifier)
        return self._pools.get((name, version)) if version else None

    def invoke_async(self, name: str, event: dict[str, Any], qualifier: str = "") -> None:
        """Call a function as `InvocationType=Event` does, without retries; a failed call goes to OnFailure."""
        arguments = (name, event, qualifier)
        thread = threading.Thread(target=self._call_async, args=arguments, name=f"async {name}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def drain(self, timeout_s: float) -> bool:
        """Wait for all asynchronous calls to end, at most this long; False if one has not."""
        end = time.monotonic() + timeout_s
        for thread in list(self._threads):
            thread.join(max(0.0, end - time.monotonic()))
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        return not self._threads

    def close(self) -> None:
        """End everything that runs."""
        for pool in self._pools.values():
            with contextlib.suppress(OSError):
                pool.close()
        self.drain(2.0)

    def _call_async(self, name: str, event: dict[str, Any], qualifier: str = "") -> None:
        pool = self.pool(name, qualifier)
        if pool is None:
            return
        invocation = pool.invoke(json.dumps(event).encode())
        if invocation.error and (destination := self._on_failure.get(name)):
            self._call_async(destination, _failure_record(name, event, invocation))


def _failure_record(name: str, event: dict[str, Any], invocation: Invocation) -> dict[str, Any]:
    """What Lambda hands to an OnFailure destination."""
    try:
        response = json.loads(invocation.response)
    except ValueError:
        response = None
    now = datetime.now(UTC)
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
