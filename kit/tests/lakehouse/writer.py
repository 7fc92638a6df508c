"""A writer in a process of its own, for tests that let several write or kill one.

python writer.py '<warehouse as JSON>' <what> <number> <times>
"""

import sys

import polars as pl

from millrace.lakehouse import Changes, Declaration, Mode, Warehouse

KEYS = 400


def version(number: int) -> pl.LazyFrame:
    """All keys, each with the number: a reader that sees two numbers, or not all keys, sees half of a write."""
    return pl.LazyFrame({"key": range(KEYS), "part": [key % 4 for key in range(KEYS)]}).with_columns(
        version=pl.lit(number, pl.Int64)
    )


def main() -> None:
    warehouse = Warehouse.model_validate_json(sys.argv[1])
    what, number, times = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    table = warehouse.table("shared")
    # What a first write takes in imports and connections would hide the moments that matter.
    warehouse.table(f"warm_{what}_{number}").write(version(0), Declaration(partition_by=("part",)))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for turn in range(times):
        if what == "append":
            frame = pl.LazyFrame({"key": [number * 1000 + turn], "part": [number], "version": [turn]})
            table.write(frame, Declaration(Mode.APPEND), write_id=f"{number}/{turn}")
        elif what == "upsert":
            frame = pl.LazyFrame({"key": [turn], "part": [turn % 4], "version": [number]})
            table.write(frame, Declaration(Mode.UPSERT, key=("key",)), write_id=f"{number}/{turn}")
        else:
            declaration = Declaration(Mode.UPSERT, key=("key",), partition_by=("part",))
            table.write(Changes(version(number + turn), version(0).select("key")), declaration, write_id=f"{number}")


if __name__ == "__main__":
    main()
