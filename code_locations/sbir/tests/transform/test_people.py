"""People: spellings of one name within a firm are one person."""

from typing import Any

import polars as pl
import pytest

from millrace_sbir.transforms.companies_people import person_name, with_person_id


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Jane Doe", "jane doe"),
        ("Dr. Jane Q. Doe, Ph.D.", "jane doe"),
        ("DOE, JANE", "jane doe"),
        ("Doe, Jane, PhD", "jane doe"),
        ("José  Álvarez-Núñez", "jose alvarez nunez"),
        ("Mary O'Brien", "mary obrien"),
        ("John Smith III", "john smith"),
        ("Li Na", "li na"),
        ("王 小明", "小明"),
        ("N/A", None),
        ("", None),
        (None, None),
    ],
)
def test_names_are_compared_without_what_varies(name: str | None, expected: str | None) -> None:
    assert pl.select(person_name(pl.lit(name, dtype=pl.String))).item() == expected


def test_one_name_at_two_firms_is_two_people(awards: Any) -> None:
    frame = awards(
        {"pi_name": "Jane Doe", "award_year": 2019},
        {"pi_name": "Dr. Jane Doe", "award_year": 2021},
        {"pi_name": "Jane Doe", "award_year": 2020},
        {"pi_name": "Jane Doe", "award_year": 2022, "company_id": "F2"},
        {"pi_name": None},
    )

    assert with_person_id(frame).collect()["person_id"].to_list() == ["F1/jane-doe"] * 3 + ["F2/jane-doe", None]
