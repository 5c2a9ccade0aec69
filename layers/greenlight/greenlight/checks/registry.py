"""Finds validators: one file each in the `validators` folder, or an entry point of an installed package.

Names are known without importing anything; a file is imported when a plan asks for it. What cannot be
imported, or is no validator, is refused with its place and its reason, and never silences the others.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pathlib
import pkgutil
import sys
from typing import TYPE_CHECKING, Any

from greenlight.checks.validator import Validator
from greenlight.core.display import truncate
from greenlight.core.errors import GreenlightError
from greenlight.plan.schema import CONTROL_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = "validators"
ENTRY_POINTS = "greenlight.validators"


class MalformedError(GreenlightError):
    """A plugin that is no validator; the sentence says which file and why."""


class Registry:
    """The validators of one installation."""

    def __init__(self, folder: str = FOLDER) -> None:
        """Look in the package `folder`, then among entry points."""
        self._folder = folder
        self._files = frozenset(_modules(folder))
        self._found: dict[str, Validator | MalformedError] = {}
        self._points: list[Any] | None = None

    def names(self) -> list[str]:
        """Give every name that a plan may use, sorted."""
        return sorted(self._files | {point.name for point in self._entry_points()})

    def get(self, name: str) -> Validator | None:
        """Give a validator, or None when nothing has that name.

        Raises:
            MalformedError: Something has the name, and is no validator.
        """
        if name not in self._found:
            found = self._load(name)
            if found is None:
                return None
            self._found[name] = found
        found = self._found[name]
        if isinstance(found, MalformedError):
            raise found
        return found

    def all(self) -> Iterator[tuple[str, Validator | MalformedError]]:
        """Give every name with its validator, or with why it has none."""
        for name in self.names():
            try:
                found = self.get(name)
            except MalformedError as error:
                yield name, error
            else:
                if found is not None:
                    yield name, found

    def _load(self, name: str) -> Validator | MalformedError | None:
        file = f"{self._folder}/{name}.py"
        found = [(file, lambda: importlib.import_module(f"{self._folder}.{name}"))] if name in self._files else []
        found += [
            (f"the entry point {point.name} = {point.value}", point.load)
            for point in self._entry_points()
            if point.name == name
        ]
        if len(found) > 1:  # which of them a plan means, nobody can tell
            places = " and ".join(place for place, _ in found)
            return MalformedError(f"the validator {name!r} is in {places}; rename one, or remove it")
        return load_validator(name, *found[0]) if found else None

    def _entry_points(self) -> list[Any]:
        if self._points is None:
            self._points = _installed() if _announced() else []
        return self._points


def _modules(folder: str) -> list[str]:
    spec = importlib.util.find_spec(folder)
    places = list(spec.submodule_search_locations or []) if spec else []
    return [module.name for module in pkgutil.iter_modules(places) if not module.name.startswith("_")]


def _announced() -> bool:
    """Tell whether any package may bring validators; to read all metadata as it should be takes 20 ms of every gate."""
    for place in filter(os.path.exists, sys.path):
        if not os.path.isdir(place):  # an archive, which only importlib can read
            return True
        for written in pathlib.Path(place).glob("*-info/entry_points.txt"):
            if ENTRY_POINTS.encode() in written.read_bytes():
                return True
    return False


def _installed() -> list[Any]:
    from importlib.metadata import entry_points

    return sorted(entry_points(group=ENTRY_POINTS), key=lambda point: (point.name, point.value))


def load_validator(name: str, place: str, load: Callable[[], Any]) -> Validator | MalformedError:
    """Give the one validator that `load` brings, or why it is none.

    Args:
        name: As plans write it; the validator must have it as well.
        place: Where it comes from, for the sentence.
        load: Gives a module or a validator; what it raises is said, and raised no further.
    """
    try:
        loaded = load()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return MalformedError(f"{place} cannot be loaded: {type(error).__name__}: {truncate(str(error), 300)}")
    found = (
        [loaded]
        if isinstance(loaded, Validator)
        else [each for each in vars(loaded).values() if isinstance(each, Validator)]
    )
    if len(found) != 1:
        return MalformedError(
            f"{place} must hold exactly one function decorated with @validator; it holds {len(found)}"
        )
    if name in CONTROL_KEYS:
        return MalformedError(
            f"{place} has a name that is a word of plans, so no plan can use it; call it something else"
        )
    if found[0].name != name:
        return MalformedError(f"{place} holds the validator {found[0].name!r}; file and function must have one name")
    return found[0]
