"""Where each asset's rejects lie, as a resource that assets and checks ask for."""

from collections.abc import Iterator

import dagster as dg

from millrace.quality.rejects import Reject, RejectKind, RejectLog, read_rejects
from millrace.runs.measure import current_measurement
from millrace.stores import Place


class RejectFiles(dg.ConfigurableResource):
    """Where an asset keeps what it turned away: `<place>/<asset>.ndjson`, see `millrace.quality.rejects`."""

    place: Place

    def address(self, asset: str) -> str:
        """Where one asset's rejects lie, for people."""
        return self.place.store().address_of(_name(asset))

    def read(self, asset: str) -> Iterator[Reject]:
        """What an asset turned away last."""
        return read_rejects(self.place.store(), _name(asset))

    def log(self, asset: str) -> RejectLog:
        """Open a new log for the step that runs now.

        The step's metadata counts its rows and its rules. It is closed when the stage has been written or the step has
        failed: a lazy stage rejects while it is sunk, after the asset's function has returned.
        """
        log = RejectLog(self.place.store(), _name(asset)).open()
        measurement = current_measurement()
        measurement.count_rejected = lambda: log.counts[RejectKind.ROW]
        measurement.count_errors = lambda: log.rules
        measurement.at_end.append(log.close)
        return log


def _name(asset: str) -> str:
    return f"{asset}.ndjson"
