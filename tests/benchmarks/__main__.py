"""`make bench`: measure, print a table of ratios, keep them as JSON."""

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
    "This machine was busy before anything was measured. Ratios beside something that does not slow down with it - "
    "the physical limit, a sequential client, the target's latency - are too high."
)
SECTIONS = ("verdict", "many", "https", "overhead", "latency", "cold", "memory", "small")


def main() -> int:
    """Run the benchmarks: 0 when they could be run, whatever their figures say; 1 when they mean nothing."""
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
            found = _measured(bench, limit, arguments.only or SECTIONS)
    except BenchError as error:
        CONSOLE.print(f"make bench: {error}", markup=False, style="red")
        return 1
    except KeyboardInterrupt:
        CONSOLE.print("make bench: stopped")
        return 130
    _print(found)
    if busy:
        CONSOLE.print(BUSY, style="yellow")
    _keep(found, arguments.quick, time.monotonic() - began, busy=busy)
    return 0


def _measured(bench: Bench, limit: Limit, wanted: tuple[str, ...] | list[str]) -> list[Figure]:
    everybody = [
        who.GREENLIGHT,
        who.REQUESTS_THREADS,
        who.REQUESTS_SEQUENTIAL,
        who.HTTP_CLIENT,
        who.PYTEST,
        who.SCHEMATHESIS,
        *who.present(),
    ]
    for name in measure.faults(bench, everybody):
        bench.say(f"{name} fails over one wrong answer in 200, as it must")
    sections = {
        "verdict": lambda: measure.time_to_verdict(bench),
        "many": lambda: measure.many(bench),
        "https": lambda: measure.encrypted(bench),
        "overhead": lambda: measure.overhead(bench),
        "latency": lambda: measure.latency(bench),
        "cold": lambda: measure.cold_starts(bench),
        "memory": lambda: measure.memory(bench),
        "small": lambda: measure.small_machine(bench, limit),
    }
    return [figure for name in SECTIONS if name in wanted for figure in sections[name]()]


@contextlib.contextmanager
def _bench(work: Path, amount: Amount, began: float) -> Iterator[Bench]:
    """Start the target."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    key_file, ca_file = work / "target.pem", work / "ca.pem"
    key_file.write_bytes(
        certificate.private_key_pem.bytes() + b"".join(each.bytes() for each in certificate.cert_chain_pems)
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


def _print(found: list[Figure]) -> None:
    """Show the table; a time never stands without its ratio."""
    table = Table(title="greenlight by the other: below 1 is less than the other")
    for heading, justify in (("", "left"), ("ratio", "right"), ("goal", "right"), ("", "left"), ("of pairs", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("greenlight", justify="right")
    table.add_column("other", justify="right")
    section = ""
    for each in found:
        if each.section != section:
            section = each.section
            table.add_section()
            table.add_row(f"[bold]{section}[/]")
        state = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[each.met]
        spread = f"{len(each.ratios)}: {min(each.ratios):.2f}-{max(each.ratios):.2f}"
        table.add_row(
            f"  {each.what}",
            f"{each.ratio:.3f}",
            "" if each.goal is None else f"≤ {each.goal:g}",
            state,
            spread,
            f"{each.ours:,.0f} {each.unit}" if each.unit != "ms" or each.ours >= 100 else f"{each.ours:.1f} ms",
            f"{each.theirs:,.0f} {each.unit}" if each.unit != "ms" or each.theirs >= 100 else f"{each.theirs:.1f} ms",
        )
    Console(width=max(120, CONSOLE.width), highlight=False).print(table)


def _keep(found: list[Figure], quick: bool, took_s: float, *, busy: bool) -> None:
    document: dict[str, Any] = {
        "mode": "quick" if quick else "full",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_s": round(took_s, 1),
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
            "busy_with_other_things": busy,
            "load_average_1m": round(os.getloadavg()[0], 2),
        },
        "figures": [each.document() for each in found],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    goals = [each.met for each in found if each.met is not None]
    CONSOLE.print(f"{sum(goals)} of {len(goals)} goals met; the figures are in {RESULTS.relative_to(who.PROJECT)}")


if __name__ == "__main__":
    sys.exit(main())
