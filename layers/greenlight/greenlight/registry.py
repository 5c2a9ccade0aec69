"""Finds validators: one file each in the `validators` folder, or an entry point of an installed package.

Names are known without importing anything; a file is imported when a plan asks for it. What cannot be
imported, or is no validator, is refused with its place and its reason, and never silences the others.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from typing import TYPE_CHECKING, Any

from greenlight.api import Validator
from greenlight.errors import GreenlightError
from greenlight.oneline import short

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        if name in self._files:
            return _checked(
                name, f"{self._folder}/{name}.py", lambda: importlib.import_module(f"{self._folder}.{name}")
            )
        points = [point for point in self._entry_points() if point.name == name]
        if len(points) > 1:
            places = " and ".join(point.value for point in points)
            return MalformedError(f"the validator {name!r} is in {places}; remove one of the packages")
        for point in points:
            return _checked(name, f"the entry point {point.name} = {point.value}", point.load)
        return None

    def _entry_points(self) -> list[Any]:
        """Read every installed package's metadata, once; only names that no file has need it."""
        if self._points is None:
            from importlib.metadata import entry_points

            self._points = sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name)
        return self._points


def _modules(folder: str) -> list[str]:
    spec = importlib.util.find_spec(folder)
    places = list(spec.submodule_search_locations or []) if spec else []
    return [module.name for module in pkgutil.iter_modules(places) if not module.name.startswith("_")]


def _checked(name: str, place: str, load: Any) -> Validator | MalformedError:
    try:
        loaded = load()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return MalformedError(f"{place} cannot be loaded: {type(error).__name__}: {short(str(error), 300)}")
    found = (
        [loaded]
        if isinstance(loaded, Validator)
        else [each for each in vars(loaded).values() if isinstance(each, Validator)]
    )
    if len(found) != 1:
        return MalformedError(
            f"{place} must hold exactly one function decorated with @validator; it holds {len(found)}"
        )
    if found[0].name != name:
        return MalformedError(f"{place} holds the validator {found[0].name!r}; file and function must have one name")
    return found[0]
