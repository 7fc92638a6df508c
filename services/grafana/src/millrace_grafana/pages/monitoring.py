"""Monitoring itself: can what the other pages show be believed."""

from millrace_grafana.links import ALERTMANAGER, RULES, TARGETS, dashboard
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
    listing,
    number,
    ranking,
    states,
)


def page() -> Page:
    """Whether the monitoring sees and is heard."""
    return Page(
        uid="monitoring",
        title="Monitoring itself",
        description="Can what the other dashboards show be believed, and would anybody hear of an alert.",
        rows=[
            Row("Can it be believed?", _now()),
            Row("Targets", _targets()),
            Row("Exporter", _exporter()),
            Row("Rules and notifications", _alerting()),
            Row("Prometheus", _prometheus()),
        ],
    )


def _now() -> list[Panel]:
    small = (4, 5)
    return [
        number(
            Words(
                "Targets down",
                "What Prometheus asks and does not answer.",
                "none",
                ANY_IS_BAD,
                links=[TARGETS],
                size=small,
                alerts=["TargetDown", "ExporterDown"],
            ),
            Query("sum(up == bool 0)"),
        ),
        number(
            Words(
                "Always-firing alert",
                "Watchdog fires always. When it does not, no alert is evaluated and none would be sent.",
                "none",
                ((None, "red"), (1, "green")),
                links=[RULES],
                mappings={0: ("silent", "red"), 1: ("fires", "green")},
                size=small,
                alerts=["Watchdog"],
            ),
            Query('max(ALERTS{alertname="Watchdog", alertstate="firing"})'),
        ),
        number(
            Words(
                "Oldest figures",
                "Age of the collector's figures that are oldest, in its own polls. Above 10 they are stale.",
                "none",
                ((None, "green"), (5, "orange"), (10, "red")),
                size=small,
                alerts=["CollectorStale"],
            ),
            Query(
                "max((time() - millrace_exporter_collector_last_success_timestamp_seconds) / on (collector) "
                "millrace_exporter_collector_interval_seconds)"
            ),
        ),
        number(
            Words(
                "Events behind",
                "Events that a collector has not taken in.",
                "none",
                ((None, "green"), (100, "orange"), (1000, "red")),
                size=small,
                alerts=["ExporterBehind"],
            ),
            Query("max(dagster_event_cursor_lag_events)"),
        ),
        number(
            Words(
                "Notifications that failed",
                "By Alertmanager, over the whole time.",
                "none",
                ANY_IS_BAD,
                links=[ALERTMANAGER],
                size=small,
                alerts=["NotificationsFailing"],
            ),
            Query("sum(increase(alertmanager_notification_requests_failed_total[$__range]))"),
        ),
        number(
            Words(
                "Configuration",
                "Whether Prometheus, Alertmanager and the Postgres exporter took their configuration when they were "
                "last asked to.",
                "none",
                UP,
                mappings={0: ("refused", "red"), 1: ("taken", "green")},
                size=small,
                alerts=["ConfigurationReloadFailed"],
            ),
            Query("min(prometheus_config_last_reload_successful or alertmanager_config_last_reload_successful)"),
        ),
    ]


def _targets() -> list[Panel]:
    return [
        states(
            Words(
                "Targets",
                "Whether each answered Prometheus.",
                "none",
                UP,
                links=[TARGETS],
                mappings=UP_OR_DOWN,
                size=(8, 8),
            ),
            Query("min by (job) (up)", "{{job}}"),
        ),
        lines(
            Words(
                "Scrape",
                "Time that each target takes to answer.",
                "s",
                ((None, "green"), (5, "red")),
                links=[TARGETS],
                size=(8, 8),
            ),
            Query("max by (job) (scrape_duration_seconds)", "{{job}}"),
        ),
        lines(
            Words("Samples per scrape", "A step up is a label that has got out of hand.", "short", PLAIN, size=(8, 8)),
            Query("sum by (job) (scrape_samples_scraped)", "{{job}}"),
        ),
    ]


def _exporter() -> list[Panel]:
    return [
        states(
            Words(
                "Collectors",
                "Green: its last poll succeeded within ten intervals.",
                "none",
                UP,
                mappings={0: ("stale", "red"), 1: ("fresh", "green")},
                size=(12, 11),
            ),
            Query(
                "min by (collector) (((time() - millrace_exporter_collector_last_success_timestamp_seconds) / "
                "on (collector) millrace_exporter_collector_interval_seconds) < bool 10)",
                "{{collector}}",
            ),
        ),
        ranking(
            Words(
                "Poll against its interval",
                "Time of each collector's last poll, in its intervals. Near 1 it polls without a pause.",
                "percentunit",
                ((None, "green"), (0.5, "orange"), (1, "red")),
                size=(12, 11),
            ),
            Query(
                "sort_desc(max by (collector) (millrace_exporter_collector_duration_seconds / on (collector) "
                "millrace_exporter_collector_interval_seconds))",
                "{{collector}}",
            ),
            at_most=1,
        ),
        bars(
            Words("Failed polls", "Per interval, by collector.", "none", PLAIN, size=(8, 8)),
            Query(
                "sum by (collector) (increase(millrace_exporter_collector_errors_total[$__rate_interval]))",
                "{{collector}}",
            ),
        ),
        lines(
            Words(
                "Rows read per second",
                "From Dagster's database. It follows new events and not history: a line that climbs with the age of "
                "the platform breaks the exporter's cost law.",
                "ops",
                PLAIN,
                size=(8, 8),
            ),
            Query("sum by (collector) (rate(millrace_exporter_source_rows_total[$__rate_interval]))", "{{collector}}"),
        ),
        lines(
            Words("Events behind", "By type of event.", "none", ((None, "green"), (1000, "red")), size=(8, 8)),
            Query("max by (event_type) (dagster_event_cursor_lag_events)", "{{event_type}}"),
        ),
        bars(
            Words(
                "Left out",
                "Series above a family's cap, per interval. Something makes too many labels.",
                "none",
                PLAIN,
                size=(8, 8),
                alerts=["SeriesDropped"],
            ),
            Query(
                "sum by (family) (increase(millrace_exporter_series_dropped_total[$__rate_interval]))",
                "{{family}}",
                empty="no family is above its cap",
            ),
        ),
        lines(
            Words("Its own memory", "Resident.", "bytes", PLAIN, size=(8, 8)),
            Query('max(process_resident_memory_bytes{job="exporter"})', "exporter"),
        ),
        listing(
            Words(
                "Builds",
                "Version of the exporter, and of the Dagster that it was tested with.",
                "none",
                PLAIN,
                size=(8, 8),
                alerts=["DagsterSchemaUnknown"],
            ),
            {"version": "exporter", "dagster_version": "Dagster"},
            Query("max by (version, dagster_version) (millrace_exporter_build_info)"),
        ),
    ]


def _alerting() -> list[Panel]:
    return [
        lines(
            Words(
                "Alerts",
                "As Alertmanager knows them: sent, and suppressed by a silence or another alert.",
                "none",
                PLAIN,
                links=[ALERTMANAGER],
                size=(8, 8),
            ),
            Query("sum by (state) (alertmanager_alerts)", "{{state}}"),
            stacked=True,
        ),
        bars(
            Words(
                "Notifications",
                "Per interval, by channel, and those that failed.",
                "none",
                PLAIN,
                links=[ALERTMANAGER],
                size=(8, 8),
            ),
            Query(
                "sum by (integration) (increase(alertmanager_notifications_total[$__rate_interval]))", "{{integration}}"
            ),
            Query(
                "sum by (integration) (increase(alertmanager_notification_requests_failed_total[$__rate_interval]))",
                "failed {{integration}}",
            ),
        ),
        bars(
            Words(
                "Rules that failed",
                "Evaluations that ended in an error, per interval.",
                "none",
                PLAIN,
                links=[RULES],
                size=(8, 8),
                alerts=["RuleEvaluationFailing"],
            ),
            Query(
                "sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total[$__rate_interval]))",
                "{{rule_group}}",
            ),
        ),
        lines(
            Words(
                "Evaluation against its interval",
                "Near 1 alerts come late.",
                "percentunit",
                ((None, "green"), (0.8, "red")),
                links=[RULES],
                size=(8, 8),
            ),
            Query(
                "max by (rule_group) (prometheus_rule_group_last_duration_seconds / "
                "prometheus_rule_group_interval_seconds)",
                "{{rule_group}}",
            ),
        ),
        lines(
            Words(
                "Alertmanagers that Prometheus knows",
                "0: nobody would hear.",
                "none",
                ((None, "red"), (1, "green")),
                size=(8, 8),
                alerts=["AlertmanagerUnreachable"],
            ),
            Query("max(prometheus_notifications_alertmanagers_discovered)", "Alertmanagers"),
        ),
        bars(
            Words(
                "Alerts that were not handed over",
                "From Prometheus to Alertmanager, per interval.",
                "none",
                PLAIN,
                size=(8, 8),
            ),
            Query("sum(increase(prometheus_notifications_dropped_total[$__rate_interval]))", "failed"),
        ),
    ]


def _prometheus() -> list[Panel]:
    return [
        lines(
            Words("Series", "In memory.", "short", PLAIN, size=(8, 8)),
            Query("max(prometheus_tsdb_head_series)", "series"),
        ),
        lines(
            Words("Disk", "Of what is kept; the newest two hours are not in it.", "bytes", PLAIN, size=(8, 8)),
            Query("max(prometheus_tsdb_storage_blocks_bytes)", "blocks"),
        ),
        lines(
            Words(
                "Queries",
                "Time that nine of ten take, by part.",
                "s",
                ((None, "green"), (5, "red")),
                size=(8, 8),
                links=[dashboard("containers", "Containers and host")],
            ),
            Query('max by (slice) (prometheus_engine_query_duration_seconds{quantile="0.9"})', "{{slice}}"),
        ),
    ]
