"""Charts of what Prometheus answered, as SVG: lines, bars, states, and the spread of a histogram.

What belongs here: geometry. What does not: colours, which `preview.css` gives to classes, and words around a chart.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

from millrace_grafana.preview.field import Field, round_number, written

_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 8, 8, 20
_NAMES = 150
_LEAST_ROW = 18

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """What one query says of one set of labels.

    Attributes:
        name: As its legend calls it.
        labels: Its labels.
        points: Unix time and value, oldest first, without those that are no number.
    """

    name: str
    labels: Mapping[str, str]
    points: Points

    @property
    def last(self) -> float:
        """Its latest value."""
        return self.points[-1][1]


@dataclass(frozen=True)
class Frame:
    """Where a chart is drawn.

    Attributes:
        start, end: The time it shows, in Unix time.
        step: Seconds between points.
        width, height: In pixels.
    """

    start: float
    end: float
    step: int
    width: int
    height: int
    left: int = _LEFT

    def x(self, moment: float) -> float:
        """Where a moment is."""
        share = (moment - self.start) / (self.end - self.start)
        return round(self.left + (self.width - self.left - _RIGHT) * min(max(share, 0), 1), 1)

    def y(self, share: float) -> float:
        """Where a share of the scale is."""
        return round(_TOP + (self.height - _TOP - _BOTTOM) * (1 - share), 1)

    def svg(self, label: str, marks: Iterator[str]) -> Markup:
        """The marks above an axis of time."""
        days = (self.end - self.start) / 86_400
        ago = {0.0: f"{days:g} days ago" if days > 1 else f"{days * 24:g} h ago", 0.5: "", 1.0: "now"}
        axis = [
            f'<text class="axis" x="{self.x(self.start + share * (self.end - self.start))}" y="{self.height - 4}" '
            f'text-anchor="{"end" if share else "start"}">{text}</text>'
            for share, text in ago.items()
        ]
        size = f'viewBox="0 0 {self.width} {self.height}"'
        return Markup(f'<svg role="img" aria-label="{escape(label)}" {size}>{"".join((*axis, *marks))}</svg>')  # noqa: S704 names are escaped where they are written


def lines(series: Sequence[Series], field: Field, frame: Frame, *, stacked: bool, bars: bool) -> Markup:
    """Values over time: lines, stacked areas or stacked bars."""
    piles = list(_piles(series)) if stacked else [[(at, 0.0, value) for at, value in one.points] for one in series]
    finite = [[point for point in pile if math.isfinite(point[2])] for pile in piles]
    values = [value for pile in finite for _, _, value in pile]
    low = min([0.0, *values])
    high = field.most or low + round_number(max([0.0, *values]) - low, field.unit)

    def y(value: float) -> float:
        return frame.y((value - low) / (high - low))

    def marks() -> Iterator[str]:
        for share in (0.0, 0.5, 1.0):
            at, text = frame.y(share), escape(written(low + share * (high - low), field.unit))
            yield f'<line class="grid" x1="{frame.left}" x2="{frame.width - _RIGHT}" y1="{at}" y2="{at}"/>'
            yield f'<text class="axis" x="{frame.left - 6}" y="{at + 4}" text-anchor="end">{text}</text>'
        width = max(frame.x(frame.start + frame.step) - frame.left - 0.5, 1.5)
        for index, (one, pile) in enumerate(zip(series, finite, strict=True)):
            yield f'<g class="{field.series_color(one.name, index)}"><title>{escape(one.name)}</title>'
            if bars:
                shapes = (
                    f"M{frame.x(at) - width:.1f} {y(floor)}h{width:.1f}V{y(top)}h-{width:.1f}z"
                    for at, floor, top in pile
                    if top > floor
                )
                yield f'<path class="area bars" d="{"".join(shapes)}"/>'
            for part in [] if bars else _unbroken(pile, frame.step):
                upper = "L".join(f"{frame.x(at)} {y(top)}" for at, _, top in part)
                if stacked:
                    lower = "L".join(f"{frame.x(at)} {y(floor)}" for at, floor, _ in reversed(part))
                    yield f'<path class="area" d="M{upper}L{lower}z"/>'
                yield f'<path class="line" d="M{upper}h.1"/>'
            yield "</g>"

    return frame.svg(f"{len(series)} series over time", marks())


def states(series: Sequence[Series], field: Field, frame: Frame) -> Markup:
    """A row per series, coloured by its value over time; equal ones beside each other are one."""
    high = max((frame.height - _TOP - _BOTTOM) // len(series), _LEAST_ROW)
    tall = replace(frame, height=len(series) * high + _TOP + _BOTTOM, left=_NAMES)

    def marks() -> Iterator[str]:
        for row, one in enumerate(series):
            top = _TOP + row * high
            name = one.name if len(one.name) <= 22 else f"{one.name[:21]}…"
            yield f'<text x="{_NAMES - 8}" y="{top + high / 2 + 3}" text-anchor="end">{escape(name)}</text>'
            since, until, value = one.points[0][0], one.points[0][0], one.points[0][1]
            for at, now in (*one.points[1:], (math.inf, math.nan)):
                if now == value and at - until < 1.5 * frame.step:
                    until = at
                    continue
                x, said = tall.x(since), escape(f"{one.name}: {field.text(value)}")
                wide = max(tall.x(min(until + frame.step, at)) - x, 2)
                yield f'<g class="{field.color(value)}"><title>{said}</title>'
                yield f'<rect class="area full" x="{x}" y="{top}" width="{wide:.1f}" height="{high - 3}"/></g>'
                since, until, value = at, at, now

    return tall.svg(f"States of {len(series)} series", marks())


def spread(series: Sequence[Series], field: Field, frame: Frame) -> Markup:
    """A histogram over time: a row per bucket, the darker, the more. Buckets of Prometheus hold those below them."""
    buckets = sorted(series, key=lambda one: float(one.labels["le"]))
    below: dict[float, float] = {}
    cells = []
    for row, one in enumerate(buckets):
        cells += [(row, at, value - below.get(at, 0.0)) for at, value in one.points]
        below = dict(one.points)
    most = max([count for _, _, count in cells if math.isfinite(count)], default=0)

    def marks() -> Iterator[str]:
        height = frame.y(0) - frame.y(1 / len(buckets))
        every = math.ceil(12 / height)
        for row, one in enumerate(buckets):
            if row % every == 0:
                said = escape(written(float(one.labels["le"]), field.unit))
                at = frame.y((row + 0.5) / len(buckets)) + 4
                yield f'<text class="axis" x="{frame.left - 6}" y="{at}" text-anchor="end">{said}</text>'
        width = max(frame.x(frame.start + frame.step) - frame.left, 1.5)
        for row, at, count in cells:
            if count > 0:
                place = f'x="{frame.x(at) - width:.1f}" y="{frame.y((row + 1) / len(buckets))}"'
                shape = f'width="{width:.1f}" height="{height - 1:.1f}" opacity="{0.25 + 0.75 * count / most:.2f}"'
                yield f'<rect class="blue area full" {place} {shape}/>'

    return frame.svg(f"Spread over {len(buckets)} buckets", marks())


def _piles(series: Sequence[Series]) -> Iterator[list[tuple[float, float, float]]]:
    """Time, floor and top of each series on those before it."""
    floor: dict[float, float] = {}
    for one in series:
        yield [(at, floor.get(at, 0.0), floor.get(at, 0.0) + value) for at, value in one.points]
        floor |= {at: floor.get(at, 0.0) + value for at, value in one.points}


def _unbroken(pile: Sequence[tuple[float, float, float]], step: float) -> Iterator[list[tuple[float, float, float]]]:
    part: list[tuple[float, float, float]] = []
    for point in pile:
        if part and point[0] - part[-1][0] > 1.5 * step:
            yield part
            part = []
        part.append(point)
    if part:
        yield part
