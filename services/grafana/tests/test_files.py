"""The committed dashboards are what the code gives, and every panel says what it must."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from grafana_foundation_sdk.models.dashboard import Dashboard

from millrace.alerts.catalogue import alerts_of, load_catalogue
from millrace_grafana.build import all_pages, differing, files, write
from millrace_grafana.pages import fixed_pages
from millrace_grafana.queries import FOLDER, panels

FIXED = {"overview", "control-plane", "jobs", "assets", "containers", "stores", "monitoring"}
DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def every_panel(shown: dict[str, dict]) -> Iterator[tuple[str, dict]]:
    for uid, dashboard in shown.items():
        for panel in panels(dashboard):
            yield f"{uid}: {panel['title']}", dict(panel)


def test_the_committed_files_are_what_the_code_gives(root: Path) -> None:
    assert differing(root, files(all_pages())) == []


def test_a_file_that_was_changed_removed_or_added_by_hand_is_found(tmp_path: Path) -> None:
    made = files(fixed_pages())
    assert write(tmp_path, made) == sorted(made)
    folder = tmp_path / FOLDER
    (folder / "jobs.json").write_text("{}")
    (folder / "stores.json").unlink()
    (folder / "mine.json").write_text("{}")

    wrong = [f"{FOLDER}/{name}.json" for name in ("jobs", "mine", "stores")]
    assert differing(tmp_path, made) == wrong
    assert write(tmp_path, made) == wrong
    assert differing(tmp_path, made) == []


def test_the_same_code_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    program = (
        "import hashlib; from millrace_grafana.build import all_pages, files;"
        "print(hashlib.sha256(repr(sorted(files(all_pages()).items())).encode()).hexdigest(), end='')"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "MILLRACE_HOME": str(tmp_path)}
    elsewhere = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True, text=True, env=environment
    )

    here = hashlib.sha256(repr(sorted(files(all_pages()).items())).encode()).hexdigest()
    assert elsewhere.stdout == here


def test_there_are_seven_dashboards_and_one_for_each_domain(shown: dict[str, dict], root: Path) -> None:
    domains = {f"domain-{path.parent.name}" for path in (root / "code_locations").glob("*/pyproject.toml")}

    assert set(shown) == FIXED | domains


def test_every_panel_says_what_it_shows_in_which_unit_and_from_when_on_it_is_bad(shown: dict[str, dict]) -> None:
    for place, panel in every_panel(shown):
        assert panel["title"], place
        assert len(panel["description"]) >= 8, place
        assert panel["description"].endswith("."), place
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"], place
        steps = defaults["thresholds"]["steps"]
        assert steps[0]["value"] is None, place
        values = [step["value"] for step in steps[1:]]
        assert values == sorted(values), place


def test_every_query_goes_to_the_chosen_data_source_with_a_rate_interval_and_exemplars(shown: dict[str, dict]) -> None:
    for place, panel in every_panel(shown):
        assert panel["datasource"] == DATA_SOURCE, place
        assert panel["targets"], place
        for target in panel["targets"]:
            assert target["datasource"] == DATA_SOURCE, place
            assert target["instant"] or target["exemplar"], place
            assert not re.search(r"\b(rate|irate)\([^\[]*\[(?!\$__rate_interval)", target["expr"]), place


def test_a_number_never_shows_green_where_nothing_reports(shown: dict[str, dict]) -> None:
    for place, panel in every_panel(shown):
        if panel["type"] == "stat":
            assert panel["fieldConfig"]["defaults"]["noValue"] == "not reporting", place
            for target in panel["targets"]:
                assert "or vector(" not in target["expr"], place


def test_links_lead_out_of_grafana_by_steps_and_into_it_by_a_slash(shown: dict[str, dict]) -> None:
    seen = set()
    for place, panel in every_panel(shown):
        for link in (*panel["fieldConfig"]["defaults"].get("links", ()), *panel.get("links", ())):
            seen.add(link["url"])
            assert re.match(r"^(\.\./){4}\w|^/d/", link["url"]), f"{place}: {link['url']}"
            if link["url"].startswith("/d/"):
                assert link["url"].removeprefix("/d/").partition("?")[0] in shown, f"{place}: {link['url']}"

    assert {
        "../../../../assets/${__field.labels.asset_key}",
        "../../../../runbooks/${__field.labels.alertname}",
    } <= seen
    assert any(url.startswith("../../../../runs?q=") for url in seen)


def test_every_dashboard_marks_deployments_maintenance_and_backfills(shown: dict[str, dict]) -> None:
    for uid, dashboard in shown.items():
        marks = {mark["name"]: mark for mark in dashboard["annotations"]["list"]}
        assert set(marks) == {"Deployments", "Maintenance", "Backfills"}, uid
        assert marks["Deployments"]["target"]["tags"] == ["millrace", "deployment"], uid
        assert dashboard["refresh"] == "30s", uid


def test_numbers_come_before_tables_and_panels_leave_no_hole_and_do_not_overlap(shown: dict[str, dict]) -> None:
    for uid, dashboard in shown.items():
        found = list(panels(dashboard))
        assert found[0]["type"] == "stat", uid
        kinds = [panel["type"] for panel in found]
        if "table" in kinds:
            assert kinds.index("table") > 4, uid
        cells: set[tuple[int, int]] = set()
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(ids) == len(set(ids)), uid
        for panel in dashboard["panels"]:
            at = panel["gridPos"]
            covered = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & covered, f"{uid}: {panel['title']}"
            assert at["x"] + at["w"] <= 24, f"{uid}: {panel['title']}"
            cells |= covered
        assert len(cells) == 24 * (max(y for _, y in cells) + 1), f"{uid} has a hole"


def test_a_number_is_asked_for_now(shown: dict[str, dict]) -> None:
    """Of a range Grafana shows the last value that there was, also long after nobody reports it."""
    for place, panel in every_panel(shown):
        if panel["type"] == "stat":
            assert all(target["instant"] and not target["range"] for target in panel["targets"]), place


def test_a_table_calls_its_columns_of_values_as_grafana_does(shown: dict[str, dict]) -> None:
    for place, panel in every_panel(shown):
        if panel["type"] == "table":
            refs = [target["refId"] for target in panel["targets"]]
            given = {f"Value #{ref}" for ref in refs} if len(refs) > 1 else {"Value"}
            for transformation in panel["transformations"]:
                if transformation["id"] == "organize":
                    named = transformation["options"]["renameByName"]
                    assert {name for name in named if name.startswith("Value")} <= given, place


def test_the_sdk_reads_back_every_file_as_it_is(shown: dict[str, dict]) -> None:
    """There is no JSON schema of this version that is kept; the SDK's own model, made from Grafana's, is the check."""
    for uid, dashboard in shown.items():
        read = Dashboard.from_json(dashboard)
        assert read.uid == uid
        assert len(read.panels or []) == len(dashboard["panels"])


@pytest.mark.parametrize("uid", sorted(FIXED))
def test_a_dashboard_is_a_module_with_a_page(uid: str) -> None:
    assert uid in {page.uid for page in fixed_pages()}


def test_an_alert_and_the_panel_that_shows_the_same_lead_to_each_other(shown: dict[str, dict], root: Path) -> None:
    catalogued = {alert.alert: alert.dashboard for alert in alerts_of(load_catalogue(root / "infra" / "alerts"))}
    linked: dict[str, set[str]] = {}
    for place, panel in every_panel(shown):
        for link in panel.get("links", ()):
            linked.setdefault(link["url"].rpartition("/")[2], set()).add(place.partition(":")[0])
    elsewhere = {
        "BackupFailed": "backups have no figure of their own yet",
        "BackupStale": "the same",
        "JobSucceeded": "tells of what went well",
    }

    assert set(linked) - set(catalogued) == set()
    assert set(catalogued) - set(linked) == set(elsewhere)
    for alert, dashboards in linked.items():
        if catalogued[alert]:
            assert catalogued[alert] in dashboards, f"{alert} leads to {catalogued[alert]}"
