"""A made-up history, of a museum's month in which this and that went wrong."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from millrace.health.history import AssetEvent, CheckResult, History, Run

NOW = datetime(2026, 5, 28, 12, 0, tzinfo=UTC).timestamp()
DAY = 86400.0


class Month:
    """A history that a test writes, day by day; day 0 is today, day 1 yesterday."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.events: list[AssetEvent] = []
        self.checks: list[CheckResult] = []
        self.reasons: dict[str, str] = {}

    def run(
        self,
        days_ago: float,
        status: str = "SUCCESS",
        *,
        job: str = "nightly_job",
        seconds: float = 60.0,
        assets: tuple[str, ...] = (),
        made: tuple[str, ...] | None = None,
        reason: str = "",
    ) -> str:
        """Add a run that ended (or goes on, by its status); `made` of `assets` were made, all unless said."""
        run_id = f"run-{len(self.runs)}"
        started = NOW - days_ago * DAY
        ended = started + seconds if status in ("SUCCESS", "FAILURE", "CANCELED") else None
        begun = None if status in ("QUEUED", "STARTING", "NOT_STARTED") else started
        self.runs.append(Run(run_id, "museum", job, status, started, begun, ended))
        done = assets if made is None and status == "SUCCESS" else made or ()
        self.events += [AssetEvent(asset, True, started, run_id) for asset in assets]
        self.events += [AssetEvent(asset, False, started + 1 + at, run_id) for at, asset in enumerate(done)]
        if reason:
            self.reasons[run_id] = reason
        return run_id

    def check(self, days_ago: float, *, passed: bool, severity: str = "error", description: str = "") -> None:
        """Add a result of `cleaned_contract_check`."""
        severity = "" if passed else severity
        at = NOW - days_ago * DAY
        self.checks.append(
            CheckResult("cleaned", "cleaned_contract_check", passed, True, at, "run-0", severity, description)
        )

    def history(self) -> History:
        """What was written."""
        runs = sorted(self.runs, key=lambda run: run.created)
        events = sorted(self.events, key=lambda event: event.at)
        checks = sorted(self.checks, key=lambda result: result.at)
        return History(NOW - 28 * DAY, runs, events, checks, self.reasons)


@pytest.fixture
def month() -> Month:
    """An empty month."""
    return Month()


@pytest.fixture
def now() -> float:
    """The moment at which the month ends."""
    return NOW


@pytest.fixture
def a_month() -> Callable[[], Month]:
    """Makes empty months."""
    return Month
