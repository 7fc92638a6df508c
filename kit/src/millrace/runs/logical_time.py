"""The logical time of a run: the clock that transforms and outputs may see.

A run that a schedule started has the tick's time, whenever it really runs; a retry keeps it. A run that
somebody started has the time of its creation. The tag `millrace/logical_date` (YYYY-MM-DD) overrules both.
"""

from datetime import UTC, date, datetime

import dagster as dg

from millrace.errors import ConfigurationError

LOGICAL_DATE_TAG = "millrace/logical_date"
_SCHEDULED_TAG = "dagster/scheduled_execution_time"


def logical_date(context: dg.AssetExecutionContext) -> date:
    """The date (UTC) on which the run logically takes place.

    Raises:
        ConfigurationError: the tag is no date.
    """
    tags = context.run.tags
    if LOGICAL_DATE_TAG in tags:
        try:
            return date.fromisoformat(tags[LOGICAL_DATE_TAG])
        except ValueError as error:
            problem = f"tag {LOGICAL_DATE_TAG}={tags[LOGICAL_DATE_TAG]!r}: {error}"
            raise ConfigurationError(f"run {context.run.run_id}", [problem], next_step="write YYYY-MM-DD") from error
    if _SCHEDULED_TAG in tags:
        return datetime.fromisoformat(tags[_SCHEDULED_TAG]).astimezone(UTC).date()
    root = context.run.root_run_id or context.run.run_id
    record = context.instance.get_run_record_by_id(root) or context.instance.get_run_record_by_id(context.run.run_id)
    if record is None:
        raise ConfigurationError(f"run {context.run.run_id}", ["is not in this instance"])
    return record.create_timestamp.date()
