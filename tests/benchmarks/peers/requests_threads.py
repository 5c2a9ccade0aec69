"""The usual first script: one shared `requests.Session` in a pool of threads."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import requests

URL = os.environ["BENCH_URL"]
SESSION = requests.Session()
ELAPSED_MS = []


def holds(item: int) -> bool:
    """Check one item: status, header and JSON field."""
    response = SESSION.get(f"{URL}/items/{item}", timeout=10)
    ELAPSED_MS.append(response.elapsed.total_seconds() * 1000)
    return (
        response.status_code == 200 and response.headers.get("x-release") == "7" and response.json().get("id") == item
    )


with ThreadPoolExecutor(int(os.environ["BENCH_CONCURRENCY"])) as pool:
    right = list(pool.map(holds, range(int(os.environ["BENCH_COUNT"]))))
if "BENCH_SAY_LATENCY" in os.environ:
    sys.stdout.write("\n".join(map(str, ELAPSED_MS)))
sys.exit(0 if all(right) else 1)
