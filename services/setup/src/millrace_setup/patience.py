"""Waiting for a server that is still starting, until a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

from millrace_setup.errors import SetupError

_PAUSE_SECONDS = 0.5
Result = TypeVar("Result")


def when_it_answers(
    server: str, attempt: Callable[[], Result], starting: tuple[type[Exception], ...], deadline_seconds: float
) -> Result:
    """Try until the attempt no longer raises what a starting server makes it raise.

    Raises:
        SetupError: It still did at the deadline.
    """
    deadline = time.monotonic() + deadline_seconds
    while True:
        try:
            return attempt()
        except starting as error:
            if time.monotonic() >= deadline:
                reason = " ".join(str(error).split())
                raise SetupError(
                    f"{server}: does not answer after {deadline_seconds:g} s ({reason}); look at its log"
                ) from error
            time.sleep(_PAUSE_SECONDS)
