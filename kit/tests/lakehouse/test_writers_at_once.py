"""Many writers on one table: nothing that was committed is lost, and nobody sees half of it."""

import random
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from millrace.errors import StageMissingError
from millrace.lakehouse import Declaration, Mode, Warehouse
from millrace.testing import repeated, seeded_part

WRITER = Path(__file__).with_name("writer.py")
PROCESSES, TURNS = 4, 10
KEYS = 400
KILLS = 8


@contextmanager
def writer(warehouse: Warehouse, what: str, number: int, times: int) -> Generator[subprocess.Popen[str]]:
    """A process that writes as soon as it is sent a line."""
    process = subprocess.Popen(
        [sys.executable, str(WRITER), warehouse.model_dump_json(), what, str(number), str(times)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def write_at_once(warehouse: Warehouse, what: str) -> list[int]:
    """Let four processes write ten times each; their exit codes."""
    with ExitStack() as stack:
        processes = [stack.enter_context(writer(warehouse, what, number, TURNS)) for number in range(PROCESSES)]
        for process in processes:
            go(process)
        return [process.wait(120) for process in processes]


def test_forty_appends_of_four_processes_all_survive(postgres_warehouse: Warehouse) -> None:
    ended = write_at_once(postgres_warehouse, "append")

    assert ended == [0] * PROCESSES
    keys = postgres_warehouse.table("shared").scan().collect()["key"].sort().to_list()
    assert keys == [number * 1000 + turn for number in range(PROCESSES) for turn in range(TURNS)]


def test_upserts_of_the_same_keys_leave_one_row_each(postgres_warehouse: Warehouse) -> None:
    ended = write_at_once(postgres_warehouse, "upsert")

    assert ended == [0] * PROCESSES
    found = postgres_warehouse.table("shared").scan().collect()
    assert sorted(found["key"]) == list(range(TURNS))
    assert set(found["version"]) <= set(range(PROCESSES))


def test_an_upsert_does_not_lose_what_an_append_has_added_meanwhile(
    postgres_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from millrace.lakehouse import data_files

    table = postgres_warehouse.table("shared")
    upsert = Declaration(Mode.UPSERT, key=("key",))
    rows = pl.LazyFrame({"key": [1, 2], "version": [1, 1]})
    table.write(rows, upsert)
    real, meanwhile = data_files.rows_in, [pl.LazyFrame({"key": [1, 3], "version": [2, 2]})]

    def rows_in(*arguments: Any) -> Any:
        while meanwhile:
            table.write(meanwhile.pop(), Declaration(Mode.APPEND))
        return real(*arguments)

    monkeypatch.setattr(data_files, "rows_in", rows_in)
    table.write(rows.with_columns(version=pl.lit(3, pl.Int64)), upsert)

    # The appended row of key 1 is replaced too: the upsert came after it.
    assert table.scan().sort("key").collect().rows() == [(1, 3), (2, 3), (3, 2)]


@pytest.mark.faults
@pytest.mark.parametrize("kind", seeded_part(["folder-postgres", "bucket-postgres"], 1))
def test_a_killed_writer_is_all_or_nothing_to_readers(make_warehouse: Any, kind: str) -> None:
    warehouse = make_warehouse(kind)
    table = warehouse.table("shared")
    moments = random.Random(7)  # noqa: S311  # seeded: each run kills at the same moments
    seen: set[tuple[int, ...]] = set()

    def look() -> None:
        try:
            found = table.scan().collect()
        except StageMissingError:
            return
        assert found.height == KEYS
        seen.add(tuple(found["version"].unique()))

    started = time.monotonic()
    with writer(warehouse, "version", 0, 1) as process:
        go(process)
        began = time.monotonic()
        assert process.wait(60) == 0
    takes_seconds = time.monotonic() - began
    assert takes_seconds < began - started, "the writer is not warm"
    with repeated(look, pause_seconds=0.02):
        for number in range(1, KILLS + 1):
            with writer(warehouse, "version", number, 1) as process:
                go(process)
                time.sleep(moments.uniform(0, 1.2 * takes_seconds))
        with writer(warehouse, "version", KILLS, 1) as process:  # the same again, as a retry would
            go(process)
            assert process.wait(60) == 0

    assert all(len(versions) == 1 for versions in seen), seen
    assert 2 < len(seen) < KILLS + 1, f"{len(seen)} of {KILLS} writers got to their commit; the test shows nothing"
    found = table.scan().sort("key").collect()
    assert found.rows() == [(key, key % 4, KILLS) for key in range(KEYS)]
