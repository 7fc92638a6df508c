"""A dashboard for a domain, made from what it defines: its assets in their order, its jobs, its checks.

What belongs here: the page. What does not: which domains there are (`build`). Its queries name the assets and the jobs,
so that the page shows what is defined, also what has not happened yet; a definition that changes changes the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from millrace_grafana.links import ASSET, CHECKS, JOB, RUNS_OF_JOB
from millrace_grafana.page import Page, Row
from millrace_grafana.panels import (
    ANY_IS_BAD,
    FRESHNESS,
    FRESHNESS_STEPS,
    PASSED_OR_FAILED,
    PLAIN,
    UP,
    Panel,
    Query,
    Words,
    bars,
    lines,
    number,
    ranking,
    spread,
    states,
)


@dataclass(frozen=True)
class Outline:
    """What a domain defines, as far as a dashboard needs it.

    Attributes:
        name: Of the domain, which is its code location.
        owner: Who answers for it.
        groups: Assets by group, both in the order of the data.
        fresh: Assets with a freshness policy.
        checked: Assets with checks.
        jobs: Description by job.
    """

    name: str
    owner: str
    groups: Sequence[tuple[str, Sequence[str]]]
    fresh: Sequence[str]
    checked: Sequence[str]
    jobs: Sequence[tuple[str, str]]

    @property
    def assets(self) -> list[str]:
        """Every asset."""
        return [asset for _, assets in self.groups for asset in assets]


def page(domain: Outline) -> Page:
    """The dashboard of one domain."""
    rows = [Row("Is anything wrong?", _now(domain)), Row("Since when?", _history(domain))]
    rows += [Row(f"Stage {group}", _stage(domain, assets)) for group, assets in domain.groups]
    rows.append(Row("Jobs", _jobs(domain)))
    jobs = "; ".join(f"{name}: {text}" for name, text in domain.jobs)
    return Page(
        uid=f"domain-{domain.name}",
        title=f"Domain {domain.name}",
        description=f"Owner {domain.owner}. {jobs}.",
        rows=rows,
        since="now-7d",
        tags=["domain"],
    )


def _never_ran(domain: Outline) -> str:
    return f"no job of {domain.name} has run"


def _never_judged(domain: Outline) -> str:
    return _never_ran(domain) if domain.checked else f"{domain.name} has no checks"


def _any(label: str, values: Sequence[str]) -> str:
    return f'{label}=~"{"|".join(values)}"'


def _now(domain: Outline) -> list[Panel]:
    jobs = f'code_location="{domain.name}"'
    assets = _any("asset_key", domain.assets)
    return [
        number(
            Words("Jobs whose last run failed", "Goes back with the next success.", "none", ANY_IS_BAD, size=(6, 5)),
            Query(f"sum(dagster_job_last_run_success{{{jobs}}} == bool 0)", empty=_never_ran(domain)),
        ),
        number(
            Words(
                "Failed checks",
                "Of severity error, when last evaluated.",
                "none",
                ANY_IS_BAD,
                size=(6, 5),
            ),
            Query(
                f'sum(dagster_asset_check_status{{severity="error", {assets}}} == bool 0)',
                empty=_never_judged(domain),
            ),
        ),
        number(
            Words(
                "Stale assets",
                "Past the fail window of the freshness policy: " + (", ".join(domain.fresh) or "none has one") + ".",
                "none",
                ANY_IS_BAD,
                size=(6, 5),
            ),
            Query(
                f"sum(dagster_asset_freshness_state{{{assets}}} == bool 2)",
                empty="" if domain.fresh else f"no asset of {domain.name} has a freshness policy",
            ),
        ),
        number(
            Words(
                "Code location",
                "Whether the webserver has loaded it.",
                "none",
                UP,
                mappings={0: ("broken", "red"), 1: ("loaded", "green")},
                size=(6, 5),
            ),
            Query(f"min(dagster_code_location_loaded{{{jobs}}})"),
        ),
    ]


def _history(domain: Outline) -> list[Panel]:
    assets = _any("asset_key", domain.assets)
    found = [
        states(
            Words(
                "Last run of each job",
                "Green: it succeeded. Red: it failed.",
                "none",
                UP,
                links=[RUNS_OF_JOB, JOB],
                mappings={0: ("failed", "red"), 1: ("succeeded", "green")},
            ),
            Query(
                f'min by (code_location, job_name) (dagster_job_last_run_success{{code_location="{domain.name}"}})',
                "{{job_name}}",
                _never_ran(domain),
            ),
        )
    ]
    if domain.fresh:
        found.append(
            states(
                Words(
                    "Freshness",
                    "By the policy of each asset that has one.",
                    "none",
                    FRESHNESS_STEPS,
                    links=[ASSET],
                    mappings=FRESHNESS,
                ),
                Query(f"max by (asset_key) (dagster_asset_freshness_state{{{assets}}})", "{{asset_key}}"),
            )
        )
    if domain.checked:
        checked = _any("asset_key", domain.checked)
        found.append(
            states(
                Words(
                    "Checks",
                    "One row per check: what it said when it was last evaluated.",
                    "none",
                    UP,
                    links=[CHECKS],
                    mappings=PASSED_OR_FAILED,
                    size=(24, min(5 + 2 * len(domain.checked), 16)),
                ),
                Query(
                    f"min by (asset_key, check_name) (dagster_asset_check_status{{{checked}}})",
                    "{{check_name}}",
                    empty=_never_judged(domain),
                ),
            )
        )
    return found


def _stage(domain: Outline, assets: Sequence[str]) -> list[Panel]:
    chosen = _any("asset_key", assets)
    silent = _never_ran(domain)
    return [
        ranking(
            Words("Rows", "Of the last materialisation.", "short", PLAIN, links=[ASSET], size=(6, 8)),
            Query(f"max by (asset_key) (dagster_asset_rows{{{chosen}}})", "{{asset_key}}", empty=silent),
        ),
        lines(
            Words(
                "Rows over time",
                "A step down that nobody ordered is lost data.",
                "short",
                PLAIN,
                links=[ASSET],
                size=(6, 8),
            ),
            Query(f"max by (asset_key) (dagster_asset_rows{{{chosen}}})", "{{asset_key}}", empty=silent),
        ),
        lines(
            Words("Seconds", "That each materialisation took.", "s", PLAIN, links=[ASSET], size=(6, 8)),
            Query(
                f'max by (asset_key) (dagster_asset_metadata_value{{key="seconds", {chosen}}})',
                "{{asset_key}}",
                empty=silent,
            ),
        ),
        lines(
            Words(
                "Age",
                "Since the last materialisation. A saw tooth with the job's rhythm is well.",
                "s",
                PLAIN,
                links=[ASSET],
                size=(6, 8),
            ),
            Query(
                f"max by (asset_key) (time() - dagster_asset_last_materialization_timestamp_seconds{{{chosen}}})",
                "{{asset_key}}",
                empty=silent,
            ),
        ),
    ]


def _jobs(domain: Outline) -> list[Panel]:
    chosen = f'code_location="{domain.name}"'
    return [
        bars(
            Words(
                "Runs that ended",
                "Per interval, by how; a dot is a single run.",
                "none",
                PLAIN,
                links=[RUNS_OF_JOB],
                size=(8, 8),
            ),
            Query(
                f"sum by (job_name, status) (increase(dagster_runs_completed_total{{{chosen}}}[$__rate_interval]))",
                "{{job_name}} {{status}}",
            ),
        ),
        spread(
            Words("Durations", "The darker, the more runs.", "s", PLAIN, links=[RUNS_OF_JOB], size=(8, 8)),
            Query(
                f"sum by (le) (increase(dagster_run_duration_seconds_bucket{{{chosen}}}[$__rate_interval]))",
                "{{le}}",
                empty=_never_ran(domain),
            ),
        ),
        lines(
            Words(
                "Memory of its runs",
                "Of the fullest run container of each job.",
                "bytes",
                PLAIN,
                size=(8, 8),
            ),
            Query(
                # Run containers have no label of their location: they are of the service that is named after it.
                f'max by (run_job) (container_memory_working_set_bytes{{service="{domain.name}-run"}})',
                "{{run_job}}",
                empty="no run goes on",
            ),
        ),
    ]
