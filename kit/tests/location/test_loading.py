"""Importing a definitions module reads nothing; loading it reads the environment and `config.yaml`."""

import importlib
from typing import Any

import dagster as dg
import pytest

from millrace.errors import ConfigurationError

DEFS = """
import dagster as dg

@dg.asset
def a_rows() -> None: ...
"""


def test_a_broken_environment_is_met_when_the_location_is_loaded_and_not_before(
    workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = workshop.write(DEFS)
    monkeypatch.setenv("MILLRACE_PROFILE", "moon")
    module = importlib.import_module(f"{domain.package}.definitions")

    with pytest.raises(ConfigurationError, match="MILLRACE_PROFILE='moon'"):
        module.defs()

    monkeypatch.setenv("MILLRACE_PROFILE", "embedded")
    assert isinstance(module.defs(), dg.Definitions)


def test_a_broken_config_is_met_when_the_location_is_loaded_and_not_before(workshop: Any) -> None:
    domain = workshop.write(DEFS, config={"owner": None})
    module = importlib.import_module(f"{domain.package}.definitions")

    with pytest.raises(ConfigurationError, match="owner: Input should be a valid string"):
        module.defs()


def test_importing_a_definitions_module_imports_no_asset(workshop: Any) -> None:
    domain = workshop.write("raise RuntimeError('imported')")

    module = importlib.import_module(f"{domain.package}.definitions")

    with pytest.raises(RuntimeError, match="imported"):
        module.defs()
