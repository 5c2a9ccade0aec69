"""Collectors of contracts with others: each function returns the lines of one contract, as the program has it now.

A line is a key path, a name, a type, a default or a value of an enumeration. Sentences for people are not a contract,
so no line contains one. Where possible a contract is read from outside: commands, documents, template.yaml, a gate run.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import enum
import functools
import inspect
import io
import json
import re
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml
from moto import mock_aws

from devkit.cli.main import INTERRUPTED, build_full_parser, main
from devkit.cli.selection import PREFIX as VARIABLE_PREFIX
from devkit.rehearsal.codedeploy_state import DeploymentRecord, LifecycleEvent
from devkit.rehearsal.configurations import CONFIGURATIONS
from devkit.rehearsal.faults import FAULTS
from devkit.rehearsal.outcome import DeploymentOutcome, ScenarioOutcome
from devkit.rehearsal.scenario import ScenarioFile
from devkit.rehearsal.scenario_file import read as read_scenario
from greenlight import api, testing
from greenlight.assertions.filters import FILTERS
from greenlight.assertions.formats import FORMATS
from greenlight.assertions.predicates import PREDICATES, TYPES
from greenlight.checks.binding import deployment_values
from greenlight.checks.registry import ENTRY_POINTS, shipped_package
from greenlight.core.deployment import STAGES, Deployment, Platform
from greenlight.core.hold import HoldRecord, HoldResult, RejectedDecision
from greenlight.core.report import DEFAULT_CHECKS, Report
from greenlight.core.settings import read as read_settings
from greenlight.core.units import DURATION_PATTERN, SIZE_PATTERN
from greenlight.discovery.ecs import HOST_TAG
from greenlight.gate.prepare import ENVIRONMENT_TAG
from greenlight.publish import hold_request
from greenlight.publish.index import Entry as IndexEntry
from greenlight.stores.holds import hold_key
from greenlight.stores.plan_lookup import PLAN_TAG as PLAN_TAG
from greenlight.stores.plan_lookup import candidate_uris
from greenlight.verdict.override import Override
from hooks.before_allow_traffic import handler as call_hook
from hooks.last_resort import handler as call_last_resort
from tests.contracts.cloud import Cloud
from tests.contracts.shapes import SchemaLines, compact, document_lines, schema_lines, struct_lines
from tests.support.codedeploy_fake import CodeDeploy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).parents[2]
DEPLOYMENT = "d-ABCDEF123"
CHECK_KEY = "stages.*.checks[]"
GATE_STAGE = "BeforeAllowTraffic"
CAPTURES = (
    "body", "cookies.NAME", "headers.NAME", "html.SELECTOR", "json", "json.PATH", "regex.PATTERN", "status", "unique",
    "url", "xml.PATH",
)  # fmt: skip
NAMES = (
    "AlarmName", "BucketName", "DashboardName", "FunctionName", "Handler", "LayerName", "LogGroupName",
    "ManagedPolicyName", "RoleName",
)  # fmt: skip
"""Properties that give a resource its name."""


# ---- The command line ------------------------------------------------------------------------------------------------


@functools.cache
def run(*arguments: str, statuses: tuple[int, ...] = (0,)) -> str:
    """Run a command in this process and return its standard output."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = main(arguments)
    assert status in statuses, f"greenlight {' '.join(arguments)} ended with {status}: {errors.getvalue()}"
    return output.getvalue()


def commands() -> list[str]:
    """Return every command, option with all its spellings, argument, choice and default."""
    return sorted(_parser_lines(build_full_parser(), "greenlight"))


def _parser_lines(parser: argparse.ArgumentParser, path: str) -> Iterator[str]:
    yield f"{path}: command"
    position = 0
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from _parser_lines(below, f"{path} {name}")
            continue
        if action.option_strings:
            name = f"{path} {', '.join(action.option_strings)}"
            yield f"{name}: {'required option' if action.required else 'option'}"
        else:
            position += 1
            name = f"{path} argument {position}"
            yield f"{name}: {action.metavar or action.dest}"
        if action.nargs is not None:
            yield f"{name}: values {action.nargs}"
        for choice in action.choices or ():
            yield f"{name}: choice {choice}"
        if action.default not in (None, "", [], (), False, argparse.SUPPRESS):
            yield f"{name}: default {action.default}"


def exit_codes() -> list[str]:
    """Return the exit statuses that docs/cli.md lists for each command."""
    lines, command = [f"greenlight: exit status {INTERRUPTED}"], ""
    for line in (ROOT / "docs/cli.md").read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"## (\w+)", line):
            command = heading[1]
        elif command and (row := re.match(r"\| (\d+) \|", line)):
            lines.append(f"{command}: exit status {row[1]}")
    return sorted(lines)


# ---- Plans, scenarios, validators ------------------------------------------------------------------------------------


def plans() -> list[str]:
    """Return what a plan may have, down to the validators' keys."""
    schema = json.loads(run("schema"))
    return schema_lines(schema, stop=[f"{CHECK_KEY}.{name}" for name in _validators()])


def _validators() -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in json.loads(run("validators", "--format", "json"))["validators"]}


def validators() -> list[str]:
    """Return every validator with its platforms, stages, IAM actions and parameters."""
    entries, lines = _validators(), list[str]()
    for name, entry in entries.items():
        lines.append(f"{name}: {'may change data' if entry['unsafe'] else 'is safe'}")
        lines += [f"{name}: {key} {value}" for key in ("platforms", "stages", "iam") for value in entry[key]]
    schema = json.loads(run("schema"))
    (check,) = (body for body in schema["$defs"].values() if {"name", *entries} <= set(body.get("properties", ())))
    parameters = SchemaLines(schema["$defs"])
    for name in sorted(entries):
        lines += parameters.lines(check["properties"][name], name)
    return sorted(lines)


def scenarios() -> list[str]:
    """Return what a scenario file of the rehearsal may have."""
    return sorted(
        [
            *struct_lines(ScenarioFile),
            *(f"faults[]: name {name}" for name in FAULTS),
            *(f"config: name {name}" for name in CONFIGURATIONS),
        ]
    )


def language() -> list[str]:
    """Return the names that plans use inside values: predicates, filters, formats, units and references."""
    deployment = Deployment(id=DEPLOYMENT, platform=Platform.ECS, stage=STAGES[0])
    return sorted(
        [
            *(f"predicate {name}" for name in PREDICATES),
            *(f"type {name}" for name in TYPES),
            *(f"filter {name}" for name in FILTERS),
            *(f"format {name}" for name in FORMATS),
            *(f"reference ${{{name}}}" for name in (*deployment_values(deployment), *_references())),
            *(f"capture {source}" for source in CAPTURES if _accepts_capture(source)),
            f"duration {DURATION_PATTERN}",
            f"size {SIZE_PATTERN}",
        ]
    )


def _references() -> Iterator[str]:
    """Yield the references beside those of the deployment that lint accepts."""
    for reference in (
        "each",
        "each.KEY",
        "secret:secretsmanager:NAME",
        "secret:secretsmanager:NAME#KEY",
        "secret:ssm:/NAME",
    ):
        check = {"name": "a", "http": {"get": "/${" + reference + "}", "expect": {"status": 200}}}
        if reference.startswith("each"):
            check["each"] = [{"KEY": "a"} if "." in reference else "a"]
        if not {"unknown-name", "reference"} & set(_lint_rules_of(check)):
            yield reference


def _accepts_capture(source: str) -> bool:
    check = {"name": "a", "http": {"get": "/", "expect": {"status": 200}, "capture": {"kept": source}}}
    return not set(_lint_rules_of(check)) - {"unused-variable"}


def _lint_rules_of(check: Mapping[str, Any]) -> list[str]:
    plan = {"version": 1, "stages": {STAGES[2]: {"checks": [check]}}}
    with _files({"plan.yaml": json.dumps(plan)}) as folder:
        output = json.loads(run("lint", f"{folder}/plan.yaml", "--format", "json", statuses=(0, 2)))
    return [problem["rule"] for problem in output["problems"]]


def rules() -> list[str]:
    """Return the rules of lint and of doctor with their severities."""
    with _files({"plan.yaml": "version: 1\n"}) as folder:
        sarif = json.loads(run("lint", f"{folder}/plan.yaml", "--format", "sarif", statuses=(0, 2)))
    listed = sarif["runs"][0]["tool"]["driver"]["rules"]
    table = re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]+?) \|", run("doctor", "--explain", "all"), re.MULTILINE)
    return sorted(
        [
            *(f"lint {rule['id']}: {rule['defaultConfiguration']['level']}" for rule in listed),
            *(f"doctor {rule}: {severity}" for rule, severity in table),
        ]
    )


# ---- Documents -------------------------------------------------------------------------------------------------------


def report() -> list[str]:
    """Return the keys, types and enumerations of a report."""
    return schema_lines(msgspec.json.schema(Report))


def index_entry() -> list[str]:
    """Return the keys, types and enumerations of an entry of the report bucket's index."""
    return schema_lines(msgspec.json.schema(IndexEntry))


def override() -> list[str]:
    """Return the keys and types of a stored override."""
    return schema_lines(msgspec.json.schema(Override))


def event() -> list[str]:
    """Return the event of a verdict: its envelope by value, its detail by keys and types."""
    entry = _event_entry()
    return sorted(
        [
            *(f"{key}: value {entry[key]}" for key in entry if key in ("Source", "DetailType")),
            *(f"{key}: string" for key in entry),
            *document_lines(_event_detail(), "Detail"),
            f"hold: DetailType {hold_request.DETAIL_TYPE}",
            *document_lines(
                json.loads(json.dumps(hold_request.build_request(_hold_record(), "BUCKET"))), "hold Detail"
            ),
        ]
    )


def _hold_record() -> HoldRecord:
    """Return the record of a hold that waits, and to which one decision did not count."""
    rejected = (RejectedDecision(message="m", at="2026-03-14T09:27:20+00:00"),)
    hold = HoldResult(asked=("a",), asked_at="", until="", asked_ms=0.0, rejected=rejected)
    return HoldRecord(
        gate="g", deployment="d", stage="s", application="a", group="g", region="r", round=1, hold=hold, token="t"
    )


def _event_entry() -> dict[str, Any]:
    return next(request for request in gate().cloud.requests if "DetailType" in request)


def _event_detail() -> dict[str, Any]:
    detail: dict[str, Any] = json.loads(_event_entry()["Detail"])
    return detail


def notice() -> list[str]:
    """Return the notice of a verdict: its message attributes, and what each protocol gets."""
    request = next(request for request in gate().cloud.requests if request.get("Action") == "Publish")
    attributes = [value for key, value in request.items() if re.fullmatch(r"MessageAttributes.*\.Name", key)]
    lines = [f"attribute {name}" for name in attributes]
    for protocol, text in json.loads(request["Message"]).items():
        document = json.loads(text) if text.startswith("{") else None
        if (
            document
            and document.get("schema") == _event_detail()["schema"]
            and document.keys() == _event_detail().keys()
        ):
            lines.append(f"{protocol}: the event's detail")
        elif document:
            lines += document_lines(document, protocol)
        else:
            lines.append(f"{protocol}: text")
    return sorted(lines)


# ---- Documents of commands -------------------------------------------------------------------------------------------

PLAN = f"""\
version: 1
stages:
  {GATE_STAGE}:
    checks:
      - name: green is well
        http: {{get: /green/health, expect: {{status: 201}}}}
"""
WEAKER_PLAN = PLAN.replace("201", "{gte: 200}") + "      - name: green listens\n        tcp: {port: 80}\n"
TEMPLATE = """\
Resources:
  Group:
    Type: AWS::CodeDeploy::DeploymentGroup
    Properties:
      ApplicationName: shop
      ServiceRoleArn: arn:aws:iam::111122223333:role/deploys
      DeploymentStyle: {DeploymentType: BLUE_GREEN, DeploymentOption: WITH_TRAFFIC_CONTROL}
"""
SCENARIO = """\
name: sample
platform: ecs
blue: {command: "true"}
green: {command: "true"}
"""
GROUP = ("--application", "shop", "--group", "web")
AS_JSON = ("--format", "json")


def command_documents() -> list[str]:
    """Return the JSON documents that commands print."""
    files = {
        "plan.yaml": PLAN,
        "weaker.yaml": WEAKER_PLAN,
        "secret.yaml": PLAN.replace("get: /", 'headers: {a: "${secret:secretsmanager:a}"}, get: /'),
        "wrong.yaml": PLAN.replace("http:", "htp:"),
        "template.yaml": TEMPLATE,
        "wrong.scenario.yaml": "name: x\n",
        "sample.scenario.yaml": SCENARIO,
    }
    with _files(files) as folder:
        return sorted({*_offline_documents(folder), *_documents_of_account(folder), *_rehearsal_documents(folder)})


def _offline_documents(folder: Path) -> Iterator[str]:
    wrong = str(folder / "wrong.yaml")
    for form in ("json", "gitlab", "sarif"):
        output = run("lint", wrong, "--format", form, statuses=(2,))
        yield from document_lines(json.loads(output), f"lint {form}")
    output = run("check", wrong, "--stage", GATE_STAGE, *AS_JSON, statuses=(2,))
    yield from _document_of_report(json.loads(output), "check json")
    output = run("doctor", "--template", str(folder / "template.yaml"), *AS_JSON, statuses=(0, 1, 3))
    yield from document_lines(json.loads(output), "doctor json")
    yield from document_lines(json.loads(run("iam", str(folder / "secret.yaml"), *AS_JSON)), "iam json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", lambda _seconds: None)  # between two answers, to see what differs by itself
        output = run("record", f"{gate().cloud.url}/green/health", *AS_JSON)
    yield from document_lines(json.loads(output), "record json")
    to_lambda = ("--function", "orders", "--alias", "live", "--current-version", "7", "--target-version", "8")
    to_ecs = ("--task-definition", "web:8", "--container", "web", "--port", "80")
    for platform, options in (("lambda", to_lambda), ("ecs", to_ecs)):
        output = run("appspec", "write", "--platform", platform, *options, *AS_JSON)
        yield from document_lines(json.loads(output), f"appspec write {platform} json")
    for entry in _validators().values():
        shallow = {**entry, "parameters": {}}
        yield from document_lines({"validators": [shallow]}, "validators json")


def _document_of_report(document: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield one line for a report, whose keys are a contract of its own; a document with other keys is listed."""
    msgspec.convert(document, Report)
    if set(document) == {field.encode_name for field in msgspec.structs.fields(Report)}:
        yield f"{path}: a report"
    else:
        yield from document_lines(document, path)


def _documents_of_account(folder: Path) -> Iterator[str]:
    """Yield the documents of commands that work on an installation's buckets."""
    stored = {name: body for name, body in gate().cloud.objects.items() if name.startswith("reports/")}
    with _environment(GREENLIGHT_PLAN_BUCKET="plans", GREENLIGHT_REPORT_BUCKET="reports"), mock_aws():
        import boto3

        s3 = boto3.client("s3")
        for bucket in ("plans", "reports"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket="plans", VersioningConfiguration={"Status": "Enabled"})
        for name, body in stored.items():
            s3.put_object(Bucket="reports", Key=name.partition("/")[2], Body=body)
        yield from _plan_documents(folder)
        yield from _override_documents()
        application = ("--application", "APPLICATION")
        output = run("history", *application, *AS_JSON)
        yield from document_lines(_without_keys(json.loads(output), "summary.causes"), "history json")
        output = run("report", DEPLOYMENT, *application, *AS_JSON)
        yield from _document_of_report(json.loads(output), "report json")
        options = ("--plan", str(folder / "plan.yaml"), "--url", gate().cloud.url, *AS_JSON)
        output = run("replay", DEPLOYMENT, *application, *options, statuses=(1,))
        document = json.loads(output)
        yield from _document_of_report(document.pop("report"), "replay json report")
        yield from document_lines(document, "replay json")


def _plan_documents(folder: Path) -> Iterator[str]:
    plan, weaker = str(folder / "plan.yaml"), str(folder / "weaker.yaml")
    for path, arguments in (
        ("push", ("push", plan, "--yes")),
        ("diff", ("diff", weaker)),
        ("push", ("push", weaker, "--yes")),
        ("pull", ("pull",)),
        ("versions", ("versions",)),
    ):
        output = run("plan", *arguments, *GROUP, *AS_JSON, statuses=(0, 1))
        yield from document_lines(json.loads(output), f"plan {path} json")


def _override_documents() -> Iterator[str]:
    add = ("--check", "a", "--why", "b", "--who", "c", "--deployment", DEPLOYMENT, "--expires", "2h")
    output = run("override", "add", *GROUP, *add, *AS_JSON)
    yield from document_lines(json.loads(output), "override add json")
    output = run("override", "list", *GROUP, *AS_JSON)
    yield from document_lines(json.loads(output), "override list json")
    name = json.loads(output)["overrides"][0]["name"]
    output = run("override", "remove", name, *GROUP, *AS_JSON)
    yield from document_lines(json.loads(output), "override remove json")


def _rehearsal_documents(folder: Path) -> Iterator[str]:
    output = run("rehearse", str(folder / "wrong.scenario.yaml"), *AS_JSON, statuses=(2,))
    yield from document_lines(json.loads(output), "rehearse json")
    scenario = read_scenario(folder / "sample.scenario.yaml")
    entries = [LifecycleEvent(name="Install", status="Failed", started=1.0, ended=2.0, message="m", answered_by="hook")]
    record = DeploymentRecord(
        DEPLOYMENT, "ecs", "shop", "web", "config", entries, dict, error_code="CODE", error_message="m"
    )
    (planned,) = scenario.deployments
    deployment = DeploymentOutcome(planned, record, record, traffic=[(0.0, 10)], answered_by=["hook"])
    outcome = ScenarioOutcome(scenario, [deployment], notes=["n"], reports=[folder / "report.json"])
    yield from document_lines({"scenarios": [json.loads(json.dumps(outcome.document()))]}, "rehearse json")


def _without_keys(document: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a document with an empty map where the keys are values of an enumeration, which are listed elsewhere."""
    above, _, key = path.partition(".")
    document[above][key] = {}
    return document


@contextlib.contextmanager
def _files(files: Mapping[str, str]) -> Iterator[Path]:
    """Write files into a folder of their own."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        yield Path(folder)


# ---- A gate that runs ------------------------------------------------------------------------------------------------


class Run:
    """Everything that a gate left behind."""

    def __init__(self, cloud: Cloud, output: str) -> None:
        """Keep the cloud, and the lines of the log as data."""
        self.cloud = cloud
        self.lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]


class _Context:
    """Lambda's context of an invocation."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that the function has."""
        return 60_000


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Replace what the developer's environment has for AWS and greenlight."""
    with pytest.MonkeyPatch.context() as patch:
        import os

        for name in [name for name in os.environ if name.startswith(("AWS_", "GREENLIGHT_", "POWERTOOLS_"))]:
            patch.delenv(name)
        aws = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
        nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        for name, value in {**aws, **nowhere, **variables}.items():
            patch.setenv(name, value)
        yield


@functools.cache
def gate() -> Run:
    """Run the real hook and the real last resort against services on this machine.

    The first gate has a reason, a shadow, an override and a flaky check. For the second, S3 refuses to store anything.
    """
    cloud = Cloud().__enter__()  # ends with the process: `replay` asks the same green again
    output = io.StringIO()
    with CodeDeploy() as codedeploy:
        codedeploy.deployments[DEPLOYMENT] = {
            "deploymentId": DEPLOYMENT,
            "applicationName": "APPLICATION",
            "deploymentGroupName": "GROUP",
            "computePlatform": "Lambda",
            "status": "InProgress",
            "creator": "user",
        }
        codedeploy.groups["GROUP"] = {"serviceRoleArn": "arn:aws:iam::111122223333:role/deploys"}
        function = {"functionName": "f", "functionAlias": "live", "currentVersion": "7", "targetVersion": "8"}
        events = [{"lifecycleEventName": GATE_STAGE, "status": "InProgress"}]
        codedeploy.targets[DEPLOYMENT] = {
            "deploymentTargetType": "LambdaTarget",
            "lambdaTarget": {"lifecycleEvents": events, "lambdaFunctionInfo": function},
        }
        cloud.objects |= _gate_objects(cloud.url)
        with _gate_environment(cloud.url, codedeploy.url), contextlib.redirect_stdout(output):
            execution = {"DeploymentId": DEPLOYMENT, "LifecycleEventHookExecutionId": "e" * 60}
            call_hook(execution, _Context())
            call_last_resort({"requestPayload": execution}, _Context())
            killed = {**execution, "LifecycleEventHookExecutionId": "k" * 60}
            arn = f"arn:aws:lambda:us-east-1:111122223333:function:CodeDeployHook_greenlight-{GATE_STAGE}:$LATEST"
            call_last_resort({"requestPayload": killed, "requestContext": {"functionArn": arn}}, _Context())
            cloud.is_full = True
            call_hook({**execution, "LifecycleEventHookExecutionId": "f" * 60}, _Context())
    return Run(cloud, output.getvalue())


def _gate_environment(cloud: str, codedeploy: str) -> contextlib.AbstractContextManager[None]:
    return _environment(
        AWS_ENDPOINT_URL=codedeploy,
        AWS_ENDPOINT_URL_S3=cloud,
        AWS_ENDPOINT_URL_SNS=cloud,
        AWS_ENDPOINT_URL_EVENTBRIDGE=cloud,
        AWS_REGION="us-east-1",
        AWS_MAX_ATTEMPTS="1",
        GREENLIGHT_PLAN_BUCKET="plans",
        GREENLIGHT_REPORT_BUCKET="reports",
        GREENLIGHT_EVENT_BUS="bus",
        GREENLIGHT_NOTICE_TOPIC="arn:aws:sns:us-east-1:111122223333:topic",
        GREENLIGHT_ALLOW_SHADOW="true",
        GREENLIGHT_ALLOW_LOOPBACK="true",
        GREENLIGHT_ALLOWED_HOSTS="127.0.0.1",
        # Powertools keeps one logger for a name, with the output that it had first.
        POWERTOOLS_SERVICE_NAME=f"contracts-{uuid.uuid4().hex}",
    )


def _gate_objects(green: str) -> dict[str, bytes]:
    """Return the plan of the gate, and an override for one of its checks."""
    now = datetime.datetime.now(datetime.UTC)
    wrong = {"get": f"{green}/green/wrong", "expect": {"status": 201}}
    flaky = {"get": f"{green}/green/flaky", "expect": {"status": 200}}
    checks = [
        {"name": "flaky", "retry": {"attempts": 2, "interval": "1ms"}, "http": flaky},
        {"name": "wrong", "http": wrong},
        {"name": "excused", "severity": "required-with-override", "http": wrong},
    ]
    shadow = {"until": str(now.date() + datetime.timedelta(days=3)), "why": "w"}
    plan = {"version": 1, "shadow": shadow, "stages": {GATE_STAGE: {"checks": checks}}}
    stored = {
        "schema": "greenlight.override/1",
        "who": "w",
        "why": "w",
        "created": now.isoformat(),
        "expires": (now + datetime.timedelta(hours=1)).isoformat(),
        "scope": {"deployment": DEPLOYMENT},
        "checks": ["excused"],
    }
    return {
        "plans/APPLICATION/GROUP.yaml": json.dumps(plan).encode(),
        "plans/overrides/APPLICATION/GROUP/sample.json": json.dumps(stored).encode(),
    }


def log() -> list[str]:
    """Return the messages of a gate's log with their keys, and what each handler returns."""
    lines = [line for line in gate().lines if "message" in line]
    return sorted({entry for line in lines for entry in _log_lines(line)})


def _log_lines(line: Mapping[str, Any]) -> Iterator[str]:
    message = line["message"]
    if line["level"] != "INFO":
        yield f"{line['level']} failed: …" if message.startswith("failed: ") else f"{line['level']} {message}"
        return
    yield from document_lines({key: value for key, value in line.items() if key != "xray_trace_id"}, message)


def metrics() -> list[str]:
    """Return namespace, names, units and dimensions of the metrics that functions write."""
    lines = set()
    for line in gate().lines:
        for metric in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            dimensions = " ".join(sorted(name for names in metric["Dimensions"] for name in names))
            for entry in metric["Metrics"]:
                lines.add(f"{metric['Namespace']} {entry['Name']}: {entry['Unit']} by {dimensions}")
    return sorted(lines)


# ---- Places and names ------------------------------------------------------------------------------------------------


class _Recorder(dict[str, str]):
    """An environment without variables that remembers which were read."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def get(self, key: str, default: Any = None) -> Any:
        """Record a name."""
        self.names.append(key)
        return default


def places() -> list[str]:
    """Return where things are looked for and kept: tags, keys in S3, parameters, variables, entry points."""
    environment = _Recorder()
    defaults = read_settings(environment)
    chosen = msgspec.structs.replace(
        defaults, plan_bucket="BUCKET", plan_parameter_prefix="PREFIX", plan_folder="FOLDER"
    )
    deployment = Deployment(
        id="DEPLOYMENT", platform=Platform.ECS, stage="STAGE", application="APPLICATION", group="GROUP"
    )
    default_of = {f"GREENLIGHT_{name.upper()}": value for name, value in msgspec.to_builtins(defaults).items()}
    in_template = yaml_template()["Parameters"]["PlanParameterPrefix"]["Default"]
    return sorted(
        [
            *(f"tag {tag}" for tag in (PLAN_TAG, HOST_TAG, ENVIRONMENT_TAG)),
            *(f"plan {number}: {uri}" for number, uri in enumerate(candidate_uris(chosen, deployment), 1)),
            f"plan prefix in SSM: {in_template}",
            f"plan without a place: {DEFAULT_CHECKS}",
            *(f"S3 {_pattern(name)}" for name in gate().cloud.objects),
            f"S3 reports/{hold_key('DEPLOYMENT', 'STAGE')}",
            *(f"S3 list {prefix}" for prefix in set(gate().cloud.lists)),
            *(f"variable {name}: default {compact(default_of[name])}" for name in environment.names),
            f"variable {VARIABLE_PREFIX}NAME",
            f"entry points {ENTRY_POINTS}",
            f"folder of validators {shipped_package()}",
            *(f"stage {stage}" for stage in STAGES),
        ]
    )


def _pattern(name: str) -> str:
    """Return an object's name with words in place of what differs from gate to gate."""
    name = re.sub(r"[0-9a-f]{64}", "DIGEST", re.sub(r"\d{13}-\d{8}T\d{6}Z", "ORDER-TIME", name))
    return name.replace(DEPLOYMENT, "DEPLOYMENT").replace(GATE_STAGE, "STAGE").replace("sample.json", "NAME.json")


# ---- The template ----------------------------------------------------------------------------------------------------


class _Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's short forms, each as a map of one key."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    return {suffix: loader.construct_mapping(node, deep=True)}  # type: ignore[arg-type]


_Loader.add_multi_constructor("!", _short_form)


@functools.cache
def yaml_template() -> dict[str, Any]:
    """Read template.yaml."""
    template: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(encoding="utf-8"), _Loader)  # noqa: S506
    return template


def template() -> list[str]:
    """Return parameters, outputs, exports, resources, names and variables of template.yaml."""
    document = yaml_template()
    lines = []
    for name, parameter in document["Parameters"].items():
        facts = {key: value for key, value in parameter.items() if "Description" not in key}
        lines += [f"parameter {name}: {key} {compact(value)}" for key, value in facts.items()]
    for name, output in document["Outputs"].items():
        lines.append(f"output {name}: {compact(output['Value'])}")
        lines += [f"output {name}: export {compact(value)}" for value in output.get("Export", {}).values()]
    for name, resource in document["Resources"].items():
        lines += _resource_lines(name, resource)
    for name, value in document["Globals"]["Function"]["Environment"]["Variables"].items():
        lines.append(f"variable {name}: {compact(value)}")
    return sorted(lines)


def _resource_lines(name: str, resource: Mapping[str, Any]) -> Iterator[str]:
    properties = resource["Properties"]
    yield f"resource {name}: {resource['Type']}"
    for key in NAMES:
        if key in properties:
            yield f"resource {name}: {key} {compact(properties[key])}"
    queries = properties.get("Metrics", ()) if resource["Type"] == "AWS::CloudWatch::Alarm" else ()
    metrics = [query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query]
    for metric in [properties, *metrics] if "MetricName" in properties else metrics:
        dimensions = compact(metric.get("Dimensions", []))
        yield f"resource {name}: metric {metric['Namespace']} {metric['MetricName']} {dimensions}"
    for variable in properties.get("Environment", {}).get("Variables", ()):
        yield f"resource {name}: variable {variable}"
    dashboard = compact(properties.get("DashboardBody", "")).replace('\\"', '"')
    for metric in sorted(set(re.findall(r'\["greenlight", "(\w+)"', dashboard))):
        yield f"resource {name}: shows metric {metric}"
    for field in sorted(set(re.findall(r"[a-z_]+\.[a-z_]+|@\w+|\w+_id", str(properties.get("QueryString", ""))))):
        yield f"resource {name}: reads {field}"


# ---- The interface for validators ------------------------------------------------------------------------------------


def interface() -> list[str]:
    """Return what `greenlight.api` and `greenlight.testing` give to validators of others and to their tests."""
    lines = []
    for module, names in (("api", api.__all__), ("testing", testing.__all__)):
        source: Any = api if module == "api" else testing
        for name in names:
            lines += _interface_lines(f"{module}.{name}", getattr(source, name))
    return sorted(set(lines))


def _interface_lines(path: str, value: Any) -> Iterator[str]:
    if inspect.isfunction(value):
        yield f"{path}{_arguments(value)}"
    elif inspect.isclass(value):
        yield f"{path}: class"
        if issubclass(value, enum.Enum):
            yield from (f"{path}: value {member.value}" for member in value)
        for kind in value.__mro__:
            if kind.__module__.partition(".")[0] == "greenlight":
                yield from _member_lines(path, kind)
    else:
        yield f"{path}: value"


def _member_lines(path: str, kind: type) -> Iterator[str]:
    for name in {*vars(kind), *getattr(kind, "__annotations__", {}), *getattr(kind, "__struct_fields__", ())}:
        member = inspect.getattr_static(kind, name, None)
        member = getattr(member, "__func__", member)
        if name == "__init__" and path.startswith("testing.") and inspect.isfunction(member):
            yield f"{path}{_arguments(member)}"
        elif name.startswith("_") or (issubclass(kind, enum.Enum) and name.isupper()):
            continue
        elif inspect.isfunction(member):
            yield f"{path}.{name}{_arguments(member)}"
        else:
            yield f"{path}.{name}"


def _arguments(function: Callable[..., Any]) -> str:
    """Return a function's parameters by name, without types; = marks those with a default."""
    return str(
        inspect.Signature(
            [
                parameter.replace(annotation=parameter.empty, default=parameter.default and ...)
                if parameter.default is not parameter.empty
                else parameter.replace(annotation=parameter.empty)
                for parameter in inspect.signature(function).parameters.values()
            ]
        )
    ).replace("=Ellipsis", "=…")


CONTRACTS: dict[str, Callable[[], list[str]]] = {
    "command-documents": command_documents,
    "commands": commands,
    "event": event,
    "exit-codes": exit_codes,
    "index-entry": index_entry,
    "interface": interface,
    "language": language,
    "log": log,
    "metrics": metrics,
    "notice": notice,
    "override": override,
    "places": places,
    "plans": plans,
    "report": report,
    "rules": rules,
    "scenarios": scenarios,
    "template": template,
    "validators": validators,
}
