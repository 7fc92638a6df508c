"""What a domain's `config.yaml` changes, as rules; what Prometheus makes of them is tested with Prometheus."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from millrace.alerts.catalogue import Area
from millrace.alerts.overrides import Overrides
from millrace.alerts.rules import Rule, rules_of, unknown_overrides
from millrace.errors import ConfigurationError

Rules = Callable[[object], list[Rule]]


@pytest.fixture
def rules(catalogue: Callable[..., list[Area]], entry: dict[str, Any]) -> Rules:
    """The rules of `TreeDown` when the domain `museum` says this about it."""
    entry["tests"]["fires"]["labels"] |= {"job_name": "daily_job"}

    def make(said: object) -> list[Rule]:
        (alert,) = catalogue(entry)[0].alerts
        overrides = TypeAdapter(Overrides).validate_python({"TreeDown": said})
        return list(rules_of(alert, {"museum": overrides}, "forest"))

    return make


def test_without_overrides_there_is_one_rule_as_written(
    catalogue: Callable[..., list[Area]], entry: dict[str, Any]
) -> None:
    (alert,) = catalogue(entry)[0].alerts
    (rule,) = rules_of(alert, {}, "forest")

    assert rule.expression == "last_over_time(trees_down[5m]) > 3"
    assert rule.labels == {"severity": "error", "owner": "team:fruit", "area": "orchard", "source": "forest"}


def test_off_leaves_the_domain_out_and_adds_nothing(rules: Rules) -> None:
    (rule,) = rules(False)

    assert rule.expression.endswith(
        'unless on (code_location) label_replace(vector(1), "code_location", "museum", "", "")'
    )


def test_a_threshold_and_a_severity_hold_for_the_domain_only(rules: Rules) -> None:
    everywhere, museum = rules({"threshold": 10, "severity": "critical", "for": "5m"})

    assert "> 3)" in everywhere.expression
    assert "unless on (code_location)" in everywhere.expression
    assert "> 10)" in museum.expression
    assert "and on (code_location)" in museum.expression
    assert (museum.severity, museum.duration) == ("critical", "5m")
    assert museum.annotations["description"] == "{{ $value | humanize }} are down (alert above 10)."


def test_a_job_takes_what_it_does_not_say_from_its_domain(rules: Rules) -> None:
    _, museum, job = rules({"threshold": 10, "jobs": {"weekly_job": {"severity": "info"}}})

    assert "unless on (code_location, job_name)" in museum.expression
    assert "> 10)" in job.expression
    assert (museum.severity, job.severity) == ("error", "info")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"threshold": {"warning": 3}}, "it has no severity warning"),
        ({"assets": {"a": False}}, "its alerts have no label asset_key"),
    ],
)
def test_an_override_that_would_not_do_what_it_says_is_refused(rules: Rules, said: object, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        rules(said)


@pytest.mark.parametrize("said", ["off", {"treshold": 3}, {"severity": "loud"}])
def test_what_is_no_override_is_refused(said: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Overrides).validate_python({"TreeDown": said})


def test_an_override_of_no_alert_is_found(catalogue: Callable[..., list[Area]], entry: dict[str, Any]) -> None:
    said = TypeAdapter(Overrides).validate_python({"TreDown": False})

    assert unknown_overrides(catalogue(entry)[0].alerts, {"museum": said}) == ["museum: alerts.TreDown: no such alert"]
