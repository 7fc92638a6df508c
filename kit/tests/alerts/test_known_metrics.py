"""An expression that names what nobody exposes is found, and so is a label that the metric does not have."""

from collections.abc import Callable
from typing import Any

import pytest

from millrace.alerts.catalogue import Area
from millrace.alerts.exposed import Exposed, as_record, series_on
from millrace.alerts.expressions import Selector, selectors
from millrace.errors import ConfigurationError

PAGE = """\
# HELP trees_down Trees.
# TYPE trees_down gauge
trees_down{code_location="a \\"quoted\\" place",kind="apple"} 3
# TYPE falls_seconds histogram
falls_seconds_bucket{le="1"} 0
# TYPE storms_total counter
"""


def exposed(**names: set[str]) -> Exposed:
    return Exposed({name: {"forest": frozenset(labels)} for name, labels in names.items()})


def test_what_is_exposed_is_no_problem(catalogue: Callable[..., list[Area]], entry: dict[str, Any]) -> None:
    assert exposed(trees_down={"code_location"}).problems(catalogue(entry)) == []


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("last_over_time(trees_dwon[5m]) > $threshold", "TreeDown: no exporter exposes trees_dwon"),
        ("trees_down / on () group_left () sum(trees) > $threshold", "TreeDown: no exporter exposes trees"),
        ('{__name__="trees"} > $threshold', "TreeDown: no exporter exposes trees"),
        ('trees_down{code_locaton="x"} > $threshold', "TreeDown: trees_down has no label code_locaton"),
    ],
)
def test_a_name_or_a_label_that_nobody_exposes_is_found(
    catalogue: Callable[..., list[Area]], entry: dict[str, Any], expression: str, problem: str
) -> None:
    found = exposed(trees_down={"code_location"}).problems(catalogue({**entry, "expr": expression}))

    assert found == [problem]


@pytest.mark.parametrize("expression", ["trees_down >", "sum by trees", '{kind="apple"}'])
def test_what_is_no_promql_or_names_no_metric_is_refused(expression: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no PromQL|without a metric"):
        selectors(expression, "TreeDown")


def test_selectors_are_found_wherever_they_stand() -> None:
    expression = 'sum by (a) (rate(one{x="1"}[5m])) > max_over_time(two[1h:5m]) unless on (b) -(three offset 1d)'

    assert selectors(expression, "x") == [
        Selector("one", frozenset({"x"})),
        Selector("two", frozenset()),
        Selector("three", frozenset()),
    ]


def test_a_page_of_metrics_gives_names_and_labels_also_of_what_has_no_sample_yet() -> None:
    found = series_on(PAGE)

    assert found["trees_down"] == {"code_location", "kind"}
    assert set(found) >= {"falls_seconds_bucket", "falls_seconds_sum", "falls_seconds_count", "storms_total"}
    assert as_record({"b": frozenset({"y", "x"}), "a": frozenset()}, "forest 1.2") == "# forest 1.2\na\nb x,y\n"


def test_an_alert_is_blind_without_our_exporter_if_that_is_one_of_its_sources() -> None:
    both = Exposed({"a": {"node": frozenset()}, "b": {"exporter": frozenset()}})

    assert both.source({"a"}) == "node"
    assert both.source({"a", "b"}) == "exporter"
    assert both.source(set()) == "prometheus"
