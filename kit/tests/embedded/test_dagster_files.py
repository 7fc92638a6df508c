"""What a home writes for Dagster."""

from pathlib import Path

import pytest
import yaml

from millrace.embedded.home import Home


def test_each_domain_is_a_code_location_of_the_workspace(tmp_path: Path) -> None:
    home = Home(tmp_path)

    home.write_dagster_files("postgresql+psycopg2://x", {"museum": "millrace_museum.definitions"})

    (location,) = yaml.safe_load((home.dagster / "workspace.yaml").read_text())["load_from"]
    assert location["python_module"] == {
        "module_name": "millrace_museum.definitions",
        "attribute": "defs",
        "location_name": "museum",
    }


def test_the_instance_stands_on_the_postgres_and_sends_nothing_out(tmp_path: Path) -> None:
    home = Home(tmp_path)

    home.write_dagster_files("postgresql+psycopg2://x", {"museum": "millrace_museum.definitions"})

    instance = yaml.safe_load((home.dagster / "dagster.yaml").read_text())
    assert instance["storage"] == {"postgres": {"postgres_url": "postgresql+psycopg2://x"}}
    assert instance["telemetry"] == {"enabled": False}
    assert instance["python_logs"]["managed_python_loggers"] == ["millrace", "millrace_museum"]


def test_a_relative_home_is_absolute_in_every_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = Home(Path("here"))

    home.write_dagster_files("postgresql+psycopg2://x", {})

    instance = yaml.safe_load((home.dagster / "dagster.yaml").read_text())
    assert instance["compute_logs"]["config"]["base_dir"] == str(tmp_path / "here" / "dagster" / "compute_logs")
