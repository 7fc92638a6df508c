"""Captured stdout and stderr on the local disk: what a run or a tick wrote, and its removal.

What belongs here: files, counted and weighed. What does not: which run is old (`millrace_platform.records`).

Only Dagster's local log manager is taken care of: others keep the files in a bucket, whose own lifecycle rule
removes them by age without a request per run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

# The second part of a run's log keys: [run id, "compute_logs", step]. Without LocalComputeLogManager's base_dir the
# folder of the run holds the values of its outputs too; those are not ours.
_FOLDER = "compute_logs"


@dataclass(frozen=True)
class Files:
    """Some files, counted; `bytes` is their size."""

    count: int = 0
    bytes: int = 0

    def __add__(self, other: "Files") -> "Files":
        return Files(self.count + other.count, self.bytes + other.bytes)


class CapturedLogs:
    """The captured logs of an instance.

    Args:
        instance: The instance.

    Attributes:
        manager_name: Class of its log manager.
    """

    def __init__(self, instance: dg.DagsterInstance) -> None:
        manager = instance.compute_log_manager
        self.manager_name = type(manager).__name__
        self._local = manager if isinstance(manager, LocalComputeLogManager) else None

    @property
    def is_local(self) -> bool:
        """Whether they lie where this process can remove them."""
        return self._local is not None

    def runs(self) -> Iterator[str]:
        """Ids of the runs that have logs."""
        if self._local is None:
            return
        root = self._folder(self._local, "any").parents[1]
        if root.is_dir():
            yield from sorted(entry.name for entry in root.iterdir() if (entry / _FOLDER).is_dir())

    def of_run(self, run_id: str) -> Files:
        """What a run wrote."""
        return Files() if self._local is None else _weigh(self._folder(self._local, run_id).glob("*"))

    def remove_run(self, run_id: str) -> None:
        """Remove what a run wrote, and its folder if nothing else is in it."""
        if self._local is not None:
            self._local.delete_logs(prefix=[run_id, _FOLDER])
            folder = self._folder(self._local, run_id).parent
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def of_tick(self, log_key: Sequence[str]) -> Files:
        """What the evaluation of a schedule or sensor wrote; `log_key` is the tick's."""
        return Files() if self._local is None else _weigh(self._tick_files(self._local, log_key))

    def remove_tick(self, log_key: Sequence[str]) -> None:
        """Remove what the evaluation of a schedule or sensor wrote."""
        if self._local is not None:
            self._local.delete_logs(log_key=log_key)

    @staticmethod
    def _folder(manager: LocalComputeLogManager, run_id: str) -> Path:
        return Path(manager.get_captured_local_path([run_id, _FOLDER, "any"], "out")).parent

    @staticmethod
    def _tick_files(manager: LocalComputeLogManager, log_key: Sequence[str]) -> list[Path]:
        names = ("out", "err", "out.partial", "err.partial", "complete")
        return [Path(manager.get_captured_local_path(log_key, name)) for name in names]


def _weigh(paths: Iterator[Path] | Sequence[Path]) -> Files:
    sizes = [path.stat().st_size for path in paths if path.is_file()]
    return Files(len(sizes), sum(sizes))
