"""A small HTTP shop for rehearsals. It needs only Python.

python app.py --port 8080 --release 1            a good release
python app.py --port 8080 --release 2 --broken   healthy by its health check, but cannot take an order
python app.py --port 8080 --release 2 --degrades 30   good for 30 requests, then out of database connections
"""

from __future__ import annotations

import argparse
import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CATALOGUE = {"A1": {"name": "apple", "price": 40}, "B2": {"name": "bread", "price": 320}}


class Shop(ThreadingHTTPServer):
    """HTTP server with the shop's state."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, options: argparse.Namespace) -> None:
        """Listen on the host and port of the options."""
        super().__init__((options.host, options.port), Handler)
        self.options = options
        self.lock = threading.Lock()
        self.served = itertools.count(1)
        self.orders: dict[str, dict[str, object]] = {}


class Handler(BaseHTTPRequestHandler):
    """Request handler."""

    protocol_version = "HTTP/1.1"
    # Headers and body are sent in two segments; without this the second waits for a delayed acknowledgement.
    disable_nagle_algorithm = True
    server: Shop

    def do_GET(self) -> None:
        """Serve the health check, the catalogue, one article or one order."""
        if self.path == "/health":
            self.answer(200, {"status": "ok", "release": self.server.options.release})
        elif self.exhausted():
            self.answer(503, {"error": "no database connection left"})
        elif self.path in ("/", "/catalogue"):
            self.answer(200, {"articles": [{"sku": sku, **article} for sku, article in CATALOGUE.items()]})
        elif article := CATALOGUE.get(self.path.removeprefix("/catalogue/")):
            self.answer(200, article)
        elif order := self.server.orders.get(self.path.removeprefix("/orders/")):
            self.answer(200, order)
        else:
            self.answer(404, {"error": "not found"})

    def do_POST(self) -> None:
        """Create an order: {"sku": "A1", "count": 2}."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            item = json.loads(body)
            article, count = CATALOGUE[item["sku"]], int(item.get("count", 1))
        except (ValueError, KeyError, TypeError):
            self.answer(400, {"error": "an order has a known sku and a count"})
            return
        if self.path != "/orders":
            self.answer(404, {"error": "not found"})
        elif self.server.options.broken:
            self.answer(500, {"error": 'relation "orders" does not exist'})
        elif self.exhausted():
            self.answer(503, {"error": "no database connection left"})
        else:
            with self.server.lock:
                number = f"{self.server.options.release}-{len(self.server.orders) + 1}"
                order = {"id": number, "sku": item["sku"], "count": count, "total": count * int(str(article["price"]))}
                self.server.orders[number] = order
            self.answer(201, order)

    def exhausted(self) -> bool:
        """Count the request and return whether it exceeds the limit, as each one leaks a database connection."""
        limit = self.server.options.degrades
        return limit is not None and next(self.server.served) > limit

    def answer(self, status: int, document: object) -> None:
        """Send a JSON response."""
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Skip the log line of each request."""


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description="A small shop for rehearsals")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 in a container")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--release", default="1")
    parser.add_argument("--broken", action="store_true", help="orders cannot be taken")
    parser.add_argument("--degrades", type=int, metavar="N", help="answers 503 after N requests")
    options = parser.parse_args()
    shop = Shop(options)
    print(f"release {options.release} listens on port {options.port}", flush=True)
    shop.serve_forever()


if __name__ == "__main__":
    main()
