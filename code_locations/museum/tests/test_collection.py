"""What the museum takes from the environment."""

from pathlib import Path
from typing import Any

import pytest

from millrace.settings import Settings
from millrace_museum.collection import DEFAULT_MAPPING, museum_resources
from millrace_museum.definitions import DOMAIN


@pytest.mark.parametrize(
    ("environment", "mapping"),
    [({}, DEFAULT_MAPPING), ({"MUSEUM_MAPPING": ""}, DEFAULT_MAPPING), ({"MUSEUM_MAPPING": "/m.yaml"}, "/m.yaml")],
    ids=["not_set", "empty", "set"],
)
def test_the_mapping_is_tates_where_nobody_names_one(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], mapping: str
) -> None:
    monkeypatch.delenv("MUSEUM_MAPPING", raising=False)
    monkeypatch.setenv("MUSEUM_SOURCE", "/data")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    collection: Any = museum_resources(Settings(home=Path("/home")), DOMAIN.config())["collection"]

    resolved = collection.process_config_and_initialize()
    assert (resolved.source, resolved.mapping) == ("/data", mapping)
