"""The conformance kit: one call that holds a validator against every promise that validators make.

A gate is closed by what is not proven, so most of it is about the ways in which a validator could pass, leak, hang or
crash where it should not. All that is broken is said at once, a sentence each.
"""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import io
import json
import logging
import pathlib
import re
import sys
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from greenlight.api import Deployment, Finding, Outcome, Side, Validator
from greenlight.aws.client import iam_action
from greenlight.checks import registry
from greenlight.checks.binding import bind
from greenlight.checks.registry import MalformedError, Registry
from greenlight.core.errors import PlanError
from greenlight.core.finding import Cause
from greenlight.plan import parser
from greenlight.testing.broken import BROKEN
from greenlight.testing.fakes import (
    ConnectionHandler,
    HttpServer,
    RecordingAws,
    RequestHandler,
    StubbedAws,
    _Only,
    bound,
    context_for,
    deployment_for,
    moto_aws,
    run_check,
    tcp_server,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


SECRET = "kq7Zp2Vx9Lm4Tw8Rd3Yb"  # noqa: S105 - nobody's
"""Stands for a secret in parameters. A case may use it; the kit appends it to every text of the passing case, too."""

PIECE = 8
"""Characters of a secret that count as the secret: enough to recognise it, too few to be there by chance."""

TURNS = 3
"""How often the same is run, to see whether the same comes out."""

PATIENCE_S = 2.0
"""What an attempt may take beyond its time before it is said to hang; a busy machine is no fault of the validator."""

Faults = dict[tuple[str, str], Callable[[Any], Any]]

_ACTION = re.compile(r"[a-z0-9-]+:[A-Z][A-Za-z0-9]*")
_MEASURED = re.compile(r"\d+\.\d+|\d+ ?(ms|s)\b|greenlight-[0-9a-f]{16}")
"""What may differ from run to run: what was measured, and the unique text of a probe (`greenlight.api.fresh`)."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One situation to run a validator in.

    Attributes:
        params: As a plan writes them, in plain data.
        green, blue: What the sides answer; without one the side has the URL that `deployment` gives it, if any.
        tcp: What green does with each connection, in place of `green`, for protocols other than HTTP.
        aws: Writes down the answers of AWS; called anew for every run.
        moto: Fills an account by moto; called anew for every run. One of the two, or neither.
        deployment: What is being deployed; one that the validator works for when left out.
        allowed_hosts: Further hosts that the operator would allow.
        timeout_s: The time of an attempt.
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
    """Hold a validator against every promise of validators.

    Args:
        validator: The validator, its name, or the file it is in, which is then loaded as the gate loads it.
        passing: A situation in which it passes, with as strict an expectation as its users would write.
        failing: One in which green is wrong; it must end with FAIL.
        other_cases: Further situations, whatever they end with, for AWS calls that neither of the two leads to.
        harmless_faults: Names of faults that rightly do not keep it from passing, such as `garbage` for one that looks at
            the status alone. A name that is no fault of these cases is a violation itself.

    Raises:
        AssertionError: Promises are broken; all of them, a sentence each.
    """
    loaded = validator if isinstance(validator, Validator) else load_validator(validator)
    kit = _Kit(loaded, passing, failing, tuple(other_cases), frozenset(harmless_faults))
    said = list(dict.fromkeys(kit.violations()))
    if said:
        count = f"{len(said)} promise{'s' * (len(said) > 1)} of validators"
        raise AssertionError("\n- ".join([f"{loaded.name} breaks {count}:", *said]))


def load_validator(which: str | pathlib.Path) -> Validator:
    """Give a validator by its name in this installation, or from the file it is in.

    Raises:
        MalformedError: There is none, or it is none; the sentence says why.
    """
    if isinstance(which, str):
        found: Validator | MalformedError | None = Registry().get(which)
        if found is None:
            raise MalformedError(f"there is no validator {which!r} in this installation")
    else:
        found = registry.load_validator(which.stem, str(which), lambda: _imported(which))
    if isinstance(found, MalformedError):
        raise found
    return found


def _imported(file: pathlib.Path) -> Any:
    name = f"plugin_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError("it is no file of Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where types are looked up that annotations name
    spec.loader.exec_module(module)
    return module


class _Ran:
    """One run: the finding, what was printed and logged meanwhile, and the AWS calls that were made."""

    def __init__(self, finding: Finding, printed: str, calls: Sequence[tuple[str, str]]) -> None:
        self.finding, self.printed, self.calls = finding, printed, tuple(calls)

    @property
    def hung(self) -> bool:
        return self.finding.cause is Cause.DEADLINE

    @property
    def crashed(self) -> bool:
        return self.finding.outcome is Outcome.ERROR and self.finding.message.startswith("the validator ")

    @property
    def said(self) -> str:
        return f"{self.finding.outcome.value}: {self.finding.message}"

    def shape(self) -> tuple[Outcome, list[str]]:
        """Give what must be the same at every turn: everything but what was measured."""
        looked_at = [f"{each.query} {each.expected} {each.passed}" for each in self.finding.evidence]
        return self.finding.outcome, [_MEASURED.sub("…", text) for text in (self.finding.message, *looked_at)]


class _Kit:
    """Collects what a validator breaks, area by area."""

    def __init__(
        self, validator: Validator, passing: Case, failing: Case, also: tuple[Case, ...], harmless: frozenset[str]
    ) -> None:
        self._validator, self._passing, self._failing, self._also = validator, passing, failing, also
        self._harmless = harmless
        self._faults: set[str] = set()
        self._calls: set[str] = set()

    def violations(self) -> Iterator[str]:
        yield from self._entry()
        yield from self._parameters()
        yield from self._documented()
        unusable = [*self._unbound("passing", self._passing), *self._unbound("failing", self._failing)]
        if unusable:
            yield from unusable
            return
        first = self._ran(self._passing)
        if first.hung:
            yield f"it does not end in its time of {self._passing.timeout_s:g} s in the passing case"
            return
        yield from self._outcomes()
        for case in self._also:
            yield from self._decent(self._ran(case), "in a case of `other_cases`")
        yield from self._broken_green()
        yield from self._broken_aws(first)
        yield from self._nothing_there()
        yield from self._leaks()
        yield from self._permissions()
        for name in sorted(self._harmless - self._faults):
            known = ", ".join(sorted(self._faults))
            yield f"harmless_faults names {name!r}, which is no fault of these cases; there are {known}"

    # ---- What it says of itself

    def _entry(self) -> Iterator[str]:
        for action in self._validator.iam:
            if not _ACTION.fullmatch(action):
                yield f"iam= holds {action!r}, which is no IAM action such as dynamodb:GetItem"
        if not self._validator.remediation:
            yield "remediation= is empty: nobody is told what to do when the check does not pass"
        if not self._validator.platforms or not self._validator.stages:
            yield "it works on no platform or at no stage"

    def _parameters(self) -> Iterator[str]:
        from devkit.reference.plan_schema import params_schema

        kind = self._validator.params
        if not kind.__dict__.get("__doc__"):  # that of `Params` would be inherited
            yield f"{kind.__name__} needs a docstring that says what its parameters mean"
        try:
            json.dumps(params_schema(kind))
        except Exception as error:  # noqa: BLE001 - whatever it is, editors get no schema
            yield f"no JSON Schema can be made of {kind.__name__}: {type(error).__name__}: {error}"
            return
        for struct in _structs(kind):
            if not struct.__struct_config__.frozen:
                yield f"{struct.__name__} is not frozen; write class {struct.__name__}(Params, frozen=True, kw_only=True)"
            if not struct.__struct_config__.forbid_unknown_fields:
                yield f"{struct.__name__} takes keys that it does not know, so a misspelt expectation would count for nothing; derive it from Params"
        if isinstance(self._passing.params, dict):
            with contextlib.suppress(PlanError):
                self._bound(replace(self._passing, params={**self._passing.params, "no_such_key": 1}))
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
            read = parser.parse(
                f"version: 1\nstages:\n  {deployment.stage}:\n{textwrap.indent(block, '    ')}", "example"
            )
            only: Any = _Only(self._validator)
            checks = bind(read, deployment, {}, only)[deployment.stage]
        except PlanError as error:
            yield f"the example in its docstring is no plan: {error}"
            return
        if not any(each.check.validator == name for each in checks):
            yield f"the example in its docstring does not use {name}"

    # ---- What it does

    def _unbound(self, which: str, case: Case) -> Iterator[str]:
        try:
            self._bound(case)
        except PlanError as error:
            yield f"the parameters of the {which} case are refused: {error}"

    def _outcomes(self) -> Iterator[str]:
        for which, case, wanted in (
            ("passing", self._passing, Outcome.PASS),
            ("failing", self._failing, Outcome.FAIL),
        ):
            with self._staged(case) as turn:
                turns = [turn() for _ in range(TURNS)]
            wrong = [each for each in turns if each.finding.outcome is not wanted]
            if wrong:
                yield f"the {which} case ends with {wrong[0].said}"
            yield from self._decent(turns[0], f"in the {which} case")
            if len({repr(each.shape()) for each in turns}) > 1:
                findings = " / ".join(dict.fromkeys(each.said for each in turns))
                yield f"the {which} case ends differently each time: {findings}"
            if wanted is Outcome.PASS and not wrong and not turns[0].finding.evidence:
                yield "it passes without evidence, so a report cannot show what was looked at"

    def _broken_green(self) -> Iterator[str]:
        if self._passing.green is None and self._passing.tcp is None:
            return
        for name, (what, serve) in BROKEN.items():
            with serve() as url:
                yield from self._faulty(name, f"when {what}", self._ran(self._passing, url))

    def _broken_aws(self, first: _Ran) -> Iterator[str]:
        for service, operation in dict.fromkeys(first.calls):
            action = iam_action(service, operation)
            for name, fault in _AWS_FAULTS.items():
                ran = self._ran(self._passing, fault={(service, operation): fault})
                yield from self._faulty(f"{name}:{action}", f"when AWS {_AWS_WORDS[name].format(action)}", ran)

    def _nothing_there(self) -> Iterator[str]:
        deployment = self._deployment(self._passing)
        bare = replace(deployment, green=Side(), blue=Side(), function="", alias="", cluster="", service="")
        case = replace(self._passing, deployment=bare, green=None, blue=None, tcp=None)
        if case.deployment == deployment and self._passing.green is None and self._passing.tcp is None:
            return
        yield from self._faulty("absent", "when the deployment has no green to look at", self._ran(case))

    def _faulty(self, name: str, when: str, ran: _Ran) -> Iterator[str]:
        self._faults.add(name)
        if ran.hung:
            yield f"{when} it does not end in its time of {self._passing.timeout_s:g} s"
            return
        if ran.finding.outcome is Outcome.PASS and name not in self._harmless:
            yield f"{when} it passes: {ran.finding.message!r} (if that is right, say harmless_faults={{{name!r}}})"
        yield from self._decent(ran, when)

    def _decent(self, ran: _Ran, when: str) -> Iterator[str]:
        """Say what no finding may be, whatever it finds."""
        if ran.crashed:
            yield f"{when} it crashes, which helps nobody: {ran.finding.message}"
        elif not ran.finding.message.strip():
            yield f"{when} its finding has no message"

    def _leaks(self) -> Iterator[str]:
        cases = [
            self._passing,
            self._failing,
            *(replace(self._passing, params=each) for each in _marked(self._passing.params)),
        ]
        for case in cases:
            if SECRET not in json.dumps(case.params) or list(self._unbound("", case)):
                continue
            ran = self._ran(case)
            shown = f"{ran.finding.message} {[msgspec.to_builtins(each) for each in ran.finding.evidence]}"
            for where, text in (("shows in its finding", shown), ("prints or logs", ran.printed)):
                if piece := _piece(text):
                    yield f"it {where} a part of a secret that its parameters hold ({piece!r}), where no redaction finds it"

    def _permissions(self) -> Iterator[str]:
        for case in (self._failing, *self._also):
            self._ran(case)
        # IAM does not tell capitals from small letters, and a call's name in boto3 does not say which it had.
        declared = {action.lower(): action for action in self._validator.iam}
        called = {action.lower(): action for action in self._calls}
        if missing := sorted(called[action] for action in called.keys() - declared.keys()):
            yield f"it calls {', '.join(missing)} and its iam= does not say so"
        if unused := sorted(declared[action] for action in declared.keys() - called.keys()):
            yield f"its iam= holds {', '.join(unused)}, which no case here calls; take it out, or add a case to `other_cases`"

    # ---- Running

    def _deployment(self, case: Case) -> Deployment:
        return case.deployment or deployment_for(self._validator)

    def _bound(self, case: Case) -> None:
        bound(self._validator, case.params, self._deployment(case), None)

    def _ran(self, case: Case, url: str = "", fault: Faults | None = None) -> _Ran:
        with self._staged(case, url, fault) as turn:
            return turn()

    @contextlib.contextmanager
    def _staged(self, case: Case, url: str = "", fault: Faults | None = None) -> Iterator[Callable[[], _Ran]]:
        """Serve a case, and give what runs it; `url` is a green that is served already."""
        deployment = self._deployment(case)
        with contextlib.ExitStack() as stack:
            url = url or (stack.enter_context(tcp_server(case.tcp)) if case.tcp else "")
            for side, answer in (("green", case.green), ("blue", case.blue)):
                if side == "green" and url:
                    deployment = replace(deployment, green=replace(deployment.green, url=url))
                elif answer is not None:
                    served = replace(getattr(deployment, side), url=stack.enter_context(HttpServer(answer)).url)
                    deployment = replace(deployment, **{side: served})

            def turn() -> _Ran:
                with _account(case) as aws:
                    aws.watch.instead.update(fault or {})
                    options: dict[str, Any] = {
                        "allowed_hosts": case.allowed_hosts,
                        "timeout_s": case.timeout_s,
                        "secrets": (SECRET,),
                    }
                    with context_for(deployment, aws=aws, **options) as context, _overheard() as heard:
                        finding = run_check(self._validator, case.params, context, patience_s=PATIENCE_S)
                    ran = _Ran(finding, heard.getvalue(), aws.calls)
                self._calls |= {iam_action(*call) for call in ran.calls}
                return ran

            yield turn


def _structs(kind: Any) -> Iterator[Any]:
    """Give a struct and those in its fields, each once."""
    seen: dict[Any, None] = {}

    def walk(found: Any) -> None:
        if isinstance(found, msgspec.inspect.StructType):
            if found.cls in seen:
                return
            seen[found.cls] = None
        if isinstance(found, (tuple, list)):
            for each in found:
                walk(each)
        elif isinstance(found, msgspec.Struct):
            for name in found.__struct_fields__:
                walk(getattr(found, name))

    walk(msgspec.inspect.type_info(kind))
    yield from seen


def _marked(written: Any) -> Iterator[Any]:
    """Give copies of parameters in each of which one text ends with the secret."""
    if isinstance(written, str):
        yield written + SECRET
    elif isinstance(written, (dict, list)):
        for key, value in written.items() if isinstance(written, dict) else enumerate(written):
            for each in _marked(value):
                copy = written.copy()
                copy[key] = each
                yield copy


def _piece(text: str) -> str:
    """Give a part of the secret that stands in `text`, in whatever case; "" when there is none."""
    lower, secret = text.lower(), SECRET.lower()
    pieces = (secret[start : start + PIECE] for start in range(len(secret) - PIECE + 1))
    return next((piece for piece in pieces if piece in lower), "")


@contextlib.contextmanager
def _overheard() -> Iterator[io.StringIO]:
    """Keep what is printed and logged."""
    heard = io.StringIO()
    handler, root = logging.StreamHandler(heard), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            yield heard
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@contextlib.contextmanager
def _account(case: Case) -> Iterator[Any]:
    """Give the AWS of a case, with nothing called yet."""
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


def _refusing(status: int, code: str) -> Callable[[Any], Any]:
    def answer(model: Any) -> Any:
        from botocore.awsrequest import AWSResponse, HTTPHeaders

        said = {"Error": {"Code": code, "Message": "on purpose"}} if code else {}
        return AWSResponse(f"https://{model.service_model.service_name}.test", status, HTTPHeaders(), None), said

    return answer


def _unreachable(model: Any) -> Any:
    from botocore.exceptions import EndpointConnectionError

    raise EndpointConnectionError(endpoint_url=f"https://{model.service_model.service_name}.test")


_AWS_FAULTS = {
    "denied": _refusing(403, "AccessDeniedException"),
    "throttled": _refusing(400, "ThrottlingException"),
    "unreachable": _unreachable,
    "nothing": _refusing(200, ""),
}
_AWS_WORDS = {
    "denied": "denies {}",
    "throttled": "throttles {}",
    "unreachable": "does not answer {}",
    "nothing": "answers {} with nothing",
}
