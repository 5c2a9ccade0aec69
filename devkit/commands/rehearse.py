"""`greenlight rehearse`: run whole deployments on this machine, with the real hooks and a simulated CodeDeploy."""

from __future__ import annotations

import collections
import importlib.util
import json
import signal
import sys
import threading
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..terminal.console import stderr_console, stdout_console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from ..rehearsal.outcome import ScenarioOutcome
    from ..rehearsal.scenario import Scenario

EXPECTED, UNEXPECTED, BAD_SCENARIO, INTERRUPTED = 0, 1, 2, 130
_RESULTS = ".rehearsal"
_EXTRA = ("awslambdaric", "moto", "trustme")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the scenarios and the output."""
    parser.add_argument(
        "scenarios",
        nargs="*",
        metavar="SCENARIO",
        help="scenario files, or folders of them (default: the scenarios that come with greenlight)",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="output format (default text)")
    parser.add_argument(
        "-o", "--output", metavar="DIR", default=_RESULTS, help=f"folder for reports and logs (default {_RESULTS})"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the scenarios; return 0 if each ended as expected, 1 if not, 2 if one cannot be run."""
    if missing := _missing_packages():
        print(
            f"greenlight rehearse: packages are missing ({', '.join(missing)}); install them with the extra: "
            'pip install ".[rehearse]"',
            file=sys.stderr,
        )
        return BAD_SCENARIO
    as_json = arguments.format == "json"
    console = stderr_console() if as_json else stdout_console()
    scenarios, problems = _read_scenarios(arguments.scenarios)
    if problems:
        _print_problems(problems)
        if as_json:
            print(json.dumps({"scenarios": [], "problems": problems}, indent=2, ensure_ascii=False))
        return BAD_SCENARIO
    outcomes: list[ScenarioOutcome] = []
    console.print(f"rehearsing {len(scenarios)} {'scenario' if len(scenarios) == 1 else 'scenarios'}\n")
    interrupted = threading.Event()
    try:
        # Standard output must contain only the document, even if a library prints something.
        with _clean_up_on_signal(interrupted), redirect_stdout(sys.stderr) if as_json else nullcontext():
            _play(scenarios, Path(arguments.output), console, outcomes, interrupted)
    except BaseException:
        # An interrupt can arrive between any two instructions, so a different exception can end the rehearsal.
        if not interrupted.is_set():
            raise
    if interrupted.is_set():
        stderr_console().print("interrupted; all started processes have ended")
        return INTERRUPTED
    if as_json:
        print(json.dumps({"scenarios": [outcome.document() for outcome in outcomes]}, indent=2, ensure_ascii=False))
    _print_summary(console, outcomes)
    if any(outcome.problem for outcome in outcomes):
        return BAD_SCENARIO
    return EXPECTED if all(outcome.expected for outcome in outcomes) else UNEXPECTED


def _missing_packages() -> list[str]:
    """Return the packages of the extra `rehearse` that are not installed."""
    return [name for name in _EXTRA if importlib.util.find_spec(name) is None]


def _read_scenarios(names: Sequence[str]) -> tuple[list[Scenario], list[str]]:
    """Read all scenarios before the first one runs, so that their mistakes are reported together."""
    from ..rehearsal.hooks import PROJECT
    from ..rehearsal.scenario_file import ScenarioError, read

    scenarios, problems = [], []
    for path in _scenario_files(names or [str(PROJECT / "examples" / "scenarios")]):
        try:
            scenarios.append(read(path))
        except ScenarioError as error:
            problems += str(error).splitlines()
    if not scenarios and not problems:
        problems.append("there are no scenarios; name a file, or a folder with *.yaml files")
    return scenarios, problems


def _scenario_files(names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        path = Path(name)
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml"))
            yield from (file for file in files if not file.stem.endswith(".plan"))
        else:
            yield path


def _play(
    scenarios: Sequence[Scenario],
    results: Path,
    console: Console,
    outcomes: list[ScenarioOutcome],
    interrupted: threading.Event,
) -> None:
    from ..rehearsal.aws.server import LocalAws
    from ..rehearsal.progress import Progress
    from ..rehearsal.scenario_player import ScenarioPlayer

    progress = Progress(console)
    aws = LocalAws()
    aws.start()
    try:
        player = ScenarioPlayer(aws, results.resolve())
        for scenario, name in zip(scenarios, _folder_names(scenarios), strict=True):
            if interrupted.is_set():  # the exception was lost: Python ignores exceptions during garbage collection
                break
            progress.scenario_started(scenario)
            outcomes.append(player.play(scenario, progress, name))
            progress.scenario_ended(outcomes[-1])
    finally:
        aws.stop()


def _folder_names(scenarios: Sequence[Scenario]) -> Iterator[str]:
    """Yield the names of the result folders: those of the files, with a number for files of the same name."""
    counts: collections.Counter[str] = collections.Counter()
    for scenario in scenarios:
        stem = scenario.path.stem
        counts[stem] += 1
        yield stem if counts[stem] == 1 else f"{stem}-{counts[stem]}"


def _print_summary(console: Console, outcomes: Sequence[ScenarioOutcome]) -> None:
    from ..rehearsal.progress import summary

    console.print(summary(outcomes))
    reports = [path for outcome in outcomes for path in outcome.reports if path.suffix == ".html"]
    if reports:
        console.print("\nreports")
        for path in reports:
            console.print(f"  {_relative(path)}", soft_wrap=True)
    expected = sum(outcome.expected for outcome in outcomes)
    console.print(f"\n{expected} of {len(outcomes)} ended as expected")


def _print_problems(problems: Sequence[str]) -> None:
    console = stderr_console()
    for problem in problems:
        console.print(problem)
    console.print("see docs/rehearsal.md for the format of scenarios")


def _relative(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@contextmanager
def _clean_up_on_signal(interrupted: threading.Event) -> Iterator[None]:
    """Raise KeyboardInterrupt for the first SIGINT, SIGTERM or SIGHUP, and ignore further ones during the clean-up.

    `interrupted` is set before, because the exception can be lost or replaced by another one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle_first(number: int, _frame: Any) -> None:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        interrupted.set()
        raise KeyboardInterrupt(number)

    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = {number: signal.signal(number, handle_first) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
