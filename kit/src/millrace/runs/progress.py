"""The progress of a step, told to Dagster: lines in the run's log, and observations that the exporter reads.

An `AssetObservation` is the one event of an asset that a step may log while it runs, is stored with numbers, and is
found by its type and its asset. It says nothing about the asset's data: it carries no data version.
"""

import dagster as dg

from millrace.processing.progress import Figures, Progress

ROWS, SHARE, ETA = "progress_rows", "progress_share", "progress_eta_seconds"


def step_progress(context: dg.AssetExecutionContext) -> Progress:
    """Progress of the step that runs now."""
    key = context.asset_key

    def observe(figures: Figures) -> None:
        said = {ROWS: figures.rows, SHARE: figures.share, ETA: figures.eta_seconds}
        metadata = {name: float(value) for name, value in said.items() if value is not None}
        context.log_event(dg.AssetObservation(asset_key=key, metadata=metadata))

    return Progress(key.to_user_string(), context.run.run_id, say=context.log.info, observe=observe)
