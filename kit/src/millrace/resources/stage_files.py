"""Files between stages: Parquet that appears whole or not at all (`millrace.stores`).

What belongs here: how stage data reaches its storage. What does not: what it must look like (contracts).
"""

from typing import TYPE_CHECKING, Any, Self

import dagster as dg
import polars as pl
from dagster_polars import PolarsParquetIOManager

from millrace.errors import StageMissingError
from millrace.runs.failures import dagster_failures
from millrace.runs.measure import current_measurement
from millrace.runs.metadata import describe_frame
from millrace.stores import Place

if TYPE_CHECKING:
    from upath import UPath

COLUMN_SCHEMA = "dagster/column_schema"
# What a reader or writer holds of a file at once; Polars' own 122,880 rows take more memory (ADR 0003).
_ROW_GROUP_ROWS = 8_192


class StageParquetIOManager(PolarsParquetIOManager):
    """Polars' Parquet IO manager with atomic writes, lazy either way, and metadata read off what was written.

    `<place>/<asset>.parquet`. A lazy frame is sunk, never collected.

    Attributes:
        place: Folder or bucket of the stage files; `base_dir` is its address.
    """

    place: Place

    @classmethod
    def at(cls, place: Place) -> Self:
        """The IO manager of a place."""
        return cls(place=place, base_dir=place.address)

    def make_directory(self, path: "UPath") -> None:
        """Leave it to the store."""

    def dump_to_path(self, context: dg.OutputContext, obj: Any, path: "UPath") -> None:  # noqa: ARG002
        """Write to a file in the making, then keep it under its name."""
        store = self.place.store()
        name = self._name(path)
        made = store.in_the_making(name)
        try:
            with dagster_failures():
                obj.lazy().sink_parquet(made, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP_ROWS)
                store.keep(name, made)
        finally:
            made.unlink(missing_ok=True)
            current_measurement().finish()

    def load_from_path(self, context: dg.InputContext, path: "UPath") -> pl.LazyFrame:
        """Scan a stage.

        Raises:
            dagster.Failure: with a StageMissingError if no run has written it.
        """
        with dagster_failures():
            store = self.place.store()
            if not store.has(self._name(path)):
                asset = context.asset_key.to_user_string()
                raise StageMissingError(asset, f"no stage file at {path}", next_step=f"materialise {asset} first")
            return pl.scan_parquet(store.address_of(self._name(path)), storage_options=store.polars_options)

    def get_metadata(self, context: dg.OutputContext, obj: Any) -> dict[str, dg.MetadataValue]:  # noqa: ARG002
        """Describe what was written: see `describe_frame`, and `metadata` and `quality` of `Measurement`."""
        promised = (context.definition_metadata or {}).get(COLUMN_SCHEMA)
        columns = promised.columns if isinstance(promised, dg.TableSchema) else []
        descriptions = {column.name: column.description for column in columns}
        store = self.place.store()
        written = pl.scan_parquet(
            store.address_of(self._name(self._get_path(context))), storage_options=store.polars_options
        )
        rows, metadata = describe_frame(written, descriptions)
        measurement, filled = current_measurement(), metadata.get("filled_share")
        quality = measurement.quality(rows, filled.value if isinstance(filled, dg.FloatMetadataValue) else None)
        return metadata | measurement.metadata(rows) | quality

    def _name(self, path: "UPath") -> str:
        return str(path).removeprefix(f"{self.place.address}/")
