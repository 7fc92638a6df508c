"""What every step of a run does alike: fail in a known class, be measured, and describe what it wrote."""

from millrace.runs.failures import dagster_failures, first_run_id, retry_policy
from millrace.runs.logical_time import logical_date
from millrace.runs.measure import Measurement, current_measurement
from millrace.runs.stage import stage

__all__ = [
    "Measurement",
    "current_measurement",
    "dagster_failures",
    "first_run_id",
    "logical_date",
    "retry_policy",
    "stage",
]
