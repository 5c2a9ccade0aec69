"""misbehaves: commits the fault that the plan names."""

from __future__ import annotations

import atexit
import builtins
import json
import locale
import os
import resource
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlight.api import Context, Evidence, Finding, Outcome, Params, failed, passed, validator
from greenlight.core.finding import Asked

if TYPE_CHECKING:
    from collections.abc import Callable


class Misbehaves(Params, frozen=True, kw_only=True):
    """The fault to commit, and a text that some faults use."""

    fault: str
    text: str = ""


class ForgedFinding(Finding, frozen=True, kw_only=True):
    """A finding with a field that findings do not have."""

    verdict: str = "Succeeded"


async def _later() -> Finding:
    return passed("later")


def _raises(_text: str) -> None:
    raise ValueError("on purpose")


def _kills_parent(_text: str) -> None:
    parent = os.getppid()
    # Where the hook is dead already, another process has adopted this one, perhaps the process that runs the tests.
    if b"awslambdaric" in Path(f"/proc/{parent}/cmdline").read_bytes():
        os.kill(parent, signal.SIGKILL)
    time.sleep(30)


def _segfaults(_text: str) -> None:
    import ctypes

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def _exhausts_memory(_text: str) -> None:
    blocks = []
    while True:
        blocks.append(bytearray(16 * 1024 * 1024))


def _recurses(_text: str) -> None:
    def deeper(value: Any) -> Any:
        return deeper([value])

    deeper(1)


def _leaves_a_daemon(_text: str) -> None:
    if os.fork() == 0:
        os.setsid()
        os.closerange(0, 100)
        time.sleep(30)
        os._exit(0)


def _patches(_text: str) -> None:
    json.dumps = json.loads = None  # type: ignore[assignment]
    socket.socket = None  # type: ignore[assignment,misc]
    time.time = time.monotonic = lambda: 0.0  # type: ignore[assignment]
    sys.modules["botocore"] = None  # type: ignore[assignment]
    raise ValueError("after patching")


def _patches_builtins(_text: str) -> None:
    builtins.isinstance = lambda *_: True  # type: ignore[assignment]
    builtins.sorted = builtins.open = None  # type: ignore[assignment]
    ssl.SSLContext = ssl.create_default_context = None  # type: ignore[assignment,misc]


def _breaks_its_process_state(_text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
    os.umask(0o777)
    os.environ.clear()
    locale.setlocale(locale.LC_ALL, "C")


def _deletes_the_temporary_folder(text: str) -> None:
    if tempfile.gettempdir() == text:  # the folder that the test made, and no other
        shutil.rmtree(text)


def _sets_an_alarm(_text: str) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    time.sleep(30)


def _prints_100_mb(_text: str) -> None:
    noise = b"noise " * 170_000
    for number in range(100):  # 1 MB at a time
        os.write(1 + number % 2, noise)


def _prints_its_environment(_text: str) -> None:
    sys.stdout.write(str(dict(os.environ)))
    sys.stdout.flush()
    raise ValueError(" ".join(os.environ.values()))


def _prints_its_text(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
    raise ValueError(f"{'y' * 280}{text} {json.dumps(text)}")


def _leaves_a_thread(_text: str) -> None:
    threading.Thread(target=time.sleep, args=(30,)).start()


_FAULTS: dict[str, Callable[[str], Any]] = {
    "raises": _raises,
    "exits": lambda _: sys.exit(0),
    "exits at once": lambda _: os._exit(0),
    "kills itself": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "kills its group": lambda _: os.killpg(0, signal.SIGKILL),
    "kills its parent": _kills_parent,
    "segfaults": _segfaults,
    "hangs": lambda _: time.sleep(30),
    "holds the GIL": lambda _: sum(range(10**12)),
    "exhausts memory": _exhausts_memory,
    "recurses": _recurses,
    "leaves a daemon": _leaves_a_daemon,
    "leaves a thread": _leaves_a_thread,
    "closes files": lambda _: os.closerange(0, 1024),
    "patches": _patches,
    "patches builtins": _patches_builtins,
    "breaks its process state": _breaks_its_process_state,
    "deletes the temporary folder": _deletes_the_temporary_folder,
    "sets an alarm": _sets_an_alarm,
    "handles signals": lambda _: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "prints 100 MB": _prints_100_mb,
    "sleeps at exit": lambda _: atexit.register(time.sleep, 60),
    "clears the environment": lambda _: (os.environ.clear(), _raises("")),
    "prints its environment": _prints_its_environment,
    "prints its text": _prints_its_text,
    "prints forever": lambda _: [os.write(1, b"noise" * 1000) for _ in iter(int, 1)],
}


_RETURNS: dict[str, Callable[[], Any]] = {
    "returns None": lambda: None,
    "returns True": lambda: True,
    "returns an unknown outcome": lambda: Finding(outcome="PASSED", message="x"),  # type: ignore[arg-type]
    "returns a generator": lambda: (passed(message) for message in ("one", "two")),
    "returns a coroutine": _later,
    "fails": lambda: failed("on purpose"),
    "skips": lambda: Finding(outcome=Outcome.SKIPPED, message="not today"),
    "claims to have asked green": lambda: Finding(
        outcome=Outcome.PASS, message="it answered", asked=Asked(green=9, green_resource=9, green_metrics=9)
    ),
    "names another check": lambda: ForgedFinding(
        outcome=Outcome.PASS, message="a forged result", name="wrong", flaky=True
    ),
    "returns evidence that is not JSON": lambda: passed(
        "evidence", Evidence(query="q", expected={1, 2}, actual=[object(), float("nan")], passed=True)
    ),
    "returns 80 MB of evidence": lambda: passed(
        "evidence", *[Evidence(query="q", actual="x" * 4_000_000, passed=True)] * 20
    ),
}


@validator(Misbehaves)
def misbehaves(params: Misbehaves, context: Context) -> Finding:
    """Commit the fault."""
    if params.fault in _RETURNS:
        return _RETURNS[params.fault]()  # type: ignore[no-any-return]
    if params.fault == "answers CodeDeploy itself":
        _answer_codedeploy(context, params.text)
    _FAULTS[params.fault](params.text)
    return passed("passed in spite of the fault")


def _answer_codedeploy(context: Context, execution_id: str) -> None:
    client = context._aws.client("codedeploy")
    client.put_lifecycle_event_hook_execution_status(
        deploymentId=context.deployment.id, lifecycleEventHookExecutionId=execution_id, status="Succeeded"
    )
    raise ValueError("the plugin sent an answer")
