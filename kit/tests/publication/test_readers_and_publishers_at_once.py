"""Readers see whole sets while publications happen; publishers of a folder in several processes take turns."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from millrace.publication import FOLDER, MANIFEST, POINTER, FolderPublisher
from millrace.testing import repeated

FILES = 5
PUBLICATIONS = 30

# Holds the session for a while and writes when it began and ended: turns that overlap would show.
PUBLISHER = """
import sys, time
from pathlib import Path
from millrace.publication import MANIFEST, FolderPublisher

root, journal, who = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
for number in range(5):
    with FolderPublisher(root).session() as session, journal.open("a") as lines:
        lines.write(f"begin {who}\\n")
        lines.flush()
        with session.writing(f"{who}{number}") as folder:
            time.sleep(0.02)
            (folder / MANIFEST).write_text("{}")
        session.switch(f"{who}{number}", {})
        lines.write(f"end {who}\\n")
    time.sleep(0.005)
"""


class Reader:
    """Follows `current.json`; keeps the sets that it saw and what was not whole."""

    def __init__(self, spot: Any) -> None:
        self._read_file = spot.place.store().read
        self.seen: list[str] = []
        self.problems: list[str] = []

    def read(self) -> None:
        try:
            self._read()
        except (OSError, ValueError) as error:
            self.problems.append(repr(error))

    def _read(self) -> None:
        pointer = json.loads(self._read_file(POINTER))
        manifest = json.loads(self._read_file(pointer["manifest"]))
        folder = f"{FOLDER}/{pointer['publication']}"
        contents = {self._read_file(f"{folder}/{number}.txt").decode() for number in range(FILES)}
        if contents != {manifest["name"]} or manifest["name"] != pointer["publication"]:
            self.problems.append(f"{pointer['publication']}: {contents}")
        self.seen.append(pointer["publication"])


def fill(folder: Path, name: str) -> None:
    for number in range(FILES):
        (folder / f"{number}.txt").write_text(name)
    (folder / MANIFEST).write_text(json.dumps({"name": name}))


def publish(spot: Any, name: str) -> None:
    with spot.publisher().session() as session:
        with session.writing(name) as folder:
            fill(folder, name)
        session.switch(name, {})


def publish_carelessly(spot: Any, name: str) -> None:
    """The control: the pointer first, the files in place."""
    pointer = {"publication": name, "manifest": f"{FOLDER}/{name}/{MANIFEST}"}
    spot.store.put(POINTER, json.dumps(pointer).encode())
    time.sleep(0.05)  # long enough that a reader comes by on a busy machine
    for number in range(FILES):
        spot.store.put(f"{FOLDER}/{name}/{number}.txt", name.encode())
    spot.store.put(f"{FOLDER}/{name}/{MANIFEST}", json.dumps({"name": name}).encode())


@pytest.mark.parametrize("how", [publish, publish_carelessly], ids=lambda how: how.__name__)
def test_a_reader_sees_a_whole_set_at_any_moment_of_thirty_publications(
    spot: Any, how: Callable[[Any, str], None]
) -> None:
    publish(spot, "p00")

    reader = Reader(spot)
    with repeated(reader.read, pause_seconds=0):
        for number in range(1, PUBLICATIONS + 1):
            how(spot, f"p{number:02}")
            time.sleep(0.005)

    assert how is publish_carelessly or len(set(reader.seen)) > 1, "the reader saw no change, so it proves nothing"
    assert bool(reader.problems) is (how is publish_carelessly), reader.problems[:3]


def test_publishers_in_two_processes_take_turns(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    processes = [
        subprocess.Popen([sys.executable, "-c", PUBLISHER, str(tmp_path / "root"), str(journal), who]) for who in "ab"
    ]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]

    lines = journal.read_text().splitlines()
    assert len(lines) == 20
    assert all(
        begin == f"begin {who}" and end == f"end {who}"
        for begin, end in zip(lines[::2], lines[1::2], strict=True)
        for who in begin[-1]
    ), lines
    assert {line[-1] for line in lines} == {"a", "b"}
    current = FolderPublisher(tmp_path / "root").current()
    assert current is not None
    assert current.name == f"{lines[-1][-1]}4"


def test_a_publisher_waits_while_another_holds_the_root(tmp_path: Path) -> None:
    began = threading.Event()

    def second() -> None:
        with FolderPublisher(tmp_path).session():
            began.set()

    thread = threading.Thread(target=second)
    with FolderPublisher(tmp_path).session():
        thread.start()
        assert not began.wait(0.3)
    thread.join(5)
    assert began.is_set()
