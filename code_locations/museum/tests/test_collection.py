"""What the museum takes from the environment."""

from pathlib import Path
from typing import Any

import pytest

from millrace.errors import SourceMissingError
from millrace.settings import Settings
from millrace_museum.collection import given_source, museum_resources
from millrace_museum.definitions import DOMAIN

FIELDS = "{object_id: {from: i}, title: {from: t}}"


def mapping(file: Path) -> str:
    file.write_text(f"museum: {file.stem}\ntitle: T\nobjects: {{files: o.csv, format: csv, fields: {FIELDS}}}\n")
    return str(file)


@pytest.mark.parametrize("given", [None, ""], ids=["not_set", "empty"])
@pytest.mark.parametrize("source", ["", "o.csv"], ids=["folder", "file"])
def test_where_no_mapping_is_named_a_source_brings_its_own_and_else_it_is_tates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, source: str
) -> None:
    (tmp_path / "o.csv").touch()

    assert museum_of(monkeypatch, tmp_path / source, given) == "tate"
    mapping(tmp_path / "mapping.yaml")
    assert museum_of(monkeypatch, tmp_path / source, given) == "mapping"
    assert museum_of(monkeypatch, tmp_path / source, "tate") == "tate"
    assert museum_of(monkeypatch, tmp_path / source, mapping(tmp_path / "other.yaml")) == "other"


def test_a_mapping_that_is_not_there_is_noticed_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError, match=r"no file nope \(expected a path or one of: tate\)"):
        given_source(tmp_path, "nope")


def museum_of(monkeypatch: pytest.MonkeyPatch, source: Path, given: str | None) -> str:
    """Short name of the museum that a run would harvest."""
    monkeypatch.setenv("MUSEUM_SOURCE", str(source))
    monkeypatch.delenv("MUSEUM_MAPPING", raising=False)
    if given is not None:
        monkeypatch.setenv("MUSEUM_MAPPING", given)
    collection: Any = museum_resources(Settings(home=Path("/home")), DOMAIN.config())["collection"]
    return collection.process_config_and_initialize().museum().museum
