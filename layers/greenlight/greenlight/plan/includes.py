"""`include`: fragments, checks that several plans share, put into a stage. Pure; whoever reads plans fetches them.

A fragment is a file with `version`, `checks`, and `variables` that these need; variables of the plan replace those.
The plan says with a digest which text it means. So its own digest stands for everything it runs, and nobody changes
what it checks by changing a file elsewhere. A fragment includes nothing itself: what a gate runs is seen in one place.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

from greenlight.core.errors import PlanError, Problem
from greenlight.core.field_types import Scalar, StrictStruct, VariableName
from greenlight.core.references import unsupported_references
from greenlight.core.report import IncludedFragment
from greenlight.plan import yaml_reader
from greenlight.plan.decoder import Mistake, convert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from greenlight.core.plan_path import PlanPath
    from greenlight.plan.yaml_reader import Document

    Fetch = Callable[[str], tuple[str, str] | None]
    """Gives the text and the version id of what is at a URI; None where nothing is."""

MAX_INCLUDES = 20
"""Fragments of a plan."""

MAX_CHARACTERS = yaml_reader.MAX_BYTES
"""Of all fragments of a plan together."""

PACKED = "file:"
"""Files come with the hooks themselves, and are changed by whoever may change these."""


class FragmentFile(StrictStruct, frozen=True, kw_only=True):
    """A fragment as written.

    Attributes:
        version: 1, the version of the language.
        checks: As in a stage; they come before the stage's own.
        variables: What the checks need; a plan's variables of these names replace them.

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


class Fragments:
    """The fragments of one plan, each fetched once."""

    def __init__(self, document: Document, fetch: Fetch | None, mistakes: list[Mistake]) -> None:
        """Put checks into `document`; `fetch` is None where nothing can be."""
        self._document, self._fetch, self._mistakes = document, fetch, mistakes
        self._read: dict[str, tuple[Document, FragmentFile, IncludedFragment] | None] = {}
        self._characters = 0
        self.problems: list[Problem] = []
        self.variables: dict[str, Any] = {}
        self.unsettled: list[tuple[str, Mistake]] = []

    @property
    def included(self) -> tuple[IncludedFragment, ...]:
        """What was included, for the report."""
        return tuple(found[2] for found in self._read.values() if found is not None)

    def checks(self, stage: dict[str, Any], path: PlanPath) -> Iterator[tuple[Any, PlanPath]]:
        """Give the checks of a stage's fragments, each with its path in the document; `path` is the stage's."""
        entries = stage["include"]
        if entries == []:
            self._mistakes.append(((*path, "include"), "nothing is included; write a fragment, or take the key out"))
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            uri = entry.get("uri") if isinstance(entry, dict) else None
            if isinstance(uri, str):
                yield from self._checks(uri, entry.get("sha256"), path, (*path, "include", index))

    def _checks(self, uri: str, sha256: Any, stage: PlanPath, place: PlanPath) -> Iterator[tuple[Any, PlanPath]]:
        if uri not in self._read:
            self._read[uri] = self._fragment(uri, place)
        if (found := self._read[uri]) is None:
            return
        document, fragment, included = found
        if sha256 is None and not uri.startswith(PACKED):
            what = f"a fragment from elsewhere is meant by its digest; read it, then write sha256: {included.sha256}"
            self._mistakes.append((place, what))
        elif sha256 not in (None, included.sha256):
            what = f"the fragment is another than the plan means, its sha256 is {included.sha256}; read it, then write that"
            self._mistakes.append(((*place, "sha256"), what))
        for name, value in fragment.variables.items():
            if self.variables.setdefault(name, value) != value:
                what = f"two fragments give {name!r} different values; write the one you mean into the plan's variables"
                self.unsettled.append((name, (place, what)))
        for number, check in enumerate(document.data["checks"]):
            path = ("checks", number)
            yield (
                check,
                self._document.add((*stage, "checks"), yaml_reader.RelocatedNode(document.node(path), path, uri)),
            )

    def _fragment(self, uri: str, place: PlanPath) -> tuple[Document, FragmentFile, IncludedFragment] | None:
        """Fetch and read a fragment; None, and the mistakes, where it cannot be."""
        try:
            got = self._text(uri)
        except PlanError as error:
            self._mistakes += [(place, f"{uri}: {problem.message}") for problem in error.problems]
            return None
        if isinstance(got, str):
            self._mistakes.append((place, got))
            return None
        text, version_id = got
        try:
            document = yaml_reader.read(text, uri)
            data = document.data if isinstance(document.data, dict) else {}
            fragment, mistakes = convert(document.data, FragmentFile)
            if "include" in data:
                mistakes = [(("include",), "a fragment includes no other; include both in the plan")]
            if data.get("checks") == []:
                mistakes.append((("checks",), "a fragment without checks adds nothing"))
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
        return document, fragment, IncludedFragment(uri=uri, version_id=version_id, sha256=digest)

    def _text(self, uri: str) -> tuple[str, str] | str:
        """Give a fragment's text and version id, or why there is none."""
        if self._fetch is None:
            return f"{uri} cannot be read from here"
        if len(self._read) >= MAX_INCLUDES:
            return f"a plan includes at most {MAX_INCLUDES} fragments; put some together"
        if (got := self._fetch(uri)) is None:
            return f"there is nothing at {uri}"
        self._characters += len(got[0])
        if self._characters > MAX_CHARACTERS:
            return f"all fragments together are larger than {MAX_CHARACTERS // 1024} KiB; take some of their checks out"
        return got
