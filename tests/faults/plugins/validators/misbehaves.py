"""misbehaves: does what it is told, and it is told bad things."""

from __future__ import annotations

import atexit
import builtins
import json
import locale
import os
import re
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

if TYPE_CHECKING:
    from collections.abc import Callable


class Misbehaves(Params, frozen=True, kw_only=True):
    """What to do, and a text to do it with."""

    how: str
    text: str = ""


class Posing(Finding, frozen=True, kw_only=True):
    """A finding with more to say of itself."""

    verdict: str = "Succeeded"


async def _later() -> Finding:
    return passed("later")


def _raises(_text: str) -> None:
    raise ValueError("on purpose")


def _kills_parent(_text: str) -> None:
    parent = os.getppid()
    # One that is dead already has left this process to whoever adopts it, which may be the testing process.
    if b"awslambdaric" in Path(f"/proc/{parent}/cmdline").read_bytes():
        os.kill(parent, signal.SIGKILL)
    time.sleep(30)


def _segfaults(_text: str) -> None:
    import ctypes

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def _eats_memory(_text: str) -> None:
    kept = []
    while True:
        kept.append(bytearray(16 * 1024 * 1024))


def _recurses(_text: str) -> None:
    def deeper(value: Any) -> Any:
        return deeper([value])

    deeper(1)


def _forks(_text: str) -> None:
    for _ in range(4):
        os.fork()
    time.sleep(30)


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


def _spoils_its_place(_text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
    os.umask(0o777)
    os.environ.clear()
    locale.setlocale(locale.LC_ALL, "C")


def _empties_the_temporary_folder(text: str) -> None:
    if tempfile.gettempdir() == text:  # only ever the one that the test has made
        shutil.rmtree(text)


def _sets_an_alarm(_text: str) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    time.sleep(30)


def _prints_much(_text: str) -> None:
    noise = b"noise " * 170_000
    for number in range(100):  # a hundred megabytes
        os.write(1 + number % 2, noise)


def _leaves_a_thread(_text: str) -> None:
    threading.Thread(target=time.sleep, args=(30,)).start()


_DOES: dict[str, Callable[[str], Any]] = {
    "raises": _raises,
    "exits": lambda _: sys.exit(0),
    "exits at once": lambda _: os._exit(0),
    "kills itself": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "kills its group": lambda _: os.killpg(0, signal.SIGKILL),
    "kills its parent": _kills_parent,
    "segfaults": _segfaults,
    "hangs": lambda _: time.sleep(30),
    "holds the interpreter": lambda _: sum(range(10**12)),
    "matches for ever": lambda _: re.match(r"(a+)+$", "a" * 60 + "b"),
    "eats memory": _eats_memory,
    "recurses": _recurses,
    "forks": _forks,
    "leaves a daemon": _leaves_a_daemon,
    "leaves a thread": _leaves_a_thread,
    "closes files": lambda _: os.closerange(0, 1024),
    "patches": _patches,
    "patches builtins": _patches_builtins,
    "spoils its place": _spoils_its_place,
    "empties the temporary folder": _empties_the_temporary_folder,
    "sets an alarm": _sets_an_alarm,
    "handles signals": lambda _: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "prints much": _prints_much,
    "sleeps at its exit": lambda _: atexit.register(time.sleep, 60),
    "clears the environment": lambda _: (os.environ.clear(), _raises("")),
    "prints": lambda text: (sys.stdout.write(text + "\n"), sys.stderr.write(text + "\n"), os.write(1, b"x" * 100_000)),
    "prints without end": lambda _: [os.write(1, b"noise" * 1000) for _ in iter(int, 1)],
}


@validator(Misbehaves)
def misbehaves(params: Misbehaves, context: Context) -> Finding:
    """Misbehave."""
    match params.how:
        case "gives nothing":
            return None  # type: ignore[return-value]
        case "gives true":
            return True  # type: ignore[return-value]
        case "gives a word":
            return Finding(outcome="PASSED", message="x")  # type: ignore[arg-type]
        case "gives a generator":
            return (passed(each) for each in ("one", "two"))  # type: ignore[return-value]
        case "gives a coroutine":
            return _later()  # type: ignore[return-value]
        case "fails":
            return failed("on purpose")
        case "poses as another":
            return Posing(outcome=Outcome.PASS, message="I am the other", name="wrong", flaky=True)
        case "shows what is no JSON":
            return passed("look", Evidence(query="q", expected={1, 2}, actual=[object(), float("nan")], passed=True))
        case "shows very much":
            return passed("look", *[Evidence(query="q", actual="x" * 4_000_000, passed=True)] * 20)
        case "skips":
            return Finding(outcome=Outcome.SKIPPED, message="not today")
        case "answers for itself":
            client = context._aws.client("codedeploy")
            client.put_lifecycle_event_hook_execution_status(
                deploymentId=context.deployment.id, lifecycleEventHookExecutionId=params.text, status="Succeeded"
            )
            raise ValueError("nobody should believe it")
        case "tells its environment":
            sys.stdout.write(str(dict(os.environ)))
            sys.stdout.flush()
            raise ValueError(" ".join(os.environ.values()))
        case "leaks":
            sys.stdout.write(params.text)
            sys.stdout.flush()
            raise ValueError(f"{'y' * 280}{params.text} {json.dumps(params.text)}")
    _DOES[params.how](params.text)
    return passed("it did it")
