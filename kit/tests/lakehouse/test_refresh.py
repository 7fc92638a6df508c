"""Full refreshes, and runs of a job that is shown by an asset: nobody sees them before they are whole."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from millrace.errors import CommitConflictError, ConfigurationError
from millrace.lakehouse import Changes, Declaration, Mode, Warehouse, table
from millrace.lakehouse.io_manager import IcebergIOManager
from millrace.lakehouse.refresh import as_seen_by, branch_of, show
from millrace.runs import stage
from millrace.runs.tags import FULL_REFRESH_TAG, SHOWN_BY_TAG

NAMES = ("counted_apples", "doubled_apples")
UPSERT = Declaration(Mode.UPSERT, key=("tree",))


@dg.asset(io_manager_key="tables", metadata=table(mode=Mode.UPSERT, key=["tree"]))
@stage
def counted_apples(apples: dg.ResourceParam[dict[str, int]]) -> Changes:
    return Changes(upserts=pl.LazyFrame({"tree": list(apples), "apples": list(apples.values())}))


@dg.asset(io_manager_key="tables")
@stage
def doubled_apples(counted_apples: pl.LazyFrame) -> pl.LazyFrame:
    return counted_apples.with_columns(pl.col("apples") * 2)


@dg.asset(deps=[doubled_apples])
@stage
def shown_apples(
    context: dg.AssetExecutionContext, tables: dg.ResourceParam[IcebergIOManager], fails: dg.ResourceParam[bool]
) -> None:
    if fails:
        raise ValueError("not yet")
    show(tables.warehouse, NAMES, branch_of(context.run))


class Orchard:
    """Runs its assets, as a refresh or not."""

    def __init__(self, warehouse: Warehouse, instance: dg.DagsterInstance) -> None:
        self.warehouse = warehouse
        self.instance = instance

    def run(
        self,
        apples: dict[str, int],
        *,
        full: bool = False,
        fails: bool = False,
        shown_by: str = "",
    ) -> bool:
        resources = {"tables": IcebergIOManager(warehouse=self.warehouse), "apples": apples, "fails": fails}
        return dg.materialize(
            [counted_apples, doubled_apples, shown_apples],
            instance=self.instance,
            resources=resources,
            tags=({FULL_REFRESH_TAG: "true"} if full else {}) | ({SHOWN_BY_TAG: shown_by} if shown_by else {}),
            raise_on_error=False,
        ).success

    def rows(self, name: str = "doubled_apples") -> list[tuple[Any, ...]]:
        return sorted(self.warehouse.table(name).scan().collect().rows())

    def refs(self, name: str) -> set[str]:
        return set(self.warehouse.table(name).load().metadata.refs)


@pytest.fixture
def orchard(local_warehouse: Warehouse, tmp_path: Path) -> Any:
    with dg.DagsterInstance.ephemeral(str(tmp_path)) as instance:
        yield Orchard(local_warehouse, instance)


def test_a_refresh_replaces_what_upserts_have_gathered(orchard: Orchard) -> None:
    assert orchard.run({"oak": 1, "elm": 2})
    assert orchard.run({"ash": 3})
    assert orchard.rows("counted_apples") == [("ash", 3), ("elm", 2), ("oak", 1)]

    assert orchard.run({"oak": 5}, full=True)

    assert orchard.rows("counted_apples") == [("oak", 5)]
    assert orchard.rows() == [("oak", 10)]
    assert [orchard.refs(name) for name in NAMES] == [{"main"}, {"main"}]


def test_a_run_that_an_asset_shows_adds_to_what_is_there_at_its_end(orchard: Orchard) -> None:
    assert orchard.run({"oak": 1})

    assert not orchard.run({"elm": 2}, shown_by="shown_apples", fails=True)
    assert orchard.rows("counted_apples") == [("oak", 1)]
    assert orchard.rows() == [("oak", 2)]

    assert orchard.run({"ash": 3}, shown_by="shown_apples")
    assert orchard.rows("counted_apples") == [("ash", 3), ("oak", 1)]
    assert orchard.rows() == [("ash", 6), ("oak", 2)]
    assert [orchard.refs(name) for name in NAMES] == [{"main"}, {"main"}]


@pytest.mark.parametrize(
    ("chosen", "is_shown"),
    [(None, True), (["counted_apples"], False), (["counted_apples", "shown_apples"], True)],
    ids=["all", "one", "with_the_one_that_shows"],
)
def test_a_run_of_chosen_assets_that_nobody_would_show_writes_to_main(chosen: list[str] | None, is_shown: bool) -> None:
    selection = frozenset(map(dg.AssetKey, chosen)) if chosen else None
    run = dg.DagsterRun(job_name="any", tags={SHOWN_BY_TAG: "shown_apples"}, asset_selection=selection)

    assert branch_of(run) == (f"run-{run.run_id}" if is_shown else "main")


def test_the_first_run_of_all_may_be_a_refresh(orchard: Orchard) -> None:
    assert orchard.run({"oak": 1}, full=True)

    assert orchard.rows() == [("oak", 2)]


def test_a_refresh_that_fails_leaves_what_was_there_and_the_next_one_clears_up(orchard: Orchard) -> None:
    assert orchard.run({"oak": 1})

    assert not orchard.run({"oak": 7}, full=True, fails=True)

    assert orchard.rows() == [("oak", 2)]
    assert len(orchard.refs("counted_apples")) == 2
    assert orchard.run({"oak": 8}, full=True)
    assert orchard.rows() == [("oak", 16)]
    assert orchard.refs("counted_apples") == {"main"}


def test_a_retry_goes_on_with_what_the_attempt_before_has_written(orchard: Orchard) -> None:
    assert orchard.run({"oak": 1})
    assert not orchard.run({"elm": 2}, shown_by="shown_apples", fails=True)
    (branch,) = orchard.refs("counted_apples") - {"main"}
    first = branch.removeprefix("run-")
    tags = {SHOWN_BY_TAG: "shown_apples"}
    retry = dg.DagsterRun(job_name="any", tags=tags, root_run_id=first, parent_run_id=first)

    def trees(run: dg.DagsterRun) -> list[str]:
        return sorted(as_seen_by(run, orchard.warehouse, "counted_apples").collect()["tree"])

    assert trees(retry) == ["elm", "oak"]
    assert trees(dg.DagsterRun(job_name="any", tags=tags)) == ["oak"]


def test_a_refresh_does_not_hide_what_others_have_written_meanwhile(orchard: Orchard) -> None:
    assert orchard.run({"oak": 1})
    assert not orchard.run({"oak": 7}, full=True, fails=True)
    (branch,) = orchard.refs("counted_apples") - {"main"}
    orchard.warehouse.table("counted_apples").write(pl.LazyFrame({"tree": ["elm"], "apples": [4]}), UPSERT)

    with pytest.raises(CommitConflictError, match="main has moved"):
        show(orchard.warehouse, NAMES, branch)

    assert orchard.rows("counted_apples") == [("elm", 4), ("oak", 1)]


def test_a_tag_that_says_neither_yes_nor_no_is_refused(orchard: Orchard) -> None:
    run = dg.DagsterRun(job_name="any", tags={FULL_REFRESH_TAG: "yes"})

    with pytest.raises(ConfigurationError, match="neither true nor false"):
        branch_of(run)
