"""A smoke-test suite: pytest with `requests`, one test an item."""

import os

import pytest
import requests

URL = os.environ["BENCH_URL"]
SESSION = requests.Session()


@pytest.mark.parametrize("item", range(int(os.environ["BENCH_COUNT"])))
def test_item(item: int) -> None:
    """Check one item: status, header and JSON field."""
    response = SESSION.get(f"{URL}/items/{item}", timeout=10)
    assert response.status_code == 200
    assert response.headers.get("x-release") == "7"
    assert response.json().get("id") == item
