"""Registry of validators: files in the `validators` folder, and entry points of installed packages.

Names are listed without imports; a file is imported when a plan uses it. A plugin that cannot be imported, or that is
not a valid validator, is rejected with its place and the reason, and does not affect other validators.
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

PACKAGES = ("greenlight.validators", "validators")
"""The shipped validators: a subpackage in an installed wheel, a package of their own in a layer and in a checkout."""

ENTRY_POINTS = "greenlight.validators"


class MalformedError(GreenlightError):
    """A plugin that is not a valid validator; the message names the file and the reason."""


class Registry:
    """Validators of one installation."""

    def __init__(self, folder: str = "") -> None:
        """List the modules of the package `folder`, by default the shipped one; entry points are read when needed."""
        self._folder = folder or shipped_package()
        self._modules = frozenset(_module_names(self._folder))
        self._loaded: dict[str, Validator | MalformedError] = {}
        self._points: list[Any] | None = None

    def names(self) -> list[str]:
        """Return every name that a plan may use, sorted."""
        return sorted(self._modules | {point.name for point in self._entry_points()})

    def get(self, name: str) -> Validator | None:
        """Return the validator of a name; None if it does not exist.

        Raises:
            MalformedError: The plugin of this name is not a valid validator.
        """
        if name not in self._loaded:
            loaded = self._load(name)
            if loaded is None:
                return None
            self._loaded[name] = loaded
        result = self._loaded[name]
        if isinstance(result, MalformedError):
            raise result
        return result

    def all(self) -> Iterator[tuple[str, Validator | MalformedError]]:
        """Yield every name with its validator, or with the error that explains why it has none."""
        for name in self.names():
            try:
                loaded = self.get(name)
            except MalformedError as error:
                yield name, error
            else:
                if loaded is not None:
                    yield name, loaded

    def _load(self, name: str) -> Validator | MalformedError | None:
        sources: list[tuple[str, Callable[[], Any]]] = []
        if name in self._modules:
            module = f"{self._folder}.{name}"
            sources.append((f"{self._folder}/{name}.py", lambda: importlib.import_module(module)))
        sources += [
            (f"the entry point {point.name} = {point.value}", point.load)
            for point in self._entry_points()
            if point.name == name
        ]
        if len(sources) > 1:  # a plan cannot choose between them, so neither is used
            places = " and ".join(place for place, _ in sources)
            return MalformedError(f"the validator {name!r} is in {places}; rename one, or remove it")
        return load_validator(name, *sources[0]) if sources else None

    def _entry_points(self) -> list[Any]:
        if self._points is None:
            self._points = _installed_entry_points() if _has_entry_points() else []
        return self._points


def shipped_package() -> str:
    """Return the name of the package with the shipped validators."""
    return next((name for name in PACKAGES if importlib.util.find_spec(name)), PACKAGES[-1])


def _module_names(folder: str) -> list[str]:
    spec = importlib.util.find_spec(folder)
    paths = list(spec.submodule_search_locations or []) if spec else []
    return [module.name for module in pkgutil.iter_modules(paths) if not module.name.startswith("_")]


def _has_entry_points() -> bool:
    """Return whether any package may contain validators; `importlib.metadata` would take 20 ms of every gate."""
    for place in filter(os.path.exists, sys.path):
        if not os.path.isdir(place):  # an archive, which only importlib can read
            return True
        for file in pathlib.Path(place).glob("*-info/entry_points.txt"):
            if ENTRY_POINTS.encode() in file.read_bytes():
                return True
    return False


def _installed_entry_points() -> list[Any]:
    from importlib.metadata import entry_points

    return sorted(entry_points(group=ENTRY_POINTS), key=lambda point: (point.name, point.value))


def load_validator(name: str, place: str, load: Callable[[], Any]) -> Validator | MalformedError:
    """Return the validator that `load` returns or contains, or the error that explains why it is not valid.

    Args:
        name: Name in plans; the validator must have the same name.
        place: Origin of the validator, for the message.
        load: Returns a module or a validator. If it raises an exception, an error is returned.
    """
    try:
        loaded = load()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return MalformedError(f"{place} cannot be loaded: {type(error).__name__}: {truncate(str(error), 300)}")
    if isinstance(loaded, Validator):
        validators = [loaded]
    else:
        validators = [value for value in vars(loaded).values() if isinstance(value, Validator)]
    if len(validators) != 1:
        return MalformedError(
            f"{place} must contain exactly one function decorated with @validator; it contains {len(validators)}"
        )
    if name in CONTROL_KEYS:
        return MalformedError(f"{place} has the name of a control key of checks, so no plan can use it; rename it")
    if validators[0].name != name:
        return MalformedError(
            f"{place} contains the validator {validators[0].name!r}; file and function must have the same name"
        )
    return validators[0]
