"""`greenlight completion`: a script for a shell, made from the same parsers that read the command line.

The scripts are static: completing a word starts no Python.
"""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, NamedTuple

from devkit.cli import usage

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the shell."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")


def run(arguments: argparse.Namespace) -> int:
    """Print the script: 0."""
    from devkit.cli.main import build_full_parser

    places = list(_places("greenlight", build_full_parser()))
    sys.stdout.write({"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments.shell](places))
    return 0


class _Option(NamedTuple):
    names: tuple[str, ...]
    what: str
    takes: bool
    values: tuple[str, ...]


class _Place(NamedTuple):
    """Where on the command line one is: `greenlight appspec write`; and what may come there."""

    path: str
    below: dict[str, str]
    options: list[_Option]
    values: tuple[str, ...]


def _places(path: str, parser: argparse.ArgumentParser) -> Iterator[_Place]:
    below = usage.subcommands(parser)
    options = [_Option(("-h", "--help"), "show what there is", False, ())]
    values: tuple[str, ...] = ()
    for each in usage.arguments(parser):
        choices = tuple(str(choice) for choice in each.choices or () if choice)
        if each.option_strings:
            options.append(_Option(tuple(each.option_strings), _plain(each.help or ""), each.nargs != 0, choices))
        else:
            values += choices
    yield _Place(path, {name: _plain(said) for name, (said, _) in below.items()}, options, values)
    for name, (_, one) in below.items():
        yield from _places(f"{path} {name}", one)


def _plain(text: str) -> str:
    return " ".join(text.replace("%%", "%").split())


def _steps(places: list[_Place]) -> str:
    return "|".join(shlex.quote(place.path) for place in places[1:])


def _with_values(places: list[_Place]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give `PATH OPTION` patterns with what may follow: one of a few words, or none of ours (a file, a text)."""
    for place in places:
        for option in place.options:
            if option.takes:
                yield "|".join(shlex.quote(f"{place.path} {name}") for name in option.names), option.values


def _bash(places: list[_Place]) -> str:
    after = "\n".join(
        f"    {pattern}) COMPREPLY=({_compgen(values)}); return ;;" for pattern, values in _with_values(places)
    )
    known = "\n".join(
        f"    {shlex.quote(place.path)}) options={shlex.quote(' '.join(name for each in place.options for name in each.names))}"
        f" values={shlex.quote(' '.join((*place.below, *place.values)))} ;;"
        for place in places
    )
    return f"""\
# Completion of greenlight for bash; made by: greenlight completion bash
_greenlight() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} at=greenlight options= values= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at ${{COMP_WORDS[i]}}" in
      {_steps(places)}) at="$at ${{COMP_WORDS[i]}}" ;;
    esac
  done
  case "$at $prev" in
{after}
  esac
  case "$at" in
{known}
  esac
  if [[ $cur == -* ]]; then values=$options; fi
  COMPREPLY=($(compgen -W "$values" -- "$cur"))
}}
complete -o default -F _greenlight greenlight
"""


def _compgen(values: tuple[str, ...]) -> str:
    return f'$(compgen -W {shlex.quote(" ".join(values))} -- "$cur")' if values else ""


def _zsh(places: list[_Place]) -> str:
    after = "\n".join(
        f"    {pattern}) {shlex.join(('compadd', '--', *values)) if values else '_files'}; return ;;"
        for pattern, values in _with_values(places)
    )
    known = "\n".join(
        f"    {shlex.quote(place.path)})\n      options=({_described((name, each.what) for each in place.options for name in each.names)})\n"
        f"      values=({_described([*place.below.items(), *((value, value) for value in place.values)])}) ;;"
        for place in places
    )
    return f"""\
#compdef greenlight
# Completion of greenlight for zsh; made by: greenlight completion zsh
_greenlight() {{
  local at=greenlight i
  local -a options values
  for ((i = 2; i < CURRENT; i++)); do
    case "$at ${{words[i]}}" in
      {_steps(places)}) at="$at ${{words[i]}}" ;;
    esac
  done
  case "$at ${{words[CURRENT-1]}}" in
{after}
  esac
  case "$at" in
{known}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe option options
  elif (( $#values )); then
    _describe argument values
  else
    _files
  fi
}}
if [[ $funcstack[1] == _greenlight ]]; then _greenlight "$@"; else compdef _greenlight greenlight; fi
"""


def _described(pairs: Iterable[tuple[str, str]]) -> str:
    return " ".join(shlex.quote(f"{name}:{what[:80]}") for name, what in pairs)


def _fish(places: list[_Place]) -> str:
    lines = [
        "# Completion of greenlight for fish; made by: greenlight completion fish",
        "function __greenlight_at",
        "  set -l at greenlight",
        "  for word in (commandline -opc)",
        '    switch "$at $word"',
        f"      case {' '.join(_fish_text(place.path) for place in places[1:])}",
        '        set at "$at $word"',
        "    end",
        "  end",
        '  test "$at" = "$argv"',
        "end",
    ]
    for place in places:
        start = f"complete -c greenlight -n {_fish_text(f'__greenlight_at {place.path}')}"
        for name, what in place.below.items():
            lines.append(f"{start} -f -a {_fish_text(name)} -d {_fish_text(what[:80])}")
        if place.values:
            lines.append(f"{start} -f -a {_fish_text(' '.join(place.values))}")
        for option in place.options:
            names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            takes = f" -x -a {_fish_text(' '.join(option.values))}" if option.values else " -r" if option.takes else ""
            lines.append(f"{start} {names}{takes} -d {_fish_text(option.what[:80])}")
    return "\n".join([*lines, ""])


def _fish_text(text: str) -> str:
    """Quote for fish, where a backslash escapes inside single quotes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
