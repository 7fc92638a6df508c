"""The gate in front of a publication, which also holds across runs.

A blocking check stops what is downstream in its own run only. A job that publishes what another job has prepared asks
here what those checks said of what lies there now.
"""

from collections.abc import Iterable, Mapping

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from millrace.errors import GateClosedError
from millrace.quality.checks import check_names
from millrace.quality.contracts import Contract


def require_open_gates(
    instance: dg.DagsterInstance,
    subject: str,
    contracts: Mapping[str, Contract],
    checks: Iterable[dg.AssetChecksDefinition] = (),
) -> None:
    """Refuse to go on if a blocking check failed last, or has not judged what its asset holds now.

    Args:
        instance: Keeps what the checks said.
        subject: What would be published, for the error.
        contracts: The contracts of the stages that it stands on, by asset.
        checks: The checks of those stages that are written by hand. What does not block does not count.

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
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    closed = []
    for key in keys:
        record = latest.get(key)
        if record is None:
            closed.append(f"{key.name} has never judged")
        elif record.status is not AssetCheckExecutionRecordStatus.SUCCEEDED:
            closed.append(f"{key.name} did not pass in run {record.run_id}")
        elif (run_id := _unjudged(instance, key, record)) is not None:
            closed.append(f"{key.name} has not judged what run {run_id} made")
    if closed:
        raise GateClosedError(
            subject,
            "; ".join(closed),
            expected="every blocking check passed",
            next_step="mend the source and run it again",
        )


def _unjudged(instance: dg.DagsterInstance, key: dg.AssetCheckKey, record: AssetCheckExecutionRecord) -> str | None:
    """The run of the asset's latest materialisation, where the verdict is about an earlier one."""
    made = instance.get_latest_materialization_event(key.asset_key)
    evaluation = record.evaluation
    judged = evaluation.target_materialization_data if evaluation is not None else None
    if made is None or (judged is not None and (judged.run_id, judged.timestamp) == (made.run_id, made.timestamp)):
        return None
    return made.run_id
