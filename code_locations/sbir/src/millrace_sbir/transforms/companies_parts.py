"""Parts of all awards, for sums that would not fit into memory at once.

What belongs here: splitting by a key that a sum or a chain never crosses, so that the parts' results are the whole's.
What does not: the sums. Measured with 2.2 million awards: grouping by contract, of which nearly every award has
its own, takes 1,420 MiB at once and 300 MiB in 8 parts; phase chains take 350 MiB in 16 parts.
"""

from collections.abc import Callable, Iterator

import polars as pl
from polars.io.plugins import register_io_source

_PART_ROWS = 125_000


def parts(awards: pl.LazyFrame, key: pl.Expr, count: int) -> Iterator[pl.LazyFrame]:
    """Split rows so that those with the same key are together.

    Args:
        awards: Any columns.
        key: What no result reaches across: `company_id` for firms, people and chains, `contract_number(contract)` for
            contracts. Rows with a null key are in one part.
        count: How many parts; each is read anew.
    """
    # Which key falls into which part may change with the version of Polars; what the parts make together does not.
    number = key.hash(seed=0) % count
    return (awards.filter(number == part) for part in range(count))


def part_by_part(awards: pl.LazyFrame, key: pl.Expr, function: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.LazyFrame:
    """What a function makes of each part, one after another, as one lazy frame; as many parts as memory asks for.

    Args:
        awards: Any columns.
        key: What no result reaches across; see `parts`.
        function: Its results have one schema.
    """
    schema = function(awards.clear()).collect_schema()

    def batches(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        count = int(awards.select(pl.len()).collect(engine="streaming").item()) // _PART_ROWS + 1
        for part in parts(awards, key, count):
            made = function(part)
            made = made if predicate is None else made.filter(predicate)
            frame = (made if columns is None else made.select(columns)).collect(engine="streaming")
            frame = frame if rows is None else frame.head(rows)
            rows = None if rows is None else rows - frame.height
            yield frame
            if rows == 0:
                return

    return register_io_source(batches, schema=schema)
