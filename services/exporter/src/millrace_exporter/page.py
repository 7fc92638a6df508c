"""`docs/metrics.md`, from the table of families.

    millrace-exporter page > docs/metrics.md

What belongs here: how the page looks. What does not: what it says, which `families` does. A test holds the file to it.
"""

from collections.abc import Iterator

from millrace_exporter.families import COLLECTORS, FAMILIES, Family

_TITLES = {
    "runs": "Runs and jobs",
    "assets": "Assets",
    "checks": "Asset checks",
    "freshness": "Freshness",
    "instigators": "Schedules and sensors",
    "daemons": "Daemons",
    "backfills": "Backfills",
    "pools": "Concurrency pools",
    "workspace": "Code locations and their assets",
    "code_servers": "Code servers",
    "partitions": "Partitions",
    "containers": "Containers",
    "neo4j": "Neo4j",
    "iceberg": "Iceberg tables",
    "object_store": "Object store",
    "storage": "Dagster's database",
    "exporter": "The exporter itself",
}
_HEAD = """# Metrics of the exporter

Rendered from `services/exporter/src/millrace_exporter/families.py` by `millrace-exporter page`; a test holds this page
to it. Postgres, the object store, the host, Prometheus and Alertmanager have exporters of their own.

Timestamps are seconds since 1970, never ages: `time() - x` is an age that also grows while the exporter is down. A
series that is 0 and one that is absent say different things. No run, partition or step is in a label; the run's id
stands in exemplars, in OpenMetrics. Counters begin at 0 when the exporter starts without a checkpoint, and go on from
it otherwise.

"At most so many series" is a cap, so that a label with a million values costs neither the exporter nor Prometheus more
than it may. Above it the series that were heard of first stay, the others are left out, `/metrics` goes on, and
`millrace_exporter_series_dropped_total` counts them by family, on which `SeriesDropped` alerts. Each family is cut by
itself, in the order of its own collector, so above the caps an asset may have its freshness here and no owner. Those
of assets have room for {assets:,} of them, and twice as many checks, in all code locations together: with more, the
exporter would leave the 256 MiB that it is held to (`benchmarks/exporter.py`, which shows 10,000 too). Who
has more raises `_ASSETS` in `families.py`, and that limit with it.
"""


def render_page() -> str:
    """The whole page."""
    head = _HEAD.format(assets=FAMILIES["dagster_asset_info"].cap)
    return "\n".join([head, *(line for collector in COLLECTORS for line in _section(collector))])


def _section(collector: str) -> Iterator[str]:
    yield f"## {_TITLES[collector]}"
    yield ""
    yield f"Collector `{collector}`, every {COLLECTORS[collector]:g} s."
    yield ""
    for family in FAMILIES.values():
        if family.collector == collector:
            yield from _family(family)


def _family(family: Family) -> Iterator[str]:
    labels = ", ".join(f"`{label}`" for label in family.labels) or "no labels"
    yield f"### {family.name}"
    yield ""
    yield f"{family.help.rstrip('.')}."
    yield ""
    yield f"- {family.kind}; {labels}; at most {family.cap:,} series"
    if family.buckets:
        yield f"- buckets: {', '.join(f'{bound:g}' for bound in family.buckets)}"
    for label, values in family.seeded.items():
        yield f"- `{label}`: {', '.join(values)}; there from the start"
    for label, values in family.closed.items():
        yield f"- `{label}`: {'a collector of this page' if label == 'collector' else ', '.join(values)}; no others"
    yield f"- zero and absent: {family.zero}"
    yield f"- blind spot: {family.blind}"
    yield f"- alerting: {family.alert}"
    yield ""
