"""Names that no asset has are refused when the location is loaded, all at once."""

from pathlib import Path
from typing import Any

import dataframely as dy
import pytest

from millrace.errors import ConfigurationError
from millrace.location import assemble
from millrace.quality import Contract
from millrace.settings import Settings

DEFS = """
import dagster as dg

@dg.asset
def a_rows() -> None: ...
"""


class Row(dy.Schema):
    key = dy.String(primary_key=True)


def problems(workshop: Any, tmp_path: Path, config: dict[str, Any], contracts: dict[str, Contract]) -> list[str]:
    domain = workshop.write(DEFS, config=config, contracts=contracts)
    with pytest.raises(ConfigurationError) as caught:
        assemble(domain, Settings(home=tmp_path))
    assert str(caught.value).startswith("domain mill: ")
    assert str(caught.value).endswith(f"; see {domain.root / 'config.yaml'}")
    return caught.value.problems


@pytest.mark.parametrize(
    ("config", "contracts", "problem"),
    [
        (
            {"freshness": {"aa_rows": {"warn_hours": 1, "fail_hours": 2}}},
            {},
            "freshness names asset 'aa_rows', which does not exist",
        ),
        (
            {"max_rejected_share": {"aa_rows": 0.1}},
            {},
            "max_rejected_share names asset 'aa_rows', which does not exist",
        ),
        (
            {"data_quality": {"thresholds": {"aa_rows": {"uniqueness": {"key": ["key"]}}}}},
            {},
            "data_quality.thresholds names asset 'aa_rows', which does not exist",
        ),
        ({"trends": {"aa_rows": {}}}, {}, "trends names asset 'aa_rows', which does not exist"),
        (
            {"max_rejected_share": {}},
            {"a_rows": Contract(Row)},
            "max_rejected_share has no value for a_rows, which has a contract",
        ),
    ],
    ids=["freshness", "max_rejected_share", "thresholds", "trends", "contract_without_share"],
)
def test_a_name_that_no_asset_has_is_refused_with_its_place(
    workshop: Any, tmp_path: Path, config: dict[str, Any], contracts: dict[str, Contract], problem: str
) -> None:
    assert problems(workshop, tmp_path, config, contracts) == [problem]


def test_all_unknown_names_come_at_once(workshop: Any, tmp_path: Path) -> None:
    config = {"freshness": {"x_rows": {"warn_hours": 1, "fail_hours": 2}}, "max_rejected_share": {"y_rows": 0.1}}

    found = problems(workshop, tmp_path, config, {"z_rows": Contract(Row)})

    assert found == [
        "freshness names asset 'x_rows', which does not exist",
        "max_rejected_share names asset 'y_rows', which does not exist",
        "contracts names asset 'z_rows', which does not exist",
        "max_rejected_share has no value for z_rows, which has a contract",
    ]
