"""Whatever bytes come and however they are cut, the fast reader gives what the exact one gives, record by record."""

import io
import string
from typing import Any

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from millrace.quality import Reject
from millrace_sbir.sources.chunks import Records
from millrace_sbir.sources.dialect import Dialect, record_at

COLUMNS = ["one", "two", "three"]
MOST = 60
# What CSV is made of, and what breaks it, each far more often than in any file.
PIECES = [
    b",",
    b",",
    b'"',
    b'""',
    b"\n",
    b"\n",
    b"\r\n",
    b"\r",
    b"\x00",
    b"\xc3\xa9",
    b"\x93",
    b"\x81",
    b" ",
    b"a",
    b"bc",
    b"1",
]
ROWS = [
    b"a,b,c\n",
    b'"x ""y""",,z\r\n',
    b'1,"two\nlines",3\n',
    b'"","",""\n',
    b",,\n",
    b"a,b,c,d\n",
    b'a,"torn,c\n',
    b"\n",
]


class Log:
    """Takes rejects, as `RejectLog` does."""

    def __init__(self) -> None:
        self.rejects: list[Reject] = []

    def add(self, reject: Reject) -> None:
        self.rejects.append(reject)


def fast(data: bytes, window: int, chunk: int, dialect: Dialect) -> tuple[list[Any], list[Any]]:
    log = Log()
    stream = io.BufferedReader(io.BytesIO(data))
    taken: Any = log
    records = Records(stream, "f", dialect, taken, chunk_bytes=chunk, window_bytes=window, max_record_bytes=MOST)
    frames = list(records.frames(COLUMNS, COLUMNS))
    rows = pl.concat(frames).select("line", *COLUMNS).rows() if frames else []
    return rows, [(one.place, one.rule, one.reason) for one in log.rejects]


def exact(data: bytes, dialect: Dialect) -> tuple[list[Any], list[Any]]:
    """The same by `record_at` alone, on all bytes at once."""
    if data and not data.endswith(b"\n"):
        data += b"\n"
    dialect = Dialect(dialect.delimiter, dialect.has_quotes, len(COLUMNS))
    rows, rejects, start, line = [], [], 0, 1
    while start < len(data):
        outcome = record_at(data, start, dialect, MOST, is_last=True)
        if outcome.row is not None:
            rows.append((line, *(cell or None for cell in outcome.row)))
            if outcome.repaired:
                rejects.append((f"f:{line}", "cp1252_bytes"))
        if outcome.rule:
            rejects.append((f"f:{line}", outcome.rule))
        line += data.count(b"\n", start, outcome.end)
        start = outcome.end
    return rows, rejects


messes = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=60),
    st.lists(st.sampled_from(ROWS + PIECES), max_size=25),
    st.lists(st.sampled_from(ROWS), max_size=25),
).map(b"".join)


@settings(max_examples=1_500, deadline=None)
@given(data=messes, window=st.integers(1, 90), chunk=st.integers(1, 200))
@example(data=b'a,"never\nb,c,d\n' * 3, window=7, chunk=20)
@example(data=b"x" * 200 + b"\na,b,c\n", window=11, chunk=20)
@example(data=b'""\n"",,\n', window=90, chunk=200)
def test_a_csv_in_any_pieces_gives_the_rows_and_rejects_of_the_exact_reader(
    data: bytes, window: int, chunk: int
) -> None:
    rows, rejects = fast(data, window, chunk, Dialect(","))

    assert (rows, [reject[:2] for reject in rejects]) == exact(data, Dialect(","))


@settings(max_examples=300, deadline=None)
@given(data=messes, window=st.integers(1, 90))
def test_a_file_without_quotes_too(data: bytes, window: int) -> None:
    dialect = Dialect(",", has_quotes=False)
    rows, rejects = fast(data, window, 50, dialect)

    assert (rows, [reject[:2] for reject in rejects]) == exact(data, dialect)


@settings(max_examples=300, deadline=None)
@given(data=messes, first=st.integers(1, 90), second=st.integers(1, 90))
def test_reasons_do_not_depend_on_where_the_file_is_cut(data: bytes, first: int, second: int) -> None:
    assert fast(data, first, 50, Dialect(",")) == fast(data, second, 80, Dialect(","))


cells = st.text(alphabet=string.printable + 'é"“,\n', max_size=12).filter(lambda cell: cell.strip() == cell)


@settings(max_examples=300, deadline=None)
@given(rows=st.lists(st.tuples(cells, cells, cells), max_size=12), window=st.integers(1, 400))
def test_what_a_csv_writer_writes_is_read_as_it_was(rows: list[tuple[str, str, str]], window: int) -> None:
    import csv

    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    log: Any = Log()
    data = io.BufferedReader(io.BytesIO(text.getvalue().encode()))
    frames = list(Records(data, "f", Dialect(","), log, window_bytes=window).frames(COLUMNS, COLUMNS))

    read = pl.concat(frames).select(COLUMNS).rows() if frames else []
    assert read == [tuple(cell or None for cell in row) for row in rows]
    assert log.rejects == []
