"""An entry that is right, for tests that spoil it, and a catalogue made of some."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from millrace.alerts.catalogue import Area, load_catalogue

ENTRY: dict[str, Any] = {
    "alert": "TreeDown",
    "severity": "error",
    "threshold": 3,
    "for": "1m",
    "unit": "count",
    "expr": "last_over_time(trees_down[5m]) > $threshold",
    "owner": "team:fruit",
    "summary": "{{ $labels.code_location }} has lost trees",
    "description": "{{ $value | humanize }} are down (alert above $threshold).",
    "runbook": {"means": "A storm.", "look": "Out of the window.", "act": "Saw."},
    "tests": {
        "fires": {
            "series": {'trees_down{code_location="orchard"}': "5x10"},
            "at": "5m",
            "labels": {"code_location": "orchard"},
            "summary": "orchard has lost trees",
            "description": "5 are down (alert above $threshold).",
            "value": "5",
        },
        "nearly": {"series": {'trees_down{code_location="orchard"}': "3x10"}, "at": "5m"},
        "resolves": {"series": {'trees_down{code_location="orchard"}': "5x5 0x10"}, "fires_at": "4m", "at": "8m"},
    },
}


@pytest.fixture
def entry() -> dict[str, Any]:
    return copy.deepcopy(ENTRY)


@pytest.fixture
def catalogue(tmp_path: Path) -> Callable[..., list[Area]]:
    """Writes a catalogue with one file of these entries and reads it."""

    def load(*entries: dict[str, Any]) -> list[Area]:
        (tmp_path / "orchard.yaml").write_text(yaml.safe_dump({"about": "Trees", "alerts": list(entries)}))
        return load_catalogue(tmp_path)

    return load
