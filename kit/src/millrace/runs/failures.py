"""Failures at the edge to Dagster: transient ones are retried by the job's policy, permanent ones never.

What belongs here: the translation there, what people read of it afterwards, and the policy that a domain's
`config.yaml` asks for. What does not: the decision which failure is which (`millrace.errors.is_transient`).

Dagster's retry policy retries any exception; only a `Failure` with `allow_retries=False` stops it. So a
permanent error has to become such a `Failure`, and a transient one has to pass untouched.
"""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg
from dagster._core.execution.plan.objects import StepFailureData
from dagster._utils.error import SerializableErrorInfo

from millrace.config import RetryConfig
from millrace.errors import MillraceError, is_transient


@contextmanager
def dagster_failures() -> Generator[None]:
    """Turn a permanent error into a Dagster failure that no policy retries.

    Raises:
        dagster.Failure: `allow_retries=False`, the error's one line as description, its class as metadata.
    """
    try:
        yield
    except (dg.Failure, dg.RetryRequested):
        raise
    except Exception as error:
        if is_transient(error):
            raise
        text = str(error) if isinstance(error, MillraceError) else f"{type(error).__name__}: {error}"
        raise dg.Failure(
            description=text,
            metadata={"error_class": type(error).__name__, "failure": "permanent, not retried"},
            allow_retries=False,
        ) from error


def failure_reason(data: StepFailureData) -> str:
    """What people read about a failed step: the failure's description, else what our code raised."""
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    return first_cause(data.error)


def first_cause(error: SerializableErrorInfo | None) -> str:
    """What our code raised, below what Dagster wrapped around it: `RetryRequestedFromPolicy` says nothing."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else ""


def first_run_id(run: dg.DagsterRun) -> str:
    """Id of the run that a retry goes on from; of a run that is none, its own."""
    return run.root_run_id or run.run_id


def retry_policy(config: RetryConfig) -> dg.RetryPolicy:
    """The policy of every job of a domain: exponential backoff with jitter, for what is transient."""
    return dg.RetryPolicy(
        max_retries=config.max_retries,
        delay=config.delay_seconds,
        backoff=dg.Backoff.EXPONENTIAL,
        jitter=dg.Jitter.PLUS_MINUS,
    )
