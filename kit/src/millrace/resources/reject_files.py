"""Where each asset's rejects lie, as a resource that assets and checks ask for."""

from pathlib import Path

import dagster as dg

from millrace.quality.rejects import RejectKind, RejectLog
from millrace.runs.measure import current_measurement


class RejectFiles(dg.ConfigurableResource):
    """Where an asset keeps what it turned away: `<folder>/<asset>.ndjson`, see `millrace.quality.rejects`."""

    folder: str

    def path(self, asset: str) -> Path:
        """File of one asset's rejects."""
        return Path(self.folder) / f"{asset}.ndjson"

    def log(self, asset: str) -> RejectLog:
        """Open a new log for the step that runs now.

        The step's metadata counts its rows, and it is closed when the stage has been written or the step has failed:
        a lazy stage rejects while it is sunk, after the asset's function has returned.
        """
        log = RejectLog(self.path(asset)).open()
        measurement = current_measurement()
        measurement.count_rejected = lambda: log.counts[RejectKind.ROW]
        measurement.at_end.append(log.close)
        return log
