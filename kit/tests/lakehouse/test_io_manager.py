"""Tables as assets give and take them."""

from typing import Any

import dagster as dg
import polars as pl
import pytest

from millrace.lakehouse import Changes, Mode, SchemaPolicy, Warehouse, table
from millrace.lakehouse.io_manager import IcebergIOManager
from millrace.resources.stage_files import COLUMN_SCHEMA
from millrace.runs import stage

AWARDS = pl.LazyFrame({"award": ["a1", "a2"], "year": [2001, 2002], "usd": [1.0, None]})


class Mill:
    """Runs assets whose tables are in one warehouse."""

    def __init__(self, bench: Any, warehouse: Warehouse) -> None:
        self.bench = bench
        self.warehouse = warehouse

    def run(self, *assets: Any, **said: Any) -> Any:
        return self.bench.run(*assets, resources={"tables": IcebergIOManager(warehouse=self.warehouse)}, **said)

    def rows(self, name: str = "awards_all") -> list[tuple[Any, ...]]:
        found = self.warehouse.table(name).scan().collect()
        return found.sort(found.columns).rows()


@pytest.fixture
def mill(bench: Any, local_warehouse: Warehouse) -> Mill:
    return Mill(bench, local_warehouse)


def asset_of(give: Any, **said: Any) -> Any:
    @dg.asset(name="awards_all", io_manager_key="tables", metadata=table(**said))
    @stage
    def awards_all() -> Any:
        return give()

    return awards_all


def test_an_assets_frame_is_a_table_and_the_next_asset_scans_it(mill: Mill) -> None:
    kinds: list[type] = []

    @dg.asset(io_manager_key="tables")
    @stage
    def awards_late(awards_all: pl.LazyFrame) -> pl.LazyFrame:
        kinds.append(type(awards_all))
        return awards_all.filter(pl.col("year") > 2001)

    ended = mill.run(asset_of(lambda: AWARDS), awards_late)

    assert ended.success, ended.failures
    assert kinds == [pl.LazyFrame]
    assert mill.rows("awards_late") == [("a2", 2002, None)]


def test_an_eager_frame_is_taken_too(mill: Mill) -> None:
    assert mill.run(asset_of(AWARDS.collect)).success
    assert len(mill.rows()) == 2


def test_a_table_says_what_a_stage_file_says_and_its_snapshot_beside_it(mill: Mill) -> None:
    said = mill.run(asset_of(lambda: AWARDS)).metadata("awards_all")

    assert {"dagster/row_count", "dagster/column_schema", "columns", "null_counts", "preview"} <= set(said)
    assert {"completeness", "filled_share", "quality_score", "accepted_share"} <= set(said)
    assert {"seconds", "rows_per_second", "peak_memory_bytes", "rows_in", "rows_removed", "removed_share"} <= set(said)
    assert (said["dagster/row_count"], said["rows_written"], said["rows_replaced"]) == (2, 2, 0)
    assert said["null_counts"].records[2].data == {"column": "usd", "nulls": 1, "share": 0.5}
    assert said["snapshot_id"] == str(mill.warehouse.table("awards_all").load().metadata.current_snapshot_id)
    assert (said["files_added"], said["files_removed"], said["table_files"]) == (1, 0, 1)
    assert said["bytes_added"] == said["table_bytes"] > 0


def test_nulls_are_counted_right_where_metadata_cannot_say(mill: Mill) -> None:
    adding: Any = {"mode": Mode.APPEND, "schema_policy": SchemaPolicy.ADD_COLUMNS}
    mill.run(asset_of(lambda: AWARDS, **adding))
    nested = AWARDS.with_columns(state=pl.lit("MA"), seen=pl.lit([None], pl.List(pl.Int64)))

    said = mill.run(asset_of(lambda: nested, **adding)).metadata("awards_all")

    nulls = {record.data["column"]: record.data["nulls"] for record in said["null_counts"].records}
    assert nulls == {"award": 0, "year": 0, "usd": 2, "state": 2, "seen": 2}


def test_columns_keep_the_meaning_that_the_asset_promised(mill: Mill) -> None:
    promised = dg.TableSchema([dg.TableColumn("usd", "float", description="Dollars")])

    @dg.asset(io_manager_key="tables", metadata={**table(), COLUMN_SCHEMA: promised})
    @stage
    def awards_all() -> pl.LazyFrame:
        return AWARDS

    schema = mill.run(awards_all).metadata("awards_all")[COLUMN_SCHEMA]

    assert [(column.name, column.description) for column in schema.columns][2] == ("usd", "Dollars")


def test_changes_are_written_by_key_and_the_whole_table_is_described(mill: Mill) -> None:
    said: Any = {"mode": Mode.UPSERT, "key": ["award"]}
    mill.run(asset_of(lambda: AWARDS, **said))
    changes = Changes(AWARDS.head(1).with_columns(usd=pl.lit(9.0)), pl.LazyFrame({"award": ["a2"]}))

    metadata = mill.run(asset_of(lambda: changes, **said)).metadata("awards_all")

    assert mill.rows() == [("a1", 2001, 9.0)]
    assert (metadata["dagster/row_count"], metadata["rows_written"], metadata["rows_replaced"]) == (1, 1, 2)


def test_a_table_that_no_run_has_written_fails_its_reader_for_good(mill: Mill) -> None:
    @dg.asset(io_manager_key="tables")
    @stage
    def awards_late(awards_all: pl.LazyFrame) -> pl.LazyFrame:
        return awards_all

    ended = mill.run(dg.AssetSpec("awards_all").with_io_manager_key("tables"), awards_late, max_retries=1)

    assert ended.retries == 0
    assert ended.failures["awards_late"].endswith("awards_all: no such table; materialise awards_all first")


def test_a_step_that_wants_another_type_is_refused(mill: Mill) -> None:
    @dg.asset(io_manager_key="tables")
    @stage
    def awards_late(awards_all: dict) -> pl.LazyFrame:
        return pl.LazyFrame(awards_all)

    ended = mill.run(asset_of(lambda: AWARDS), awards_late, max_retries=1)

    assert "awards_all: a table is read as a LazyFrame, the step asks for" in ended.failures["awards_late"]
    assert ended.retries == 0


def test_an_asset_that_gives_no_frame_is_refused(mill: Mill) -> None:
    ended = mill.run(asset_of(lambda: [1, 2]))

    assert "takes a LazyFrame, a DataFrame or Changes, the asset gave list" in ended.failures["awards_all"]


def test_a_step_that_is_tried_again_after_its_commit_appends_once(mill: Mill, monkeypatch: pytest.MonkeyPatch) -> None:
    from millrace.lakehouse import io_manager

    real, failures = io_manager.describe_frame, [ConnectionResetError()]

    def fails_once(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*arguments)

    monkeypatch.setattr(io_manager, "describe_frame", fails_once)
    ended = mill.run(asset_of(lambda: AWARDS, mode=Mode.APPEND), max_retries=1)

    assert (ended.success, ended.retries) == (True, 1)
    assert len(mill.rows()) == 2


def test_a_new_run_appends_anew(mill: Mill) -> None:
    for _ in range(2):
        assert mill.run(asset_of(lambda: AWARDS, mode=Mode.APPEND)).success

    assert len(mill.rows()) == 4


YEARS = dg.StaticPartitionsDefinition(["2001", "2002", "2003"])


def of_year(**said: Any) -> Any:
    @dg.asset(name="awards_all", io_manager_key="tables", partitions_def=YEARS, metadata=table(**said))
    @stage
    def awards_all(context: dg.AssetExecutionContext) -> pl.LazyFrame:
        return AWARDS.filter(pl.col("year") == int(context.partition_key))

    return awards_all


BY_YEAR: Any = {"mode": Mode.OVERWRITE_PARTITION, "partition_by": ["year"]}


def test_a_partitions_run_replaces_its_partition(mill: Mill) -> None:
    for key in ("2001", "2002", "2002", "2003"):
        ended = mill.run(of_year(**BY_YEAR), partition_key=key)
        assert ended.success, ended.failures

    assert mill.rows() == AWARDS.collect().rows()


def test_a_partition_that_has_no_rows_any_more_becomes_empty(mill: Mill) -> None:
    mill.run(asset_of(lambda: pl.concat([AWARDS, AWARDS.with_columns(year=pl.lit(2003, pl.Int64))]), **BY_YEAR))

    assert mill.run(of_year(**BY_YEAR), partition_key="2003").success

    assert mill.rows() == AWARDS.collect().rows()


def test_a_reader_of_a_partition_gets_its_rows_alone(mill: Mill) -> None:
    @dg.asset(io_manager_key="tables", partitions_def=YEARS, metadata=table(**BY_YEAR))
    @stage
    def awards_late(awards_all: pl.LazyFrame) -> pl.LazyFrame:
        return awards_all

    mill.run(of_year(**BY_YEAR), partition_key="2001")
    ended = mill.run(of_year(**BY_YEAR), awards_late, partition_key="2002")

    assert ended.success, ended.failures
    assert mill.rows("awards_late") == [("a2", 2002, None)]
    assert len(mill.rows()) == 2


def test_a_reader_without_partitions_gets_all_rows(mill: Mill, instance: dg.DagsterInstance) -> None:
    mill.run(of_year(**BY_YEAR), partition_key="2001")
    mill.run(of_year(**BY_YEAR), partition_key="2002")

    @dg.asset(io_manager_key="tables")
    @stage
    def awards_late(awards_all: pl.LazyFrame) -> pl.LazyFrame:
        return awards_all

    manager = IcebergIOManager(warehouse=mill.warehouse)
    result = dg.materialize(
        [of_year(**BY_YEAR), awards_late], selection="awards_late", resources={"tables": manager}, instance=instance
    )
    assert result.success
    assert mill.rows("awards_late") == AWARDS.collect().rows()


def test_a_partitions_run_that_would_overwrite_all_is_refused(mill: Mill) -> None:
    ended = mill.run(of_year(), partition_key="2001")

    assert "each partition's run would overwrite the table of all" in ended.failures["awards_all"]


def test_a_key_that_is_no_value_of_the_column_is_refused(mill: Mill) -> None:
    @dg.asset(
        io_manager_key="tables", partitions_def=dg.StaticPartitionsDefinition(["early"]), metadata=table(**BY_YEAR)
    )
    @stage
    def awards_all() -> pl.LazyFrame:
        return AWARDS

    ended = mill.run(awards_all, partition_key="early")

    assert "the partition key 'early' is no Int64" in ended.failures["awards_all"]


def test_a_table_in_a_bucket_is_described_like_one_in_a_folder(bench: Any, make_warehouse: Any, mill: Mill) -> None:
    in_bucket = Mill(bench, make_warehouse("bucket-postgres"))

    said = [one.run(asset_of(lambda: AWARDS)).metadata("awards_all") for one in (mill, in_bucket)]

    same = {"dagster/row_count", "columns", "null_counts", "filled_share", "bytes_added", "rows_written"}
    assert {name: said[0][name] for name in same} == {name: said[1][name] for name in same}
