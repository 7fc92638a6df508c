"""Two ways to run one job's assets: what has changed, or everything anew.

A job whose `config.yaml` says `full_refresh` puts a tag on its runs; anybody may put it on a run of another job.
"""

import dagster as dg

from millrace.errors import ConfigurationError
from millrace.runs.tags import FULL_REFRESH_TAG


def makes_everything_anew(run: dg.DagsterRun) -> bool:
    """Whether a run makes everything anew.

    Raises:
        ConfigurationError: the tag is neither true nor false.
    """
    value = run.tags.get(FULL_REFRESH_TAG, "false")
    if value not in ("true", "false"):
        problem = f"tag {FULL_REFRESH_TAG}={value!r} is neither true nor false"
        raise ConfigurationError(f"run {run.run_id}", [problem], next_step="write true, or leave it out")
    return value == "true"
