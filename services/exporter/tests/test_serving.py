"""What is served: the bytes of the last polls, in both formats; one dead source hides no other; caps hold."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from prometheus_client import exposition as text_format
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as open_format
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Exemplar

from millrace_exporter.app import create_app
from millrace_exporter.checkpoint import Checkpoints
from millrace_exporter.definitions import Asset, Definitions, Location, Policy
from millrace_exporter.exporter import Exporter
from millrace_exporter.families import COLLECTORS, FAMILIES, METADATA_KEYS, Family, exposed_names
from millrace_exporter.main import main
from millrace_exporter.page import render_page
from millrace_exporter.polling import Lane, Poller
from millrace_exporter.rendering import Exposition, render
from millrace_exporter.samples import Histogram, RunExemplar, Samples
from millrace_exporter.settings import Settings

PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@contextlib.contextmanager
def served(exporter: Exporter, *, polls: bool = False) -> Generator[httpx.Client]:
    """A client of the real server."""
    config = uvicorn.Config(create_app(exporter, polls=polls), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)


def test_both_formats_hold_the_same_and_only_openmetrics_has_exemplars(
    exporter: Any, database: Any, clock: Any
) -> None:
    database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)
    exporter.poll()
    exporter.poll()
    with served(exporter.exporter) as client:
        text = client.get("/metrics")
        opened = client.get("/metrics", headers={"Accept": PROMETHEUS_3})

    assert text.headers["content-type"].startswith("text/plain; version=")
    assert opened.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    samples = {
        (one.name, frozenset(one.labels.items())): one.value
        for family in parse_text(text.text)
        for one in family.samples
    }
    of_open = [one for family in parse_open(opened.text) for one in family.samples]
    assert {(one.name, frozenset(one.labels.items())): one.value for one in of_open} == samples
    told = [one for one in of_open if one.exemplar is not None]
    assert {one.name for one in told} >= {"dagster_runs_completed_total", "dagster_run_duration_seconds_bucket"}
    assert all(set(one.exemplar.labels) == {"run_id"} for one in told)


def run_exemplar(run: RunExemplar | None) -> Exemplar | None:
    return None if run is None else Exemplar({"run_id": run.run_id}, run.value, run.timestamp)


def by_the_library(samples: Samples) -> tuple[bytes, bytes]:
    """What prometheus-client makes of the same series."""
    metrics = []
    for family in FAMILIES.values():
        named = samples.values.get(family.name, {})
        histograms = samples.histograms.get(family.name, {})
        if not named and not histograms:
            continue
        stem = family.name.removesuffix({"counter": "_total", "info": "_info"}.get(family.kind, ""))
        metric = Metric(stem, family.help, family.kind)
        for labels, value in named.items():
            run = samples.exemplars.get((family.name, labels))
            exemplar = run_exemplar(run)
            metric.add_sample(family.name, dict(zip(family.labels, labels, strict=True)), value, exemplar=exemplar)
        for labels, histogram in histograms.items():
            with_labels, total = dict(zip(family.labels, labels, strict=True)), 0
            for number, count in enumerate(histogram.counts):
                total += count
                bound = str(float(family.buckets[number])) if number < len(family.buckets) else "+Inf"
                run = histogram.exemplars.get(number)
                exemplar = run_exemplar(run)
                metric.add_sample(f"{family.name}_bucket", {**with_labels, "le": bound}, total, exemplar=exemplar)
            metric.add_sample(f"{family.name}_count", with_labels, total)
            metric.add_sample(f"{family.name}_sum", with_labels, histogram.sum)
        metrics.append(metric)

    class Registry:
        def collect(self) -> list[Metric]:
            return metrics

    registry: Any = Registry()
    return text_format.generate_latest(registry), open_format.generate_latest(registry).removesuffix(b"# EOF\n")


@pytest.mark.parametrize("name", FAMILIES)
def test_lines_are_byte_for_byte_those_of_prometheus_client(name: str) -> None:
    family = FAMILIES[name]
    samples = Samples(family.collector)
    odd = ('a "quoted" one', "a\\b", "two\nlines", "Zürich")
    labels = [(f"{number}", *odd)[: len(family.labels)] for number in range(2)]
    for number, one in enumerate(labels if family.labels else [()]):
        run = RunExemplar(f"run-{number}", 1.5, 1795282331.25)
        if family.kind == "histogram":
            histogram = Histogram.of(name)
            for value in (0.1, 7, 1e9):
                histogram.observe(name, RunExemplar("r", value, 1795282331.25))
            samples.observe(name, one, histogram)
        else:
            samples.set(name, one, (1795282331.123456, 0.0, 1e300)[number], run if family.kind == "counter" else None)

    rendered = render(samples)

    assert (rendered.text, rendered.open) == by_the_library(samples)


def test_serving_asks_nobody(exporter: Any) -> None:
    exporter.poll()
    asked = len(exporter.asked)

    with served(exporter.exporter) as client:
        for _ in range(5):
            assert client.get("/metrics").content == exporter.exporter.exposition.text
        assert client.get("/docs").status_code == 404

    assert len(exporter.asked) == asked


def test_every_series_is_declared_with_its_type_and_labels(exporter: Any, database: Any, clock: Any) -> None:
    database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)
    exporter.poll()
    exporter.poll()
    declared = {name: family for family in FAMILIES.values() for name in exposed_names(family)}

    seen = set()
    for name, labels in exporter.series:
        family = declared[name]
        assert {label for label, _ in labels} - {"le"} == set(family.labels), name
        seen.add(family.name)
    assert len(seen) > 30


@pytest.fixture
def polling(database: Any, tmp_path: Path) -> Any:
    """An exporter whose database answers and whose other sources are gone, polled by its own threads."""
    gone = "http://127.0.0.1:1"
    settings = Settings(
        database=database.address,
        webserver=gone,
        docker=gone,
        neo4j="bolt://127.0.0.1:1",
        object_store=gone,
        iceberg="host=127.0.0.1 port=1 dbname=catalog user=exporter",
        checkpoints=tmp_path,
        intervals=dict.fromkeys(COLLECTORS, 0.2),
    )
    with served(Exporter(settings), polls=True) as client:
        yield client


def test_dead_sources_hide_nothing_and_are_told_of(polling: httpx.Client, database: Any) -> None:
    database.run("INSERT INTO daemon_heartbeats (daemon_type, timestamp, body) VALUES ('SENSOR', now(), '')")
    deadline = time.monotonic() + 60
    wanted = ('dagster_daemon_last_heartbeat_timestamp_seconds{daemon_type="SENSOR"}', "neo4j_up 0.0")
    while not all(one in (text := polling.get("/metrics").text) for one in wanted):
        assert time.monotonic() < deadline, text
        time.sleep(0.2)
    time.sleep(1)
    text = polling.get("/metrics").text

    errors = {
        sample.labels["collector"]: sample.value
        for family in parse_text(text)
        for sample in family.samples
        if sample.name == "millrace_exporter_collector_errors_total"
    }
    failing = {name for name, count in errors.items() if count}
    assert failing == {"workspace", "containers", "neo4j", "object_store", "iceberg"}
    assert {"runs", "assets", "checks", "freshness", "daemons", "storage"} <= set(errors)
    assert 'object_store_probe_success{operation="put"} 0.0' in text
    assert polling.get("/healthz").status_code == 200


class Hanging:
    """A source that does not come back."""

    name = "neo4j"

    def __init__(self) -> None:
        self.until = threading.Event()

    def poll(self) -> Samples:
        self.until.wait(30)
        return Samples(self.name)


class Raising:
    """A source with a bug."""

    name = "pools"

    def poll(self) -> Samples:
        raise RuntimeError("a bug")


class Working:
    """A source that answers."""

    name = "daemons"

    def poll(self) -> Samples:
        samples = Samples(self.name)
        samples.set("dagster_daemon_required", ["SENSOR"], 1)
        return samples


def test_a_source_that_hangs_and_one_that_raises_hold_up_nobody(tmp_path: Path) -> None:
    exposition, checkpoints, stopping = Exposition(), Checkpoints(tmp_path), threading.Event()
    hanging = Hanging()
    lanes = [Lane(one.name, [Poller(one, checkpoints, exposition, 0.05)], stopping) for one in (hanging, Working())]
    raising = Poller(Raising(), checkpoints, exposition, 0.05)
    lanes.append(Lane("pools", [raising, Poller(Working(), checkpoints, exposition, 0.05)], stopping))
    for lane in lanes:
        lane.start()
    time.sleep(1)
    stopping.set()
    hanging.until.set()
    for lane in lanes:
        lane.join(10)

    assert b'dagster_daemon_required{daemon_type="SENSOR"} 1.0' in exposition.text
    assert raising.status.errors > 2


def test_a_reason_is_logged_once_and_its_end_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "exporter")
    fails = [True, True, True, False, False, True]

    class Flaky(Working):
        def poll(self) -> Samples:
            if fails.pop(0):
                raise RuntimeError("it is away")
            return super().poll()

    poller = Poller(Flaky(), Checkpoints(tmp_path), Exposition())
    told = [poller.poll() for _ in range(6)]

    assert told == [False, False, False, True, True, False]
    assert poller.status.errors == 4
    away = "daemons: RuntimeError: it is away"
    assert [one.getMessage() for one in caplog.records] == [away, "daemons: works again", away]


def test_a_cap_keeps_the_series_that_were_there_and_counts_the_others() -> None:
    cap = FAMILIES["dagster_daemon_required"].cap
    samples = Samples("daemons")
    for number in range(cap + 7):
        samples.set("dagster_daemon_required", [f"DAEMON_{number}"], 1)
    samples.set("dagster_daemon_required", ["DAEMON_0"], 0)

    assert len(samples.values["dagster_daemon_required"]) == cap
    assert samples.values["dagster_daemon_required"][("DAEMON_0",)] == 0
    assert samples.dropped == {"dagster_daemon_required": 7}


def test_what_a_cap_drops_is_a_metric(exporter: Any, database: Any, clock: Any) -> None:
    cap = FAMILIES["dagster_daemon_last_heartbeat_timestamp_seconds"].cap
    database.run(
        "INSERT INTO daemon_heartbeats (daemon_type, timestamp, body) SELECT 'D' || n, now(), '' FROM "
        "generate_series(1, %s) AS n",
        (cap + 5,),
    )
    exporter.poll()
    exporter.poll("exporter")

    labels = {"collector": "daemons", "family": "dagster_daemon_last_heartbeat_timestamp_seconds"}
    assert exporter.value("millrace_exporter_series_dropped_total", **labels) == 5
    assert len(exporter.all("dagster_daemon_last_heartbeat_timestamp_seconds")) == cap


def test_a_label_of_another_family_or_collector_is_a_bug_that_is_found() -> None:
    samples = Samples("daemons")
    with pytest.raises(ValueError, match="daemons gives 2 labels"):
        samples.set("dagster_daemon_required", ["a", "b"], 1)
    with pytest.raises(ValueError, match="expected runs"):
        samples.set("dagster_job_last_run_success", ["a", "b"], 1)
    with pytest.raises(KeyError):
        samples.set("dagster_no_such_thing", [], 1)


def test_two_thousand_assets_in_five_locations_stay_under_the_caps(exporter: Any, database: Any, clock: Any) -> None:
    database.history.write(runs=1000, assets=2000, end=clock.wall, seconds=3000)
    policy = Policy(3600.0, 1800.0)
    exporter.define(
        *(
            Asset(f"cleaned_thing_{number}", "clean", f"location_{number % 5}", ("team:x",), ("polars",), policy)
            for number in range(2000)
        )
    )
    exporter.poll()
    exporter.poll()

    assert exporter.all("millrace_exporter_series_dropped_total") == {}
    assert len(exporter.all("dagster_asset_freshness_state")) == 2000
    assert len(exporter.all("dagster_asset_last_materialization_timestamp_seconds")) > 1900
    assert len(exporter.all("dagster_asset_check_status")) > 1900
    of_every_stage = [key for key in METADATA_KEYS if not key.startswith("source_")]
    assert len(exporter.all("dagster_asset_metadata_value")) > 1900 * len(of_every_stage)
    counts = Counter(name for name, _ in exporter.series)
    assert {name for name, count in counts.items() if name in FAMILIES and count > FAMILIES[name].cap} == set()


def test_of_two_thousand_assets_in_each_of_five_locations_the_caps_show_some_and_count_the_others(
    exporter: Any, database: Any, clock: Any
) -> None:
    database.history.write(runs=100, assets=200, end=clock.wall, seconds=300)
    policy = Policy(3600.0, 1800.0)
    locations = [
        Location(
            f"location_{place}",
            assets=tuple(Asset(f"cleaned_thing_{n}", "clean", f"location_{place}", policy=policy) for n in numbers),
        )
        for place, numbers in enumerate(range(first, first + 2000) for first in range(0, 10_000, 2000))
    ]
    workspace = exporter.exporter.workspace
    workspace.replace(Definitions().updated(locations, {}))
    families = {
        "dagster_asset_freshness_state": "freshness",
        "dagster_asset_freshness_window_seconds": "freshness",
        "dagster_asset_materializations_total": "assets",
    }
    exporter.poll()
    first = {name: set(exporter.all(name)) for name in families}
    exporter.poll()
    exporter.poll("exporter")

    for name, collector in families.items():
        every = 20_000 if name.endswith("window_seconds") else 10_000
        assert len(first[name]) == FAMILIES[name].cap
        assert set(exporter.all(name)) == first[name]
        dropped = exporter.value("millrace_exporter_series_dropped_total", collector=collector, family=name)
        assert dropped == 2 * (every - FAMILIES[name].cap)
    counts = Counter(name for name, _ in exporter.series)
    assert {name for name, count in counts.items() if name in FAMILIES and count > FAMILIES[name].cap} == set()
    with served(exporter.exporter) as client:
        assert client.get("/metrics").content == exporter.exporter.exposition.text

    workspace.replace(workspace.now.updated(locations[-1:], {}))
    exporter.poll()
    exporter.poll("exporter")

    fresh = {dict(labels)["asset_key"] for labels in exporter.all("dagster_asset_freshness_state")}
    assert fresh == {f"cleaned_thing_{number}" for number in range(8000, 10_000)}
    labels = {"collector": "freshness", "family": "dagster_asset_freshness_state"}
    cap = FAMILIES["dagster_asset_freshness_state"].cap
    assert exporter.value("millrace_exporter_series_dropped_total", **labels) == 2 * (10_000 - cap)  # no more than then


def test_a_histogram_counts_into_the_bucket_whose_bound_is_reached() -> None:
    name = "dagster_run_start_seconds"
    histogram = Histogram.of(name)
    for value in (0.5, 0.6, 4000, -3):
        histogram.observe(name, RunExemplar("r", value, 1))

    assert histogram.counts[:2] == [2, 1]
    assert histogram.counts[-1] == 1
    assert histogram.sum == pytest.approx(4001.1)
    assert Histogram.restored(name, histogram.dump()).counts == histogram.counts
    assert sum(Histogram.restored(name, {"counts": [1], "sum": 1}).counts) == 0


def families_problems(family: Family) -> list[str]:
    """What is wrong with a declaration."""
    problems = []
    if (family.kind == "counter") != family.name.endswith("_total"):
        problems.append("a counter, and nothing else, ends in _total")
    if (family.kind == "info") != family.name.endswith("_info"):
        problems.append("an info, and nothing else, ends in _info")
    if family.kind == "histogram" and (not family.buckets or list(family.buckets) != sorted(family.buckets)):
        problems.append("a histogram has rising buckets")
    if "timestamp" in family.name and not family.name.endswith("_timestamp_seconds"):
        problems.append("a moment ends in _timestamp_seconds")
    if any(word in family.name for word in ("_age", "_ms", "_millis", "_mb", "_minutes", "_hours", "_percent")):
        problems.append("base units, and no ages")
    if {"run_id", "partition", "step", "step_key"} & set(family.labels):
        problems.append("no run, partition or step in a label")
    if not set(family.values) <= set(family.labels) or set(family.seeded) & set(family.closed):
        problems.append("only labels of its own have values, in one way")
    if not all((family.help, family.zero, family.blind, family.alert)) or family.cap < 1:
        problems.append("it says what it means, and has a cap")
    if family.collector not in COLLECTORS:
        problems.append("somebody fills it")
    return problems


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_named_and_described_as_prometheus_asks(name: str) -> None:
    assert families_problems(FAMILIES[name]) == []


def test_a_wrong_family_is_found() -> None:
    wrong = Family("x_age_minutes_total", "gauge", ("run_id",), "", "", "", "", "nobody", 0)

    assert len(families_problems(wrong)) == 5


def test_the_table_needs_only_the_standard_library() -> None:
    import subprocess
    import sys

    path = Path(render_page.__code__.co_filename).with_name("families.py")
    code = f"import runpy; print(len(runpy.run_path({str(path)!r})['FAMILIES']))"
    ended = subprocess.run([sys.executable, "-S", "-I", "-c", code], capture_output=True, text=True, check=False)

    assert ended.stdout.strip() == str(len(FAMILIES)), ended.stderr


def test_the_page_of_metrics_is_the_rendered_one(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.argv", ["millrace-exporter", "page"])
    main()

    page = Path(__file__).parents[3] / "docs" / "metrics.md"
    assert page.read_text() == capsys.readouterr().out
    assert all(f"### {name}" in page.read_text() for name in FAMILIES)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("EXPORTER_LISTEN", "9405", "<host>:<port>"),
        ("EXPORTER_WEBSERVER", "webserver:3000", "a URL"),
        ("EXPORTER_LOOK_BACK_HOURS", "-1", "a number above 0"),
        ("EXPORTER_INTERVALS", "nobody=5", "<collector>=<seconds>"),
        ("EXPORTER_SMALL_FILE_BYTES", "16MiB", "a whole number"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_expected(variable: str, value: str, expected: str) -> None:
    with pytest.raises(SystemExit, match=f"exporter: {variable}='{value}' cannot be read; expected {expected}"):
        Settings.from_environment({variable: value})


def test_what_is_unset_or_empty_keeps_its_default() -> None:
    assert Settings.from_environment({"EXPORTER_INTERVALS": "", "OTHER": "x"}) == Settings()
    read = Settings.from_environment({"EXPORTER_INTERVALS": "runs=1", "EXPORTER_METADATA_KEYS": "a, b"})
    assert (read.intervals["runs"], read.intervals["assets"], read.metadata_keys) == (
        1,
        COLLECTORS["assets"],
        ("a", "b"),
    )


def test_a_half_written_checkpoint_is_swept_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save("runs", '{"a": 1}')
    (tmp_path / ".runs-killed").write_text('{"form')

    checkpoints.sweep()

    assert [path.name for path in tmp_path.iterdir()] == ["runs.json"]
    assert checkpoints.load("runs") == {"a": 1}
