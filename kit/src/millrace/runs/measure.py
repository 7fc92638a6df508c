"""Seconds, rows and peak memory of the step that runs in this process now.

A lazy frame is computed in the IO manager, after the asset's own function returned. So the measurement is
begun by `stage`, filled by whoever knows a figure, and read by whoever writes the metadata last.
"""

import resource
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

_MOST_KINDS = 50
_CLEAR_PEAK = "5"  # Linux proc(5), clear_refs: resets VmHWM of the process


@dataclass
class Measurement:
    """Figures of one step.

    Attributes:
        rows_in: Rows that the step read; if nobody says, rows written plus rows rejected.
        count_rejected: Says at the end how many rows were turned away; None if the step rejects nothing.
        count_errors: Says at the end how many errors of each kind there were: rules that turned rows or values away,
            answers that a source did not give; None if nobody counts any.
        at_end: What to do when the stage has been written or the step has failed; see `finish`.
        when_written: What to do only when it has been written.
    """

    started: float = field(default_factory=time.monotonic)
    rows_in: int | None = None
    count_rejected: Callable[[], int] | None = None
    count_errors: Callable[[], Mapping[str, int]] | None = None
    at_end: list[Callable[[], None]] = field(default_factory=list)
    when_written: list[Callable[[], None]] = field(default_factory=list)

    def finish(self) -> None:
        """Do what was left for the end, once; called while an exception passes, it leaves out `when_written`."""
        written, self.when_written = self.when_written, []
        while self.at_end:
            self.at_end.pop()()
        if sys.exc_info()[0] is None:
            while written:
                written.pop()()

    def quality(self, rows: int, filled_share: float | None) -> dict[str, dg.MetadataValue]:
        """Score what the step wrote: how much of what came in was accepted, and how much of what went out is filled.

        Args:
            rows: Rows that it wrote.
            filled_share: Cells of these that are not null, 0-1; None if there is no cell.

        Returns:
            `accepted_share` (0-1: rows that came in and were not rejected; duplicates and rows outside of the contract
            are rejects, what is merged or not chosen is none) and `quality_score`, its product with the filled share.
            Nothing if no row came in: there is nothing to score.
        """
        rejected = self._rejected()
        judged = rows + rejected if self.rows_in is None else max(self.rows_in, rejected)
        if not judged:
            return {}
        accepted_share = 1 - rejected / judged
        score = accepted_share * (1.0 if filled_share is None else filled_share)
        return {
            "accepted_share": dg.MetadataValue.float(round(accepted_share, 6)),
            "quality_score": dg.MetadataValue.float(round(score, 6)),
        }

    def _rejected(self) -> int:
        return self.count_rejected() if self.count_rejected is not None else 0

    def metadata(self, rows: int) -> dict[str, dg.MetadataValue]:
        """Describe the step.

        Args:
            rows: Rows that it wrote.

        Returns:
            `seconds`, `rows_per_second`, `peak_memory_bytes` (of the process during the step), `rows_in`, and
            `rows_removed` and `removed_share` (0-1) of what came in and did not go out; where somebody counts them also
            `errors_by_kind`, the most frequent first.
        """
        seconds = max(time.monotonic() - self.started, 1e-6)
        rows_in = rows + self._rejected() if self.rows_in is None else self.rows_in
        removed = rows_in - rows
        errors: dict[str, dg.MetadataValue] = {}
        if self.count_errors is not None:
            kinds = sorted(self.count_errors().items(), key=lambda item: (-item[1], item[0]))
            errors["errors_by_kind"] = dg.MetadataValue.json(dict(kinds[:_MOST_KINDS]))
        return {
            "seconds": dg.MetadataValue.float(round(seconds, 3)),
            "rows_per_second": dg.MetadataValue.int(round(rows / seconds)),
            "peak_memory_bytes": dg.MetadataValue.int(peak_memory_bytes()),
            "rows_in": dg.MetadataValue.int(rows_in),
            "rows_removed": dg.MetadataValue.int(removed),
            "removed_share": dg.MetadataValue.float(round(removed / rows_in, 6) if rows_in else 0.0),
            **errors,
        }


_current: ContextVar[Measurement | None] = ContextVar("millrace_measurement", default=None)


def begin_measurement() -> Measurement:
    """Start anew; the process's peak memory is reset if the kernel lets us."""
    measurement = Measurement()
    with suppress(OSError):  # no Linux, or a read-only /proc: the peak is then that of the whole process
        Path("/proc/self/clear_refs").write_text(_CLEAR_PEAK)
    _current.set(measurement)
    return measurement


def current_measurement() -> Measurement:
    """The measurement that `stage` began; a new one outside of any stage."""
    return _current.get() or begin_measurement()


def peak_memory_bytes() -> int:
    """Highest resident set of this process since the last `begin_measurement`."""
    return _resident_bytes("VmHWM")


def resident_memory_bytes() -> int:
    """Resident set of this process now."""
    return _resident_bytes("VmRSS")


def _resident_bytes(name: str) -> int:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    fields: dict[str, Any] = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(fields[name].split()[0]) * 1024
