"""A gate that the functions of the state machine run, in the order of machine/gate.asl.json, without Step Functions."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from botocore.session import Session

from greenlight.machine import conclude, prepare, probe
from tests.support.codedeploy_fake import CodeDeploy
from tests.support.gate import new_deployment

if TYPE_CHECKING:
    import pytest

BUCKET = "reports"
GATE_NAME = "0123456789abcdef0123456789abcdef01234567"
STARTED_AT = "2026-03-01T12:00:00.123Z"


class LambdaContext:
    """Context of an invocation with this much time."""

    def __init__(self, timeout_s: float) -> None:
        self._ends = time.monotonic() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        return round((self._ends - time.monotonic()) * 1000)


class MachineRun:
    """Runs the steps for one deployment of the function `orders`.

    Attributes:
        results: Results of the probes, wave after wave, as the state machine nests them.
        invocations: How often a probe was invoked.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, codedeploy: CodeDeploy, folder: Any, **settings: str) -> None:
        self._folder = folder
        self.codedeploy = codedeploy
        deployment, _ = new_deployment(codedeploy)
        self.gate = {"name": GATE_NAME, "deployment": deployment, "stage": "BeforeAllowTraffic"}
        self.started_at = STARTED_AT
        self.results: list[Any] = []
        self.invocations = 0
        self.probe_timeout_s = 60.0
        environment = {
            "AWS_ENDPOINT_URL_CODEDEPLOY": codedeploy.url,
            "GREENLIGHT_REPORT_BUCKET": BUCKET,
            "GREENLIGHT_PLAN_FOLDER": str(folder),
            "GREENLIGHT_ALLOW_LOOPBACK": "true",
            "GREENLIGHT_ALLOWED_HOSTS": "127.0.0.1",
            "GREENLIGHT_PROBE_FUNCTION": "probe",
            "POWERTOOLS_METRICS_NAMESPACE": "greenlight",
        }
        for name, value in (environment | settings).items():
            monkeypatch.setenv(name, value)
        self.s3 = Session().create_client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    def write_plan(self, plan: dict[str, Any]) -> None:
        """Write the plan of the application."""
        (self._folder / "shop.yaml").write_text(json.dumps({"version": 1, **plan}))

    def prepare(self) -> dict[str, Any]:
        """Run the step Prepare."""
        payload = {"gate": self.gate, "started_at": self.started_at}
        return prepare.handler(payload, LambdaContext(60))

    def probe(self, prepared: dict[str, Any], shard: int, run: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the step Probe once."""
        self.invocations += 1
        item = {
            "gate": self.gate,
            "document": prepared["document"],
            "probe": prepared["probe"],
            "earlier": self.results,
            "shard": shard,
            "run": run or {"again": False, "again_in_s": 0, "results": None},
        }
        return probe.handler(item, LambdaContext(self.probe_timeout_s))

    def probe_all(self, prepared: dict[str, Any]) -> None:
        """Run all shards to their ends, without waiting between invocations."""
        for wave in prepared["waves"][: prepared["wave_count"]]:
            results = []
            for shard in wave:
                run = self.probe(prepared, shard)
                while run["again"]:
                    run = self.probe(prepared, shard, run)
                results.append({"shard": shard, "results": run["results"]})
            self.results = [self.results, results]

    def judge(self, work: dict[str, Any]) -> dict[str, Any]:
        """Run the step Judge."""
        payload = {"step": "judge", "gate": self.gate, "started_at": self.started_at, "work": work}
        return conclude.handler(payload, LambdaContext(60))

    def ask(self, work: dict[str, Any], token: str) -> dict[str, Any]:
        """Run the step Ask, after which the state machine waits for a decision."""
        payload = {"step": "ask", "gate": self.gate, "started_at": self.started_at, "work": work, "token": token}
        return conclude.handler(payload, LambdaContext(60))

    def conclude(self, step: str, work: dict[str, Any]) -> dict[str, Any]:
        """Run the step Publish, or Record."""
        payload = {"step": step, "gate": self.gate, "started_at": self.started_at, "work": work}
        return conclude.handler(payload, LambdaContext(60))

    def whole(self) -> dict[str, Any]:
        """Run all steps and return the published report."""
        prepared = self.prepare()
        self.probe_all(prepared)
        work = {"document": prepared["document"], "earlier": self.results}
        judged = self.judge(work)
        published = self.conclude("publish", work | {"judged": judged, "answer": {"told": True}})
        return self.read_json(published["report"])

    def read_json(self, uri: str) -> dict[str, Any]:
        """Read an object of the report bucket."""
        key = uri.removeprefix(f"s3://{BUCKET}/")
        content: dict[str, Any] = json.loads(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        return content
