"""Containers and host: who is near a limit, who was restarted, what is left of the machine."""

from millrace_grafana.page import Page, Row, Variable
from millrace_grafana.panels import (
    ANY_IS_BAD,
    ANY_IS_ODD,
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

_CHOSEN = 'service=~"$service"'
# Runs of a job are one series; services have no run_job.
_NAME = "sum by (service, run_job)"
_LEGEND = "{{service}} {{run_job}}"
_DISK = 'mountpoint="/", fstype!="rootfs"'


def page() -> Page:
    """What the platform takes of its machine."""
    return Page(
        uid="containers",
        title="Containers and host",
        description="Who is near a limit, who was restarted, and what is left of the machine.",
        variables=[Variable("service", "Service", "container_running", "service")],
        rows=[
            Row("Is anybody near a limit?", _now()),
            Row("Containers", _containers()),
            Row("Their network and disks", _traffic()),
            Row("Host", _host()),
        ],
    )


def _now() -> list[Panel]:
    small = (4, 5)
    return [
        number(
            Words(
                "Fullest container",
                "Highest share of a memory limit in use. At 1 the kernel ends the process.",
                "percentunit",
                ((None, "green"), (0.8, "orange"), (0.9, "red")),
                size=small,
                alerts=["ContainerMemoryHigh"],
            ),
            Query("max(container_memory_working_set_bytes / (container_spec_memory_limit_bytes > 0))"),
        ),
        number(
            Words(
                "Ended for their memory",
                "Over the whole time.",
                "none",
                ANY_IS_BAD,
                size=small,
                alerts=["ContainerOutOfMemory"],
            ),
            Query("sum(increase(container_oom_events_total[$__range]))"),
        ),
        number(
            Words(
                "Restarts",
                "By the engine, over the whole time. Those by hand do not count.",
                "none",
                ANY_IS_ODD,
                size=small,
                alerts=["ContainerRestarting"],
            ),
            Query("sum(increase(container_restarts_total[$__range]))"),
        ),
        number(
            Words(
                "Disk in use",
                "Of the root file system.",
                "percentunit",
                ((None, "green"), (0.8, "orange"), (0.9, "red")),
                size=small,
                alerts=["DiskFull"],
            ),
            Query(f"1 - max(node_filesystem_avail_bytes{{{_DISK}}} / node_filesystem_size_bytes{{{_DISK}}})"),
        ),
        number(
            Words(
                "Memory in use",
                "Of the machine, page cache left out.",
                "percentunit",
                ((None, "green"), (0.85, "orange"), (0.95, "red")),
                size=small,
            ),
            Query("1 - max(node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)"),
        ),
        number(
            Words(
                "CPU in use",
                "Of all CPUs.",
                "percentunit",
                ((None, "green"), (0.85, "orange"), (0.95, "red")),
                size=small,
            ),
            Query('1 - avg(rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))'),
        ),
    ]


def _containers() -> list[Panel]:
    return [
        states(
            Words(
                "Running and healthy",
                "By the health check; a container without one by whether it runs.",
                "none",
                UP,
                mappings=UP_OR_DOWN,
                size=(12, 10),
                alerts=["ContainerUnhealthy", "OrphanContainer"],
            ),
            Query(
                f"min by (service) (container_healthy{{{_CHOSEN}}}) or min by (service) "
                f'(container_running{{{_CHOSEN}, run_job="", service!~".*secrets|setup"}})',
                "{{service}}",
            ),
        ),
        ranking(
            Words(
                "Memory against the limit",
                "Share of each limit in use, the fullest first.",
                "percentunit",
                ((None, "green"), (0.8, "orange"), (0.9, "red")),
                size=(12, 10),
            ),
            Query(
                "sort_desc(max by (service, run_job) (container_memory_working_set_bytes"
                f"{{{_CHOSEN}}} / (container_spec_memory_limit_bytes > 0)))",
                _LEGEND,
            ),
            at_most=1,
        ),
        lines(
            Words("Memory", "Working set: without the page cache that can be given back.", "bytes", PLAIN),
            Query(f"{_NAME} (container_memory_working_set_bytes{{{_CHOSEN}}})", _LEGEND),
            stacked=True,
        ),
        lines(
            Words("CPU", "CPUs in use.", "none", PLAIN),
            Query(f"{_NAME} (rate(container_cpu_usage_seconds_total{{{_CHOSEN}}}[$__rate_interval]))", _LEGEND),
            stacked=True,
        ),
        lines(
            Words(
                "Held back",
                "Share of the periods in which a container waited for its own CPU limit.",
                "percentunit",
                ((None, "green"), (0.25, "red")),
                alerts=["ContainerThrottled"],
            ),
            Query(
                f"{_NAME} (rate(container_cpu_cfs_throttled_periods_total{{{_CHOSEN}}}[$__rate_interval])) / "
                f"({_NAME} (rate(container_cpu_cfs_periods_total{{{_CHOSEN}}}[$__rate_interval])) > 0)",
                _LEGEND,
                empty="no container has a CPU limit and work",
            ),
        ),
        bars(
            Words(
                "Restarts and ends for memory",
                "Per interval, by container.",
                "none",
                PLAIN,
            ),
            Query(f"{_NAME} (increase(container_restarts_total{{{_CHOSEN}}}[$__rate_interval]))", "restart " + _LEGEND),
            Query(
                f"{_NAME} (increase(container_oom_events_total{{{_CHOSEN}}}[$__rate_interval]))", "memory " + _LEGEND
            ),
        ),
    ]


def _traffic() -> list[Panel]:
    small = (6, 7)
    return [
        lines(
            Words(title, "By container.", "Bps", PLAIN, size=small),
            Query(f"{_NAME} (rate({metric}{{{_CHOSEN}}}[$__rate_interval]))", _LEGEND),
        )
        for title, metric in (
            ("Received", "container_network_receive_bytes_total"),
            ("Sent", "container_network_transmit_bytes_total"),
            ("Read from disks", "container_fs_reads_bytes_total"),
            ("Written to disks", "container_fs_writes_bytes_total"),
        )
    ]


def _host() -> list[Panel]:
    return [
        lines(
            Words(
                "CPU",
                "By what it is used for. iowait: work waits for disks.",
                "percentunit",
                ((None, "green"), (0.95, "red")),
                size=(8, 8),
            ),
            Query(
                'sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[$__rate_interval])) '
                "/ scalar(count(count by (cpu) (node_cpu_seconds_total)))",
                "{{mode}}",
            ),
            stacked=True,
            at_most=1,
        ),
        lines(
            Words("Memory", "What is in use and what can be had.", "bytes", PLAIN, size=(8, 8)),
            Query("max(node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes)", "in use"),
            Query("max(node_memory_MemAvailable_bytes)", "available"),
            stacked=True,
        ),
        lines(
            Words(
                "Load against CPUs",
                "1: as much work as CPUs.",
                "none",
                ((None, "green"), (2, "red")),
                size=(8, 8),
            ),
            Query("max(node_load1) / scalar(count(count by (cpu) (node_cpu_seconds_total)))", "1 minute"),
            Query("max(node_load15) / scalar(count(count by (cpu) (node_cpu_seconds_total)))", "15 minutes"),
        ),
        lines(
            Words(
                "Free disk, and as it will be in a day",
                "By the last six hours' growth. Below 0: it will be full within a day.",
                "bytes",
                ((None, "red"), (0, "green")),
                size=(8, 8),
                alerts=["DiskWillFill"],
            ),
            Query(f"max by (mountpoint) (node_filesystem_avail_bytes{{{_DISK}}})", "free on {{mountpoint}}"),
            Query(
                f"max by (mountpoint) (predict_linear(node_filesystem_avail_bytes{{{_DISK}}}[6h], 86400))",
                "in a day on {{mountpoint}}",
            ),
        ),
        lines(
            Words(
                "Disks at work",
                "Share of the time in which a disk had something to do.",
                "percentunit",
                ((None, "green"), (0.9, "orange")),
                size=(8, 8),
            ),
            Query(
                'max by (device) (rate(node_disk_io_time_seconds_total{device!~"loop.*|ram.*"}[$__rate_interval]))',
                "{{device}}",
                empty="the kernel of this machine does not count it",
            ),
        ),
        lines(
            Words("Network", "Of the machine, without its bridges.", "Bps", PLAIN, size=(8, 8)),
            Query(
                'sum(rate(node_network_receive_bytes_total{device!~"lo|veth.*|br-.*|docker.*"}[$__rate_interval]))',
                "received",
                empty="the machine is seen from a container's network",
            ),
            Query(
                'sum(rate(node_network_transmit_bytes_total{device!~"lo|veth.*|br-.*|docker.*"}[$__rate_interval]))',
                "sent",
                empty="the machine is seen from a container's network",
            ),
        ),
    ]
