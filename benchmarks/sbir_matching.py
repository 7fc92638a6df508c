"""Matching of firms to SAM.gov's entities by name alone, against the sample's truth; its speed and memory.

13,000 made-up firms, 120,000 entities of which half as many as firms have nearly a firm's name. Each firm comes once,
without identifiers, by one state and one of the spellings that its awards have: by one that is not the registered one
wherever there is one. A twelfth of the firms is not registered: whatever is accepted for them is wrong. Matching runs
in a process of its own, which reads the firms and the entities and prints its peak.
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
AWARDS, ENTITIES, PATENTS = 220_000, 120_000, 1_000
AS_OF = date(2026, 12, 31)


def figures() -> Iterator[Figure]:
    """Precision, recall, seconds per thousand firms and peak memory; the same of those that need a likeness."""
    from sbir_sample import raw_stages

    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        folder = Path(name)
        raw = raw_stages(folder / "sample", awards=AWARDS, entities=ENTITIES, patents=PATENTS)
        _prepare(raw, folder)
        runs = [_measured(folder, "all") for _ in range(ROUNDS)]
        alike = [_measured(folder, "misspelt") for _ in range(ROUNDS)]
        yield from _judged("sbir_matching", runs, 0.985, 0.90)
        yield from _judged("sbir_matching_misspelt", alike, None, None)


def _judged(name: str, runs: list[dict[str, float]], precision: float | None, recall: float | None) -> Iterator[Figure]:
    one = runs[0]
    data = f"made-up, {one['firms']:,} firms, {one['accepted']:,} accepted, {one['review']:,} for review"
    data += f", {statistics.median(run['cpu_seconds'] for run in runs):.1f} s of CPU"
    seconds = statistics.median(run["seconds"] for run in runs) / one["firms"] * 1_000
    is_claimed = precision is not None
    wrong, missed = 1.0 - one["precision"], 1.0 - one["recall"]
    yield Figure(
        f"{name}_wrong_share",
        wrong,
        "",
        1.0 - (precision or 0.985),
        "precision ≥ .985",
        1.0 if is_claimed else None,
        data,
    )
    yield Figure(
        f"{name}_missed_share", missed, "", 1.0 - (recall or 0.90), "recall ≥ .90", 1.0 if is_claimed else None, data
    )
    yield Figure(
        f"{name}_seconds_per_thousand", seconds, "s", 1 / 1.5, "≥ 1,500 firms/s", 1.0 if is_claimed else None, data
    )
    peak = max(run["peak_mib"] for run in runs)
    yield Figure(f"{name}_peak_memory", peak, "MiB", 1024.0, "≤ 1 GiB", 1.0 if is_claimed else None, data)


def _prepare(raw: dict[str, Path], folder: Path) -> None:
    """Write `entities.parquet`, and `all.parquet` and `misspelt.parquet`: firms with `true_uei`."""
    from millrace.quality import RejectLog
    from millrace.stores import FolderStore
    from millrace_sbir.transforms.match_firms import names_of_entities
    from millrace_sbir.transforms.normalise_names import firm_key
    from millrace_sbir.transforms.validate_awards import validated_awards
    from millrace_sbir.transforms.validate_sources import validated_entities

    with RejectLog(FolderStore(folder), "rejects.ndjson") as log:
        entities = validated_entities(pl.scan_parquet(raw["sam"]), log, AS_OF).frame.collect(engine="streaming")
        awards = validated_awards(pl.scan_parquet(raw["awards"]).with_columns(abstract=pl.lit("")), log, AS_OF).frame
        named = awards.select("line", "company_name", "state").collect(engine="streaming")
    entities.write_parquet(folder / "entities.parquet")
    truth = pl.read_parquet(raw["awards"].parent / "truth_awards.parquet", columns=["line", "firm", "uei"])
    seen = named.join(truth.with_columns(pl.col("line").cast(pl.Int64)), on="line").drop_nulls("state")
    spelled = seen.select("firm", "state", true_uei="uei", key=firm_key(pl.col("company_name"))).unique()
    registered = (
        names_of_entities(entities).select(true_uei="right_id", key="key", is_registered=pl.lit(value=True)).unique()
    )
    spelled = spelled.join(registered, on=["true_uei", "key"], how="left").with_columns(
        pl.col("is_registered").fill_null(value=False)
    )
    # Any of a firm's spellings, the same in every run: by a hash of the text.
    ordered = spelled.sort("is_registered", pl.concat_str("key", "state").hash(1), "key", "state")
    each = ordered.group_by("firm", maintain_order=True).first().sort("firm")
    firms = each.select(
        pl.col("firm").cast(pl.String).alias("company_id"),
        pl.concat_list("key").alias("name_keys"),
        pl.concat_list("state").alias("states"),
        *(pl.lit(None, dtype=pl.String).alias(name) for name in ("uei", "duns")),
        "true_uei",
        "is_registered",
    )
    firms.write_parquet(folder / "all.parquet")
    firms.filter(~pl.col("is_registered")).write_parquet(folder / "misspelt.parquet")


def _measured(folder: Path, which: str) -> dict[str, float]:
    command = [sys.executable, str(Path(__file__)), str(folder), which]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(folder: Path, which: str) -> None:
    """Match the prepared firms, and print what it took and how right it was."""
    from millrace_sbir.transforms.match_decide import MatchConfig
    from millrace_sbir.transforms.match_firms import match_firms
    from sbir_sample import peak_mib

    firms = pl.read_parquet(folder / f"{which}.parquet")
    started, cpu_before = time.monotonic(), time.process_time()
    matched = match_firms(firms.drop("true_uei"), pl.scan_parquet(folder / "entities.parquet"), MatchConfig())
    seconds = time.monotonic() - started
    peak, cpu = peak_mib(), time.process_time() - cpu_before
    judged = matched.join(firms.select("company_id", "true_uei"), on="company_id")
    accepted = judged.filter(pl.col("match_status") == "accepted")
    right = int((accepted["sam_uei"] == accepted["true_uei"]).fill_null(value=False).sum())
    found = {
        "firms": firms.height,
        "accepted": accepted.height,
        "review": judged.filter(pl.col("match_status") == "review").height,
        "precision": right / accepted.height,
        "recall": right / (firms.height - firms["true_uei"].null_count()),
    }
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_mib": peak, **found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
