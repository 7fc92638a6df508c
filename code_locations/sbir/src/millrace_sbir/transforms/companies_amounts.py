"""Sums of money that come out the same in any order.

What belongs here: the one expression by which aggregates add dollars up. A sum of floats depends on the order of its
rows, and with it on chunks and threads; whole cents do not.
"""

import polars as pl

_CENTS = 100


def total_usd(amount: pl.Expr) -> pl.Expr:
    """The sum of an amount in dollars, exact to the cent up to 9e13 dollars; null counts as nothing."""
    return (amount * _CENTS).round().cast(pl.Int64).sum() / _CENTS
