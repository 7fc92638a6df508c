"""The size of the next chunk follows free memory and what rows have cost."""

import polars as pl
import pytest
from pydantic import ValidationError

from millrace.processing import ChunkConfig
from millrace.processing.pace import Pace, frame_bytes

CONFIG = ChunkConfig(start_rows=1_000, min_rows=100, max_rows=10_000, memory_share=0.5)
PLENTY = 1 << 40


def learned(pace: Pace, *, bytes_per_row: int = 500, free_bytes: int = PLENTY, grown_bytes: int = 0) -> int:
    """The next chunk's rows after one of `pace.rows` rows, whose work counts twice."""
    pace.learn(pace.rows, pace.rows * bytes_per_row, grown_bytes, free_bytes)
    return pace.rows


def test_with_memory_to_spare_chunks_double_up_to_the_largest() -> None:
    pace = Pace(CONFIG)

    assert [pace.rows] + [learned(pace) for _ in range(5)] == [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]


def test_under_pressure_a_chunk_shrinks_at_once_to_what_fits_and_grows_again_after_it() -> None:
    pace = Pace(CONFIG, rows=8_000)

    assert learned(pace, free_bytes=1_000_000) == 500  # half of a megabyte, a thousand bytes a row
    assert learned(pace, free_bytes=1_000_000) == 500
    assert [learned(pace) for _ in range(3)] == [1_000, 2_000, 4_000]


def test_with_nothing_free_a_chunk_has_the_least_rows_and_work_goes_on() -> None:
    assert learned(Pace(CONFIG), free_bytes=0) == 100


def test_growth_of_the_process_counts_where_it_is_more_than_the_frames() -> None:
    by_frames, by_growth = Pace(CONFIG), Pace(CONFIG)

    learned(by_frames, bytes_per_row=10, free_bytes=2_000_000)
    learned(by_growth, bytes_per_row=10, free_bytes=2_000_000, grown_bytes=2_000_000)

    assert (by_frames.rows, by_growth.rows) == (2_000, 500)


def test_a_costly_chunk_is_remembered_for_a_while() -> None:
    pace = Pace(CONFIG)
    learned(pace, bytes_per_row=50_000)
    costly = pace.bytes_per_row
    learned(pace, bytes_per_row=1)
    assert pace.bytes_per_row == pytest.approx(0.8 * costly)
    for _ in range(60):
        learned(pace, bytes_per_row=1)
    assert pace.bytes_per_row < 3


@pytest.mark.parametrize("rows", [(0, 1, 2), (5, 4, 6), (5, 7, 6)], ids=["none", "start_below_min", "start_above_max"])
def test_sizes_that_contradict_each_other_are_refused(rows: tuple[int, int, int]) -> None:
    least, start, most = rows
    with pytest.raises(ValidationError):
        ChunkConfig(min_rows=least, start_rows=start, max_rows=most)


def test_a_slice_of_texts_is_reckoned_by_its_own_texts() -> None:
    whole = pl.DataFrame({"text": ["x" * 1_000] * 1_000, "number": range(1_000)})

    assert frame_bytes(whole) == pytest.approx(1_000 * (1_000 + 16 + 8), rel=0.01)
    assert frame_bytes(whole.head(10)) == pytest.approx(10 * (1_000 + 16 + 8), rel=0.01)


def test_a_frame_of_nothing_takes_nothing() -> None:
    assert frame_bytes(pl.DataFrame()) == 0
    assert frame_bytes(pl.DataFrame({"a": [None, b"xy"]})) == 34
