"""`@stage`: what stands between Dagster and the function of every asset.

    @dg.asset(group_name="clean", kinds={"polars"}, code_version="1")
    @stage
    def cleaned_objects(harvested_objects: pl.LazyFrame) -> pl.LazyFrame: ...

It begins the measurement and classifies failures. It takes no settings: an asset that needs something else
says so in `dg.asset`.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from millrace.runs.failures import dagster_failures
from millrace.runs.measure import begin_measurement

Function = TypeVar("Function", bound=Callable[..., Any])

STAGE_MARK = "__millrace_stage__"


def stage(function: Function) -> Function:
    """Measure an asset's function and let only known failure classes out of it."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generating(*args: Any, **kwargs: Any) -> Iterator[Any]:
            begin_measurement()
            with dagster_failures():
                yield from function(*args, **kwargs)

        wrapped: Callable[..., Any] = generating
    else:

        @functools.wraps(function)
        def returning(*args: Any, **kwargs: Any) -> Any:
            begin_measurement()
            with dagster_failures():
                return function(*args, **kwargs)

        wrapped = returning
    setattr(wrapped, STAGE_MARK, True)
    return cast(Function, wrapped)
