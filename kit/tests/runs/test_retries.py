"""Dagster retries what is transient, up to the policy's end, and nothing else; on a real instance."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.io.plugins import register_io_source

from millrace.config import RetryConfig
from millrace.errors import SourceUnavailableError, SourceUnreadableError
from millrace.runs import retry_policy, stage

TRANSIENT = SourceUnavailableError("mill.a_rows", "busy", next_step="wait")
PERMANENT = SourceUnreadableError("mill.a_rows", "not JSON", expected="JSON", next_step="check the export")


class Attempts:
    """Makes an asset that fails so many times, then succeeds; in its function, or while its frame is computed."""

    def __init__(self, error: Exception, failing: int) -> None:
        self.error = error
        self.failing = failing
        self.made = 0

    def attempt(self) -> None:
        self.made += 1
        if self.made <= self.failing:
            raise self.error

    def in_function(self) -> dg.AssetsDefinition:
        @dg.asset
        @stage
        def a_rows() -> pl.LazyFrame:
            self.attempt()
            return pl.LazyFrame({"a": [1]})

        return a_rows

    def in_generator(self) -> dg.AssetsDefinition:
        @dg.multi_asset(outs={"a_rows": dg.AssetOut()})
        @stage
        def a_rows() -> Any:
            self.attempt()
            yield dg.Output(pl.LazyFrame({"a": [1]}), "a_rows")

        return a_rows

    def in_lazy_frame(self) -> dg.AssetsDefinition:
        @dg.asset
        @stage
        def a_rows() -> pl.LazyFrame:
            def rows(*_: Any) -> Any:
                self.attempt()
                yield pl.DataFrame({"a": [1]})

            return register_io_source(rows, schema={"a": pl.Int64})

        return a_rows


@pytest.fixture(params=["in_function", "in_generator", "in_lazy_frame"])
def where(request: pytest.FixtureRequest) -> Callable[[Attempts], dg.AssetsDefinition]:
    """Where the error is raised; a lazy frame is computed in the IO manager, after the function has returned."""
    return lambda attempts: getattr(attempts, request.param)()


def test_a_transient_failure_is_retried_until_it_succeeds(bench: Any, where: Any) -> None:
    attempts = Attempts(TRANSIENT, failing=2)

    ended = bench.run(where(attempts), max_retries=3)

    assert ended.success
    assert (attempts.made, ended.retries) == (3, 2)


def test_a_transient_failure_that_stays_ends_with_the_last_retry(bench: Any, where: Any) -> None:
    attempts = Attempts(TRANSIENT, failing=100)

    ended = bench.run(where(attempts), max_retries=2)

    assert not ended.success
    assert (attempts.made, ended.retries) == (3, 2)


def test_a_permanent_failure_is_not_retried(bench: Any, where: Any) -> None:
    attempts = Attempts(PERMANENT, failing=1)

    ended = bench.run(where(attempts), max_retries=3)

    assert not ended.success
    assert (attempts.made, ended.retries) == (1, 0)


def test_an_unknown_failure_is_not_retried(bench: Any, where: Any) -> None:
    attempts = Attempts(ZeroDivisionError("by nought"), failing=1)

    ended = bench.run(where(attempts), max_retries=3)

    assert not ended.success
    assert attempts.made == 1
    assert "ZeroDivisionError: by nought" in ended.failures["a_rows"]


def test_without_stage_a_permanent_failure_would_be_retried(bench: Any) -> None:
    made = []

    @dg.asset
    def a_rows() -> None:
        made.append(1)
        raise PERMANENT

    bench.run(a_rows, max_retries=3)

    assert len(made) == 4


def test_a_failure_that_asks_for_a_retry_itself_is_left_as_it_is(bench: Any) -> None:
    attempts = Attempts(dg.Failure("again"), failing=1)

    ended = bench.run(attempts.in_function(), max_retries=1)

    assert ended.success
    assert attempts.made == 2


def test_a_downstream_stage_does_not_run_after_a_failure(bench: Any) -> None:
    ran = []

    @dg.asset
    @stage
    def b_rows(a_rows: pl.LazyFrame) -> pl.LazyFrame:
        ran.append(1)
        return a_rows

    ended = bench.run(Attempts(PERMANENT, failing=1).in_lazy_frame(), b_rows)

    assert list(ended.failures) == ["a_rows"]
    assert ran == []


def test_the_policy_doubles_the_delay_that_was_asked_for() -> None:
    policy = retry_policy(RetryConfig(max_retries=5, delay_seconds=30))

    assert (policy.max_retries, policy.delay) == (5, 30)
    assert policy.backoff is dg.Backoff.EXPONENTIAL
    assert policy.jitter is dg.Jitter.PLUS_MINUS
