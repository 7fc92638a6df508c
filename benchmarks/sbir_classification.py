"""Cleaning, keywords and classification of 220,000 research awards by chunks, and what a loop over the terms takes.

Made-up awards, 20,000 of them classified eleven times over: nothing is remembered from one chunk to the next, so that a
text that comes again costs what a new one costs. A process of its own does the work, whose peak memory counts; the loop
sees a sample and is reckoned up to the same number.
"""

import csv
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from figures import Figure
from millrace_sbir.columns import AWARDS
from millrace_sbir.sample import write_sample
from millrace_sbir.taxonomy import load_taxonomy
from millrace_sbir.transforms.classify_terms import TermClassifier
from millrace_sbir.transforms.text import with_cleaned_abstract
from millrace_sbir.transforms.text_keywords import with_keywords
from plain_sbir_terms import plain_counts

CHUNK_ROWS = 20_000
CHUNKS = 11
PLAIN_ROWS = 300


def figures() -> Iterator[Figure]:
    """Seconds for all three steps, the rate of each, classification against the plain loop, and peak memory."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        path = Path(name) / "awards.parquet"
        awards = _awards(Path(name))
        awards.write_parquet(path)
        answer = subprocess.run([sys.executable, __file__, str(path)], check=True, capture_output=True, text=True)
        measured = json.loads(answer.stdout)
    rows = awards.height * CHUNKS
    mean_bytes = awards.select(pl.col("abstract").str.len_bytes().mean()).item()
    data = f"made-up, {rows:,} awards, {mean_bytes:,.0f} bytes of abstract in the mean"
    # Processor time, because the clock of a machine that others use too says more of them.
    seconds = {name: measured[name] for name in ("clean", "keywords", "classify")}
    yield Figure("sbir_text_cpu_seconds", sum(seconds.values()), "s", 40.0, "≤ 40 s for all three steps", 1.0, data)
    yield Figure("sbir_text_clock_seconds", measured["clock"], "s", 40.0, "reported", None, data)
    for name, taken in seconds.items():
        yield Figure(f"sbir_{name}_cpu_rate", rows / taken, "rows/s", rows / 40.0, "reported", None, data)
    plain = _plain_seconds(awards) * rows / PLAIN_ROWS
    target = "≤ 0.2 × a loop over the terms"
    yield Figure("sbir_classify_cpu_seconds", seconds["classify"], "s", plain, target, 0.2, data)
    yield Figure("sbir_text_peak_memory", measured["peak_mib"], "MiB", 1024.0, "≤ 1 GiB", 1.0, data)


def _awards(folder: Path) -> pl.DataFrame:
    write_sample(folder, CHUNK_ROWS * 21 // 20, seed=5)
    text = (folder / "awards.csv").read_text(encoding="utf-8", errors="replace")
    reader = csv.reader(io.StringIO(text, newline=""))
    names = [AWARDS[name] for name in next(reader)]
    rows = [row for row in reader if len(row) == len(names)]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").with_row_index("award_id")
    return frame.select(pl.col("award_id").cast(pl.String), "award_title", "abstract").head(CHUNK_ROWS)


def _plain_seconds(awards: pl.DataFrame) -> float:
    both = pl.concat_str("award_title", "abstract", separator=". ")
    texts = awards.head(PLAIN_ROWS).select(both).to_series().to_list()
    taxonomy = load_taxonomy()
    started = time.process_time()
    plain_counts(texts, taxonomy)
    return time.process_time() - started


def _work(path: Path) -> dict[str, float]:
    """Seconds of the processor by step, of the clock in all, and the peak of this process in MiB."""
    import resource

    classifier = TermClassifier(load_taxonomy())
    taken = dict.fromkeys(("clean", "keywords", "classify"), 0.0)
    started = time.perf_counter()
    for _ in range(CHUNKS):
        chunk = pl.read_parquet(path)
        marks = [time.process_time()]
        chunk = with_cleaned_abstract(chunk.lazy()).collect()
        marks.append(time.process_time())
        chunk = with_keywords(chunk)
        marks.append(time.process_time())
        classifier.classify(chunk)
        marks.append(time.process_time())
        for number, name in enumerate(taken):
            taken[name] += marks[number + 1] - marks[number]
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return taken | {"clock": time.perf_counter() - started, "peak_mib": peak_mib}


if __name__ == "__main__":
    print(json.dumps(_work(Path(sys.argv[1]))))
