"""What `config.yaml` of the platform holds beyond the shared part, and the resource that lets one run overrule it."""

from dataclasses import dataclass
from typing import Self

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from millrace.config import DomainConfig, problems_of
from millrace.errors import ConfigurationError
from millrace.settings import Settings


class KeepDays(BaseModel):
    """For how many days each kind is kept, counted back from the run's logical date."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    logs: int = Field(ge=1, description="days: captured stdout and stderr of a finished run")
    events: int = Field(ge=1, description="days: events of a finished run that are no asset history")
    runs: int = Field(ge=1, description="days: finished runs that have no asset history")
    ticks: int = Field(ge=1, description="days: finished ticks of schedules and sensors, but for the newest of each")

    @model_validator(mode="after")
    def _what_points_outlives_what_it_points_at(self) -> Self:
        if not self.logs <= self.events <= self.runs:
            raise ValueError(
                f"logs={self.logs}, events={self.events}, runs={self.runs}: expected logs <= events <= runs,"
                " because a log is found through its run's events, and an event through its run"
            )
        return self


class PlatformConfig(DomainConfig):
    """`config.yaml` of the platform."""

    keep_days: KeepDays
    batch_rows: int = Field(ge=1, description="rows that one transaction deletes")


@dataclass(frozen=True)
class Plan:
    """What one run of the retention goes by."""

    keep_days: KeepDays
    batch_rows: int
    dry_run: bool


class Retention(dg.ConfigurableResource):
    """What a single run may overrule; left alone, `config.yaml` holds.

        resources: {retention: {config: {dry_run: true}}}

    Attributes:
        dry_run: Count what would go, remove nothing.
        logs_days: Instead of `keep_days.logs`.
        events_days: Instead of `keep_days.events`.
        runs_days: Instead of `keep_days.runs`.
        ticks_days: Instead of `keep_days.ticks`.
        batch_rows: Instead of `batch_rows`.
    """

    dry_run: bool = False
    logs_days: int | None = None
    events_days: int | None = None
    runs_days: int | None = None
    ticks_days: int | None = None
    batch_rows: int | None = None

    def plan(self, config: PlatformConfig) -> Plan:
        """Put both together, and validate the result as `config.yaml` was.

        Raises:
            ConfigurationError: a value is below one, or something would outlive what points at it.
        """
        overruled = {
            "logs": self.logs_days,
            "events": self.events_days,
            "runs": self.runs_days,
            "ticks": self.ticks_days,
        }
        days = {
            **config.keep_days.model_dump(),
            **{kind: value for kind, value in overruled.items() if value is not None},
        }
        batch_rows = config.batch_rows if self.batch_rows is None else self.batch_rows
        problems = [] if batch_rows >= 1 else [f"batch_rows={batch_rows}: expected 1 or more"]
        try:
            keep_days = KeepDays.model_validate(days)
        except ValidationError as error:
            problems += problems_of(error, "keep_days")
        if problems:
            raise ConfigurationError("resource retention", problems, next_step="correct the run's configuration")
        return Plan(keep_days, batch_rows, self.dry_run)


def platform_resources(_settings: Settings, config: PlatformConfig) -> dict[str, object]:
    """The platform's resources: `config.yaml` itself, and what a run may overrule."""
    return {"platform_config": config, "retention": Retention()}
