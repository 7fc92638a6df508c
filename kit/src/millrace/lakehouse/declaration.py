"""What a writer says of its table: mode, key, partitions, and which differences of the schema it allows.

What belongs here: the words, and that they fit together. What does not: what is done with them.

It travels as metadata of the asset, since that is what Dagster hands to an IO manager.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import dagster as dg
import polars as pl

from millrace.errors import ConfigurationError
from millrace.lakehouse.partitions import Partition, parse_partition

METADATA_KEY = "millrace/table"


class Mode(StrEnum):
    """What a write does to the rows that are there.

    `APPEND` keeps all. `OVERWRITE` replaces all. `OVERWRITE_PARTITION` replaces those of the partitions that the frame
    has rows in. `UPSERT` replaces those with a key that the frame has.
    """

    APPEND = "append"
    OVERWRITE = "overwrite"
    OVERWRITE_PARTITION = "overwrite_partition"
    UPSERT = "upsert"


class SchemaPolicy(StrEnum):
    """Which differences between frame and table a write allows.

    `STRICT`: none but the order of columns. `ADD_COLUMNS`: columns that the table lacks are added, null for the rows
    that are there, and a type is widened (Int32 to Int64, Float32 to Float64, Decimal to more digits).
    """

    STRICT = "strict"
    ADD_COLUMNS = "add_columns"


@dataclass(frozen=True)
class Changes:
    """What an incremental step writes to an `UPSERT` table, in one commit: first removed, then upserted.

    Attributes:
        upserts: Added and changed rows, all columns; None if there are none.
        removed: Keys of the rows that go, other columns are ignored; None if none go.
    """

    upserts: pl.LazyFrame | None = None
    removed: pl.LazyFrame | None = None


@dataclass(frozen=True)
class Declaration:
    """How a table is written.

    Attributes:
        mode: What becomes of the rows that are there.
        key: Columns that tell rows apart; `UPSERT` needs them.
        partition_by: `award_year`, `bucket(16, award_id)`, `truncate(2, zip)`, `year|month|day|hour(awarded)`.
        schema_policy: Which differences of the schema are allowed.

    Raises:
        ConfigurationError: these do not fit together; all problems at once.
    """

    mode: Mode = Mode.OVERWRITE
    key: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()
    schema_policy: SchemaPolicy = SchemaPolicy.STRICT

    def __post_init__(self) -> None:
        problems = [problem for text in self.partition_by for problem in _partition_problems(text)]
        if self.mode is Mode.UPSERT and not self.key:
            problems.append("mode upsert needs a key")
        if self.mode is Mode.OVERWRITE_PARTITION and not self.partition_by:
            problems.append("mode overwrite_partition needs partition_by")
        problems += [f"key names {name!r} twice" for name in sorted({n for n in self.key if self.key.count(n) > 1})]
        if problems:
            raise ConfigurationError("table", problems, next_step="see millrace.lakehouse.table")

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """`partition_by`, understood."""
        return tuple(parse_partition(text) for text in self.partition_by)

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> "Declaration":
        """What an asset's metadata says; without a word of `table` in it, the table is overwritten.

        Raises:
            ConfigurationError: it is no declaration.
        """
        said = metadata.get(METADATA_KEY)
        if said is None:
            return cls()
        values: dict[str, Any] = said.value if isinstance(said, dg.JsonMetadataValue) else said
        return cls(
            mode=Mode(values["mode"]),
            key=tuple(values["key"]),
            partition_by=tuple(values["partition_by"]),
            schema_policy=SchemaPolicy(values["schema_policy"]),
        )


def table(
    *,
    mode: Mode = Mode.OVERWRITE,
    key: Sequence[str] = (),
    partition_by: Sequence[str] = (),
    schema_policy: SchemaPolicy = SchemaPolicy.STRICT,
) -> dict[str, dg.JsonMetadataValue]:
    """Metadata of an asset whose `io_manager_key` is `tables`; see `Declaration`.

    Raises:
        ConfigurationError: what is said does not fit together.
    """
    said = Declaration(Mode(mode), tuple(key), tuple(partition_by), SchemaPolicy(schema_policy))
    return {
        METADATA_KEY: dg.JsonMetadataValue(
            {
                "mode": said.mode.value,
                "key": list(said.key),
                "partition_by": list(said.partition_by),
                "schema_policy": said.schema_policy.value,
            }
        )
    }


def _partition_problems(text: str) -> list[str]:
    try:
        parse_partition(text)
    except ConfigurationError as error:
        return error.problems
    return []
