"""The page's pictures, as SVG that needs nothing else: a calendar of days, dots of runs, strips of checks.

What belongs here: geometry. What does not: colours, which `page.css` gives to classes, so that one picture serves light
and dark; and words around a picture (`page.html`).

Not Altair, which draws the charts of runs: a cell here leads to its run, says its day when pointed at, and takes its
colour from the page, and 40 pictures take it a second where these take milliseconds. No state is told by colour alone.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from markupsafe import Markup, escape

from millrace.health.judgement import AssetHealth, CheckHealth, Day, JobHealth
from millrace.health.words import ago, duration

_CELL, _GAP, _LABEL, _STATE, _ROW, _HEAD = 20, 3, 226, 190, 26, 24
_DOTS_WIDTH, _DOTS_HEIGHT = 520, 128
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 10, 22
_SQUARE = 12
_SATURDAY = 5


def calendar(assets: Sequence[AssetHealth], days: Sequence[date], base: str | None) -> Markup:
    """A row per asset, a cell per day, and its state at the end of the row.

    Args:
        assets: Of one location.
        days: Columns.
        base: Address in front of Dagster's paths; None for no links.
    """
    width = _LABEL + len(days) * (_CELL + _GAP) + _STATE
    height = _HEAD + len(assets) * _ROW
    parts = [_open(width, height, f"Calendar of {len(assets)} assets over {len(days)} days")]
    for column, day in enumerate(days):
        if day.weekday() == 0 or column == len(days) - 1:
            text = f"{day.day} {day:%b}" if column < len(days) - 1 else "today"
            parts.append(f'<text class="axis" x="{_x(column) + _CELL / 2}" y="14" text-anchor="middle">{text}</text>')
    for row, asset in enumerate(assets):
        y = _HEAD + row * _ROW
        name = escape(asset.asset if len(asset.asset) <= 32 else f"…{asset.asset[-31:]}")
        label = f'<text x="0" y="{y + 15}">{name}</text>'
        parts.append(_linked(label, base, f"/assets/{asset.asset}"))
        parts += [_cell(asset.asset, day, _x(column), y) for column, day in enumerate(asset.days)]
        x = _x(len(days)) + 10
        parts.append(
            f'<circle class="{_state_class(asset)}" cx="{x}" cy="{y + 10}" r="5"/>'
            f'<text class="soft" x="{x + 12}" y="{y + 15}">{escape(_state_text(asset))}</text>'
        )
    return Markup("".join(parts) + "</svg>")  # noqa: S704 what came from outside is escaped above


def run_dots(job: JobHealth, since: float, now: float, base: str | None) -> Markup:
    """A dot per run that ended: when, and how long it took; crosses failed. A line at what is usual."""
    runs = [run for run in job.runs if run.seconds is not None and run.ended is not None]
    longest = max([run.seconds or 0 for run in runs] + [job.usual_seconds or 0, 1])
    top = _nice(longest)
    width, height = _DOTS_WIDTH - _LEFT - _RIGHT, _DOTS_HEIGHT - _TOP - _BOTTOM
    parts = [_open(_DOTS_WIDTH, _DOTS_HEIGHT, f"Durations of {len(runs)} runs of {job.job}")]
    for share in (0, 0.5, 1):
        y = _TOP + height * (1 - share)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_DOTS_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
            f'<text class="axis" x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{duration(top * share)}</text>'
        )
    for share, text in ((0, _day(since)), (0.5, _day((since + now) / 2)), (1, "now")):
        anchor = ("start", "middle", "end")[round(share * 2)]
        x = _LEFT + width * share
        parts.append(f'<text class="axis" x="{x}" y="{_DOTS_HEIGHT - 4}" text-anchor="{anchor}">{text}</text>')
    if job.usual_seconds is not None:
        y = _TOP + height * (1 - job.usual_seconds / top)
        parts.append(f'<line class="usual" x1="{_LEFT}" x2="{_DOTS_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for run in runs:
        x = _LEFT + width * ((run.ended or now) - since) / (now - since)
        y = _TOP + height * (1 - (run.seconds or 0) / top)
        said = escape(f"{_minute(run.ended or now)}: {run.status.lower()} in {duration(run.seconds or 0)}")
        if run.status == "SUCCESS":
            mark = f'<circle class="good" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{said}</title></circle>'
        else:
            path = f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"
            mark = f'<path class="cross" d="{path}"><title>{said}</title></path>'
        parts.append(_linked(mark, base, f"/runs/{run.run_id}"))
    return Markup("".join(parts) + "</svg>")  # noqa: S704 what came from outside is escaped above


def strip(check: CheckHealth, base: str | None) -> Markup:
    """A square per result, oldest first: full passed, crossed failed, hollow was not evaluated."""
    width = len(check.results) * (_SQUARE + 2)
    failed = sum(not result.passed for result in check.results)
    parts = [_open(width, _SQUARE, f"{len(check.results)} results of {check.check}, {failed} of them not passed")]
    for column, result in enumerate(check.results):
        x = column * (_SQUARE + 2)
        word = "passed" if result.passed else "failed" if result.evaluated else "not evaluated"
        kind = (
            "good"
            if result.passed
            else "hollow"
            if not result.evaluated
            else ("warn" if result.severity == "warn" else "bad")
        )
        said = escape(f"{_minute(result.at)}: {word}" + (f": {result.description}" if result.description else ""))
        square = f'<rect class="{kind}" x="{x + 0.5}" y="0.5" width="{_SQUARE - 1}" height="{_SQUARE - 1}" rx="2">'
        cross = "" if result.passed or not result.evaluated else f'<path class="on" d="M{x + 3.5} 3.5l5 5m0 -5l-5 5"/>'
        parts.append(_linked(f"<g><title>{said}</title>{square}</rect>{cross}</g>", base, f"/runs/{result.run_id}"))
    return Markup("".join(parts) + "</svg>")  # noqa: S704 what came from outside is escaped above


def share_bar(good: int, warn: int, bad: int) -> Markup:
    """How much of a whole is good, and how much of the rest can wait."""
    whole = good + warn + bad
    if not whole:
        return Markup("")
    parts = [_open(100, 6, f"{good} of {whole}", ' preserveAspectRatio="none"')]
    left = 0.0
    for kind, count in (("good", good), ("warn", warn), ("bad", bad)):
        width = 100 * count / whole
        parts.append(f'<rect class="{kind}" x="{left:.2f}" width="{width:.2f}" height="6"/>')
        left += width
    return Markup("".join(parts) + "</svg>")  # noqa: S704 numbers only


def _open(width: float, height: float, label: str, more: str = "") -> str:
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(label)}" {size}{more}>'


def _linked(mark: str, base: str | None, path: str) -> str:
    return mark if base is None else f'<a href="{escape(base + path)}">{mark}</a>'


def _x(column: int) -> int:
    return _LABEL + column * (_CELL + _GAP)


def _cell(asset: str, day: Day, x: int, y: int) -> str:
    kind = "none" if not day.made else "good few" if day.made == 1 else "good some" if day.made < 4 else "good"
    words = [f"made {_times(day.made)}"] if day.made else []
    words += [f"failed {_times(day.failed)}"] if day.failed else []
    said = escape(f"{asset}, {day.day:%a} {day.day}: {' and '.join(words) or 'nothing happened'}")
    if day.failed:
        kind = f"{kind} both" if day.made else "bad"
    rect = f'<rect class="{kind}" x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" rx="3"/>'
    cross = f'<path class="on" d="M{x + 6} {y + 6}l8 8m0 -8l-8 8"/>' if day.failed else ""
    return f"<g><title>{said}</title>{rect}{cross}</g>"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _state_class(asset: AssetHealth) -> str:
    if asset.state in ("", "fresh"):
        return "bad" if asset.failing else "good" if asset.state else "none"
    return "warn" if asset.state == "late" else "bad"


def _state_text(asset: AssetHealth) -> str:
    age = "not for four weeks" if asset.age_seconds is None else ago(asset.age_seconds)
    state = "failing, " if asset.failing and asset.state in ("", "fresh") else f"{asset.state}, " if asset.state else ""
    return state + age


def _nice(value: float) -> float:
    """The next round duration."""
    steps = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400)
    return next((step for step in steps if step >= value), value)


def _day(moment: float) -> str:
    when = datetime.fromtimestamp(moment, UTC)
    return f"{when.day} {when:%b}"


def _minute(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}"
