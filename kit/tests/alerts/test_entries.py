"""What a wrong entry of the catalogue is told."""

from collections.abc import Callable
from typing import Any

import pytest

from millrace.alerts.catalogue import Area
from millrace.errors import ConfigurationError

Load = Callable[..., list[Area]]


def test_the_entry_that_the_others_are_spoilt_from_is_right(catalogue: Load, entry: dict[str, Any]) -> None:
    ((alert,),) = [area.alerts for area in catalogue(entry)]

    assert (alert.alert, alert.severities, alert.area) == ("TreeDown", ["error"], "orchard")
    assert alert.identity == {"code_location"}


def spoil(entry: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    *parents, last = path.split(".")
    place = entry
    for parent in parents:
        place = place[parent]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return entry


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("severity", None, "no severity (expected one of critical, error, warning, info, or levels)"),
        ("severity", "fatal", "Input should be 'critical', 'error', 'warning' or 'info'"),
        ("tests.nearly", None, "no test nearly"),
        ("tests.resolves", None, "no test resolves"),
        ("tests.fires", None, "tests.fires: Field required"),
        ("tests", None, "tests: Field required"),
        ("runbook.act", None, "runbook.act: Field required"),
        ("owner", None, "owner: Field required"),
        ("threshold", None, "error: no threshold for $threshold"),
        ("expr", "trees_down > 3", "error: a threshold that expr does not use"),
        ("for", "soon", "levels.error.for: String should match pattern"),
        ("summary", "{{ $labels.owner_name }}", "the text uses label owner_name, which no alert of its tests has"),
        ("tests.fires.value", None, "unit and the tests' value go together"),
        ("alert", "tree_down", "alert: String should match pattern"),
        ("sevrity", "error", "sevrity: Extra inputs are not permitted"),
        ("tests.nearly.series", {"trees_down": 0x10}, "a number to YAML; put them in quotes"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_place(
    catalogue: Load, entry: dict[str, Any], path: str, value: object, problem: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        catalogue(spoil(entry, path, value))

    assert problem in str(caught.value)
    assert "orchard.yaml" in str(caught.value)


def test_each_severity_needs_a_test_in_which_it_fires(catalogue: Load, entry: dict[str, Any]) -> None:
    for flat in ("severity", "threshold", "for"):
        del entry[flat]
    entry["levels"] = {"warning": {"threshold": 3}, "critical": {"threshold": 10}}
    entry["tests"]["fires"]["severities"] = ["warning"]

    with pytest.raises(ConfigurationError, match="no test fires for severity critical"):
        catalogue(entry)


def test_two_entries_of_one_name_are_refused(catalogue: Load, entry: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="alert TreeDown is there 2 times"):
        catalogue(entry, entry)


def test_every_problem_of_every_entry_is_named_at_once(catalogue: Load, entry: dict[str, Any]) -> None:
    first, second = {**entry, "alert": "One", "owner": 3}, {**entry, "alert": "Two", "unit": "miles"}

    with pytest.raises(ConfigurationError) as caught:
        catalogue(first, second)

    assert len(caught.value.problems) == 2
