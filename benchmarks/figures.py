"""A measured figure, and where it is kept."""

import json
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One figure of a benchmark.

    Attributes:
        figure: Name.
        value: What was measured.
        unit: Of value and baseline.
        baseline: What it is held against, measured in the same run or a fixed bound.
        target: What is claimed, in words.
        most: Largest ratio of value to baseline that keeps the claim; None if nothing is claimed.
        data: What it was measured on.
    """

    figure: str
    value: float
    unit: str
    baseline: float
    target: str
    most: float | None
    data: str

    @property
    def ratio(self) -> float:
        """Value over baseline."""
        return self.value / self.baseline

    @property
    def holds(self) -> bool | None:
        """Whether the claim holds; None if nothing is claimed."""
        return None if self.most is None else self.ratio <= self.most

    def as_dict(self) -> dict[str, Any]:
        """The line that `scripts/bench --json` prints."""
        return {
            "figure": self.figure,
            "value": round(self.value, 3),
            "unit": self.unit,
            "baseline": round(self.baseline, 3),
            "ratio": round(self.ratio, 3),
            "target": self.target,
            "holds": self.holds,
            "data": self.data,
        }


def keep(name: str, figures: list[Figure]) -> str:
    """Write a benchmark's figures to `results/NAME.json`, with machine and commit, and say where.

    Nothing is kept of a tree with uncommitted changes, which nobody could measure again.
    """
    commit = _git("rev-parse", "--short=12", "HEAD")
    changes = _git("status", "--porcelain", "--", ":/", f":!{RESULTS.name}")
    if not commit or changes:
        return f"not kept: {'the tree has uncommitted changes' if commit else 'no repository'}"
    content = {
        "benchmark": name,
        "commit": commit,
        "machine": {
            "cpus": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
            "processor": _processor(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "figures": [figure.as_dict() for figure in figures],
    }
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return f"kept in {path}"


def _git(*arguments: str) -> str:
    answer = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, cwd=RESULTS.parent)
    return answer.stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
