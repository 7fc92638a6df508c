"""How far the steps that go on have come, by what they observed of their assets while they work.

What belongs here: the last word of each step that goes on. What does not: when it is said: the kit's
`millrace.runs.progress`, every 15 seconds.

A word counts until its asset is materialised, its run has ended, or nothing followed it for an hour: a run that is
deleted while it goes on never ends.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from millrace_exporter.events.tail import Event

ROWS, SHARE, ETA = "progress_rows", "progress_share", "progress_eta_seconds"
KEYS = frozenset({ROWS, SHARE, ETA})
SILENT_SECONDS = 3600.0
_MOST_ENDED = 200  # a word commits seconds after its run's end, if at all; all of them are in every checkpoint


class Word(NamedTuple):
    """What a step said last; timestamp in seconds since 1970."""

    event_id: int
    timestamp: float
    run_id: str
    values: dict[str, float]


@dataclass
class Progress:
    """Steps that go on, by asset; `ended` are the runs that did, since a step's word can commit after its run's end."""

    words: dict[str, Word] = field(default_factory=dict)
    ended: dict[str, None] = field(default_factory=dict)

    def say(self, asset_key: str, event: Event, values: Mapping[str, float]) -> None:
        """A step says how far it has come; anything else that is observed of an asset is no progress."""
        last = self.words.get(asset_key)
        if not values or event.run_id in self.ended or (last is not None and last.event_id > event.id):
            return
        self.words[asset_key] = Word(event.id, event.timestamp, event.run_id, dict(values))

    def materialize(self, asset_key: str, event: Event) -> None:
        """The asset is there: its step is over."""
        last = self.words.get(asset_key)
        if last is not None and last.event_id < event.id:
            del self.words[asset_key]

    def end(self, run_id: str) -> None:
        """A run ended, and with it its steps."""
        self.words = {key: word for key, word in self.words.items() if word.run_id != run_id}
        self.ended[run_id] = None
        while len(self.ended) > _MOST_ENDED:
            self.ended.pop(next(iter(self.ended)))

    def going_on(self, now: float) -> Iterator[tuple[str, Word]]:
        """Assets and the last word of their steps."""
        self.words = {key: word for key, word in self.words.items() if now - word.timestamp < SILENT_SECONDS}
        yield from self.words.items()

    def dump(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"words": {key: list(word) for key, word in self.words.items()}, "ended": list(self.ended)}

    def restore(self, dumped: Mapping[str, Any]) -> None:
        """Take up what was dumped."""
        self.words = {key: Word(*word) for key, word in dumped.get("words", {}).items()}
        self.ended = dict.fromkeys(dumped.get("ended", ()))
