"""Every metric family of the exporter, declared once: one table, and so more than 400 lines.

What belongs here: what a family is called, carries and means. What does not: where its values come from (`collectors`).

The standard library only: the exporter builds its families from this table, `docs/metrics.md` is rendered from it, and
who compiles alerts and dashboards checks names and labels against it, without installing what the exporter needs.

    from millrace_exporter.families import FAMILIES, exposed_names

A series that is absent and a series that is 0 say different things in every family; `zero` says which.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Kind = Literal["gauge", "counter", "histogram", "info"]


@dataclass(frozen=True)
class Family:
    """One metric family.

    Attributes:
        name: As it is exposed, in base units; a histogram's without `_bucket`, `_sum` and `_count`.
        kind: Type.
        labels: Names of its labels, in order.
        help: What it says, with its unit; one line.
        zero: What 0 means, and what it means that the series is absent.
        blind: What it does not see.
        alert: How to alert on it, or why not to.
        collector: Who fills it, the key of `COLLECTORS`.
        cap: Most series (label sets); more are dropped and counted.
        buckets: Upper bounds of a histogram, in its unit, without +Inf.
        seeded: Values of labels that are there from the start, by label, so that 0 differs from "not reporting".
        closed: Other labels that have no values but these, by label; seeded ones have none but theirs either. An
            expression that asks for another one is refused.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    zero: str
    blind: str
    alert: str
    collector: str
    cap: int
    buckets: tuple[float, ...] = ()
    seeded: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    closed: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def values(self) -> Mapping[str, tuple[str, ...]]:
        """Every value of the labels that have a closed set, by label."""
        return {**self.seeded, **self.closed}


# Who fills families, and how often it polls by default, in seconds.
COLLECTORS: Mapping[str, float] = MappingProxyType(
    {
        "runs": 5,
        "assets": 5,
        "checks": 5,
        "freshness": 5,
        "instigators": 5,
        "daemons": 5,
        "backfills": 15,
        "pools": 15,
        "workspace": 15,
        "code_servers": 15,
        "partitions": 30,
        "containers": 15,
        "neo4j": 30,
        "iceberg": 60,
        "object_store": 30,
        "storage": 60,
        "exporter": 5,
    }
)

# Metadata of a materialisation that is a metric unless EXPORTER_METADATA_KEYS names others, and its meaning.
METADATA_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "seconds": "time of the step",
        "rows_per_second": "rows written, by that time",
        "peak_memory_bytes": "largest resident memory of the step's process",
        "removed_share": "0 to 1: rows that came in and were not written, whether rejected, merged or selected",
        "quality_score": "0 to 1: rows that came in and were not rejected, times cells that went out with a value",
        "source_success_rate": "0 to 1: of the step's requests to an outside source, those that were answered",
        "source_error_rate": "0 to 1: those that were not",
        "source_response_seconds": "mean time of such a request",
    }
)
IN_FLIGHT = ("not_started", "queued", "starting", "started", "canceling")
ENDED = ("success", "failure", "canceled")
INSTIGATORS = ("schedule", "sensor", "auto_materialize")
TICKS = ("success", "skipped", "failure")
CHECK_RESULTS = ("passed", "failed", "error")
SEVERITIES = ("error", "warn")
BLOCKING = ("true", "false")
FRESHNESS_LEVELS = ("warn", "fail")
FRESHNESS_STATES: Mapping[str, int] = MappingProxyType({"pass": 0, "warn": 1, "fail": 2, "unknown": 3})
PARTITION_STATES = ("materialized", "failed", "materializing", "missing")
BACKFILLS = ("asset", "job")
BACKFILL_STATES = ("in_progress", "success", "failure", "canceled")
SLOTS = ("claimed", "free")
REQUESTS = ("running", "queued", "limit")
INDEX_STATES = ("online", "populating", "failed")
PROBES = ("put", "get", "delete")

_LOCATION = ("code_location",)
_JOB = ("code_location", "job_name")
_INSTIGATOR = ("code_location", "name", "type")
_ASSET = ("asset_key",)
_CONTAINER = ("name", "service", "run_job")
_TABLE = ("namespace", "table")

_JOBS = 500
_ASSETS = 2200  # in all locations; with more the process leaves the 256 MiB that it is held to: benchmarks/exporter.py
_CONTAINERS = 200
_TABLES = 1000

_SHORT = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)
_LONG = (5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200)

_SINCE = "It counts from the exporter's cold start on; what the look-back found is not counted."
_LATEST = "An event whose transaction commits later than the overlap after its neighbours is missed."


def _values(**values: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType(values)


_RUNS = (
    Family(
        "dagster_runs_in_flight",
        "gauge",
        (*_JOB, "status"),
        "Runs that have not ended, by status.",
        "0: the job is known and has none in that status. Absent: nobody knows the job.",
        "A run whose process died counts until Dagster's run monitoring notices.",
        "On queued for long, together with the timestamp of the oldest; a number alone says little.",
        "runs",
        _JOBS * len(IN_FLIGHT),
        seeded=_values(status=IN_FLIGHT),
    ),
    Family(
        "dagster_runs_oldest_in_status_timestamp_seconds",
        "gauge",
        (*_JOB, "status"),
        "When the run that is longest in a status came into it, seconds since 1970.",
        "Absent: there is no run in that status. 0 does not occur.",
        "Where the event of the change lies before the look-back: when the run was created, or started.",
        "time() - it, on queued and starting; on started compared with the expected duration.",
        "runs",
        _JOBS * len(IN_FLIGHT),
        closed=_values(status=IN_FLIGHT),
    ),
    Family(
        "dagster_runs_completed_total",
        "counter",
        (*_JOB, "status"),
        "Runs that ended, by how; exemplars carry the run's id.",
        "0: known job, none ended so since the exporter's cold start. Absent: unknown job without runs.",
        f"{_SINCE} {_LATEST} A run that was deleted before the poll is missed.",
        "increase() of failure above 0; the ratio of failure to all for rates.",
        "runs",
        _JOBS * len(ENDED),
        seeded=_values(status=ENDED),
    ),
    Family(
        "dagster_run_retries_total",
        "counter",
        (*_JOB, "status"),
        "Runs that ended and were retries of another run, by how; counted in dagster_runs_completed_total too.",
        "0: none since the exporter's cold start.",
        f"{_SINCE} Retries of a step inside of a run are not seen.",
        "A rate for storms.",
        "runs",
        _JOBS * len(ENDED),
        seeded=_values(status=ENDED),
    ),
    Family(
        "dagster_run_duration_seconds",
        "histogram",
        (*_JOB, "status"),
        "From a run's start to its end, seconds.",
        "Absent: none ended so since the exporter's cold start.",
        f"{_SINCE} A run that failed before it started has no duration.",
        "Rather compare a running one with dagster_job_expected_duration_seconds: this one only knows what ended.",
        "runs",
        _JOBS * len(ENDED),
        buckets=_LONG,
        closed=_values(status=ENDED),
    ),
    Family(
        "dagster_run_queue_wait_seconds",
        "histogram",
        (*_JOB, "status"),
        "From a run's queueing to its leaving the queue, seconds; observed when the run ends.",
        "Absent: none ended so since the exporter's cold start.",
        f"{_SINCE} Runs that did not pass the queue, or were queued before the look-back, are not in it.",
        "For trends; an alert on the oldest queued run is faster.",
        "runs",
        _JOBS * len(ENDED),
        buckets=_SHORT,
        closed=_values(status=ENDED),
    ),
    Family(
        "dagster_run_start_seconds",
        "histogram",
        (*_JOB, "status"),
        "From a run's launch to its start: container, imports; seconds; observed when the run ends.",
        "Absent: none ended so since the exporter's cold start.",
        f"{_SINCE} Runs that were launched before the look-back are not in it.",
        "For trends; an alert on the oldest starting run is faster.",
        "runs",
        _JOBS * len(ENDED),
        buckets=_SHORT,
        closed=_values(status=ENDED),
    ),
    Family(
        "dagster_job_last_run_timestamp_seconds",
        "gauge",
        _JOB,
        "When the job's last run ended in success or failure, seconds since 1970.",
        "Absent: none ended within the look-back. 0 does not occur.",
        "Runs older than the look-back at a cold start. Canceled runs do not count.",
        "For jobs without a schedule; for schedules the expected tick is exact.",
        "runs",
        _JOBS,
    ),
    Family(
        "dagster_job_last_success_timestamp_seconds",
        "gauge",
        _JOB,
        "When the job last ended in success, seconds since 1970.",
        "Absent: it did not within the look-back and its last 50 ends. 0 does not occur.",
        "Runs older than the look-back at a cold start.",
        "For jobs that must succeed: time() - (it or dagster_job_known_since_timestamp_seconds).",
        "runs",
        _JOBS,
    ),
    Family(
        "dagster_job_known_since_timestamp_seconds",
        "gauge",
        _JOB,
        "When the exporter first saw that a location defines the job, seconds since 1970; restarts keep it.",
        "Absent: no location defines it. 0 does not occur.",
        "A job that is older than the exporter's cold start is known since that.",
        "In place of a moment that has not come yet: a job that never ran has no last run.",
        "runs",
        _JOBS,
    ),
    Family(
        "dagster_job_last_run_success",
        "gauge",
        _JOB,
        "1 if the job's last run that was not canceled succeeded, 0 if it failed.",
        "0: it failed. Absent: none ended within the look-back.",
        "A failed check does not fail a run: see dagster_asset_check_status.",
        "== 0: 'job failed', which resolves with the next success.",
        "runs",
        _JOBS,
    ),
    Family(
        "dagster_job_consecutive_failures",
        "gauge",
        _JOB,
        "Failures since the job's last success, at most 50.",
        "0: the last run succeeded. Absent: none ended within the look-back.",
        "Failures before the look-back.",
        "A ladder: 1 warns, 3 calls.",
        "runs",
        _JOBS,
    ),
    Family(
        "dagster_job_expected_duration_seconds",
        "gauge",
        _JOB,
        "Median duration of the job's last successes, at least 3 and at most 20 of them, seconds.",
        "Absent: fewer than 3 are known. 0 does not occur.",
        "A job whose work differs widely from run to run.",
        "As the threshold of a running one: time() - oldest started > 3 * it.",
        "runs",
        _JOBS,
    ),
)

_INSTIGATION = (
    Family(
        "dagster_instigator_running",
        "gauge",
        _INSTIGATOR,
        "1 if a schedule or sensor is switched on, 0 if it is not.",
        "0: it is off. Absent: no loaded location defines it.",
        "Whether the daemon evaluates it: see its ticks.",
        "Only for those that must run; multiply others by it.",
        "instigators",
        1000,
        closed=_values(type=INSTIGATORS),
    ),
    Family(
        "dagster_instigator_running_since_timestamp_seconds",
        "gauge",
        _INSTIGATOR,
        "When the exporter first saw it switched on, seconds since 1970; restarts keep it.",
        "Absent: it is off, or no loaded location defines it. 0 does not occur.",
        "On for longer than the exporter's cold start: since that. Off and on again between two polls is not seen.",
        "In place of a last tick that has not come yet, or that is older than it.",
        "instigators",
        1000,
        closed=_values(type=INSTIGATORS),
    ),
    Family(
        "dagster_instigator_last_tick_timestamp_seconds",
        "gauge",
        (*_INSTIGATOR, "status"),
        "When the last tick with that result was due, seconds since 1970.",
        "Absent: none with that result within the look-back. 0 does not occur.",
        "A tick that goes on has no result yet.",
        "Sensors: time() - max by (name) of it and the time since it is on, against its interval; where running.",
        "instigators",
        1000 * len(TICKS),
        closed=_values(type=INSTIGATORS, status=TICKS),
    ),
    Family(
        "dagster_instigator_ticks_total",
        "counter",
        (*_INSTIGATOR, "status"),
        "Ticks that ended, by result.",
        "0: known instigator, none since the exporter's cold start. Absent: nobody defines it.",
        f"{_SINCE} A tick that Dagster's own retention removed while it went on is missed.",
        "increase() of failure above 0.",
        "instigators",
        1000 * len(TICKS),
        seeded=_values(status=TICKS),
        closed=_values(type=INSTIGATORS),
    ),
    Family(
        "dagster_schedule_expected_tick_timestamp_seconds",
        "gauge",
        ("code_location", "name"),
        "The first tick by the schedule's cron after its last one, seconds since 1970; ahead of now while all is well.",
        "Absent: the schedule is off, or has not ticked and was switched on before the look-back. 0 does not occur.",
        "Custom execution functions that skip are ticks too.",
        "time() - it > a few minutes: the tick was missed.",
        "instigators",
        1000,
    ),
    Family(
        "dagster_sensor_min_interval_seconds",
        "gauge",
        ("code_location", "name"),
        "Shortest time between two evaluations of a sensor, as defined, seconds.",
        "Absent: no loaded location defines it.",
        "The daemon may take longer.",
        "No; it is the threshold of others.",
        "instigators",
        1000,
    ),
)

_DAEMONS = (
    Family(
        "dagster_daemon_last_heartbeat_timestamp_seconds",
        "gauge",
        ("daemon_type",),
        "When a daemon last wrote its heartbeat, which it does every 30 s, seconds since 1970.",
        "Absent: it never did. 0 does not occur.",
        "A daemon that beats and does no work: see ticks and the queue.",
        "time() - it > 180: an idle daemon's was up to 62 s old. Dagster's own 'healthy' tolerates 30 minutes.",
        "daemons",
        30,
    ),
    Family(
        "dagster_daemon_required",
        "gauge",
        ("daemon_type",),
        "1 if the instance is configured so that this daemon must run, else 0.",
        "0: it need not run. Absent: the webserver has not said yet.",
        "It is what the webserver says; the last answer stays while it is away.",
        "1 without a heartbeat: it was never started.",
        "daemons",
        30,
    ),
    Family(
        "dagster_backfills_in_progress",
        "gauge",
        ("kind",),
        "Backfills that have not ended, of assets or of a job.",
        "0: none. Always there.",
        "One that is in the middle of being canceled counts.",
        "No; on the oldest one.",
        "backfills",
        2,
        seeded=_values(kind=BACKFILLS),
    ),
    Family(
        "dagster_backfill_partitions",
        "gauge",
        ("kind", "state"),
        "Runs of the backfills that have not ended, by state.",
        "0: none. Always there.",
        "A run stands for a partition; with one run for a whole backfill it is one. What has no run yet is not seen.",
        "On failure above 0.",
        "backfills",
        8,
        seeded=_values(kind=BACKFILLS, state=BACKFILL_STATES),
    ),
    Family(
        "dagster_backfill_oldest_timestamp_seconds",
        "gauge",
        ("kind",),
        "When the oldest backfill that has not ended was asked for, seconds since 1970.",
        "Absent: there is none. 0 does not occur.",
        "A stalled one is told from a long one only by its partitions.",
        "time() - it, with no change of the ended partitions.",
        "backfills",
        2,
        closed=_values(kind=BACKFILLS),
    ),
    Family(
        "dagster_pool_slots",
        "gauge",
        ("pool", "state"),
        "Slots of a concurrency pool, claimed and free.",
        "0: none in that state. Absent: the pool has no limit in the database.",
        "A pool that only has the default limit and was never used.",
        "free == 0 for long while steps are pending.",
        "pools",
        400,
        seeded=_values(state=SLOTS),
    ),
    Family(
        "dagster_pool_pending_steps",
        "gauge",
        ("pool",),
        "Steps that wait for a slot of a pool.",
        "0: none waits. Absent: the pool has no limit in the database.",
        "Steps of runs that wait in the queue.",
        "Above 0 for long.",
        "pools",
        200,
    ),
)

_LOCATIONS = (
    Family(
        "dagster_code_location_loaded",
        "gauge",
        _LOCATION,
        "1 if the webserver has loaded the location, 0 if loading ended in an error.",
        "0: it is broken; what it defined stays in other families. Absent: not in the workspace.",
        "A location that hangs: its last good state is kept. See dagster_code_server_up.",
        "== 0 for a minute.",
        "workspace",
        100,
    ),
    Family(
        "dagster_code_server_up",
        "gauge",
        _LOCATION,
        "1 if the location's gRPC server answers a ping, else 0.",
        "0: it does not answer within the timeout.",
        "Whether its code is current.",
        "== 0 for a minute.",
        "code_servers",
        100,
    ),
    Family(
        "dagster_code_server_ping_seconds",
        "gauge",
        _LOCATION,
        "Time until the ping was answered, seconds; it queues behind other requests.",
        "Absent: it was not answered.",
        "One ping in fifteen seconds.",
        "Above 1 for minutes: saturated.",
        "code_servers",
        100,
    ),
    Family(
        "dagster_code_server_requests",
        "gauge",
        ("code_location", "state"),
        "Requests that a code server works on and that wait, and how many it works on at most.",
        "0: none. Absent: the server was started without --enable-metrics, or does not answer.",
        "Between two pings.",
        "queued above 0, or running near limit, for minutes.",
        "code_servers",
        300,
        closed=_values(state=REQUESTS),
    ),
    Family(
        "dagster_code_server_memory_bytes",
        "gauge",
        _LOCATION,
        "Memory of a code server's container, as the server reads it, bytes.",
        "Absent: the server was started without --enable-metrics, cannot read it, or does not answer.",
        "Its runs, which have containers of their own.",
        "Rather on the container's working set.",
        "code_servers",
        100,
    ),
)

_ASSET_FAMILIES = (
    Family(
        "dagster_asset_info",
        "info",
        ("asset_key", "group", "code_location", "owner", "kind"),
        "What an asset is; several owners or kinds stand in one label with commas between.",
        "Always 1. Absent: no location defines it. A location that does not load keeps its assets.",
        "Assets that only ever were reported from outside and are defined nowhere.",
        "No; to join: * on (asset_key) group_left (owner).",
        "workspace",
        _ASSETS,
    ),
    Family(
        "dagster_asset_last_materialization_timestamp_seconds",
        "gauge",
        _ASSET,
        "When the asset was last materialised, any partition of it, seconds since 1970.",
        "Absent: never. 0 does not occur.",
        "Observations and planned materialisations do not move it, though they move Dagster's asset_keys.",
        "Rather on freshness, which knows partitions and the policy.",
        "assets",
        _ASSETS,
    ),
    Family(
        "dagster_asset_last_observation_timestamp_seconds",
        "gauge",
        _ASSET,
        "When the asset was last observed, seconds since 1970.",
        "Absent: never. 0 does not occur.",
        "What was observed: a long step that says how far it is observes its asset too.",
        "For external assets with an observation schedule.",
        "assets",
        _ASSETS,
    ),
    Family(
        "dagster_asset_last_failure_timestamp_seconds",
        "gauge",
        _ASSET,
        "When a run failed that had planned the asset and not materialised it, seconds since 1970.",
        "Absent: not within the look-back. 0 does not occur.",
        "What lay behind the failing step counts too: it was planned and is not there.",
        "Above the last materialisation: the asset is failing now.",
        "assets",
        _ASSETS,
    ),
    Family(
        "dagster_asset_materializations_total",
        "counter",
        _ASSET,
        "Materialisations, each partition one.",
        "0: known asset, none since the exporter's cold start. Absent: unknown or wiped.",
        f"{_SINCE} {_LATEST}",
        "For rates.",
        "assets",
        _ASSETS,
    ),
    Family(
        "dagster_asset_failures_total",
        "counter",
        _ASSET,
        "Failed runs that had planned the asset and not materialised it.",
        "0: known asset, none since the exporter's cold start.",
        f"{_SINCE} Told one poll after the run's failure, when nothing that came before can still appear.",
        "increase() above 0.",
        "assets",
        _ASSETS,
    ),
    Family(
        "dagster_asset_rows",
        "gauge",
        _ASSET,
        "dagster/row_count of the last materialisation.",
        "0: it has no rows. Absent: it does not say, or not within the look-back.",
        "With partitions it is the last one written, whichever that is.",
        "Low volume: against its own avg_over_time.",
        "assets",
        _ASSETS,
    ),
    Family(
        "dagster_asset_metadata_value",
        "gauge",
        ("asset_key", "key"),
        "A number in the metadata of the last materialisation; only allowed keys: "
        + "; ".join(f"{key} ({meaning})" for key, meaning in METADATA_KEYS.items()),
        "0: the value is 0. Absent: it does not say, or not within the look-back.",
        "Keys that EXPORTER_METADATA_KEYS does not name; alerts and dashboards may only ask for those that it names if "
        "it is not set. quality_score: only stages that the kit stores have one, and an empty text, an empty list or a "
        "wrong value counts as a value.",
        "Performance: seconds or rows_per_second against its own history; quality_score against its own too.",
        "assets",
        _ASSETS * len(METADATA_KEYS),
        closed=_values(key=tuple(METADATA_KEYS)),
    ),
    Family(
        "dagster_asset_progress_rows",
        "gauge",
        _ASSET,
        "Rows of its input that the step which is making the asset has done.",
        "Absent: no step is making it, or none that says how far it is. 0: it has begun.",
        "A step says so every 15 seconds between two chunks, and not at all if it takes less. When its asset is "
        "materialised or its run ended it is gone; a run that was deleted while it went on is, after an hour.",
        "No rise for long while the series is there: the step hangs, or a chunk is very slow.",
        "assets",
        _ASSETS,
    ),
    Family(
        "dagster_asset_progress_share",
        "gauge",
        _ASSET,
        "Share of its input that the step which is making the asset has done, 0 to 1.",
        "Absent: as dagster_asset_progress_rows, or its input's size is not known beforehand.",
        "As dagster_asset_progress_rows. Reading its input to the end is 1; the asset is written after that.",
        "No; a panel.",
        "assets",
        _ASSETS,
    ),
    Family(
        "dagster_asset_progress_expected_end_timestamp_seconds",
        "gauge",
        _ASSET,
        "When the step which is making the asset will be done with its input at its speed so far, seconds since 1970.",
        "Absent: as dagster_asset_progress_share.",
        "As dagster_asset_progress_rows. A resumed step's speed is that of its own rows.",
        "it < time() for long: the step has become slower, or hangs.",
        "assets",
        _ASSETS,
    ),
    Family(
        "dagster_asset_partitions",
        "gauge",
        ("asset_key", "state"),
        "Partitions of an asset by state; materialized and missing are all, the others overlap them.",
        "0: none in that state. Absent: the asset has no partitions, or was not touched since the look-back.",
        "An asset is counted again when it was touched, and once an hour.",
        "On failed above 0.",
        "partitions",
        _ASSETS * len(PARTITION_STATES),
        seeded=_values(state=PARTITION_STATES),
    ),
)

_FRESHNESS = (
    Family(
        "dagster_asset_freshness_window_seconds",
        "gauge",
        ("asset_key", "level"),
        "Age at which the policy warns or fails, seconds; a cron policy's fail window is its lower bound.",
        "Absent: the asset has no policy, or its policy no such level.",
        "Policies that a location sets and never loads.",
        "No; the deadline is exact.",
        "freshness",
        _ASSETS * 2,
        closed=_values(level=FRESHNESS_LEVELS),
    ),
    Family(
        "dagster_asset_freshness_deadline_timestamp_seconds",
        "gauge",
        _ASSET,
        "When the asset fails, or failed, its policy unless it is materialised, seconds since 1970.",
        "Absent: no policy, or never materialised. 0 does not occur.",
        "A later materialisation moves it at the next poll.",
        "it < time() is 'stale', also when the exporter's own state is old.",
        "freshness",
        _ASSETS,
    ),
    Family(
        "dagster_asset_freshness_state",
        "gauge",
        _ASSET,
        "0 pass, 1 warn, 2 fail, 3 never materialised; from policy and events, not by Dagster's daemon.",
        "0: fresh. Absent: no policy.",
        "Partitions by time count by the newest one, static ones by the oldest, dynamic ones by any.",
        "== 2 stale, == 1 warning, == 3 never materialised.",
        "freshness",
        _ASSETS,
    ),
    Family(
        "dagster_asset_freshness_reported_state",
        "gauge",
        _ASSET,
        "What Dagster's own freshness daemon said last: 0 pass, 1 warn, 2 fail, 3 unknown.",
        "0: fresh. Absent: it never said anything of the asset, or said that no policy applies.",
        "It stays what it was while that daemon is dead; it knows no partitions.",
        "Differs from dagster_asset_freshness_state for long: one of the two is wrong.",
        "freshness",
        _ASSETS,
    ),
    Family(
        "dagster_asset_freshness_partitions",
        "gauge",
        ("asset_key", "state"),
        "Static partitions of an asset with a policy, by the state of each.",
        "0: none in that state. Absent: no policy, or no static partitions.",
        "Assets with more than 500 static partitions.",
        "To see how many, where the asset's state is not 0.",
        "freshness",
        _ASSETS * len(FRESHNESS_STATES),
        seeded=_values(state=tuple(FRESHNESS_STATES)),
    ),
)

_CHECKS = (
    Family(
        "dagster_asset_check_status",
        "gauge",
        ("asset_key", "check_name", "severity", "blocking"),
        "1 if the check passed when it was last evaluated, 0 if it failed or its run failed before it could be.",
        "0: it failed. Absent: not evaluated within the look-back.",
        "A check that nobody runs any more stays what it was: see its last evaluation.",
        '== 0 with severity="error"; a failed check does not fail its run unless it blocks.',
        "checks",
        _ASSETS * 2,
        closed=_values(severity=SEVERITIES, blocking=BLOCKING),
    ),
    Family(
        "dagster_asset_check_last_evaluation_timestamp_seconds",
        "gauge",
        ("asset_key", "check_name"),
        "When the check was last evaluated, seconds since 1970.",
        "Absent: not within the look-back. 0 does not occur.",
        "An evaluation that was planned and did not come about.",
        "For checks on a schedule of their own.",
        "checks",
        _ASSETS * 2,
    ),
    Family(
        "dagster_asset_check_evaluations_total",
        "counter",
        ("asset_key", "check_name", "severity", "blocking", "result"),
        "Evaluations by result; error: planned in a run that failed before.",
        "0: the check is known, none with that result since the exporter's cold start.",
        f"{_SINCE} {_LATEST}",
        'increase() of result="failed", error and warn apart.',
        "checks",
        _ASSETS * 2 * len(CHECK_RESULTS),
        seeded=_values(result=CHECK_RESULTS),
        closed=_values(severity=SEVERITIES, blocking=BLOCKING),
    ),
)

_STORAGE = (
    Family(
        "dagster_event_cursor_lag_events",
        "gauge",
        ("event_type",),
        "Events that lie behind a collector's cursor and are not taken in yet, at most 10,000.",
        "0: all are taken in. Absent: no collector reads that type.",
        "Where two collectors read a type: the larger lag.",
        "Above 0 for minutes: the exporter does not keep up.",
        "storage",
        40,
    ),
    Family(
        "dagster_storage_relation_bytes",
        "gauge",
        ("relation",),
        "Size of a table of Dagster's database with its indexes, bytes.",
        "0: it is empty.",
        "Free space inside of it.",
        "Growth of event_logs by deriv() over a day.",
        "storage",
        100,
    ),
    Family(
        "dagster_storage_schema_known",
        "gauge",
        ("revision",),
        "1 if Dagster's database has the schema that this exporter was tested with, else 0.",
        "0: the database was migrated by another version; figures may be wrong. Absent: not asked yet.",
        "Changes of the events' bodies, which have no revision.",
        "== 0.",
        "storage",
        5,
    ),
)

_CONTAINER_BLIND = (
    "Containers of other projects. Runs of one job are one series: sums of counters, the fullest of gauges."
)


def _container(name: str, kind: Kind, text: str, zero: str, alert: str, cap: int = _CONTAINERS) -> Family:
    return Family(name, kind, _CONTAINER, text, zero, _CONTAINER_BLIND, alert, "containers", cap)


_CONTAINERS_FAMILIES = (
    _container(
        "container_running",
        "gauge",
        "1 if the container runs, else 0.",
        "0: it ended or never started. Absent: there is no such container.",
        "== 0 for services that must run.",
    ),
    _container(
        "container_healthy",
        "gauge",
        "1 if its health check passes, 0 if it fails.",
        "0: unhealthy. Absent: it has no health check, is starting, or does not run.",
        "== 0 for minutes.",
    ),
    _container(
        "container_start_time_seconds",
        "gauge",
        "When it was started, seconds since 1970.",
        "Absent: it never was.",
        "changes() for restarts by hand.",
    ),
    _container(
        "container_cpu_usage_seconds_total",
        "counter",
        "CPU time, seconds.",
        "0: it used none yet. Absent: it does not run.",
        "rate() against its limit.",
    ),
    _container(
        "container_cpu_cfs_periods_total",
        "counter",
        "Periods in which the CPU limit was enforced.",
        "0: it has no CPU limit, or was idle.",
        "With the throttled ones.",
    ),
    _container(
        "container_cpu_cfs_throttled_periods_total",
        "counter",
        "Periods in which it was held back.",
        "0: never held back.",
        "Above a quarter of all periods for 15 minutes.",
    ),
    _container(
        "container_cpu_cfs_throttled_seconds_total",
        "counter",
        "Time in which it was held back, seconds.",
        "0: never held back.",
        "For the amount.",
    ),
    _container(
        "container_memory_working_set_bytes",
        "gauge",
        "Memory without the page cache that can be given back, bytes; the fullest where several are one series.",
        "Absent: it does not run.",
        "Above 0.9 of the limit.",
    ),
    _container(
        "container_spec_memory_limit_bytes",
        "gauge",
        "Memory limit, bytes.",
        "0: it has none. Absent: there is no such container.",
        "As the threshold of the working set.",
    ),
    _container(
        "container_oom_events_total",
        "counter",
        "Times that the kernel ended it for its memory.",
        "0: never since the exporter's cold start; for runs of a job also if it never ran.",
        "increase() above 0.",
        _CONTAINERS + _JOBS,
    ),
    _container(
        "container_restarts_total",
        "counter",
        "Restarts by the engine.",
        "0: never restarted.",
        "increase() above 2 in 15 minutes.",
    ),
    _container(
        "container_network_receive_bytes_total",
        "counter",
        "Received on all networks, bytes.",
        "Absent: it does not run or has no network.",
        "No.",
    ),
    _container(
        "container_network_transmit_bytes_total",
        "counter",
        "Sent on all networks, bytes.",
        "Absent: it does not run or has no network.",
        "No.",
    ),
    _container(
        "container_fs_reads_bytes_total",
        "counter",
        "Read from disks, bytes.",
        "0: all came from memory, or the kernel does not say.",
        "No.",
    ),
    _container(
        "container_fs_writes_bytes_total",
        "counter",
        "Written to disks, bytes.",
        "0: nothing reached a disk, or the kernel does not say.",
        "No.",
    ),
)


def _neo4j(
    name: str,
    kind: Kind,
    labels: tuple[str, ...],
    text: str,
    zero: str,
    alert: str,
    cap: int = 1,
    blind: str = "Absent while Neo4j does not answer.",
    **rest: Mapping[str, tuple[str, ...]],
) -> Family:
    return Family(name, kind, labels, text, zero, blind, alert, "neo4j", cap, seeded=rest.get("seeded", _values()))


_NEO4J = (
    _neo4j(
        "neo4j_up",
        "gauge",
        (),
        "1 if Neo4j answers over Bolt, else 0.",
        "0: it does not answer. Absent: EXPORTER_NEO4J is empty.",
        "== 0 for a minute.",
        blind="Writes.",
    ),
    _neo4j(
        "neo4j_query_seconds",
        "gauge",
        (),
        "Time of a query that reads nothing, seconds.",
        "Absent: it was not answered.",
        "Above 1 for minutes.",
    ),
    _neo4j(
        "neo4j_heap_used_bytes",
        "gauge",
        (),
        "Heap in use, bytes.",
        "Absent: not answered.",
        "Above 0.9 of the maximum for minutes, after collections.",
    ),
    _neo4j("neo4j_heap_max_bytes", "gauge", (), "Largest heap, bytes.", "Absent: not answered.", "As a threshold."),
    _neo4j(
        "neo4j_gc_collections_total",
        "counter",
        ("gc",),
        "Garbage collections since Neo4j started.",
        "0: none yet.",
        "No.",
        cap=8,
    ),
    _neo4j(
        "neo4j_gc_seconds_total",
        "counter",
        ("gc",),
        "Time in garbage collection since Neo4j started, seconds.",
        "0: none yet.",
        "rate() above 0.1.",
        cap=8,
    ),
    _neo4j(
        "neo4j_transactions_active",
        "gauge",
        (),
        "Transactions that are open, the exporter's own left out.",
        "0: none.",
        "No.",
    ),
    _neo4j(
        "neo4j_transactions_oldest_start_timestamp_seconds",
        "gauge",
        (),
        "When the oldest open transaction began, seconds since 1970.",
        "Absent: none is open.",
        "time() - it above an hour.",
    ),
    _neo4j(
        "neo4j_store_bytes",
        "gauge",
        (),
        "Size of the database's files without its transaction logs, bytes.",
        "Absent: EXPORTER_NEO4J_DATA names no folder.",
        "Growth.",
    ),
    _neo4j(
        "neo4j_nodes",
        "gauge",
        ("label",),
        "Nodes with a label; those of EXPORTER_NEO4J_LABELS, or all up to the cap.",
        "0: the label is allowed and no node has it.",
        "A sudden drop.",
        cap=100,
    ),
    _neo4j(
        "neo4j_relationships",
        "gauge",
        ("type",),
        "Relationships of a type; those of EXPORTER_NEO4J_TYPES, or all up to the cap.",
        "0: the type is allowed and there is none.",
        "A sudden drop.",
        cap=100,
    ),
    _neo4j(
        "neo4j_index_state",
        "gauge",
        ("index", "state"),
        "1 for the state that an index is in, 0 for the others.",
        "0: it is in another state. Absent: there is no such index.",
        'state="failed" == 1, or online == 0 for long.',
        cap=300,
        seeded=_values(state=INDEX_STATES),
    ),
)


def _iceberg(name: str, text: str, zero: str, alert: str, blind: str = "Branches other than main.") -> Family:
    return Family(name, "gauge", _TABLE, text, zero, blind, alert, "iceberg", _TABLES)


_ICEBERG = (
    _iceberg(
        "iceberg_table_rows",
        "Rows of the current snapshot, as its summary says.",
        "0: the table is empty. Absent: no snapshot, or its summary does not say.",
        "Low volume.",
    ),
    _iceberg("iceberg_table_files", "Data files of the current snapshot.", "0: none.", "With the small ones."),
    _iceberg("iceberg_table_bytes", "Size of the current snapshot's files, bytes.", "0: none.", "Growth."),
    _iceberg(
        "iceberg_table_snapshots",
        "Snapshots in the table's metadata.",
        "0: never written.",
        "Growth without bound: nothing expires them.",
    ),
    _iceberg(
        "iceberg_table_last_commit_timestamp_seconds",
        "When the current snapshot was committed, seconds since 1970.",
        "Absent: never written.",
        "time() - it, for tables with a rhythm.",
    ),
    _iceberg(
        "iceberg_table_small_files",
        "Data files below EXPORTER_SMALL_FILE_BYTES in the current snapshot.",
        "0: none. Absent: not counted, the snapshot has too many manifests.",
        "Above some hundred: compact.",
        "Counted when the snapshot has changed.",
    ),
    _iceberg(
        "iceberg_table_delete_files",
        "Delete files of the current snapshot.",
        "0: none.",
        "Above some hundred: compact.",
    ),
)

_OBJECT_STORE = (
    Family(
        "object_store_probe_success",
        "gauge",
        ("operation",),
        "1 if the probe's operation succeeded, else 0; after one that failed the others count as failed.",
        "0: it failed. Absent: EXPORTER_OBJECT_STORE is empty.",
        "One small object in a folder of its own; the exporter's key reaches nothing else.",
        "== 0 for two probes.",
        "object_store",
        3,
        seeded=_values(operation=PROBES),
    ),
    Family(
        "object_store_probe_seconds",
        "gauge",
        ("operation",),
        "Time of the probe's operation, seconds.",
        "Absent: it failed.",
        "Large objects.",
        "put above 2 for minutes.",
        "object_store",
        3,
        closed=_values(operation=PROBES),
    ),
)

_ONE_EACH = 40


def _self(
    name: str,
    kind: Kind,
    labels: tuple[str, ...],
    text: str,
    zero: str,
    alert: str,
    cap: int = _ONE_EACH,
    blind: str = "Itself: where the exporter is down, up == 0 tells.",
) -> Family:
    closed = _values(collector=tuple(COLLECTORS)) if "collector" in labels else _values()
    return Family(name, kind, labels, text, zero, blind, alert, "exporter", cap, closed=closed)


_SELF = (
    _self(
        "millrace_exporter_build_info",
        "info",
        ("version", "dagster_version"),
        "The exporter's version, and the Dagster that it was tested with.",
        "Always 1.",
        "No.",
    ),
    _self(
        "millrace_exporter_collector_interval_seconds",
        "gauge",
        ("collector",),
        "Pause between two polls of a collector, seconds.",
        "Absent: the collector is switched off.",
        "As a threshold.",
    ),
    _self(
        "millrace_exporter_collector_duration_seconds",
        "gauge",
        ("collector",),
        "Time that the collector's last poll took, seconds.",
        "Absent: it has not polled yet.",
        "Above its interval.",
    ),
    _self(
        "millrace_exporter_collector_errors_total",
        "counter",
        ("collector",),
        "Polls that failed.",
        "0: none since the exporter started.",
        "increase() above 0 for minutes.",
    ),
    _self(
        "millrace_exporter_collector_last_success_timestamp_seconds",
        "gauge",
        ("collector",),
        "When the collector's last poll succeeded, seconds since 1970; its series are from then.",
        "Absent: none since the exporter started.",
        "time() - it above ten intervals: what it shows is old.",
    ),
    _self(
        "millrace_exporter_collector_counting_since_timestamp_seconds",
        "gauge",
        ("collector",),
        "When the collector's counters began at 0, seconds since 1970; restarts keep it.",
        "Absent: it has no counters of its own.",
        "changes() above 0: its checkpoint was lost.",
    ),
    _self(
        "millrace_exporter_collector_unreadable_total",
        "counter",
        ("collector",),
        "Records whose body could not be read; they were counted without it.",
        "0: none since the exporter started.",
        "increase() above 0.",
    ),
    _self(
        "millrace_exporter_series_dropped_total",
        "counter",
        ("collector", "family"),
        "Series above a family's cap, at each poll that left them out.",
        "Absent: none.",
        "increase() above 0.",
        cap=200,
    ),
    _self(
        "millrace_exporter_source_queries_total",
        "counter",
        ("collector",),
        "Queries to Dagster's database.",
        "0: the collector asks none.",
        "No.",
    ),
    _self(
        "millrace_exporter_source_rows_total",
        "counter",
        ("collector",),
        "Rows that Dagster's database returned.",
        "0: none.",
        "rate() against that of events: the cost law.",
    ),
    _self(
        "millrace_exporter_checkpoint_bytes",
        "gauge",
        ("collector",),
        "Size of the collector's checkpoint, bytes.",
        "Absent: it keeps none.",
        "Growth.",
    ),
    _self(
        "process_resident_memory_bytes",
        "gauge",
        (),
        "Resident memory of the exporter, bytes.",
        "Does not occur.",
        "Rather on its container.",
    ),
    _self("process_cpu_seconds_total", "counter", (), "CPU time of the exporter, seconds.", "Does not occur.", "No."),
    _self(
        "process_start_time_seconds",
        "gauge",
        (),
        "When the exporter started, seconds since 1970.",
        "Does not occur.",
        "changes() for restarts.",
    ),
    _self("process_open_fds", "gauge", (), "Open files and sockets of the exporter.", "Does not occur.", "No."),
)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.name: family
        for family in (
            *_RUNS, *_INSTIGATION, *_DAEMONS, *_LOCATIONS, *_ASSET_FAMILIES, *_FRESHNESS, *_CHECKS, *_STORAGE,
            *_CONTAINERS_FAMILIES, *_NEO4J, *_ICEBERG, *_OBJECT_STORE, *_SELF,
        )
    }
)  # fmt: skip


def exposed_names(family: Family) -> Iterator[str]:
    """The names that queries may use: a histogram is three."""
    if family.kind == "histogram":
        yield from (f"{family.name}_bucket", f"{family.name}_sum", f"{family.name}_count")
    else:
        yield family.name
