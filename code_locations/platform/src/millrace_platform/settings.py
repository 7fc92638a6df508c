"""What `config.yaml` of the platform holds beyond the shared part, and the resource that hands it to the assets."""

from typing import Self

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from millrace.config import DomainConfig
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


class Retention(dg.ConfigurableResource):
    """How long what is kept; a run's configuration may overrule each value for that run.

    Attributes:
        logs_days: See `KeepDays.logs`.
        events_days: See `KeepDays.events`.
        runs_days: See `KeepDays.runs`.
        ticks_days: See `KeepDays.ticks`.
        batch_rows: Rows that one transaction deletes.
        dry_run: Count what would go, remove nothing.
    """

    logs_days: int
    events_days: int
    runs_days: int
    ticks_days: int
    batch_rows: int
    dry_run: bool = False

    def keep_days(self) -> KeepDays:
        """The days, validated again: a run's configuration has not been through `config.yaml`.

        Raises:
            ConfigurationError: a value is below one day, or something would outlive what points at it.
        """
        try:
            return KeepDays(
                logs=self.logs_days, events=self.events_days, runs=self.runs_days, ticks=self.ticks_days
            )
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, e['loc'])) or 'keep_days'}: {e['msg']}" for e in error.errors()]
            raise ConfigurationError(
                "resource retention", problems, next_step="correct it in the run's configuration or in config.yaml"
            ) from error


def platform_resources(_settings: Settings, config: PlatformConfig) -> dict[str, object]:
    """The platform's resources, from `config.yaml`."""
    keep = config.keep_days
    return {
        "retention": Retention(
            logs_days=keep.logs,
            events_days=keep.events,
            runs_days=keep.runs,
            ticks_days=keep.ticks,
            batch_rows=config.batch_rows,
        )
    }
