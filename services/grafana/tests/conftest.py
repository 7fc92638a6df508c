"""Fixtures: the committed dashboards, and a real Prometheus that scrapes one series or more of every family.

The pages it scrapes are made from what exporters declare: our exporter's families, and the records of the others in
`infra/metrics`. So a query is answered only if its metrics, labels and joins are those that exporters have.
"""

import http.server
import itertools
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from millrace.domains import installed_domains
from millrace.testing.fixtures import not_here
from millrace.testing.programs import NoProgramError
from millrace.testing.prometheus import prometheus_server
from millrace_exporter.families import FAMILIES, Family
from millrace_grafana.build import outline
from millrace_grafana.queries import EXPECTED_EMPTY, FOLDER, dashboards

ROOT = Path(__file__).parents[3]
_SCRAPED_WITHIN_SECONDS = 60
_MINUTE = 60.0


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shown() -> dict[str, dict]:
    """The committed dashboards by uid."""
    return dashboards(ROOT / FOLDER)


@pytest.fixture(scope="session")
def expected_empty() -> dict[str, dict[str, str]]:
    """Queries that may return nothing, with the reason."""
    return json.loads((ROOT / EXPECTED_EMPTY).read_text(encoding="utf-8"))


class World:
    """Values of labels that belong together: what a platform with the installed domains would say."""

    def __init__(self) -> None:
        domains = [outline(point.load()) for point in installed_domains().values()]
        self.jobs = [(domain.name, job) for domain in domains for job, _ in domain.jobs]
        self.assets = [
            (asset, group, domain.name) for domain in domains for group, assets in domain.groups for asset in assets
        ]
        self.checked = [asset for domain in domains for asset in domain.checked]
        self.fresh = [asset for domain in domains for asset in domain.fresh]
        self.locations = [domain.name for domain in domains]

    def rows(self, family: Family) -> Iterator[dict[str, str]]:
        """Sets of labels of a family."""
        free = list(family.labels)
        given: Sequence[Mapping[str, str]] = [{}]
        if "asset_key" in free:
            given = [
                {"asset_key": asset, "group": group, "code_location": location}
                for asset, group, location in self.assets
                if ("freshness" not in family.name or asset in self.fresh)
                and ("_check_" not in family.name or asset in self.checked)
            ]
        elif "job_name" in free:
            given = [{"code_location": location, "job_name": job} for location, job in self.jobs]
        elif "code_location" in free:
            given = [{"code_location": location} for location in self.locations]
        elif "service" in free:
            services = [{"service": name, "name": f"m-{name}", "run_job": ""} for name in ("postgres", "gateway")]
            runs = [{"service": f"{location}-run", "name": "run", "run_job": job} for location, job in self.jobs]
            given = [*services, *runs]
        open_labels = [label for label in free if label not in given[0]]
        for one in given:
            for values in itertools.product(*(self._values(family, label) for label in open_labels)):
                everything = {**one, **dict(zip(open_labels, values, strict=True))}
                yield {label: everything[label] for label in free}

    def _values(self, family: Family, label: str) -> Sequence[str]:
        return family.values.get(label, ("event_logs", "runs") if label == "relation" else (f"a_{label}",))


def exporter_page(world: World) -> str:
    """What our exporter would say at this moment, a series or more of every family."""
    lines = []
    for family in FAMILIES.values():
        lines.append(f"# TYPE {family.name} {'gauge' if family.kind == 'info' else family.kind}")
        for labels in world.rows(family):
            if family.kind == "histogram":
                bounds = [*map(str, family.buckets), "+Inf"]
                lines += [_line(f"{family.name}_bucket", {**labels, "le": one}, time.time() % 10_000) for one in bounds]
                lines.append(_line(f"{family.name}_sum", labels, time.time() % 10_000))
                lines.append(_line(f"{family.name}_count", labels, time.time() % 10_000))
            else:
                lines.append(_line(family.name, labels, _value(family)))
    return "\n".join(lines) + "\n"


def _value(family: Family) -> float:
    if "deadline" in family.name or "expected_tick" in family.name:
        return time.time() + _MINUTE
    if "timestamp_seconds" in family.name:
        return time.time() - _MINUTE
    if family.name.endswith(("_state", "_failures")):
        return 0.0
    if family.kind == "counter":
        return time.time() % 100_000
    return 1.0


def other_page(record: Path) -> str:
    """What an exporter of others would say: every series of its record, once for each value that queries ask for."""
    asked = {
        "mode": ("idle", "user"), "mountpoint": ("/",), "device": ("sda",), "datname": ("dagster",),
        "fstype": ("ext4",), "slice": ("inner_eval",), "quantile": ("0.9",),
    }  # fmt: skip
    lines = []
    for text in record.read_text(encoding="utf-8").splitlines():
        if text and not text.startswith("#"):
            name, _, labels = text.partition(" ")
            names = list(filter(None, labels.split(",")))
            lines += [
                _line(name, dict(zip(names, values, strict=True)), time.time() % 100_000)
                for values in itertools.product(*(asked.get(label, (f"a_{label}",)) for label in names))
            ]
    return "\n".join(lines) + "\n"


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    text = ",".join(f'{label}="{one}"' for label, one in labels.items())
    return f"{name}{{{text}}} {value}"


@pytest.fixture(scope="session")
def prometheus() -> Generator[str]:
    """A Prometheus that has scraped every family for some seconds, with an alert that fires."""
    world = World()
    others = sorted((ROOT / "infra" / "metrics").glob("*.txt"))
    pages = {"exporter": lambda: exporter_page(world)}
    pages |= {path.stem: lambda path=path: other_page(path) for path in others if path.stem != "prometheus"}

    class Exporters(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = pages[self.path.strip("/")]().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):  # a Prometheus that is ended hangs up
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 its base says so
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exporters)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    target = f"127.0.0.1:{server.server_port}"
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        scrapes = [
            {"job_name": name, "metrics_path": f"/{name}", "static_configs": [{"targets": [target]}]} for name in pages
        ]
        scrapes.append({"job_name": "prometheus", "file_sd_configs": [{"files": ["itself.json"]}]})
        content = {
            "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": scrapes,
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(content))
        rules = [
            {"alert": "Watchdog", "expr": "vector(1)", "labels": {"severity": "info"}},
            {"alert": "SomethingIsWrong", "expr": "vector(1)", "labels": {"severity": "error"}},
        ]
        (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "tests", "rules": rules}]}))
        with prometheus_server(folder) as address:
            itself = [{"targets": [address.removeprefix("http://")]}]  # its port is known only now
            (folder / "itself.json").write_text(json.dumps(itself))
            _wait_for_scrapes(address, len(pages) + 1)
            yield address
    except NoProgramError as error:
        not_here(str(error))
    finally:
        server.shutdown()
        server.server_close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_scrapes(address: str, targets: int) -> None:
    deadline = time.monotonic() + _SCRAPED_WITHIN_SECONDS
    while True:
        answer = httpx.get(f"{address}/api/v1/query", params={"query": "count(count_over_time(up[1m]) >= 3)"}).json()
        counted = answer["data"]["result"]
        if counted and int(counted[0]["value"][1]) >= targets:
            return
        assert time.monotonic() < deadline, f"not every target was scraped: {answer}"
        time.sleep(0.25)
