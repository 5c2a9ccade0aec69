"""Conformance kit: one call that checks a validator against every promise that validators make.

Most of it covers the ways in which a validator could pass, leak, hang or crash although it must not. All violations are
reported at once, a sentence each.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import inspect
import io
import json
import logging
import pathlib
import re
import sys
import textwrap
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from greenlight.api import Deployment, Finding, Outcome, Side, Validator
from greenlight.aws.client import iam_action
from greenlight.checks import registry
from greenlight.checks.binding import bind
from greenlight.checks.registry import MalformedError
from greenlight.core.errors import PlanError
from greenlight.core.finding import Cause
from greenlight.plan import parser
from greenlight.testing.broken import BROKEN
from greenlight.testing.fakes import (
    ConnectionHandler,
    HttpServer,
    RecordingAws,
    RequestHandler,
    SingleRegistry,
    StubbedAws,
    bind_check,
    context_for,
    deployment_for,
    moto_aws,
    run_check,
    tcp_server,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


SECRET = "kq7Zp2Vx9Lm4Tw8Rd3Yb"  # noqa: S105 - not a real one
"""Example of a secret in parameters. A case may use it; the kit also appends it to every text of the passing case."""

MIN_LEAK_LENGTH = 8
"""Characters of the secret that count as a leak: enough to recognize it, and too many to be there by chance."""

RUNS = 3
"""Runs of the same case, to see whether they end the same."""

PATIENCE_S = 2.0
"""Time beyond its limit before an attempt counts as hung; a busy machine is not the validator's fault."""

Faults = dict[tuple[str, str], Callable[[Any], Any]]

_ACTION = re.compile(r"[a-z0-9-]+:[A-Z][A-Za-z0-9]*")
_MEASURED = re.compile(r"\d+\.\d+|\d+ ?(ms|s)\b|greenlight-[0-9a-f]{16}")
"""Parts of a text that may differ between runs: measured numbers, and ids of `greenlight.api.unique_id`."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Situation in which a validator is run.

    Attributes:
        params: Plain data, as in a plan.
        green, blue: Handler of requests to a side; without it the side has the URL of `deployment`, if any.
        tcp: Handler of connections to green, instead of `green`, for protocols other than HTTP.
        aws: Adds the responses of AWS; called for each run.
        moto: Fills an account simulated by moto; called for each run. Use `aws`, `moto` or neither.
        deployment: The deployment; by default one that the validator works for.
        allowed_hosts: Hosts that the operator allows.
        timeout_s: Time limit of an attempt.
    """

    params: Any = {}
    green: RequestHandler | None = None
    blue: RequestHandler | None = None
    tcp: ConnectionHandler | None = None
    aws: Callable[[StubbedAws], None] | None = None
    moto: Callable[[RecordingAws], None] | None = None
    deployment: Deployment | None = None
    allowed_hosts: tuple[str, ...] = ()
    timeout_s: float = 1.0


def check_validator(
    validator: Validator | str | pathlib.Path,
    *,
    passing: Case,
    failing: Case,
    other_cases: Sequence[Case] = (),
    harmless_faults: Iterable[str] = (),
) -> None:
    """Check a validator against every promise of validators.

    Args:
        validator: The validator, its name, or its file, which is then loaded as the gate loads it.
        passing: A situation in which it passes, with an expectation as strict as its users write.
        failing: A situation in which green is wrong; it must end with FAIL.
        other_cases: Further situations with any outcome, for AWS calls that the first two do not make.
        harmless_faults: Names of faults in spite of which it rightly passes, such as `garbage` for a validator that
            only looks at the status. A name that is not a fault of these cases is a violation itself.

    Raises:
        AssertionError: Promises are broken; the message lists all of them, a sentence each.
    """
    loaded = validator if isinstance(validator, Validator) else load_validator(validator)
    kit = _Kit(loaded, passing, failing, tuple(other_cases), frozenset(harmless_faults))
    violations = list(dict.fromkeys(kit.violations()))
    if violations:
        count = f"{len(violations)} promise{'s' * (len(violations) > 1)} of validators"
        raise AssertionError("\n- ".join([f"{loaded.name} breaks {count}:", *violations]))


def load_validator(name_or_file: str | pathlib.Path) -> Validator:
    """Load a validator of this installation by its name, or one from a file.

    Raises:
        MalformedError: It does not exist or is not a valid validator; the message gives the reason.
    """
    if isinstance(name_or_file, str):
        validator = registry.Registry().get(name_or_file)
        if validator is None:
            raise MalformedError(f"there is no validator {name_or_file!r} in this installation")
        return validator
    file = name_or_file
    loaded = registry.load_validator(file.stem, str(file), lambda: _import_file(file))
    if isinstance(loaded, MalformedError):
        raise loaded
    return loaded


def _import_file(file: pathlib.Path) -> Any:
    """Import a file as a module of its folder, so that `from ._x import y` finds helpers beside it."""
    folder = file.resolve().parent
    package = f"plugins_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    if package not in sys.modules:
        sys.modules[package] = types.ModuleType(package)
        sys.modules[package].__path__ = [str(folder)]
    name = f"{package}.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError("it is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # typing looks up the types of annotations there
    spec.loader.exec_module(module)
    return module


class _Run:
    """One run of a validator: its finding, its output to stdout, stderr and the log, and its AWS calls."""

    def __init__(self, finding: Finding, output: str, calls: Sequence[tuple[str, str]]) -> None:
        self.finding, self.output, self.calls = finding, output, tuple(calls)

    @property
    def hung(self) -> bool:
        return self.finding.cause is Cause.DEADLINE

    @property
    def crashed(self) -> bool:
        return self.finding.outcome is Outcome.ERROR and self.finding.message.startswith("the validator ")

    @property
    def result(self) -> str:
        return f"{self.finding.outcome.value}: {self.finding.message}"

    def shape(self) -> tuple[Outcome, list[str]]:
        """Return the parts that must be the same in every run: all but measured values."""
        evidence = [f"{item.query} {item.expected} {item.passed}" for item in self.finding.evidence]
        return self.finding.outcome, [_MEASURED.sub("…", text) for text in (self.finding.message, *evidence)]


class _Kit:
    """Search for violations of one validator, area by area."""

    def __init__(
        self,
        validator: Validator,
        passing: Case,
        failing: Case,
        other_cases: tuple[Case, ...],
        harmless_faults: frozenset[str],
    ) -> None:
        self._validator, self._passing, self._failing = validator, passing, failing
        self._other_cases, self._harmless_faults = other_cases, harmless_faults
        self._faults: set[str] = set()
        self._calls: set[str] = set()

    def violations(self) -> Iterator[str]:
        yield from self._entry()
        yield from self._parameters()
        yield from self._documented()
        unusable = [*self._check_binding("passing", self._passing), *self._check_binding("failing", self._failing)]
        if unusable:
            yield from unusable
            return
        first = self._run(self._passing)
        if first.hung:
            yield f"it does not end in its time of {self._passing.timeout_s:g} s in the passing case"
            return
        yield from self._outcomes()
        for case in self._other_cases:
            yield from self._check_finding(self._run(case), "in a case of `other_cases`")
        yield from self._broken_green()
        yield from self._broken_aws(first)
        yield from self._without_green()
        yield from self._leaks()
        yield from self._permissions()
        for name in sorted(self._harmless_faults - self._faults):
            faults = ", ".join(sorted(self._faults))
            yield f"harmless_faults names {name!r}, which is not a fault of these cases; there are {faults}"

    # ---- Catalogue entry, parameters, documentation

    def _entry(self) -> Iterator[str]:
        for action in self._validator.iam:
            if not _ACTION.fullmatch(action):
                yield f"iam= holds {action!r}, which is not an IAM action such as dynamodb:GetItem"
        if not self._validator.remediation:
            yield "remediation= is empty; it must say what to do when the check does not pass"
        if not self._validator.platforms or not self._validator.stages:
            yield "it works on no platform or at no stage"

    def _parameters(self) -> Iterator[str]:
        from devkit.reference.plan_schema import params_schema

        params = self._validator.params
        if not params.__dict__.get("__doc__"):  # getdoc would return the inherited docstring of `Params`
            yield f"{params.__name__} needs a docstring that says what its parameters mean"
        try:
            json.dumps(params_schema(params))
        except Exception as error:  # noqa: BLE001 - after any error editors have no schema
            yield f"no JSON Schema can be made of {params.__name__}: {type(error).__name__}: {error}"
            return
        for struct in _structs(params):
            if not struct.__struct_config__.frozen:
                name = struct.__name__
                yield f"{name} is not frozen; write class {name}(Params, frozen=True, kw_only=True)"
            if not struct.__struct_config__.forbid_unknown_fields:
                yield (
                    f"{struct.__name__} takes keys that it does not know, so a misspelt expectation would count for "
                    "nothing; derive it from Params"
                )
        if isinstance(self._passing.params, dict):
            with contextlib.suppress(PlanError):
                self._bind(replace(self._passing, params={**self._passing.params, "no_such_key": 1}))
                yield "an unknown key in its parameters is not refused"

    def _documented(self) -> Iterator[str]:
        from devkit.reference.struct_docs import example

        name = self._validator.name
        module = inspect.getmodule(self._validator.run)
        text = inspect.getdoc(module) if module else None
        if not (text or "").startswith(f"{name}: "):
            yield f"the docstring of its file must begin with '{name}: ' and its claim; it is what the catalogue shows"
        block = example(text or "")
        if not block:
            yield "the docstring of its file has no 'Example:' with the checks of a plan, indented by four"
            return
        deployment = deployment_for(self._validator)
        try:
            plan = parser.parse(
                f"version: 1\nstages:\n  {deployment.stage}:\n{textwrap.indent(block, '    ')}", "example"
            )
            single: Any = SingleRegistry(self._validator)
            checks = bind(plan, deployment, {}, single)[deployment.stage]
        except PlanError as error:
            yield f"the example in its docstring is not a valid plan: {error}"
            return
        if not any(bound.check.validator == name for bound in checks):
            yield f"the example in its docstring does not use {name}"

    # ---- Behavior

    def _check_binding(self, label: str, case: Case) -> Iterator[str]:
        try:
            self._bind(case)
        except PlanError as error:
            yield f"the parameters of the {label} case are refused: {error}"

    def _outcomes(self) -> Iterator[str]:
        for label, case, expected in (
            ("passing", self._passing, Outcome.PASS),
            ("failing", self._failing, Outcome.FAIL),
        ):
            with self._serve(case) as run_once:
                runs = [run_once() for _ in range(RUNS)]
            wrong = [run for run in runs if run.finding.outcome is not expected]
            if wrong:
                yield f"the {label} case ends with {wrong[0].result}"
            yield from self._check_finding(runs[0], f"in the {label} case")
            if len({repr(run.shape()) for run in runs}) > 1:
                findings = " / ".join(dict.fromkeys(run.result for run in runs))
                yield f"the {label} case ends differently each time: {findings}"
            if expected is Outcome.PASS and not wrong and not runs[0].finding.evidence:
                yield "it passes without evidence, so a report cannot show what was looked at"

    def _broken_green(self) -> Iterator[str]:
        if self._passing.green is None and self._passing.tcp is None:
            return
        for name, (description, serve) in BROKEN.items():
            with serve() as url:
                yield from self._check_fault(name, f"when {description}", self._run(self._passing, url))

    def _broken_aws(self, first: _Run) -> Iterator[str]:
        for service, operation in dict.fromkeys(first.calls):
            action = iam_action(service, operation)
            for name, fault in _AWS_FAULTS.items():
                run = self._run(self._passing, faults={(service, operation): fault})
                yield from self._check_fault(f"{name}:{action}", f"when AWS {_AWS_WORDS[name].format(action)}", run)

    def _without_green(self) -> Iterator[str]:
        deployment = self._deployment(self._passing)
        bare = replace(deployment, green=Side(), blue=Side(), function="", alias="", cluster="", service="")
        case = replace(self._passing, deployment=bare, green=None, blue=None, tcp=None)
        if case.deployment == deployment and self._passing.green is None and self._passing.tcp is None:
            return
        yield from self._check_fault("absent", "when the deployment has no green to look at", self._run(case))

    def _check_fault(self, name: str, when: str, run: _Run) -> Iterator[str]:
        self._faults.add(name)
        if run.hung:
            yield f"{when} it does not end in its time of {self._passing.timeout_s:g} s"
            return
        if run.finding.outcome is Outcome.PASS and name not in self._harmless_faults:
            yield f"{when} it passes: {run.finding.message!r} (if that is right, say harmless_faults={{{name!r}}})"
        yield from self._check_finding(run, when)

    def _check_finding(self, run: _Run, when: str) -> Iterator[str]:
        """Yield what no finding may be, whatever its outcome."""
        if run.crashed:
            yield f"{when} it crashes: {run.finding.message}"
        elif not run.finding.message.strip():
            yield f"{when} its finding has no message"

    def _leaks(self) -> Iterator[str]:
        cases = [
            self._passing,
            self._failing,
            *(replace(self._passing, params=params) for params in _with_secret(self._passing.params)),
        ]
        for case in cases:
            if SECRET not in json.dumps(case.params) or list(self._check_binding("", case)):
                continue
            run = self._run(case)
            finding_text = f"{run.finding.message} {[msgspec.to_builtins(item) for item in run.finding.evidence]}"
            for place, text in (("shows in its finding", finding_text), ("prints or logs", run.output)):
                if leak := _leaked_part(text):
                    yield (
                        f"it {place} a part of a secret that its parameters hold ({leak!r}), "
                        "where no redaction finds it"
                    )

    def _permissions(self) -> Iterator[str]:
        for case in (self._failing, *self._other_cases):
            self._run(case)
        # IAM ignores case, and the name of a call in boto3 does not show the case of its action.
        declared = {action.lower(): action for action in self._validator.iam}
        called = {action.lower(): action for action in self._calls}
        if missing := sorted(called[action] for action in called.keys() - declared.keys()):
            yield f"it calls {', '.join(missing)} and its iam= does not say so"
        if unused := sorted(declared[action] for action in declared.keys() - called.keys()):
            yield (
                f"its iam= holds {', '.join(unused)}, which no case here calls; take it out, or add a case to "
                "`other_cases`"
            )

    # ---- Running

    def _deployment(self, case: Case) -> Deployment:
        return case.deployment or deployment_for(self._validator)

    def _bind(self, case: Case) -> None:
        bind_check(self._validator, case.params, self._deployment(case), None)

    def _run(self, case: Case, url: str = "", faults: Faults | None = None) -> _Run:
        with self._serve(case, url, faults) as run_once:
            return run_once()

    @contextlib.contextmanager
    def _serve(self, case: Case, url: str = "", faults: Faults | None = None) -> Iterator[Callable[[], _Run]]:
        """Serve the sides of a case and yield a function that runs it; `url` is a green that is already served."""
        deployment = self._deployment(case)
        with contextlib.ExitStack() as stack:
            url = url or (stack.enter_context(tcp_server(case.tcp)) if case.tcp else "")
            for side, handler in (("green", case.green), ("blue", case.blue)):
                if side == "green" and url:
                    deployment = replace(deployment, green=replace(deployment.green, url=url))
                elif handler is not None:
                    served = replace(getattr(deployment, side), url=stack.enter_context(HttpServer(handler)).url)
                    deployment = replace(deployment, **{side: served})

            def run_once() -> _Run:
                with _account(case) as aws:
                    aws.recorder.faults.update(faults or {})
                    options: dict[str, Any] = {
                        "allowed_hosts": case.allowed_hosts,
                        "timeout_s": case.timeout_s,
                        "secrets": (SECRET,),
                    }
                    with context_for(deployment, aws=aws, **options) as context, _capture_output() as output:
                        finding = run_check(self._validator, case.params, context, patience_s=PATIENCE_S)
                    result = _Run(finding, output.getvalue(), aws.calls)
                self._calls |= {iam_action(*call) for call in result.calls}
                return result

            yield run_once


def _structs(params: Any) -> Iterator[Any]:
    """Yield a struct and all structs in its fields, each once."""
    seen: dict[Any, None] = {}

    def walk(node: Any) -> None:
        if isinstance(node, msgspec.inspect.StructType):
            if node.cls in seen:
                return
            seen[node.cls] = None
        if isinstance(node, (tuple, list)):
            for item in node:
                walk(item)
        elif isinstance(node, msgspec.Struct):
            for name in node.__struct_fields__:
                walk(getattr(node, name))

    walk(msgspec.inspect.type_info(params))
    yield from seen


def _with_secret(params: Any) -> Iterator[Any]:
    """Yield copies of parameters, each with the secret appended to one text."""
    if isinstance(params, str):
        yield params + SECRET
    elif isinstance(params, (dict, list)):
        for key, value in params.items() if isinstance(params, dict) else enumerate(params):
            for changed in _with_secret(value):
                copy = params.copy()
                copy[key] = changed
                yield copy


def _leaked_part(text: str) -> str:
    """Return a part of the secret that `text` contains, in any case; "" if it contains nothing of it."""
    lower, secret = text.lower(), SECRET.lower()
    parts = (secret[start : start + MIN_LEAK_LENGTH] for start in range(len(secret) - MIN_LEAK_LENGTH + 1))
    return next((part for part in parts if part in lower), "")


@contextlib.contextmanager
def _capture_output() -> Iterator[io.StringIO]:
    """Capture stdout, stderr and the log."""
    output = io.StringIO()
    handler, root = logging.StreamHandler(output), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            yield output
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@contextlib.contextmanager
def _account(case: Case) -> Iterator[Any]:
    """Yield the AWS of a case, before any call."""
    if case.moto is not None:
        with moto_aws() as account:
            case.moto(account)
            account.calls.clear()
            yield account
        return
    stubbed = StubbedAws()
    try:
        if case.aws is not None:
            case.aws(stubbed)
        yield stubbed
    finally:
        stubbed.close()


def _error_response(status: int, code: str) -> Callable[[Any], Any]:
    def respond(model: Any) -> Any:
        from botocore.awsrequest import AWSResponse, HTTPHeaders

        body = {"Error": {"Code": code, "Message": "on purpose"}} if code else {}
        return AWSResponse(f"https://{model.service_model.service_name}.test", status, HTTPHeaders(), None), body

    return respond


def _unreachable(model: Any) -> Any:
    from botocore.exceptions import EndpointConnectionError

    raise EndpointConnectionError(endpoint_url=f"https://{model.service_model.service_name}.test")


_AWS_FAULTS = {
    "denied": _error_response(403, "AccessDeniedException"),
    "throttled": _error_response(400, "ThrottlingException"),
    "unreachable": _unreachable,
    "nothing": _error_response(200, ""),
}
_AWS_WORDS = {
    "denied": "denies {}",
    "throttled": "throttles {}",
    "unreachable": "does not answer {}",
    "nothing": "answers {} with nothing",
}
