"""Parts: the results of finished chunks, kept until the asset that they make up has been written.

    <place>/<asset>/<key>/000000000000-000000020000.0.parquet   rows 0 to 19,999 of the input; no reject
    <place>/<asset>/<key>/000000020000-000000025000.2.parquet   a smaller chunk, which turned two records away
    <place>/<asset>/<key>/000000020000-000000025000.2.ndjson    these, in the form of a reject log

What belongs here: names and what lies under them. What does not: how the work is cut (`chunks`).

The name of a part is the record of its boundaries, so a run that resumes goes on at the row where the last one ended,
whatever its own chunks measure. A part counts once its Parquet lies there, which is put last; rejects lie beside it, so
that a resumed run's log has them. The key names the inputs and the code: parts of another key are of another result.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from millrace.errors import TransientError
from millrace.quality.rejects import Reject, read_rejects, reject_line
from millrace.stores import Store


@dataclass(frozen=True, order=True)
class Part:
    """The result of a chunk: rows `first_row` to `end_row` of the input, the last excluded; how many were rejected."""

    first_row: int
    end_row: int
    rejects: int = 0

    @property
    def name(self) -> str:
        """Its files' name without the suffix; sorted by name, parts are in the order of the input."""
        return f"{self.first_row:012d}-{self.end_row:012d}.{self.rejects}"

    @classmethod
    def named(cls, name: str) -> "Part":
        """The part of that name."""
        rows, _, rejects = name.partition(".")
        first, _, end = rows.partition("-")
        return cls(int(first), int(end), int(rejects))


class Parts:
    """The parts of one asset.

    Args:
        store: The place of all assets' parts.
        asset: Whose they are.
    """

    def __init__(self, store: Store, asset: str) -> None:
        self._store = store
        self._asset = asset

    def finished(self, key: str) -> list[Part]:
        """What lies there of a key, without a gap from row 0 on; parts of every other key are removed."""
        names = self._store.files(self._asset)
        for other in sorted({name.partition("/")[0] for name in names} - {key}):
            self._store.remove_tree(f"{self._asset}/{other}")
        own = {name.partition("/")[2] for name in names if name.startswith(f"{key}/")}
        found = [Part.named(name.removesuffix(".parquet")) for name in sorted(own) if name.endswith(".parquet")]
        return _without_gap(one for one in found if one.rejects == 0 or f"{one.name}.ndjson" in own)

    def keep(self, key: str, part: Part, result: pl.DataFrame, rejects: Sequence[Reject]) -> None:
        """Write a part, whole or not at all."""
        name = self._name(key, part)
        if rejects:
            self._store.put(f"{name}.ndjson", b"".join(reject_line(reject) for reject in rejects))
        made = self._store.in_the_making(f"{name}.parquet")
        try:
            result.write_parquet(made, compression="zstd", compression_level=1)
            self._store.keep(f"{name}.parquet", made)
        finally:
            made.unlink(missing_ok=True)

    def rejects(self, key: str, part: Part) -> Iterable[Reject]:
        """What a part's chunk turned away."""
        return read_rejects(self._store, f"{self._name(key, part)}.ndjson") if part.rejects else ()

    def scan(self, key: str, parts: Sequence[Part]) -> pl.LazyFrame:
        """The parts' rows, in their order."""
        files = [self._store.address_of(f"{self._name(key, part)}.parquet") for part in parts]
        return pl.scan_parquet(files, storage_options=self._store.polars_options)

    def require(self, key: str, parts: Sequence[Part]) -> None:
        """Refuse to go on with parts that are not there.

        Raises:
            TransientError: another run of the asset, with other inputs or done before this one, removed them.
        """
        there = set(self._store.files(f"{self._asset}/{key}"))
        lost = [part for part in parts if f"{part.name}.parquet" not in there]
        if lost:
            raise TransientError(
                self._store.address_of(f"{self._asset}/{key}"),
                f"{len(lost)} of {len(parts)} finished chunks are gone: another run of this asset removed them",
                next_step="it is tried again",
            )

    def remove(self) -> None:
        """Remove every part of the asset."""
        self._store.remove_tree(self._asset)

    def _name(self, key: str, part: Part) -> str:
        return f"{self._asset}/{key}/{part.name}"


def _without_gap(found: Iterable[Part]) -> list[Part]:
    """Parts that follow each other; of several from one row on, as two runs at once may leave them, the longest."""
    longest: dict[int, Part] = {}
    for one in found:
        if one.end_row > one.first_row:  # the part of an empty input is soon made again
            longest[one.first_row] = max(one, longest.get(one.first_row, one))
    chain: list[Part] = []
    row = 0
    while row in longest:
        chain.append(longest[row])
        row = chain[-1].end_row
    return chain
