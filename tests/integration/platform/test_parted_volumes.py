"""Secrets that were made anew beside data that knows the old ones: the start stops and says which volumes parted."""

import subprocess

from tests.integration.platform.conftest import ROOT, docker, throw_away


def test_a_start_with_new_secrets_beside_old_data_says_which_volumes_parted() -> None:
    with throw_away({}) as environment:
        docker("compose", "up", "--no-color", "setup", env=environment)
        docker("compose", "down", env=environment)
        docker("volume", "rm", f"{environment['COMPOSE_PROJECT_NAME']}_secrets-master", env=environment)

        again = subprocess.run(
            ["docker", "compose", "up", "--no-color", "setup"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    said = again.stdout + again.stderr
    assert "setup-1 exited with code 1" in said
    assert "postgres-data" in said
    assert "secrets-master" in said
