"""What the records of metrics say is what the platform's exporters expose: alerts stand on these names."""

from pathlib import Path

import pytest
import yaml
from tests.conftest import ROOT
from tests.integration.platform.conftest import Platform, docker, eventually

from millrace.alerts.build import load
from millrace.alerts.exposed import EXPORTER, read_record, series_on
from millrace.alerts.expressions import selectors

JOBS = {
    job["job_name"]: f"http://{job['static_configs'][0]['targets'][0]}{job.get('metrics_path', '/metrics')}"
    for job in yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
}
RECORDS = sorted((ROOT / "infra/metrics").glob("*.txt"))
# Their names follow the machine's kernel and disks, and the requests that were sent so far.
THAT_VARY = {"node", "object-store"}


def alerted() -> set[str]:
    """Names that an alert or a record of the catalogue asks for."""
    areas = load(ROOT).areas
    expressions = [alert.expr.replace("$threshold", "1") for area in areas for alert in area.alerts]
    expressions += [record.expr for area in areas for record in area.records]
    return {selector.metric for expression in expressions for selector in selectors(expression, "")}


def test_each_exporter_but_ours_has_a_record() -> None:
    assert {path.stem for path in RECORDS} == set(JOBS) - {EXPORTER}


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_an_exporter_exposes_what_its_record_says(path: Path, platform: Platform) -> None:
    expected = set(read_record(path))
    if path.stem in THAT_VARY:
        expected &= alerted()
    assert expected

    def exposed() -> None:
        page = docker("exec", platform.container("prometheus")["Id"], "wget", "-q", "-O", "-", JOBS[path.stem])
        assert expected - set(series_on(page)) == set()

    eventually(exposed, 60)
