"""The rows of a stage, some at a time.

What belongs here: reading them. What does not: how many are read at a time (`pace`), and what is done with them.
"""

from collections.abc import Iterator

import polars as pl


def batches(stage: pl.LazyFrame, rows: int, *, start: int = 0) -> Iterator[pl.DataFrame]:
    """Read a stage batch by batch, each when it is asked for, in the order of its rows.

    `collect_batches` reads on while a batch is worked on: of 220,000 rows with abstracts it held 400 MB.

    Args:
        stage: The scan of a file or table, and at most a selection of its columns: anything that is computed is
            computed again for each batch.
        rows: Of a batch; the last one has fewer.
        start: Row at which to begin.
    """
    while (batch := stage.slice(start, rows).collect(engine="streaming")).height:
        yield batch
        start += rows
