"""The compiler on a checkout of its own: the same bytes every time, and every difference found."""

import shutil
from pathlib import Path

import pytest
import yaml

from millrace.alerts.build import differing, files, load, write
from millrace.errors import ConfigurationError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the compiler reads, without what it writes."""
    for name in ("infra/alerts", "infra/metrics"):
        shutil.copytree(ROOT / name, tmp_path / name)
    families = "services/exporter/src/millrace_exporter/families.py"
    (tmp_path / families).parent.mkdir(parents=True)
    (tmp_path / "infra/prometheus").mkdir()
    for name in (families, "infra/prometheus/prometheus.yml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "code_locations" / "museum").mkdir(parents=True)
    return tmp_path


def test_the_generated_files_of_this_checkout_are_what_its_catalogue_gives() -> None:
    assert differing(ROOT, files(load(ROOT))) == []


def test_what_is_written_once_is_not_written_again(checkout: Path) -> None:
    assert len(write(checkout, files(load(checkout)))) > 90

    assert write(checkout, files(load(checkout))) == []


def test_a_file_changed_by_hand_one_that_is_missing_and_one_too_many_are_found(checkout: Path) -> None:
    write(checkout, files(load(checkout)))
    (checkout / "infra/prometheus/rules/runs.yaml").write_text("groups: []\n")
    (checkout / "docs/runbooks/JobFailed.md").unlink()
    (checkout / "docs/runbooks/Nobody.md").write_text("# Nobody\n")
    expected = ["docs/runbooks/JobFailed.md", "docs/runbooks/Nobody.md", "infra/prometheus/rules/runs.yaml"]

    assert differing(checkout, files(load(checkout))) == expected
    assert write(checkout, files(load(checkout))) == expected
    assert differing(checkout, files(load(checkout))) == []


def change(checkout: Path, name: str, old: str, new: str) -> None:
    path = checkout / "infra/alerts" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "dagster_job_consecutive_failures[5m]",
            "dagster_job_failures[5m]",
            "no exporter exposes dagster_job_failures",
        ),
        ("muted_by: [PostgresDown]", "muted_by: [PostgresDwon]", "muted_by PostgresDwon, which is no alert"),
    ],
)
def test_a_catalogue_with_a_mistake_is_refused(checkout: Path, old: str, new: str, problem: str) -> None:
    change(checkout, "runs.yaml", old, new)

    with pytest.raises(ConfigurationError, match=problem):
        load(checkout)


def test_a_domains_configuration_reaches_the_rules(checkout: Path) -> None:
    said = {"owner": "x", "alerts": {"RunTooLong": {"jobs": {"nightly_job": {"threshold": 600}}}, "JobSucceeded": True}}
    (checkout / "code_locations/museum/config.yaml").write_text(yaml.safe_dump(said))

    made = files(load(checkout))["infra/prometheus/rules/runs.yaml"]

    (found,) = yaml.safe_load(made)["groups"]
    too_long = [one for one in found["rules"] if one.get("alert") == "RunTooLong"]
    everywhere, nightly = (one["expr"] for one in too_long)
    assert "> 7200" in everywhere
    assert "> 600" in nightly
    assert '"nightly_job"' in nightly
    (succeeded,) = [one for one in found["rules"] if one.get("alert") == "JobSucceeded"]
    assert '"museum"' in succeeded["expr"]


def test_an_override_of_what_is_no_alert_is_refused(checkout: Path) -> None:
    (checkout / "code_locations/museum/config.yaml").write_text(yaml.safe_dump({"alerts": {"JobFaild": False}}))

    with pytest.raises(ConfigurationError, match=r"museum: alerts.JobFaild: no such alert"):
        load(checkout)


def test_an_older_file_of_thresholds_is_taken_as_it_is(checkout: Path) -> None:
    (checkout / "infra/alerts/pipeline_alerts.json").write_text(
        '{"alerts": [{"alert_type": "run_duration", "threshold": 3600, "comparison": "gt", "severity": "warning",'
        ' "message_template": "{job_name} is {status} for {value} s"}]}'
    )

    made = files(load(checkout))

    (rule,) = yaml.safe_load(made["infra/prometheus/rules/pipeline-alerts.yaml"])["groups"][0]["rules"]
    assert rule["expr"].endswith("> 3600")
    assert rule["annotations"]["summary"] == "{{ $labels.job_name }} is {{ $labels.status }} for {{ $value }} s"
    assert "infra/prometheus/rule_tests/pipeline-alerts-30s.yaml" in made


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"alert_type": "weather"}, "alert_type 'weather' is not known"),
        ({"message_template": "{colour}"}, "no field colour"),
        ({"comparison": "more"}, "comparison: Input should be"),
        ({"labels": {"colour": "red"}}, "no label colour"),
    ],
)
def test_a_wrong_simple_entry_is_refused(checkout: Path, entry: dict[str, object], problem: str) -> None:
    right = {"alert_type": "low_volume", "threshold": 10, "message_template": "{asset_key}", "severity": "warning"}
    (checkout / "infra/alerts/mine.yaml").write_text(yaml.safe_dump([{**right, **entry}]))

    with pytest.raises(ConfigurationError, match=problem):
        load(checkout)
