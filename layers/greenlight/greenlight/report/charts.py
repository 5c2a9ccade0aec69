"""Charts of a report as SVG whose text has the same size at any width: attempts, distributions, series, traffic.

Horizontal positions are shares of the width, in percent. A curve cannot use them, so it is drawn in a nested SVG that
is stretched. No information is in the colour alone: bars that did not pass are taller, and blue and green are labelled.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from greenlight.core.display import truncate
from greenlight.core.finding import Outcome
from greenlight.core.watch import RoundOutcome
from greenlight.report.content import format_duration
from greenlight.report.html_builder import Html, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from greenlight.core.finding import AttemptRecord, Series
    from greenlight.core.report import TrafficShare
    from greenlight.core.watch import Round

MAX_LIMIT_RATIO = 2.5
"""Largest ratio of a limit to the largest value that is drawn; a larger one would compress the values."""

MAX_MAGNITUDE = 1e15
CURVE_WIDTH = 1000
MAX_LABEL_LENGTH = 32
"""Most characters of a label in a chart; the text around the chart has the whole label."""

ROW_HEIGHT = 72
SIDES = ("blue", "green")
ROUND_STYLES = {RoundOutcome.GOOD: "pass", RoundOutcome.BAD: "fail", RoundOutcome.UNKNOWN: "inconclusive"}
BOUND_SIGNS = {"lt": "<", "lte": "≤", "gt": ">", "gte": "≥", "eq": "="}


def draw_bar(spans: Iterable[tuple[float, float, str]], end_ms: float) -> Html:
    """Draw spans as a row: (from, to, CSS class) in milliseconds, on a scale of 0 to `end_ms`."""
    shapes = []
    for begin, end, style in spans:
        left, right = _share(begin, 0.0, end_ms), _share(end, 0.0, end_ms)
        width = max(right - left, 0.4)
        is_tall = style not in ("pass", "quiet")
        y, height = (2, 14) if is_tall else (5, 8)
        shapes.append(
            tag(
                "rect",
                x=_percent(min(left, 100 - width)),
                y=y,
                width=_percent(width),
                height=height,
                rx=1.5,
                class_=style,
            )
        )
    return tag("svg", *shapes, class_="bar", width="100%", height=18, aria_hidden="true")


def draw_attempts(tries: Sequence[AttemptRecord], end_ms: float) -> Html:
    """Draw the attempts of a check as a row."""
    spans = (
        (attempt.began_ms, attempt.began_ms + attempt.duration_ms, css_class(attempt.outcome)) for attempt in tries
    )
    return draw_bar(spans, end_ms)


def css_class(outcome: Outcome) -> str:
    """Return the CSS class of an outcome."""
    return outcome.value.lower()


def draw_distribution(samples: Sequence[Series]) -> Html:
    """Draw samples of a measure, each in a row on a shared scale from 0, with percentiles and limits."""
    top = max(abs(value) for sample in samples for value in sample.values)
    limits = {
        label: limit
        for sample in samples
        for label, limit in sample.limits.items()
        if 0 < limit <= MAX_LIMIT_RATIO * top
    }
    end = 1.05 * max([top, *limits.values()]) or 1.0
    rows: list[Html] = []
    y = 16 * len(limits)
    for sample in samples:
        rows += _draw_sample(sample, end, y)
        y += ROW_HEIGHT
    for number, (label, limit) in enumerate(sorted(limits.items(), key=lambda item: item[1])):
        rows += _draw_limit(format_limit(label, limit, samples[0].unit), _share(limit, 0.0, end), 12 + 16 * number, y)
    rows += _draw_axis(end, y, samples[0].unit)
    description = "; ".join(describe_series(sample) for sample in samples)
    return tag("svg", *rows, class_="plot", width="100%", height=y + 22, role="img", aria_label=description)


def _draw_sample(sample: Series, end: float, y: int) -> list[Html]:
    """Draw a sample: a tick for each value and a taller one for each percentile, with a label on its own line."""
    ticks = "".join(f"M{_share(value, 0.0, end) * CURVE_WIDTH / 100:.0f} 0v10" for value in sample.values)
    lines = [_stretch(tag("path", d=ticks), 0, y + 46, 100, 18, 10, sample.side if sample.side in SIDES else "plain")]
    names = []
    for height, (name, value) in zip((12, 26, 40), compute_percentiles(sample), strict=False):
        x = _share(value, 0.0, end)
        label = f"{f'{sample.side} ' if sample.side else ''}{name} {format_quantity(value, sample.unit)}"
        lines.append(tag("line", x1=_percent(x), x2=_percent(x), y1=y + height - 9, y2=y + 64, class_="mark"))
        names.append(_draw_label(label, x, y + height))
    return lines + names


def draw_series(line: Series) -> Html:
    """Draw values over time with their limits."""
    times = line.at_s
    low, high = min(*line.values, *line.limits.values(), 0.0), max(*line.values, *line.limits.values(), 0.0)
    margin = (high - low) * 0.08 or 1.0
    low, high = (low - margin if low < 0 else low), high + margin
    first, last = min(times), max(times)
    points = [
        (_share(at, first, last) if last > first else 50.0, 100 - _share(value, low, high))
        for at, value in sorted(zip(times, line.values, strict=False))
    ]
    path = "M" + "L".join(f"{x * CURVE_WIDTH / 100:.1f} {y:.1f}" for x, y in points)
    shapes = [_stretch(tag("path", d=path), 0, 8, 100, 100, 100, "curve")]
    shapes += [tag("circle", cx=_percent(x), cy=f"{8 + y:.1f}", r=2.5, class_="dot") for x, y in points]
    for label, limit in line.limits.items():
        y = 108 - _share(limit, low, high)
        shapes.append(tag("line", x1="0%", x2="100%", y1=f"{y:.1f}", y2=f"{y:.1f}", class_="limit"))
        text = truncate(format_limit(label, limit, line.unit), MAX_LABEL_LENGTH)
        shapes.append(
            tag("text", text, x="100%", y=f"{y - 4 if y > 18 else y + 13:.1f}", text_anchor="end", class_="limit")
        )
    shapes.append(tag("line", x1="0%", x2="100%", y1=108, y2=108, class_="axis"))
    shapes.append(tag("text", format_offset(first), x="0%", y=124))
    shapes.append(tag("text", format_offset(last), x="100%", y=124, text_anchor="end"))
    return tag("svg", *shapes, class_="plot", width="100%", height=130, role="img", aria_label=describe_series(line))


def draw_traffic(shares: Sequence[TrafficShare], end_ms: float, rounds: Sequence[Round] = ()) -> Html:
    """Draw green's share of the users' requests over time, with the time of the gate or the rounds of a watch.

    Args:
        shares: Green's shares.
        end_ms: End of the gate.
        rounds: Rounds of checks during the shift; the gate itself is not drawn then, because it spans them.
    """
    ordered = sorted(shares, key=lambda share: share.at_ms)
    first, last = min(ordered[0].at_ms, 0.0), max(ordered[-1].at_ms, end_ms)
    path, height = "", 0.0
    for share in ordered:
        x = _share(share.at_ms, first, last) * CURVE_WIDTH / 100
        path += f"{'L' if path else 'M0 100L'}{x:.1f} {100 - height:.1f}"
        height = _share(share.green_percent, 0.0, 100.0)
        path += f"L{x:.1f} {100 - height:.1f}"
    path += f"L{CURVE_WIDTH} {100 - height:.1f}L{CURVE_WIDTH} 100Z"
    left, right = _share(0.0, first, last), _share(end_ms, first, last)
    begin, end = ordered[0].green_percent, ordered[-1].green_percent
    description = f"green's share of the traffic went from {begin:.0f} % to {end:.0f} %"
    if rounds:
        bad = sum(item.outcome is RoundOutcome.BAD for item in rounds)
        description += f", with {len(rounds)} rounds of checks, {bad} of them bad"
    return tag(
        "svg",
        tag("rect", x="0%", width="100%", y=20, height=60, class_="blue"),
        _stretch(tag("path", d=path), 0, 20, 100, 60, 100, "area"),
        *(_draw_rounds(rounds, first, last) or _draw_gate(left, right)),
        tag("text", "all traffic: blue above, green below", x="0%", y=98),
        class_="plot", width="100%", height=104, role="img", aria_label=description,
    )  # fmt: skip


def _draw_gate(left: float, right: float) -> list[Html]:
    return [
        tag("rect", x=_percent(left), width=_percent(max(right - left, 0.4)), y=17, height=66, class_="gate"),
        _draw_label("this gate", left, 12),
    ]


def _draw_rounds(rounds: Sequence[Round], first: float, last: float) -> list[Html]:
    """Draw a mark above the traffic for each round; those that are not good are taller."""
    marks = []
    for item in rounds:
        x = min(_share(item.at_ms, first, last), 99.6)
        style = ROUND_STYLES[item.outcome]
        y, height = (8, 8) if item.outcome is RoundOutcome.GOOD else (1, 15)
        marks.append(tag("rect", x=_percent(x), width="0.4%", y=y, height=height, class_=style))
    return marks


def draw_users(green_percent: float) -> Html:
    """Draw the sides' shares of the users' requests as one labelled bar."""
    blue = 100 - green_percent
    parts: list[Html] = []
    for name, begin, width in (("blue", 0.0, blue), ("green", blue, green_percent)):
        if width > 0:
            parts.append(tag("rect", x=_percent(begin), width=_percent(width), y=0, height=26, class_=name))
            parts.append(tag("text", f"{name} {width:.0f} %", x=_percent(begin + 1.5), y=18, class_="on"))
    description = f"blue has {blue:.0f} % of the traffic, green {green_percent:.0f} %"
    return tag("svg", *parts, class_="users", width="100%", height=26, role="img", aria_label=description)


def compute_percentiles(sample: Series) -> list[tuple[str, float]]:
    """Return median, 95th and 99th percentile of a sample; a small sample has median and maximum."""
    ordered = sorted(sample.values)
    names = (("p50", 50), ("p95", 95), ("p99", 99)) if len(ordered) >= 20 else (("p50", 50), ("slowest", 100))
    return [(name, ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]) for name, share in names]


def describe_series(line: Series) -> str:
    """Describe a series in words."""
    name = f"{line.name}{f' of {line.side}' if line.side else ''}"
    limits = "".join(f", limit {format_limit(label, limit, line.unit)}" for label, limit in line.limits.items())
    if line.at_s:
        lowest, highest = format_quantity(min(line.values), line.unit), format_quantity(max(line.values), line.unit)
        return f"{name}: {line.count} points from {lowest} to {highest}{limits}"
    figures = ", ".join(f"{label} {format_quantity(value, line.unit)}" for label, value in compute_percentiles(line))
    return f"{name}: {line.count} values, {figures}{limits}"


def format_quantity(value: float, unit: str) -> str:
    """Format a number with its unit."""
    return format_duration(value) if unit == "ms" else f"{value:.4g}{f' {unit}' if unit else ''}"


def format_limit(label: str, limit: float, unit: str) -> str:
    """Format a limit: `p95 lte` and 300 as `p95 ≤ 300 ms`."""
    figure, _, sign = label.rpartition(" ")
    return f"{figure} {BOUND_SIGNS.get(sign, sign)} {format_quantity(limit, unit)}".strip()


def format_offset(seconds: float) -> str:
    """Format the time of a point relative to the start of the check."""
    if seconds == 0:
        return "check's start"
    return f"{format_duration(abs(seconds) * 1000)} {'before' if seconds < 0 else 'after'}"


def _draw_limit(label: str, x: float, y: int, bottom: int) -> list[Html]:
    return [
        tag("line", x1=_percent(x), x2=_percent(x), y1=y - 9, y2=bottom, class_="limit"),
        _draw_label(label, x, y, "limit"),
    ]


def _draw_axis(end: float, y: int, unit: str) -> list[Html]:
    shapes = [tag("line", x1="0%", x2="100%", y1=y, y2=y, class_="axis")]
    for share, anchor in ((0, "start"), (50, "middle"), (100, "end")):
        label = format_quantity(end * share / 100, unit) if share else "0"
        shapes.append(tag("text", truncate(label, MAX_LABEL_LENGTH), x=_percent(share), y=y + 16, text_anchor=anchor))
    return shapes


def _draw_label(label: str, x: float, y: float, style: str | None = None) -> Html:
    """Draw a label to the right of a line, or to the left of one that is far right."""
    is_right = x <= 60
    return tag(
        "text",
        truncate(label, MAX_LABEL_LENGTH),
        x=_percent(x),
        y=y,
        dx=5 if is_right else -5,
        text_anchor="start" if is_right else "end",
        class_=style,
    )


def _stretch(shape: Html, x: float, y: float, width: float, height: float, units: int, style: str) -> Html:
    """Draw a shape of `CURVE_WIDTH` by `units` in a box, stretched to its size."""
    return tag(
        "svg", shape, x=_percent(x), y=y, width=_percent(width), height=height, class_=style,
        viewBox=f"0 0 {CURVE_WIDTH} {units}", preserveAspectRatio="none",
    )  # fmt: skip


def _share(value: float, low: float, high: float) -> float:
    """Return the position of a value between two others, in percent and never outside."""
    value, low, high = (max(-MAX_MAGNITUDE, min(MAX_MAGNITUDE, number)) for number in (value, low, high))
    return max(0.0, min(100.0, (value - low) / (high - low) * 100)) if high > low else 0.0


def _percent(share: float) -> str:
    return f"{share:.2f}%".replace(".00%", "%")
