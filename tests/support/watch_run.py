"""A watch of a shift whose steps run in the order of machine/watch.asl.json, without Step Functions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from greenlight.gate.watcher import watch_name
from greenlight.machine import conclude, prepare, probe
from tests.support.machine_run import LambdaContext, MachineRun

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LOOKS = 100


class WatchRun(MachineRun):
    """Runs the watch of one deployment of the function `orders`; pauses take no time.

    Attributes:
        stops: Deployments that were stopped.
        pauses: Pauses in seconds.
        refuse_stop: Error of Step Functions for the request to stop; None if CodeDeploy accepts it.
        is_probe_dead: The function that runs the checks ends early.
        on_round: Called with the number of the next round before its checks run.
        on_stop: Called when CodeDeploy has accepted the request to stop.
    """

    def __init__(self, *arguments: Any, **settings: str) -> None:
        super().__init__(*arguments, **settings)
        self.deployment = self.gate["deployment"]
        self.codedeploy = arguments[1]
        self.gate = {"name": watch_name(self.deployment), "deployment": self.deployment, "stage": "AllowTraffic"}
        self.stops: list[str] = []
        self.pauses: list[int] = []
        self.actions: list[str] = []
        self.refuse_stop: dict[str, str] | None = None
        self.is_probe_dead = False
        self.on_round: Callable[[int], None] = lambda _number: None
        self.on_stop: Callable[[], None] = lambda: self.end("Stopped", code="MANUAL_STOP")
        self.shift(0.1)

    def shift(self, weight: float, **events: str) -> None:
        """Show a shift with this weight of green, or other lifecycle events."""
        states = events or {"BeforeAllowTraffic": "Succeeded", "AllowTraffic": "InProgress"}
        target = self.codedeploy.targets[self.deployment]["lambdaTarget"]
        target["lifecycleEvents"] = [{"lifecycleEventName": name, "status": status} for name, status in states.items()]
        target["lambdaFunctionInfo"]["targetVersionWeight"] = weight

    def end(self, status: str, code: str = "") -> None:
        """Show a deployment that has ended."""
        info = self.codedeploy.deployments[self.deployment]
        info["status"] = status
        if code:
            info["errorInformation"] = {"code": code, "message": "the deployment was stopped"}
            info["rollbackInfo"] = {"rollbackDeploymentId": "d-ROLLBACK1"}

    def look(self, work: dict[str, Any]) -> dict[str, Any]:
        """Run the step Look."""
        payload = {"step": "look", "gate": self.gate, "started_at": self.started_at, "work": work}
        return conclude.handler(payload, LambdaContext(60))

    def watched(self, work: dict[str, Any]) -> dict[str, Any]:
        """Run the step Watched."""
        payload = {"step": "watched", "gate": self.gate, "started_at": self.started_at, "work": work}
        return conclude.handler(payload, LambdaContext(60))

    def watch(self) -> dict[str, Any]:
        """Run the whole watch, and return the result of its last step."""
        work: dict[str, Any] = {"watch": None, "prepared": None, "probe": ""}
        rounds = 0
        for _ in range(MAX_LOOKS):
            look = self.look(work)
            work = {key: look[key] for key in ("watch", "prepared", "probe")}
            self.actions.append(look["action"])
            if look["action"] == "wait":
                self.pauses.append(look["pause_s"])
            elif look["action"] == "prepare":
                prepared = prepare.handler({"gate": self.gate, "started_at": self.started_at}, LambdaContext(60))
                work |= {"prepared": prepared["document"], "probe": prepared["probe"]}
            elif look["action"] == "probe":
                rounds += 1
                self.on_round(rounds)
                work["earlier"] = self._probe(look["round"])
            elif look["action"] == "stop":
                work |= self._stop()
            elif look["action"] == "report":
                return self.watched(work)
        raise AssertionError("the watch does not end")

    def report(self) -> dict[str, Any]:
        """Run the whole watch, and return its report."""
        return self.read_json(self.watch()["report"])

    def _probe(self, document: dict[str, Any]) -> dict[str, Any]:
        if self.is_probe_dead:
            return {"shard": 0, "results": None, "error": "Sandbox.Timedout"}
        payload = {
            "gate": self.gate,
            "document": document,
            "earlier": [],
            "shard": 0,
            "run": {"again": False, "again_in_s": 0, "results": None},
        }
        return {"shard": 0, "results": probe.handler(payload, LambdaContext(60))["results"]}

    def _stop(self) -> dict[str, Any]:
        if self.refuse_stop is not None:
            return {"stop_error": self.refuse_stop}
        self.stops.append(self.deployment)
        self.on_stop()
        return {"stop": {"status": "Pending"}}


def now() -> str:
    """Return the current time as Step Functions writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
