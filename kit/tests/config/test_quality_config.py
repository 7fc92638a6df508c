"""What `config.yaml` may demand of assets, and what it is told where the demand makes no sense."""

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from millrace.thresholds import AssetThresholds, DataQuality, Severity, TrendConfig, check_names

EVERY = """
thresholds:
  enriched_awards:
    completeness: {columns: [award_id, company_name], min_coverage: 0.95, severity: error}
    uniqueness: {key: [award_id]}
    validity: {ranges: {amount_usd: {min: 0}, awarded_on: {min: 1982-01-01}}, min_valid: 0.99, severity: warning}
    enrichment: {column: sam_gov_data, min_rate: 0.90, severity: warning}
"""


def test_every_demand_can_be_written_in_yaml() -> None:
    thresholds = DataQuality.model_validate(yaml.safe_load(EVERY)).thresholds["enriched_awards"]

    assert thresholds.severities == {
        "completeness": Severity.ERROR,
        "uniqueness": Severity.ERROR,
        "validity": Severity.WARNING,
        "enrichment": Severity.WARNING,
    }
    assert list(check_names("a", thresholds, blocking_only=True)) == ["a_completeness_check", "a_uniqueness_check"]
    assert len(list(check_names("a", thresholds))) == 4


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({}, "no threshold; one of completeness, uniqueness, validity, enrichment"),
        ({"completeness": {"columns": [], "min_coverage": 1}}, "at least 1 item"),
        ({"completeness": {"columns": ["a"], "min_coverage": 95}}, "less than or equal to 1"),
        ({"completeness": {"columns": ["a"]}}, "Field required"),
        ({"uniqueness": {"key": ["a"], "severity": "fatal"}}, "'error' or 'warning'"),
        ({"validity": {"ranges": {"a": {}}}}, "a range needs min or max"),
        ({"validity": {"ranges": {"a": {"min": 0, "max": "2024-01-01"}}}}, "both be numbers or both be dates"),
        ({"enrichment": {"colum": "a", "min_rate": 0.9}}, "Extra inputs are not permitted"),
    ],
    ids=["nothing", "no_column", "percent", "no_minimum", "severity", "no_bound", "mixed", "unknown_key"],
)
def test_a_demand_that_makes_no_sense_is_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        AssetThresholds.model_validate(wrong)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"runs": 2, "min_runs": 3}, "min_runs must not be larger than runs"),
        (
            {"max_slowdown_share": None, "max_volume_change_share": None, "max_quality_drop": None},
            "nothing is compared",
        ),
        ({"max_slowdown_share": 50}, "less than or equal to 1"),
    ],
    ids=["runs", "nothing", "percent"],
)
def test_a_trend_that_cannot_be_judged_is_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        TrendConfig.model_validate(wrong)
