"""A dashboard as rows of panels, and the JSON that Grafana reads.

What belongs here: what all dashboards share: data source, variables, annotations, links, numbering. What does not: what
any of them shows (`pages`).

The JSON depends on nothing but the code: no clock, no random number, no version that Grafana counts up. So the same
commit gives the same bytes, and a difference is a change.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models

from millrace_grafana.links import DEPLOYMENT, PLATFORM, REPORT, TAG
from millrace_grafana.panels import PROMETHEUS, Panel, Query

# Tags of annotations, which `millrace grafana annotate` sets.
MARKS = {"deployment": "blue", "maintenance": "purple"}
_GRAFANA = shapes.DataSourceRef("grafana", "-- Grafana --")
BACKFILLS = "max by (kind) (dagster_backfills_in_progress) > 0"


@dataclass(frozen=True)
class Variable:
    """A choice at the top of a dashboard: values of a label.

    Attributes:
        name: `$name` in queries, always matched by `=~`.
        label: For people.
        metric: Selector that has the label; it may use variables that stand before.
        source: Name of the label.
    """

    name: str
    label: str
    metric: str
    source: str


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Page:
    """A dashboard."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    variables: Sequence[Variable] = ()
    since: str = "now-24h"
    tags: Sequence[str] = field(default_factory=tuple)

    @property
    def file_name(self) -> str:
        """Name of its file."""
        return f"{self.uid}.json"

    def panels(self) -> Iterator[Panel]:
        """Every panel in reading order."""
        for row in self.rows:
            yield from row.panels

    def queries(self) -> Iterator[Query]:
        """Every query of its panels."""
        for panel in self.panels():
            yield from panel.queries

    def as_json(self) -> str:
        """The file's content."""
        number = 0
        dashboard = self._frame()
        for row in self.rows:
            number += 1
            heading = builders.Row(row.title).id(number)
            for panel in row.panels:
                number += 1
                panel.built.id_val = number
            dashboard.with_row(heading)
            for panel in row.panels:
                dashboard.with_panel(_Built(panel.built))
        content = json.loads(json.dumps(dashboard.build(), cls=JSONEncoder))
        for shown in (*content["links"], *content["annotations"]["list"]):
            del shown["placement"]  # Grafana 12.3 folds what has one into a menu
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def _frame(self) -> builders.Dashboard:
        dashboard = (
            builders.Dashboard(self.title)
            .uid(self.uid)
            .description(self.description)
            .tags([TAG, *self.tags])
            .readonly()
            .timezone("browser")
            .time(self.since, "now")
            .refresh("30s")
            .tooltip(models.DashboardCursorSync.CROSSHAIR)
        )
        dashboard.with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        for variable in self.variables:
            dashboard.with_variable(_variable(variable))
        for name, color in MARKS.items():
            # The SDK's builder knows no Grafana target of annotations, so it is given as Grafana stores it.
            marks = builders.AnnotationQuery().name(f"{name.capitalize()}s" if name == "deployment" else "Maintenance")
            marks.datasource(_GRAFANA).enable(True).icon_color(color)
            marks.target(_Built(models.AnnotationTarget(limit=100, match_any=False, tags=[TAG, name], type_val="tags")))
            dashboard.annotation(marks)
        asked = prometheus.Dataquery().ref_id("Anno").expr(BACKFILLS).datasource(PROMETHEUS).interval("60s").range()
        backfills = builders.AnnotationQuery().name("Backfills").datasource(PROMETHEUS).enable(True)
        backfills.icon_color("orange").title_format("Backfill").text_format("{{kind}}").tag_keys("kind")
        backfills.expr(BACKFILLS).step("60s").target(asked)
        dashboard.annotation(backfills)
        others = builders.DashboardLink("Dashboards").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
        dashboard.link(others.as_dropdown(True).keep_time(True))
        for link in (DEPLOYMENT, REPORT):
            dashboard.link(_outward(link.title, link.url))
        dashboard.link(_outward("Runbooks", f"{PLATFORM}/runbooks"))
        return dashboard


class _Built(Builder[Any]):
    """What is built already, where the SDK asks for a builder."""

    def __init__(self, built: object) -> None:
        self._built = built

    def build(self) -> Any:
        """What was given."""
        return self._built


def _outward(title: str, url: str) -> builders.DashboardLink:
    return builders.DashboardLink(title).type(models.DashboardLinkType.LINK).url(url).target_blank(True)


def _variable(variable: Variable) -> builders.QueryVariable:
    asked = f"label_values({variable.metric}, {variable.source})"
    return (
        builders.QueryVariable(variable.name)
        .label(variable.label)
        .datasource(PROMETHEUS)
        .query({"query": asked, "refId": f"variable-{variable.name}"})
        .definition(asked)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(models.VariableOption(True, "All", "$__all"))
    )
