"""Validation of the award file against a plain Polars query that does the same; its speed, memory and sums.

220,000 made-up awards with the known mess of the sample. Both start in their own process, read the same Parquet, write
the pass side as Parquet and the fail side as NDJSON; they take turns, and the median of three counts. Abstracts are
left out for the comparison, which is of validation, and are there for the peak of memory.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl

from figures import Figure

ROUNDS = 3
AWARDS, ENTITIES, PATENTS = 220_000, 12_000, 1_000
AS_OF = date(2026, 12, 31)
PLAIN = Path(__file__).parent / "plain_sbir_validation.py"


def figures() -> Iterator[Figure]:
    """Seconds against the plain query's, seconds per million rows, and peak memory with abstracts."""
    from sbir_sample import raw_stages

    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        folder = Path(name)
        raw = raw_stages(folder / "sample", awards=AWARDS, entities=ENTITIES, patents=PATENTS)["awards"]
        light = folder / "light.parquet"
        pl.scan_parquet(raw).with_columns(abstract=pl.lit(None, dtype=pl.String)).sink_parquet(light)
        plain, ours = [], []
        for _ in range(ROUNDS):
            plain.append(_timed([sys.executable, str(PLAIN), str(light), str(folder / "plain")]))
            ours.append(_measured(light, folder / "ours"))
        whole = _measured(raw, folder / "whole")
        seconds = statistics.median(run["seconds"] for run in ours)
        rows = ours[0]["rows"]
        data = (
            f"made-up, {rows:,} rows, {ours[0]['rejected']:,} rejected, {ours[0]['values_rejected']:,} values dropped"
        )
        start = statistics.median(_timed([sys.executable, str(Path(__file__)), "--nothing"]) for _ in range(ROUNDS))
        yield Figure(
            "sbir_validation_seconds", seconds, "s", statistics.median(plain) - start, "≤ 1.3 × plain Polars", 1.3, data
        )
        yield Figure(
            "sbir_validation_seconds_per_million_rows",
            seconds / rows * 1e6,
            "s",
            1.0,
            "≤ 1 s, all 41 columns",
            1.0,
            data,
        )
        yield Figure(
            "sbir_validation_peak_memory", whole["peak_mib"], "MiB", 1024.0, "≤ 1 GiB, with abstracts", 1.0, data
        )


def _timed(command: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - started


def _measured(raw: Path, folder: Path) -> dict[str, float]:
    """What `main` prints, in a process of its own."""
    command = [sys.executable, str(Path(__file__)), str(raw), str(folder)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(raw: Path, folder: Path) -> None:
    """Validate a raw stage, and print what it took."""
    from millrace.quality import RejectLog
    from millrace.stores import FolderStore
    from millrace_sbir.transforms.validate_awards import validated_awards
    from sbir_sample import peak_mib

    folder.mkdir(parents=True, exist_ok=True)
    started, cpu_before = time.monotonic(), time.process_time()
    with RejectLog(FolderStore(folder), "rejects.ndjson") as log:
        made = validated_awards(pl.scan_parquet(raw), log, AS_OF)
        made.frame.sink_parquet(
            folder / "passed.parquet", compression="zstd", compression_level=1, row_group_size=8_192
        )
    seconds = time.monotonic() - started
    if made.rows != made.passed + made.rejected + made.duplicates:
        raise SystemExit(
            f"bench: {made.rows} rows came, {made.passed + made.rejected + made.duplicates} are accounted for"
        )
    peak, cpu = peak_mib(), time.process_time() - cpu_before
    counts = {"rows": made.rows, "rejected": made.rejected, "values_rejected": made.values_rejected}
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_mib": peak, **counts}))


if __name__ == "__main__":
    if sys.argv[1] == "--nothing":  # what starting and importing takes, which the plain query's seconds include
        import plain_sbir_validation  # noqa: F401
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
