"""What somebody would write without a platform: read, clean, join, write; no Dagster, no checks, no rejects, no stages.

    python benchmarks/plain_museum.py SOURCE FOLDER

The baseline of `museum.py`: the same parsing, the same transforms and the same documents, bulk file and sitemaps, all
in one process and in memory. Prints the number of documents.
"""

import sys
from datetime import date
from pathlib import Path

import polars as pl

from millrace.quality import Reject, RejectLog
from millrace.stores import FolderStore
from millrace_museum.mapping import load_mapping
from millrace_museum.outputs.changes import compare
from millrace_museum.outputs.documents import digests, write_publication
from millrace_museum.sources.harvest import open_harvest
from millrace_museum.transforms.clean import cleaned
from millrace_museum.transforms.join import joined
from millrace_museum.transforms.reshape import reshaped

_LONGEST_BYTES = 1 << 24


class _Forgetful(RejectLog):
    """Keeps no rejects."""

    def add(self, reject: Reject) -> None:
        """Forget it."""


def main(source: Path, folder: Path) -> int:
    """Publish a source into an empty folder; return the number of documents."""
    museum = load_mapping("tate")
    frames = {}
    for entity in ("objects", "artists"):
        harvest = open_harvest(museum, entity, source, _LONGEST_BYTES)
        if harvest is None:
            raise SystemExit(f"{source} has no {entity}")
        frames[entity] = cleaned(harvest.frame(_Forgetful(FolderStore(folder), "")).collect().lazy(), entity, {})
    documents = reshaped(joined(frames["objects"], frames["artists"]), museum.museum, museum.attribution)
    collected = documents.collect().lazy()
    published, _ = compare(digests(collected), None, date.min)
    folder.mkdir(parents=True)
    write_publication(folder, collected, published, {}, "https://museum.example.org")
    return collected.select(pl.len()).collect().item()


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), Path(sys.argv[2])))
