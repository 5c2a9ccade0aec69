"""All that a validator may import. What stands here stays; nothing else of greenlight is promised.

A validator is one file: a module docstring with its claim, a frozen `Params`, one decorated function.

    class Tcp(Params):
        port: int

    @validator(Tcp, iam=())
    def tcp(params: Tcp, context: Context) -> Finding:
        ...
        return passed(f"port {params.port} accepts connections")
"""

from __future__ import annotations

import importlib
import inspect
import math
import time
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from greenlight import substitute
from greenlight.aws import calling, permission
from greenlight.decode import DurationExpectation, SizeExpectation
from greenlight.errors import AwsError, ExpectationError, GreenlightError, HttpError, NoAnswerError
from greenlight.expect import MISSING, Expectation, escaped, parse
from greenlight.http import Response
from greenlight.model import STAGES, Deployment, Evidence, Finding, Outcome, Platform, Series, Side
from greenlight.query import compiled, find
from greenlight.units import Duration, Size, default
from greenlight.values import inline

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from greenlight.address import Request as Addressed
    from greenlight.answer import (
        AnswerExpectation,
        CertificateExpectation,
        ContentExpectation,
        certified,
        looked_at,
    )
    from greenlight.aws import Aws
    from greenlight.captures import captured_value, checked_source, fresh, hidden
    from greenlight.certificate import Certificate, certificate
    from greenlight.compare import Compared, Difference, compared, differences, percentile
    from greenlight.cookies import Jar
    from greenlight.dynamodb import marshalled, unmarshalled
    from greenlight.exchange import SAFE, Call, exchanged
    from greenlight.http import Client
    from greenlight.invocation import Invocation, NoResultError, invoked
    from greenlight.lambda_events.event import HttpKind, LambdaEvent, built
    from greenlight.lambda_events.input import LambdaInput
    from greenlight.lambda_events.response import response
    from greenlight.lambda_events.stamp import Stamp
    from greenlight.lookups import deployment_group, service_tasks
    from greenlight.redact import Redactor
    from greenlight.schemas import mismatched
    from greenlight.yamlread import too_deep

__all__ = [
    "MISSING",
    "SAFE",
    "AnswerExpectation",
    "Call",
    "Certificate",
    "CertificateExpectation",
    "Compared",
    "ContentExpectation",
    "Context",
    "Deployment",
    "Difference",
    "Duration",
    "DurationExpectation",
    "Evidence",
    "Expectation",
    "ExpectationError",
    "Finding",
    "GreenlightError",
    "HttpError",
    "HttpKind",
    "Invocation",
    "Jar",
    "LambdaEvent",
    "LambdaInput",
    "Need",
    "NoAnswerError",
    "NoResultError",
    "Outcome",
    "Params",
    "Platform",
    "Response",
    "Series",
    "Side",
    "Size",
    "SizeExpectation",
    "Stamp",
    "Validator",
    "built",
    "captured_value",
    "certificate",
    "certified",
    "checked_source",
    "compared",
    "compiled",
    "default",
    "deployment_group",
    "differences",
    "error",
    "evidence",
    "exchanged",
    "failed",
    "filled",
    "find",
    "fresh",
    "hidden",
    "inconclusive",
    "invoked",
    "judged",
    "looked_at",
    "marshalled",
    "mismatched",
    "over_time",
    "passed",
    "percentile",
    "response",
    "sample",
    "service_tasks",
    "too_deep",
    "unmarshalled",
    "validator",
]  # fmt: skip

_WHEN_ASKED_FOR = {
    "answer": (
        "AnswerExpectation",
        "CertificateExpectation",
        "ContentExpectation",
        "certified",
        "looked_at",
    ),
    "captures": ("captured_value", "checked_source", "fresh", "hidden"),
    "certificate": ("Certificate", "certificate"),
    "compare": ("Compared", "Difference", "compared", "differences", "percentile"),
    "cookies": ("Jar",),
    "dynamodb": ("marshalled", "unmarshalled"),
    "exchange": ("SAFE", "Call", "exchanged"),
    "invocation": ("Invocation", "NoResultError", "invoked"),
    "lookups": ("deployment_group", "service_tasks"),
    "schemas": ("mismatched",),
    "yamlread": ("too_deep",),
    "lambda_events.event": ("HttpKind", "LambdaEvent", "built"),
    "lambda_events.input": ("LambdaInput",),
    "lambda_events.response": ("response",),
    "lambda_events.stamp": ("Stamp",),
}
"""Modules that few validators need, each with what it gives; a gate whose plan has none of those does not load them."""


def __getattr__(name: str) -> Any:
    """Give what is imported only when a validator asks for it."""
    for module, names in _WHEN_ASKED_FOR.items():
        if name in names:
            return getattr(importlib.import_module(f"greenlight.{module}"), name)
    raise AttributeError(f"greenlight.api has no {name!r}")


KEPT_LENGTH = 5000
"""Characters of one observed value that a validator hands on. The runner cuts further, after secrets are
taken out: a secret cut in half would no longer be found."""


MAX_PAGES = 50
"""Pages of one listing that a check reads; more are refused, not overlooked."""
_NEXT = {"NextToken": "NextToken", "nextToken": "nextToken", "NextMarker": "Marker"}
"""Where an answer says that there is a next page, by the name under which the next call hands that back."""

PLOTTED = 200
"""Numbers of one series that a plot gets; a screen shows no more."""

Need = str | tuple[str, str]
"""An IAM action, or one with the ARN of the resource it is needed for."""

NOTE_LENGTH = 600
"""Characters of what a validator says of itself for people: what to do next, and what a run costs."""


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a validator's parameters; an unknown key in a plan is refused."""


class Context:
    """What a validator gets beside its parameters: the deployment, the time it has, and guarded ways to the world."""

    def __init__(
        self,
        deployment: Deployment,
        timeout_s: float,
        client: Client,
        aws: Aws,
        redactor: Redactor | None = None,
    ) -> None:
        """Made by the runner for each attempt."""
        self.deployment = deployment
        self._timeout_s = timeout_s
        self._redactor = redactor
        self._deadline = time.monotonic() + timeout_s
        self._client = client
        self._aws = aws

    @property
    def green(self) -> Side:
        """The revision under test."""
        return self.deployment.green

    @property
    def blue(self) -> Side:
        """The revision that users have, or had."""
        return self.deployment.blue

    def remaining_s(self) -> float:
        """Give the time this attempt still has, in seconds; never negative."""
        return max(0.0, self._deadline - time.monotonic())

    def sleep(self, seconds: float) -> bool:
        """Wait, but not past the attempt's time; tell whether time is left."""
        time.sleep(max(0.0, min(seconds, self.remaining_s() - 0.05)))
        return self.remaining_s() > 0.1

    def keeping(self, seconds: float) -> Context:
        """Give a context with `seconds` less time; a check that must clean up does everything else with it."""
        left_s = max(0.0, self.remaining_s() - seconds)
        return Context(self.deployment, left_s, self._client, self._aws, self._redactor)

    def request(
        self,
        method: str,
        path_or_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        redirects: int = 0,
        max_bytes: int | None = None,
        side: Literal["green", "blue"] = "green",
        within_s: float | None = None,
        afresh: bool = False,
        jar: Jar | None = None,
    ) -> Response:
        """Make an HTTP exchange with green (for a path) or with an allowed host (for a URL).

        A path goes to the listener that leads to green, with the host name and headers its rule asks for; to the one
        that leads to blue where `side` says so, which there is until traffic shifts. It may take the time that is left,
        or `within_s` of it: a check that must clean up keeps some. `afresh` makes a connection of its own, so that all
        of the answer's `timings` and its `certificate` are known; a `jar` gives and takes cookies.

        Raises:
            HttpError: No exchange took place; its subclasses say why.
        """
        from greenlight.address import green_request

        left_s = self.remaining_s()
        asked = self.blue if side == "blue" else self.green
        where = green_request(asked, path_or_url, dict(headers or {}))
        return self._client.request(
            method,
            where.url,
            headers=where.headers,
            host=where.host,
            body=body,
            timeout_s=left_s if within_s is None else min(left_s, within_s),
            redirects=redirects,
            afresh=afresh,
            jar=jar,
            **({"max_bytes": max_bytes} if max_bytes else {}),
        )

    def session(self) -> Any:
        """Give a `requests.Session` on the same guarded pool; `get("/path")` goes to green."""
        from greenlight.session import session

        return session(self)

    def hide(self, value: Any) -> None:
        """Keep a value out of all that is shown of this attempt, such as a token that green gave."""
        written = value if isinstance(value, str) else "" if isinstance(value, bool) else _inline(value)
        if self._redactor is not None:
            self._redactor.hide(written)

    def excerpt(self, text: str, length: int = 160) -> str:
        """Give the start of a text in one line, for a message; secrets are taken out before it is cut, not after."""
        kept = text[: KEPT_LENGTH + length]
        clean = self._redactor.text(kept) if self._redactor else kept
        return " ".join(clean.split())[:length]

    def connect(self, host: str = "", port: int = 0, *, tls: bool = False, alpn: Sequence[str] = ()) -> socket.socket:
        """Open a connection for a protocol other than HTTP, to green or to an allowed host; close it yourself.

        Its time-out is what is left of the attempt; before reading again, set it anew to `remaining_s()`.

        Args:
            host: An allowed host; green's when left out.
            port: TCP port; that of green's URL when left out.
            tls: Make a TLS connection of it, its certificate verified for `host`, for green by the name it goes by.
            alpn: Protocols to offer in TLS, such as h2.

        Raises:
            HttpError: No connection was made; its subclasses say why.
        """
        from greenlight.address import green_address

        where = green_address(self.green, host, port)
        return self._client.connect(
            where.host, where.port, tls=tls, name=where.name, alpn=alpn, timeout_s=self.remaining_s()
        )

    def addressed(self, path_or_url: str, headers: Mapping[str, str] | None = None) -> Addressed:
        """Say where `request` would send this: the URL, the host name to use there, and the headers.

        Raises:
            HttpError: Green has no URL at this stage.
        """
        from greenlight.address import green_request

        return green_request(self.green, path_or_url, dict(headers or {}))

    def allows(self, host: str) -> bool:
        """Tell whether `host` is one of this deployment or allowed by the operator."""
        return self._client.allows(host)

    def aws_call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Make one AWS call, `operation` in boto3's spelling; it may take as long as an attempt and is not repeated.

        Raises:
            GreenlightError: AWS refused or did not answer; the sentence names the permission where one is missing.
        """
        # The time of a whole attempt, not what is left of it: a client costs more than a call, and polling is many calls.
        client = self._aws.client(service, read_timeout_s=max(1.0, round(self._timeout_s, 1)), attempts=1)
        answer: dict[str, Any] = calling(service, operation, lambda: getattr(client, operation)(**parameters))
        return answer

    def aws_pages(self, service: str, operation: str, /, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Make one AWS call page after page and give each answer; all pages, or it raises.

        Raises:
            GreenlightError: As `aws_call` does; or there are more than `MAX_PAGES` pages, or the attempt's time ended
                before the last: what was not read may hold anything.
        """
        token: dict[str, Any] = {}
        for _ in range(MAX_PAGES):
            answer = self.aws_call(service, operation, **parameters, **token)
            yield answer
            token = {sent: answer[given] for given, sent in _NEXT.items() if answer.get(given)}
            if not token:
                return
            if self.remaining_s() < 0.1:
                raise AwsError(
                    f"reading all pages of {permission(service, operation)} did not end within the check's time"
                )
        raise AwsError(f"{permission(service, operation)} has more than {MAX_PAGES} pages; ask for less at once")


class Validator:
    """A validator with its catalogue entry; made by the decorator, called by the runner."""

    def __init__(
        self,
        run: Callable[[Any, Context], Finding],
        params: type[Params],
        *,
        platforms: Sequence[Platform],
        stages: Sequence[str],
        iam: Sequence[str],
        unsafe: bool,
        remediation: str,
        cost: str,
        iam_of: Callable[[Any], Iterable[Need]] | None,
    ) -> None:
        """Check the entry; see `validator`."""
        self.name = run.__name__.rstrip("_")
        self.run = run
        self.params = params
        self.platforms = tuple(platforms)
        self.stages = tuple(stages)
        self.iam = tuple(iam)
        self.unsafe = unsafe
        self.remediation = remediation
        self.cost = cost
        self.iam_of = iam_of
        self.summary = (inspect.getdoc(run) or "").split("\n")[0]

    def needs(self, params: Any) -> list[tuple[str, str]]:
        """Give the IAM actions that a check with these parameters needs, each with its resource, "*" where none is known."""
        wanted = self.iam if self.iam_of is None else self.iam_of(params)
        return [(each, "*") if isinstance(each, str) else each for each in wanted]

    def __call__(self, params: Any, context: Context) -> Finding:
        """Run it."""
        return self.run(params, context)


def validator(
    params: type[Params],
    *,
    platforms: Iterable[str] = ("ecs", "lambda"),
    stages: Iterable[str] = STAGES,
    iam: Iterable[str] = (),
    unsafe: bool = False,
    remediation: str = "",
    cost: str = "",
    iam_of: Callable[[Any], Iterable[Need]] | None = None,
) -> Callable[[Callable[[Any, Context], Finding]], Validator]:
    """Make a function the validator of its name.

    Args:
        params: What a plan may say, a frozen `Params`.
        platforms: Where it means something.
        stages: When it means something.
        iam: IAM actions its calls need.
        unsafe: It may change data of the service under test.
        remediation: What a person does when the check did not pass, in a sentence or two: where to look, which command.
        cost: What one run costs: AWS requests and invocations, load on green; "" for nothing beyond requests to green.
        iam_of: Gives, of `iam`, what a check with the given parameters needs: actions, or pairs of an action and the ARN
            of its resource. An ARN begins with arn:aws: and may hold *. All of `iam` when left out.

    Raises:
        TypeError: The function, its parameters or its entry cannot be used; said where the file is loaded.
    """
    if not (isinstance(params, type) and issubclass(params, Params)):
        raise TypeError(f"@validator takes a subclass of greenlight.api.Params, not {params!r}")
    for field in msgspec.structs.fields(params):
        if isinstance(field.default, (Duration, Size)):
            raise TypeError(
                f"{params.__name__}.{field.name}: write its default as default({type(field.default).__name__}(...))"
            )
    for key, said in (("remediation", remediation), ("cost", cost)):
        # They go into every report as they are, so they must be what can be written, on one line.
        if not (isinstance(said, str) and said.isprintable() and len(said) <= NOTE_LENGTH):
            raise TypeError(f"@validator: {key} is one line of at most {NOTE_LENGTH} characters")
    wrong = [stage for stage in stages if stage not in STAGES]
    if wrong:
        raise TypeError(f"@validator: there is no stage {wrong[0]!r}")

    def decorate(run: Callable[[Any, Context], Finding]) -> Validator:
        accepted = list(inspect.signature(run).parameters.values())
        if len(accepted) != 2 or any(
            each.kind not in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in accepted
        ):
            raise TypeError(f"{run.__name__} must take exactly (params, context)")
        if not inspect.getdoc(run):
            raise TypeError(f"{run.__name__} needs a docstring; its first line is its line in the catalogue")
        return Validator(
            run,
            params,
            platforms=[Platform(each) for each in platforms],
            stages=tuple(stages),
            iam=tuple(iam),
            unsafe=unsafe,
            remediation=remediation,
            cost=cost,
            iam_of=iam_of,
        )

    return decorate


def passed(message: str, *found: Evidence) -> Finding:
    """Green is right, and this shows it."""
    return Finding(outcome=Outcome.PASS, message=message, evidence=found)


def failed(message: str, *found: Evidence) -> Finding:
    """Green is wrong."""
    return Finding(outcome=Outcome.FAIL, message=message, evidence=found)


def error(message: str, *found: Evidence) -> Finding:
    """The check could not be carried out; green may be right or wrong."""
    return Finding(outcome=Outcome.ERROR, message=message, evidence=found)


def inconclusive(message: str, *found: Evidence) -> Finding:
    """The check was carried out and shows neither."""
    return Finding(outcome=Outcome.INCONCLUSIVE, message=message, evidence=found)


def evidence(query: str, expectation: Expectation, actual: Any, where: str = "") -> Evidence:
    """Hold `actual` against an expectation and keep both for the report."""
    passed = expectation.holds(actual)
    return Evidence(
        query=query,
        expected=expectation.written,
        actual=shown(actual),
        passed=passed,
        where=where,
        why="" if passed else expectation.why(actual)[:KEPT_LENGTH],
    )


def filled(value: Any, captured: Mapping[str, Any] | None) -> Any:
    """Fill captured values into a text, a tree of data or an expectation.

    Args:
        value: As the parameters have it.
        captured: What was captured so far; None for a check that captures nothing, whose texts are final already.

    Raises:
        KeyError: A name that was not captured.
        ExpectationError: A captured value cannot stand where it is used.
    """
    if captured is None:
        return value
    if not isinstance(value, Expectation):
        return substitute.replace(value, captured)
    if not substitute.places(value.written, ()):
        return value

    def fill(argument: Any, predicate: str) -> Any:
        if predicate == "matches":  # what green answered is a text to find, not a pattern
            return substitute.replace(argument, {name: escaped(_text(each)) for name, each in captured.items()})
        return substitute.replace(argument, captured)

    fresh = parse(value.written, fill=fill)
    return type(value)(fresh.written, fresh.predicates, fresh.filters)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _inline(value)


def sample(
    name: str, values: Iterable[float], side: str = "", limits: Mapping[str, Expectation | None] | None = None
) -> Series:
    """Keep measured durations (milliseconds) for a plot; of many their quantiles, the least and the largest among them.

    Args:
        name: What was measured.
        values: As they came.
        side: "blue" or "green" where that means something.
        limits: What figures of them are held against, by the figures' names; None where nothing is expected.
    """
    ordered = sorted(value for value in values if math.isfinite(value))
    last, kept = len(ordered) - 1, ordered
    if len(ordered) > PLOTTED:
        kept = [ordered[round(step * last / (PLOTTED - 1))] for step in range(PLOTTED)]
    return Series(
        name=name,
        unit="ms",
        side=side,
        values=tuple(round(value, 3) for value in kept),
        count=len(ordered),
        limits={
            f"{figure} {key}".strip(): number
            for figure, expectation in (limits or {}).items()
            if expectation is not None
            for key, number in _bounds(expectation)
        },
    )


def over_time(name: str, points: Iterable[tuple[float, float]], limit: Expectation, unit: str = "") -> Series:
    """Keep values over time for a plot: pairs of seconds from the check's start and the value; of many the latest."""
    kept = sorted(each for each in points if all(map(math.isfinite, each)))
    return Series(
        name=name,
        unit=unit,
        at_s=tuple(round(at, 3) for at, _ in kept[-PLOTTED:]),
        values=tuple(round(value, 6) for _, value in kept[-PLOTTED:]),
        count=len(kept),
        limits=dict(_bounds(limit)),
    )


def _bounds(expectation: Expectation) -> Iterator[tuple[str, float]]:
    for key, number in expectation.predicates:
        plain = isinstance(number, (int, float)) and not isinstance(number, bool)
        if key in ("lt", "lte", "gt", "gte", "eq") and plain and -1e15 < number < 1e15:
            yield key, float(number)


def judged(found: Sequence[Evidence], message: str) -> Finding:
    """Make a finding of evidence: PASS with `message` if all of it passed, else FAIL with the first that did not.

    No evidence at all is INCONCLUSIVE: a check that looked at nothing shows nothing.
    """
    if not found:
        return inconclusive("nothing was looked at")
    wrong = [each for each in found if not each.passed]
    if not wrong:
        return passed(message, *found)
    first = wrong[0]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    place = f"{first.where}: " if first.where else ""
    why = f": {first.why}" if first.why else ""
    said = f"{place}{first.query} is {_inline(first.actual)}, expected {_inline(first.expected)}{why}{more}"
    return failed(said, *found)


def shown(value: Any) -> Any:
    """Cut an observed value to a length people read; what is not plain data becomes text."""
    if value is MISSING:
        return repr(MISSING)
    if isinstance(value, str):
        return value if len(value) <= KEPT_LENGTH else f"{value[:KEPT_LENGTH]}… ({len(value)} characters)"
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return round(value, 3) if value == value and abs(value) < 1e300 else repr(value)
    text = _inline(value)
    return value if len(text) <= KEPT_LENGTH and isinstance(value, (list, dict)) else shown(text)


def _inline(value: Any) -> str:
    if isinstance(value, str) and value.startswith(repr(MISSING)):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return inline(value)
