"""Made-up research awards as raw stages, for the benchmarks of the domain.

What belongs here: making and reading the sample, and a process' peak. What does not: what is measured.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from millrace.quality import RejectLog
from millrace.stores import FolderStore
from millrace_sbir.sample import write_sources
from millrace_sbir.sources.opening import OpenedSource
from millrace_sbir.sources.tables import read_awards, read_companies, read_patents, read_sam

SEED = 7
ROW_GROUP_ROWS = 8_192  # as stage files have
Reader = Callable[[OpenedSource, RejectLog], Iterator[pl.DataFrame]]
SOURCES: dict[str, tuple[str, Reader]] = {
    "awards": ("awards.csv", read_awards),
    "companies": ("companies.csv", read_companies),
    "sam": ("sam_entities.zip", read_sam),
    "patents": ("patents.zip", read_patents),
}


def peak_mib() -> float:
    """Largest memory of this process so far; `ru_maxrss` would be that of the process that started it, if larger."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def raw_stages(folder: Path, *, awards: int, entities: int, patents: int, seed: int = SEED) -> dict[str, Path]:
    """Make a sample in a folder and read it: a Parquet file per source, as the raw stages are."""
    write_sources(folder, awards=awards, entities=entities, patents=patents, seed=seed)
    made = {}
    for name, (file, read) in SOURCES.items():
        made[name] = folder / f"raw_{name}.parquet"
        with RejectLog(FolderStore(folder / "rejects"), f"raw_{name}.ndjson") as log:
            frames = read(OpenedSource(file, folder / file), log)
            pl.concat(frames).write_parquet(
                made[name], compression="zstd", compression_level=1, row_group_size=ROW_GROUP_ROWS
            )
    return made
