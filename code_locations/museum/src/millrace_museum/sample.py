"""Made-up museum data of any size."""

from pathlib import Path


def write_sample(folder: Path, rows: int, seed: int) -> dict[str, str]:
    raise NotImplementedError
