"""`make bench`: measure, print a table of ratios, write them as JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import certifi
import trustme
from rich.console import Console
from rich.table import Table

from tests.benchmarks import contestants as who
from tests.benchmarks import measure
from tests.benchmarks.measure import Amount, Bench
from tests.benchmarks.running import BenchError, Limit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.figures import Figure

CONSOLE = Console(highlight=False, stderr=True)
RESULTS = who.PROJECT / ".bench" / "results.json"
BUSY = (
    "This machine was busy before the measurements. Ratios against something that does not slow down with it - "
    "the physical limit, a sequential client, the target's latency - are too high."
)
SECTIONS = ("verdict", "many", "https", "overhead", "latency", "cold", "memory", "small")


def main() -> int:
    """Run the benchmarks and return 0, whatever their figures; return 1 if the figures mean nothing."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few pairs; a first look in under 90 seconds")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="one section; may be given several times")
    arguments = parser.parse_args()
    began = time.monotonic()
    busy = os.getloadavg()[0] > (os.cpu_count() or 1) / 2
    if busy:
        CONSOLE.print(BUSY, style="yellow")
    try:
        with tempfile.TemporaryDirectory(prefix="greenlight-bench-") as folder, contextlib.ExitStack() as stack:
            bench = stack.enter_context(_bench(Path(folder), Amount(arguments.quick), began))
            limit = Limit()
            stack.callback(limit.close)
            figures = _measure(bench, limit, arguments.only or SECTIONS)
    except BenchError as error:
        CONSOLE.print(f"make bench: {error}", markup=False, style="red")
        return 1
    except KeyboardInterrupt:
        CONSOLE.print("make bench: stopped")
        return 130
    _print(figures)
    if busy:
        CONSOLE.print(BUSY, style="yellow")
    _write(figures, arguments.quick, time.monotonic() - began, busy=busy)
    return 0


def _measure(bench: Bench, limit: Limit, names: tuple[str, ...] | list[str]) -> list[Figure]:
    everyone = [
        who.GREENLIGHT,
        who.REQUESTS_THREADS,
        who.REQUESTS_SEQUENTIAL,
        who.HTTP_CLIENT,
        who.PYTEST,
        who.SCHEMATHESIS,
        *who.present(),
    ]
    for name in measure.faults(bench, everyone):
        bench.say(f"{name} fails over one wrong answer in 200, as it must")
    sections = {
        "verdict": lambda: measure.time_to_verdict(bench),
        "many": lambda: measure.many(bench),
        "https": lambda: measure.encrypted(bench),
        "overhead": lambda: measure.overhead(bench),
        "latency": lambda: measure.latency(bench, limit),
        "cold": lambda: measure.cold_starts(bench),
        "memory": lambda: measure.memory(bench),
        "small": lambda: measure.small_machine(bench, limit),
    }
    return [figure for name in SECTIONS if name in names for figure in sections[name]()]


@contextlib.contextmanager
def _bench(work: Path, amount: Amount, began: float) -> Iterator[Bench]:
    """Start the target and stop it afterwards."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    key_file, ca_file = work / "target.pem", work / "ca.pem"
    key_file.write_bytes(
        certificate.private_key_pem.bytes() + b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
    )
    ca_file.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
    program = Path(__file__).with_name("target.py")
    target = subprocess.Popen(
        [sys.executable, str(program), str(key_file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert target.stdin is not None
    assert target.stdout is not None
    try:
        ports = json.loads(target.stdout.readline() or "{}")
        if not ports:
            raise BenchError("the target did not start")
        yield Bench(
            ports, work, str(ca_file), amount, lambda text: CONSOLE.print(f"{time.monotonic() - began:6.1f} s  {text}")
        )
    finally:
        target.stdin.close()
        target.terminate()
        target.wait(5)


def _print(figures: list[Figure]) -> None:
    """Print the table; every time has its ratio beside it."""
    table = Table(title="greenlight by the other: below 1 is less than the other")
    for heading, justify in (("", "left"), ("ratio", "right"), ("goal", "right"), ("", "left"), ("of pairs", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("greenlight", justify="right")
    table.add_column("other", justify="right")
    section = ""
    for figure in figures:
        if figure.section != section:
            section = figure.section
            table.add_section()
            table.add_row(f"[bold]{section}[/]")
        state = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[figure.met]
        spread = f"{len(figure.ratios)}: {min(figure.ratios):.2f}-{max(figure.ratios):.2f}"
        table.add_row(
            f"  {figure.name}",
            f"{figure.ratio:.3f}",
            "" if figure.goal is None else f"≤ {figure.goal:g}",
            state,
            spread,
            f"{figure.ours:,.0f} {figure.unit}"
            if figure.unit != "ms" or figure.ours >= 100
            else f"{figure.ours:.1f} ms",
            f"{figure.theirs:,.0f} {figure.unit}"
            if figure.unit != "ms" or figure.theirs >= 100
            else f"{figure.theirs:.1f} ms",
        )
    Console(width=max(120, CONSOLE.width), highlight=False).print(table)


def _write(figures: list[Figure], quick: bool, duration_s: float, *, busy: bool) -> None:
    document: dict[str, Any] = {
        "mode": "quick" if quick else "full",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_s": round(duration_s, 1),
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
            "busy_with_other_things": busy,
            "load_average_1m": round(os.getloadavg()[0], 2),
        },
        "figures": [figure.document() for figure in figures],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    goals = [figure.met for figure in figures if figure.met is not None]
    CONSOLE.print(f"{sum(goals)} of {len(goals)} goals met; the figures are in {RESULTS.relative_to(who.PROJECT)}")


if __name__ == "__main__":
    sys.exit(main())
