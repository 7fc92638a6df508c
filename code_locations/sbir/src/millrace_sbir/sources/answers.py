"""What a service has answered, and when: what a run asks for, and what it need not ask for again.

What belongs here: the memory of a source that is asked by value. What does not: asking (`api.py`).

A service that allows a thousand requests a day comes to the end of a longer list on a later day, so what it said has to
outlive a run and its machine: it lies in a store, rows and values in one file, which is there whole or not at all. That
a service has nothing for a value is an answer, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from millrace.stores import Store

_FOR, _AT = "_asked_for", "_asked_at"


@dataclass(frozen=True)
class Answer:
    """What a service has for some values.

    Attributes:
        values: Asked for, each answered completely.
        rows: What there is for all of them together, in the columns of the source.
    """

    values: list[str]
    rows: pl.DataFrame


class Answers:
    """What a service has answered so far."""

    def __init__(self, store: Store, name: str, schema: pl.Schema, key: str, by: str) -> None:
        """Read what earlier runs have kept.

        Args:
            store: Where it lies.
            name: Of the file.
            schema: Of the source.
            key: Column of it that tells one thing from another.
            by: Column of it that has the values which are asked for.
        """
        self._store, self._name, self._schema, self._key, self._by = store, name, schema, key, by
        self._known = pl.DataFrame(schema={_FOR: pl.String, _AT: pl.Datetime("us", "UTC"), **schema})
        if store.has(name):
            kept = pl.read_parquet(store.address_of(name), storage_options=store.polars_options)
            if kept.schema == self._known.schema:  # else it is that of other columns: everything is asked for again
                self._known = kept
        self._came: list[pl.DataFrame] = []

    def to_ask(self, wanted: Iterable[str], kept: timedelta, now: datetime | None = None) -> list[str]:
        """The values to ask for: those never asked for, then those whose answer is older than `kept`, oldest first."""
        oldest = (now or datetime.now(UTC)) - kept
        return (
            pl.DataFrame({_FOR: pl.Series(sorted(set(wanted)), dtype=pl.String)})
            .join(self._known.select(_FOR, _AT).unique(), on=_FOR, how="left", maintain_order="left")
            .filter(pl.col(_AT).is_null() | (pl.col(_AT) < oldest))
            .sort(_AT, nulls_last=False, maintain_order=True)[_FOR]
            .to_list()
        )

    def add(self, answer: Answer, now: datetime | None = None) -> None:
        """Take an answer in, in place of what was known of its values."""
        rows = answer.rows.select(pl.col(name).cast(kind) for name, kind in self._schema.items())
        owners = rows.select(self._key, pl.col(self._by).alias(_FOR)).filter(pl.col(_FOR).is_in(answer.values)).unique()
        owned = rows.join(owners, on=self._key, how="left", nulls_equal=True, maintain_order="left")
        # What a service gives beside what it was asked for is kept with the first of the values.
        owned = owned.with_columns(pl.col(_FOR).fill_null(answer.values[0]))
        nothing = [value for value in answer.values if value not in set(owned[_FOR])]
        came = pl.concat([owned, pl.DataFrame({_FOR: nothing}, schema={_FOR: pl.String})], how="diagonal")
        self._came.append(came.with_columns(pl.lit(now or datetime.now(UTC), pl.Datetime("us", "UTC")).alias(_AT)))

    def save(self, wanted: Iterable[str]) -> None:
        """Keep what is known of these values, for the runs to come."""
        if self._came:
            came = pl.concat(self._came).select(self._known.columns)
            self._known = pl.concat([came, self._known.join(came.select(_FOR).unique(), on=_FOR, how="anti")])
            self._came = []
        self._known = self._known.filter(pl.col(_FOR).is_in(sorted(set(wanted))))
        made: Path = self._store.in_the_making(self._name)
        try:
            self._known.write_parquet(made)
            self._store.keep(self._name, made)
        finally:
            made.unlink(missing_ok=True)

    def rows(self) -> pl.DataFrame:
        """What the service has for everything that was saved, each row once, in the columns of the source."""
        columns = [name for name in self._schema if name not in ("source_file", "line")]
        found = self._known.filter(pl.col(self._key).is_not_null())
        return found.unique(columns, keep="first", maintain_order=True).select(self._schema.names())
