"""What a stage file holds, as metadata that people and checks read: counts, schema, nulls, preview, chart.

What belongs here: figures that can be read off any frame. What does not: a domain's own figures (its asset
returns them) and the step's time and memory (`millrace.runs.measure`).
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from millrace.runs.charts import completeness_chart

PREVIEW_ROWS = 5
PREVIEW_CHARACTERS = 80

# Given, because Dagster can infer none if there is no column to count.
_NULL_COUNTS = dg.TableSchema(
    [dg.TableColumn("column", "string"), dg.TableColumn("nulls", "int"), dg.TableColumn("share", "float")]
)


def describe_frame(
    frame: pl.LazyFrame,
    descriptions: Mapping[str, str | None] | None = None,
    known_nulls: Mapping[str, int] | None = None,
) -> tuple[int, dict[str, dg.MetadataValue]]:
    """Describe a frame that lies in a file: it is scanned once for the nulls, once for the preview.

    Args:
        frame: The frame.
        descriptions: What its columns mean, by column, if that is known.
        known_nulls: Nulls of columns for which nothing needs to be scanned.

    Returns:
        The number of rows, and `dagster/row_count`, `dagster/column_schema`, `columns`, `null_counts` (table:
        column, nulls, share); where there are rows also `preview` (table), `completeness` (picture) and, where there
        are columns, `filled_share` (0-1, cells that are not null; an empty text or list is a value).
    """
    schema = frame.collect_schema()
    known = known_nulls or {}
    unknown = [pl.col(name).null_count().alias(f"null:{name}") for name in schema if name not in known]
    row = frame.select(pl.len().alias("rows"), *unknown).collect().row(0, named=True)
    rows = int(row["rows"])
    nulls = {name: known[name] if name in known else int(row[f"null:{name}"]) for name in schema}
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(rows),
        "dagster/column_schema": dg.MetadataValue.table_schema(table_schema(schema, descriptions or {})),
        "columns": dg.MetadataValue.int(len(schema)),
        "null_counts": dg.MetadataValue.table(
            [
                dg.TableRecord({"column": name, "nulls": count, "share": round(count / rows, 4) if rows else 0.0})
                for name, count in nulls.items()
            ],
            schema=_NULL_COUNTS,
        ),
    }
    if rows:
        metadata["preview"] = preview(frame.head(PREVIEW_ROWS).collect())
        metadata["completeness"] = completeness_chart({name: 1 - count / rows for name, count in nulls.items()})
    if rows and nulls:
        metadata["filled_share"] = dg.MetadataValue.float(round(1 - sum(nulls.values()) / (rows * len(nulls)), 6))
    return rows, metadata


def preview(frame: pl.DataFrame) -> dg.MetadataValue:
    """Show rows as a table, long and nested values cut to a line."""
    records = [
        dg.TableRecord({name: _short(value) for name, value in row.items()}) for row in frame.iter_rows(named=True)
    ]
    return dg.MetadataValue.table(
        records, schema=dg.TableSchema([dg.TableColumn(name, "string") for name in frame.columns])
    )


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= PREVIEW_CHARACTERS else text[: PREVIEW_CHARACTERS - 1] + "…"


def table_schema(dtypes: Mapping[str, object], descriptions: Mapping[str, str | None]) -> dg.TableSchema:
    """Columns with their dtypes and, if it is known, what they mean."""
    return dg.TableSchema(
        [dg.TableColumn(name, str(dtype), description=descriptions.get(name)) for name, dtype in dtypes.items()]
    )
