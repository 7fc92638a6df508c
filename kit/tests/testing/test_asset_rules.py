"""The house rules of assets and checks; each has an asset that breaks it."""

from typing import Any

import dagster as dg
import pytest

from millrace.runs import stage
from millrace.testing import asset_problems

RIGHT: dict[str, Any] = {
    "name": "a_rows",
    "code_version": "1",
    "kinds": {"polars"},
    "group_name": "clean",
    "owners": ["team:mill"],
    "description": "Rows.",
}


def made(*, staged: bool = True, **changes: Any) -> dg.AssetsDefinition:
    def a_rows() -> None: ...

    return dg.asset(**{**RIGHT, **changes})(stage(a_rows) if staged else a_rows)


def check(name: str, description: str | None = "It holds.") -> dg.AssetChecksDefinition:
    @dg.asset_check(asset="a_rows", name=name, description=description)
    def made_check() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    return made_check


def test_an_asset_and_a_check_that_keep_every_rule_have_no_problem() -> None:
    assert asset_problems(dg.Definitions(assets=[made()], asset_checks=[check("a_rows_keys_check")])) == []


@pytest.mark.parametrize(
    ("asset", "problem"),
    [
        (made(code_version=None), "asset a_rows: no code_version"),
        (made(kinds=None), "asset a_rows: no kinds"),
        (made(group_name=None), "asset a_rows: no group"),
        (made(owners=None), "asset a_rows: no owner"),
        (made(description=None), "asset a_rows: no description"),
        (made(name="rows"), "asset rows: expected <stage>_<entity>"),
        (made(name="A_Rows"), "asset A_Rows: expected <stage>_<entity>"),
        (made(staged=False), "asset a_rows: its function is not decorated with @stage"),
    ],
    ids=["code_version", "kinds", "group", "owner", "description", "one_word", "capitals", "no_stage"],
)
def test_an_asset_that_breaks_a_rule_is_named_with_it(asset: dg.AssetsDefinition, problem: str) -> None:
    assert asset_problems(dg.Definitions(assets=[asset])) == [problem]


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (check("keys_check"), "check keys_check: expected a_rows_<purpose>_check"),
        (check("a_rows_keys"), "check a_rows_keys: expected a_rows_<purpose>_check"),
        (check("a_rows_keys_check", None), "check a_rows_keys_check: no description"),
    ],
    ids=["not_its_asset", "no_check", "no_description"],
)
def test_a_check_that_breaks_a_rule_is_named_with_it(broken: dg.AssetChecksDefinition, problem: str) -> None:
    assert asset_problems(dg.Definitions(assets=[made()], asset_checks=[broken])) == [problem]


def test_an_asset_that_is_not_made_here_needs_no_stage() -> None:
    spec = dg.AssetSpec("a_rows", **{key: value for key, value in RIGHT.items() if key != "name"})

    assert asset_problems(dg.Definitions(assets=[spec])) == []


def test_all_problems_come_at_once() -> None:
    problems = asset_problems(
        dg.Definitions(assets=[made(owners=None), made(name="rows")], asset_checks=[check("keys_check")])
    )

    assert len(problems) == 3
