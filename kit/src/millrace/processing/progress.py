"""How far a long step has come: said in the log every few seconds, and recorded for the metrics now and then.

What belongs here: the figures, and how often they are told. What does not: telling Dagster (`millrace.runs.progress`).

An observation costs an event in Dagster's database, so it is rarer than a line of the log, and a step that is done
before the first is due records none.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

SAY_EVERY_SECONDS = 5.0
OBSERVE_EVERY_SECONDS = 15.0


@dataclass(frozen=True)
class Figures:
    """How far a step has come.

    Attributes:
        rows: Rows of the input that are done, those of an interrupted run among them.
        total_rows: Rows of the input; None if nobody knows.
        chunk: Number of the chunk that was finished last, from 1, counted over all runs.
        resumed_rows: Of `rows` those that an interrupted run had done.
        seconds: Since this run began with them.
    """

    rows: int
    total_rows: int | None
    chunk: int
    resumed_rows: int
    seconds: float

    @property
    def share(self) -> float | None:
        """Of the rows that are done (0-1); None if the total is unknown."""
        if self.total_rows is None:
            return None
        return min(self.rows / self.total_rows, 1.0) if self.total_rows else 1.0

    @property
    def eta_seconds(self) -> float | None:
        """Seconds left at the speed of this run so far; None if nothing is known of it."""
        done = self.rows - self.resumed_rows
        if self.total_rows is None or done <= 0:
            return None
        return max(self.total_rows - self.rows, 0) * self.seconds / done

    def __str__(self) -> str:
        text = f"{self.rows:,}"
        if self.total_rows is not None:
            text += f" of {self.total_rows:,} rows ({self.share:.1%})"
        else:
            text += " rows"
        text += f", chunk {self.chunk}"
        if self.resumed_rows:
            text += f", {self.resumed_rows:,} of them by an earlier run"
        if self.eta_seconds:
            text += f", about {self.eta_seconds:.0f} s left"
        return text


def _ignore(_: object) -> None:
    """Tell nobody."""


@dataclass
class Progress:
    """Whose progress it is, and who is told.

    Attributes:
        subject: The asset, for lines and errors: `sbir.enriched_sbir_awards`.
        run_id: The run, for errors; empty outside of one.
        say: Takes a line for people.
        observe: Takes figures for the metrics.
    """

    subject: str
    run_id: str = ""
    say: Callable[[str], None] = _ignore
    observe: Callable[[Figures], None] = _ignore
    clock: Callable[[], float] = time.monotonic
    _due: dict[str, float] = field(default_factory=dict, init=False)
    _is_observed: bool = field(default=False, init=False)

    def tell(self, figures: Figures, *, is_last: bool = False) -> None:
        """Tell who is due; a line is always said at the end, an observation only if there was one before."""
        if self._is_due("say", SAY_EVERY_SECONDS) or is_last:
            self.say(f"{self.subject}: {figures}")
        if self._is_due("observe", OBSERVE_EVERY_SECONDS) or (is_last and self._is_observed):
            self._is_observed = True
            self.observe(figures)

    def note(self, text: str) -> None:
        """Say what people should know beside the figures, unless something was noted a moment ago."""
        if self._is_due("note", SAY_EVERY_SECONDS):
            self.say(f"{self.subject}: {text}")

    def begin(self) -> None:
        """Count the time to the first line and to the first observation from now on."""
        now = self.clock()
        self._due = {"say": now + SAY_EVERY_SECONDS, "observe": now + OBSERVE_EVERY_SECONDS}
        self._is_observed = False

    def _is_due(self, what: str, every_seconds: float) -> bool:
        now = self.clock()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + every_seconds
        return True
