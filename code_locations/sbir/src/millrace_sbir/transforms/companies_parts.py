"""Parts of all awards, for sums that would not fit into memory at once.

What belongs here: splitting by a key that a sum or a chain never crosses, so that the parts' results are the whole's.
What does not: when to split. Measured with 2.2 million awards: grouping by contract, of which nearly every award has
its own, takes 1,420 MiB at once and 300 MiB in 8 parts; phase chains take 350 MiB in 16 parts.
"""

from collections.abc import Iterator

import polars as pl


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
