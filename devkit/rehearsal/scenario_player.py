"""Plays one scenario from the first process to the last report, and leaves nothing running."""

from __future__ import annotations

import contextlib
import datetime
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from devkit.rehearsal import configurations
from devkit.rehearsal.alarms import Alarms
from devkit.rehearsal.aws.codedeploy import CodeDeployRoom
from devkit.rehearsal.aws.ecs import EcsRoom
from devkit.rehearsal.aws.elbv2 import Elbv2Room
from devkit.rehearsal.aws.lambdas import LambdaRoom, route_by_moto
from devkit.rehearsal.aws.server import ACCOUNT, REGION
from devkit.rehearsal.balancer import BalancerError
from devkit.rehearsal.codedeploy_state import Ledger, Record
from devkit.rehearsal.engine import Engine, Halt, Observer, Order
from devkit.rehearsal.faults import LATE_S, Breakdown
from devkit.rehearsal.functions import LocalLambda
from devkit.rehearsal.hooks import PLAN_BUCKET, PROJECT, REPORT_BUCKET, Hooks, answerer, function_name, stage_of
from devkit.rehearsal.outcome import DeploymentOutcome, ScenarioOutcome
from devkit.rehearsal.platforms.ecs import EcsGround
from devkit.rehearsal.platforms.lambdas import LambdaGround
from devkit.rehearsal.processes import ProcessError, kill_all
from greenlight.core.deployment import STAGES
from greenlight.core.report import Report, TrafficShare
from greenlight.report import html
from greenlight.report import json as as_json

if TYPE_CHECKING:
    from devkit.rehearsal.aws.server import LocalAws
    from devkit.rehearsal.scenario import Planned, Scenario

_DRAIN_S = 10.0
_MARK = ".made-by-rehearse"


class Player:
    """Plays scenarios, one after the other, on one local AWS."""

    def __init__(self, aws: LocalAws, results: Path, hooks: Path = PROJECT / "hooks") -> None:
        """Write under `results`, one folder a scenario; take the hook functions from `hooks`."""
        self._aws = aws
        self._results = results
        self._hooks = hooks

    def play(self, scenario: Scenario, observer: Observer | None = None, name: str = "") -> ScenarioOutcome:
        """Play a scenario; what keeps it from being played becomes the outcome's `problem`.

        Args:
            scenario: What to play.
            observer: Hears how it goes.
            name: The results' folder, if not the file's name.
        """
        outcome = ScenarioOutcome(scenario)
        folder = self._results / (name or scenario.path.stem)
        started = time.monotonic()
        with contextlib.ExitStack() as stack:
            stack.callback(kill_all)
            try:
                _clear(folder)
                _Stage(self._aws, scenario, folder, self._hooks, observer or Observer(), outcome, stack).play()
            except (ProcessError, BalancerError) as error:
                outcome.problem = str(error)
            except (ClientError, BotoCoreError) as error:
                outcome.problem = f"the local AWS refuses what the scenario asks for: {error}"
            except OSError as error:
                outcome.problem = f"{error.filename or folder}: {error.strerror or error}"
        outcome.duration_s = time.monotonic() - started
        with contextlib.suppress(OSError):
            _write(folder / "result.json", outcome.document())
        return outcome


class _Stage:
    """Everything that stands while one scenario is played; `stack` takes it down again."""

    def __init__(
        self,
        aws: LocalAws,
        scenario: Scenario,
        folder: Path,
        hooks: Path,
        observer: Observer,
        outcome: ScenarioOutcome,
        stack: contextlib.ExitStack,
    ) -> None:
        self._aws, self._scenario, self._folder = aws, scenario, folder
        self._observer, self._outcome, self._stack = observer, outcome, stack
        self._ledger = Ledger()
        self._breakdown = Breakdown(
            stage_of=stage_of, kill=self._kill_hook, report_bucket=REPORT_BUCKET, struck=self._observer.noted
        )
        self._codedeploy = CodeDeployRoom(self._ledger, alarms=tuple(alarm.name for alarm in scenario.file.alarms))
        self._functions = LocalLambda(route=route_by_moto)
        self._hooks = Hooks(hooks, aws, self._functions)
        self._work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rehearsal-")))
        self._ground: EcsGround | LambdaGround = (
            EcsGround(aws, scenario, self._work, folder)
            if scenario.file.platform == "ecs"
            else LambdaGround(aws, scenario, self._functions, folder)
        )

    def play(self) -> None:
        """Build, deploy, collect."""
        stack, file = self._stack, self._scenario.file
        self._aws.reset(self._rooms())
        stack.callback(self._aws.reset)
        stack.callback(self._ground.close)
        stack.callback(self._functions.close)
        stack.callback(self._breakdown.ending.set)
        self._create_buckets_and_application()
        self._ground.prepare()
        self._create_group()
        self._hooks.register(
            self._scenario, self._ground.ca_file(), self._observer.hook_said, self._folder / "hooks.log"
        )
        self._users = self._ground.users()
        self._alarms = Alarms(self._aws, file.alarms, file.minute, self._users)
        stack.callback(self._users.stop)
        self._users.start()
        self._observer.blue_serves()
        for planned in self._scenario.deployments:
            self._outcome.deployments.append(self._deploy(planned))

    def _rooms(self) -> list[Any]:
        rooms: list[Any] = [self._breakdown, self._codedeploy, LambdaRoom(self._functions)]
        if isinstance(self._ground, EcsGround):
            rooms += [EcsRoom(self._ground.task_sets), Elbv2Room(self._ground.in_use)]
        return rooms

    def _deploy(self, planned: Planned) -> DeploymentOutcome:
        file, ground = self._scenario.file, self._ground
        configuration = configurations.CONFIGURATIONS[planned.config]
        test_listener = file.platform == "ecs" and file.listener.test and not planned.fault("no-test-listener")
        self._upload_plan(planned)
        self._breakdown.arm(planned)
        self._codedeploy.late_s = LATE_S if planned.fault("late-in-progress") else 0.0
        if not ground.begin(planned.green, configuration, test_listener=test_listener):
            self._note("the deployment before was not rolled back; the rehearsal has put its green away")
        self._update_group()
        if not test_listener and "AfterAllowTestTraffic" in planned.hooks:
            self._note("without a test listener CodeDeploy leaves AfterAllowTestTraffic and its hook out, silently")
        recorder = _Recorder(self._observer)
        self._alarms.deployment_started()
        before, errors_before = self._users.requests, self._users.errors
        engine = Engine(self._ledger, self._invoker(planned), self._alarms.active, recorder)
        record, rollback = engine.run(self._order(planned, test_listener=test_listener), ground)
        self._users.pause(file.users.timeout + 1)
        if not self._functions.drain(_DRAIN_S):
            self._note("a hook was still running when the deployment had ended; the rehearsal ends it")
        ground.count(self._users.requests)
        ground.bury()
        outcome = DeploymentOutcome(planned, record, rollback, recorder.traffic)
        outcome.requests, outcome.errors = self._users.requests - before, self._users.errors - errors_before
        outcome.green_requests = ground.tally.requests[ground.green_key]
        outcome.green_errors = ground.tally.errors[ground.green_key]
        outcome.answered_by = [answerer(entry.answered_by) for entry in record.entries if entry.answered_by]
        outcome.gates = self._collect_reports(record, recorder)
        self._users.resume()
        return outcome

    def _order(self, planned: Planned, *, test_listener: bool) -> Order:
        file, rollback = self._scenario.file, self._scenario.rollback
        return Order(
            platform=file.platform,
            application=file.application,
            group=file.group,
            config=configurations.CONFIGURATIONS[planned.config],
            hooks={stage: function_name(stage) for stage in planned.hooks},
            test_listener=test_listener,
            minute_s=file.minute,
            hour_s=self._scenario.hour_s,
            rollback=rollback.enabled,
            rollback_hooks=rollback.hooks,
        )

    def _invoker(self, planned: Planned) -> Any:
        barred, twice = planned.fault("hook-cannot-be-invoked"), planned.fault("duplicate-invocation")

        def invoke(name: str, event: dict[str, str]) -> None:
            stage = name.rpartition("_")[2]
            if barred and barred.stage in (None, stage):
                raise Halt(
                    "IAM_ROLE_PERMISSIONS",
                    "The IAM role arn:aws:iam::123456789012:role/codedeploy does not give you permission to perform "
                    f"operations in the following AWS service: AWSLambda (invoking {name}).",
                )
            self._functions.invoke_async(name, event)
            if twice and twice.stage in (None, stage):
                self._functions.invoke_async(name, event)

        return invoke

    def _kill_hook(self, stage: str) -> None:
        pool = self._functions.pool(function_name(stage))
        if pool is not None:
            pool.kill_busy()

    def _note(self, sentence: str) -> None:
        self._outcome.notes.append(sentence)
        self._observer.noted(sentence)

    def _create_buckets_and_application(self) -> None:
        s3 = self._aws.client("s3")
        for bucket in (PLAN_BUCKET, REPORT_BUCKET):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        platform = {"ecs": "ECS", "lambda": "Lambda"}[self._scenario.file.platform]
        self._aws.client("codedeploy").create_application(
            applicationName=self._scenario.file.application, computePlatform=platform
        )

    def _create_group(self) -> None:
        file = self._scenario.file
        events = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
        enabled = self._scenario.rollback.enabled
        self._aws.client("codedeploy").create_deployment_group(
            applicationName=file.application,
            deploymentGroupName=file.group,
            deploymentConfigName=file.config or configurations.DEFAULT[file.platform],
            serviceRoleArn=f"arn:aws:iam::{ACCOUNT}:role/codedeploy",
            deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            autoRollbackConfiguration={"enabled": enabled, **({"events": events} if enabled else {})},
            **self._ground.group_settings(),
        )

    def _update_group(self) -> None:
        """Let the group know the listeners of this deployment; moto has no UpdateDeploymentGroup."""
        from moto.codedeploy.models import codedeploy_backends

        file = self._scenario.file
        group = codedeploy_backends[ACCOUNT][REGION].get_deployment_group(file.application, file.group)
        group.load_balancer_info = self._ground.group_settings().get("loadBalancerInfo", {})

    def _upload_plan(self, planned: Planned) -> None:
        s3, key = self._aws.client("s3"), f"{self._scenario.file.application}.yaml"
        if planned.plan is None:
            s3.delete_object(Bucket=PLAN_BUCKET, Key=key)
        else:
            s3.put_object(Bucket=PLAN_BUCKET, Key=key, Body=planned.plan.read_bytes())

    def _collect_reports(self, record: Record, recorder: _Recorder) -> list[dict[str, Any]]:
        """Read the hooks' reports from the report bucket, and keep a copy and a page for people."""
        s3 = self._aws.client("s3")
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=REPORT_BUCKET).get("Contents", ())]
        found = {}
        for key in keys:
            folder, _, name = key.rpartition("/")
            if folder.endswith(f"/{record.id}") and name.endswith(".json"):
                body = s3.get_object(Bucket=REPORT_BUCKET, Key=key)["Body"].read()
                path = self._folder / record.id / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
                self._outcome.reports.append(path)
                with contextlib.suppress(ValueError, msgspec.MsgspecError):
                    self._outcome.reports.append(_page(path, recorder))
                with contextlib.suppress(ValueError):
                    found[name.removesuffix(".json")] = json.loads(body)
        return [found[stage] for stage in STAGES if stage in found]


class _Recorder(Observer):
    """Passes everything on, and writes down when green's share of the traffic changed."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._started, self._started_at = time.monotonic(), time.time()
        self.traffic: list[tuple[float, int]] = [(0.0, 0)]

    def shares(self, started_at: str) -> tuple[TrafficShare, ...]:
        """Give green's shares on the clock of a gate, which began at `started_at` (ISO 8601)."""
        before_s = self._started_at - datetime.datetime.fromisoformat(started_at).timestamp()
        return tuple(TrafficShare(at_ms=(before_s + at) * 1000, green_percent=percent) for at, percent in self.traffic)

    def traffic_shifted(self, record: Record, percent: int) -> None:
        if self.traffic[-1][1] != percent:
            self.traffic.append((time.monotonic() - self._started, percent))
        self._observer.traffic_shifted(record, percent)

    def deployment_started(self, record: Record) -> None:
        self._observer.deployment_started(record)

    def event_changed(self, record: Record, entry: Any) -> None:
        self._observer.event_changed(record, entry)

    def deployment_ended(self, record: Record) -> None:
        self._observer.deployment_ended(record)


def _page(path: Path, recorder: _Recorder) -> Path:
    """Write the page of a report beside it; a rehearsal knows who had the users' requests when, and its bucket is gone."""
    report = msgspec.json.decode(path.read_bytes(), type=Report)
    page = path.with_suffix(".html")
    known = msgspec.structs.replace(report, traffic=recorder.shares(report.started_at), bucket="")
    path.write_text(as_json.render(known), encoding="utf-8")
    page.write_text(html.render(known), encoding="utf-8")
    return page


def _clear(folder: Path) -> None:
    """Make an empty results folder; one of an earlier rehearsal is replaced, anything else is left alone."""
    if (folder / _MARK).is_file():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
