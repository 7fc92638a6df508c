"""Jobs: how runs end, how long they take, and what is longer than usual."""

from millrace_grafana.links import CONCURRENCY, JOB, RUNS_OF_JOB
from millrace_grafana.page import Page, Row, Variable
from millrace_grafana.panels import (
    ANY_IS_BAD,
    PLAIN,
    UP,
    Panel,
    Query,
    Words,
    bars,
    lines,
    listing,
    number,
    ranking,
    spread,
    states,
)

_CHOSEN = 'code_location=~"$location", job_name=~"$job"'
_NONE_ENDED = "no run ended within that time"


def page() -> Page:
    """What became of runs."""
    return Page(
        uid="jobs",
        title="Jobs",
        description="How runs end, how long they take, and what takes longer than usual.",
        variables=[
            Variable("location", "Code location", "dagster_runs_in_flight", "code_location"),
            Variable("job", "Job", 'dagster_runs_in_flight{code_location=~"$location"}', "job_name"),
        ],
        rows=[
            Row("Now", _now()),
            Row("Since when?", _history()),
            Row("How long?", _durations()),
            Row("Each job", _each()),
        ],
    )


def _now() -> list[Panel]:
    small = (6, 5)
    return [
        number(
            Words(
                "Jobs whose last run failed",
                "Goes back with the next success.",
                "none",
                ANY_IS_BAD,
                size=small,
                alerts=["JobFailed"],
            ),
            Query(f"sum(dagster_job_last_run_success{{{_CHOSEN}}} == bool 0)"),
        ),
        number(
            Words(
                "Success over the whole time",
                "Share of the runs that ended in success, of those that succeeded or failed.",
                "percentunit",
                ((None, "red"), (0.9, "orange"), (0.98, "green")),
                size=small,
                alerts=["FailureRateHigh"],
            ),
            Query(
                f'sum(increase(dagster_runs_completed_total{{{_CHOSEN}, status="success"}}[$__range])) / '
                f'(sum(increase(dagster_runs_completed_total{{{_CHOSEN}, status=~"success|failure"}}[$__range])) > 0)',
                empty=_NONE_ENDED,
            ),
        ),
        number(
            Words(
                "Longest running, against its usual duration",
                "1: as long as its median. Above 3 something is wrong, or its data has grown.",
                "none",
                ((None, "green"), (1.5, "orange"), (3, "red")),
                size=small,
                alerts=["RunTooLong"],
            ),
            Query(
                "max((time() - max by (code_location, job_name) (dagster_runs_oldest_in_status_timestamp_seconds{"
                f'{_CHOSEN}, status="started"}})) / max by (code_location, job_name) '
                f"(dagster_job_expected_duration_seconds{{{_CHOSEN}}})) or 0 * max(dagster_runs_in_flight{{{_CHOSEN}}})"
            ),
        ),
        number(
            Words(
                "Retries over the whole time",
                "Runs that were retries of another. Many at once are a storm: something that all need is away.",
                "none",
                ((None, "green"), (5, "orange"), (20, "red")),
                size=small,
                alerts=["RetryStorm"],
            ),
            Query(f"sum(increase(dagster_run_retries_total{{{_CHOSEN}}}[$__range]))"),
        ),
    ]


def _history() -> list[Panel]:
    return [
        states(
            Words(
                "Last run of each job",
                "Green: it succeeded. Red: it failed. A click leads to the runs.",
                "none",
                UP,
                links=[RUNS_OF_JOB, JOB],
                mappings={0: ("failed", "red"), 1: ("succeeded", "green")},
                size=(12, 9),
            ),
            Query(f"min by (code_location, job_name) (dagster_job_last_run_success{{{_CHOSEN}}})", "{{job_name}}"),
        ),
        bars(
            Words(
                "Runs that ended",
                "Per interval, by how they ended; a dot is a single run and leads to it.",
                "none",
                PLAIN,
                links=[RUNS_OF_JOB],
                size=(12, 9),
            ),
            Query(
                f"sum by (job_name, status) (increase(dagster_runs_completed_total{{{_CHOSEN}}}[$__rate_interval]))",
                "{{job_name}} {{status}}",
            ),
        ),
        lines(
            Words(
                "Failures in a row",
                "Since each job's last success.",
                "none",
                ((None, "green"), (1, "orange"), (3, "red")),
                links=[RUNS_OF_JOB],
            ),
            Query(f"max by (code_location, job_name) (dagster_job_consecutive_failures{{{_CHOSEN}}})", "{{job_name}}"),
        ),
        lines(
            Words(
                "Runs in flight",
                "By status.",
                "none",
                PLAIN,
                alerts=["QueueStuck", "RunStartStuck", "BackfillStalled"],
            ),
            Query(f"sum by (status) (dagster_runs_in_flight{{{_CHOSEN}}})", "{{status}}"),
            stacked=True,
        ),
    ]


def _durations() -> list[Panel]:
    return [
        spread(
            Words(
                "Durations",
                "Runs that ended, by how long they took; the darker, the more. A dot is a single run.",
                "s",
                PLAIN,
                links=[RUNS_OF_JOB],
                size=(12, 9),
            ),
            Query(
                f"sum by (le) (increase(dagster_run_duration_seconds_bucket{{{_CHOSEN}}}[$__rate_interval]))", "{{le}}"
            ),
        ),
        lines(
            Words(
                "Mean duration of each job",
                "Of the runs that ended in the last six hours.",
                "s",
                PLAIN,
                links=[RUNS_OF_JOB],
                size=(12, 9),
                alerts=["RunSlowerThanUsual"],
            ),
            Query(
                f"sum by (job_name) (increase(dagster_run_duration_seconds_sum{{{_CHOSEN}}}[6h])) / "
                f"(sum by (job_name) (increase(dagster_run_duration_seconds_count{{{_CHOSEN}}}[6h])) > 0)",
                "{{job_name}}",
                empty=_NONE_ENDED,
            ),
        ),
        ranking(
            Words(
                "Running now, against the usual duration",
                "1: as long as the job's median of its last successes.",
                "none",
                ((None, "green"), (1.5, "orange"), (3, "red")),
                links=[RUNS_OF_JOB],
                size=(8, 7),
            ),
            Query(
                "(time() - max by (code_location, job_name) (dagster_runs_oldest_in_status_timestamp_seconds{"
                f'{_CHOSEN}, status="started"}})) / max by (code_location, job_name) '
                f"(dagster_job_expected_duration_seconds{{{_CHOSEN}}})",
                "{{job_name}}",
                empty="no run goes on, or none of its job has succeeded three times",
            ),
        ),
        lines(
            Words(
                "Steps that wait for a pool",
                "Of every job. A line that stays above 0 is a pool that is too small, or a slot that a dead run holds.",
                "none",
                ((None, "green"), (1, "orange")),
                links=[CONCURRENCY],
                size=(8, 7),
                alerts=["PoolSaturated"],
            ),
            Query("max by (pool) (dagster_pool_pending_steps)", "{{pool}}", empty="no pool has a limit"),
        ),
        ranking(
            Words(
                "Usual duration",
                "Median of each job's last successes: what a run is compared with.",
                "s",
                PLAIN,
                links=[RUNS_OF_JOB],
                size=(8, 7),
            ),
            Query(
                f"max by (code_location, job_name) (dagster_job_expected_duration_seconds{{{_CHOSEN}}})",
                "{{job_name}}",
                empty="no job has succeeded three times",
            ),
        ),
    ]


def _each() -> list[Panel]:
    by = "max by (code_location, job_name)"
    return [
        listing(
            Words(
                "Jobs",
                "Every job that is known. A click on a row leads to its runs.",
                "none",
                PLAIN,
                links=[RUNS_OF_JOB, JOB],
                size=(24, 10),
            ),
            {
                "code_location": "code location",
                "job_name": "job",
                "Value #A": "last run",
                "Value #B": "failures in a row",
                "Value #C": "usual duration",
                "Value #D": "in flight",
                "Value #E": "last success",
            },
            Query(f"1000 * {by} (dagster_job_last_run_timestamp_seconds{{{_CHOSEN}}})"),
            Query(f"{by} (dagster_job_consecutive_failures{{{_CHOSEN}}})"),
            Query(
                f"{by} (dagster_job_expected_duration_seconds{{{_CHOSEN}}})", empty="no job has succeeded three times"
            ),
            Query(f"sum by (code_location, job_name) (dagster_runs_in_flight{{{_CHOSEN}}})"),
            Query(f"1000 * {by} (dagster_job_last_success_timestamp_seconds{{{_CHOSEN}}})"),
            units={"last run": "dateTimeFromNow", "usual duration": "s", "last success": "dateTimeFromNow"},
        )
    ]
