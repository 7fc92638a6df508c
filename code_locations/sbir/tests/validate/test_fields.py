"""Kinds of fields: each way of writing that the files have gives the one value."""

from datetime import date

import polars as pl
import pytest

from millrace_sbir.transforms import validate_fields as fields
from millrace_sbir.transforms.validate_kinds import Kind, converted

DAY = fields.day(date(1982, 7, 22), date(2026, 1, 31))


def value_of(kind: Kind, text: str | None) -> object:
    return converted(pl.DataFrame({"x": [text]}, schema={"x": pl.String}), {"x": kind})["x"].item()


@pytest.mark.parametrize(
    "text",
    [
        *("2024-03-04", "2024-3-4", "03/04/2024", "3/4/2024", "3/4/24", "03/04/24", "March 4, 2024", "Mar 4, 2024"),
        *("04-Mar-2024", "4-Mar-24", "4 March 2024", "20240304", "2024/03/04", "03-04-2024", " 2024-03-04 "),
        *("2024-03-04T00:00:00", "2024-03-04T00:00:00.000Z", "2024-03-04 12:30", "3/4/2024 9:15:00 AM", "Mar. 4, 2024"),
    ],
)
def test_a_date_is_read_in_every_format_of_the_files(text: str) -> None:
    assert value_of(DAY, text) == date(2024, 3, 4)


@pytest.mark.parametrize("text", ["Sept. 30, 1999", "Sep 30, 1999", "9/30/99", "September 30, 1999"])
def test_a_year_of_two_digits_falls_into_the_programmes_time(text: str) -> None:
    assert value_of(DAY, text) == date(1999, 9, 30)


@pytest.mark.parametrize(
    ("text", "duns"),
    [
        ("012345678", "012345678"),
        ("12345678", "012345678"),
        ("2345678", "002345678"),
        ("01-234-5678", "012345678"),
        ("012345678.0", "012345678"),
        ("012345678-0000", "012345678"),
        ("0123456780000", "012345678"),
        ("345678", None),
        ("000000000", None),
        ("123456789", None),
    ],
)
def test_a_duns_gets_its_leading_zeros_back(text: str, duns: str | None) -> None:
    assert value_of(fields.DUNS, text) == duns


@pytest.mark.parametrize(
    ("text", "zip_code"),
    [
        ("02139", "02139"),
        ("2139", "02139"),
        ("601", "00601"),
        ("02139-4307", "02139-4307"),
        ("021394307", "02139-4307"),
        ("21394307", "02139-4307"),
        ("2139-4307", "02139-4307"),
        ("02139-", "02139"),
        ("02139-0000", "02139"),
        ("02139.0", "02139"),
        ("12", None),
    ],
)
def test_a_zip_code_gets_its_leading_zeros_back(text: str, zip_code: str | None) -> None:
    assert value_of(fields.ZIP, text) == zip_code


@pytest.mark.parametrize(
    ("text", "dollars"),
    [
        ("1234.5", 1234.5),
        ("$1,234.50", 1234.5),
        (" $ 1,234.50 ", 1234.5),
        ("USD 1,234.50", 1234.5),
        ("1234.499999", 1234.5),
        ("(1,234.50)", -1234.5),
        ("-$1,234.50", -1234.5),
        ("1,23", None),
        ("12,34.50", None),
        ("1.5M", None),
        ("", None),
    ],
)
def test_an_amount_is_read_to_the_cent(text: str, dollars: float | None) -> None:
    assert value_of(fields.dollars(1e8), text) == dollars


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (fields.UEI, " abcdefgh1234 ", "ABCDEFGH1234"),
        (fields.UEI, "ABCD-EFGH-1234", "ABCDEFGH1234"),
        (fields.UEI, "ABCDEFGH12345", None),
        (fields.UEI, "ABCDEFGHI234", None),
        (fields.CAGE, "1abc5", "1ABC5"),
        (fields.CAGE, "1234", "01234"),
        (fields.CAGE, "1OBC5", None),
        (fields.CAGE, "00000", None),
        (fields.STATE, "Massachusetts", "MA"),
        (fields.STATE, "ma", "MA"),
        (fields.STATE, "P.R.", "PR"),
        (fields.STATE, "D.C.", "DC"),
        (fields.AGENCY, "Dept of Health & Human Services", "HHS"),
        (fields.AGENCY, "U.S. Department of Energy", "DOE"),
        (fields.AGENCY, "nasa", "NASA"),
        (fields.BRANCH, "USAF", "Air Force"),
        (fields.BRANCH, "Office of Oddities", "Office of Oddities"),
        (fields.PHASE, "phase 2", "II"),
        (fields.PHASE, "IIB", "II"),
        (fields.PHASE, "Phase III", "III"),
        (fields.PROGRAM, "sttr", "STTR"),
        (fields.PROGRAM, "Small Business Innovation Research", "SBIR"),
        (fields.FLAG, "yes", True),
        (fields.FLAG, "0", False),
        (fields.FLAG, "U", None),
        (fields.PHONE, "(703) 555-0123", "703-555-0123"),
        (fields.PHONE, "+1 703.555.0123 ext. 45", "703-555-0123 x45"),
        (fields.PHONE, "7035550123", "703-555-0123"),
        (fields.EMAIL, " PI@Lumera.COM", "pi@lumera.com"),
        (fields.EMAIL, "pi@@lumera.com", None),
        (fields.WEBSITE, "https://www.lumera.com/a?b=c", "https://www.lumera.com/a?b=c"),
        (fields.NAME, "  Lumera \n Photonics ", "Lumera Photonics"),
        (fields.PATENT, "US 10,123,456 B2", "10123456"),
        (fields.PATENT, "RE45678", "RE45678"),
        (fields.PATENT, "WO2020123456", None),
        (fields.NAICS, "541715Y", "541715"),
        (fields.year(1982, 2027), "FY2020", 2020),
        (fields.year(1982, 2027), "2020.0", 2020),
        (fields.count(500), "1,2", None),
        (fields.count(5000), "1,250", 1250),
    ],
)
def test_a_spelling_gives_the_value(kind: Kind, text: str, value: object) -> None:
    assert value_of(kind, text) == value


@pytest.mark.parametrize("kind", [DAY, fields.UEI, fields.DUNS, fields.ZIP, fields.STATE, fields.EMAIL, fields.NAME])
def test_what_came_out_comes_out_again(kind: Kind) -> None:
    texts = ["3/4/24", "abcdefgh1234", "12345678", "2139", "Maine", "A@B.COM", "  two  words "]
    first = converted(pl.DataFrame({"x": texts}), {"x": kind}).drop_nulls()

    assert first.height
    again = converted(first.select(pl.col("x").cast(pl.String)), {"x": kind})
    assert again["x"].to_list() == first["x"].to_list()


def test_no_text_is_no_value() -> None:
    assert value_of(DAY, None) is None
