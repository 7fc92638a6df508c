"""`@stage`: what stands between Dagster and the function of every asset.

    @dg.asset(group_name="clean", kinds={"polars"}, code_version="1")
    @stage
    def cleaned_objects(harvested_objects: pl.LazyFrame) -> pl.LazyFrame: ...

It begins the measurement, classifies failures, and ends the measurement of a step that stores no stage. It takes
no settings: an asset that needs something else says so in `dg.asset`.
"""

import functools
import inspect
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import dagster as dg
from dagster._core.definitions.utils import NoValueSentinel

from millrace.processing.memory import release_memory
from millrace.runs.failures import dagster_failures
from millrace.runs.measure import Measurement, begin_measurement

Function = TypeVar("Function", bound=Callable[..., Any])

STAGE_MARK = "__millrace_stage__"


@contextmanager
def _measured() -> Generator[Measurement]:
    """Begin the step's measurement; finish it here if the step fails before anything is written.

    Before it goes what earlier steps of this process have freed, so that the step has the container to itself.
    """
    release_memory()
    measurement = begin_measurement()
    try:
        yield measurement
    except Exception:
        measurement.finish()
        raise


def _stores_nothing(result: object) -> bool:
    """Whether no IO manager follows, which would finish the measurement once it has computed the frame."""
    return result is None or (isinstance(result, dg.MaterializeResult) and result.value is NoValueSentinel)


def stage(function: Function) -> Function:
    """Measure an asset's function and let only known failure classes out of it."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generating(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _measured() as measurement, dagster_failures():
                yield from function(*args, **kwargs)
                measurement.finish()  # Dagster has stored each output before it asked for the next

        wrapped: Callable[..., Any] = generating
    else:

        @functools.wraps(function)
        def returning(*args: Any, **kwargs: Any) -> Any:
            with _measured() as measurement, dagster_failures():
                result = function(*args, **kwargs)
                if _stores_nothing(result):
                    measurement.finish()
                return result

        wrapped = returning
    setattr(wrapped, STAGE_MARK, True)
    return cast(Function, wrapped)
