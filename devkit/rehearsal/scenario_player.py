"""Player of scenarios: runs a scenario from the first process to the last report, and stops all processes."""

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

from greenlight.core.deployment import PLAN_STAGES
from greenlight.core.report import Report, TrafficShare
from greenlight.report import html
from greenlight.report import json as as_json

from . import configurations
from .alarms import Alarms
from .approvers import Approvers
from .aws.codedeploy import CodeDeployApi
from .aws.ecs import EcsApi
from .aws.elbv2 import Elbv2Api
from .aws.identities import IdentityApi
from .aws.lambdas import LambdaApi, choose_version
from .aws.s3 import S3Api
from .aws.server import ACCOUNT, REGION
from .aws.states import MachineSettings, StateMachines
from .caddy import LoadBalancerError
from .codedeploy_state import CodeDeployState, DeploymentRecord
from .engine import DeploymentRequest, Engine, Halt, Observer
from .faults import LATE_S, FaultInjector
from .functions import LocalLambda
from .hooks import (
    ANSWERERS,
    LAST_RESORT,
    PLACEHOLDERS,
    PLAN_BUCKET,
    PROJECT,
    REPORT_BUCKET,
    Hooks,
    function_name,
    stage_of,
)
from .machine_faults import MachineFaultInjector
from .outcome import DeploymentOutcome, ScenarioOutcome
from .platforms.ecs import EcsPlatform
from .platforms.lambdas import LambdaPlatform
from .processes import ProcessError, kill_all

if TYPE_CHECKING:
    from .aws.server import LocalAws
    from .scenario import PlannedDeployment, Scenario

_DRAIN_S = 10.0
_MARKER = ".made-by-rehearse"


class ScenarioPlayer:
    """Player of scenarios on one local AWS, one scenario at a time."""

    def __init__(self, aws: LocalAws, results: Path, hooks: Path = PROJECT / "hooks") -> None:
        """Write one folder for each scenario to `results`; use the hook functions in `hooks`."""
        self._aws = aws
        self._results = results
        self._hooks = hooks

    def play(self, scenario: Scenario, observer: Observer | None = None, name: str = "") -> ScenarioOutcome:
        """Run a scenario; an error that prevents it becomes the `problem` of the outcome.

        Args:
            scenario: The scenario.
            observer: Receiver of progress events.
            name: Name of the folder for the results; by default the name of the scenario file.
        """
        outcome = ScenarioOutcome(scenario)
        folder = self._results / (name or scenario.path.stem)
        started = time.monotonic()
        with contextlib.ExitStack() as stack:
            stack.callback(kill_all)
            try:
                _clear(folder)
                _ScenarioRun(self._aws, scenario, folder, self._hooks, observer or Observer(), outcome, stack).run()
            except (ProcessError, LoadBalancerError) as error:
                outcome.problem = str(error)
            except (ClientError, BotoCoreError) as error:
                outcome.problem = f"the local AWS rejected a call: {error}"
            except OSError as error:
                outcome.problem = f"{error.filename or folder}: {error.strerror or error}"
        outcome.duration_s = time.monotonic() - started
        with contextlib.suppress(OSError):
            _write(folder / "result.json", outcome.document())
        return outcome


class _ScenarioRun:
    """Resources of one scenario while it runs; `stack` cleans them up."""

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
        self._state = CodeDeployState()
        self._codedeploy = CodeDeployApi(self._state, alarms=tuple(alarm.name for alarm in scenario.file.alarms))
        self._fault_injector = FaultInjector(
            stage_of=stage_of,
            kill=self._kill_hook,
            report_bucket=REPORT_BUCKET,
            plan_bucket=PLAN_BUCKET,
            codedeploy=self._codedeploy,
            on_fault=self._observer.note_added,
        )
        self._functions = LocalLambda(route=choose_version)
        self._machines = StateMachines(
            aws,
            MachineSettings(PROJECT / "machine", PLACEHOLDERS, float(scenario.file.minute), scenario.hour_s),
            self._deliver_event,
        )
        self._hooks = Hooks(hooks, aws, self._functions)
        self._approvers = Approvers(aws, REPORT_BUCKET, float(scenario.file.minute), self._note)
        self._work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rehearsal-")))
        self._platform: EcsPlatform | LambdaPlatform = (
            EcsPlatform(aws, scenario, self._work, folder)
            if scenario.file.platform == "ecs"
            else LambdaPlatform(aws, scenario, self._functions, folder)
        )

    def run(self) -> None:
        """Create the resources, and run all deployments."""
        stack, file = self._stack, self._scenario.file
        self._aws.reset(self._create_apis())
        stack.callback(self._aws.reset)
        stack.callback(self._platform.close)
        stack.callback(self._machines.close)
        stack.callback(self._functions.close)
        stack.callback(self._fault_injector.closing.set)
        stack.callback(self._approvers.close)
        self._create_buckets_and_application()
        self._platform.prepare()
        self._create_group()
        self._hooks.register(
            self._scenario, self._platform.ca_file(), self._observer.hook_logged, self._folder / "hooks.log"
        )
        self._users = self._platform.users()
        self._alarms = Alarms(self._aws, file.alarms, file.minute, self._users)
        stack.callback(self._users.stop)
        self._users.start()
        self._observer.blue_ready()
        for planned in self._scenario.deployments:
            self._outcome.deployments.append(self._deploy(planned))

    def _create_apis(self) -> list[Any]:
        machine_faults = MachineFaultInjector(self._fault_injector, self._kill_session, self._machines.stop_guardian)
        apis: list[Any] = [
            self._fault_injector,
            machine_faults,
            self._codedeploy,
            LambdaApi(self._functions),
            self._machines,
            S3Api(),
            IdentityApi(self._state),
        ]
        if isinstance(self._platform, EcsPlatform):
            apis += [EcsApi(self._platform.task_sets), Elbv2Api(self._platform.in_use)]
        return apis

    def _deploy(self, planned: PlannedDeployment) -> DeploymentOutcome:
        file, platform = self._scenario.file, self._platform
        configuration = configurations.CONFIGURATIONS[planned.config]
        test_listener = file.platform == "ecs" and file.listener.test and not planned.fault("no-test-listener")
        self._upload_plan(planned)
        self._fault_injector.arm(planned)
        self._approvers.arm(planned.approvals)
        self._codedeploy.late_s = LATE_S if planned.fault("late-in-progress") else 0.0
        if not platform.prepare_deployment(planned.green, configuration, test_listener=test_listener):
            self._note("the previous deployment was not rolled back; the rehearsal has removed its green")
        self._update_group()
        if not test_listener and "AfterAllowTestTraffic" in planned.hooks:
            self._note("without a test listener CodeDeploy skips AfterAllowTestTraffic and its hook without a message")
        recorder = _TrafficRecorder(self._observer)
        self._alarms.deployment_started()
        requests_before, errors_before = self._users.requests, self._users.errors
        engine = Engine(self._state, self._invoker(planned), self._alarms.active, recorder)
        record, rollback = engine.run(self._deployment_request(planned, test_listener=test_listener), platform)
        self._users.pause(file.users.timeout + 1)
        if not self._machines.wait_for_end(_DRAIN_S):
            self._note("the state machine was still running after the end of the deployment; the rehearsal stops it")
        if not self._functions.drain(_DRAIN_S):
            self._note("a hook was still running after the end of the deployment; the rehearsal stops it")
        platform.count_requests(self._users.requests)
        platform.end_retired()
        outcome = DeploymentOutcome(planned, record, rollback, recorder.traffic)
        outcome.requests, outcome.errors = self._users.requests - requests_before, self._users.errors - errors_before
        outcome.green_requests = platform.request_counts.requests[platform.green_key]
        outcome.green_errors = platform.request_counts.errors[platform.green_key]
        outcome.answered_by = [ANSWERERS.get(event.answered_by, "") for event in record.events if event.answered_by]
        outcome.machine_runs = self._machines.runs(record.id)
        outcome.gates = self._collect_reports(record, recorder)
        self._users.resume()
        return outcome

    def _deployment_request(self, planned: PlannedDeployment, *, test_listener: bool) -> DeploymentRequest:
        file, rollback = self._scenario.file, self._scenario.rollback
        return DeploymentRequest(
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

    def _invoker(self, planned: PlannedDeployment) -> Any:
        denial = planned.fault("hook-cannot-be-invoked")
        duplication = planned.fault("duplicate-invocation")

        def invoke(name: str, event: dict[str, str]) -> None:
            stage = name.rpartition("_")[2]
            if denial and denial.stage in (None, stage):
                raise Halt(
                    "IAM_ROLE_PERMISSIONS",
                    "The IAM role arn:aws:iam::123456789012:role/codedeploy does not give you permission to perform "
                    f"operations in the following AWS service: AWSLambda (invoking {name}).",
                )
            self._functions.invoke_async(name, event)
            if duplication and duplication.stage in (None, stage):
                self._functions.invoke_async(name, event)

        return invoke

    def _kill_hook(self, stage: str) -> None:
        pool = self._functions.pool(function_name(stage))
        if pool is not None:
            pool.kill_busy()

    def _kill_session(self, function: str, session: str) -> None:
        pool = self._functions.pool(function)
        if pool is not None:
            pool.kill_session(session)

    def _deliver_event(self, event: dict[str, Any]) -> None:
        """Invoke the last resort with an event of a guardian, as the rule of EventBridge does."""
        if not self._fault_injector.applies("event-lost"):
            self._functions.invoke_async(LAST_RESORT, event)

    def _note(self, sentence: str) -> None:
        self._outcome.notes.append(sentence)
        self._observer.note_added(sentence)

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
            **self._platform.group_settings(),
        )

    def _update_group(self) -> None:
        """Set the listeners of this deployment in the group; moto has no UpdateDeploymentGroup."""
        from moto.codedeploy.models import codedeploy_backends

        file = self._scenario.file
        group = codedeploy_backends[ACCOUNT][REGION].get_deployment_group(file.application, file.group)
        group.load_balancer_info = self._platform.group_settings().get("loadBalancerInfo", {})

    def _upload_plan(self, planned: PlannedDeployment) -> None:
        s3, key = self._aws.client("s3"), f"{self._scenario.file.application}.yaml"
        if planned.plan is None:
            s3.delete_object(Bucket=PLAN_BUCKET, Key=key)
        else:
            s3.put_object(Bucket=PLAN_BUCKET, Key=key, Body=planned.plan.read_bytes())

    def _collect_reports(self, record: DeploymentRecord, recorder: _TrafficRecorder) -> list[dict[str, Any]]:
        """Read the reports from the report bucket, and write a copy and an HTML page of each.

        Returns:
            One report for each gate, in the order of the stages.
        """
        s3 = self._aws.client("s3")
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=REPORT_BUCKET).get("Contents", ())]
        reports: dict[str, dict[str, Any]] = {}
        for key in keys:
            folder, _, name = key.rpartition("/")
            if folder.endswith(f"/{record.id}") and name.endswith(".json"):
                body = s3.get_object(Bucket=REPORT_BUCKET, Key=key)["Body"].read()
                path = self._folder / record.id / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
                self._outcome.reports.append(path)
                with contextlib.suppress(ValueError, msgspec.MsgspecError):
                    self._outcome.reports.append(_write_page(path, recorder))
                with contextlib.suppress(ValueError):
                    reports[name.removesuffix(".json")] = json.loads(body)
        gates = [_choose_report(reports.get(stage), reports.get(f"{stage}.last-resort")) for stage in PLAN_STAGES]
        return [gate for gate in gates if gate is not None]


def _choose_report(hook: dict[str, Any] | None, last_resort: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the report of a gate with the answer that CodeDeploy has."""
    is_told = hook is not None and ((hook.get("answer") or {}).get("told") or last_resort is None)
    return hook if is_told else last_resort


class _TrafficRecorder(Observer):
    """Observer that records changes of green's percentage, and passes events to another observer."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._started, self._started_at = time.monotonic(), time.time()
        self.traffic: list[tuple[float, int]] = [(0.0, 0)]

    def shares(self, started_at: str) -> tuple[TrafficShare, ...]:
        """Return green's percentages with times relative to the start of a gate at `started_at` (ISO 8601)."""
        offset_s = self._started_at - datetime.datetime.fromisoformat(started_at).timestamp()
        return tuple(TrafficShare(at_ms=(offset_s + at) * 1000, green_percent=percent) for at, percent in self.traffic)

    def traffic_shifted(self, record: DeploymentRecord, percent: int) -> None:
        if self.traffic[-1][1] != percent:
            self.traffic.append((time.monotonic() - self._started, percent))
        self._observer.traffic_shifted(record, percent)

    def deployment_started(self, record: DeploymentRecord) -> None:
        self._observer.deployment_started(record)

    def event_changed(self, record: DeploymentRecord, event: Any) -> None:
        self._observer.event_changed(record, event)

    def deployment_ended(self, record: DeploymentRecord) -> None:
        self._observer.deployment_ended(record)


def _write_page(path: Path, recorder: _TrafficRecorder) -> Path:
    """Write the HTML page of a report; add the traffic, and remove the bucket, which ends with the rehearsal."""
    report = msgspec.json.decode(path.read_bytes(), type=Report)
    page = path.with_suffix(".html")
    completed = msgspec.structs.replace(report, traffic=recorder.shares(report.started_at), bucket="")
    path.write_text(as_json.render(completed), encoding="utf-8")
    page.write_text(html.render(completed), encoding="utf-8")
    return page


def _clear(folder: Path) -> None:
    """Create an empty folder for results; replace only a folder that a rehearsal created."""
    if (folder / _MARKER).is_file():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).touch()


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
