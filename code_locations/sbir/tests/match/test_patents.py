"""Patents: the firm behind an assignee, and the awards that a statement names."""

import polars as pl
import pytest

from millrace_sbir.transforms.match_decide import MatchConfig
from millrace_sbir.transforms.match_names import Blocking
from millrace_sbir.transforms.patents import cited_awards, match_assignees, with_firm

FIRMS = pl.DataFrame(
    {
        "company_id": ["UEI-A", "UEI-B"],
        "name_keys": [["LUMERA PHOTONICS", "LUMERA"], ["QUIET LASERS"]],
        "states": [["MA", "CO"], ["TX"]],
    }
)
CONFIG = MatchConfig(blocking=Blocking(max_share=1.0, workers=1))
AWARDS = pl.LazyFrame(
    [
        ("air-force", "DOD", "FA865012C1420"),
        ("army-1", "DOD", "W31P4Q20C0046"),
        ("army-2", "DOD", "W31P4Q20C0046"),
        ("nih", "HHS", "1R43GM12345601"),
        ("nsf", "NSF", "0912345"),
        ("short", "DOD", "C1234"),
        ("digits", "DOE", "20200107"),
        ("none", "DOE", None),
    ],
    schema=["award_id", "agency", "contract_key"],
    orient="row",
)


def patents(*rows: tuple[str | None, str | None]) -> pl.LazyFrame:
    schema = {"assignee_key": pl.String, "assignee_state": pl.String}
    return pl.LazyFrame(rows, schema=schema, orient="row").with_row_index("patent_id")


@pytest.mark.parametrize(
    ("key", "state", "company", "status"),
    [
        ("LUMERA PHOTONICS", "CO", "UEI-A", "accepted"),
        ("LUMERA PHOTONCS", "MA", "UEI-A", "accepted"),
        ("QUIET LASERS", "MA", "UEI-B", "review"),
        ("QUIET LASERS", None, "UEI-B", "review"),
        ("INTERNATIONAL BUSINESS MACHINES", "NY", None, "none"),
        (None, None, None, "none"),
    ],
)
def test_an_assignee_is_a_firm_by_name_and_state(
    key: str | None, state: str | None, company: str | None, status: str
) -> None:
    owned = patents((key, state))

    row = with_firm(owned, match_assignees(owned, FIRMS, CONFIG)).collect().row(0, named=True)

    assert (row["company_id"], row["match_status"]) == (company, status)


def cited(statement: str | None) -> list[str]:
    frame = pl.LazyFrame(
        {"patent_id": ["1"], "government_interest": [statement]}, schema_overrides={"government_interest": pl.String}
    )
    return sorted(cited_awards(frame, AWARDS).collect()["award_id"])


@pytest.mark.parametrize(
    ("statement", "awards"),
    [
        ("made under Contract No. FA8650-12-C-1420 awarded by the Air Force", ["air-force"]),
        ("made under FA865012C1420.", ["air-force"]),
        ("made under contract FA8650 12 C 1420 and grant R43 GM123456", ["air-force", "nih"]),
        ("made under 5R43GM123456-03", ["nih"]),
        ("made under W31P4Q-20-C-0046", ["army-1", "army-2"]),
        ("under award IIP-0912345 by the National Science Foundation", ["nsf"]),
        ("under award 0912345 by the Department of Energy", []),
        ("under C1234 on 2020-01-07", []),
        ("made under FA8650-12-C-1421", []),
        ("", []),
        (None, []),
    ],
)
def test_a_statement_names_the_awards_of_its_numbers_and_no_other(statement: str | None, awards: list[str]) -> None:
    assert cited(statement) == awards


def test_each_of_a_patents_statements_counts_in_any_order() -> None:
    statements = ["made under W31P4Q-20-C-0046", "made under FA865012C1420", "made under FA865012C1420"]

    for given in (statements, statements[::-1]):
        frame = pl.LazyFrame({"patent_id": ["1"] * 3, "government_interest": given})
        assert sorted(cited_awards(frame, AWARDS).collect()["award_id"]) == ["air-force", "army-1", "army-2"]
