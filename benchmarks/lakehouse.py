"""Iceberg tables: an upsert against a plain rewrite and against pyiceberg's, and what the IO manager adds to a write.

Made-up data. What is compared takes turns in one process, and the median counts; pyiceberg's own upsert runs once,
since it takes minutes. The memory is that of a process of its own, whose work is one write and one upsert.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from figures import Figure
from millrace.lakehouse import Changes, Declaration, Mode, Warehouse
from millrace.lakehouse.tables import Table
from millrace.stores import Place

ROUNDS = 5
ROWS, CHANGED, YEARS = 1_000_000, 20_000, 30
FEW, ALL = [1990, 2000, 2010], list(range(1990, 1990 + YEARS))
MANY_ROWS = 20_000_000
WIDE_ROWS, WIDE_BASE = 2_200_000, 100_000
BY_YEAR = Declaration(Mode.UPSERT, key=("award",), partition_by=("year",))
WITH_YEAR = Declaration(Mode.UPSERT, key=("award", "year"), partition_by=("year",))
BY_BUCKET = Declaration(Mode.UPSERT, key=("award",), partition_by=("bucket(16, award)",))


def figures() -> Iterator[Figure]:
    """Ratios of upsert and write, and the memory of an upsert that touches every partition of a large table."""
    warnings.filterwarnings("ignore", message=".*considered unstable")
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        yield from upsert_figures(Path(name))
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        yield write_figure(Path(name))
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        yield memory_figure(Path(name))


def upsert_figures(folder: Path) -> Iterator[Figure]:
    """Upserts of 20,000 rows: all over 30 partitions; in three of them, with a key that says which, and without."""
    all_over = upserts(folder / "all", BY_YEAR, ALL)
    yield Figure("upsert_seconds", *all_over, "≤ 1.5 × plain rewrite", 1.5, describe(ALL))
    few = upserts(folder / "few", WITH_YEAR, FEW)
    yield Figure("upsert_few_seconds", *few, "reported, mostly the fixed cost of a commit", None, describe(FEW))
    sought = upserts(folder / "sought", BY_YEAR, FEW)
    data = f"{describe(FEW)}; old rows of their keys are looked for in the other partitions"
    yield Figure("upsert_few_sought_seconds", *sought, "reported", None, data)
    table = warehouse(folder / "sought").table("awards")
    theirs = seconds(lambda: table.load().upsert(changed(ROUNDS, FEW).to_arrow(), join_cols=["award"]))
    yield Figure("upsert_seconds_pyiceberg", sought[0], "s", theirs, "≤ 1/50 of Table.upsert", 1 / 50, describe(FEW))


def upserts(folder: Path, declaration: Declaration, years: list[int]) -> tuple[float, str, float]:
    """Median seconds of an upsert, their unit, and those of a plain rewrite of the same partitions."""
    table = warehouse(folder).table("awards")
    table.write(awards(ROWS), declaration)
    ours, plain = [], []
    for turn in range(ROUNDS):
        plain.append(seconds(lambda: rewrite(table, years)))
        changes = changed(turn, years)
        ours.append(seconds(lambda frame=changes: table.write(frame.lazy(), declaration)))
        if (found := table.scan().select(pl.len()).collect().item()) != ROWS + (turn + 1) * CHANGED // 10:
            raise SystemExit(f"bench: {found} rows after an upsert")
    return statistics.median(ours), "s", statistics.median(plain)


def describe(years: list[int]) -> str:
    """What an upsert is of."""
    return f"{ROWS:,} rows in {YEARS} partitions; {CHANGED:,} of {len(years)} of them come, a tenth of these new"


def write_figure(folder: Path) -> Figure:
    """A write through the IO manager, which describes the table too, against Polars' own."""
    import dagster as dg

    from millrace.lakehouse.io_manager import IcebergIOManager

    frame = awards(MANY_ROWS)
    manager = IcebergIOManager(warehouse=warehouse(folder))
    ours: list[float] = []
    plain: list[float] = []

    class Timed(dg.IOManager):
        def handle_output(self, context: dg.OutputContext, obj: pl.LazyFrame) -> None:
            ours.append(seconds(lambda: manager.handle_output(context, obj)))

        def load_input(self, context: dg.InputContext) -> pl.LazyFrame:
            return manager.load_input(context)

    for turn in range(ROUNDS):

        @dg.asset(name=f"awards_{turn}", io_manager_key="tables")
        def awards_asset() -> pl.LazyFrame:
            return frame

        file = folder / "plain.parquet"
        plain.append(seconds(lambda path=file: frame.sink_parquet(path, compression="zstd", compression_level=1)))
        file.unlink()
        dg.materialize([awards_asset], resources={"tables": Timed()})
    return Figure(
        "table_write_seconds",
        statistics.median(ours),
        "s",
        statistics.median(plain),
        "≤ 1.2 × sink_parquet",
        1.2,
        f"{MANY_ROWS:,} rows of 4 columns, metadata of the asset included",
    )


def memory_figure(folder: Path) -> Figure:
    """Peak memory of a process that writes 2.2 million awards with abstracts and upserts 20,000 all over them."""
    ended = subprocess.run(
        [sys.executable, __file__, str(folder), str(WIDE_ROWS)], check=True, capture_output=True, text=True
    )
    mebibytes = int(ended.stdout) / 1024
    data = (
        f"{WIDE_ROWS:,} rows of 24 columns with abstracts of 1.5 kB in 16 partitions, {CHANGED:,} come, in all of them"
    )
    return Figure("upsert_peak_memory", mebibytes, "MiB", 1024.0, "≤ 1 GiB", 1.0, data)


def warehouse(folder: Path) -> Warehouse:
    """Tables in a folder."""
    place = Place(address=str(folder / "tables"))
    return Warehouse(catalog=f"sqlite:///{folder}/catalog.db", domain="bench", place=place)


def awards(rows: int, first: int = 0) -> pl.LazyFrame:
    """Awards: `award`, `year`, `agency`, `usd`."""
    number = pl.int_range(first, first + rows, dtype=pl.Int64)
    return (
        pl.select(number=number)
        .lazy()
        .select(
            award=pl.format("A{}", "number"),
            year=1990 + pl.col("number") % YEARS,
            agency=pl.lit("agency ") + (pl.col("number").hash(1) % 11).cast(pl.String),
            usd=(pl.col("number").hash(2) % 1_500_000).cast(pl.Float64),
        )
    )


def changed(turn: int, years: list[int]) -> pl.DataFrame:
    """Awards of some years, nine in ten of which are there."""
    old = awards(ROWS).filter(pl.col("year").is_in(years)).collect().sample(CHANGED * 9 // 10, seed=turn)
    new = awards(ROWS, (turn + 1) * ROWS).filter(pl.col("year").is_in(years)).head(CHANGED // 10).collect()
    return pl.concat([old, new]).with_columns(usd=pl.lit(float(turn)))


def rewrite(table: Table, years: list[int]) -> None:
    """What an upsert cannot do without: read the touched partitions and write them again, by Polars alone."""
    kept = table.scan().filter(pl.col("year").is_in(years))
    kept.sink_iceberg(
        table.load(), mode="overwrite", partition_overwrite="dynamic", compression_level=1, row_group_size=1_024
    )


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def wide_awards(folder: Path, rows: int) -> pl.LazyFrame:
    """Awards as wide as real ones: 220 words of abstract, 21 more texts."""
    base = folder / "base.parquet"
    source = random.Random(1)  # noqa: S311  # made-up data, no secret
    words = ["".join(source.choices("abcdefghijklmnopqrstuvwxyz", k=source.randint(2, 10))) for _ in range(20_000)]
    pl.DataFrame(
        {
            "award": [f"A{number}" for number in range(WIDE_BASE)],
            "year": [1990 + number % YEARS for number in range(WIDE_BASE)],
            "abstract": [" ".join(source.choices(words, k=220)) for _ in range(WIDE_BASE)],
            **{f"text_{name}": source.choices(words, k=WIDE_BASE) for name in range(21)},
        }
    ).write_parquet(base, row_group_size=8_192)
    copies = [
        pl.scan_parquet(base).with_columns(award=pl.format("{}-{}", "award", pl.lit(copy)))
        for copy in range(rows // WIDE_BASE)
    ]
    return pl.concat(copies)


def main() -> None:
    """Write and upsert in this process; print its peak memory in KiB."""
    folder, rows = Path(sys.argv[1]), int(sys.argv[2])
    frame = wide_awards(folder, rows)
    table = warehouse(folder).table("awards")
    # Of a process that only does this: what made the sample is forgotten.
    Path("/proc/self/clear_refs").write_text("5")
    table.write(frame, BY_BUCKET)
    every = pl.col("award").hash(3) % (rows // CHANGED) == 0
    table.write(Changes(frame.filter(every).with_columns(year=pl.lit(1, pl.Int64))), BY_BUCKET)
    status = Path("/proc/self/status").read_text()
    print(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    main()
