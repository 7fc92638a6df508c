"""Files between stages: Parquet that appears whole or not at all (`millrace.files`).

What belongs here: how stage data reaches its storage. What does not: what it must look like (contracts).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
from dagster_polars import PolarsParquetIOManager

from millrace.errors import StageMissingError
from millrace.files import put_in_place, temporary_beside
from millrace.runs.failures import dagster_failures
from millrace.runs.measure import current_measurement
from millrace.runs.metadata import describe_frame

if TYPE_CHECKING:
    from upath import UPath

COLUMN_SCHEMA = "dagster/column_schema"
# What a reader or writer holds of a file at once; Polars' own 122,880 rows take more memory (ADR 0003).
_ROW_GROUP_ROWS = 8_192


class StageParquetIOManager(PolarsParquetIOManager):
    """Polars' Parquet IO manager with atomic writes, lazy either way, and metadata read off what was written.

    `base_dir/<asset>.parquet`. A lazy frame is sunk, never collected.
    """

    def dump_to_path(self, context: dg.OutputContext, obj: Any, path: "UPath") -> None:  # noqa: ARG002
        """Write to a temporary name beside `path`, then rename."""
        target = Path(str(path))
        temporary = temporary_beside(target)
        try:
            with dagster_failures():
                obj.lazy().sink_parquet(
                    temporary, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP_ROWS
                )
                put_in_place(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
            current_measurement().finish()

    def load_from_path(self, context: dg.InputContext, path: "UPath") -> pl.LazyFrame:
        """Scan a stage.

        Raises:
            dagster.Failure: with a StageMissingError if no run has written it.
        """
        with dagster_failures():
            if not path.exists():
                asset = context.asset_key.to_user_string()
                raise StageMissingError(asset, f"no stage file at {path}", next_step=f"materialise {asset} first")
            return pl.scan_parquet(str(path))

    def get_metadata(self, context: dg.OutputContext, obj: Any) -> dict[str, dg.MetadataValue]:  # noqa: ARG002
        """Describe what was written: see `describe_frame` and `Measurement.metadata`."""
        promised = (context.definition_metadata or {}).get(COLUMN_SCHEMA)
        columns = promised.columns if isinstance(promised, dg.TableSchema) else []
        descriptions = {column.name: column.description for column in columns}
        rows, metadata = describe_frame(pl.scan_parquet(str(self._get_path(context))), descriptions)
        return metadata | current_measurement().metadata(rows)
