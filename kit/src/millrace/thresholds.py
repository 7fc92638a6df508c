"""What a domain's `config.yaml` may demand of its assets: thresholds on their rows, and how far a run may fall behind.

What belongs here: the model of these demands. What does not: judging (`millrace.quality.thresholds` and `trends`). It
imports nothing of the platform, since `millrace.config` imports it.

    data_quality:
      thresholds:
        enriched_awards:
          completeness: {columns: [award_id, company_name], min_coverage: 0.95, severity: error}
          uniqueness: {key: [award_id], severity: error}
          validity: {ranges: {amount_usd: {min: 0}, awarded_on: {min: 1982-01-01}}, min_valid: 0.99, severity: warning}
          enrichment: {column: sam_gov_data, min_rate: 0.90, severity: warning}
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Bound = int | float | datetime | date


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Severity(StrEnum):
    """error: what is downstream does not start, and nothing is published. warning: it is seen on the asset."""

    ERROR = "error"
    WARNING = "warning"


class Completeness(_Strict):
    """Rows have values. A null is none, and neither is a text without a character that is no space."""

    columns: list[str] = Field(min_length=1, description="each of them is judged by itself")
    min_coverage: Share = Field(description="of the rows (0-1) that have a value")
    severity: Severity = Severity.ERROR


class Uniqueness(_Strict):
    """Rows differ in their key. A row whose key has a null differs from none."""

    key: list[str] = Field(min_length=1, description="columns that identify a record together")
    min_unique: Share = Field(default=1.0, description="distinct keys by rows (0-1)")
    severity: Severity = Severity.ERROR


class Range(_Strict):
    """What a value may be, bounds included; NaN is outside of every range."""

    min: Bound | None = None
    max: Bound | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a range needs min or max")
        bounds = [bound for bound in (self.min, self.max) if bound is not None]
        if len({isinstance(bound, date) for bound in bounds}) > 1:
            raise ValueError("min and max must both be numbers or both be dates")
        return self

    @property
    def is_temporal(self) -> bool:
        """Whether it is about dates."""
        return isinstance(self.min if self.min is not None else self.max, date)


class Validity(_Strict):
    """Values lie within ranges; a null is not judged, completeness does that."""

    ranges: dict[str, Range] = Field(min_length=1, description="by column, each judged by itself")
    min_valid: Share = Field(default=1.0, description="of the values (0-1) that lie within")
    severity: Severity = Severity.ERROR


class Enrichment(_Strict):
    """Rows were enriched: a column has a value."""

    column: str = Field(description="what the enrichment adds, as sam_gov_data")
    min_rate: Share = Field(description="of the rows (0-1) that have a value")
    severity: Severity = Severity.ERROR


class AssetThresholds(_Strict):
    """The demands on one asset; each is an asset check `<asset>_<purpose>_check`."""

    completeness: Completeness | None = None
    uniqueness: Uniqueness | None = None
    validity: Validity | None = None
    enrichment: Enrichment | None = None
    allow_empty: bool = Field(default=False, description="whether an asset without rows meets its demands")

    @model_validator(mode="after")
    def _demands_something(self) -> Self:
        if not self.severities:
            raise ValueError("no threshold; one of completeness, uniqueness, validity, enrichment")
        return self

    @property
    def severities(self) -> Mapping[str, Severity]:
        """By purpose, of what is demanded."""
        demands = {
            "completeness": self.completeness,
            "uniqueness": self.uniqueness,
            "validity": self.validity,
            "enrichment": self.enrichment,
        }
        return {purpose: demand.severity for purpose, demand in demands.items() if demand is not None}


class DataQuality(_Strict):
    """The part `data_quality` of a `config.yaml`."""

    thresholds: dict[str, AssetThresholds] = Field(default_factory=dict, description="by asset")


class TrendConfig(_Strict):
    """How an asset's last materialisation is compared with its own history; a warning where it falls behind."""

    runs: int = Field(default=10, gt=0, description="successful runs before it whose median it is compared with")
    min_runs: int = Field(default=3, gt=0, description="with fewer nothing is compared")
    max_slowdown_share: Share | None = Field(default=0.5, description="by which rows_per_second may be lower")
    min_seconds: float = Field(default=5.0, ge=0, description="a step that took less is not judged by its speed")
    max_volume_change_share: float | None = Field(default=0.2, gt=0, description="by which rows may be fewer or more")
    max_quality_drop: Share | None = Field(default=0.05, description="by which quality_score (0-1) may be lower")

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.min_runs > self.runs:
            raise ValueError("min_runs must not be larger than runs")
        if (self.max_slowdown_share, self.max_volume_change_share, self.max_quality_drop) == (None, None, None):
            raise ValueError("nothing is compared: speed, volume and quality are all null")
        return self


def check_names(asset: str, thresholds: AssetThresholds, *, blocking_only: bool = False) -> Iterator[str]:
    """Names of the checks that an asset's thresholds give."""
    for purpose, severity in thresholds.severities.items():
        if severity is Severity.ERROR or not blocking_only:
            yield f"{asset}_{purpose}_check"
