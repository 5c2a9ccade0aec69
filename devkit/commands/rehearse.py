"""`greenlight rehearse`: whole deployments on this machine, with the real hooks and a simulated CodeDeploy."""

from __future__ import annotations

import collections
import json
import signal
import sys
import threading
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devkit.terminal.console import stderr_console, stdout_console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from devkit.rehearsal.outcome import ScenarioOutcome
    from devkit.rehearsal.scenario import Scenario

EXPECTED, UNEXPECTED, BAD_SCENARIO, INTERRUPTED = 0, 1, 2, 130
_RESULTS = ".rehearsal"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help="scenario files, or folders of them; the packed ones if absent"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="what standard output is (text)")
    parser.add_argument(
        "-o", "--output", metavar="DIR", default=_RESULTS, help=f"folder for reports and logs ({_RESULTS})"
    )


def run(arguments: argparse.Namespace) -> int:
    """Play the scenarios; 0 if each ended as it says it should, 1 if not, 2 if one cannot be played."""
    as_json = arguments.format == "json"
    console = stderr_console() if as_json else stdout_console()
    scenarios, problems = _read(arguments.scenarios)
    if problems:
        _show_problems(problems)
        if as_json:
            print(json.dumps({"scenarios": [], "problems": problems}, indent=2, ensure_ascii=False))
        return BAD_SCENARIO
    outcomes: list[ScenarioOutcome] = []
    console.print(f"rehearsing {len(scenarios)} {'scenario' if len(scenarios) == 1 else 'scenarios'}\n")
    interrupted = threading.Event()
    try:
        # Standard output is the document alone, whatever a library may have to say.
        with _signals(interrupted), redirect_stdout(sys.stderr) if as_json else nullcontext():
            _play(scenarios, Path(arguments.output), console, outcomes, interrupted)
    except BaseException:
        # An interrupt comes between any two instructions, so what ends the rehearsal can be what it left half done.
        if not interrupted.is_set():
            raise
    if interrupted.is_set():
        stderr_console().print("interrupted; everything that was started has been ended")
        return INTERRUPTED
    if as_json:
        print(json.dumps({"scenarios": [outcome.document() for outcome in outcomes]}, indent=2, ensure_ascii=False))
    _conclude(console, outcomes)
    if any(outcome.problem for outcome in outcomes):
        return BAD_SCENARIO
    return EXPECTED if all(outcome.expected for outcome in outcomes) else UNEXPECTED


def _read(names: Sequence[str]) -> tuple[list[Scenario], list[str]]:
    """Read every scenario before any is played, so that a mistake in the last costs no time."""
    from devkit.rehearsal.hooks import PROJECT
    from devkit.rehearsal.scenario_file import ScenarioError, read

    scenarios, problems = [], []
    for path in _files(names or [str(PROJECT / "examples" / "scenarios")]):
        try:
            scenarios.append(read(path))
        except ScenarioError as error:
            problems += str(error).splitlines()
    if not scenarios and not problems:
        problems.append("there are no scenarios here; name a file, or a folder with *.yaml files")
    return scenarios, problems


def _files(names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        path = Path(name)
        if path.is_dir():
            files = sorted(each for each in path.iterdir() if each.suffix in (".yaml", ".yml"))
            yield from (each for each in files if not each.stem.endswith(".plan"))
        else:
            yield path


def _play(
    scenarios: Sequence[Scenario],
    results: Path,
    console: Console,
    outcomes: list[ScenarioOutcome],
    interrupted: threading.Event,
) -> None:
    from devkit.rehearsal.aws.server import LocalAws
    from devkit.rehearsal.progress import Progress
    from devkit.rehearsal.scenario_player import Player

    progress = Progress(console)
    aws = LocalAws()
    aws.start()
    try:
        player = Player(aws, results.resolve())
        for scenario, name in zip(scenarios, _folder_names(scenarios), strict=True):
            if interrupted.is_set():  # Python drops what is raised while it collects garbage
                break
            progress.scenario_started(scenario)
            outcomes.append(player.play(scenario, progress, name))
            progress.scenario_ended(outcomes[-1])
    finally:
        aws.stop()


def _folder_names(scenarios: Sequence[Scenario]) -> Iterator[str]:
    """Name the results' folders: as the files, with a number where several files have one name."""
    seen: collections.Counter[str] = collections.Counter()
    for scenario in scenarios:
        stem = scenario.path.stem
        seen[stem] += 1
        yield stem if seen[stem] == 1 else f"{stem}-{seen[stem]}"


def _conclude(console: Console, outcomes: Sequence[ScenarioOutcome]) -> None:
    from devkit.rehearsal.progress import summary

    console.print(summary(outcomes))
    reports = [path for outcome in outcomes for path in outcome.reports if path.suffix == ".html"]
    if reports:
        console.print("\nreports")
        for path in reports:
            console.print(f"  {_short(path)}", soft_wrap=True)
    expected = sum(outcome.expected for outcome in outcomes)
    console.print(f"\n{expected} of {len(outcomes)} ended as they say they should")


def _show_problems(problems: Sequence[str]) -> None:
    console = stderr_console()
    for problem in problems:
        console.print(problem)
    console.print("see docs/rehearsal.md for what a scenario may say")


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@contextmanager
def _signals(interrupted: threading.Event) -> Iterator[None]:
    """Let the first interrupt, hang-up or request to end clean up, and let no second one disturb that.

    Setting `interrupted` comes first: what is raised here can be dropped, or replaced by what comes of it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def first(number: int, _frame: Any) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        interrupted.set()
        raise KeyboardInterrupt(number)

    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = {number: signal.signal(number, first) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
