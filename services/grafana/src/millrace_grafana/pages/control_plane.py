"""Control plane: code locations, daemons, schedules and sensors, the queue, pools, backfills."""

from millrace_grafana.links import (
    AUTOMATION,
    BACKFILLS,
    CONCURRENCY,
    DAEMONS,
    DEPLOYMENT,
    RUNS,
    dashboard,
)
from millrace_grafana.page import Page, Row
from millrace_grafana.panels import (
    ANY_IS_BAD,
    PLAIN,
    UP,
    UP_OR_DOWN,
    Panel,
    Query,
    Words,
    bars,
    lines,
    number,
    ranking,
    states,
)


def page() -> Page:
    """Whether Dagster itself works."""
    return Page(
        uid="control-plane",
        title="Control plane",
        description="Whether Dagster itself works: code locations, daemons, schedules and sensors, the queue, pools.",
        rows=[
            Row("Does Dagster work?", _now()),
            Row("Code locations and daemons", _processes()),
            Row("Schedules and sensors", _instigators()),
            Row("Queue and launch", _queue()),
            Row("Pools and backfills", _pools()),
        ],
    )


def _now() -> list[Panel]:
    small = (4, 5)
    return [
        number(
            Words(
                "Broken code locations",
                "Locations whose loading ended in an error; Dagster shows it. The others go on.",
                "none",
                ANY_IS_BAD,
                links=[DEPLOYMENT],
                size=small,
                alerts=["CodeLocationBroken"],
            ),
            Query("sum(dagster_code_location_loaded == bool 0)"),
        ),
        number(
            Words(
                "Code servers that do not answer",
                "gRPC servers that do not answer a ping. Their runs go on, new ones cannot start.",
                "none",
                ANY_IS_BAD,
                links=[DEPLOYMENT, dashboard("containers", "Containers and host")],
                size=small,
                alerts=["CodeServerDown"],
            ),
            Query("sum(dagster_code_server_up == bool 0)"),
        ),
        number(
            Words(
                "Oldest heartbeat",
                "Of the daemons that must run. One writes every 30 seconds; Dagster itself calls it healthy for 30 "
                "minutes.",
                "s",
                ((None, "green"), (60, "orange"), (120, "red")),
                links=[DAEMONS],
                size=small,
                alerts=["DaemonStale"],
            ),
            Query(
                "max(time() - dagster_daemon_last_heartbeat_timestamp_seconds "
                "and on (daemon_type) dagster_daemon_required == 1)"
            ),
        ),
        number(
            Words(
                "Daemons never started",
                "Daemons that must run and never wrote a heartbeat.",
                "none",
                ANY_IS_BAD,
                links=[DAEMONS],
                size=small,
                alerts=["DaemonNeverStarted"],
            ),
            Query(
                "count(dagster_daemon_required == 1 unless on (daemon_type) "
                "dagster_daemon_last_heartbeat_timestamp_seconds) or 0 * max(dagster_daemon_required)"
            ),
        ),
        number(
            Words(
                "Latest missed tick",
                "By how much the schedule that is latest is behind its cron; 0 where none is.",
                "s",
                ((None, "green"), (120, "orange"), (300, "red")),
                links=[AUTOMATION],
                size=small,
                alerts=["ScheduleTickMissed"],
            ),
            Query(
                "max(clamp_min(time() - dagster_schedule_expected_tick_timestamp_seconds, 0))",
                empty="no schedule is switched on, or none has ticked yet",
            ),
        ),
        number(
            Words(
                "Runs that start for long",
                "Age of the run that is starting longest: its container is made, its Python imports.",
                "s",
                ((None, "green"), (60, "orange"), (180, "red")),
                links=[RUNS],
                size=small,
                alerts=["RunStartStuck"],
            ),
            Query(
                'max(time() - dagster_runs_oldest_in_status_timestamp_seconds{status="starting"}) '
                'or 0 * max(dagster_runs_in_flight{status="starting"})'
            ),
        ),
    ]


def _processes() -> list[Panel]:
    return [
        states(
            Words(
                "Code locations",
                "Whether the webserver has loaded each.",
                "none",
                UP,
                links=[DEPLOYMENT],
                size=(8, 8),
                mappings={0: ("broken", "red"), 1: ("loaded", "green")},
            ),
            Query("min by (code_location) (dagster_code_location_loaded)", "{{code_location}}"),
        ),
        states(
            Words(
                "Code servers",
                "Whether each answers a ping within its timeout.",
                "none",
                UP,
                links=[DEPLOYMENT],
                size=(8, 8),
                mappings=UP_OR_DOWN,
            ),
            Query("min by (code_location) (dagster_code_server_up)", "{{code_location}}"),
        ),
        lines(
            Words(
                "Age of each daemon's heartbeat",
                "A saw tooth up to 30 seconds is well; a line that climbs is a dead daemon.",
                "s",
                ((None, "green"), (120, "red")),
                links=[DAEMONS],
                size=(8, 8),
            ),
            Query("max by (daemon_type) (time() - dagster_daemon_last_heartbeat_timestamp_seconds)", "{{daemon_type}}"),
        ),
        lines(
            Words(
                "Ping",
                "Time until a code server answers. It queues behind other requests, so it shows saturation.",
                "s",
                ((None, "green"), (1, "red")),
                size=(8, 8),
                alerts=["CodeServerSaturated"],
            ),
            Query("max by (code_location) (dagster_code_server_ping_seconds)", "{{code_location}}"),
        ),
        lines(
            Words(
                "Requests that wait",
                "Requests that a code server has not begun, and those that it works on.",
                "none",
                ((None, "green"), (1, "orange")),
                size=(8, 8),
                alerts=["CodeServerSaturated"],
            ),
            Query(
                'max by (code_location, state) (dagster_code_server_requests{state!="limit"})',
                "{{code_location}} {{state}}",
            ),
        ),
        lines(
            Words(
                "Memory of code servers", "As each server reads it, with the page cache.", "bytes", PLAIN, size=(8, 8)
            ),
            Query("max by (code_location) (dagster_code_server_memory_bytes)", "{{code_location}}"),
        ),
    ]


def _instigators() -> list[Panel]:
    return [
        states(
            Words(
                "Switched on",
                "Schedules and sensors. One that is off makes nothing happen, and nothing says so.",
                "none",
                ((None, "gray"), (1, "green")),
                links=[AUTOMATION],
                mappings={0: ("off", "gray"), 1: ("on", "green")},
            ),
            Query("max by (code_location, name) (dagster_instigator_running)", "{{name}}"),
        ),
        bars(
            Words(
                "Ticks",
                "Evaluations of schedules and sensors, by result.",
                "none",
                PLAIN,
                links=[AUTOMATION],
                alerts=["TickFailing"],
            ),
            Query("sum by (status) (increase(dagster_instigator_ticks_total[$__rate_interval]))", "{{status}}"),
        ),
        lines(
            Words(
                "Behind the cron",
                "How late each schedule is. Below 0: its next tick is ahead.",
                "s",
                ((None, "green"), (300, "red")),
                links=[AUTOMATION],
            ),
            Query(
                "max by (code_location, name) (time() - dagster_schedule_expected_tick_timestamp_seconds)",
                "{{name}}",
                empty="no schedule is switched on, or none has ticked yet",
            ),
        ),
        lines(
            Words(
                "Sensors since their last evaluation, in shortest intervals",
                "1 is on time; ten mean that the daemon does not come round.",
                "none",
                ((None, "green"), (10, "red")),
                links=[AUTOMATION],
                alerts=["SensorStalled"],
            ),
            Query(
                '(time() - max by (code_location, name) (dagster_instigator_last_tick_timestamp_seconds{type="sensor"'
                '} or dagster_instigator_running_since_timestamp_seconds{type="sensor"}))'
                " / max by (code_location, name) (dagster_sensor_min_interval_seconds)",
                "{{name}}",
                empty="no domain has a sensor that is on",
            ),
        ),
    ]


def _queue() -> list[Panel]:
    return [
        lines(
            Words("Runs in flight", "By status.", "none", PLAIN, links=[RUNS], size=(8, 8)),
            Query("sum by (status) (dagster_runs_in_flight)", "{{status}}"),
            stacked=True,
        ),
        lines(
            Words(
                "Wait in the queue",
                "Of the runs that ended in the last hour, by the time that half and nearly all of them waited at most.",
                "s",
                ((None, "green"), (300, "orange")),
                links=[RUNS],
                size=(8, 8),
                alerts=["QueueStuck"],
            ),
            Query(
                "histogram_quantile(0.5, sum by (le) (increase(dagster_run_queue_wait_seconds_bucket[1h])))",
                "half",
                empty="no run that was queued ended within the hour",
            ),
            Query(
                "histogram_quantile(0.95, sum by (le) (increase(dagster_run_queue_wait_seconds_bucket[1h])))",
                "95 %",
                empty="no run that was queued ended within the hour",
            ),
        ),
        lines(
            Words(
                "From launch to start",
                "Container and imports, of the runs that ended in the last hour.",
                "s",
                ((None, "green"), (30, "orange")),
                links=[RUNS],
                size=(8, 8),
            ),
            Query(
                "histogram_quantile(0.5, sum by (le) (increase(dagster_run_start_seconds_bucket[1h])))",
                "half",
                empty="no run ended within the hour",
            ),
            Query(
                "histogram_quantile(0.95, sum by (le) (increase(dagster_run_start_seconds_bucket[1h])))",
                "95 %",
                empty="no run ended within the hour",
            ),
        ),
    ]


def _pools() -> list[Panel]:
    return [
        ranking(
            Words(
                "Pools in use",
                "Claimed share of each concurrency pool's slots.",
                "percentunit",
                ((None, "green"), (0.8, "orange"), (1, "red")),
                links=[CONCURRENCY],
                size=(8, 8),
            ),
            Query(
                'sum by (pool) (dagster_pool_slots{state="claimed"}) / (sum by (pool) (dagster_pool_slots) > 0)',
                "{{pool}}",
                empty="no pool has a limit",
            ),
            at_most=1,
        ),
        lines(
            Words(
                "Steps that wait for a pool",
                "A line that stays above 0 is a pool that is too small, or a slot that a dead run holds.",
                "none",
                ((None, "green"), (1, "orange")),
                links=[CONCURRENCY],
                size=(8, 8),
                alerts=["PoolSaturated"],
            ),
            Query("max by (pool) (dagster_pool_pending_steps)", "{{pool}}", empty="no pool has a limit"),
        ),
        lines(
            Words(
                "Runs of backfills",
                "Of the backfills that have not ended, by state. One that does not move is stalled.",
                "none",
                PLAIN,
                links=[BACKFILLS],
                size=(8, 8),
                alerts=["BackfillStalled"],
            ),
            Query("sum by (state) (dagster_backfill_partitions)", "{{state}}"),
            stacked=True,
        ),
    ]
