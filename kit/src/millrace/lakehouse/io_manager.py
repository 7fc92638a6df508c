"""Iceberg tables as what assets give and take: the IO manager behind `io_manager_key="tables"`.

    @dg.asset(io_manager_key="tables", metadata=table(mode=Mode.UPSERT, key=["award_id"]))
    @stage
    def enriched_awards(...) -> pl.LazyFrame: ...

What belongs here: Dagster's side. What does not: tables.

A step that is tried again writes under the same id. An append also finds what an earlier run of the same root has
committed (a run that was killed after its commit is retried as a new run); other modes give the same rows when
repeated. So whoever wants to append the same again launches a run and does not re-execute one.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import polars as pl

from millrace.errors import ConfigurationError
from millrace.lakehouse.declaration import Changes, Declaration, Mode
from millrace.lakehouse.refresh import as_seen_by, branch_of
from millrace.lakehouse.snapshots import Written
from millrace.lakehouse.statistics import null_counts
from millrace.lakehouse.warehouse import Warehouse
from millrace.resources.stage_files import COLUMN_SCHEMA
from millrace.runs.failures import dagster_failures, first_run_id
from millrace.runs.measure import current_measurement
from millrace.runs.metadata import describe_frame
from millrace.runs.refresh import makes_everything_anew

_ANY = (Any, None, type(None))


class IcebergIOManager(dg.ConfigurableIOManager):
    """Writes frames into tables, one per asset, and reads them lazily; rows are never collected.

    Attributes:
        warehouse: The domain's tables.
    """

    warehouse: Warehouse

    def handle_output(self, context: dg.OutputContext, obj: pl.LazyFrame | pl.DataFrame | Changes) -> None:
        """Write what an asset gives, as its `table(...)` says, and describe the table."""
        measurement = current_measurement()
        try:
            with dagster_failures():
                declaration = Declaration.of(context.definition_metadata or {})
                changes = self._changes(context, obj)
                only = _partitions(context, declaration)
                run = context.step_context.dagster_run
                branch = branch_of(run)
                if makes_everything_anew(run) and declaration.mode is Mode.UPSERT:
                    declaration = replace(declaration, mode=Mode.OVERWRITE)  # a refresh brings all of the rows
                written = self.warehouse.table(_name(context)).write(
                    changes, declaration, write_id=_write_id(context, declaration), only=only, branch=branch
                )
        finally:
            measurement.finish()
        with dagster_failures():
            context.add_output_metadata(self._described(context, written))

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame:
        """Scan a table; of a partitioned asset the partitions that the step reads.

        Raises:
            dagster.Failure: with a StageMissingError if nothing was written; with a ConfigurationError if the step
                wants anything but a LazyFrame.
        """
        with dagster_failures():
            asked = context.dagster_type.typing_type
            if asked not in (*_ANY, pl.LazyFrame):
                raise ConfigurationError(
                    context.asset_key.to_user_string(),
                    [f"a table is read as a LazyFrame, the step asks for {getattr(asked, '__name__', asked)}"],
                    next_step="annotate the input as pl.LazyFrame",
                )
            frame = as_seen_by(context.step_context.dagster_run, self.warehouse, _name(context))
            if not context.has_asset_partitions:
                return frame
            declaration = Declaration.of(
                (context.upstream_output.definition_metadata or {}) if context.upstream_output else {}
            )
            return _of_partitions(frame, declaration, context)

    def _changes(self, context: dg.OutputContext, obj: object) -> Changes:
        if isinstance(obj, Changes):
            return obj
        if isinstance(obj, pl.LazyFrame | pl.DataFrame):
            return Changes(upserts=obj.lazy())
        raise ConfigurationError(
            context.asset_key.to_user_string(),
            [f"a table takes a LazyFrame, a DataFrame or Changes, the asset gave {type(obj).__name__}"],
            next_step="return one of these",
        )

    def _described(self, context: dg.OutputContext, written: Written) -> dict[str, dg.MetadataValue]:
        table = self.warehouse.table(_name(context))
        promised = (context.definition_metadata or {}).get(COLUMN_SCHEMA)
        columns = promised.columns if isinstance(promised, dg.TableSchema) else []
        descriptions = {column.name: column.description for column in columns}
        frame = table.scan(snapshot_id=written.snapshot_id)
        _, metadata = describe_frame(frame, descriptions, null_counts(table, written.snapshot_id))
        measurement, filled = current_measurement(), metadata.get("filled_share")
        rows = written.rows_written
        quality = measurement.quality(rows, filled.value if isinstance(filled, dg.FloatMetadataValue) else None)
        return metadata | measurement.metadata(rows) | quality | snapshot_metadata(written)


def snapshot_metadata(written: Written) -> dict[str, dg.MetadataValue]:
    """What a write has left, for people. The ids are text: JavaScript rounds such numbers."""
    parent = written.parent_snapshot_id
    return {
        "dagster/table_name": dg.MetadataValue.text(written.table),
        "snapshot_id": dg.MetadataValue.text(str(written.snapshot_id)),
        **({} if parent is None else {"parent_snapshot_id": dg.MetadataValue.text(str(parent))}),
        **{
            name: dg.MetadataValue.int(getattr(written, name))
            for name in (
                *("rows_written", "rows_replaced", "files_added", "files_removed", "bytes_added"),
                *("table_files", "table_bytes"),
            )
        },
    }


def _name(context: dg.OutputContext | dg.InputContext) -> str:
    return "_".join(context.asset_key.path)


def _write_id(context: dg.OutputContext, declaration: Declaration) -> str:
    is_append = declaration.mode is Mode.APPEND
    run = first_run_id(context.step_context.dagster_run) if is_append else context.run_id
    partitions = ",".join(context.asset_partition_keys) if context.has_asset_partitions else ""
    return f"{run}/{_name(context)}/{partitions}"


def _partitions(context: dg.OutputContext, declaration: Declaration) -> list[dict[str, str]]:
    """The partitions of the table that a run of a partitioned asset is for, by column."""
    if not context.has_asset_partitions:
        return []
    if declaration.mode is Mode.OVERWRITE:
        raise ConfigurationError(
            context.asset_key.to_user_string(),
            ["each partition's run would overwrite the table of all"],
            next_step="say table(mode=Mode.OVERWRITE_PARTITION, partition_by=[…])",
        )
    if declaration.mode is not Mode.OVERWRITE_PARTITION:
        return []
    return [_values(key, declaration) for key in context.asset_partition_keys]


def _values(key: str, declaration: Declaration) -> dict[str, str]:
    by_dimension: Mapping[str, str] | None = getattr(key, "keys_by_dimension", None)
    if by_dimension is not None:
        return dict(by_dimension)
    return {partition.source: key for partition in declaration.partitions[:1]}


def _of_partitions(frame: pl.LazyFrame, declaration: Declaration, context: dg.InputContext) -> pl.LazyFrame:
    from millrace.lakehouse.partitions import parsed_value

    if declaration.mode is not Mode.OVERWRITE_PARTITION:
        return frame
    dtypes = frame.collect_schema()
    subject = context.asset_key.to_user_string()
    wanted = [
        pl.all_horizontal(
            pl.col(name) == parsed_value(subject, text, dtypes[name])
            for name, text in _values(key, declaration).items()
        )
        for key in context.asset_partition_keys
    ]
    return frame.filter(pl.any_horizontal(wanted))
