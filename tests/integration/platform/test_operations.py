"""docs/operations.md, followed on a running platform: its commands in its order, then a stop and a start."""

import re
import signal
import subprocess
from pathlib import Path

import pytest
from tests.integration.platform.conftest import ROOT, Platform, docker, outcome, processes, send_signal
from tests.integration.platform.test_faults import published

from millrace.testing import seeded_part

_CAPTURED = "query ($key: [String!]!) { capturedLogs(logKey: $key) { stdout stderr } }"
# What would change this checkout.
NOT_HERE = {"git pull"}


def documented() -> list[str]:
    text = Path(ROOT / "docs/operations.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def test_every_command_does_what_it_says(platform: Platform) -> None:
    commands = [command for command in documented() if command not in NOT_HERE]
    said = {}
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=ROOT,
            env=platform.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        said[command] = done.stdout

    assert platform.sign_in.address in said["scripts/millrace credentials"]
    assert platform.sign_in.passwords["operator"] in said["scripts/millrace credentials"]
    assert f"{platform.sign_in.address}/prometheus" in said["scripts/millrace status"]
    assert "published_objects" in said["scripts/millrace launch nightly_job"]
    assert said["scripts/millrace launch nightly_job"].rstrip().endswith("success")


def test_what_a_run_printed_is_read_when_its_container_is_gone(sampled: Platform) -> None:
    run = sampled.launch()
    assert sampled.ended(run) == "SUCCESS"
    docker("rm", "--force", "--volumes", sampled.run_container(run)["Id"])

    (file,) = [event["fileKey"] for event in sampled.events(run) if event["__typename"] == "LogsCapturedEvent"]
    logs = sampled.client("viewer").ask(_CAPTURED, {"key": [run, "compute_logs", file]})["capturedLogs"]

    assert f"nightly_job - {run} - " in logs["stderr"]
    assert "published_objects" in logs["stderr"]


@pytest.mark.parametrize("halt", seeded_part(["stop", "down"], 1))
def test_a_platform_that_was_halted_starts_again_with_its_data_and_what_ran(sampled: Platform, halt: str) -> None:
    done = sampled.launch()
    assert outcome(sampled, done) == "SUCCESS"
    before = published(sampled)
    passwords = sampled.sign_in.passwords
    interrupted = sampled.launch()
    sampled.wait_for_step(interrupted, "reshaped_objects")
    for pid in processes(sampled.run_container(interrupted)["Id"]):
        send_signal(pid, signal.SIGSTOP)  # else it may end before the halt comes to it

    sampled.compose(halt)
    sampled.up()

    assert sampled.project.sign_in().passwords == passwords
    assert sampled.run(done)["status"] == "SUCCESS"
    assert outcome(sampled, interrupted) == "SUCCESS", sampled.story(interrupted)
    assert sampled.run(interrupted)["status"] == "FAILURE", "a retry took its place"
    assert published(sampled) == before


def test_a_run_goes_on_while_the_platforms_own_services_are_replaced(sampled: Platform) -> None:
    own = ["docker-gate", "dagster-daemon", "dagster-webserver", "dagster-webserver-readonly", "museum", "gateway"]
    run = sampled.launch()
    sampled.wait_for_step(run, "reshaped_objects")

    sampled.up("--no-deps", "--force-recreate", *own)

    assert sampled.ended(run) == "SUCCESS"
