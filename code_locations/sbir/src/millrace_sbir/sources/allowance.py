"""How often a service may be asked: so many requests a second, and so many a day.

What belongs here: counting requests before they are sent. What does not: what the service says of it afterwards.
"""

import fcntl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from millrace.errors import SourceUnavailableError


class UsedUpError(SourceUnavailableError):
    """A service may not be asked again today."""


@dataclass
class TokenBucket:
    """Lets requests through at a steady rate, and a few at once after a pause.

    Attributes:
        per_second: Requests in the long run.
        burst: Requests at once.
        clock, sleep: Time in seconds, and how to let it pass; tests have their own.
    """

    per_second: float
    burst: int = 1
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _tokens: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens, self._at = float(self.burst), self.clock()

    def take(self) -> float:
        """Wait until a request may be sent; return the seconds waited."""
        now = self.clock()
        self._tokens = min(self._tokens + (now - self._at) * self.per_second, float(self.burst))
        self._at = now
        wait = max((1 - self._tokens) / self.per_second, 0.0)
        if wait:
            self.sleep(wait)
        self._tokens -= 1
        return wait


@dataclass(frozen=True)
class DailyAllowance:
    """Counts the requests of a day in a file, so that the runs of a day share them.

    Attributes:
        path: The file: a day and a number.
        per_day: Requests in a day, in UTC.
        today: Which day it is.
    """

    path: Path
    per_day: int
    today: Callable[[], date] = lambda: datetime.now(UTC).date()

    def take(self, name: str) -> None:
        """Count a request.

        Raises:
            UsedUpError: the day's are used up.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            day, _, count = file.read().partition(" ")
            today = self.today().isoformat()
            used = int(count) if day == today and count.isdigit() else 0
            if used >= self.per_day:
                raise UsedUpError(
                    name,
                    f"the {self.per_day:,} requests of {today} are used up",
                    next_step="the pages that came are kept; a run tomorrow goes on behind them",
                )
            file.seek(0)
            file.truncate()
            file.write(f"{today} {used + 1}")
