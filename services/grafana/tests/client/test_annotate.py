"""`millrace grafana annotate`, as people call it, on a double of Grafana."""

import time
from typing import Any


def test_a_deployment_is_marked_now_and_once(command: Any, grafana: Any) -> None:
    before = time.time() * 1000

    first, second = command("annotate", "release 7"), command("annotate", "release 7")

    assert (first.code, first.out) == (0, ["marked: release 7 (annotation 1)"])
    assert (second.code, second.out) == (0, ["is marked already: release 7"])
    (mark,) = grafana.annotations
    assert mark["tags"] == ["millrace", "deployment"]
    assert before <= mark["time"] <= time.time() * 1000


def test_a_dashboard_shows_the_marks_that_the_command_sets(command: Any, grafana: Any, shown: dict[str, dict]) -> None:
    command("annotate", "release 7")
    command("annotate", "disks", "--kind", "maintenance")

    tags = [mark["target"]["tags"] for mark in shown["overview"]["annotations"]["list"] if "tags" in mark["target"]]
    assert [mark["tags"] for mark in grafana.annotations] == tags


def test_maintenance_has_a_beginning_and_an_end(command: Any, grafana: Any) -> None:
    span = ("--start", "2026-05-01T20:00", "--end", "2026-05-01T22:00+02:00")
    wrong = command("annotate", "disks", "--kind", "maintenance", *span)
    right = command(
        "annotate", "disks", "--kind", "maintenance", "--start", "2026-05-01T20:00", "--end", "2026-05-01T21:00Z"
    )

    assert wrong.code == 2
    assert "lies before the start" in wrong.err[-1]
    assert right.code == 0
    (mark,) = grafana.annotations
    assert (mark["timeEnd"] - mark["time"], mark["time"]) == (3_600_000, 1_777_665_600_000)


def test_a_refusal_is_one_line(command: Any, grafana: Any) -> None:
    answer = grafana.answer
    grafana.answer = lambda method, target, body: (
        (403, {"message": "You'll need additional permissions"}) if method == "POST" else answer(method, target, body)
    )

    said = command("annotate", "release 7")

    assert said.code == 1
    assert said.err == ["annotation: HTTP 403: You'll need additional permissions"]
