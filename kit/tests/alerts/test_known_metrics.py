"""An expression that names what nobody exposes is found: a metric, a label of it, a value that the label never has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from millrace.alerts.catalogue import Area, Record
from millrace.alerts.exposed import Exposed, as_record, load_exposed, series_on
from millrace.alerts.expressions import Matcher, Selector, selectors
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


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ('trees{kind="pear"}', "trees has no kind='pear' (expected apple, plum)"),
        ('trees{kind!="pear"}', "trees has no kind='pear' (expected apple, plum)"),
        ('trees{kind=~"apple|pear"}', "trees has no kind='pear' (expected apple, plum)"),
        ('trees{kind!~"pea.*"}', "trees has no kind='pea.*' (expected apple, plum)"),
        ('trees{kind=~"apple|pea.*"}', "trees has no kind='pea.*' (expected apple, plum)"),
        ('trees{job="city"}', "trees has no job='city' (expected forest)"),
        ('up{job="city"}', "up has no job='city' (expected exporter, forest)"),
        ('ALERTS{alertstate="fring"}', "ALERTS has no alertstate='fring' (expected pending, firing)"),
        ('tree:plums:now{kind="apple"}', "tree:plums:now has no kind='apple' (expected plum)"),
        ('tree:plums:now{place="x"}', "tree:plums:now has no label place"),
    ],
)
def test_a_value_that_a_label_never_has_is_found(
    catalogue: Callable[..., list[Area]], entry: dict[str, Any], asked: str, problem: str
) -> None:
    assert closed(catalogue, entry, asked) == [f"TreeDown: {problem}"]


def test_records_of_each_other_are_found(catalogue: Callable[..., list[Area]], entry: dict[str, Any]) -> None:
    records = [Record(record="tree:a:now", expr="tree:b:now"), Record(record="tree:b:now", expr="tree:a:now")]
    (area,) = catalogue(entry)
    known = Exposed({"dagster_asset_rows": {"exporter": frozenset()}})

    found = known.problems([area.model_copy(update={"alerts": [], "records": records})])

    assert found == ["tree:a:now: tree:b:now is recorded from itself", "tree:b:now: tree:a:now is recorded from itself"]


@pytest.mark.parametrize(
    "asked",
    [
        'trees{kind="apple"}',
        'trees{kind=~"apple|plum"}',
        'trees{kind=~".*"}',
        'trees{kind!="", kind=~"p.+"}',
        'trees{wood="anything"}',
        'up{job!="exporter"}',
        'tree:plums:now{kind="plum"}',
        'tree:sums:now{kind="pear"}',
        'tree:owned:now{owner="city"}',
    ],
)
def test_a_value_that_a_label_has_or_may_have_is_no_problem(
    catalogue: Callable[..., list[Area]], entry: dict[str, Any], asked: str
) -> None:
    assert closed(catalogue, entry, asked) == []


def closed(catalogue: Callable[..., list[Area]], entry: dict[str, Any], asked: str) -> list[str]:
    """Problems of an alert that asks for this, where trees are apples or plums."""
    areas = catalogue({**entry, "expr": f"{asked} > $threshold"})
    records = [
        Record(record="tree:plums:now", expr='trees{kind="plum"}'),
        Record(record="tree:sums:now", expr="sum by (kind) (trees)"),
        Record(record="tree:owned:now", expr="trees", labels={"owner": "city"}),
    ]
    known = Exposed(
        {
            "trees": {"forest": frozenset({"kind", "wood"})},
            "dagster_asset_rows": {"exporter": frozenset()},
            "up": {"forest": frozenset()},
            "ALERTS": {"forest": frozenset({"alertstate"})},
        },
        {"trees": {"kind": ("apple", "plum")}, "ALERTS": {"alertstate": ("pending", "firing")}},
    )
    return known.problems([*areas, areas[0].model_copy(update={"name": "records", "alerts": [], "records": records})])


def test_the_values_of_our_exporter_are_those_that_its_families_declare() -> None:
    known = load_exposed(Path(__file__).parents[3])

    assert known.problems_of('dagster_asset_metadata_value{key="quality_score"}', "x") == []
    (problem,) = known.problems_of('dagster_asset_metadata_value{key="quality"}', "x")
    assert problem.startswith("x: dagster_asset_metadata_value has no key='quality' (expected seconds, ")
    assert len(known.problems_of('rate(dagster_run_duration_seconds_bucket{status="failed"}[5m])', "x")) == 1


@pytest.mark.parametrize("expression", ["trees_down >", "sum by trees", '{kind="apple"}'])
def test_what_is_no_promql_or_names_no_metric_is_refused(expression: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no PromQL|without a metric"):
        selectors(expression, "TreeDown")


def test_selectors_are_found_wherever_they_stand() -> None:
    expression = 'sum by (a) (rate(one{x="1"}[5m])) > max_over_time(two[1h:5m]) unless on (b) -(three offset 1d)'

    assert selectors(expression, "x") == [
        Selector("one", (Matcher("x", "=", "1"),)),
        Selector("two"),
        Selector("three"),
    ]


def test_a_selector_as_text_asks_for_the_same_in_the_order_of_its_labels() -> None:
    expression = r'one{d!~"", a="1", b!="q\"\\s", c=~"x\\.y|z"} > {__name__="two", e="é"}'
    found = selectors(expression, "x")

    assert [str(one) for one in found] == [r'one{a="1", b!="q\"\\s", c=~"x\\.y|z", d!~""}', 'two{e="é"}']
    assert [selectors(str(one), "x") for one in found] == [[one] for one in found]


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
