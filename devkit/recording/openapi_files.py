"""An OpenAPI document in several local files, put together into one.

A plan contains one text, so a file that a reference leads to becomes a part of the document, under `x-files`, and the
reference leads there. Only files in the folder of the document and below it are read.
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any

from greenlight.core.document_decoding import InvalidDocumentError, decode_document
from greenlight.core.errors import GreenlightError

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILES = 50
MAX_LENGTH = 4 * 1024 * 1024
"""Limit on the characters of a file."""

_KEY = "x-files"
_SUFFIXES = (".json", ".yaml", ".yml")


def bundle(document: dict[str, Any], file: Path) -> dict[str, Any]:
    """Return the document of `file` with the local files that its references lead to.

    A reference to another place, or to a file that does not exist, is left as it is.

    Raises:
        GreenlightError: A file is not a JSON or YAML document, or there are too many files.
    """
    bundler = _Bundler(file)
    bundled: dict[str, Any] = bundler.rewrite(document, bundler.root, "#")
    files = bundler.read_all()
    return {**bundled, _KEY: files} if files else bundled


class _Bundler:
    """Files of one document, by the name that they have in it."""

    def __init__(self, file: Path) -> None:
        self.root = file.resolve()
        self._pending: list[Path] = []
        self._known: set[Path] = set()

    def read_all(self) -> dict[str, Any]:
        """Read the files of all references so far, and of the references in them."""
        files = {}
        while self._pending:
            path = self._pending.pop()
            files[self._name(path)] = self.rewrite(_read(path), path, self._pointer(path))
        return files

    def rewrite(self, data: Any, place: Path, pointer: str) -> Any:
        """Copy data of the file `place`, which is at `pointer` in the document, and change its references."""
        if isinstance(data, list):
            return [self.rewrite(item, place, pointer) for item in data]
        if not isinstance(data, dict):
            return data
        copy = {key: self.rewrite(value, place, pointer) for key, value in data.items()}
        if isinstance(reference := copy.get("$ref"), str):
            copy["$ref"] = self._resolve(reference, place, pointer)
        return copy

    def _resolve(self, reference: str, place: Path, pointer: str) -> str:
        address, _, fragment = reference.partition("#")
        if not address:
            return pointer + fragment
        path = (place.parent / urllib.parse.unquote(address)).resolve()
        if path == self.root:
            return f"#{fragment}"
        is_readable = path.is_relative_to(self.root.parent) and path.suffix.lower() in _SUFFIXES and path.is_file()
        if "://" in address or not is_readable:
            return reference
        if path not in self._known:
            self._known.add(path)
            self._pending.append(path)
            if len(self._known) > MAX_FILES:
                raise GreenlightError(f"the OpenAPI document has more than {MAX_FILES} files; bundle it into one first")
        return self._pointer(path) + fragment

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root.parent).as_posix()

    def _pointer(self, path: Path) -> str:
        token = self._name(path).replace("~", "~0").replace("/", "~1")
        return f"#/{_KEY}/{urllib.parse.quote(token, safe='~')}"


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise GreenlightError(f"{path.name} cannot be read: {error}") from error
    if len(text) > MAX_LENGTH:
        raise GreenlightError(f"{path.name} is larger than {MAX_LENGTH >> 20} MiB")
    try:
        return decode_document(text)
    except InvalidDocumentError as error:
        raise GreenlightError(f"{path.name} {error}") from error
