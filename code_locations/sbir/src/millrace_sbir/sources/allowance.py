"""How often a service may be asked: so many requests a second, and so many a day.

What belongs here: counting requests before they are sent. What does not: what the service says of it afterwards.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from millrace.errors import SourceUnavailableError
from millrace.stores import Store


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
    """Counts the requests of a day in a store, so that the runs of a day share them, on whichever machine.

    Two runs that ask at the same moment may count one request for two; the service counts, too.

    Attributes:
        store: Where the count lies.
        name: Of its file: a day and a number.
        per_day: Requests in a day, in UTC.
        today: Which day it is.
    """

    store: Store
    name: str
    per_day: int
    today: Callable[[], date] = lambda: datetime.now(UTC).date()

    def take(self, service: str) -> None:
        """Count a request.

        Raises:
            UsedUpError: the day's are used up.
        """
        today, used = self.today().isoformat(), 0
        if self.store.has(self.name):
            day, _, count = self.store.read(self.name).decode(errors="replace").partition(" ")
            used = int(count) if day == today and count.isdigit() else 0
        if used >= self.per_day:
            raise UsedUpError(
                service,
                f"the {self.per_day:,} requests of {today} are used up",
                next_step="what came is kept; a run tomorrow goes on behind it",
            )
        self.store.put(self.name, f"{today} {used + 1}".encode())
