"""How a panel writes and colours its values: Grafana's units, value mappings, thresholds and fixed colours.

What belongs here: a number in, words or a colour's name out. What does not: the colours themselves (`preview.css`).

Only the units that the dashboards use are known (https://grafana.com/docs/grafana/latest/panels-visualizations/
configure-standard-options/); an unknown one is an error and not a bare number, which would be read as a wrong one.
"""

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from millrace.errors import PlatformRefusedError

_RATES = ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K"), (1, ""))
# From the largest: size in what Prometheus gives, and how Grafana calls it.
_SCALES: Mapping[str, Sequence[tuple[float, str]]] = {
    "none": ((1, ""),),
    "short": _RATES,
    "ops": tuple((size, f"{word} ops/s") for size, word in _RATES),
    "reqps": tuple((size, f"{word} req/s") for size, word in _RATES),
    "percentunit": ((0.01, "%"),),
    "s": (
        (31_536_000, " years"), (604_800, " weeks"), (86_400, " days"), (3600, " hours"), (60, " mins"), (1, " s"),
        (1e-3, " ms"), (1e-6, " µs"),
    ),
    "bytes": ((2**40, " TiB"), (2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB"), (1, " B")),
    "Bps": ((1e9, " GB/s"), (1e6, " MB/s"), (1e3, " kB/s"), (1, " B/s")),
}  # fmt: skip
_PALETTE = 8


@dataclass(frozen=True)
class Field:
    """A panel's `fieldConfig`.

    Attributes:
        unit: Grafana's name of the unit.
        steps: Thresholds: a colour from a value on; the first has None.
        words: Text and colour by value.
        fixed: Colour by pattern of a series' name.
        units: Unit by column, where it differs.
        most: End of its scale; None where its values say it.
    """

    unit: str
    steps: Sequence[tuple[float | None, str]]
    words: Mapping[float, tuple[str, str]]
    fixed: Sequence[tuple[str, str]]
    units: Mapping[str, str]
    most: float | None

    def text(self, value: float, column: str = "") -> str:
        """The value in words or in its unit."""
        return self.words[value][0] if value in self.words else written(value, self.units.get(column, self.unit))

    def color(self, value: float) -> str:
        """The colour that its word has, or the last threshold that it reaches."""
        reached = [color for start, color in self.steps if start is None or value >= start]
        return self.words[value][1] if value in self.words else reached[-1]

    def series_color(self, name: str, index: int) -> str:
        """The colour that the name is given, or the next of the palette."""
        return next((color for like, color in self.fixed if re.search(like, name)), f"p{index % _PALETTE}")


def field_of(panel: Mapping) -> Field:
    """How a panel of a dashboard's file writes its values."""
    defaults = panel["fieldConfig"]["defaults"]
    options = {k: v for mapping in defaults.get("mappings", ()) for k, v in mapping["options"].items()}
    overrides = {
        (rule["matcher"]["options"], one["id"]): one["value"]
        for rule in panel["fieldConfig"]["overrides"]
        for one in rule["properties"]
    }
    return Field(
        unit=defaults["unit"],
        steps=[(step["value"], step["color"]) for step in defaults["thresholds"]["steps"]],
        words={float(value): (one["text"], one["color"]) for value, one in options.items()},
        fixed=[(like.strip("/"), one["fixedColor"]) for (like, what), one in overrides.items() if what == "color"],
        units={name: unit for (name, what), unit in overrides.items() if what == "unit"},
        most=defaults.get("max"),
    )


def written(value: float, unit: str) -> str:
    """A number in a unit, in three digits or as many as it has before the point.

    Raises:
        PlatformRefusedError: the unit is none of those that dashboards use.
    """
    if not math.isfinite(value):
        return f"{value:+}".replace("inf", "Inf")
    if unit == "dateTimeFromNow":
        return f"{written(max(time.time() - value / 1000, 0), 's')} ago"
    size, word = _scale(value, unit)
    number = value / size
    digits = max(2 - math.floor(math.log10(abs(number))), 0) if number else 0
    text = f"{number:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if digits else text}{word}"


def round_number(value: float, unit: str) -> float:
    """The next number that is round in its unit, for the end of a scale; 1 of it where the value is not above 0."""
    size, _ = _scale(value, unit)
    if value <= 0:
        return size
    power = size * 10.0 ** math.floor(math.log10(value / size))
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-9))


def _scale(value: float, unit: str) -> tuple[float, str]:
    """The largest part of a unit that a value has one of; of 0 the unit itself."""
    if unit not in _SCALES:
        raise PlatformRefusedError(f"unit {unit!r}", f"the preview knows {', '.join(_SCALES)}")
    scales = _SCALES[unit]
    if not value:
        return next((one for one in scales if one[0] == 1), scales[0])
    return next((one for one in scales if abs(value) >= one[0]), scales[-1])
