"""The stage key `include`: fragments with checks that several plans share.

A fragment is a file with `version`, `checks`, and the `variables` that its checks need; the plan's variables take
precedence. The plan contains the digest of each fragment's text. The plan's own digest therefore covers everything that
a gate runs, and a changed fragment cannot silently change a plan. A fragment cannot include another fragment, so the
plan lists every file that a gate reads.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from greenlight.core.errors import PlanError, Problem
from greenlight.core.field_types import Scalar, StrictStruct, VariableName
from greenlight.core.references import unsupported_references
from greenlight.core.report import IncludedFragment
from greenlight.plan import yaml_reader
from greenlight.plan.decoder import PathProblem, convert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from greenlight.core.plan_path import PlanPath
    from greenlight.plan.yaml_reader import Document

    Fetch = Callable[[str], tuple[str, str] | None]
    """Returns the text and the version id of the object at a URI; None if the object does not exist."""

MAX_INCLUDES = 20
"""Maximum number of fragments in a plan."""

MAX_CHARACTERS = yaml_reader.MAX_BYTES
"""Maximum total size of a plan's fragments, in characters."""

PACKED = "file:"
"""URI prefix of files that are packed with the hooks; changing such a file requires permission to change the hooks."""


class FragmentFile(StrictStruct, frozen=True, kw_only=True):
    """A fragment as written.

    Attributes:
        version: 1, the version of the language.
        checks: Checks as in a stage; they come before the stage's own checks.
        variables: Variables of the checks; the plan's variables of the same names take precedence.

    Example:
        version: 1
        variables: {path: /health}
        checks:
          - name: green is well
            http: {get: "${path}", expect: {status: 200}}
    """

    version: Literal[1]
    checks: list[dict[str, Any]]
    variables: dict[VariableName, Scalar] = {}


class LoadedFragment(NamedTuple):
    """A fragment that was fetched and parsed."""

    document: Document
    fragment: FragmentFile
    included: IncludedFragment


class FragmentLoader:
    """Loader of one plan's fragments; it fetches each fragment once.

    Attributes:
        problems: Problems inside fragments, each with the URI of its fragment.
        variables: Variables of all fragments.
        conflicts: Pairs of a variable's name and a problem, if two fragments define different values. A conflict
            counts only if the plan itself does not define the variable.
    """

    def __init__(self, document: Document, fetch: Fetch | None, mistakes: list[PathProblem]) -> None:
        """Load into `document`; `fetch` is None if fragments cannot be fetched, and `mistakes` receives problems."""
        self._document, self._fetch, self._mistakes = document, fetch, mistakes
        self._loaded: dict[str, LoadedFragment | None] = {}
        self._characters = 0
        self.problems: list[Problem] = []
        self.variables: dict[str, Any] = {}
        self.conflicts: list[tuple[str, PathProblem]] = []

    @property
    def included(self) -> tuple[IncludedFragment, ...]:
        """The fragments that were loaded, for the report."""
        return tuple(loaded.included for loaded in self._loaded.values() if loaded is not None)

    def checks(self, stage: dict[str, Any], path: PlanPath) -> Iterator[tuple[Any, PlanPath]]:
        """Yield the checks of the fragments of the stage at `path`, each with its path in the document."""
        entries = stage["include"]
        if entries == []:
            self._mistakes.append(((*path, "include"), "nothing is included; add a fragment, or remove the key"))
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            uri = entry.get("uri") if isinstance(entry, dict) else None
            if isinstance(uri, str):
                yield from self._checks_of(uri, entry.get("sha256"), path, (*path, "include", index))

    def _checks_of(self, uri: str, sha256: Any, stage: PlanPath, entry: PlanPath) -> Iterator[tuple[Any, PlanPath]]:
        if uri not in self._loaded:
            self._loaded[uri] = self._load(uri, entry)
        if (loaded := self._loaded[uri]) is None:
            return
        self._check_digest(uri, sha256, loaded.included.sha256, entry)
        for name, value in loaded.fragment.variables.items():
            if self.variables.setdefault(name, value) != value:
                message = (
                    f"two fragments have different values for {name!r}; set the intended value in the plan's variables"
                )
                self.conflicts.append((name, (entry, message)))
        for index, check in enumerate(loaded.document.data["checks"]):
            path = ("checks", index)
            node = yaml_reader.RelocatedNode(loaded.document.node(path), path, uri)
            yield check, self._document.append_node((*stage, "checks"), node)

    def _check_digest(self, uri: str, stated: Any, actual: str, entry: PlanPath) -> None:
        if stated is None and not uri.startswith(PACKED):
            message = f"a fragment from S3 or SSM needs its digest; review the fragment, then write sha256: {actual}"
            self._mistakes.append((entry, message))
        elif stated not in (None, actual):
            message = f"the fragment has changed: its sha256 is {actual}; review the fragment, then write this digest"
            self._mistakes.append(((*entry, "sha256"), message))

    def _load(self, uri: str, entry: PlanPath) -> LoadedFragment | None:
        """Fetch and parse a fragment; return None and add problems if that fails."""
        fetched = self._fetch_text(uri, entry)
        if fetched is None:
            return None
        text, version_id = fetched
        try:
            document = yaml_reader.read(text, uri)
            fragment, mistakes = convert(document.data, FragmentFile)
            data = document.data if isinstance(document.data, dict) else {}
            if "include" in data:  # replaces "unknown key 'include'"
                mistakes = [(("include",), "a fragment cannot include another fragment; include both in the plan")]
            if data.get("checks") == []:
                mistakes.append((("checks",), "a fragment without checks has no effect; add a check"))
            mistakes += unsupported_references(data.get("variables"), ("variables",))
            problems = document.problems(mistakes)
        except PlanError as error:
            fragment, problems = None, list(error.problems)
        for problem in problems:
            problem.source = uri
        self.problems += problems
        if fragment is None or problems:
            return None
        digest = hashlib.sha256(text.encode()).hexdigest()
        return LoadedFragment(document, fragment, IncludedFragment(uri=uri, version_id=version_id, sha256=digest))

    def _fetch_text(self, uri: str, entry: PlanPath) -> tuple[str, str] | None:
        """Return a fragment's text and version id; return None and add a problem if it cannot be fetched."""
        message = ""
        fetched = None
        if self._fetch is None:
            message = f"{uri} cannot be read here"
        elif len(self._loaded) >= MAX_INCLUDES:
            message = f"a plan includes at most {MAX_INCLUDES} fragments; merge some of them"
        else:
            try:
                fetched = self._fetch(uri)
            except PlanError as error:
                self._mistakes += [(entry, f"{uri}: {problem.message}") for problem in error.problems]
                return None
            if fetched is None:
                message = f"{uri} does not exist"
            else:
                self._characters += len(fetched[0])
                if self._characters > MAX_CHARACTERS:
                    message = f"the fragments together are larger than {MAX_CHARACTERS // 1024} KiB; remove some checks"
        if message:
            self._mistakes.append((entry, message))
            return None
        return fetched
