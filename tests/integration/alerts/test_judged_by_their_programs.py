"""What the compiler writes, judged by promtool and amtool from the platform's own images."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import ROOT
from tests.integration.alerts.conftest import image

from millrace.alerts import routes
from millrace.alerts.build import files, load, write
from millrace.alerts.catalogue import alerts_of
from millrace.alerts.windows import Window

pytestmark = pytest.mark.compose

Run = subprocess.CompletedProcess[str]


def inside(name: str, folder: Path, *command: str, options: tuple[str, ...] = ()) -> Run:
    """Run a command in an image, with `folder` as its `/work`."""
    confined = ("--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--user", "65534:65534")  # noqa: S108
    mounted = ("--volume", f"{folder}:/work:ro", "--workdir", "/work", "--entrypoint", command[0])
    return subprocess.run(
        ["docker", "run", *confined, *mounted, *options, image(name), *command[1:]],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that a container's user may enter."""
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture
def checkout(folder: Path) -> Path:
    for name in ("infra/alerts", "infra/metrics"):
        shutil.copytree(ROOT / name, folder / name)
    families = "services/exporter/src/millrace_exporter"
    (folder / families).mkdir(parents=True)
    shutil.copy(ROOT / families / "families.py", folder / families)
    (folder / "infra/prometheus").mkdir()
    shutil.copy(ROOT / "infra/prometheus/prometheus.yml", folder / "infra/prometheus")
    (folder / "code_locations/museum").mkdir(parents=True)
    return folder


def promtool(checkout: Path, test: str) -> Run:
    return inside(
        "prometheus",
        checkout / "infra/prometheus/rule_tests",
        *("promtool", "test", "rules", test),
        options=(
            *(
                "--volume",
                f"{checkout}/infra/prometheus:/prometheus-files:ro",
                "--workdir",
                "/prometheus-files/rule_tests",
            ),
        ),
    )


def test_a_threshold_that_is_changed_without_its_test_is_found(checkout: Path) -> None:
    """The control of all generated tests: they can fail."""
    path = checkout / "infra/alerts/control_plane.yaml"
    write(checkout, files(load(checkout)))
    assert promtool(checkout, "control-plane-30s.yaml").returncode == 0

    text = path.read_text(encoding="utf-8")
    assert text.count("threshold: 180\n") == 1
    path.write_text(text.replace("threshold: 180\n", "threshold: 1800\n"), encoding="utf-8")
    write(checkout, files(load(checkout)))
    broken = promtool(checkout, "control-plane-30s.yaml")

    assert broken.returncode != 0
    assert "DaemonStale fires" in broken.stdout + broken.stderr


def test_the_simple_form_passes_the_tests_that_follow_from_it(checkout: Path) -> None:
    kinds = yaml.safe_load((checkout / "infra/alerts/policy/types.yaml").read_text(encoding="utf-8"))["types"]
    entries = [
        {
            "alert_type": kind,
            "threshold": 10,
            "comparison": comparison,
            "severity": "warning",
            "message_template": "{value} against {threshold}",
            "name": f"{kind}_{comparison}",
        }
        for kind in kinds
        for comparison in ("gt", "ge", "lt", "le", "eq")
    ]
    (checkout / "infra/alerts/mine.yaml").write_text(yaml.safe_dump({"alerts": entries}))
    write(checkout, files(load(checkout)))

    judged = promtool(checkout, "mine-30s.yaml")

    assert judged.returncode == 0, judged.stdout + judged.stderr


OVERRIDES = {
    "RunTooLong": {
        "threshold": 600,
        "severity": "critical",
        "jobs": {"quick_job": {"threshold": 60}, "slow_job": False},
    },
    "JobFailed": False,
}


def running(location: str, job: str) -> dict[str, str]:
    name = "dagster_runs_oldest_in_status_timestamp_seconds"
    return {"series": f'{name}{{code_location="{location}", job_name="{job}", status="started"}}', "values": "0x200"}


def test_what_a_domain_overrides_holds_there_and_nowhere_else(checkout: Path) -> None:
    (checkout / "code_locations/museum/config.yaml").write_text(yaml.safe_dump({"alerts": OVERRIDES}))
    write(checkout, files(load(checkout)))
    firing = 'ALERTS{alertname="RunTooLong", alertstate="firing"}'
    jobs = [("museum", "daily_job"), ("museum", "quick_job"), ("museum", "slow_job"), ("other", "quick_job")]

    def told(at: str, *expected: tuple[str, str, str]) -> dict[str, Any]:
        samples = [
            {"labels": f'{{code_location="{location}", job_name="{job}", severity="{severity}"}}', "value": 1}
            for location, job, severity in expected
        ]
        expression = f"max by (code_location, job_name, severity) ({firing})"
        return {"eval_time": at, "expr": expression, "exp_samples": samples}

    failed = 'dagster_job_consecutive_failures{code_location="museum", job_name="daily_job"}'
    test = {
        "rule_files": ["../rules/runs.yaml"],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "1m",
                "input_series": [*(running(*one) for one in jobs), {"series": failed, "values": "3x200"}],
                "promql_expr_test": [
                    told("5m", ("museum", "quick_job", "critical")),
                    told("15m", ("museum", "quick_job", "critical"), ("museum", "daily_job", "critical")),
                    told(
                        "150m",
                        *(("museum", "quick_job", "critical"), ("museum", "daily_job", "critical")),
                        ("other", "quick_job", "warning"),
                    ),
                    {"eval_time": "5m", "expr": 'ALERTS{alertname="JobFailed"}', "exp_samples": []},
                ],
            }
        ],
    }
    (checkout / "infra/prometheus/rule_tests/overrides.yaml").write_text(yaml.safe_dump(test))

    judged = promtool(checkout, "overrides.yaml")

    assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.fixture
def routed(folder: Path) -> Path:
    """Alertmanager's files, with two windows that can meet."""
    shutil.copytree(ROOT / "infra/alertmanager", folder / "alertmanager")
    sources = load(ROOT)
    windows = [
        Window(name=name, reason="r", matchers=matchers, cron="0 3 * * 1-5", duration="1h", timezone="Europe/Berlin")
        for name, matchers in (("nightly", ["code_location=museum"]), ("quiet", ["severity=~warning|info"]))
    ]
    text = routes.configuration(list(alerts_of(sources.areas)), sources.notifications, windows)
    (folder / "alertmanager/alertmanager.yml").write_text(text, encoding="utf-8")
    return folder / "alertmanager"


EVERY_CHANNEL = {
    "MILLRACE_ALERT_EMAIL_TO": "o'brien@example.org, b@example.org",
    "MILLRACE_ALERT_EMAIL_FROM": r"a\b|c&d@example.org",
    "MILLRACE_ALERT_SMTP": "mail.example.org:587",
    "MILLRACE_ALERT_SMTP_USER": "millrace",
    "MILLRACE_ALERT_SLACK_CHANNEL": "#data",
}
SECRETS = ("alert_slack_url", "alert_webhook_url", "alert_smtp_password", "alert_dead_man_url")
Started = Callable[..., Run]


@pytest.fixture
def started(routed: Path) -> Started:
    """Runs the start script, and then a command that finds its result in `/tmp/alertmanager.yml`."""

    def run(then: str, *secrets: str, content: str = "https://example.org/x\n", mode: int = 0o644, **env: str) -> Run:
        options = ["--volume", f"{routed}:/etc/alertmanager:ro"]
        for name in SECRETS:
            path = Path("/dev/null")
            if name in secrets:
                path = routed.parent / name
                path.write_text(content)
                path.chmod(mode)
            options += ["--volume", f"{path}:/run/secrets/{name}:ro"]
        options += [part for name, value in env.items() for part in ("--env", f"{name}={value}")]
        script = f"sh /etc/alertmanager/start.sh render >/tmp/alertmanager.yml || exit 1; {then}"
        return inside("alertmanager", routed, "sh", "-c", script, options=tuple(options))

    return run


def test_nothing_set_up_is_a_valid_configuration_that_sends_nothing(started: Started) -> None:
    ended = started("amtool check-config /tmp/alertmanager.yml >&2 && cat /tmp/alertmanager.yml")

    assert ended.returncode == 0, ended.stderr
    found = yaml.safe_load(ended.stdout)
    assert all(set(receiver) == {"name"} for receiver in found["receivers"])
    assert "smtp_smarthost" not in found["global"]


def test_everything_set_up_is_a_valid_configuration_without_a_secret_in_it(started: Started) -> None:
    script = "amtool check-config /tmp/alertmanager.yml >&2 && cat /tmp/alertmanager.yml"
    ended = started(script, *SECRETS, content="https://example.org/s3cret\n", **EVERY_CHANNEL)

    assert ended.returncode == 0, ended.stderr
    assert "s3cret" not in ended.stdout + ended.stderr
    found = yaml.safe_load(ended.stdout)
    assert found["global"]["smtp_from"] == EVERY_CHANNEL["MILLRACE_ALERT_EMAIL_FROM"]
    receivers = {receiver.pop("name"): receiver for receiver in found["receivers"]}
    assert set(receivers["slack-email-webhook"]) == {"slack_configs", "email_configs", "webhook_configs"}
    assert receivers["slack-email-webhook"]["email_configs"][0]["to"] == EVERY_CHANNEL["MILLRACE_ALERT_EMAIL_TO"]
    assert set(receivers["dead-man"]) == {"webhook_configs"}


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=Watchdog severity=info", "dead-man"),
        ("alertname=JobFailed severity=critical code_location=museum", "slack-email-webhook"),
        ("alertname=JobFailed severity=error code_location=sbir", "slack-email-webhook"),
        ("alertname=SomebodyElses", "slack-email-webhook"),
    ],
)
def test_each_alert_goes_where_it_should(started: Started, labels: str, receiver: str) -> None:
    script = f"amtool config routes test --config.file=/tmp/alertmanager.yml {labels}"
    ended = started(script, *SECRETS, **EVERY_CHANNEL)

    assert ended.stdout.split() == [receiver], ended.stderr


@pytest.mark.parametrize(
    ("secrets", "said", "problem"),
    [
        ((), {"MILLRACE_ALERT_EMAIL_TO": "a@b"}, "MILLRACE_ALERT_SMTP is not (expected host:port)"),
        ((), {"MILLRACE_ALERT_EMAIL_TO": "a@b", "MILLRACE_ALERT_SMTP": "mail"}, "is 'mail' (expected host:port)"),
        (
            (),
            {"MILLRACE_ALERT_EMAIL_TO": "a", "MILLRACE_ALERT_SMTP": "m:25", "MILLRACE_ALERT_SMTP_TLS": "maybe"},
            "MILLRACE_ALERT_SMTP_TLS is 'maybe' (expected on or off)",
        ),
        (
            (),
            {"MILLRACE_ALERT_EMAIL_TO": "a", "MILLRACE_ALERT_SMTP": "m:25", "MILLRACE_ALERT_SMTP_USER": "u"},
            "MILLRACE_ALERT_SMTP_PASSWORD_FILE is not",
        ),
        (("alert_slack_url",), {"MILLRACE_ALERT_SLACK_CHANNEL": "#a\n#b"}, "has several lines (expected one)"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(
    started: Started, secrets: tuple[str, ...], said: dict[str, str], problem: str
) -> None:
    ended = started("true", *secrets, **said)

    assert ended.returncode == 1
    (line,) = ended.stderr.strip().splitlines()
    assert line.startswith("alertmanager: ")
    assert problem in line


@pytest.mark.parametrize(
    ("content", "mode", "problem"), [("", 0o644, "is empty"), ("https://x\n", 0o600, "cannot be read by user 65534")]
)
def test_a_secret_that_cannot_be_used_is_told_in_one_line(
    started: Started, content: str, mode: int, problem: str
) -> None:
    ended = started("true", "alert_slack_url", content=content, mode=mode)

    assert ended.returncode == 1
    assert f"the file of MILLRACE_ALERT_SLACK_URL_FILE {problem}" in ended.stderr
