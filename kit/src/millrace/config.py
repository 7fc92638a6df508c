"""A domain's `config.yaml`: thresholds, jobs, schedules, freshness and limits, as data with units.

What belongs here: the model of the part that every domain shares, and how any YAML is read and its problems worded.
What does not: where data lies (`millrace.settings`) and anything secret. A domain that needs more subclasses
`DomainConfig`.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from millrace.alerts.overrides import Overrides
from millrace.errors import ConfigurationError
from millrace.thresholds import DataQuality, TrendConfig

Config = TypeVar("Config", bound="DomainConfig")
_MINUTE_HOURS = 1 / 60  # the shortest window that Dagster takes


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RetryConfig(_Strict):
    """How a job's steps are retried when their failure is transient."""

    max_retries: int = Field(default=3, ge=0, description="further attempts after the first")
    delay_seconds: float = Field(default=30, gt=0, description="wait before the second attempt, then doubled")


class ScheduleConfig(_Strict):
    """When a job runs by itself."""

    cron: str = Field(description="five fields")
    timezone: str = Field(default="UTC", description="IANA name")


class LimitsConfig(_Strict):
    """What a run of a job may take of the machine, where runs have containers of their own; unset: the platform's."""

    memory: str | None = Field(default=None, pattern=r"^\d+(\.\d+)?[KMG]iB$", description="1GiB, 512MiB")
    cpus: float | None = Field(default=None, gt=0, description="1.5 is one CPU and a half")
    pids: int | None = Field(default=None, gt=0, description="processes and threads")


class JobConfig(_Strict):
    """One job: what it materialises, when, and how long it may take."""

    selection: str = Field(description="Dagster's asset selection syntax: group:harvest, *")
    description: str
    schedule: ScheduleConfig | None = None
    timeout_seconds: int = Field(default=3600, gt=0, description="a run that takes longer is failed")
    limits: LimitsConfig = LimitsConfig()
    full_refresh: bool = Field(
        default=False, description="everything anew, and shown at the end, instead of what has changed"
    )
    shown_by: str | None = Field(
        default=None,
        description="the asset that shows what a run has written, all tables at once; unset: each as it is written",
    )


class FreshnessConfig(_Strict):
    """How old an asset may become before it counts as stale."""

    warn_hours: float = Field(ge=_MINUTE_HOURS, description="a minute at least")
    fail_hours: float = Field(ge=_MINUTE_HOURS)

    @model_validator(mode="after")
    def _warns_before_it_fails(self) -> Self:
        warn, fail = self.windows
        if warn >= fail:
            raise ValueError("warn_hours must be smaller than fail_hours")
        return self

    @property
    def windows(self) -> tuple[timedelta, timedelta]:
        """The warning and the failure window, in whole seconds: Dagster's API gives no others."""
        warn, fail = (timedelta(seconds=round(hours * 3600)) for hours in (self.warn_hours, self.fail_hours))
        return warn, fail


class GraphConfig(_Strict):
    """How a domain's graph is loaded into a server."""

    workers: int = Field(default=2, ge=1, le=16, description="transactions at once")
    batch_rows: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict, description="by label or type: rows of a transaction, 5,000 where nothing is said"
    )


class DomainConfig(_Strict):
    """What `config.yaml` of every domain may hold."""

    owner: str = Field(description="team:name or an e-mail address; every asset carries it")
    main_job: str = Field(description="the job that scripts/demo runs")
    jobs: dict[str, JobConfig]
    uses: list[Literal["graph"]] = Field(
        default_factory=list,
        description="stores that its runs reach in compose beside tables and files; written as [graph], on one line",
    )
    freshness: dict[str, FreshnessConfig] = Field(default_factory=dict, description="by asset")
    max_rejected_share: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict,
        description="by asset: share of its input rows (0-1) that may be turned away before its gate closes",
    )
    data_quality: DataQuality = DataQuality()
    trends: dict[str, TrendConfig] = Field(
        default_factory=dict, description="by asset: how far its figures may fall behind its own history"
    )
    alerts: Overrides = Field(default_factory=dict, description="where they differ from infra/alerts, by alert")
    retry: RetryConfig = RetryConfig()
    graph: GraphConfig = GraphConfig()
    step_parallelism: int = Field(
        default=4, ge=1, description="steps at once in a run, never above the CPUs; 1 keeps one process"
    )

    @model_validator(mode="after")
    def _main_job_exists(self) -> Self:
        if self.main_job not in self.jobs:
            raise ValueError(f"main_job {self.main_job!r} is not one of jobs {sorted(self.jobs)}")
        return self


def load_config(path: Path, model: type[Config]) -> Config:
    """Read a domain's YAML.

    Raises:
        ConfigurationError: the file is missing, is no YAML, or holds what the model does not know; all
            problems at once, each with its place in the file.
    """
    if not path.is_file():
        raise ConfigurationError(str(path), ["no such file"], next_step="every domain has a config.yaml")
    raw = read_yaml(path, str(path))
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise ConfigurationError(str(path), problems_of(error), next_step="see docs/add-a-domain.md") from error


def read_yaml(path: Path, subject: str) -> Any:
    """Read a YAML file that is there.

    Args:
        path: The file.
        subject: What it is, for the error.

    Raises:
        ConfigurationError: it is no YAML, or not in UTF-8.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(subject, [f"not YAML in UTF-8: {error}"]) from error


def problems_of(error: ValidationError, whole: str = "file") -> list[str]:
    """Each problem with its place; `whole` is the place of one that is about all of it."""
    return [
        f"{'.'.join(map(str, detail['loc'])) or whole}: {detail['msg'].removeprefix('Value error, ')}"
        for detail in error.errors()
    ]
