"""`millrace alerts`: exit codes and words; what the commands do is tested beside what they call."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from millrace.cli.main import cli

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("infra/alerts", "infra/metrics"):
        shutil.copytree(ROOT / name, tmp_path / name)
    families = Path("services/exporter/src/millrace_exporter/families.py")
    (tmp_path / families).parent.mkdir(parents=True)
    (tmp_path / "infra/prometheus").mkdir()
    for name in (families, Path("infra/prometheus/prometheus.yml")):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setenv("ROOT", str(tmp_path))
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["alerts", *arguments])


def test_check_fails_until_everything_is_written_and_names_what_is_not(checkout: Path) -> None:
    missing = invoke("check")
    built = invoke("build")
    whole = invoke("check")
    (checkout / "infra/alertmanager/alertmanager.yml").write_text("route: {}\n")
    changed = invoke("check")

    assert [one.exit_code for one in (missing, built, whole, changed)] == [1, 0, 0, 1]
    assert "infra/alertmanager/alertmanager.yml is not what infra/alerts gives" in changed.output
    assert "run scripts/millrace alerts build" in changed.output


def test_list_shows_alerts_of_a_severity_and_no_others(checkout: Path) -> None:
    shown = invoke("list", "--severity", "info")

    assert shown.exit_code == 0
    assert "JobSucceeded" in shown.output
    assert "(off)" in shown.output
    assert "JobFailed" not in shown.output


def test_windows_are_listed_with_their_next_beginning(checkout: Path) -> None:
    assert "no maintenance windows" in invoke("windows").output

    (checkout / "infra/alerts/policy/windows.yaml").write_text(
        "windows:\n- {name: always, reason: moved, cron: '0 0 * * *', duration: 24h, matchers: [severity=info]}\n"
        "- {name: past, reason: over, from: 2020-01-01 00:00:00, to: 2020-01-02 00:00:00}\n"
    )
    shown = invoke("windows")

    assert shown.exit_code == 0
    for word in ("always", "open", "severity=info", "moved", "never again"):
        assert word in shown.output


@pytest.mark.parametrize("length", ["2", "h", "", "2 hours"])
def test_a_silence_of_no_duration_is_refused(length: str) -> None:
    refused = invoke("silence", "alertname=X", "--for", length, "--comment", "c")

    assert refused.exit_code == 2
    assert "is no duration such as 30m" in refused.output
