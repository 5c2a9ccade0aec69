"""The hook of AWS's samples, grown to many checks: `requests.get`, one after the other."""

import os
import sys

import requests

URL = os.environ["BENCH_URL"]


def holds(item: int) -> bool:
    """Check one item: status, header and JSON field."""
    response = requests.get(f"{URL}/items/{item}", timeout=10)
    return (
        response.status_code == 200 and response.headers.get("x-release") == "7" and response.json().get("id") == item
    )


right = [holds(item) for item in range(int(os.environ["BENCH_COUNT"]))]
sys.exit(0 if all(right) else 1)
