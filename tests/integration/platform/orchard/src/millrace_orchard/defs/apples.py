"""Apples. What goes wrong is a file in the source by that name: `storm`, `rot`, `small`, `wasps`, `frost`.

One image serves every case, and a case ends when its file is gone.
"""

from pathlib import Path

import dagster as dg

from millrace.errors import ConfigurationError, SourceUnreadableError
from millrace.runs import stage

SOURCE = Path("/sources/orchard")
PRESS_BYTES = 512 * 2**20


def there_is(trouble: str) -> bool:
    """Whether the source says so."""
    return (SOURCE / trouble).exists()


@dg.asset(group_name="harvest", kinds={"python"}, code_version="1")
@stage
def picked_apples() -> dg.MaterializeResult:
    """Not to be had in a storm."""
    if there_is("storm"):
        raise SourceUnreadableError("apples", "a storm is on", next_step="wait for it to end")
    return dg.MaterializeResult()


@dg.asset(group_name="clean", kinds={"python"}, code_version="1")
@stage
def sorted_apples() -> dg.MaterializeResult:
    """Judged by a check that is an error."""
    return dg.MaterializeResult()


@dg.asset_check(asset=sorted_apples)
@stage
def sorted_apples_rot_check() -> dg.AssetCheckResult:
    """None is rotten."""
    return dg.AssetCheckResult(passed=not there_is("rot"))


@dg.asset(group_name="clean", kinds={"python"}, code_version="1")
@stage
def weighed_apples() -> dg.MaterializeResult:
    """Judged by a check that warns."""
    return dg.MaterializeResult()


@dg.asset_check(asset=weighed_apples)
@stage
def weighed_apples_size_check() -> dg.AssetCheckResult:
    """None is small."""
    return dg.AssetCheckResult(passed=not there_is("small"), severity=dg.AssetCheckSeverity.WARN)


@dg.asset(group_name="publish", kinds={"python"}, code_version="1")
@stage
def pressed_apples() -> dg.MaterializeResult:
    """Holds half a gibibyte: too much for a run with less."""
    pressed = b"\1" * PRESS_BYTES
    return dg.MaterializeResult(metadata={"dagster/row_count": len(pressed)})


@dg.asset(group_name="publish", kinds={"python"}, code_version="1")
@stage
def stored_apples() -> dg.MaterializeResult:
    """Fresh for a minute."""
    return dg.MaterializeResult()


@dg.sensor(job_name="picking_job", minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def windfall_sensor() -> dg.SkipReason:
    """Never finds any, and cannot look where wasps are."""
    if there_is("wasps"):
        raise SourceUnreadableError("windfall", "wasps are on it", next_step="wait for them to go")
    return dg.SkipReason("no windfall")


@dg.definitions
def definitions() -> dg.Definitions:
    """What stands here; nothing of it in a frost."""
    if there_is("frost"):
        raise ConfigurationError("orchard", ["a frost is on"], next_step="wait for it to end")
    assets = [picked_apples, sorted_apples, weighed_apples, pressed_apples, stored_apples]
    checks = [sorted_apples_rot_check, weighed_apples_size_check]
    return dg.Definitions(assets=assets, asset_checks=checks, sensors=[windfall_sensor])
