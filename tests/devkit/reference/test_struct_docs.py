"""Descriptions of keys are found in all places of docstrings."""

from __future__ import annotations

import msgspec

from devkit.reference import struct_docs


class Below(msgspec.Struct):
    """Below."""

    left: int = 0


class Shared(msgspec.Struct):
    """Shared.

    Attributes:
        first, second: Said of both,
            on two lines.
    """

    first: str
    second: str


class Whole(Shared):
    """It has `third` things; `fourth` is how far: away. A `third` sentence.

    Example:
        third: 1

        fourth: x

    It goes on.
    """

    third: int
    fourth: dict[str, list[Below] | None]
    renamed_: int = msgspec.field(default=0, name="renamed")


def test_undocumented_key_has_no_description() -> None:
    assert struct_docs.key_descriptions(Whole)["renamed"] == struct_docs.key_descriptions(Below)["left"] == ""
    assert struct_docs.example_of(Shared) == ""


def test_key_is_described_by_its_entry_its_clause_or_its_base() -> None:
    assert struct_docs.key_descriptions(Whole) == {
        "first": "Said of both, on two lines.",
        "second": "Said of both, on two lines.",
        "third": "It has `third` things",
        "fourth": "`fourth` is how far: away",
        "renamed": "",
    }


def test_prose_and_example_are_separated() -> None:
    assert struct_docs.example_of(Whole) == "third: 1\n\nfourth: x\n"
    assert struct_docs.prose(Whole).endswith("A `third` sentence.\n\nIt goes on.")


def test_structs_are_found_inside_other_types() -> None:
    assert struct_docs.structs([Whole]) == [Whole, Below]
