"""What `defs/` holds is carried into the location, or refused by name; nothing is dropped without a word."""

from pathlib import Path
from typing import Any

import pytest

from millrace.errors import ConfigurationError
from millrace.location import assemble
from millrace.settings import Settings

DEFS = """
import dagster as dg

@dg.asset
def a_rows() -> None: ...

@dg.logger
def plain(_): ...

@dg.definitions
def defs():
    return dg.Definitions(assets=[a_rows], %s)
"""


def test_a_logger_is_carried(workshop: Any, tmp_path: Path) -> None:
    domain = workshop.write(DEFS % "loggers={'plain': plain}")

    assert set(assemble(domain, Settings(home=tmp_path)).loggers or {}) == {"plain"}


@pytest.mark.parametrize(
    ("held", "problem"),
    [
        ("executor=dg.in_process_executor", "defs/ sets an executor; step_parallelism says how steps run"),
        ("resources={'rejects': 1}", "defs/ sets the resource 'rejects', which every domain is given"),
    ],
    ids=["executor", "resource"],
)
def test_what_cannot_be_carried_is_refused(workshop: Any, tmp_path: Path, held: str, problem: str) -> None:
    domain = workshop.write(DEFS % held)

    with pytest.raises(ConfigurationError) as caught:
        assemble(domain, Settings(home=tmp_path))

    assert caught.value.problems == [problem]


def test_an_asset_of_another_kind_is_refused(workshop: Any, tmp_path: Path) -> None:
    domain = workshop.write("import dagster as dg\nfrom dagster import SourceAsset\nb_rows = SourceAsset('b_rows')\n")

    with pytest.raises(ConfigurationError, match="defs/ has a SourceAsset, expected AssetsDefinition or AssetSpec"):
        assemble(domain, Settings(home=tmp_path))
