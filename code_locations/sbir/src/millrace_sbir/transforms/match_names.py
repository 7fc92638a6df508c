"""Names that are nearly alike: pairs of keys that share rare character trigrams, and how alike each pair is.

What belongs here: blocking and likeness of two lists of keys. What does not: what a likeness is worth
(`match_decide`).

Names on both sides are too many to compare each with each (12,000 x 120,000). Two spellings of one name share rare
trigrams; a trigram that many names share says nothing, and nearly all the work would go into it. So trigrams of more
than `max_share` of the reference are left out. The left side goes chunk by chunk, which bounds memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

_GRAM_CHARACTERS = 3
_CHARACTERS = 38  # blank, digits, letters, and one for all others
_GRAMS = _CHARACTERS**_GRAM_CHARACTERS
_HOPELESS = 60.0  # below it nobody would review


@dataclass(frozen=True)
class Blocking:
    """How candidates are found.

    Attributes:
        max_share: Trigrams that more than this share of the reference has are left out (0-1).
        candidates: Candidates of a name that are compared.
        chunk_rows: Names that are looked up at once.
        workers: Threads that compare.
    """

    max_share: float = 0.05
    candidates: int = 20
    chunk_rows: int = 1_000
    workers: int = 2


class NameIndex:
    """The trigrams of a list of distinct keys.

    Args:
        keys: Of the reference, such as 120,000 names of SAM.gov; as `normalise_names.firm_key` makes them.
        blocking: How candidates are found.
    """

    def __init__(self, keys: pl.Series, blocking: Blocking) -> None:
        import numpy as np

        self._keys = keys
        self._blocking = blocking
        grams = _grams(keys)
        names_with = np.asarray(grams.astype(bool).sum(axis=0)).ravel()
        most = max(blocking.max_share * len(keys), 10.0)
        weight = np.where(
            (names_with > 0) & (names_with <= most), np.log1p(len(keys) / np.maximum(names_with, 1)), 0.0
        ).astype(np.float32)
        self._weight = weight
        self._by_gram = _unit(grams.multiply(weight[None, :]).tocsr()).T.tocsr()

    def candidates(self, names: pl.Series) -> Iterator[pl.DataFrame]:
        """For each chunk of names its candidates: `name`, `key`, `overlap` (cosine of rare trigrams, 0-1)."""
        import numpy as np

        rows = self._blocking.chunk_rows
        for start in range(0, len(names), rows):
            chunk = names[start : start + rows]
            grams = _unit(_grams(chunk).multiply(self._weight[None, :]).tocsr())
            shared = (grams @ self._by_gram).tocsr()
            of_name, of_key, overlap = _best(shared, self._blocking.candidates)
            yield pl.DataFrame(
                {
                    "name": chunk.gather(pl.Series(of_name.astype(np.uint32))),
                    "key": self._keys.gather(pl.Series(of_key.astype(np.uint32))),
                    "overlap": overlap,
                }
            )


def likeness(pairs: pl.DataFrame, workers: int) -> pl.DataFrame:
    """How alike `name` and `key` are: `pairs` with `score` (0-100).

    The mean of three: the ratio of the keys with their words sorted; Jaro-Winkler of the keys as they are; the ratio
    of what is left when the words that both have are gone. The third tells a misspelling (PHOTONCS, PHOTONICS: 94)
    from another firm (SYSTEMS, SCIENCES: 53; one word more: 0). A set ratio is no part of it: it gives 100 to
    ADVANCED OPTICS and ADVANCED OPTICS RESEARCH. Pairs that no third could lift to `_HOPELESS` are left out.
    """
    from rapidfuzz import fuzz, process
    from rapidfuzz.distance import JaroWinkler

    def compared(one: pl.Series, other: pl.Series, scorer: Callable[..., float]) -> pl.Series:
        return pl.Series(
            process.cpdist(one.to_list(), other.to_list(), scorer=scorer, workers=workers), dtype=pl.Float64
        )

    scored = pairs.with_columns(
        ratio=compared(pairs["name"], pairs["key"], fuzz.token_sort_ratio),
        winkler=compared(pairs["name"], pairs["key"], JaroWinkler.normalized_similarity) * 100.0,
    ).filter(pl.col("ratio") + pl.col("winkler") + 100.0 >= 3 * _HOPELESS)
    words, others = pl.col("name").str.split(" "), pl.col("key").str.split(" ")
    scored = scored.with_columns(
        odd_name=words.list.set_difference(others).list.sort().list.join(""),
        odd_key=others.list.set_difference(words).list.sort().list.join(""),
    )
    odd = compared(scored["odd_name"], scored["odd_key"], fuzz.ratio)
    same_words = (scored["odd_name"] == "") & (scored["odd_key"] == "")
    scored = scored.with_columns(odd=odd.set(same_words, 100.0))
    return scored.select(*pairs.columns, score=pl.mean_horizontal("ratio", "winkler", "odd").round(2))


def _grams(keys: pl.Series) -> "csr_array":
    """Which trigrams each key has, a blank before and behind it: one row per key, one column per trigram."""
    import numpy as np
    from scipy.sparse import csr_array

    padded = [f" {key} ".encode("ascii", "replace") for key in keys.to_list()]
    lengths = np.fromiter((len(key) for key in padded), dtype=np.int64, count=len(padded))
    letters = _alphabet()[np.frombuffer(b"".join(padded), dtype=np.uint8)]
    if len(letters) < _GRAM_CHARACTERS:
        return csr_array((len(keys), _GRAMS), dtype=np.float32)
    codes = (letters[:-2] * _CHARACTERS + letters[1:-1]) * _CHARACTERS + letters[2:]
    row = np.repeat(np.arange(len(padded), dtype=np.int64), lengths)
    within = row[:-2] == row[2:]  # no trigram goes over the end of a key
    # Sorted by hand: np.unique of numpy 2.4 hashes, which takes five times as long for a million numbers.
    pairs = np.sort(row[:-2][within] * _GRAMS + codes[within])
    pairs = pairs[np.diff(pairs, prepend=-1) != 0]
    indices = (pairs % _GRAMS).astype(np.int32)
    starts = np.searchsorted(pairs, np.arange(len(padded) + 1, dtype=np.int64) * _GRAMS).astype(np.int32)
    return csr_array((np.ones(len(pairs), dtype=np.float32), indices, starts), shape=(len(keys), _GRAMS))


def _alphabet() -> "np.ndarray":
    """The number of each byte: 0 a blank, then digits, then letters."""
    import numpy as np

    table = np.full(256, _CHARACTERS - 1, dtype=np.int64)
    table[ord(" ")] = 0
    for number, letter in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", start=1):
        table[ord(letter)] = number
    return table


def _unit(rows: "csr_array") -> "csr_array":
    """Rows of length 1; an empty row stays empty."""
    import numpy as np

    rows.eliminate_zeros()
    counts = np.diff(rows.indptr)
    lengths = np.sqrt(np.bincount(np.repeat(np.arange(rows.shape[0]), counts), rows.data**2, minlength=rows.shape[0]))
    rows.data = (rows.data / np.repeat(lengths, counts)).astype(np.float32)
    return rows


def _best(shared: "csr_array", most: int) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Row, column and value of the largest values of each row; of equal ones those that come first."""
    import numpy as np

    rows, columns, values = [], [], []
    for row in range(shared.shape[0]):
        start, end = shared.indptr[row], shared.indptr[row + 1]
        value, column = shared.data[start:end], shared.indices[start:end]
        if len(value) > most:
            least = np.partition(value, len(value) - most)[len(value) - most]
            near = np.flatnonzero(value >= least)
            order = near[np.lexsort((column[near], -value[near]))][:most]
            value, column = value[order], column[order]
        rows.append(np.full(len(value), row))
        columns.append(column)
        values.append(value)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
