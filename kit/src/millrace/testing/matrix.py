"""A small seeded part of a long matrix in each test run; all of it where somebody asks for that."""

import os
import random
from collections.abc import Sequence
from typing import TypeVar

Case = TypeVar("Case")

WHOLE = "MILLRACE_TEST_WHOLE_MATRIX"


def is_whole() -> bool:
    """Whether somebody asks for all of each matrix."""
    return bool(os.environ.get(WHOLE))


def seeded_part(cases: Sequence[Case], size: int, *, seed: int = 0) -> list[Case]:
    """Some of the cases, the same in each run, in their order; all of them where `MILLRACE_TEST_WHOLE_MATRIX` is set.

    Args:
        cases: The matrix.
        size: How many of them a usual run takes.
        seed: Chooses which.
    """
    if is_whole():
        return list(cases)
    chosen = random.Random(seed).sample(range(len(cases)), size)  # noqa: S311  # a choice of tests, no secret
    return [cases[place] for place in sorted(chosen)]
