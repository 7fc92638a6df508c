"""Real Prometheus and Alertmanager in containers, fed by made-up metrics, sending to real servers of this process.

They run with the platform's own rules, routes and start script, on 127.0.0.1 of this machine. Two things differ: they
look every second, and one maintenance window is open all the time, on the code location `walled`.
"""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
import yaml
from tests.conftest import ROOT

from millrace.alerts import routes
from millrace.alerts.build import load
from millrace.alerts.catalogue import alerts_of
from millrace.alerts.windows import Window
from millrace.errors import TransientError
from millrace.testing.fixtures import not_here
from millrace.testing.sinks import SinkHandler, Sinks, http_sink, mail_sink

GATEWAY = "https://millrace.example.org"
Answer = TypeVar("Answer")


def docker(*arguments: str) -> str:
    ended = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"docker {arguments[0]}: {ended.stderr}"
    return ended.stdout.strip()


def image(name: str) -> str:
    return f"{os.environ.get('MILLRACE_IMAGES', 'millrace')}/{name}:{os.environ.get('MILLRACE_VERSION', 'dev')}"


def eventually(ask: Callable[[], Answer], within_seconds: float) -> Answer:
    """The first answer that is true and no error."""
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            answer = ask()
            assert answer
        except (AssertionError, OSError, TransientError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class World(Sinks):
    """What Prometheus sees and where alerts go.

    Attributes:
        series: Values by series, by the job whose exporter has them; a job without an entry does not answer.
    """

    series: dict[str, dict[str, float]] = field(default_factory=dict)
    prometheus: str = ""
    alertmanager: str = ""
    container: str = ""

    def alerts(self, alertname: str, **labels: str) -> list[dict[str, Any]]:
        """Alerts that Alertmanager holds."""
        with urllib.request.urlopen(f"{self.alertmanager}/alertmanager/api/v2/alerts", timeout=5) as answer:
            found = json.load(answer)
        return [
            one for one in found if one["labels"]["alertname"] == alertname and labels.items() <= one["labels"].items()
        ]


def _handler(world: World) -> type[SinkHandler]:
    class Handler(SinkHandler):
        def do_GET(self) -> None:  # noqa: N802 - its name in the base class
            series = world.series.get(self.path.removeprefix("/metrics/"))
            self.answer(500 if series is None else 200, "".join(f"{a} {b}\n" for a, b in (series or {}).items()))

    return Handler


def _alertmanager_folder(target: Path) -> Path:
    shutil.copytree(ROOT / "infra/alertmanager", target)
    sources = load(ROOT)
    today = datetime.now(tz=UTC).replace(tzinfo=None)
    window = Window.model_validate(
        {
            "name": "wall",
            "reason": "a test",
            "matchers": ['code_location="walled"'],
            "from": today - timedelta(days=1),
            "to": today + timedelta(days=1),
        }
    )
    text = routes.configuration(list(alerts_of(sources.areas)), sources.notifications, [window])
    (target / "alertmanager.yml").write_text(text, encoding="utf-8")
    return target


def _prometheus_folder(target: Path, exporters: str, alertmanager: str) -> Path:
    target.mkdir()
    shutil.copytree(ROOT / "infra/prometheus/rules", target / "rules")
    configuration = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules/*.yaml"],
        "alerting": {
            "alertmanagers": [{"path_prefix": "/alertmanager", "static_configs": [{"targets": [alertmanager]}]}]
        },
        "scrape_configs": [
            {"job_name": job, "metrics_path": f"/metrics/{job}", "static_configs": [{"targets": [exporters]}]}
            for job in ("exporter", "postgres")
        ],
    }
    (target / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return target


def _log(container: str) -> str:
    ended = subprocess.run(["docker", "logs", "--tail", "20", container], capture_output=True, text=True, check=False)
    return f"{container}: {ended.stdout}{ended.stderr}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """Everything up, and nothing wrong yet."""
    if shutil.which("docker") is None:
        not_here("there is no docker here")
    folder = tmp_path_factory.mktemp("alerts")
    folder.chmod(0o755)
    world = World(series={"exporter": {"dagster_pool_pending_steps": 0}, "postgres": {"pg_up": 1}})
    with http_sink(world, handler=_handler(world)) as http_port, mail_sink(world) as mail_port:
        yield from _running(world, folder, f"127.0.0.1:{http_port}", f"127.0.0.1:{mail_port}")


def _running(world: World, folder: Path, sink: str, mail: str) -> Generator[World]:
    ports = {name: free_port() for name in ("prometheus", "alertmanager")}
    world.prometheus, world.alertmanager = (f"http://127.0.0.1:{port}" for port in ports.values())
    secrets = []
    for name, path in (("slack_url", "slack"), ("webhook_url", "webhook"), ("dead_man_url", "dead-man")):
        (folder / name).write_text(f"http://{sink}/{path}\n")
        (folder / name).chmod(0o644)
        secrets += ["--volume", f"{folder / name}:/run/secrets/alert_{name}:ro"]
    routed = _alertmanager_folder(folder / "alertmanager")
    ruled = _prometheus_folder(folder / "prometheus", sink, f"127.0.0.1:{ports['alertmanager']}")
    name = f"millrace-test-{uuid4().hex[:8]}"
    confined = ["--detach", "--network", "host", "--read-only", "--cap-drop", "ALL", "--user", "65534:65534", "--init"]
    world.container = f"{name}-alertmanager"
    try:
        docker(
            *("run", *confined, "--name", world.container, "--tmpfs", "/tmp:size=1m"),  # noqa: S108 - in the container
            *("--env", f"MILLRACE_ALERT_SMTP={mail}", "--env", "MILLRACE_ALERT_SMTP_TLS=off"),
            *("--env", "MILLRACE_ALERT_EMAIL_TO=people@example.org"),
            *("--volume", f"{routed}:/etc/alertmanager:ro", *secrets),
            *("--entrypoint", "/bin/sh", image("alertmanager"), "/etc/alertmanager/start.sh"),
            *("--storage.path=/alertmanager", "--cluster.listen-address=", "--web.route-prefix=/alertmanager"),
            *(f"--web.listen-address=127.0.0.1:{ports['alertmanager']}",),
            *(f"--web.external-url={GATEWAY}/alertmanager",),
        )
        docker(
            *("run", *confined, "--name", f"{name}-prometheus", "--volume", f"{ruled}:/etc/prometheus:ro"),
            *(image("prometheus"), "--config.file=/etc/prometheus/prometheus.yml"),
            *("--storage.tsdb.path=/prometheus", f"--web.listen-address=127.0.0.1:{ports['prometheus']}"),
            *(f"--web.external-url={GATEWAY}/prometheus", "--web.route-prefix=/prometheus"),
        )
        try:
            eventually(
                lambda: world.alerts("Watchdog"), 120
            )  # sent before Prometheus knew to whom, and again a minute later
        except (AssertionError, OSError):
            pytest.fail("\n".join(_log(one) for one in (world.container, f"{name}-prometheus")))
        yield world
    finally:
        for container in (world.container, f"{name}-prometheus"):
            subprocess.run(["docker", "rm", "--force", "--volumes", container], capture_output=True, check=False)
