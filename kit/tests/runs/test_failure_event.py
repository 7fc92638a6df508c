"""The failure event says what the error said."""

from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.io.plugins import register_io_source

from millrace.errors import SourceUnreadableError
from millrace.runs import dagster_failures, stage

ERROR = SourceUnreadableError("mill.a_rows", "not JSON", expected="JSON", next_step="check the export")


@dg.asset(name="a_rows")
@stage
def in_function() -> None:
    raise ERROR


@dg.asset(name="a_rows")
@stage
def in_lazy_frame() -> pl.LazyFrame:
    def rows(*_: Any) -> Any:
        raise ERROR
        yield

    return register_io_source(rows, schema={"a": pl.Int64})


@pytest.mark.parametrize("asset", [in_function, in_lazy_frame], ids=["in_function", "in_lazy_frame"])
def test_an_error_of_ours_reaches_the_failure_event_word_for_word(bench: Any, asset: dg.AssetsDefinition) -> None:
    ended = bench.run(asset)

    assert ended.failures == {"a_rows": "mill.a_rows: not JSON (expected JSON); check the export"}


def test_a_failure_event_names_the_class_of_the_error(bench: Any) -> None:
    ended = bench.run(in_function)

    (event,) = [event for event in ended.events if event.event_type_value == "STEP_FAILURE"]
    metadata = event.step_failure_data.user_failure_data.metadata
    assert metadata["error_class"].value == "SourceUnreadableError"


def test_a_failure_keeps_the_error_as_its_cause() -> None:
    with pytest.raises(dg.Failure) as caught, dagster_failures():
        raise ERROR

    assert caught.value.__cause__ is ERROR
    assert caught.value.allow_retries is False


def test_a_misuse_of_dagster_is_not_retried() -> None:
    with pytest.raises(dg.Failure, match="DagsterInvariantViolationError: x") as caught, dagster_failures():
        raise dg.DagsterInvariantViolationError("x")

    assert caught.value.allow_retries is False


@pytest.mark.parametrize("asked", [dg.RetryRequested(), dg.Failure("x")], ids=lambda asked: type(asked).__name__)
def test_what_an_asset_asks_of_dagster_passes_untouched(asked: Exception) -> None:
    with pytest.raises(type(asked)) as caught, dagster_failures():
        raise asked

    assert caught.value is asked
