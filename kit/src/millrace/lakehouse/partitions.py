"""What a table is partitioned by, in words and in Iceberg's terms.

What belongs here: reading the words, and comparing them with a table. What does not: which partition a row is in, which
only Iceberg's own transforms say.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from millrace.errors import ConfigurationError, TableRefusedError

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table

IDENTITY = "identity"
_FORM = re.compile(
    r"(?:(?P<wide>bucket|truncate)\(\s*(?P<width>[1-9]\d*)\s*,\s*|(?P<time>year|month|day|hour)\(\s*|)"
    r"(?P<source>[^(),\s]+)\s*\)?"
)


@dataclass(frozen=True)
class Partition:
    """One field of a partition.

    Attributes:
        source: Column that it is made of.
        transform: Iceberg's name of how: `identity`, `bucket[16]`, `truncate[2]`, `year`, `month`, `day`, `hour`.
    """

    source: str
    transform: str

    @property
    def name(self) -> str:
        """Its name in the table."""
        return self.source if self.transform == IDENTITY else f"{self.source}_{self.transform.partition('[')[0]}"

    def __str__(self) -> str:
        return self.source if self.transform == IDENTITY else f"{self.transform} of {self.source}"


PartitionOf = tuple[int, Any]
"""Which partition a file is in: id of the table's partition spec, record of the partition's values."""


def parse_partition(text: str) -> Partition:
    """Understand one entry of `partition_by`.

    Raises:
        ConfigurationError: it is none.
    """
    found = _FORM.fullmatch(text.strip())
    if (
        found is None
        or (found["wide"] or found["time"] or ")" not in text) is None
        or text.count("(") != text.count(")")
    ):
        expected = "a column, bucket(16, column), truncate(2, column), or year, month, day or hour(column)"
        raise ConfigurationError("partition_by", [f"{text!r} is not {expected}"])
    if found["wide"]:
        return Partition(found["source"], f"{found['wide']}[{found['width']}]")
    return Partition(found["source"], found["time"] or IDENTITY)


def partition_of(file: "DataFile") -> PartitionOf:
    """The partition that a data file is in."""
    return file.spec_id, file.partition


def is_fixed_by(columns: Iterable[str], table: "Table", files: "Iterable[DataFile]") -> bool:
    """Whether rows that agree in these columns are in one partition, in all of a table's files."""
    schema, spec = table.schema(), table.spec()
    sources = {schema.find_column_name(field.source_id) for field in spec.fields}
    return bool(sources) and sources <= set(columns) and all(file.spec_id == spec.spec_id for file in files)


def partition_spec(partitions: Iterable[Partition], schema: "Schema") -> "PartitionSpec":
    """What a table that is being created is partitioned by."""
    from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
    from pyiceberg.transforms import parse_transform

    fields = (
        PartitionField(
            source_id=schema.find_field(partition.source).field_id,
            field_id=number,
            transform=parse_transform(partition.transform),
            name=partition.name,
        )
        for number, partition in enumerate(partitions, PARTITION_FIELD_ID_START)
    )
    return PartitionSpec(*fields)


def require_partitions(subject: str, table: "Table", partitions: tuple[Partition, ...]) -> None:
    """Refuse a writer that partitions otherwise than the table.

    Raises:
        TableRefusedError: they differ.
    """
    schema = table.schema()
    there = tuple(
        Partition(schema.find_column_name(field.source_id) or "?", str(field.transform))
        for field in table.spec().fields
    )
    if there != partitions:
        raise TableRefusedError(
            subject,
            f"the writer partitions by {_words(partitions)}",
            expected=f"{_words(there)}, as the table is",
            next_step="change partition_by, or drop the table to have it made anew",
        )


def partition_of_values(subject: str, table: "Table", values: dict[str, Any]) -> PartitionOf:
    """The partition of a value for each of the columns that a table is partitioned by, as they are.

    Raises:
        TableRefusedError: the table is partitioned by other columns, or not by the columns as they are.
    """
    from pyiceberg.typedef import Record

    fields = {table.schema().find_column_name(field.source_id): str(field.transform) for field in table.spec().fields}
    if fields != dict.fromkeys(values, IDENTITY):
        raise TableRefusedError(
            subject,
            f"partitions of the asset give values of {', '.join(values)}",
            expected=f"partition_by={list(values)}, without a transform",
            next_step="partition asset and table by the same columns",
        )
    return table.spec().spec_id, Record(*(_stored(values[name]) for name in fields if name is not None))


def parsed_value(subject: str, text: str, dtype: pl.DataType) -> Any:
    """A value of a column, from a partition key of Dagster.

    Raises:
        TableRefusedError: the text is none of that type.
    """
    series = pl.Series([text])
    parsed = series.str.to_date(strict=False) if dtype == pl.Date else series.cast(dtype, strict=False)
    if parsed[0] is None:
        raise TableRefusedError(
            subject, f"the partition key {text!r} is no {dtype}", expected="a value of the column", next_step=""
        )
    return parsed[0]


def _stored(value: Any) -> Any:
    """A partition's value as Iceberg keeps it: a date as days since 1970."""
    series = pl.Series([value])
    return series.to_physical()[0] if series.dtype == pl.Date else value


def _words(partitions: Iterable[Partition]) -> str:
    return ", ".join(str(partition) for partition in partitions) or "nothing"
