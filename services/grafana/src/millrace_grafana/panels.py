"""The kinds of panels that dashboards are made of: a few words in, a panel of the SDK out.

What belongs here: how a kind looks. What does not: what any panel shows (`pages`), and the page around it (`page`).

Every panel has a title, a description, a unit, thresholds and a data source, because each function asks for them; a
test holds the committed files to the same. A stat that has nothing to show says "not reporting" and is never green:
queries count with `== bool`, which gives 0 for "none" and nothing for "nobody says".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from millrace_grafana.links import Link, runbook

PROMETHEUS = shapes.DataSourceRef("prometheus", "${datasource}")
NOT_REPORTING = "not reporting"

Steps = Sequence[tuple[float | None, str]]
# Thresholds of what is neither good nor bad.
PLAIN: Steps = ((None, "blue"),)
ANY_IS_BAD: Steps = ((None, "green"), (1, "red"))
ANY_IS_ODD: Steps = ((None, "green"), (1, "orange"))
UP: Steps = ((None, "red"), (1, "green"))

Mappings = Mapping[int, tuple[str, str]]
UP_OR_DOWN: Mappings = {0: ("down", "red"), 1: ("up", "green")}
PASSED_OR_FAILED: Mappings = {0: ("failed", "red"), 1: ("passed", "green")}
# dagster_asset_freshness_state, as the exporter's families number it.
FRESHNESS: Mappings = {0: ("fresh", "green"), 1: ("late", "orange"), 2: ("stale", "red"), 3: ("never made", "purple")}
FRESHNESS_STEPS: Steps = ((None, "green"), (1, "orange"), (2, "red"), (3, "purple"))


@dataclass(frozen=True)
class Query:
    """What a panel asks Prometheus.

    Attributes:
        expr: PromQL with Grafana's variables.
        legend: Name of each series, `{{label}}` allowed.
        empty: Why it may well return nothing on a platform where all is well; "" if it must return something.
    """

    expr: str
    legend: str = ""
    empty: str = ""


@dataclass(frozen=True)
class Panel:
    """A panel, and what else is known of it.

    Attributes:
        built: The SDK's panel.
        queries: What it asks.
        alerts: Alerts that watch the same thing.
    """

    built: models.Panel
    queries: Sequence[Query]
    alerts: Sequence[str]


@dataclass(frozen=True)
class Words:
    """What every panel says.

    Attributes:
        title: What is seen.
        description: How to read it, and what to do when it is not as it should be.
        unit: Grafana's name of the unit.
        steps: Thresholds.
        links: Where a click on a value leads.
        alerts: Alerts that watch the same thing; the panel links their runbooks.
        size: Width of 24 columns, height in rows of 30 pixels.
        mappings: Words and colours for values.
    """

    title: str
    description: str
    unit: str
    steps: Steps
    links: Sequence[Link] = ()
    alerts: Sequence[str] = ()
    size: tuple[int, int] = (12, 8)
    mappings: Mappings | None = None


_Builder = TypeVar("_Builder", bound=Any)


def number(words: Words, query: Query) -> Panel:
    """One number on a coloured ground, as it is now.

    Asked for now and not over time: of a range Grafana shows the last value that there was, so that a number which is
    no longer reported would stay for as long as the page looks back.
    """
    panel = (
        stat.Panel()
        .color_mode(shapes.BigValueColorMode.BACKGROUND)
        .graph_mode(shapes.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .no_value(NOT_REPORTING)
    )
    return _finished(panel, words, [query], instant=True)


def lines(words: Words, *queries: Query, stacked: bool = False, at_most: float | None = None) -> Panel:
    """Values over time; thresholds as dashed lines."""
    panel = _over_time(len(words.steps) > 1).line_width(1).fill_opacity(30 if stacked else 8)
    if stacked:
        panel.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL))
    if at_most is not None:
        panel.min(0).max(at_most)
    return _finished(panel, words, queries)


def bars(words: Words, *queries: Query) -> Panel:
    """Counts per interval, stacked; red and green by the series' name where it says how something ended."""
    panel = _over_time(dashed=False).draw_style(shapes.GraphDrawStyle.BARS).fill_opacity(80).line_width(0)
    panel.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL))
    for name, color in (("success|passed", "green"), ("failure|failed|error", "red"), ("canceled|skipped", "gray")):
        panel.override_by_regexp(
            f"/\\b({name})\\b/", [models.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})]
        )
    return _finished(panel, words, queries)


def states(words: Words, *queries: Query) -> Panel:
    """One row per series, coloured by its state over time."""
    panel = (
        statetimeline.Panel()
        .show_value(shapes.VisibilityMode.NEVER)
        .row_height(0.85)
        .line_width(0)
        .fill_opacity(85)
        .merge_values(True)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(shapes.LegendDisplayMode.LIST)
            .placement(shapes.LegendPlacement.BOTTOM)
            .calcs([])
        )
        .color_scheme(builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    )
    return _finished(panel, words, queries)


def ranking(words: Words, query: Query, *, at_most: float | None = None) -> Panel:
    """A bar per series, as they are now."""
    panel = (
        bargauge.Panel()
        .orientation(shapes.VizOrientation.HORIZONTAL)
        .display_mode(shapes.BarGaugeDisplayMode.BASIC)
        .show_unfilled(True)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .min(0)
    )
    if at_most is not None:
        panel.max(at_most)
    return _finished(panel, words, [query], instant=True)


def spread(words: Words, query: Query) -> Panel:
    """A histogram over time: the darker, the more. Its query gives buckets by `le`."""
    panel = (
        heatmap.Panel()
        .y_axis(heatmap.YAxisConfig().unit(words.unit))
        .color(heatmap.HeatmapColorOptions().scheme("Blues").steps(32))
        .show_legend()
    )
    return _finished(panel, words, [query], query_format=PromQueryFormat.HEATMAP)


def listing(words: Words, columns: Mapping[str, str], *queries: Query, units: Mapping[str, str] | None = None) -> Panel:
    """A table of the values now: a row per set of labels, a column per query.

    Args:
        words: What it says.
        columns: Heading by label name or, for the values, by query (`Value #A` is the first one's).
        queries: One per column of values; they share the labels that name a row.
        units: Unit by heading, where it differs from that of `words`.
    """
    if len(queries) == 1:  # Grafana calls the values of a query "Value" where it is the only one
        columns = {"Value" if name == "Value #A" else name: heading for name, heading in columns.items()}
    panel = table.Panel().filterable(True)
    panel.with_transformation(models.DataTransformerConfig("merge", options={}))
    panel.with_transformation(
        models.DataTransformerConfig("filterFieldsByName", options={"include": {"names": list(columns)}})
    )
    order = {name: index for index, name in enumerate(columns)}
    panel.with_transformation(
        models.DataTransformerConfig("organize", options={"indexByName": order, "renameByName": dict(columns)})
    )
    for heading, unit in (units or {}).items():
        panel.override_by_name(heading, [models.DynamicConfigValue("unit", unit)])
    return _finished(panel, words, queries, instant=True, query_format=PromQueryFormat.TABLE)


def _over_time(dashed: bool) -> timeseries.Panel:
    style = shapes.GraphThresholdsStyleMode.DASHED if dashed else shapes.GraphThresholdsStyleMode.OFF
    return (
        timeseries.Panel()
        .show_points(shapes.VisibilityMode.NEVER)
        .axis_soft_min(0)
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(style))
        .tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI).sort(shapes.SortOrder.DESCENDING))
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(shapes.LegendDisplayMode.LIST)
            .placement(shapes.LegendPlacement.BOTTOM)
            .calcs([])
        )
        .color_scheme(builders.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    )


def _finished(
    panel: _Builder,
    words: Words,
    queries: Sequence[Query],
    *,
    instant: bool = False,
    query_format: PromQueryFormat = PromQueryFormat.TIME_SERIES,
) -> Panel:
    """What all panels have in common."""
    panel.title(words.title).description(words.description).unit(words.unit).datasource(PROMETHEUS)
    panel.span(words.size[0]).height(words.size[1])
    steps = [models.Threshold(value, color) for value, color in words.steps]
    panel.thresholds(builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps))
    if words.mappings is not None:
        results = {
            str(value): models.ValueMappingResult(text, color, index=index)
            for index, (value, (text, color)) in enumerate(words.mappings.items())
        }
        panel.mappings([models.ValueMap(results)])
    if words.links:
        panel.data_links([_link(link) for link in words.links])
    if words.alerts:
        panel.links([_link(runbook(alert)) for alert in words.alerts])
    for index, query in enumerate(queries):
        target = (
            prometheus.Dataquery()
            .ref_id(chr(ord("A") + index))
            .datasource(PROMETHEUS)
            .expr(" ".join(query.expr.split()))
            .legend_format(query.legend or "__auto")
            .format(query_format)
        )
        if instant:
            target.instant()
        else:
            target.range().exemplar(True)
        panel.with_target(target)
    return Panel(panel.build(), queries, words.alerts)


def _link(link: Link) -> builders.DashboardLink:
    return builders.DashboardLink(link.title).url(link.url).target_blank(link.leaves_grafana)
