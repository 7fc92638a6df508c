"""What a stage file holds, as metadata that people and checks read: counts, schema, nulls, preview, chart.

What belongs here: figures that can be read off any frame. What does not: a domain's own figures (its asset
returns them) and the step's time and memory (`millrace.runs.measure`).
"""

from typing import Any

import dagster as dg
import polars as pl

from millrace.runs.charts import completeness_chart

PREVIEW_ROWS = 5
PREVIEW_CHARACTERS = 80


def describe_frame(frame: pl.LazyFrame) -> tuple[int, dict[str, dg.MetadataValue]]:
    """Describe a frame that lies in a file: it is scanned once for the nulls, once for the preview.

    Returns:
        The number of rows, and `dagster/row_count`, `dagster/column_schema`, `columns`, `null_counts` (table:
        column, nulls, share), `preview` (table) and `completeness` (picture).
    """
    schema = frame.collect_schema()
    counts = frame.select(pl.len().alias("rows"), pl.all().null_count().name.prefix("null:")).collect()
    row = counts.row(0, named=True)
    rows = int(row["rows"])
    nulls = {name: int(row[f"null:{name}"]) for name in schema}
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(rows),
        "dagster/column_schema": dg.MetadataValue.table_schema(_table_schema(schema)),
        "columns": dg.MetadataValue.int(len(schema)),
        "null_counts": dg.MetadataValue.table(
            [
                dg.TableRecord({"column": name, "nulls": count, "share": round(count / rows, 4) if rows else 0.0})
                for name, count in nulls.items()
            ]
        ),
    }
    if rows:
        metadata["preview"] = preview(frame.head(PREVIEW_ROWS).collect())
        metadata["completeness"] = completeness_chart({name: 1 - count / rows for name, count in nulls.items()})
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


def _table_schema(schema: pl.Schema) -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(name, str(dtype)) for name, dtype in schema.items()])
