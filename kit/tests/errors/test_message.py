"""The form of every error's message."""

import pytest

from millrace.errors import (
    ConfigurationError,
    MillraceError,
    PermanentError,
    SourceMissingError,
    SourceUnavailableError,
    SourceUnreadableError,
    StageMissingError,
    TransientError,
)

PLAIN = [
    MillraceError,
    TransientError,
    SourceUnavailableError,
    PermanentError,
    SourceMissingError,
    SourceUnreadableError,
    StageMissingError,
]


@pytest.mark.parametrize("kind", PLAIN, ids=lambda kind: kind.__name__)
def test_a_message_is_subject_then_received_then_expected_then_next_step(kind: type[MillraceError]) -> None:
    error = kind("museum.objects", "column 'title' missing", expected="42 columns", next_step="check the export")

    assert str(error) == "museum.objects: column 'title' missing (expected 42 columns); check the export"
    assert (error.subject, error.received) == ("museum.objects", "column 'title' missing")
    assert (error.expected, error.next_step) == ("42 columns", "check the export")


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({}, "a: b"),
        ({"expected": "c"}, "a: b (expected c)"),
        ({"next_step": "d"}, "a: b; d"),
    ],
    ids=["neither", "expected", "next_step"],
)
def test_a_part_that_nobody_gave_leaves_no_punctuation_behind(parts: dict[str, str], text: str) -> None:
    assert str(MillraceError("a", "b", **parts)) == text


def test_a_message_of_many_lines_becomes_one_line() -> None:
    error = MillraceError("a", "first\n   second\tthird", expected="x\ny", next_step="z\r\n")

    assert str(error) == "a: first second third (expected x y); z"


@pytest.mark.parametrize(
    ("problems", "text"),
    [
        (["no owner"], "config.yaml: no owner"),
        (["no owner", "no jobs"], "config.yaml: 2 problems: no owner | no jobs"),
    ],
    ids=["one", "two"],
)
def test_a_configuration_error_counts_and_lists_its_problems(problems: list[str], text: str) -> None:
    assert str(ConfigurationError("config.yaml", problems)) == text


def test_a_configuration_error_keeps_its_problems_as_a_list_whatever_they_came_as() -> None:
    error = ConfigurationError("config.yaml", (problem for problem in ("no owner", "no jobs")), next_step="look")

    assert error.problems == ["no owner", "no jobs"]
    assert str(error).endswith("; look")
