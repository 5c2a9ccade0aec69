"""A floor for Python: `http.client` in threads and nothing else; no plan, no report, no guard, no supervisor."""

import http.client
import json
import os
import ssl
import sys
import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

WHERE = urllib.parse.urlsplit(os.environ["BENCH_URL"])
TLS = ssl.create_default_context() if WHERE.scheme == "https" else None
OWN = threading.local()


def connection() -> http.client.HTTPConnection:
    """Return this thread's kept-alive connection."""
    if not hasattr(OWN, "connection"):
        OWN.connection = (
            http.client.HTTPSConnection(WHERE.netloc, timeout=10, context=TLS)
            if TLS
            else http.client.HTTPConnection(WHERE.netloc, timeout=10)
        )
    return OWN.connection


def holds(item: int) -> bool:
    """Check one item: status, header and JSON field."""
    connection().request("GET", f"/items/{item}")
    response = connection().getresponse()
    body = response.read()
    return response.status == 200 and response.getheader("x-release") == "7" and json.loads(body).get("id") == item


with ThreadPoolExecutor(int(os.environ["BENCH_CONCURRENCY"])) as pool:
    right = list(pool.map(holds, range(int(os.environ["BENCH_COUNT"]))))
sys.exit(0 if all(right) else 1)
