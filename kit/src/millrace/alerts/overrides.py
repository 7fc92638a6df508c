"""What a domain says about alerts of the catalogue: another threshold, another severity, on or off.

What belongs here: the shape of `alerts` in a domain's `config.yaml`, and what holds where. What does not: the rules
that follow from it (`rules`). It imports nothing of the platform, since `millrace.config` imports it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Severity = Literal["critical", "error", "warning", "info"]
DURATION = r"^(0|(\d+(ms|[smhdwy]))+)$"  # as Prometheus writes it
Duration = Annotated[str, Field(pattern=DURATION)]


def _switch(value: Any) -> Any:
    """`off` and `on` by themselves, which YAML reads as booleans."""
    return {"enabled": value} if isinstance(value, bool) else value


class Settings(BaseModel):
    """What may differ; unset: as the catalogue, or the domain, has it."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    enabled: bool | None = None
    threshold: float | dict[Severity, float] | None = Field(
        default=None, description="in the unit of the entry; by severity where it has several"
    )
    severity: Severity | None = Field(default=None, description="of an entry with one level")
    duration: Duration | None = Field(default=None, alias="for")


Switched = Annotated[Settings, BeforeValidator(_switch)]


class AlertOverride(Settings):
    """The same for a domain, and for single jobs and assets of it."""

    jobs: dict[str, Switched] = {}
    assets: dict[str, Switched] = Field(default_factory=dict, description="by key, as publish/things")


Overrides = dict[str, Annotated[AlertOverride, BeforeValidator(_switch)]]


@dataclass(frozen=True)
class Scope:
    """Some of what an alert may be about, by labels; without labels all of it.

    Attributes:
        labels: That the alert has there.
        settings: What holds there; settings of the scope around it that it does not name hold too.
        within: Smaller scopes, which have settings of their own.
    """

    labels: Mapping[str, str]
    settings: Settings
    within: tuple["Scope", ...] = ()

    def all(self) -> Iterator["Scope"]:
        """This one and those within, each with what it takes from around it."""
        yield self
        for scope in self.within:
            yield from replace(scope, settings=_merged(self.settings, scope.settings)).all()


def scope_of(alert: str, domains: Mapping[str, Overrides]) -> Scope:
    """What holds for an alert everywhere.

    Args:
        alert: Its name.
        domains: The overrides of each domain.
    """
    return Scope(
        {},
        Settings(),
        tuple(one for name, said in domains.items() if alert in said for one in _domain(name, said[alert])),
    )


def _domain(name: str, override: AlertOverride) -> tuple[Scope, ...]:
    """The domain's scope, or those within if it says nothing of itself."""
    own = Settings(**{field: getattr(override, field) for field in Settings.model_fields})
    within = {"job_name": override.jobs, "asset_key": override.assets}
    scopes = tuple(
        Scope({"code_location": name, label: one}, settings)
        for label, said in within.items()
        for one, settings in said.items()
    )
    return scopes if own == Settings() else (Scope({"code_location": name}, own, scopes),)


def _merged(outer: Settings, inner: Settings) -> Settings:
    return outer.model_copy(update={name: value for name, value in inner if value is not None})
