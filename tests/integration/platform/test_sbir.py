"""The research awards in containers: questions are answered, and whatever is killed, tables and graph end as if nothing
had been."""

import json
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.integration.platform.conftest import Platform, eventually, outcome, send_signal

from millrace.testing import seeded_part
from millrace.testing.matrix import is_whole

AWARDS = 400
STATE = Path(__file__).with_name("sbir_state.py").read_text()
STEPS = [
    "validated_sbir_awards",
    "enriched_sbir_awards",
    "classified_sbir_awards",
    "loaded_sbir_awards",
    "published_tables",
]
VICTIMS = ["neo4j", "run", "object-store", "postgres"]
# Each victim in each stage. A usual run takes one stage for each victim, two of them in one run of the job.
WHOLE_MATRIX = [[(victim, step)] for victim in VICTIMS for step in STEPS]
EARLY, LATE = (seeded_part(STEPS[:2], 1)[0], seeded_part(STEPS[3:], 1)[0])
USUAL = [[(VICTIMS[0], EARLY), (VICTIMS[1], LATE)], [(VICTIMS[2], EARLY), (VICTIMS[3], LATE)]]
FAULTS = WHOLE_MATRIX if is_whole() else USUAL
pytestmark = pytest.mark.timeout(900)


@dataclass
class Awards:
    """The platform with two states of the sources, and what readers see after an undisturbed run on each.

    Attributes:
        platform: The platform.
        sources: Folders of the sources.
        states: What readers see, by source.
        given: The source that it was given last.
    """

    platform: Platform
    sources: list[Path]
    states: list[dict[str, Any]] = field(default_factory=list)
    given: int = -1

    def give(self) -> int:
        """Give it the other sources; which."""
        self.given = (self.given + 1) % len(self.sources)
        done = self.platform.millrace("source", "sbir", str(self.sources[self.given]))
        assert done.returncode == 0, done.stderr
        return self.given

    def state(self) -> dict[str, Any]:
        """What readers see now."""
        text = self.platform.compose("exec", "-T", "sbir", "python", "-c", STATE, "state")
        state = json.loads(text.splitlines()[-1])
        state["rows"].sort()
        return state


@pytest.fixture(scope="module")
def awards(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Awards:
    """After a first run, and one with what has changed since."""
    sources = [tmp_path_factory.mktemp(f"awards{seed}") for seed in (1, 2)]
    for seed, folder in enumerate(sources, 1):
        made = platform.millrace("sample", "sbir", f"--rows={AWARDS}", f"--seed={seed}", f"--out={folder}")
        assert made.returncode == 0, made.stderr
    found = Awards(platform, sources)
    for _ in sources:
        found.give()
        launched = platform.millrace("launch", "incremental_job")
        assert launched.returncode == 0, launched.stdout + launched.stderr
        found.states.append(found.state())
    assert found.states[0] != found.states[1]
    return found


@contextmanager
def watched(platform: Platform, looks: list[dict[str, Any]]) -> Generator[None]:
    """Let somebody read all the while; what was seen is in `looks` afterwards."""
    command = ["docker", "compose", "exec", "-T", "sbir", "python", "-c", STATE, "watch"]
    with tempfile.TemporaryFile("w+") as seen:
        folder, pipe = platform.project.folder, subprocess.PIPE
        reader = subprocess.Popen(command, cwd=folder, env=platform.environment, stdin=pipe, stdout=seen)
        try:
            yield
        finally:
            reader.communicate(timeout=120)
            seen.seek(0)
            looks.extend(json.loads(line) for line in seen.read().splitlines())


def test_a_run_reaches_the_object_store_and_the_graph(awards: Awards) -> None:
    state = awards.states[1]

    assert len(state["rows"]) > 0.8 * AWARDS
    assert {"Company", "Award", "Agency", "CetArea", "Person", "RECEIVED", "FOLLOWS"} <= state["graph"].keys()


@pytest.mark.faults
@pytest.mark.parametrize("faults", FAULTS, ids=lambda faults: "-".join(part for fault in faults for part in fault))
def test_whatever_is_killed_the_end_is_that_of_an_undisturbed_run(
    awards: Awards, faults: list[tuple[str, str]]
) -> None:
    platform, before = awards.platform, awards.given
    now = awards.give()
    moments = random.Random(str(faults))  # noqa: S311  # moments, no secret
    looks: list[dict[str, Any]] = []
    with watched(platform, looks):
        run = platform.launch("incremental_job")
        for victim, step in faults:
            platform.wait_for_step(run, step)
            time.sleep(moments.uniform(0, 1.5))
            if victim == "run":
                send_signal(platform.run_container(run)["State"]["Pid"], signal.SIGKILL)
            else:
                platform.kill(victim, within_seconds=150)
        ended = outcome(platform, run, 480)

    assert ended == "SUCCESS", platform.story(run)
    assert awards.state() == awards.states[now]
    seen = [look for look in looks if "error" not in look]
    assert len(seen) > 1, looks[-3:]
    allowed = [awards.states[before], awards.states[now]]
    for look in seen:
        for name, digest in look["tables"].items():
            assert digest in [state["tables"][name] for state in allowed], f"half of {name} was seen"
        assert set(look["rows"]) <= {row for state in allowed for row in state["rows"]}, "half an award was seen"


def test_the_questions_of_the_documentation_are_answered(awards: Awards, tmp_path: Path) -> None:
    def ask(*arguments: str) -> str:
        done = awards.platform.millrace("graph", *arguments, "--compose")
        assert done.returncode == 0, done.stderr
        return done.stdout

    for name in ("top_companies", "phase_chains", "agency_areas"):
        rows = [json.loads(line) for line in ask("ask", name, "--json", "--domain=sbir").splitlines()]
        assert rows, name
    company = json.loads(ask("ask", "top_companies", "--json").splitlines()[0])["company"]
    assert company in ask("ask", "top_companies")
    status = json.loads(ask("status", "--json"))
    assert (status["served"], status["counts"]["Award"]) == ("neo4j", len(awards.states[awards.given]["rows"]))


@pytest.fixture
def second_server(platform: Platform) -> Generator[None]:
    """A second Neo4j beside the one that is served; it is gone, and the first is served, afterwards."""
    platform.compose("--profile", "rebuild", "up", "-d", "--wait", "neo4j-rebuild")
    try:
        yield
        back = platform.millrace("graph", "switch", "neo4j", "--compose")
        assert back.returncode == 0, back.stderr
    finally:
        platform.compose("--profile", "rebuild", "rm", "--stop", "--force", "--volumes", "neo4j-rebuild")


@pytest.mark.usefixtures("second_server")
def test_a_full_refresh_loads_the_second_server_and_readers_follow(awards: Awards) -> None:
    platform, state = awards.platform, awards.states[awards.given]

    assert platform.ended(platform.launch("full_refresh_job"), 480) == "SUCCESS"

    status = platform.millrace("graph", "status", "--json", "--compose")
    assert json.loads(status.stdout)["served"] == "neo4j-rebuild", status.stderr
    assert awards.state() == state
    company = eventually(lambda: platform.millrace("graph", "ask", "top_companies", "--json", "--compose")).stdout
    assert json.loads(company.splitlines()[0])["company"]
