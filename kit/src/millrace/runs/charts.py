"""Altair charts as metadata that Dagster's UI shows in a dialog, one click away.

Dagster renders Markdown metadata and keeps data URIs in it, so a chart travels as an SVG inside the event:
no file to serve, no link to break. ADR 0007 has the sizes.
"""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    import altair as alt

_WIDTH_PIXELS = 420
_MAX_BARS = 40


def warm_up() -> None:
    """Start the renderer before the first chart needs it.

    That takes most of a second, without the interpreter's lock: in a thread beside other loading it costs little
    (ADR 0007).
    """
    import vl_convert

    vl_convert.vegalite_to_svg({"mark": "bar"})


def chart_metadata(chart: "alt.Chart", alt_text: str) -> dg.MetadataValue:
    """Render a chart into Markdown metadata.

    Args:
        chart: Any Altair chart.
        alt_text: What the picture shows, for those who cannot see it.
    """
    import vl_convert

    svg = vl_convert.vegalite_to_svg(chart.to_dict())
    encoded = base64.b64encode(svg.encode()).decode("ascii")
    return dg.MetadataValue.md(f"![{alt_text}](data:image/svg+xml;base64,{encoded})")


def bar_chart(
    values: Mapping[str, float],
    *,
    category: str,
    value: str,
    title: str,
    sort: bool = False,
    percent: bool = False,
) -> dg.MetadataValue:
    """Horizontal bars, one per category, in the order given unless `sort`.

    Args:
        values: Length of each bar by its category; at most the first 40 are drawn.
        category: Title of the categories' axis.
        value: Title of the values' axis, with its unit.
        title: Title of the chart and its alternative text.
        sort: Longest first.
        percent: Values are shares (0-1), the axis runs from 0 to 100 %.
    """
    import altair as alt

    shown = list(values.items())[:_MAX_BARS]
    data = alt.Data(values=[{"category": name, "value": number} for name, number in shown])
    scale = alt.Scale(domain=[0, 1]) if percent else alt.Undefined
    chart = alt.Chart(
        data,
        title=title,
        width=_WIDTH_PIXELS,
        background="white",
        mark=alt.MarkDef("bar", color="#2f6f8f"),
        encoding=alt.FacetedEncoding(
            x=alt.X("value:Q", title=value, scale=scale, axis=alt.Axis(format="%" if percent else ",")),
            y=alt.Y("category:N", title=category, sort="-x" if sort else None),
        ),
    )
    return chart_metadata(chart, title)


def completeness_chart(shares: Mapping[str, float]) -> dg.MetadataValue:
    """Share of rows (0-1) that have a value, by column."""
    return bar_chart(shares, category="column", value="rows with a value", title="Completeness by column", percent=True)
