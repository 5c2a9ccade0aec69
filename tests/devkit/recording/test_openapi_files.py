"""An OpenAPI document in several local files becomes one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from devkit.recording.openapi_files import MAX_FILES, bundle
from greenlight.core.errors import GreenlightError
from tests.support.recorded_service import DOCUMENT, passes, record, refuse

if TYPE_CHECKING:
    from pathlib import Path

    from greenlight.testing import HttpServer


def bundle_files(tmp_path: Path, document: dict[str, Any], **files: str) -> dict[str, Any]:
    """Bundle a document whose folder has the files; `__` in a name separates folders."""
    for name, text in files.items():
        path = tmp_path / "api" / (name.replace("__", "/") + ".yml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return bundle(document, tmp_path / "api" / "openapi.yml")


@pytest.mark.parametrize(
    "reference",
    [
        "../secret.yml",
        "/etc/hosts.yml",
        "https://elsewhere.example/items.yml",
        "missing.yml",
        "notes.txt",
        "file:///a.yml",
    ],
)
def test_reference_to_another_place_is_left_as_it_is(tmp_path: Path, reference: str) -> None:
    (tmp_path / "secret.yml").write_text("a: 1")
    document = {"paths": {"/a": {"$ref": reference}}}
    assert bundle_files(tmp_path, document, items="{}") == document


@pytest.mark.parametrize(
    ("text", "message"), [("a: 1\na: 2", "has the key 'a' twice"), ("a: [", "neither JSON nor YAML")]
)
def test_invalid_file_is_refused_with_its_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(GreenlightError, match=rf"items.yml .*{message}"):
        bundle_files(tmp_path, {"paths": {"/a": {"$ref": "items.yml"}}}, items=text)


def test_document_of_too_many_files_is_refused(tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(MAX_FILES + 1)]
    paths = {f"/{name}": {"$ref": f"{name}.yml"} for name in names}
    with pytest.raises(GreenlightError, match="more than 50 files"):
        bundle_files(tmp_path, {"paths": paths}, **dict.fromkeys(names, "{}"))


def test_references_between_files_lead_into_the_document(tmp_path: Path) -> None:
    bundled = bundle_files(
        tmp_path,
        {"paths": {"/a": {"$ref": "parts/a.yml#/item"}}, "components": {"x": {"$ref": "#/paths"}}},
        parts__a="item: {get: {$ref: 'b~c.yml'}}\nown: {$ref: '#/item'}\nback: {$ref: '../openapi.yml#/components'}",
        **{"parts__b~c": "{$ref: 'a.yml'}"},
    )
    assert bundled["paths"]["/a"] == {"$ref": "#/x-files/parts~1a.yml/item"}
    assert bundled["components"]["x"] == {"$ref": "#/paths"}
    assert bundled["x-files"] == {
        "parts/a.yml": {
            "item": {"get": {"$ref": "#/x-files/parts~1b~0c.yml"}},
            "own": {"$ref": "#/x-files/parts~1a.yml/item"},
            "back": {"$ref": "#/components"},
        },
        "parts/b~c.yml": {"$ref": "#/x-files/parts~1a.yml"},
    }


def test_document_of_several_files_is_recorded_and_passes(tmp_path: Path, shop: HttpServer) -> None:
    orders = DOCUMENT["paths"]["/orders"]
    document = {**DOCUMENT, "paths": {"/orders": {"$ref": "orders.yml"}}}
    (tmp_path / "orders.yml").write_text(yaml.safe_dump({"get": orders["get"]}))
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))

    _, checks = record(tmp_path, shop.url, "--openapi", str(file))

    text = json.loads(checks["the API keeps its contract"]["openapi"]["text"])
    assert text["paths"] == {"/orders": {"$ref": "#/x-files/orders.yml"}}
    assert passes(tmp_path, shop.url)


def test_document_with_a_key_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "openapi.json"
    file.write_text('{"openapi": "3.1.0", "paths": {"/a": {"get": {}, "get": {}}}}')
    assert "the OpenAPI document has the key 'get' twice in paths./a" in refuse(capsys, "--openapi", str(file))
