"""Overview: is anything wrong, since when, and where to look next."""

from millrace_grafana.links import ALERT, ALERTMANAGER, ASSET, CHECKS, RUNS, RUNS_OF_JOB, dashboard
from millrace_grafana.page import Page, Row
from millrace_grafana.panels import (
    ANY_IS_BAD,
    FRESHNESS,
    FRESHNESS_STEPS,
    PLAIN,
    UP,
    UP_OR_DOWN,
    Panel,
    Query,
    Words,
    bars,
    lines,
    listing,
    number,
    states,
)

TO_JOBS = dashboard("jobs", "Jobs")
TO_ASSETS = dashboard("assets", "Assets and quality")
TO_CONTROL = dashboard("control-plane", "Control plane")


def page() -> Page:
    """The first page to open."""
    return Page(
        uid="overview",
        title="Overview",
        description="Is anything wrong, since when, and where to look next.",
        rows=[
            Row("Is anything wrong?", _now()),
            Row("Since when?", _since()),
            Row("Service level", _service_level()),
            Row("Work", _work()),
        ],
    )


def _now() -> list[Panel]:
    return [
        number(
            Words(
                "Alerts that call",
                "Firing alerts of severity critical and error. Not reporting: rules are not evaluated, or the one that "
                "always fires does not; look at the monitoring itself.",
                "none",
                ANY_IS_BAD,
                links=[ALERTMANAGER, dashboard("monitoring", "Monitoring")],
                size=(4, 5),
            ),
            Query(
                'sum(ALERTS{alertstate="firing", severity=~"critical|error"}) '
                'or 0 * max(ALERTS{alertname="Watchdog", alertstate="firing"})'
            ),
        ),
        number(
            Words(
                "Stale assets",
                "Assets past the fail window of their freshness policy, by the exporter's own reckoning.",
                "none",
                ANY_IS_BAD,
                links=[TO_ASSETS],
                size=(4, 5),
                alerts=["AssetStale"],
            ),
            Query("sum(dagster_asset_freshness_state == bool 2)"),
        ),
        number(
            Words(
                "Jobs whose last run failed",
                "Goes back with the job's next success. Canceled runs do not count.",
                "none",
                ANY_IS_BAD,
                links=[TO_JOBS],
                size=(4, 5),
                alerts=["JobFailed"],
            ),
            Query("sum(dagster_job_last_run_success == bool 0)"),
        ),
        number(
            Words(
                "Failed checks",
                "Checks of severity error that failed when they were last evaluated. A failed check fails its run only "
                "if it blocks.",
                "none",
                ANY_IS_BAD,
                links=[TO_ASSETS],
                size=(4, 5),
                alerts=["CheckFailed"],
            ),
            Query('sum(dagster_asset_check_status{severity="error"} == bool 0)'),
        ),
        number(
            Words(
                "Longest wait in the queue",
                "Age of the run that is queued longest; 0 where none is. Runs of one job follow each other, so a long "
                "run makes the next one wait.",
                "s",
                ((None, "green"), (300, "orange"), (900, "red")),
                links=[TO_CONTROL],
                size=(4, 5),
                alerts=["QueueStuck"],
            ),
            Query(
                'max(time() - dagster_runs_oldest_in_status_timestamp_seconds{status="queued"}) '
                'or 0 * max(dagster_runs_in_flight{status="queued"})'
            ),
        ),
        number(
            Words(
                "Code locations that load",
                "Share of the code locations that the webserver has loaded. A broken one leaves the others working.",
                "percentunit",
                ((None, "red"), (1, "green")),
                links=[TO_CONTROL],
                size=(4, 5),
                alerts=["CodeLocationBroken"],
            ),
            Query("avg(dagster_code_location_loaded)"),
        ),
    ]


def _since() -> list[Panel]:
    return [
        states(
            Words(
                "Alerts",
                "One row per alert, for as long as it fires. A click leads to its runbook.",
                "none",
                ((None, "blue"), (2, "orange"), (3, "red")),
                links=[ALERT, ALERTMANAGER],
                mappings={
                    1: ("info", "blue"),
                    2: ("warning", "yellow"),
                    3: ("error", "orange"),
                    4: ("critical", "red"),
                },
                size=(12, 9),
            ),
            Query(
                "max by (alertname) ("
                '1 * ALERTS{alertstate="firing", severity="info", alertname!="Watchdog"}'
                ' or 2 * ALERTS{alertstate="firing", severity="warning"}'
                ' or 3 * ALERTS{alertstate="firing", severity="error"}'
                ' or 4 * ALERTS{alertstate="firing", severity="critical"})',
                "{{alertname}}",
                empty="nothing fires where all is well",
            ),
        ),
        states(
            Words(
                "Freshness",
                "One row per asset with a freshness policy. Purple: never materialised.",
                "none",
                FRESHNESS_STEPS,
                links=[ASSET, TO_ASSETS],
                mappings=FRESHNESS,
                size=(12, 9),
            ),
            Query("max by (asset_key) (dagster_asset_freshness_state)", "{{asset_key}}"),
        ),
        states(
            Words(
                "Last run of each job",
                "Green: it succeeded. Red: it failed.",
                "none",
                UP,
                links=[RUNS_OF_JOB, TO_JOBS],
                mappings={0: ("failed", "red"), 1: ("succeeded", "green")},
            ),
            Query("min by (code_location, job_name) (dagster_job_last_run_success)", "{{job_name}}"),
        ),
        states(
            Words(
                "Services",
                "Containers of the platform, by their health check; those without one by whether they run.",
                "none",
                UP,
                links=[dashboard("containers", "Containers and host")],
                mappings=UP_OR_DOWN,
            ),
            Query(
                'min by (service) (container_healthy{run_job=""}) or min by (service) (container_running{run_job="", '
                'service!~".*secrets|setup"})',
                "{{service}}",
            ),
        ),
    ]


def _service_level() -> list[Panel]:
    return [
        number(
            Words(
                "Freshness over the whole time",
                "Mean share of assets with a policy that were not stale, over the time at the top of the page.",
                "percentunit",
                ((None, "red"), (0.95, "orange"), (0.99, "green")),
                links=[TO_ASSETS],
                size=(4, 7),
            ),
            Query(
                "avg(avg_over_time((dagster_asset_freshness_state < bool 2)[$__range:5m]))",
                empty="Prometheus has run for less than five minutes",
            ),
        ),
        lines(
            Words(
                "Share of assets that are not stale",
                "By code location, of those with a freshness policy.",
                "percentunit",
                ((None, "red"), (0.99, "green")),
                links=[TO_ASSETS],
                size=(10, 7),
            ),
            Query(
                "avg by (code_location) ((dagster_asset_freshness_state < bool 2) "
                "* on (asset_key) group_left (code_location) "
                "max by (asset_key, code_location) (dagster_asset_info))",
                "{{code_location}}",
            ),
            at_most=1,
        ),
        lines(
            Words(
                "Share of runs that succeed",
                "Of the runs that ended in success or failure within the last six hours, by code location.",
                "percentunit",
                ((None, "red"), (0.9, "green")),
                links=[TO_JOBS],
                size=(10, 7),
            ),
            Query(
                'sum by (code_location) (increase(dagster_runs_completed_total{status="success"}[6h])) '
                '/ (sum by (code_location) (increase(dagster_runs_completed_total{status=~"success|failure"}[6h]))'
                " > 0)",
                "{{code_location}}",
                empty="no run ended within six hours",
            ),
            at_most=1,
        ),
    ]


def _work() -> list[Panel]:
    return [
        bars(
            Words(
                "Runs that ended", "Per interval, by how they ended; dots are single runs.", "none", PLAIN, links=[RUNS]
            ),
            Query("sum by (status) (increase(dagster_runs_completed_total[$__rate_interval]))", "{{status}}"),
        ),
        lines(
            Words(
                "Runs in flight",
                "Queued ones wait for a slot, or for a run of the same job.",
                "none",
                PLAIN,
                links=[RUNS],
            ),
            Query("sum by (status) (dagster_runs_in_flight)", "{{status}}"),
            stacked=True,
        ),
        listing(
            Words(
                "Failing jobs",
                "Jobs whose last run failed, with the failures since their last success. Open the runs: the failed "
                "step's last line says why.",
                "none",
                ((None, "text"), (1, "orange"), (3, "red")),
                links=[RUNS_OF_JOB],
            ),
            {
                "code_location": "code location",
                "job_name": "job",
                "Value #A": "failures in a row",
                "Value #B": "last run",
            },
            Query(
                "max by (code_location, job_name) (dagster_job_consecutive_failures > 0)",
                empty="no job fails where all is well",
            ),
            Query(
                "1000 * max by (code_location, job_name) (dagster_job_last_run_timestamp_seconds "
                "and on (code_location, job_name) (dagster_job_consecutive_failures > 0))",
                empty="no job fails where all is well",
            ),
            units={"last run": "dateTimeFromNow"},
        ),
        listing(
            Words(
                "Failed checks",
                "Checks that failed when they were last evaluated. The asset's page shows what they found.",
                "none",
                PLAIN,
                links=[CHECKS],
            ),
            {
                "asset_key": "asset",
                "check_name": "check",
                "severity": "severity",
                "blocking": "blocks",
                "Value #A": "evaluated",
            },
            Query(
                "1000 * max by (asset_key, check_name, severity, blocking) ("
                "dagster_asset_check_last_evaluation_timestamp_seconds "
                "* on (asset_key, check_name) group_right () (dagster_asset_check_status == bool 0 == 1))",
                empty="no check fails where all is well",
            ),
            units={"evaluated": "dateTimeFromNow"},
        ),
    ]
