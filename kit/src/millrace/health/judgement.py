"""What a history comes to: the state of each asset, job and check, and what is wrong now with what to do.

What belongs here: decisions over what was read; no database, no clock, no file. What does not: how it looks (`page`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import median

from millrace.health.history import AssetEvent, CheckResult, History, Run
from millrace.health.monitoring import Alert, Policy

FRESH, LATE, STALE, NEVER, UNJUDGED = "fresh", "late", "stale", "never made", ""
_WAITS_LONG_SECONDS = 900
_LONGER_THAN_USUAL = 3
_ENOUGH_RUNS = 3
_SHOWN_RESULTS = 40


@dataclass(frozen=True)
class Day:
    """A day of an asset: how often it was made, and how often a run that was to make it failed."""

    day: date
    made: int
    failed: int


@dataclass(frozen=True)
class AssetHealth:
    """An asset; `age_seconds` is None if it was not made within the window."""

    asset: str
    location: str
    state: str
    age_seconds: float | None
    policy: Policy | None
    days: Sequence[Day]

    @property
    def failing(self) -> bool:
        """Whether its last attempt failed."""
        tried = [day for day in self.days if day.made or day.failed]
        return bool(tried) and tried[-1].failed > 0 and tried[-1].made == 0


@dataclass(frozen=True)
class JobHealth:
    """A job and its runs within the window, oldest first."""

    location: str
    job: str
    runs: Sequence[Run]
    failures: int
    usual_seconds: float | None

    @property
    def last(self) -> Run:
        """Its last run."""
        return self.runs[-1]


@dataclass(frozen=True)
class CheckHealth:
    """A check and its last results, oldest first."""

    asset: str
    check: str
    results: Sequence[CheckResult]

    @property
    def last(self) -> CheckResult:
        """What it said last; a run that ended before it could say changes nothing."""
        said = [result for result in self.results if result.evaluated]
        return (said or self.results)[-1]

    @property
    def state(self) -> str:
        """`passed`, `warned`, `failed`, or `unknown` if its run ended before it could say."""
        if self.last.passed:
            return "passed"
        if not self.last.evaluated:
            return "unknown"
        return "warned" if self.last.severity == "warn" else "failed"


@dataclass(frozen=True)
class Problem:
    """Something that is wrong now.

    Attributes:
        severity: `error` needs somebody, `warning` may wait.
        title: What.
        detail: What was said of it.
        since: Since when, seconds since 1970; None if nobody knows.
        steps: What to do, in order.
        path: Page of Dagster, or a runbook.
        about: The job, asset or check that it is about, as an alert names it.
    """

    severity: str
    title: str
    detail: str
    since: float | None
    steps: Sequence[str]
    path: str
    about: tuple[str, str] | None = None


@dataclass(frozen=True)
class Health:
    """Everything that the page shows.

    Attributes:
        now: When it was judged, seconds since 1970.
        assets: By location, in the order of the data.
        unknown: What could not be asked, one line each.
    """

    now: float
    since: float
    problems: Sequence[Problem]
    assets: Mapping[str, Sequence[AssetHealth]]
    jobs: Sequence[JobHealth]
    checks: Sequence[CheckHealth]
    unknown: Sequence[str] = field(default_factory=tuple)

    @property
    def days(self) -> list[date]:
        """The days of the window."""
        return days_between(self.since, self.now)


def days_between(since: float, now: float) -> list[date]:
    """The days from the first whole one to today, in UTC."""
    last = _day(now)
    count = round((now - since) / 86400)
    return [last - timedelta(days=count - 1 - number) for number in range(count)]


def judge(
    history: History,
    now: float,
    *,
    policies: Mapping[str, Policy],
    alerts: Sequence[Alert] = (),
    unknown: Sequence[str] = (),
) -> Health:
    """Judge a history.

    Args:
        history: What happened.
        now: Seconds since 1970.
        policies: Freshness policy by asset.
        alerts: What fires, where somebody watches.
        unknown: What could not be asked, one line each.
    """
    jobs = _jobs(history.runs)
    checks = _checks(history.checks)
    assets = _assets(history, now, policies)
    problems = [*_of_jobs(jobs, history, now), *_of_assets(assets), *_of_checks(checks)]
    told = {problem.about for problem in problems} - {None}  # and not once more by an alert
    problems = [*_of_alerts(alert for alert in alerts if alert.about not in told), *problems]
    problems.sort(key=lambda problem: (problem.severity != "error", problem.since or now))
    by_location: dict[str, list[AssetHealth]] = defaultdict(list)
    for asset in assets:
        by_location[asset.location].append(asset)
    return Health(now, history.since, problems, dict(sorted(by_location.items())), jobs, checks, unknown)


def _jobs(runs: Iterable[Run]) -> list[JobHealth]:
    by_job: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        if not run.job.startswith("__"):
            by_job[run.location, run.job].append(run)
    found = []
    for (location, job), of_job in sorted(by_job.items()):
        failures = 0
        for run in reversed(of_job):
            if run.status == "SUCCESS":
                break
            failures += run.status == "FAILURE"
        took = [run.seconds for run in of_job if run.status == "SUCCESS" and run.seconds is not None]
        usual = median(took[-20:]) if len(took) >= _ENOUGH_RUNS else None
        found.append(JobHealth(location, job, of_job, failures, usual))
    return found


def _checks(results: Iterable[CheckResult]) -> list[CheckHealth]:
    by_check: dict[tuple[str, str], list[CheckResult]] = defaultdict(list)
    for result in results:
        by_check[result.asset, result.check].append(result)
    return [CheckHealth(asset, check, found[-_SHOWN_RESULTS:]) for (asset, check), found in by_check.items()]


def _assets(history: History, now: float, policies: Mapping[str, Policy]) -> list[AssetHealth]:
    location_of = {run.run_id: run.location for run in history.runs}
    failed = {run.run_id for run in history.runs if run.status == "FAILURE"}
    made, planned = _by_asset(history.events, planned=False), _by_asset(history.events, planned=True)
    days = days_between(history.since, now)
    found = []
    # In the order of the data: within a run, what is made first feeds what is made later.
    in_order = sorted(made, key=lambda asset: made[asset][-1].at)
    for asset in dict.fromkeys([*in_order, *planned, *sorted(policies)]):
        its_made, its_planned = made.get(asset, []), planned.get(asset, [])
        done = {event.run_id for event in its_made}
        missed = [event for event in its_planned if event.run_id in failed and event.run_id not in done]
        made_on = _count(event.at for event in its_made)
        missed_on = _count(event.at for event in missed)
        last = its_made[-1].at if its_made else None
        seen = [location_of.get(event.run_id, "") for event in (*its_planned, *its_made)]
        found.append(
            AssetHealth(
                asset,
                next((name for name in reversed(seen) if name), "other"),
                _state(last, now, policies.get(asset)),
                None if last is None else now - last,
                policies.get(asset),
                [Day(day, made_on.get(day, 0), missed_on.get(day, 0)) for day in days],
            )
        )
    return found


def _by_asset(events: Iterable[AssetEvent], *, planned: bool) -> dict[str, list[AssetEvent]]:
    found: dict[str, list[AssetEvent]] = {}
    for event in events:
        if event.planned is planned:
            found.setdefault(event.asset, []).append(event)
    return found


def _state(last: float | None, now: float, policy: Policy | None) -> str:
    if policy is None:
        return UNJUDGED
    if last is None:
        return NEVER
    if policy.fail_seconds is not None and now - last > policy.fail_seconds:
        return STALE
    if policy.warn_seconds is not None and now - last > policy.warn_seconds:
        return LATE
    return FRESH


def _of_alerts(alerts: Iterable[Alert]) -> list[Problem]:
    return [
        Problem(
            "error" if alert.calls else "warning",
            alert.summary,
            alert.description,
            alert.since,
            [f"Follow the runbook of {alert.name}."] if alert.runbook else [],
            alert.runbook,
        )
        for alert in alerts
        if alert.severity != "info"
    ]


def _of_jobs(jobs: Sequence[JobHealth], history: History, now: float) -> list[Problem]:
    found = []
    for job in jobs:
        ended = [run for run in job.runs if run.status in ("SUCCESS", "FAILURE")]
        if job.failures and ended:
            last = ended[-1]
            first = ended[-job.failures]
            times = "its last run" if job.failures == 1 else f"its last {job.failures} runs"
            found.append(
                Problem(
                    "error",
                    f"Job {job.job} of {job.location} fails: {times}",
                    history.reasons.get(last.run_id, ""),
                    first.ended,
                    [
                        "Open the run: the step in red says why, in its last line.",
                        "If the cause has passed, launch the job again; what it did before is replaced, not doubled.",
                    ],
                    f"/runs/{last.run_id}",
                    ("job_name", job.job),
                )
            )
        last = job.last
        if last.status in ("QUEUED", "NOT_STARTED", "STARTING") and now - last.created > _WAITS_LONG_SECONDS:
            steps = [
                "Runs of one job follow each other: look for one that goes on.",
                "See whether Dagster's daemon beats.",
            ]
            found.append(
                Problem(
                    "warning",
                    f"A run of {job.job} waits since long",
                    f"It is {last.status.lower()}.",
                    last.created,
                    steps,
                    f"/runs/{last.run_id}",
                )
            )
        usual = job.usual_seconds
        if last.status == "STARTED" and usual and last.started and now - last.started > _LONGER_THAN_USUAL * usual:
            found.append(
                Problem(
                    "warning",
                    f"A run of {job.job} takes more than {_LONGER_THAN_USUAL} times as long as usual",
                    "",
                    last.started,
                    ["Open the run and see which step goes on.", "Terminate it if it does not move."],
                    f"/runs/{last.run_id}",
                )
            )
    return found


def _of_assets(assets: Sequence[AssetHealth]) -> list[Problem]:
    found = []
    for asset in assets:
        if asset.state in (STALE, NEVER):
            what = "is stale" if asset.state == STALE else "was never made, or not for four weeks"
            found.append(
                Problem(
                    "error" if asset.state == STALE else "warning",
                    f"Asset {asset.asset} {what}",
                    "Whoever reads it reads old data." if asset.state == STALE else "It has a freshness policy.",
                    None,
                    [
                        "See whether the job that makes it failed or never ran: schedules are off until switched on.",
                        "Launch that job: scripts/millrace launch JOB",
                    ],
                    f"/assets/{asset.asset}",
                    ("asset_key", asset.asset),
                )
            )
        elif asset.state == LATE:
            steps = ["Its job has missed a turn. See whether it runs now."]
            about = ("asset_key", asset.asset)
            page = f"/assets/{asset.asset}"
            found.append(Problem("warning", f"Asset {asset.asset} is late", "", None, steps, page, about))
    return found


def _of_checks(checks: Sequence[CheckHealth]) -> list[Problem]:
    found = []
    for check in checks:
        last = check.last
        if last.passed or not last.evaluated:
            continue
        said = [result for result in check.results if result.evaluated]
        failing = 0
        for result in reversed(said):
            if result.passed:
                break
            failing += 1
        found.append(
            Problem(
                "warning" if last.severity == "warn" else "error",
                f"Check {check.check} failed",
                last.description,
                said[-failing].at,
                ["Open the asset's checks: they name the first rows that were turned away, and the file of all."],
                f"/assets/{check.asset}?view=checks",
                ("check_name", check.check),
            )
        )
    return found


def _count(moments: Iterable[float]) -> dict[date, int]:
    found: dict[date, int] = defaultdict(int)
    for moment in moments:
        found[_day(moment)] += 1
    return found


def _day(moment: float) -> date:
    return datetime.fromtimestamp(moment, UTC).date()
