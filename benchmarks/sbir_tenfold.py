"""The job of the research awards with ten times the awards, the same entities and patents, and the same memory.

As `sbir.py`, on an empty platform for each size, one after the other.
"""

from collections.abc import Iterator

from figures import Figure
from sbir import AWARDS, MEMORY, jobs

TIMES = 10


def figures() -> Iterator[Figure]:
    """Seconds against those of a tenth of the awards, and peak memory."""
    (first,) = jobs(AWARDS)
    (tenfold,) = jobs(AWARDS * TIMES)
    data = f"{AWARDS * TIMES:,} awards, the same entities and patents, {MEMORY}"
    target = f"≤ 10.5 × the seconds of {AWARDS:,}"
    yield Figure("sbir_job_seconds_tenfold", tenfold.seconds, "s", first.seconds, target, 10.5, data)
    yield Figure("sbir_peak_memory_tenfold", tenfold.peak_mib, "MiB", 1024.0, "≤ 1 GiB", 1.0, data)
