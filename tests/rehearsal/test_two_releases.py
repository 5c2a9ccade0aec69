"""`compare` and `migration` in whole deployments: real releases that answer differently or share a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devkit.rehearsal.outcome import DeploymentOutcome, ScenarioOutcome

# The database is a folder of JSON files that all releases share. A row of form 2 has its text elsewhere.
SERVICE = """
import http.server, itertools, json, pathlib, sys, time
manner, port = sys.argv[1], int(sys.argv[2])
rows, served = pathlib.Path("rows"), itertools.count()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def row(self):
        return rows / self.path.rpartition("/")[2]
    def do_GET(self):
        if self.path == "/catalogue":
            price = "40" if manner == "hasty" else 40
            at = [next(served), time.time_ns()]
            return self.answer(200, {"articles": [{"sku": "A1", "price": price}], "generated": at, "port": port})
        if self.path.startswith("/notes/"):
            if not self.row().exists():
                return self.answer(404, {})
            row = json.loads(self.row().read_text())
            if row["form"] == 2 and manner == "plain":
                return self.answer(500, {"error": "KeyError: 'text'"})
            return self.answer(200, {"text": row["content" if row["form"] == 2 else "text"]})
        self.answer(200, {"status": "ok"})
    def do_POST(self):
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        name = f"{port}-{next(served)}"
        row = {"form": 2, "content": text} if manner == "hasty" else {"form": 1, "text": text}
        (rows / name).write_text(json.dumps(row))
        self.answer(201, {"id": name})
    def do_DELETE(self):
        self.row().unlink(missing_ok=True)
        self.answer(200, {})
    def answer(self, status, data):
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
rows.mkdir(exist_ok=True)
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
PLAN = """
version: 1
stages:
  AfterAllowTestTraffic:
    checks:
      - name: nothing broke that worked
        compare: {requests: [/catalogue], ignore: [port]}
      - name: both understand each other's rows
        migration:
          capture: {probe: unique, id: json.id}
          write: {post: /notes, body: {json: {text: "${probe}"}}}
          written: {status: 201}
          read: {get: "/notes/${id}"}
          within: 200ms
          expect: {status: 200, json: {text: "${probe}"}}
          clean_up: {delete: "/notes/${id}"}
"""
STOPPED = "{status: Failed, failed_at: AfterAllowTestTraffic, rolled_back: true, green_requests_from_users: 0}"
SCENARIO = f"""
name: two releases
platform: ecs
minute: 100ms
blue: {{command: "python service.py plain {{port}}"}}
plan: a.plan.yaml
deployments:
  - {{green: {{command: "python service.py hasty {{port}}"}}, expect: {STOPPED}}}
  - {{green: {{command: "python service.py careful {{port}}"}}, expect: {{status: Succeeded, users_errors: 0}}}}
"""


def checks_by_name(deployment: DeploymentOutcome) -> dict[str, dict[str, Any]]:
    (gate,) = deployment.gates
    return {check["name"]: check for check in gate["checks"]}


def test_difference_or_unreadable_row_stops_a_release_and_noise_does_not(
    play: Callable[..., ScenarioOutcome], folder: Path
) -> None:
    (folder / "service.py").write_text(SERVICE)
    (folder / "a.plan.yaml").write_text(PLAN)

    outcome = play(SCENARIO)

    assert outcome.document()["mismatches"] == []
    hasty, careful = map(checks_by_name, outcome.deployments)
    same, rows = hasty
    reasons = outcome.deployments[0].gates[0]["reasons"]
    assert {(reason["check"], reason["cause"]) for reason in reasons} == {
        (same, "RELEASE_FAILED"),
        (rows, "RELEASE_FAILED"),
    }

    (price,) = hasty[same]["evidence"]
    assert price["query"] == "GET /catalogue body.articles[].price: type"
    assert (price["expected"], price["actual"]) == (40, "40")
    assert "noise" in hasty[same]["message"]

    wrong = [evidence["where"] for evidence in hasty[rows]["evidence"] if not evidence["passed"]]
    assert wrong
    assert all("written through green, read through blue" in place for place in wrong)

    assert {check["outcome"] for check in careful.values()} == {"PASS"}
    assert "noise" in careful[same]["message"]
    assert list((folder / "rows").iterdir()) == [], "every probe row of every release is removed"
