"""The exporter itself: how each collector fares, and what the process costs.

What belongs here: what says whether the other series can be believed. What does not: whether it is up, which Prometheus
says.
"""

from collections.abc import Mapping
from importlib.metadata import version

from prometheus_client.process_collector import ProcessCollector

from millrace_exporter.collectors.storage import DAGSTER_VERSION
from millrace_exporter.families import FAMILIES
from millrace_exporter.polling import Status
from millrace_exporter.samples import Samples
from millrace_exporter.sources.database import Database


class ExporterCollector:
    """Reads the others' statuses.

    Args:
        statuses: By collector; this one's is among them.
        databases: Their queries and rows are counted.
    """

    name = "exporter"

    def __init__(self, statuses: Mapping[str, Status], *databases: Database) -> None:
        self._statuses = statuses
        self._databases = databases
        self._process = ProcessCollector(registry=None)

    def poll(self) -> Samples:
        """The statuses as they are."""
        samples = Samples(self.name)
        samples.set("millrace_exporter_build_info", [version("millrace-exporter"), DAGSTER_VERSION], 1)
        for collector, status in self._statuses.items():
            _collector(samples, collector, status)
            for family, numbers in (
                ("millrace_exporter_source_queries_total", [one.queries for one in self._databases]),
                ("millrace_exporter_source_rows_total", [one.rows for one in self._databases]),
            ):
                samples.set(family, [collector], sum(one.get(collector, 0) for one in numbers))
        for metric in self._process.collect():
            for sample in metric.samples:
                if sample.name in FAMILIES:
                    samples.set(sample.name, [], sample.value)
        return samples


def _collector(samples: Samples, collector: str, status: Status) -> None:
    prefix = "millrace_exporter_collector"
    for name, value in (
        (f"{prefix}_interval_seconds", status.interval_seconds),
        (f"{prefix}_duration_seconds", status.duration_seconds),
        (f"{prefix}_errors_total", status.errors),
        (f"{prefix}_last_success_timestamp_seconds", status.last_success),
        (f"{prefix}_counting_since_timestamp_seconds", status.counting_since),
        (f"{prefix}_unreadable_total", status.unreadable),
        ("millrace_exporter_checkpoint_bytes", status.checkpoint_bytes),
    ):
        if value is not None:
            samples.set(name, [collector], value)
    for family, count in status.dropped.items():
        samples.set("millrace_exporter_series_dropped_total", [collector, family], count)
