"""compare: requests that work on blue work on green, with the same answers.

Each request goes to blue, to green, and to blue again. Differences between blue's two answers are noise (times, ids,
the order of items). A difference, by place and kind, counts only if green differs from blue more often than blue
differs from blue, and by more than both of Diffy's thresholds in percent: `relative` of all differences at the place,
`absolute` of all requests. Status, headers (except those of the connection) and body are compared, JSON by place
(`body.items[].price`), anything else as text. `samples` repeats everything, to find noise that is rare. `ignore` names
places (`body.generated_at`, `header.x-release`), or only their last part (`generated_at`), that may differ. The
finding shows the median time of each side.

On ECS blue is asked on the production listener, until traffic shifts (AfterAllowTestTraffic and BeforeAllowTraffic).
On Lambda the versions are invoked, at every stage, with the event that `event` names, and `payloads` can be compared,
too. Only GET, HEAD and OPTIONS are sent, and payloads must do no harm. INCONCLUSIVE: there is no blue, as in a first
deployment, or blue refuses every request (400 and above), because equal refusals show nothing.

Example:
    checks:
      - name: nothing broke that worked
        severity: advisory
        compare:
          requests: [/catalogue, /catalogue/7, {get: /search, query: {q: shoes}, headers: {accept: application/json}}]
          samples: 5
          ignore: [generated_at, header.x-release]
          latency: {slower: {lte: 1.5}}

Source: https://github.com/opendiffy/diffy (the idea and the thresholds' defaults; none of its code)
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from greenlight.api import SAFE_METHODS, Context, Finding, HttpKind, HttpRequest, Params, inconclusive, validator

from ._both_sides import require_paths
from ._compare.judge import Latency, Limits, judge
from ._compare.samples import Samples
from ._compare.sides import build_questions, reason_without_blue

MARGIN_S = 0.1


class Compare(Params, frozen=True, kw_only=True):
    """Requests to compare, and the differences that count.

    Attributes:
        requests: Requests with a safe method; a bare path is a GET.
        payloads: Payloads of invocations (Lambda); they must do no harm.
        event: The kind of event in which a function receives a request.
        samples: Number of times that everything is sent.
        ignore: Places that may differ, in full or by their last part.
        headers: Compare response headers, too.
        relative: Threshold in percent of all differences at a place.
        absolute: Threshold in percent of all requests.
        latency: Expectations of the times of both sides.
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
        """Reject a check without requests, and requests that may change data."""
        if not (self.requests or self.payloads):
            raise ValueError("there is nothing to compare; name requests, such as requests: [/health]")
        require_paths(self.http_requests())
        for request in self.http_requests():
            if request.method not in SAFE_METHODS:
                raise ValueError(
                    f"{request.method} may change data; only {', '.join(SAFE_METHODS)} are sent to both sides"
                )
        parts = ("status", "body", *(("header",) if self.headers else ())) if self.requests else ()
        for compared in (parts, ("payload",) if self.payloads else ()):
            if compared and set(compared) <= set(self.ignore):
                raise ValueError(f"ignore contains {' and '.join(compared)}, so nothing is left to compare")

    def http_requests(self) -> list[HttpRequest]:
        """Return the requests; a bare path is a GET."""
        return [HttpRequest(get=request) if isinstance(request, str) else request for request in self.requests]


@validator(
    Compare,
    stages=("AfterAllowTestTraffic", "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"),
    iam=("lambda:InvokeFunction",),
    remediation=(
        "Read the place of the first difference and send its request to both sides by hand. If the release changes "
        "it on purpose, add the place to `ignore`; if it differs from call to call, raise `samples`; otherwise green "
        "is broken there."
    ),
    cost=(
        "Three requests for each of `requests` and `payloads` in each sample, two of them to blue, which serves users; "
        "on Lambda they are invocations, and billed."
    ),
)
def compare(params: Compare, context: Context) -> Finding:
    """Requests that work on blue work on green, with the same answers."""
    if reason := reason_without_blue(context, has_payloads=bool(params.payloads)):
        return inconclusive(f"there is nothing to compare green with: {reason}")
    questions = build_questions(params.http_requests(), params.payloads, params.event)
    samples = Samples(ignore=[*params.ignore, *(() if params.headers else ("header",))])
    for question in questions * params.samples:
        if context.remaining_s() < MARGIN_S:
            return inconclusive(f"the check's time ended after {samples.count} comparisons; give it a longer timeout")
        if (finding := samples.add(question, context)) is not None:
            return finding
    limits = Limits(samples=params.samples, relative=params.relative, absolute=params.absolute, latency=params.latency)
    return judge(samples, limits)
