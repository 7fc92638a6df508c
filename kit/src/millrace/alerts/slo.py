"""Service level objectives of asset groups: recording rules and alerts on how fast the error budget burns.

What belongs here: the arithmetic, and tests that follow from it. What does not: objectives and windows, which are data:
`infra/alerts/policy/objectives.yaml`.

The burn rate is the share of errors over the share that the objective allows. An alert asks for it over a long window,
so that it is worth telling, and over a short one, so that it still goes on:
https://sre.google/workbook/alerting-on-slos/, "Multiwindow, Multi-Burn-Rate Alerts".

Shares are recorded once a minute per group, and windows are averages of that record: three days of 4,000 assets' own
samples at each evaluation would be a hundred million.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from millrace.alerts.catalogue import Alert, Area, Duration, Record, Strict
from millrace.alerts.expressions import restricted
from millrace.config import problems_of, read_yaml
from millrace.errors import ConfigurationError

Share = Annotated[float, Field(gt=0, lt=1)]
_GROUP = re.compile(r"^[^/]+/.+$")
_INFO = "on (asset_key) group_left (code_location, group) asset:dagster_asset_info:one"
_RECORDS = {
    "group:asset_stale:ratio": f"""\
avg by (code_location, group) (
    (last_over_time(dagster_asset_freshness_state[5m]) == bool 2)
  * {_INFO}
)""",
    "group:asset_failures:rate5m": f"""\
sum by (code_location, group) (rate(dagster_asset_failures_total[5m]) * {_INFO})""",
    "group:asset_materializations:rate5m": f"""\
sum by (code_location, group) (rate(dagster_asset_materializations_total[5m]) * {_INFO})""",
}


class Burn(Strict):
    """A burn rate, and the two windows in which it is too much."""

    long: Duration
    short: Duration
    burn: float = Field(gt=0)


class Objective(Strict):
    """A share, and other shares for some groups."""

    objective: Share
    groups: dict[str, Share] = Field(default_factory=dict, description="by code location and group: museum/publish")


class Success(Objective):
    """Of events, of which there may be few."""

    min_failures: int = Field(ge=1)


class Objectives(Strict):
    """The file."""

    period: Duration
    fast: list[Burn] = Field(min_length=1)
    slow: list[Burn] = Field(min_length=1)
    freshness: Objective
    success: Success


def areas(path: Path) -> list[Area]:
    """The alerts on objectives, as an area of the catalogue; none without the file.

    Raises:
        ConfigurationError: the file holds something else.
    """
    if not path.is_file():
        return []
    try:
        said = Objectives.model_validate(read_yaml(path, str(path)))
    except ValidationError as error:
        raise ConfigurationError(str(path), problems_of(error), next_step="see docs/alerts.md") from error
    names = [*said.freshness.groups, *said.success.groups]
    if wrong := [name for name in names if not _GROUP.match(name)]:
        raise ConfigurationError(str(path), [f"groups: {name!r} (expected <code location>/<group>)" for name in wrong])
    alerts = [_alert(said, kind, fast) for kind in ("freshness", "success") for fast in (True, False)]
    return [
        Area(
            name="objectives",
            about="Objectives: the error budget burns",
            records=[Record(record=name, expr=expression) for name, expression in _RECORDS.items()],
            interval="1m",
            alerts=alerts,
        )
    ]


def _expression(said: Objectives, kind: str, burns: Sequence[Burn]) -> str:
    objective: Objective = getattr(said, kind)
    others = {name: dict(zip(("code_location", "group"), name.split("/", 1), strict=True)) for name in objective.groups}
    pieces = [restricted(_burning(said, kind, burns, objective.objective), {}, but=list(others.values()))]
    pieces += [
        restricted(_burning(said, kind, burns, objective.groups[name]), labels) for name, labels in others.items()
    ]
    return pieces[0] if len(pieces) == 1 else "\nor\n".join(f"({piece})" for piece in pieces)


def _burning(said: Objectives, kind: str, burns: Sequence[Burn], objective: float) -> str:
    budget = f"{1 - objective:.10g}"
    conditions = []
    for one in burns:
        long, short = (f"{_errors(kind, window)} / {budget} > {one.burn:g}" for window in (one.long, one.short))
        enough = ""
        if kind == "success":
            # A record a minute. Half a failure is allowed for what rate() leaves out at the edges of its window.
            failures = f"sum_over_time(group:asset_failures:rate5m[{one.long}]) * 60"
            enough = f"\n  and\n    {failures} > {said.success.min_failures - 0.5:g}"
        conditions.append(f"(\n    {long}\n  and\n    {short}{enough}\n)")
    return "\nor\n".join(conditions)


def _errors(kind: str, window: str) -> str:
    if kind == "freshness":
        # Over the whole window, not what there is of it: an hour of history does not burn the budget of three days.
        return f"clamp_max(sum_over_time(group:asset_stale:ratio[{window}]) / {_minutes(window)}, 1)"
    failures = f"avg_over_time(group:asset_failures:rate5m[{window}])"
    return f"({failures} / ({failures} + avg_over_time(group:asset_materializations:rate5m[{window}])))"


def _minutes(duration: str) -> int:
    """So many records a window has."""
    units = {"m": 1, "h": 60, "d": 1440, "w": 10080}
    return sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)([mhdw])", duration))


_WORDS = {
    "freshness": (
        *("Freshness", "stale longer", "is fresh in {share:g} % of the time"),
        *("AssetStale", "dagster_asset_freshness_state == 2"),
    ),
    "success": (
        *("Success", "failing more often", "succeeds in {share:g} % of all attempts"),
        *("JobFailed", "increase(dagster_asset_failures_total[1h]) > 0"),
    ),
}


def _alert(said: Objectives, kind: str, fast: bool) -> Alert:
    objective: Objective = getattr(said, kind)
    burns = said.fast if fast else said.slow
    title, verb, promise, cause, culprits = _WORDS[kind]
    windows = " or ".join(f"{one.burn:g} times too fast over {one.long}" for one in burns)
    summary = f"Group {{group}} of {{code_location}} is {verb} than its objective allows"
    description = (
        f"Its error budget for {said.period} burns {{burn}} times too fast (alert: {windows}). "
        f"The objective is that it {promise.format(share=objective.objective * 100)}."
    )
    template = {"group": "{{ $labels.group }}", "code_location": "{{ $labels.code_location }}"}
    labels = {"group": "publish", "code_location": "orchard"}
    # Of a test in which everything is wrong from the beginning for two hours.
    share = min(1, 121 / _minutes(burns[0].long)) if kind == "freshness" else 1
    burn = f"{share / (1 - objective.objective):.4g}"
    return Alert.model_validate(
        {
            "alert": f"{title}BudgetBurns{'Fast' if fast else 'Slowly'}",
            "area": "objectives",
            "severity": "critical" if fast else "warning",
            "expr": _expression(said, kind, burns),
            "waits": burns[0].short,
            "owner": "domain",
            "summary": summary.format(**template),
            "description": description.format(burn="{{ $value | humanize }}"),
            "dashboard": "assets",
            "link": "/assets",
            "muted_by": ["DaemonStale", "PostgresDown"] + ([] if fast else [f"{title}BudgetBurnsFast"]),
            "runbook": {
                "means": f"The error budget is what an objective of {objective.objective * 100:g} % leaves over "
                f"{said.period}. At the rate of the last {burns[0].long} it is used up long before the period ends.",
                "look": f"Which assets of the group: `{culprits}` in Prometheus. Then their last runs in Dagster.",
                "act": f"Treat the cause: there is usually a [{cause}]({cause}.md) beside this. If the objective is "
                "not what its readers need, change it in `infra/alerts/policy/objectives.yaml`.",
            },
            "tests": {
                "fires": {
                    **_situation(kind, "fires"),
                    "at": "2h",
                    "labels": labels,
                    "summary": summary.format(**labels),
                    "description": description.format(burn=burn),
                },
                "nearly": {**_situation(kind, "nearly"), "at": "7h"},
                "resolves": {**_situation(kind, "resolves"), "fires_at": "2h", "at": "9h"},
            },
        }
    )


def _situation(kind: str, what: str) -> dict[str, object]:
    """What an asset does."""
    asset = 'asset_key="publish/things"'
    info = f'dagster_asset_info{{{asset}, group="publish", code_location="orchard", owner="team:fruit", kind="polars"}}'
    if kind == "freshness":
        # Nearly: it warns for hours, and is stale for five minutes.
        values = {"fires": "2x200", "nearly": "1x410 2x4 1x60", "resolves": "2x120 0x500"}[what]
        return {"step": "1m", "series": {info: "1x1000", f"dagster_asset_freshness_state{{{asset}}}": values}}
    failures, successes = {
        "fires": ("0+1x200", "0x200"),
        # Fewer than the least number, however few succeed.
        "nearly": ("0x350 1x30 2x60", "0x450"),
        "resolves": ("0+1x120 120x500", "0x120 0+1x500"),
    }[what]
    return {
        "step": "1m",
        "series": {
            info: "1x1000",
            f"dagster_asset_failures_total{{{asset}}}": failures,
            f"dagster_asset_materializations_total{{{asset}}}": successes,
        },
    }
