"""A dashboard's file as one HTML page: each panel in its place, what it would ask Prometheus, and the answer.

What belongs here: asking, and what the template is given. What does not: how a value is written (`field`), charts
(`charts`), text and colours (`preview.html`, `preview.css` on top of the health page's).

Grafana's image can not be had everywhere, so this reads what Grafana reads. It is a likeness and says so: of a panel's
options it follows unit, thresholds, mappings and legend alone.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from millrace.errors import PlatformRefusedError
from millrace_grafana.preview import charts
from millrace_grafana.preview.charts import Frame, Series
from millrace_grafana.preview.field import Field, field_of
from millrace_grafana.queries import Asked, Prometheus, asked_in

_SCRAPE_SECONDS = 10  # the data source's timeInterval
_COLUMN, _ROW, _GAP = 57, 30, 8  # pixels; the latter two are Grafana's
_POINTS_PER_COLUMN = 30
_MOST_ROWS = 20
_SECONDS = {"h": 3600, "d": 86_400}


@dataclass(frozen=True)
class Answer:
    """What came of one query.

    Attributes:
        asked: What was asked.
        ref: Its letter in the panel.
        series: What Prometheus answered.
        why: Why there is nothing; "" where there is something.
    """

    asked: Asked
    ref: str
    series: Sequence[Series]
    why: str


def render(dashboard: Mapping, prometheus: Prometheus, may_be_empty: Mapping[str, str], now: float) -> str:
    """The page.

    Args:
        dashboard: Its file's content.
        prometheus: Whom to ask.
        may_be_empty: Why a query may have no answer, by query as written: `infra/grafana/expected_empty.json`.
        now: Unix time that the page ends at.

    Raises:
        SourceUnavailableError: Prometheus does not answer.
        PlatformRefusedError: a panel uses a unit or a variable that is not known.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_text("millrace_grafana.preview", "preview.html"))
    style = _text("millrace.health", "page.css") + _text("millrace_grafana.preview", "preview.css")
    cells = [panel for one in dashboard["panels"] for panel in (one, *(one.get("panels") or ()))]
    return template.render(
        style=Markup(style),  # noqa: S704 our own files
        dashboard=dashboard,
        prometheus=prometheus.address,
        written=f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC",
        cells=[
            {"type": "row", "title": panel["title"], "at": panel["gridPos"]}
            if panel["type"] == "row"
            else _cell(dashboard, panel, prometheus, may_be_empty, now)
            for panel in cells
        ],
    )


def _text(room: str, name: str) -> str:
    return (files(room) / name).read_text(encoding="utf-8")


def _cell(
    dashboard: Mapping, panel: Mapping, prometheus: Prometheus, may_be_empty: Mapping[str, str], now: float
) -> dict[str, Any]:
    """What the template shows of a panel."""
    at, field = panel["gridPos"], field_of(panel)
    span = _seconds(dashboard)
    step = span // (at["w"] * _POINTS_PER_COLUMN)
    frame = Frame(now - span, now, step, at["w"] * _COLUMN - 30, at["h"] * (_ROW + _GAP) - 72)
    times = {
        "__interval": f"{step}s",
        "__rate_interval": f"{max(step + _SCRAPE_SECONDS, 4 * _SCRAPE_SECONDS)}s",
        "__range": f"{span}s",
        "__range_s": str(span),
    }
    answers = [
        _answer(asked, target, prometheus, may_be_empty, frame)
        for asked, target in zip(asked_in(dashboard, panel, times), panel["targets"], strict=True)
    ]
    series = [one for answer in answers for one in answer.series]
    headings, *rows = _table(panel, answers, field) if panel["type"] == "table" else [[]]
    return {
        "type": panel["type"],
        "title": panel["title"],
        "description": panel["description"],
        "at": at,
        "height": frame.height,
        "field": field,
        "none": panel["fieldConfig"]["defaults"].get("noValue", "no data"),
        "answers": answers,
        "series": series[:_MOST_ROWS],
        "most": field.most or max((one.last for one in series if math.isfinite(one.last)), default=0) or 1,
        "columns": headings,
        "rows": rows[:_MOST_ROWS],
        "more": len(rows or series) - _MOST_ROWS,
        "chart": _chart(panel, series, field, frame) if series else None,
    }


def _answer(
    asked: Asked, target: Mapping, prometheus: Prometheus, may_be_empty: Mapping[str, str], frame: Frame
) -> Answer:
    try:
        found = prometheus.ask(asked, frame.end, round(frame.end - frame.start), frame.step)
    except PlatformRefusedError as error:
        return Answer(asked, target["refId"], [], str(error))
    series = [one for given in found if (one := _series(given, target["legendFormat"], asked)).points]
    unknown = "nobody says why: infra/grafana/expected_empty.json has no reason"
    return Answer(asked, target["refId"], series, "" if series else may_be_empty.get(asked.written, unknown))


def _chart(panel: Mapping, series: Sequence[Series], field: Field, frame: Frame) -> Markup | None:
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    if panel["type"] == "timeseries":
        stacked = custom.get("stacking", {}).get("mode") == "normal"
        return charts.lines(series, field, frame, stacked=stacked, bars=custom.get("drawStyle") == "bars")
    if panel["type"] == "state-timeline":
        return charts.states(series[:_MOST_ROWS], field, frame)
    return charts.spread(series, field, frame) if panel["type"] == "heatmap" else None


def _seconds(dashboard: Mapping) -> int:
    """How far back the page looks when it is opened."""
    since = re.fullmatch(r"now-(\d+)([hd])", dashboard["time"]["from"])
    if since is None:
        raise PlatformRefusedError(
            dashboard["uid"], f"begins at {dashboard['time']['from']}; now-24h or now-7d expected"
        )
    return int(since[1]) * _SECONDS[since[2]]


def _series(given: Mapping, legend: str, asked: Asked) -> Series:
    labels = {name: value for name, value in given["metric"].items() if name != "__name__"}
    if legend == "__auto":
        name = ", ".join(labels.values()) or asked.expr
    else:
        name = re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), legend).strip()
    points = [(float(at), float(value)) for at, value in given.get("values") or [given["value"]]]
    return Series(name, labels, [point for point in points if not math.isnan(point[1])])


def _table(panel: Mapping, answers: Sequence[Answer], field: Field) -> list[list[str]]:
    """Headings, then rows: answers with the same labels are one row, as Grafana's `merge` does it."""
    organised = next(one["options"] for one in panel["transformations"] if one["id"] == "organize")
    columns = sorted(organised["indexByName"], key=organised["indexByName"].__getitem__)
    headings = [organised["renameByName"][name] for name in columns]
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for answer in answers:
        # Grafana names the column after the query only where there are several.
        value = f"Value #{answer.ref}" if len(answers) > 1 else "Value"
        heading = organised["renameByName"].get(value, "")
        for one in answer.series:
            row = rows.setdefault(tuple(one.labels.get(name, "") for name in columns), dict(one.labels))
            row[value] = field.text(one.last, heading)
    return [headings, *([row.get(name, "") for name in columns] for row in rows.values())]
