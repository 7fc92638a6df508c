"""Assets: when they were materialised, observed, when they failed, the numbers that they said, and how far steps are.

What belongs here: events of assets. What does not: whether that is fresh (`freshness`), and partitions (`partitions`).

`asset_keys` has a timestamp of the last materialisation that observations and plans move too, so a failing asset would
look fresh. It is read once, for its keys; the last events are found by the index of assets.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from millrace_exporter.definitions import Workspace
from millrace_exporter.events.bodies import ROW_COUNT, UnreadableError, asset_of, numbers
from millrace_exporter.events.plans import ENDS, Plans
from millrace_exporter.events.progress import ETA, KEYS, ROWS, SHARE, Progress
from millrace_exporter.events.tail import Event, Tail, Window
from millrace_exporter.families import METADATA_KEYS
from millrace_exporter.samples import Samples
from millrace_exporter.sources.database import Database, View

MATERIALIZED, PLANNED = "ASSET_MATERIALIZATION", "ASSET_MATERIALIZATION_PLANNED"
OBSERVED, WIPED = "ASSET_OBSERVATION", "ASSET_WIPED"
TYPES = {MATERIALIZED: True, PLANNED: False, OBSERVED: True, WIPED: False, **dict.fromkeys(ENDS, False)}

LAST_OF_ALL = """
SELECT k.asset_key, e.type, e.id, extract(epoch FROM e.timestamp)::float8
FROM asset_keys AS k
CROSS JOIN unnest(%(types)s::text[]) AS t(type)
CROSS JOIN LATERAL (
    SELECT t.type, id, timestamp FROM event_logs
    WHERE asset_key = k.asset_key AND dagster_event_type = t.type ORDER BY id DESC LIMIT 1
) AS e
LIMIT %(most)s
"""
_MOST_ASSETS = 20_000


@dataclass
class AssetState:
    """What is known of an asset; timestamps in seconds since 1970, with the id of their event."""

    materialized: list[float] | None = None
    observed: list[float] | None = None
    failed: list[float] | None = None
    materializations: int = 0
    failures: int = 0
    values: dict[str, float] = field(default_factory=dict)
    values_id: int = 0


class AssetsCollector:
    """Follows assets.

    Args:
        database: Dagster's.
        workspace: Names the assets that are there though nothing ever happened to them.
        window: How far a cold start looks back.
        metadata_keys: Keys of metadata that become metrics.
        now: Seconds since 1970.
        clock: Seconds that only grow.
    """

    name = "assets"

    def __init__(
        self,
        database: Database,
        workspace: Workspace,
        window: Window,
        metadata_keys: tuple[str, ...] = tuple(METADATA_KEYS),
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._workspace = workspace
        self._keys = {*metadata_keys, ROW_COUNT}
        self._now = now
        self._make_tail = lambda: Tail(TYPES, window, clock)
        self.restore(None)

    def poll(self) -> Samples:
        """Take in what is new.

        Raises:
            psycopg2.Error: The database does not answer.
        """
        unreadable = 0
        with self._database.snapshot(self.name) as view:
            if not self.tail.started:
                self.tail.start(view, self._now())
                self._look_up(view)
            for event in self.tail.read(view):
                unreadable += self._take(event)
        for missing in self.plans.settle(self.tail.snapshot):
            for key in missing.items:
                state = self._assets.setdefault(key, AssetState())
                state.failed = _later(state.failed, missing.timestamp, missing.event_id)
                state.failures += missing.event_id > self.tail.baseline
        samples = self._samples()
        samples.unreadable = unreadable
        return samples

    def _look_up(self, view: View) -> None:
        """The last materialisation and observation of every asset, however long ago."""
        for column, kind, event_id, timestamp in view.read(
            LAST_OF_ALL, {"types": [MATERIALIZED, OBSERVED], "most": _MOST_ASSETS}
        ):
            state = self._assets.setdefault(asset_of(column) or "", AssetState())
            if kind == MATERIALIZED:
                state.materialized = [timestamp, event_id]
            else:
                state.observed = [timestamp, event_id]

    def _take(self, event: Event) -> bool:
        """Take in an event; true if its body could not be read."""
        key = asset_of(event.asset_key)
        if event.type in ENDS:
            self.plans.end(event, self.tail.snapshot)
            self.progress.end(event.run_id)
        elif key is None:
            return False
        elif event.type == PLANNED:
            self.plans.plan(event.run_id, key)
        elif event.type == WIPED:
            self._wipe(key, event.id)
        elif event.type == OBSERVED:
            state = self._assets.setdefault(key, AssetState())
            state.observed = _later(state.observed, event.timestamp, event.id)
            return self._progress(key, event)
        else:
            return self._materialize(key, event)
        return False

    def _progress(self, key: str, event: Event) -> bool:
        try:
            self.progress.say(key, event, numbers(event.body, KEYS))
        except UnreadableError:
            return True
        return False

    def _materialize(self, key: str, event: Event) -> bool:
        self.plans.do(event.run_id, key)
        self.progress.materialize(key, event)
        state = self._assets.setdefault(key, AssetState())
        state.materialized = _later(state.materialized, event.timestamp, event.id)
        state.materializations += event.id > self.tail.baseline
        if event.id < state.values_id:
            return False
        state.values_id, state.values = event.id, {}
        try:
            state.values = numbers(event.body, self._keys)
        except UnreadableError:
            return True
        return False

    def _wipe(self, key: str, event_id: int) -> None:
        """Somebody removed the asset's events; those after that stay."""
        state = self._assets.get(key)
        if state is not None and (state.materialized is None or state.materialized[1] < event_id):
            del self._assets[key]

    def _samples(self) -> Samples:
        samples, definitions = Samples(self.name), self._workspace.now
        for key, state in self._assets.items():
            if not definitions.shows(key):
                continue
            for family, moment in (
                ("dagster_asset_last_materialization_timestamp_seconds", state.materialized),
                ("dagster_asset_last_observation_timestamp_seconds", state.observed),
                ("dagster_asset_last_failure_timestamp_seconds", state.failed),
            ):
                if moment is not None:
                    samples.set(family, [key], moment[0])
            samples.set("dagster_asset_materializations_total", [key], state.materializations)
            samples.set("dagster_asset_failures_total", [key], state.failures)
            for name, value in state.values.items():
                if name == ROW_COUNT:
                    samples.set("dagster_asset_rows", [key], value)
                else:
                    samples.set("dagster_asset_metadata_value", [key, name], value)
        for key, word in self.progress.going_on(self._now()):
            if definitions.shows(key):
                _progress_samples(samples, key, word.timestamp, word.values)
        for family in ("dagster_asset_materializations_total", "dagster_asset_failures_total"):
            samples.seed(family, [[key] for key in definitions.assets if key not in self._assets])
        return samples

    def dump(self) -> dict[str, Any]:
        """Cursors, counters, plans."""
        return {
            "tail": self.tail.dump(),
            "plans": self.plans.dump(),
            "progress": self.progress.dump(),
            "assets": {key: list(vars(state).values()) for key, state in self._assets.items()},
        }

    def restore(self, dumped: Mapping[str, Any] | None) -> None:
        """Take up what was dumped; nothing is a cold start."""
        self.tail = self._make_tail()
        self.plans = Plans()
        self.progress = Progress()
        self._assets: dict[str, AssetState] = {}
        if dumped:
            self.tail.restore(dumped["tail"])
            self.plans.restore(dumped["plans"])
            self.progress.restore(dumped.get("progress", {}))
            self._assets = {key: AssetState(*values) for key, values in dumped["assets"].items()}


def _progress_samples(samples: Samples, key: str, said: float, values: Mapping[str, float]) -> None:
    if ROWS in values:
        samples.set("dagster_asset_progress_rows", [key], values[ROWS])
    if SHARE in values:
        samples.set("dagster_asset_progress_share", [key], values[SHARE])
    if ETA in values:
        samples.set("dagster_asset_progress_expected_end_timestamp_seconds", [key], said + values[ETA])


def _later(known: list[float] | None, timestamp: float, event_id: int) -> list[float]:
    """The one of the later event: ids follow the order of events, also where a clock was set back."""
    return known if known is not None and known[1] > event_id else [timestamp, event_id]
