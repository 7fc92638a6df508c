"""The museum's job on the embedded platform against a plain script that makes the same files.

The real collection of `MILLRACE_REAL_DATA` if it is there, else made-up data of the same size; the result says which,
and how many objects were published. Both start in their own process and write to the same disk; they take turns, and
the median of three counts.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figures import Figure
from millrace.testing import run_domain

ROUNDS = 3
ROWS = 69_202
PLAIN = Path(__file__).parent / "plain_museum.py"


def figures() -> Iterator[Figure]:
    """Seconds of the job, its ratio to the plain script, the whole process's ratio, and peak memory."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        folder = Path(name)
        source, origin = _source(folder)
        plain, job, process, memory = [], [], [], []
        for number in range(ROUNDS):
            plain.append(_plain_seconds(source, folder / f"plain-{number}"))
            result = run_domain(folder / f"home-{number}", "museum", source=source)
            if not result.success:
                raise SystemExit(f"bench: the museum's job failed: {result.failures}")
            job.append(result.seconds)
            process.append(result.process_seconds)
            memory.append(result.peak_memory_bytes / 2**20)
            shutil.rmtree(folder / f"plain-{number}")
            shutil.rmtree(folder / f"home-{number}")
        baseline = statistics.median(plain)
        data = f"{origin}, {result.asset('published_objects').rows:,} objects published"
        yield Figure("museum_job_seconds", statistics.median(job), "s", baseline, "≤ 2.0 × plain script", 2.0, data)
        yield Figure(
            "museum_process_seconds",
            statistics.median(process),
            "s",
            baseline,
            "reported, loading included",
            None,
            data,
        )
        yield Figure("museum_job_seconds_absolute", statistics.median(job), "s", 20.0, "≤ 20 s", 1.0, data)
        yield Figure("museum_peak_memory", max(memory), "MiB", 1024.0, "≤ 1 GiB", 1.0, data)


def real_collection() -> Path | None:
    """The folder of the Tate's collection, if it is there."""
    real = os.environ.get("MILLRACE_REAL_DATA")
    return Path(real) / "tate" if real and (Path(real) / "tate").is_dir() else None


def _source(folder: Path) -> tuple[Path, str]:
    if real := real_collection():
        return real, "Tate"
    subprocess.run(
        [
            str(Path(sys.executable).parent / "millrace"),
            "sample",
            "museum",
            "--rows",
            str(ROWS),
            "--out",
            str(folder / "s"),
        ],
        check=True,
        capture_output=True,
    )
    return folder / "s", "made-up"


def _plain_seconds(source: Path, folder: Path) -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, str(PLAIN), str(source), str(folder)], check=True, capture_output=True)
    return time.monotonic() - started
