"""The gate in front of a publication, which also holds across runs.

A blocking check stops what is downstream in its own run only. A job that publishes what another job has prepared asks
here what those checks said of what lies there now.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from millrace.errors import ConfigurationError, GateClosedError
from millrace.quality.checks import check_names
from millrace.quality.contracts import Contract
from millrace.thresholds import AssetThresholds
from millrace.thresholds import check_names as threshold_check_names

_LOOK_BACK = (
    25  # verdicts of one check; only runs at once and repeated checks stand between the last and the one sought
)


class Gates(dg.ConfigurableResource):
    """The gates of a domain, as a resource: every check that blocks.

    These are the checks of contracts, of thresholds of severity error, and those written by hand that block.

    Attributes:
        blocking: Names of the checks, by asset; `build_location` knows them.
    """

    blocking: dict[str, list[str]]

    def require_open(self, instance: dg.DagsterInstance, subject: str, *assets: str) -> None:
        """Refuse to go on if a blocking check of these assets failed last, or has not judged what they hold now.

        Args:
            instance: Keeps what the checks said.
            subject: What would be published, for the error.
            assets: What it stands on.

        Raises:
            GateClosedError: with every check that closes the gate.
            ConfigurationError: one of the assets has no check that blocks, so nothing would be asked.
        """
        problems = [f"{asset} has no check that blocks" for asset in assets if not self.blocking.get(asset)]
        if problems or not assets:
            raise ConfigurationError(
                subject,
                problems or ["stands on no asset"],
                next_step="give it a contract or a threshold of severity error",
            )
        require_checks(
            instance,
            subject,
            [dg.AssetCheckKey(dg.AssetKey(asset), name) for asset in assets for name in self.blocking[asset]],
        )


def require_open_gates(
    instance: dg.DagsterInstance,
    subject: str,
    contracts: Mapping[str, Contract],
    checks: Iterable[dg.AssetChecksDefinition] = (),
    thresholds: Mapping[str, AssetThresholds] | None = None,
) -> None:
    """Refuse to go on if a blocking check failed last, or has not judged what its asset holds now.

    Args:
        instance: Keeps what the checks said.
        subject: What would be published, for the error.
        contracts: The contracts of the stages that it stands on, by asset.
        checks: The checks of those stages that are written by hand. What does not block does not count.
        thresholds: `data_quality.thresholds` of those stages, by asset; of severity error.

    Raises:
        GateClosedError: with every check that closes the gate.
    """
    keys = [
        dg.AssetCheckKey(dg.AssetKey(asset), name)
        for asset, contract in contracts.items()
        if contract.blocking
        for name in check_names(asset, blocking_only=True)
    ]
    keys += [spec.key for check in checks for spec in check.check_specs if spec.blocking]
    keys += [
        dg.AssetCheckKey(dg.AssetKey(asset), name)
        for asset, demands in (thresholds or {}).items()
        for name in threshold_check_names(asset, demands, blocking_only=True)
    ]
    require_checks(instance, subject, keys)


def require_checks(instance: dg.DagsterInstance, subject: str, keys: Iterable[dg.AssetCheckKey]) -> None:
    """Refuse to go on if one of these checks failed last, or has not judged what its asset holds now.

    Raises:
        GateClosedError: with every check that closes the gate.
    """
    last_made = cache(instance.get_latest_materialization_event)  # an asset has several checks
    closed = [problem for key in keys if (problem := _problem(instance, key, last_made)) is not None]
    if closed:
        raise GateClosedError(
            subject,
            "; ".join(closed),
            expected="every blocking check passed",
            next_step="mend the source and run it again",
        )


def _problem(
    instance: dg.DagsterInstance,
    key: dg.AssetCheckKey,
    last_made: Callable[[dg.AssetKey], dg.EventLogEntry | None],
) -> str | None:
    """Why a check closes the gate; None if its last verdict on what its asset holds now is that it passed.

    Runs that wait have their checks on record already, without a verdict; and of two runs at once the one that was
    queued first may judge last. So what counts is what a verdict is about, and not where it stands in the history.
    """
    history = instance.event_log_storage.get_asset_check_execution_history(
        key, limit=_LOOK_BACK, status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
    )
    if not history:
        return f"{key.name} has never judged"
    made = last_made(key.asset_key)
    verdicts = [record for record in history if made is None or _judged(record) == (made.run_id, made.timestamp)]
    if made is not None and not verdicts:
        return f"{key.name} has not judged what run {made.run_id} made"
    last = max(verdicts, key=lambda record: record.event.timestamp if record.event else record.create_timestamp)
    if last.status is AssetCheckExecutionRecordStatus.SUCCEEDED:
        return None
    return f"{key.name} did not pass in run {last.run_id}"


def _judged(record: AssetCheckExecutionRecord) -> tuple[str, float] | None:
    """Run and time of the materialisation that a verdict is about."""
    about = record.evaluation.target_materialization_data if record.evaluation is not None else None
    return (about.run_id, about.timestamp) if about is not None else None
