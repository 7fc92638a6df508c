"""Times as people say them.

What belongs here: seconds in, words out. What does not: a clock.
"""

_UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0))


def duration(seconds: float) -> str:
    """In the largest unit that leaves one digit or more, with at most two of them."""
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), ("s", 1.0))
    number = seconds / size
    return f"{number:.0f} {unit}" if number >= 10 else f"{number:.1f}".removesuffix(".0") + f" {unit}"


def ago(seconds: float) -> str:
    """How long something is past."""
    return "just now" if seconds < 60 else f"{duration(seconds)} ago"
