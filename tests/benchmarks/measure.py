"""Measurements of the benchmarks; the function of each section yields its figures one by one."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.benchmarks import contestants as who
from tests.benchmarks.cold import Account, ColdStart, alternating, one_check
from tests.benchmarks.contestants import GREENLIGHT, Contestant, Task, greenlight_command
from tests.benchmarks.figures import Figure, beside
from tests.benchmarks.running import BenchError, Limit, Usage, can_sample_memory, peak_memory_mb, run
from tests.benchmarks.target import LISTENERS, quantile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MEMORY_GOAL_MB = 128.0


@dataclass(frozen=True)
class Amount:
    """Number of pairs of each kind, in quick or full mode; at least one warm-up comes before them."""

    quick: bool

    def of(self, quick: int, full: int) -> int:
        """Return the number for the mode."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Bench:
    """Surroundings of a run: the target's ports, a folder for files, a function that prints progress."""

    ports: dict[str, int]
    work: Path
    ca_file: str
    amount: Amount
    say: Callable[[str], None]

    def task(self, listener: str, count: int = 200, concurrency: int = 32) -> Task:
        """Build a task against one of the target's ports."""
        tls = LISTENERS[listener].tls
        url = f"{'https' if tls else 'http'}://127.0.0.1:{self.ports[listener]}"
        return Task(count, concurrency, url, self.work, self.ca_file if tls else "")

    def pairs(self, other: Contestant, task: Task, count: int, limit: Limit | None = None) -> list[tuple[Usage, Usage]]:
        """Run greenlight and another contestant in turns."""
        pairs = []
        for number in range(count):
            self.say(f"{other.name}, {task.count} checks, pair {number + 1} of {count}")
            pairs.append((right(GREENLIGHT, task, limit), right(other, task, limit)))
        return pairs


def right(contestant: Contestant, task: Task, limit: Limit | None = None) -> Usage:
    """Run a contestant against a target with right answers.

    Raises:
        BenchError: The contestant failed.
    """
    usage = run(contestant.command(task), task.environment() | contestant.environment, task.work, limit=limit)
    if usage.status != 0:
        raise BenchError(f"{contestant.name} ended with status {usage.status}: {usage.output[-1500:]}")
    return usage


def faults(bench: Bench, contestants: list[Contestant]) -> Iterator[str]:
    """Run each contestant against one wrong answer among 200; yield its name after it has failed.

    Raises:
        BenchError: The contestant did not fail, so its figures would not be those of checks.
    """
    for contestant in contestants:
        for listener in ("wrong", "wrong_tls"):
            if listener == "wrong_tls" and contestant not in (GREENLIGHT, who.REQUESTS_THREADS, who.HTTP_CLIENT):
                continue
            bench.say(f"{contestant.name} gets a wrong answer")
            task = bench.task(listener)
            usage = run(contestant.command(task), task.environment() | contestant.environment, task.work)
            if usage.status == 0:
                raise BenchError(f"{contestant.name} accepted a wrong answer; its figures would mean nothing")
        yield contestant.name


def time_to_verdict(bench: Bench) -> Iterator[Figure]:
    """Yield section a: 200 checks of 20 ms, 32 at once."""
    section, task, of = "200 checks, 32 at once", bench.task("slow"), bench.amount.of
    threads = bench.pairs(who.REQUESTS_THREADS, task, of(5, 15))
    yield _wall(section, "requests in threads", threads, 1.0)
    yield _cpu(section, "requests in threads", threads, 0.8)
    rest = [
        (who.REQUESTS_SEQUENTIAL, of(1, 5), 0.12),
        (who.SCHEMATHESIS, of(2, 7), 0.3),
        (who.PYTEST, of(1, 5), None),
        (who.HTTP_CLIENT, of(3, 11), None),
        *((contestant, of(3, 11), None) for contestant in who.present()),
    ]
    for contestant, count, goal in rest:
        pairs = bench.pairs(contestant, task, count)
        yield _wall(section, contestant.name, pairs, goal)
        yield _cpu(section, contestant.name, pairs)
    yield _beside_limit(section, task, [ours for ours, _ in threads])


def many(bench: Bench) -> Iterator[Figure]:
    """Yield section a: 2,000 checks of 20 ms, 64 at once."""
    section, task = "2,000 checks, 64 at once", bench.task("slow", 2000, 64)
    pairs = bench.pairs(who.REQUESTS_THREADS, task, bench.amount.of(2, 7))
    yield _wall(section, "requests in threads", pairs)
    yield _cpu(section, "requests in threads", pairs)
    floor = bench.pairs(who.HTTP_CLIENT, task, bench.amount.of(2, 7))
    yield _wall(section, who.HTTP_CLIENT.name, floor)
    yield _beside_limit(section, task, [ours for ours, _ in (*pairs, *floor)], 1.6)


def encrypted(bench: Bench) -> Iterator[Figure]:
    """Yield section a over HTTPS, with certifi's whole bundle loaded, as in practice."""
    section, task = "200 checks over HTTPS, 32 at once", bench.task("slow_tls")
    pairs = bench.pairs(who.REQUESTS_THREADS, task, bench.amount.of(3, 11))
    yield _wall(section, "requests in threads", pairs)
    yield _cpu(section, "requests in threads", pairs, 0.4)


def overhead(bench: Bench) -> Iterator[Figure]:
    """Yield section a against a target that answers at once, which measures the tools alone."""
    section, task = "200 checks answered at once, 32 at once", bench.task("instant")
    pairs = bench.pairs(who.REQUESTS_THREADS, task, bench.amount.of(3, 11))
    yield _wall(section, "requests in threads", pairs)
    yield _cpu(section, "requests in threads", pairs)


def latency(bench: Bench, limit: Limit) -> Iterator[Figure]:
    """Yield section b: latencies of the report against those of the target."""
    section, task = "latency stated, beside the target's own", bench.task("slow")
    ours: list[tuple[dict[str, float], dict[str, float]]] = []
    theirs = list(ours)
    for number in range(bench.amount.of(3, 9)):
        bench.say(f"stated latency, round {number + 1}")
        ours.append(_stated_by_greenlight(task))
        theirs.append(_stated_by_requests(task))
    for name, rounds, goal in (("greenlight", ours, 1.03), ("requests in threads", theirs, None)):
        for share in ("p50", "p95"):
            pairs = [(stated[share] / 1000, true[share] / 1000) for stated, true in rounds]
            yield beside(section, f"{share} as {name} states it", pairs, goal=goal if share == "p95" else None)
    for concurrency in (16, 32):
        small = []
        for number in range(bench.amount.of(3, 7)):
            bench.say(f"stated latency at a third of a core, {concurrency} at once, round {number + 1}")
            small.append(_stated_by_greenlight(bench.task("slow", 200, concurrency), limit))
        pairs = [(stated["p95"] / 1000, true["p95"] / 1000) for stated, true in small]
        name = f"p95 at a third of a core ({limit.how}), {concurrency} at once"
        yield beside(section, name, pairs, goal=1.03)


def _stated_by_greenlight(task: Task, limit: Limit | None = None) -> tuple[dict[str, float], dict[str, float]]:
    report = task.work / "report.json"
    _true_latency(task)
    command = Contestant("greenlight check", lambda task: greenlight_command(task, latency=True, report=report))
    right(command, task, limit)
    checks = json.loads(report.read_text())["checks"]
    stated = [
        evidence["actual"]
        for check in checks
        for evidence in check["evidence"]
        if evidence["query"].startswith("latency")
    ]
    if len(stated) != task.count:
        raise BenchError(f"the report states {len(stated)} latencies for {task.count} checks")
    return _quantiles(stated), _true_latency(task)


def _stated_by_requests(task: Task) -> tuple[dict[str, float], dict[str, float]]:
    _true_latency(task)
    talkative = replace(who.REQUESTS_THREADS, environment={"BENCH_SAY_LATENCY": "yes"})
    stated = [float(word) for word in right(talkative, task).output.split()]
    return _quantiles(stated), _true_latency(task)


def _quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {"p50": quantile(ordered, 0.50), "p95": quantile(ordered, 0.95)}


def _true_latency(task: Task) -> dict[str, float]:
    with urllib.request.urlopen(f"{task.url}/-/latency", timeout=10) as answer:  # noqa: S310 - our own target
        quantiles: dict[str, float] = json.load(answer)
    return quantiles


def cold_starts(bench: Bench) -> Iterator[Figure]:
    """Yield section c, and the hook's part of section d."""
    section = "cold start of a hook"
    bench.say("an account for the hooks")
    account = Account(bench.ports["instant"], one_check(bench.work))
    try:
        starts: list[tuple[ColdStart, ColdStart]] = []
        for pair in alternating(account, bench.amount.of(5, 15)):
            starts.append(pair)
            bench.say(f"cold starts, pair {len(starts)}")
        rows = (
            ("process start to CodeDeploy's answer, beside AWS's sample", "answered_s", 1.15),
            ("the same less a warm call: the start alone, beside AWS's sample", "start_s", 1.15),
            ("a warm call, beside AWS's sample", "warm_s", None),
            ("process start to the end of the call, beside AWS's sample", "over_s", None),
            ("process start to readiness (Lambda's Init), beside AWS's sample", "first_poll_s", None),
        )
        for label, name, goal in rows:
            pairs = [(getattr(ours, name), getattr(theirs, name)) for ours, theirs in starts]
            yield beside(section, label, pairs, goal=goal)
        calls = [(float(ours.aws_calls), float(theirs.aws_calls)) for ours, theirs in starts]
        yield beside(section, "AWS calls, beside AWS's sample", calls, unit="calls")
        if can_sample_memory():
            bench.say("memory of the hook")
            peaks = [account.peak_memory_mb(account.greenlight()) for _ in range(bench.amount.of(1, 3))]
            yield _memory("hook with its worker", peaks)
    finally:
        account.close()


def memory(bench: Bench) -> Iterator[Figure]:
    """Yield section d: memory of supervisor and worker together."""
    if not can_sample_memory():
        return
    for count, concurrency in ((200, 32), (2000, 64)):
        bench.say(f"memory, {count} checks")
        task = bench.task("slow", count, concurrency)
        peaks = [peak_memory_mb(greenlight_command(task), task.environment()) for _ in range(bench.amount.of(1, 3))]
        yield _memory(f"greenlight check with its worker, {count:,} checks", peaks)


def _memory(label: str, peaks: list[float]) -> Figure:
    pairs = [(peak, MEMORY_GOAL_MB) for peak in peaks]
    return beside("peak memory", f"{label}, beside 128 MB", pairs, goal=1.0, unit="MB")


def small_machine(bench: Bench, limit: Limit) -> Iterator[Figure]:
    """Yield section e: a third of a core."""
    section, of = f"a third of a core ({limit.how})", bench.amount.of
    for concurrency, count in ((16, of(2, 7)), (32, of(1, 5))):
        pairs = bench.pairs(who.REQUESTS_THREADS, bench.task("slow", 200, concurrency), count, limit)
        yield _wall(f"{section}, 200 checks, {concurrency} at once", "requests in threads", pairs)


def _wall(section: str, name: str, pairs: list[tuple[Usage, Usage]], goal: float | None = None) -> Figure:
    return beside(section, f"wall, beside {name}", [(a.wall_s, b.wall_s) for a, b in pairs], goal=goal)


def _cpu(section: str, name: str, pairs: list[tuple[Usage, Usage]], goal: float | None = None) -> Figure:
    return beside(section, f"CPU, beside {name}", [(a.cpu_s, b.cpu_s) for a, b in pairs], goal=goal)


def _beside_limit(section: str, task: Task, runs: list[Usage], goal: float | None = None) -> Figure:
    limit_s = task.count * LISTENERS["slow"].latency_s / task.concurrency
    return beside(section, "wall, beside the physical limit", [(usage.wall_s, limit_s) for usage in runs], goal=goal)
