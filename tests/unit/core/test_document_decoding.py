"""JSON and YAML documents: duplicate keys, depth, aliases and merge keys."""

from __future__ import annotations

import pytest

from greenlight.core.document_decoding import InvalidDocumentError, decode_document, nesting_exceeds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 2}', "has the key 'a' twice"),
        ('{"paths": {"/b": {"get": 1, "get": 1}}}', "has the key 'get' twice in paths./b"),
        ('{"a": [{}, {"b": 1, "\\u0062": 2}]}', "has the key 'b' twice in a.1"),
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "has the key 'c' twice: line 5, column 3"),
        ("{200: a, '200': b}", "has the key '200' twice: line 1, column 10"),
        ("a: &a {b: 1, b: 2}\nc: *a\n", "has the key 'b' twice: line 1, column 14"),
        ("- x: 1\n- {y: {z: 1, z: 1}}\n", "has the key 'z' twice: line 2, column 14"),
    ],
)
def test_key_that_is_there_twice_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InvalidDocumentError) as refusal:
        decode_document(text)
    assert str(refusal.value) == message


@pytest.mark.parametrize("text", ["{", "a: [", "a: b: c", "\x00", "!!python/object:os.system {}", '"\ud800"'])
def test_text_that_is_neither_json_nor_yaml_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocumentError, match="is neither JSON nor YAML"):
        decode_document(text)


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " + "[" * 100_000, "{a: " * 100_000])
def test_text_that_is_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocumentError):
        decode_document(text)


def test_merge_keys_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 {" + ", ".join(f"k{number}: 1" for number in range(100)) + "}"]
    lines += [f"a{number}: &a{number} {{<<: [{', '.join([f'*a{number - 1}'] * 10)}]}}" for number in range(1, 30)]
    with pytest.raises(InvalidDocumentError, match="more than 100000 merged keys"):
        decode_document("\n".join(lines))


def test_map_that_is_merged_several_times_has_no_duplicates() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {<<: *a, x: 3}\nc: {<<: [*b, *a], y: 4}\nd: *b\n"
    assert decode_document(text) == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 3, "y": 2},
        "c": {"x": 3, "y": 4},
        "d": {"x": 3, "y": 2},
    }


@pytest.mark.parametrize("text", ['{"a": [1, 1.5, null, "x"]}', "a: [1, 1.5, null, x]"])
def test_json_and_yaml_become_plain_data(text: str) -> None:
    assert decode_document(text) == {"a": [1, 1.5, None, "x"]}


def test_depth_is_that_of_the_deepest_collection() -> None:
    assert nesting_exceeds("[[[]]]", 2)
    assert not nesting_exceeds("[[[]], {a: []}]", 3)
