"""What is read out of the bodies of events, which are Dagster's serialised objects.

What belongs here: paths into the JSON of Dagster 1.13. What does not: what becomes of it.

The bodies are read here and not in SQL: Postgres refuses a NaN and a zero character, both of which Dagster writes, and
one such event would stop every poll after it. Dagster itself is not imported: see `benchmarks/imports.py`.
"""

import json
import math
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

ROW_COUNT = "dagster/row_count"


class UnreadableError(Exception):
    """The body is not what Dagster 1.13 writes."""


class Evaluation(NamedTuple):
    """A check's evaluation."""

    asset_key: str
    check_name: str
    severity: str
    blocking: bool
    passed: bool


def numbers(body: str | None, keys: Collection[str]) -> dict[str, float]:
    """The allowed numbers in the metadata of a materialisation or an observation; those not finite are left out.

    Raises:
        UnreadableError: It is neither.
    """
    try:
        data = _data(body)
        entries = (data["materialization"] if "materialization" in data else data["asset_observation"])[
            "metadata_entries"
        ]
        found = {one["label"]: one["entry_data"].get("value") for one in entries if one["label"] in keys}
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableError(f"a materialisation or observation without {error}") from error
    return {
        key: float(value)
        for key, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def evaluation(body: str | None) -> Evaluation:
    """A check's evaluation.

    Raises:
        UnreadableError: It is none.
    """
    data = _data(body)
    try:
        return Evaluation(
            asset_key=path_of(data["asset_key"]["path"]),
            check_name=data["check_name"],
            severity=_enum(data.get("severity"), "ERROR").lower(),
            blocking=bool(data.get("blocking")),
            passed=bool(data["success"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableError(f"an evaluation without {error}") from error


def planned_check(body: str | None) -> tuple[str, str]:
    """Asset and name of a check that a run intends to evaluate.

    Raises:
        UnreadableError: It is no such intention.
    """
    data = _data(body)
    try:
        return path_of(data["asset_key"]["path"]), data["check_name"]
    except (KeyError, TypeError) as error:
        raise UnreadableError(f"a planned check without {error}") from error


def freshness_state(body: str | None) -> tuple[str, str]:
    """Asset and new state, in lower case, of a change of Dagster's own freshness.

    Raises:
        UnreadableError: It is no such change.
    """
    data = _data(body)
    try:
        return path_of(data["key"]["path"]), _enum(data["new_state"], "").lower()
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableError(f"a change of freshness without {error}") from error


def path_of(parts: list[str]) -> str:
    """An asset key as people write it."""
    return "/".join(parts)


def asset_of(column: str | None) -> str | None:
    """An asset key as people write it, from a column, where it is a JSON list; None if there is none."""
    if column is None:
        return None
    try:
        return path_of(json.loads(column))
    except (ValueError, TypeError):
        return column  # of versions before 0.9


def column_of(asset_key: str) -> str:
    """The column's text for an asset key."""
    return json.dumps(asset_key.split("/"))


def _data(body: str | None) -> Mapping[str, Any]:
    if body is None:
        raise UnreadableError("larger than 4 MiB")
    try:
        data = json.loads(body)["dagster_event"]["event_specific_data"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableError(f"no event: {error}") from error
    if not isinstance(data, dict):
        raise UnreadableError("no data")
    return data


def _enum(value: Any, default: str) -> str:
    """`{"__enum__": "AssetCheckSeverity.ERROR"}` as ERROR."""
    return value["__enum__"].rpartition(".")[2] if isinstance(value, dict) else default
