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
        """A new log that replaces the asset's file when it is closed; the step's metadata counts its rows."""
        log = RejectLog(self.path(asset))
        current_measurement().count_rejected = lambda: log.counts[RejectKind.ROW]
        return log
