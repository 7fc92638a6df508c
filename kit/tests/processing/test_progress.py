"""Who is told of a step's progress, and when."""

import pytest

from millrace.processing import Figures, Progress


class Told:
    def __init__(self) -> None:
        self.now = 0.0
        self.lines: list[str] = []
        self.observed: list[Figures] = []
        self.progress = Progress("mill.a", say=self.lines.append, observe=self.observed.append, clock=lambda: self.now)
        self.progress.begin()

    def run(self, seconds: int) -> None:
        for second in range(1, seconds + 1):
            self.now = float(second)
            self.progress.tell(Figures(second * 10, seconds * 10, second, 0, self.now))
        self.progress.tell(Figures(seconds * 10, seconds * 10, seconds, 0, self.now), is_last=True)


def test_a_line_is_said_every_five_seconds_and_at_the_end() -> None:
    told = Told()
    told.run(22)

    assert [line.split(" of ")[0] for line in told.lines] == [f"mill.a: {rows}" for rows in (50, 100, 150, 200, 220)]


def test_an_observation_is_recorded_every_fifteen_seconds_and_at_the_end() -> None:
    told = Told()
    told.run(40)

    assert [figures.rows for figures in told.observed] == [150, 300, 400]


def test_a_short_step_says_one_line_and_records_nothing() -> None:
    told = Told()
    told.run(4)

    assert len(told.lines) == 1
    assert told.observed == []


def test_notes_are_no_more_frequent_than_lines() -> None:
    told = Told()
    for second in range(12):
        told.now = float(second)
        told.progress.note(f"note {second}")

    assert told.lines == ["mill.a: note 0", "mill.a: note 5", "mill.a: note 10"]


@pytest.mark.parametrize(
    ("figures", "share", "eta", "text"),
    [
        (Figures(1_000, 4_000, 3, 0, 10.0), 0.25, 30.0, "1,000 of 4,000 rows (25.0%), chunk 3, about 30 s left"),
        (
            Figures(3_000, 4_000, 3, 2_000, 10.0),
            0.75,
            10.0,
            "3,000 of 4,000 rows (75.0%), chunk 3, 2,000 of them by an earlier run, about 10 s left",
        ),
        (Figures(1_000, None, 3, 0, 10.0), None, None, "1,000 rows, chunk 3"),
        (Figures(0, 0, 1, 0, 0.0), 1.0, None, "0 of 0 rows (100.0%), chunk 1"),
        (Figures(9, 9, 3, 9, 0.0), 1.0, None, "9 of 9 rows (100.0%), chunk 3, 9 of them by an earlier run"),
        (Figures(5_000, 4_000, 3, 0, 1.0), 1.0, 0.0, "5,000 of 4,000 rows (100.0%), chunk 3"),
    ],
    ids=["half_way", "resumed", "unknown_total", "empty", "all_by_another", "more_than_said"],
)  # fmt: skip
def test_figures_are_those_of_this_run_and_of_the_whole(
    figures: Figures, share: float | None, eta: float | None, text: str
) -> None:
    assert (figures.share, figures.eta_seconds, str(figures)) == (share, eta, text)
