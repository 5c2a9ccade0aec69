"""Random plans of all shipped validators; every request has the tag of its check."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from . import account

if TYPE_CHECKING:
    from .world import World

SEVERITIES = ("blocking", "advisory", "required-with-override")
OK = {"status": 200}
GREEN_GROUP = "targetgroup/green/0123456789abcdef"
POLLERS = ("alias", "ecs_service", "lambda_state", "listener", "target_health", "tls")
"""Validators that wait for a better state until their time ends."""

SUITES = ("proxied", "direct", "elsewhere", "idle")


class PlanMaker:
    """Maker of one plan for a world."""

    def __init__(self, world: World, chance: random.Random, other_url: str, dns_port: int) -> None:
        self._world, self._chance, self._other, self._dns_port = world, chance, other_url, dns_port

    def make_plan(self, validators: list[str]) -> dict[str, Any]:
        """Return a plan with one to five checks of the given validators."""
        chance = self._chance
        # Plans with one kind of evidence alone are the ones that could pass without green.
        names = chance.choices(validators, k=chance.choice((1, 1, 1, 2, 3, 5)))
        checks: list[dict[str, Any]] = []
        for number, name in enumerate(names):
            earlier = [check["name"] for check in checks]
            checks.append(self._make_check(f"c{self._world.number}n{number}", name, earlier))
        return {"version": 1, "stages": {self._world.stage: {"checks": checks}}}

    def _make_check(self, tag: str, validator: str, earlier: list[str]) -> dict[str, Any]:
        chance = self._chance
        attempts = chance.choice((1, 1, 1, 2, 3))
        check: dict[str, Any] = {"name": tag, "severity": chance.choices(SEVERITIES, (7, 1, 2))[0]}
        check["timeout"] = "15s" if validator == "pytest" else "150ms" if validator in POLLERS else "400ms"
        if chance.random() < 0.1 and validator != "pytest":
            check["repeat"] = {"count": 2, "interval": "10ms"}
        else:
            check["retry"] = {"attempts": attempts, "interval": "10ms"}
        if earlier and chance.random() < 0.25:
            check["needs"] = [chance.choice(earlier)]
        if chance.random() < 0.1:
            check["on_inconclusive"] = "tolerate"
        return {**check, validator: getattr(self, f"_{validator}")(tag)}

    def _address(self, tag: str, rest: str = "health") -> str:
        """Return the path of a request to green, or now and then a URL of another server."""
        path = f"/t/{tag}/{rest}"
        base = self._chance.choices(("", "${blue.url}", "${green.url}", self._other), (8, 1, 1, 1))[0]
        if base == "${blue.url}" and not self._world.notes.get("has_blue_url"):
            base = self._other
        if base == "${green.url}" and not self._world.has_greens_listener:
            base = ""
        return f"{base}{path}"

    # ---- Requests

    def _http(self, tag: str) -> dict[str, Any]:
        chance = self._chance
        statuses: list[Any] = [200, 200, {"gte": 100}, 503, 301, 302, {"in": [403, 404]}]
        expect = {"status": chance.choice(statuses)}
        if chance.random() < 0.3:
            expect["json"] = {"status": "ok"}
        request: dict[str, Any] = {chance.choice(("get", "get", "post")): self._address(tag), "expect": expect}
        if chance.random() < 0.5:
            request["redirects"] = chance.choice((1, 3))
        if chance.random() < 0.1:
            request["headers"] = chance.choice(({"x-side": "blue"}, {"Host": "blue.example"}, {"x-other": "1"}))
        if chance.random() < 0.2 and "headers" not in request:
            return {"steps": [request, {"get": self._address(tag), "expect": {"status": {"lt": 600}}}]}
        return request

    def _graphql(self, tag: str) -> dict[str, Any]:
        return {"path": self._address(tag, "graphql"), "query": "{ a }"}

    def _load(self, tag: str) -> dict[str, Any]:
        chance = self._chance
        status = chance.choice((None, None, {"gte": 100}, {"in": [502, 503]}))
        facts = {"paths": [self._address(tag)], "requests": 20, "concurrency": 4, "warm_up": chance.choice((0, 2))}
        return {
            **facts,
            **({"status": status} if status else {}),
            "expect": {"error_rate": {"lte": chance.choice((0, 0.9))}},
        }

    def _openapi(self, tag: str) -> dict[str, Any]:
        return {"document": self._address(tag, "openapi.json")}

    def _compare(self, tag: str) -> dict[str, Any]:
        if self._world.platform == "lambda":
            return {"payloads": [{"tag": f"tag-{tag}"}], "ignore": ["payload.release"]}
        return {"requests": [f"/t/{tag}/health"], "ignore": ["x-release", "release"]}

    def _migration(self, tag: str) -> dict[str, Any]:
        return {
            "capture": {"probe": "unique"},
            "write": {"post": f"/t/{tag}/notes", "body": {"json": {"text": "${probe}"}}},
            "read": {"get": f"/t/{tag}/notes/${{probe}}"},
            "expect": {"json": {"text": "${probe}"}},
            "clean_up": {"delete": f"/t/{tag}/notes/${{probe}}"},
            "within": "100ms",
        }

    def _websocket(self, tag: str) -> dict[str, Any]:
        path = f"/t/{tag}/live"
        if self._chance.random() < 0.15:
            path = self._other.replace("http", "ws") + path
        steps = [{"send": {"text": "x"}, "expect": {"text": "x"}}] if self._chance.random() < 0.5 else []
        return {"path": path, "steps": steps}

    def _grpc_health(self, tag: str) -> dict[str, Any]:
        facts: dict[str, Any] = {"metadata": {"x-tag": tag}}
        if self._chance.random() < 0.2:
            facts |= {"host": "127.0.0.1", "port": int(self._other.rpartition(":")[2]), "tls": False}
        return facts

    def _serves_green(self, tag: str) -> dict[str, Any]:
        if self._world.platform == "lambda":
            through = self._chance.choice(("version", "alias", ""))
            return {"payload": {"tag": f"tag-{tag}"}, "samples": 2, "interval": "1ms", "through": through}
        return {"get": self._address(tag), "json": {"release": "8"}, "samples": 2, "interval": "1ms"}

    def _effect(self, tag: str) -> dict[str, Any]:
        causes: list[dict[str, Any]] = [{"sqs": {"to": "https://sqs.eu-central-1.amazonaws.com/1/q", "message": "x"}}]
        if self._world.platform == "lambda":
            causes.append({"lambda_invoke": {"payload": {"tag": f"tag-{tag}"}}})
        else:
            causes.append({"http": {"post": self._address(tag)}})
        see = {"dynamodb": {"table": "t", "key": {"id": "x"}}}
        return {
            "cause": self._chance.choice(causes),
            "see": see,
            "expect": {"state": "new"},
            "within": "200ms",
            "interval": "20ms",
        }

    # ---- Connections and suites

    def _tcp(self, _tag: str) -> dict[str, Any]:
        if self._chance.random() < 0.7:
            return {}
        return {"host": "127.0.0.1", "port": int(self._other.rpartition(":")[2])}

    def _tls(self, _tag: str) -> dict[str, Any]:
        return {"expect": {"days_left": {"gte": 1}}}

    def _dns(self, _tag: str) -> dict[str, Any]:
        server = {"server": "127.0.0.1", "port": self._dns_port}
        return {"name": "localhost", "type": "A", **server, "expect": {"records": ["10.0.0.1"]}}

    def _pytest(self, tag: str) -> dict[str, Any]:
        suite = self._chance.choice(SUITES)
        return {"path": f"test_{suite}.py", "variables": {"TAG": tag, "OTHER": self._other}}

    # ---- Lambda

    def _lambda_invoke(self, tag: str) -> dict[str, Any]:
        expects: list[Any] = [
            {"json": {"status": "ok"}},
            {"json": {"release": {"exists": False}}},
            {"error": {"exists": True}},
        ]
        return {"payload": {"tag": f"tag-{tag}"}, "expect": self._chance.choice(expects)}

    def _warm(self, tag: str) -> dict[str, Any]:
        expect = {"errors": {"lte": 1}} if self._chance.random() < 0.4 else {}
        return {"payload": {"tag": f"tag-{tag}"}, "count": 2, "expect": expect}

    def _lambda_state(self, _tag: str) -> dict[str, Any]:
        return {"provisioned_concurrency": self._chance.random() < 0.5}

    def _alias(self, _tag: str) -> dict[str, Any]:
        return {}

    # ---- Reads of AWS

    def _alarms(self, _tag: str) -> dict[str, Any]:
        return {"names": [self._chance.choice(("quiet", "orders:8", "ecs-svc/8-errors"))]}

    def _config(self, _tag: str) -> dict[str, Any]:
        if self._world.platform == "lambda":
            return {"expect": self._chance.choice(({"Timeout": 3}, {"Nothing": {"exists": False}}))}
        return {"expect": self._chance.choice(({"cpu": "256"}, {"nothing": {"exists": False}}))}

    def _ecs_service(self, _tag: str) -> dict[str, Any]:
        return {}

    def _identity(self, _tag: str) -> dict[str, Any]:
        return {"sha256": "a" * 64}

    def _image(self, _tag: str) -> dict[str, Any]:
        repository = {"repository": "web"} if self._world.platform == "lambda" else {}
        return {**self._chance.choice(({"max_age": "24h"}, {"pinned": True})), **repository}

    def _listener(self, _tag: str) -> dict[str, Any]:
        return {}

    def _logs(self, _tag: str) -> dict[str, Any]:
        if self._chance.random() < 0.3:
            return {"query": "stats count(*) by orders:8", "rows": {"[0].count": 0}, "group": "/shop"}
        return {"expect": 0, **self._chance.choice(({}, {"group": "/shop"}))}

    def _metrics(self, _tag: str) -> dict[str, Any]:
        dimensions = self._chance.choice(
            ({"TargetGroup": GREEN_GROUP}, {"ExecutedVersion": "8"}, {"ExecutedVersion": "7"}, {"Service": "web"})
        )
        no_data = self._chance.choice(("inconclusive", "pass"))
        query = {"metric": "AWS/X/Errors", "dimensions": dimensions, "stat": "Sum"}
        return {"queries": {"errors": query}, "expect": {"errors": {"lt": 1}}, "no_data": no_data}

    def _rollback_ready(self, _tag: str) -> dict[str, Any]:
        return {"alarms": self._chance.random() < 0.5, "previous": False}

    def _synthetics(self, _tag: str) -> dict[str, Any]:
        return {"canary": "shop"}

    def _target_health(self, _tag: str) -> dict[str, Any]:
        return {"side": self._chance.choice(("green", "blue"))}

    def _traces(self, _tag: str) -> dict[str, Any]:
        mark = self._chance.choice(("orders:8", account.TASK_SETS["green"], "orders:7"))
        return {"filter": f'annotation.release = "{mark}"', "expect": {"faults": {"lt": 1}}}
