"""The pictures of a report as SVG that keeps its letters' size at any width: times, distributions, series. Pure.

Positions across are shares of the width, in percent; what cannot be (a curve) lies in a picture of its own that is
stretched. Nothing is said by colour alone: what did not pass is higher, blue and green have their names beside them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from greenlight.core.display import truncate
from greenlight.core.finding import Outcome
from greenlight.report.content import milliseconds
from greenlight.report.html_builder import Html, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from greenlight.core.finding import AttemptRecord, Series
    from greenlight.core.report import TrafficShare

FAR = 2.5
"""How many times the largest value a limit may be and still be drawn; a farther one would press everything together."""

LARGEST = 1e15
CURVE_WIDTH = 1000
LABEL = 32
"""Characters of a label inside a picture; what stands around it has the whole."""

ROW = 72
BOUNDS = {"lt": "<", "lte": "≤", "gt": ">", "gte": "≥", "eq": "="}


def bar(spans: Iterable[tuple[float, float, str]], end_ms: float) -> Html:
    """Draw what happened when as one row: (from, to, class) in milliseconds, on a scale of 0 to `end_ms`."""
    drawn = []
    for begin, end, kind in spans:
        left, right = (_share(each, 0.0, end_ms) for each in (begin, end))
        width = max(right - left, 0.4)
        tall = kind not in ("pass", "quiet")
        y, height = (2, 14) if tall else (5, 8)
        drawn.append(
            tag(
                "rect",
                x=_percent(min(left, 100 - width)),
                y=y,
                width=_percent(width),
                height=height,
                rx=1.5,
                class_=kind,
            )
        )
    return tag("svg", *drawn, class_="bar", width="100%", height=18, aria_hidden="true")


def attempts(tries: Sequence[AttemptRecord], end_ms: float) -> Html:
    """Draw the attempts of one check as a row."""
    return bar(((each.began_ms, each.began_ms + each.duration_ms, kind(each.outcome)) for each in tries), end_ms)


def kind(outcome: Outcome) -> str:
    """Give the class of an outcome's colour."""
    return outcome.value.lower()


def distribution(samples: Sequence[Series]) -> Html:
    """Draw samples of one measure, one row each on a shared scale from 0, with percentiles and limits."""
    top = max(abs(value) for each in samples for value in each.values)
    limits = {label: limit for each in samples for label, limit in each.limits.items() if 0 < limit <= FAR * top}
    end = 1.05 * max([top, *limits.values()]) or 1.0
    rows: list[Html] = []
    y = 16 * len(limits)
    for each in samples:
        rows += _strip(each, end, y)
        y += ROW
    for number, (label, limit) in enumerate(sorted(limits.items(), key=lambda item: item[1])):
        rows += _limit_across(bound(label, limit, samples[0].unit), _share(limit, 0.0, end), 12 + 16 * number, y)
    rows += _axis(end, y, samples[0].unit)
    said = "; ".join(described(each) for each in samples)
    return tag("svg", *rows, class_="plot", width="100%", height=y + 22, role="img", aria_label=said)


def _strip(sample: Series, end: float, y: int) -> list[Html]:
    """Draw one sample: a tick for each value, a taller one for each percentile, whose names stand each on its own line."""
    ticks = "".join(f"M{_share(value, 0.0, end) * CURVE_WIDTH / 100:.0f} 0v10" for value in sample.values)
    lines = [_stretched(tag("path", d=ticks), 0, y + 46, 100, 18, 10, sample.side if sample.side in SIDES else "plain")]
    names = []
    for height, (name, value) in zip((12, 26, 40), percentiles(sample), strict=False):
        x = _share(value, 0.0, end)
        label = f"{f'{sample.side} ' if sample.side else ''}{name} {quantity(value, sample.unit)}"
        lines.append(tag("line", x1=_percent(x), x2=_percent(x), y1=y + height - 9, y2=y + 64, class_="mark"))
        names.append(_beside(label, x, y + height))
    return lines + names


def series(line: Series) -> Html:
    """Draw values over time with what they are held against."""
    times = line.at_s
    low, high = min(*line.values, *line.limits.values(), 0.0), max(*line.values, *line.limits.values(), 0.0)
    room = (high - low) * 0.08 or 1.0
    low, high = (low - room if low < 0 else low), high + room
    first, last = min(times), max(times)
    points = [
        (_share(at, first, last) if last > first else 50.0, 100 - _share(value, low, high))
        for at, value in sorted(zip(times, line.values, strict=False))
    ]
    path = "M" + "L".join(f"{x * CURVE_WIDTH / 100:.1f} {y:.1f}" for x, y in points)
    drawn = [_stretched(tag("path", d=path), 0, 8, 100, 100, 100, "curve")]
    drawn += [tag("circle", cx=_percent(x), cy=f"{8 + y:.1f}", r=2.5, class_="dot") for x, y in points]
    for label, limit in line.limits.items():
        y = 108 - _share(limit, low, high)
        drawn.append(tag("line", x1="0%", x2="100%", y1=f"{y:.1f}", y2=f"{y:.1f}", class_="limit"))
        said = truncate(bound(label, limit, line.unit), LABEL)
        drawn.append(
            tag("text", said, x="100%", y=f"{y - 4 if y > 18 else y + 13:.1f}", text_anchor="end", class_="limit")
        )
    drawn.append(tag("line", x1="0%", x2="100%", y1=108, y2=108, class_="axis"))
    drawn.append(tag("text", ago(first), x="0%", y=124))
    drawn.append(tag("text", ago(last), x="100%", y=124, text_anchor="end"))
    return tag("svg", *drawn, class_="plot", width="100%", height=130, role="img", aria_label=described(line))


def traffic(shares: Sequence[TrafficShare], end_ms: float) -> Html:
    """Draw green's share of the users' requests over the time that is known, and the gate's own time in it."""
    known = sorted(shares, key=lambda share: share.at_ms)
    first, last = min(known[0].at_ms, 0.0), max(known[-1].at_ms, end_ms)
    path, height = "", 0.0
    for share in known:
        x = _share(share.at_ms, first, last) * CURVE_WIDTH / 100
        path += f"{'L' if path else 'M0 100L'}{x:.1f} {100 - height:.1f}L{x:.1f} {100 - _share(share.green_percent, 0.0, 100.0):.1f}"
        height = _share(share.green_percent, 0.0, 100.0)
    path += f"L{CURVE_WIDTH} {100 - height:.1f}L{CURVE_WIDTH} 100Z"
    left, right = _share(0.0, first, last), _share(end_ms, first, last)
    said = f"green's share of the users went from {known[0].green_percent:.0f} % to {known[-1].green_percent:.0f} %"
    return tag(
        "svg",
        tag("rect", x="0%", width="100%", y=20, height=60, class_="blue"),
        _stretched(tag("path", d=path), 0, 20, 100, 60, 100, "area"),
        tag("rect", x=_percent(left), width=_percent(max(right - left, 0.4)), y=17, height=66, class_="gate"),
        _beside("this gate", left, 12),
        tag("text", "all users: blue above, green below", x="0%", y=98),
        class_="plot", width="100%", height=104, role="img", aria_label=said,
    )  # fmt: skip


def users(green_percent: float) -> Html:
    """Draw who has the users' requests now, as one bar of two parts with their names."""
    blue = 100 - green_percent
    parts: list[Html] = []
    for name, begin, width in (("blue", 0.0, blue), ("green", blue, green_percent)):
        if width > 0:
            parts.append(tag("rect", x=_percent(begin), width=_percent(width), y=0, height=26, class_=name))
            parts.append(tag("text", f"{name} {width:.0f} %", x=_percent(begin + 1.5), y=18, class_="on"))
    said = f"blue has {blue:.0f} % of the users' requests, green {green_percent:.0f} %"
    return tag("svg", *parts, class_="users", width="100%", height=26, role="img", aria_label=said)


def percentiles(sample: Series) -> list[tuple[str, float]]:
    """Give median, 95th and 99th percentile of a sample; the latter two only where there are values to tell them by."""
    ordered = sorted(sample.values)
    names = (("p50", 50), ("p95", 95), ("p99", 99)) if len(ordered) >= 20 else (("p50", 50), ("slowest", 100))
    return [(name, ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]) for name, share in names]


def described(line: Series) -> str:
    """Say in words what is drawn."""
    whose = f"{line.name}{f' of {line.side}' if line.side else ''}"
    limits = "".join(f", to be {bound(label, limit, line.unit)}" for label, limit in line.limits.items())
    if line.at_s:
        lowest, highest = quantity(min(line.values), line.unit), quantity(max(line.values), line.unit)
        return f"{whose}: {line.count} points from {lowest} to {highest}{limits}"
    figures = ", ".join(f"{name} {quantity(value, line.unit)}" for name, value in percentiles(line))
    return f"{whose}: {line.count} values, {figures}{limits}"


def quantity(value: float, unit: str) -> str:
    """Write a number with its unit."""
    return milliseconds(value) if unit == "ms" else f"{value:.4g}{f' {unit}' if unit else ''}"


def bound(label: str, limit: float, unit: str) -> str:
    """Write a limit: `p95 lte` and 300 as `p95 ≤ 300 ms`."""
    figure, _, sign = label.rpartition(" ")
    return f"{figure} {BOUNDS.get(sign, sign)} {quantity(limit, unit)}".strip()


def ago(seconds: float) -> str:
    """Say when a point lies, from the check's start."""
    said = milliseconds(abs(seconds) * 1000)
    return "check's start" if seconds == 0 else f"{said} {'before' if seconds < 0 else 'after'}"


SIDES = ("blue", "green")


def _limit_across(label: str, x: float, y: int, bottom: int) -> list[Html]:
    return [
        tag("line", x1=_percent(x), x2=_percent(x), y1=y - 9, y2=bottom, class_="limit"),
        _beside(label, x, y, "limit"),
    ]


def _axis(end: float, y: int, unit: str) -> list[Html]:
    drawn = [tag("line", x1="0%", x2="100%", y1=y, y2=y, class_="axis")]
    for share, anchor in ((0, "start"), (50, "middle"), (100, "end")):
        label = quantity(end * share / 100, unit) if share else "0"
        drawn.append(tag("text", truncate(label, LABEL), x=_percent(share), y=y + 16, text_anchor=anchor))
    return drawn


def _beside(label: str, x: float, y: float, kind: str | None = None) -> Html:
    """Put a label right of a line, or left of one that is far to the right."""
    right = x <= 60
    return tag(
        "text",
        truncate(label, LABEL),
        x=_percent(x),
        y=y,
        dx=5 if right else -5,
        text_anchor="start" if right else "end",
        class_=kind,
    )


def _stretched(shape: Html, x: float, y: float, width: float, height: float, units: int, kind: str) -> Html:
    """Draw a shape of `CURVE_WIDTH` by `units` in a box, pulled to its size."""
    return tag(
        "svg", shape, x=_percent(x), y=y, width=_percent(width), height=height, class_=kind,
        viewBox=f"0 0 {CURVE_WIDTH} {units}", preserveAspectRatio="none",
    )  # fmt: skip


def _share(value: float, low: float, high: float) -> float:
    """Give where a value lies between two others, in percent and never outside."""
    value, low, high = (max(-LARGEST, min(LARGEST, each)) for each in (value, low, high))
    return max(0.0, min(100.0, (value - low) / (high - low) * 100)) if high > low else 0.0


def _percent(share: float) -> str:
    return f"{share:.2f}%".replace(".00%", "%")
