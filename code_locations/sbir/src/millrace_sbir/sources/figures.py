"""How a source behaved: what was asked of it, how often it answered, how fast.

What belongs here: counting. What does not: what becomes of the figures (metadata and metrics of the assets).
"""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class SourceFigures:
    """Figures of one source in one run.

    Attributes:
        name: Of the source: `sam.gov`.
        requests: Sent, each attempt counted.
        answered: Of them, with what was asked for.
        failures: Of them, without, by kind: `429`, `ReadTimeout`, `no JSON`.
        retries: Attempts after a failed one.
        cached: Pages that lay here already.
        rows: Rows that came of it.
        waited_seconds: For the rate limit and between attempts.
        answer_seconds: Of all requests together.
        longest_seconds: Of the slowest request.
    """

    name: str
    requests: int = 0
    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    cached: int = 0
    rows: int = 0
    waited_seconds: float = 0.0
    answer_seconds: float = 0.0
    longest_seconds: float = 0.0

    def answer(self, seconds: float) -> None:
        """Count a request that was answered."""
        self.answered += 1
        self._request(seconds)

    def failure(self, kind: str, seconds: float) -> None:
        """Count a request that was not."""
        self.failures[kind] += 1
        self._request(seconds)

    @property
    def success_rate(self) -> float | None:
        """Answered requests among all, 0-1; None if nothing was asked."""
        return self.answered / self.requests if self.requests else None

    @property
    def error_rate(self) -> float | None:
        """The others, 0-1; None if nothing was asked."""
        return None if self.success_rate is None else 1 - self.success_rate

    @property
    def mean_seconds(self) -> float | None:
        """Mean duration of a request; None if nothing was asked."""
        return self.answer_seconds / self.requests if self.requests else None

    def _request(self, seconds: float) -> None:
        self.requests += 1
        self.answer_seconds += seconds
        self.longest_seconds = max(self.longest_seconds, seconds)
