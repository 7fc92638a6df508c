"""The logical time of a run: the clock that transforms and outputs may see.

A run that a schedule started has the tick's time, whenever it really runs. A run that somebody started has the
time of its creation. The tag `millrace/logical_date` (YYYY-MM-DD) overrules both. A retry keeps what its first
run had, even if it was made without that run's tags.
"""

from datetime import UTC, date, datetime

import dagster as dg
from dagster._core.storage.tags import SCHEDULED_EXECUTION_TIME_TAG

from millrace.errors import ConfigurationError
from millrace.runs.failures import first_run_id

LOGICAL_DATE_TAG = "millrace/logical_date"


def logical_date(context: dg.AssetExecutionContext) -> date:
    """The date (UTC) on which the run logically takes place.

    Raises:
        ConfigurationError: the tag is no date.
    """
    root = context.instance.get_run_record_by_id(first_run_id(context.run))
    tags = {**(root.dagster_run.tags if root is not None else {}), **context.run.tags}
    if LOGICAL_DATE_TAG in tags:
        try:
            return date.fromisoformat(tags[LOGICAL_DATE_TAG])
        except ValueError as error:
            problem = f"tag {LOGICAL_DATE_TAG}={tags[LOGICAL_DATE_TAG]!r}: {error}"
            raise ConfigurationError(f"run {context.run.run_id}", [problem], next_step="write YYYY-MM-DD") from error
    if SCHEDULED_EXECUTION_TIME_TAG in tags:
        return datetime.fromisoformat(tags[SCHEDULED_EXECUTION_TIME_TAG]).astimezone(UTC).date()
    record = root or context.instance.get_run_record_by_id(context.run.run_id)  # the first run may have been pruned
    if record is None:
        raise ConfigurationError(f"run {context.run.run_id}", ["is not in this instance"])
    return record.create_timestamp.date()
