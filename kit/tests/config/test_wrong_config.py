"""What a wrong `config.yaml` is told: every problem at once, each with its place."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from millrace.config import DomainConfig, load_config
from millrace.errors import ConfigurationError

RIGHT = {
    "owner": "team:mill",
    "main_job": "whole_job",
    "jobs": {"whole_job": {"selection": "*", "description": "Everything"}},
}
Problems = Callable[[object], list[str]]


@pytest.fixture
def problems(tmp_path: Path) -> Problems:
    """The problems of a file with this content; text is written as it is."""

    def find(content: object) -> list[str]:
        path = tmp_path / "config.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        with pytest.raises(ConfigurationError) as caught:
            load_config(path, DomainConfig)
        assert caught.value.subject == str(path)
        return caught.value.problems

    return find


def test_the_file_that_the_others_are_spoilt_from_is_right(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(RIGHT))

    config = load_config(path, DomainConfig)

    assert config.main_job == "whole_job"
    assert config.retry.max_retries == 3
    assert config.jobs["whole_job"].timeout_seconds == 3600


@pytest.mark.parametrize(
    ("spoilt", "problem"),
    [
        ({"onwer": "x"}, "onwer: Extra inputs are not permitted"),
        ({"retry": {"max_retry": 3}}, "retry.max_retry: Extra inputs are not permitted"),
        (
            {"jobs": {"whole_job": {**RIGHT["jobs"]["whole_job"], "schedule": {"cron": "0 0 * * *", "zone": "UTC"}}}},
            "jobs.whole_job.schedule.zone: Extra inputs are not permitted",
        ),
    ],
    ids=["at_the_top", "in_a_part", "in_a_schedule"],
)
def test_an_unknown_key_is_refused_with_its_place(problems: Problems, spoilt: dict[str, object], problem: str) -> None:
    assert problems({**RIGHT, **spoilt}) == [problem]


def test_the_main_job_must_be_one_of_the_jobs(problems: Problems) -> None:
    (problem,) = problems({**RIGHT, "main_job": "nightly_job"})

    assert problem == "file: main_job 'nightly_job' is not one of jobs ['whole_job']"


@pytest.mark.parametrize("warn_hours", [50, 49.9999, 51], ids=["as_late", "less_than_a_second_before", "later"])
def test_freshness_must_warn_before_it_fails(problems: Problems, warn_hours: float) -> None:
    (problem,) = problems({**RIGHT, "freshness": {"a_rows": {"warn_hours": warn_hours, "fail_hours": 50}}})

    assert problem == "freshness.a_rows: warn_hours must be smaller than fail_hours"


@pytest.mark.parametrize("share", [-0.1, 1.5, 5, float("nan")])
def test_a_rejected_share_outside_nought_to_one_is_refused(problems: Problems, share: float) -> None:
    (problem,) = problems({**RIGHT, "max_rejected_share": {"a_rows": share}})

    assert problem.startswith("max_rejected_share.a_rows: Input should be ")


@pytest.mark.parametrize(
    ("spoilt", "place"),
    [
        ({"retry": {"max_retries": -1}}, "retry.max_retries"),
        ({"retry": {"delay_seconds": 0}}, "retry.delay_seconds"),
        ({"step_parallelism": 0}, "step_parallelism"),
        ({"freshness": {"a_rows": {"warn_hours": 0.0166, "fail_hours": 1}}}, "freshness.a_rows.warn_hours"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_number_out_of_its_range_is_refused(problems: Problems, spoilt: dict[str, object], place: str) -> None:
    (problem,) = problems({**RIGHT, **spoilt})

    assert problem.startswith(f"{place}: Input should be greater than")


def test_all_problems_come_at_once(problems: Problems) -> None:
    content = {"owner": 7, "jobs": {"whole_job": {"description": "x"}}, "step_parallelism": 0, "colour": "red"}

    places = [problem.split(": ")[0] for problem in problems(content)]

    assert places == ["owner", "main_job", "jobs.whole_job.selection", "step_parallelism", "colour"]


@pytest.mark.parametrize(
    ("content", "beginning"),
    [
        ("", "file: Input should be"),
        ("- a\n", "file: Input should be"),
        ("a: [", "not YAML in UTF-8: "),
        ("a: \x00", "not YAML"),
    ],
    ids=["empty", "a_list", "no_yaml", "a_control_character"],
)
def test_a_file_that_is_no_mapping_is_refused(problems: Problems, content: str, beginning: str) -> None:
    (problem,) = problems(content)

    assert problem.startswith(beginning)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes("owner: team:müller\n".encode("latin-1"))

    with pytest.raises(ConfigurationError, match="not YAML in UTF-8: 'utf-8' codec can't decode"):
        load_config(path, DomainConfig)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"config.yaml: no such file; every domain has a config"):
        load_config(tmp_path / "config.yaml", DomainConfig)
