"""Where the finished chunks of long steps lie until their asset is written, as a resource that assets ask for."""

from contextlib import suppress

import dagster as dg

from millrace.errors import MillraceError
from millrace.processing.parts import Parts
from millrace.runs.measure import current_measurement
from millrace.stores import Place


class PartFiles(dg.ConfigurableResource):
    """Where an asset keeps its finished chunks: `<place>/<asset>/`, see `millrace.processing.parts`."""

    place: Place

    def of(self, asset: str) -> Parts:
        """The parts of the step that runs now; removed when its stage has been written, kept if it fails."""
        parts = Parts(self.place.store(), asset)

        def remove() -> None:
            # The asset is written: a store that fails now must not fail the step. What stays, the next run removes.
            with suppress(MillraceError, OSError):
                parts.remove()

        current_measurement().when_written.append(remove)
        return parts
