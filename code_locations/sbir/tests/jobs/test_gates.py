"""What a gate of severity error stops, also in a later run, and what falls behind an asset's own history."""

import csv
from pathlib import Path
from typing import Any

import pytest

from millrace_sbir.columns import AWARDS

LOADS = ("loaded_companies", "loaded_sbir_awards", "loaded_contracts", "loaded_patents", "loaded_relationships")


@pytest.fixture
def awards(sample: Path, tmp_path: Path) -> Path:
    """The sample's awards, of which every other one has an amount that is none."""
    with (sample / "awards.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        header, *rows = [cells for cells in csv.reader(file) if len(cells) == len(AWARDS)]
    for cells in rows[::2]:
        cells[header.index("Award Amount")] = "a lot"
    path = tmp_path / "awards.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_a_gate_that_an_earlier_run_closed_keeps_the_graph_as_it_is(settled: Any, awards: Path) -> None:
    site, kept = settled.site, settled.site.environment
    site.environment = kept | {"SBIR_AWARDS": str(awards)}
    try:
        closed = site.run("raw_sbir_awards", "validated_sbir_awards")
    finally:
        site.environment = kept
    assert not closed.checks["validated_sbir_awards_intake_check"].passed

    refused = site.run(*LOADS)

    assert not refused.success
    problem = refused.failures["loaded_companies"]
    assert "validated_sbir_awards_intake_check did not pass in run " + closed.run_id in problem
    assert "\n" not in problem
    assert settled.site.graph() == settled.graph
    assert site.run("raw_sbir_awards", "validated_sbir_awards").success  # what was broken is mended
    opened = site.run(*LOADS)
    assert opened.success, opened.failures
    assert opened.changes() == {"added": 0, "changed": 0, "removed": 0}


def test_a_gate_that_closes_in_a_run_stops_all_that_is_behind_it(settled: Any, awards: Path) -> None:
    site, kept = settled.site, settled.site.environment
    site.environment = kept | {"SBIR_AWARDS": str(awards)}
    try:
        ended = site.run()
    finally:
        site.environment = kept

    assert not ended.success
    assert set(ended.metadata) <= {
        *("raw_sbir_awards", "raw_sbir_companies", "raw_sam_entities", "raw_uspto_patents"),
        *("validated_sbir_awards", "validated_sbir_companies", "validated_sam_entities", "validated_uspto_patents"),
    }
    assert settled.changed() == []
    assert site.run().success  # what was broken is mended


def test_an_asset_that_falls_far_behind_its_last_runs_is_a_warning_in_the_same_run(
    settled: Any, site: Any, sample: Path, tmp_path: Path
) -> None:
    """Each asset has such a check; a third of the awards is gone, but nothing is wrong with the others."""
    third = ("raw_sbir_awards", "validated_sbir_awards")
    for _ in range(2):
        assert settled.site.run(*third).success
    with (sample / "awards.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        header, *rows = csv.reader(file)
    with (tmp_path / "fewer.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows[: len(rows) * 2 // 3]])
    site.environment = settled.site.environment | {"SBIR_AWARDS": str(tmp_path / "fewer.csv")}

    ended = site.run()

    assert ended.success, ended.failures
    assert set(ended.metadata) - {name.removesuffix("_trend_check") for name in ended.checks} == {"published_tables"}
    check = ended.checks["validated_sbir_awards_trend_check"]
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert "volume" in check.description
    assert check.metadata["volume"].value < 0.8 * check.metadata["volume_median"].value
    assert ended.checks["raw_uspto_patents_trend_check"].passed
