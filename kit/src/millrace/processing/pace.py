"""How many rows the next chunk gets: as many as free memory allows, by what rows have cost so far.

What belongs here: the decision. What does not: reading memory (`memory`) and cutting frames (`chunks`).

A row costs what it takes in memory together with its result, twice over for the work in between, or more where the
process was seen to grow by more. Chunks at most double, and shrink at once: the first is small, because nothing is
known yet, and a cost that was seen wears off slowly, because the next rows may be like the last.
"""

import math
from dataclasses import dataclass
from typing import Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

_WORK_FACTOR = 2.0
_WEARS_OFF = 0.8
_GROWS_BY = 2


class ChunkConfig(BaseModel):
    """How work is cut; a domain's configuration may hold one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start_rows: int = Field(default=5_000, gt=0, description="rows of the first chunk")
    min_rows: int = Field(default=500, gt=0, description="rows of a chunk, however little memory is free")
    max_rows: int = Field(default=50_000, gt=0, description="rows of a chunk, however much memory is free")
    memory_share: float = Field(default=0.25, gt=0, le=1, description="of the free memory (0-1) that a chunk may take")

    @model_validator(mode="after")
    def _are_in_order(self) -> Self:
        if not self.min_rows <= self.start_rows <= self.max_rows:
            raise ValueError("min_rows, start_rows and max_rows must be in this order")
        return self


@dataclass
class Pace:
    """The size of the next chunk.

    Attributes:
        config: Its bounds.
        rows: Rows that the next chunk gets.
        bytes_per_row: What a row is reckoned to cost; 0 before the first chunk.
    """

    config: ChunkConfig
    rows: int = 0
    bytes_per_row: float = 0.0

    def __post_init__(self) -> None:
        self.rows = self.rows or self.config.start_rows

    def learn(self, rows: int, chunk_bytes: int, grown_bytes: int, free_bytes: int) -> None:
        """Take account of a chunk and decide on the next.

        Args:
            rows: Rows that it had.
            chunk_bytes: What these and their result took.
            grown_bytes: By how much the process's peak memory rose above where it stood; 0 if it did not.
            free_bytes: What is free now.
        """
        seen = max(chunk_bytes * _WORK_FACTOR, float(grown_bytes)) / max(rows, 1)
        self.bytes_per_row = max(seen, self.bytes_per_row * _WEARS_OFF, 1.0)
        affordable = math.floor(free_bytes * self.config.memory_share / self.bytes_per_row)
        wanted = min(affordable, self.rows * _GROWS_BY, self.config.max_rows)
        self.rows = max(wanted, self.config.min_rows)


def frame_bytes(frame: pl.DataFrame) -> int:
    """What a frame takes in memory; `estimated_size` counts the whole buffer of a text column for each slice of it."""
    texts = [name for name, dtype in frame.schema.items() if dtype in (pl.String, pl.Binary)]
    others = frame.drop(texts).estimated_size() if len(texts) < frame.width else 0
    lengths = [
        pl.col(name).str.len_bytes().sum() if frame.schema[name] == pl.String else pl.col(name).bin.size().sum()
        for name in texts
    ]
    held = sum(int(length or 0) for length in frame.select(lengths).row(0)) if texts else 0
    return int(others) + held + 16 * frame.height * len(texts)
