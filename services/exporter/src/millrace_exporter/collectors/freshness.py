"""Freshness, from policies and events alone.

What belongs here: which materialisation counts, and what the policy says to its age. What does not: policies
(`workspace`), and Dagster's own freshness, which is shown beside it so that the two can be compared.

Dagster's daemon computes freshness too, from the last materialisation of anything: while it is dead assets stay as they
were, and the backfill of an old partition makes today's look fresh. Here a partition by time counts only as long as
none after it is due, and static partitions are judged one by one.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from millrace_exporter.definitions import Asset, Policy, Workspace
from millrace_exporter.events.bodies import UnreadableError, asset_of, column_of, freshness_state
from millrace_exporter.events.tail import Event, Tail, Window
from millrace_exporter.families import FRESHNESS_STATES
from millrace_exporter.moments import next_due, next_tick, partition_start, sorts_as_text
from millrace_exporter.samples import Samples
from millrace_exporter.sources.database import Database, View

MATERIALIZED, CHANGED, WIPED = "ASSET_MATERIALIZATION", "FRESHNESS_STATE_CHANGE", "ASSET_WIPED"
TYPES = {MATERIALIZED: False, CHANGED: True, WIPED: False}

LAST = """
SELECT k.asset_key, NULL::text, e.id, extract(epoch FROM e.timestamp)::float8, CASE WHEN %(body)s THEN e.event END
FROM unnest(%(keys)s::text[]) AS k(asset_key)
CROSS JOIN LATERAL (
    SELECT id, timestamp, event FROM event_logs
    WHERE asset_key = k.asset_key AND dagster_event_type = %(type)s ORDER BY id DESC LIMIT 1
) AS e
"""
LAST_OF_NEWEST = """
SELECT k.asset_key, e.partition, e.id, extract(epoch FROM e.timestamp)::float8
FROM unnest(%(keys)s::text[]) AS k(asset_key)
CROSS JOIN LATERAL (
    SELECT id, timestamp, partition FROM event_logs
    WHERE asset_key = k.asset_key AND dagster_event_type = %(type)s AND partition IS NOT NULL
    ORDER BY partition DESC, id DESC LIMIT 1
) AS e
"""
LAST_OF_EACH = """
SELECT k.asset_key, k.partition, e.id, extract(epoch FROM e.timestamp)::float8
FROM unnest(%(keys)s::text[], %(partitions)s::text[]) AS k(asset_key, partition)
CROSS JOIN LATERAL (
    SELECT id, timestamp FROM event_logs
    WHERE asset_key = k.asset_key AND dagster_event_type = %(type)s AND partition = k.partition
    ORDER BY id DESC LIMIT 1
) AS e
"""


@dataclass
class Known:
    """What is known of an asset with a policy; a moment is `[seconds since 1970, event id]`.

    Attributes:
        shape: How it is partitioned; where that changes, everything is looked up anew.
        last: Of any materialisation.
        newest: The newest partition by time that was ever materialised.
        newest_last: Its last materialisation.
        each: The last materialisation of each static partition.
        reported: Dagster's own state, as a number.
        reported_id: The event of that.
    """

    shape: str
    last: list[float] | None = None
    newest: str | None = None
    newest_last: list[float] | None = None
    each: dict[str, list[float]] = field(default_factory=dict)
    reported: int | None = None
    reported_id: int = 0


class FreshnessCollector:
    """Judges every asset that has a policy.

    Args:
        database: Dagster's.
        workspace: Has the policies.
        now: Seconds since 1970.
        clock: Seconds that only grow.
    """

    name = "freshness"

    def __init__(
        self,
        database: Database,
        workspace: Workspace,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._workspace = workspace
        self._now = now
        # No look-back: what came before is looked up by the index of assets, however long ago it was.
        self._make_tail = lambda: Tail(TYPES, Window(0, 0), clock)
        self.restore(None)

    def poll(self) -> Samples:
        """Take in what is new, and judge.

        Raises:
            psycopg2.Error: The database does not answer.
        """
        judged = {key: asset for key, asset in self._workspace.now.assets.items() if asset.policy}
        unreadable = 0
        with self._database.snapshot(self.name) as view:
            if not self.tail.started:
                self.tail.start(view, self._now())
            for event in self.tail.read(view):
                try:
                    self._take(event, judged)
                except UnreadableError:
                    unreadable += 1
            for key in set(self._known) - set(judged):
                del self._known[key]
            new = [asset for key, asset in judged.items() if self._shape(asset) != self._known_shape(key)]
            if new:
                self._look_up(view, new)
        samples = self._samples(judged.values())
        samples.unreadable = unreadable
        return samples

    def _take(self, event: Event, judged: Mapping[str, Asset]) -> None:
        if event.type == CHANGED:
            key, state = freshness_state(event.body)
            known = self._known.get(key)
            if known is not None and event.id > known.reported_id:
                known.reported, known.reported_id = FRESHNESS_STATES.get(state), event.id
            return
        key = asset_of(event.asset_key) or ""
        known = self._known.get(key)
        if known is None or key not in judged:
            return
        if event.type == WIPED:
            del self._known[key]
        else:
            _materialize(known, judged[key], event.partition, [event.timestamp, event.id])

    def _look_up(self, view: View, assets: list[Asset]) -> None:
        by_column = {column_of(asset.key): asset for asset in assets}
        for asset in assets:
            self._known[asset.key] = Known(self._shape(asset))
        keys = list(by_column)
        newest = [
            key
            for key, asset in by_column.items()
            if asset.partitions and asset.partitions.kind == "TIME_WINDOW" and sorts_as_text(asset.partitions)
        ]
        each = [
            (key, partition)
            for key, asset in by_column.items()
            if asset.partitions and key not in newest
            for partition in (asset.partitions.keys or asset.partitions.newest)
        ]
        found = view.read(LAST, {"keys": keys, "type": MATERIALIZED, "body": False})
        if newest:
            found += view.read(LAST_OF_NEWEST, {"keys": newest, "type": MATERIALIZED})
        if each:
            columns, partitions = zip(*each, strict=True)
            given = {"keys": list(columns), "partitions": list(partitions), "type": MATERIALIZED}
            found += view.read(LAST_OF_EACH, given)
        for column, partition, event_id, timestamp, *_ in found:
            asset = by_column[column]
            _materialize(self._known[asset.key], asset, partition, [timestamp, event_id])
        for column, _, event_id, _, body in view.read(LAST, {"keys": keys, "type": CHANGED, "body": True}):
            known = self._known[by_column[column].key]
            with suppress(UnreadableError):  # or it would be looked up, and fail, at every poll
                known.reported, known.reported_id = FRESHNESS_STATES.get(freshness_state(body)[1]), event_id

    def _shape(self, asset: Asset) -> str:
        found = asset.partitions
        return "" if found is None else f"{found.kind} {found.format} {','.join(found.keys)}"

    def _known_shape(self, key: str) -> str | None:
        known = self._known.get(key)
        return None if known is None else known.shape

    def _samples(self, assets: Iterable[Asset]) -> Samples:
        samples, now = Samples(self.name), self._now()
        for asset in assets:
            known, policy = self._known[asset.key], asset.policy
            if policy is None:
                continue
            samples.set("dagster_asset_freshness_window_seconds", [asset.key, "fail"], policy.fail_seconds)
            if policy.warn_seconds is not None:
                samples.set("dagster_asset_freshness_window_seconds", [asset.key, "warn"], policy.warn_seconds)
            if known.reported is not None:
                samples.set("dagster_asset_freshness_reported_state", [asset.key], known.reported)
            partitions = asset.partitions.keys if asset.partitions else ()
            counted = [_counts(known, asset)] if not partitions else [known.each.get(one) for one in partitions]
            moments = [one[0] if one is not None else None for one in counted]
            states = [_state(policy, moment, now) for moment in moments]
            samples.set("dagster_asset_freshness_state", [asset.key], FRESHNESS_STATES[_worst(states)])
            deadlines = [end for one in moments if one is not None and (end := _deadline(policy, one)) is not None]
            if deadlines:
                samples.set("dagster_asset_freshness_deadline_timestamp_seconds", [asset.key], min(deadlines))
            if partitions:
                for state in FRESHNESS_STATES:
                    samples.set("dagster_asset_freshness_partitions", [asset.key, state], states.count(state))
        return samples

    def dump(self) -> dict[str, Any]:
        """Cursors, and what is known of each asset."""
        return {"tail": self.tail.dump(), "known": {key: vars(one) for key, one in self._known.items()}}

    def restore(self, dumped: Mapping[str, Any] | None) -> None:
        """Take up what was dumped; nothing is a cold start."""
        self.tail = self._make_tail()
        self._known: dict[str, Known] = {}
        if dumped:
            self.tail.restore(dumped["tail"])
            self._known = {key: Known(**values) for key, values in dumped["known"].items()}


def _materialize(known: Known, asset: Asset, partition: str | None, moment: list[float]) -> None:
    known.last = _later(known.last, moment)
    if partition is None or asset.partitions is None:
        return
    if asset.partitions.kind == "STATIC":
        known.each[partition] = _later(known.each.get(partition), moment)
    elif asset.partitions.kind == "TIME_WINDOW":
        start = partition_start(partition, asset.partitions)
        before = partition_start(known.newest, asset.partitions) if known.newest else None
        if start is None or (before is not None and start < before):
            return
        if known.newest != partition:
            known.newest, known.newest_last = partition, None
        known.newest_last = _later(known.newest_last, moment)


def _later(known: list[float] | None, moment: list[float]) -> list[float]:
    return known if known is not None and known[1] > moment[1] else moment


def _counts(known: Known, asset: Asset) -> list[float] | None:
    """The moment whose age counts. A partition by time counts until the one after it is due, and no later."""
    if asset.partitions is None or asset.partitions.kind != "TIME_WINDOW":
        return known.last
    if known.newest is None or known.newest_last is None:
        return None
    due = next_due(known.newest, asset.partitions)
    timestamp, event_id = known.newest_last
    return [timestamp if due is None else min(timestamp, due), event_id]


def _deadline(policy: Policy, moment: float) -> float | None:
    """When the policy fails: for a cron the first deadline before which this materialisation was too early."""
    if policy.cron:
        return next_tick([policy.cron], policy.timezone, moment + policy.fail_seconds)
    return moment + policy.fail_seconds


def _state(policy: Policy, moment: float | None, now: float) -> str:
    if moment is None:
        return "unknown"
    deadline = _deadline(policy, moment)
    if deadline is not None and deadline <= now:
        return "fail"
    return "warn" if policy.warn_seconds is not None and now >= moment + policy.warn_seconds else "pass"


def _worst(states: list[str]) -> str:
    return next((one for one in ("fail", "unknown", "warn") if one in states), "pass")
