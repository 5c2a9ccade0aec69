"""compare: what worked on blue works on green, and answers the same.

Each request goes to blue, to green, and to blue again. What differs between blue's two answers is noise (times, ids,
orders); a place and kind of difference counts only where green differs from blue more often than blue from itself.
Both of Diffy's thresholds must be exceeded, in percent: `relative` of all differences seen at the place, `absolute`
of all requests. Status, headers (but for those that belong to the connection) and body are compared; JSON by place
(`body.items[].price`), anything else as text. `samples` repeats everything, for noise that shows only now and then.

`ignore` names places (`body.generated_at`, `header.x-release`), or just their last part (`generated_at`), that may
differ. On ECS blue is asked on the production listener, as long as no traffic has shifted (AfterAllowTestTraffic and
BeforeAllowTraffic). On Lambda the versions are invoked, at every stage, with the event that `event` names, and `payloads` can be
compared, too; nothing but GET, HEAD and OPTIONS is sent, and payloads must be such as do no harm. Without a blue to
ask, as in a first deployment, the check is INCONCLUSIVE, and so it is where blue refuses every request (400 and above):
two sides that say no in the same words show nothing. Time is shown side by side: the median of each side.

Example:
    checks:
      - name: nothing broke that worked
        severity: advisory
        compare:
          requests: [/catalogue, /catalogue/7, {get: /search, query: {q: shoes}, headers: {accept: application/json}}]
          samples: 5
          ignore: [generated_at, header.x-release]
          latency: {slower: {lte: 1.5}}

Source: https://github.com/opendiffy/diffy (the idea and the thresholds' defaults; nothing of its code)
"""

from __future__ import annotations

import statistics
from typing import Annotated, Any, Literal

import msgspec

from greenlight.api import (
    MISSING,
    SAFE_METHODS,
    Comparison,
    Context,
    Difference,
    DurationExpectation,
    Evidence,
    Expectation,
    Finding,
    GreenlightError,
    HttpKind,
    HttpRequest,
    LambdaPayload,
    NoAnswerError,
    NoResultError,
    Outcome,
    Params,
    Platform,
    Response,
    compare_responses,
    error,
    evidence,
    failed,
    find_differences,
    finding_from,
    inconclusive,
    invoke,
    read_response,
    sample_series,
    send_request,
    validator,
)

OF_THE_CONNECTION = (
    *("age", "connection", "content-length", "date", "keep-alive", "server-timing", "transfer-encoding"),
    *("x-amz-cf-id", "x-amzn-requestid", "x-amzn-trace-id", "x-request-id", "x-correlation-id", "traceparent"),
)
MINIMUM_FOR_LATENCY = 5
PLACES_SHOWN = 40
MARGIN_S = 0.1


class Latency(Params, frozen=True, kw_only=True):
    """`slower` is green's median time divided by blue's; `by` the time between them, with its unit. At least 5 answers each."""

    slower: Expectation | None = None
    by: DurationExpectation | None = None


class Compare(Params, frozen=True, kw_only=True):
    """What to ask (`requests`, or `payloads` on Lambda), how often, what may differ, and from where on it counts.

    Attributes:
        event: As which event a request is sent to a function.
        samples: How often everything is asked.
        ignore: Places that may differ, whole or by their last part.
        headers: Compare response headers, too.
        relative: Percent of all differences seen at a place that must be exceeded to count.
        absolute: Percent of all requests that must be exceeded to count.
        latency: What to expect of the times of both sides.
    """

    requests: Annotated[list[str | HttpRequest], msgspec.Meta(max_length=200)] = []
    payloads: Annotated[list[Any], msgspec.Meta(max_length=200)] = []
    event: HttpKind = "api_gateway_v2"
    samples: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    ignore: list[str] = []
    headers: bool = True
    relative: Annotated[float, msgspec.Meta(ge=0, lt=100)] = 20.0
    absolute: Annotated[float, msgspec.Meta(ge=0, lt=100)] = 0.03
    latency: Latency = Latency()

    def __post_init__(self) -> None:
        """Refuse nothing to compare, and requests that may change something."""
        if not (self.requests or self.payloads):
            raise ValueError("there is nothing to compare; name requests, such as requests: [/health]")
        for call in self.calls():
            if call.method not in SAFE_METHODS:
                raise ValueError(
                    f"{call.method} may change something; only {', '.join(SAFE_METHODS)} are sent to both sides"
                )
        compared = ("status", "body", *(("header",) if self.headers else ())) if self.requests else ()
        for parts in (compared, ("payload",) if self.payloads else ()):
            if parts and set(parts) <= set(self.ignore):
                raise ValueError(f"ignore has {' and '.join(parts)} in it, so nothing is left to compare")

    def calls(self) -> list[HttpRequest]:
        """Give the requests, a bare path being a GET."""
        return [HttpRequest(get=each) if isinstance(each, str) else each for each in self.requests]


class _Seen(msgspec.Struct):
    """One answer as plain data, and its time."""

    data: dict[str, Any]
    latency_ms: float


_Answered = _Seen | str


@validator(
    Compare,
    stages=("AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"),
    iam=("lambda:InvokeFunction",),
    remediation=(
        "Read the place of the first difference and ask both sides for it by hand. If the release means to change "
        "it, add the place to `ignore`; if it differs from call to call, raise `samples`; otherwise green is "
        "broken there."
    ),
    cost=(
        "Three requests for each of `requests` and `payloads` in each sample, two of them to blue, which users have; on "
        "Lambda they are invocations, and billed."
    ),
)
def compare(params: Compare, context: Context) -> Finding:
    """What worked on blue works on green, and answers the same."""
    if why := _no_blue(params, context):
        return inconclusive(f"there is nothing to compare green with: {why}")
    raw: list[list[Difference]] = []
    noise: list[list[Difference]] = []
    times: dict[str, list[float]] = {"blue": [], "green": []}
    worked = False
    for _ in range(params.samples):
        for name, what in _asked(params):
            if context.remaining_s() < MARGIN_S:
                return inconclusive(f"the check's time ended after {len(raw)} comparisons; give it a longer timeout")
            try:
                answers = _pair(params, context, name, what)
            except GreenlightError as problem:
                return error(f"{name}: {problem}")
            if isinstance(answers, Finding):
                return answers
            first, green, second = answers
            raw.append(_differences(params, first, green, name))
            noise.append(_differences(params, first, second, name))
            times["blue"] += [first.latency_ms, second.latency_ms]
            times["green"].append(green.latency_ms)
            worked |= first.data.get("status", 0) < 400
    plots = (
        sample_series("time to answer", times["blue"], "blue"),
        sample_series("time to answer", times["green"], "green"),
    )
    finding = _judged(params, compare_responses(raw, noise), times)
    if finding.outcome is Outcome.PASS and not worked:
        why = "blue answers every request with 400 or above, so nothing was compared that works"
        finding = inconclusive(f"{why}; {finding.message}", *finding.evidence)
    return msgspec.structs.replace(finding, series=plots)


def _asked(params: Compare) -> list[tuple[str, HttpRequest | dict[str, Any]]]:
    named: list[tuple[str, HttpRequest | dict[str, Any]]] = [
        (f"{each.method} {each.target()}", each) for each in params.calls()
    ]
    return named + [(f"payload {number}", {"payload": each}) for number, each in enumerate(params.payloads, 1)]


def _no_blue(params: Compare, context: Context) -> str:
    """Say why there is no blue to ask; "" when there is one."""
    blue, green = context.blue, context.green
    if context.deployment.platform == Platform.ECS:
        if params.payloads:
            return "payloads are for Lambda; an ECS service takes requests"
        return "" if blue.url else blue.no_url or "blue has no URL"
    if not blue.version:
        return "the alias had no version before this one"
    return f"the alias has version {green.version} already" if blue.version == green.version else ""


def _pair(
    params: Compare, context: Context, name: str, what: HttpRequest | dict[str, Any]
) -> tuple[_Seen, _Seen, _Seen] | Finding:
    """Ask blue, green and blue; what is no comparison is a finding at once, before the next takes the time that is left."""
    first = _answer(params, context, what, "blue")
    if why := _broken(first):
        return inconclusive(f"blue itself answers {name} with {why}, which is nothing to compare with")
    if isinstance(first, str):
        return inconclusive(f"blue gives no answer to {name}, so there is nothing to compare: {first}")
    green = _answer(params, context, what, "green")
    if isinstance(green, str):
        return failed(f"blue answers {name} and green does not: {green}")
    second = _answer(params, context, what, "blue")
    if isinstance(second, str):
        return inconclusive(f"blue answers {name} only now and then: {second}")
    return first, green, second


def _broken(answer: _Answered) -> str:
    status = answer.data.get("status", 0) if isinstance(answer, _Seen) else 0
    return f"status {status}" if status >= 500 else ""


def _answer(params: Compare, context: Context, what: HttpRequest | dict[str, Any], side: str) -> _Answered:
    """Ask one side; a text says why it gave no answer."""
    blue_or_green: Literal["green", "blue"] = "blue" if side == "blue" else "green"
    if context.deployment.platform == Platform.ECS and isinstance(what, HttpRequest):
        try:
            seen = send_request(context, what, side=blue_or_green)
        except NoAnswerError as problem:
            return str(problem)
        if seen.truncated:
            raise GreenlightError(f"{side}'s body is larger than the {len(seen.body)} bytes that are read of it")
        return _Seen(_plain(seen), seen.latency_ms)
    deployment = context.deployment
    payload: Any = what["payload"] if isinstance(what, dict) else None
    if isinstance(what, HttpRequest):
        payload = msgspec.convert({"event": {params.event: _written(what)}}, LambdaPayload).sent(context)
    try:
        done = invoke(context, payload, getattr(deployment, blue_or_green).version)
    except NoResultError as problem:
        return str(problem)
    if done.failure:
        return done.failure
    if not isinstance(what, HttpRequest):
        return _Seen({"payload": None if done.payload is MISSING else done.payload}, done.duration_ms)
    try:
        return _Seen(_plain(read_response(params.event, done.payload)), done.duration_ms)
    except ValueError as problem:
        return f"the response cannot be passed on: {problem}"


def _written(call: HttpRequest) -> dict[str, Any]:
    return {"headers": call.headers, "query": call.query, call.method.lower(): getattr(call, call.method.lower())}


def _plain(seen: Response) -> dict[str, Any]:
    """Give what is compared of an answer."""
    try:
        body: Any = msgspec.json.decode(seen.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        body = seen.body.decode(errors="backslashreplace")  # one sign for all that is no text would be alike everywhere
    names = dict.fromkeys(name.lower() for name, _ in seen.headers)
    headers = {name: seen.header(name) for name in names if name not in OF_THE_CONNECTION}
    return {"status": seen.status, "header": headers, "body": body}


def _differences(params: Compare, blue: _Seen, other: _Seen, name: str) -> list[Difference]:
    """Give the differences of one pair, each place under the request's name so that requests do not mix."""
    ignore = [*params.ignore, *(() if params.headers else ("header",))]
    found = find_differences(blue.data, other.data, ignore=ignore)
    return [msgspec.structs.replace(each, path=f"{name} {each.path}") for each in found]


def _judged(params: Compare, places: list[Comparison], times: dict[str, list[float]]) -> Finding:
    news = [each for each in places if _is_news(params, each)]
    total = len(times["green"])
    found = [
        Evidence(
            query=f"{each.path}: {each.kind}",
            expected=each.example.blue,
            actual=each.example.green,
            where=f"in {each.raw} of {params.samples} (blue from itself: {each.noise})",
            baseline_is_blue=True,
        )
        for each in news[:PLACES_SHOWN]
    ]
    blue_ms, green_ms = (statistics.median(times[side]) for side in ("blue", "green"))
    ratio = green_ms / blue_ms if blue_ms > 0 else 1.0
    wanted = params.latency
    enough = total >= MINIMUM_FOR_LATENCY
    if wanted.slower is not None and enough:
        found.append(evidence("green's median time by blue's", wanted.slower, round(ratio, 3)))
    if wanted.by is not None and enough:
        found.append(evidence("green's median time less blue's (ms)", wanted.by, round(green_ms - blue_ms, 3)))
    quiet = len(places) - len(news)
    said = f"{total} answers compared, median {green_ms:.0f} ms on green and {blue_ms:.0f} ms on blue"
    said += f"; {_kinds(quiet)} {'is' if quiet == 1 else 'are'} noise" if quiet else ""
    if any(not each.passed for each in found):
        first = finding_from(found, said).message
        return failed(f"{first}; {_kinds(len(news))} in {said}" if news else f"{first}; {said}", *found)
    if (wanted.slower is not None or wanted.by is not None) and not enough:
        return inconclusive(f"{said}; {total} are too few to compare times, raise samples", *found)
    found.append(Evidence(query="differences that are no noise", expected=0, actual=0, passed=True))
    return finding_from(found, said)


def _is_news(params: Compare, each: Comparison) -> bool:
    return each.raw > each.noise and each.relative > params.relative and each.absolute > params.absolute


def _kinds(number: int) -> str:
    return f"{number} kind{'' if number == 1 else 's'} of difference"
