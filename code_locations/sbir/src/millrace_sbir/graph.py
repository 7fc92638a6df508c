"""The graph of research awards: seven kinds of nodes, eight kinds of relationships.

    (:Company)-[:RECEIVED]->(:Award)-[:FUNDED_BY]->(:Agency)
    (:Award)-[:UNDER_CONTRACT]->(:Contract), (:Award)-[:APPLICABLE_TO]->(:CetArea), (:Award)-[:FOLLOWS]->(:Award)
    (:Person)-[:LEADS]->(:Award), (:Company)-[:OWNS]->(:Patent)-[:CITES_AWARD]->(:Award)

What belongs here: the declaration. What does not: rows (`transforms`), loading (`defs/load.py`) and questions
(`queries.yaml`).
"""

from pathlib import Path

import polars as pl

from millrace.graph import GraphModel, Node, Property, Relationship

COMPANY = Node(
    label="Company",
    key="company_id",
    title="name",
    description="A firm that received an award.",
    properties=(
        Property("company_id", pl.String, "UEI-…, DUNS-… or NAME-… with the state, by the first that is known"),
        Property("name", pl.String, "Name in the award file, of its latest award", is_indexed=True),
        Property("uei", pl.String, "Unique Entity ID of SAM.gov"),
        Property("duns", pl.String, "DUNS number, nine digits"),
        Property("cage", pl.String, "CAGE code of its entity in SAM.gov"),
        Property("city", pl.String, "City of its latest award"),
        Property("state", pl.String, "State of its latest award, two letters", is_indexed=True),
        Property("match_method", pl.String, "How its entity in SAM.gov was found"),
        Property("award_count", pl.Int64, "Awards that it received"),
        Property("award_total_usd", pl.Float64, "Sum of its awards, in US dollars"),
        Property("first_award_year", pl.Int64, "Year of its first award"),
        Property("last_award_year", pl.Int64, "Year of its latest award"),
        Property("transition_rate", pl.Float64, "Phase I awards that a Phase II followed, 0-1"),
        Property("patent_count", pl.Int64, "Patents that it owns"),
        Property("dominant_area_id", pl.String, "Area of technology with most of its classified awards"),
    ),
)

AWARD = Node(
    label="Award",
    key="award_id",
    title="title",
    description="A research award of one phase.",
    properties=(
        Property("award_id", pl.String, "Agency, tracking number and contract, normalised"),
        Property("title", pl.String, "Title"),
        Property("phase", pl.String, "I, II or III", is_indexed=True),
        Property("program", pl.String, "SBIR or STTR"),
        Property("award_date", pl.Date, "Date of the award"),
        Property("award_year", pl.Int64, "Year of the award", is_indexed=True),
        Property("amount_usd", pl.Float64, "Amount in US dollars"),
        Property("topic_code", pl.String, "Topic of the solicitation"),
        Property("keywords", pl.List(pl.String), "Phrases of the abstract, most telling first"),
    ),
)

CONTRACT = Node(
    label="Contract",
    key="contract_id",
    description="A contract or grant under which awards were made.",
    properties=(
        Property("contract_id", pl.String, "Agency and contract number, normalised: DOD/W31P4Q20C0046"),
        Property("number", pl.String, "Contract number as it is written"),
        Property("award_count", pl.Int64, "Awards under it"),
        Property("total_usd", pl.Float64, "Sum of its awards, in US dollars"),
        Property("first_award_year", pl.Int64, "Year of its first award"),
        Property("last_award_year", pl.Int64, "Year of its latest award"),
    ),
)

PATENT = Node(
    label="Patent",
    key="patent_id",
    title="title",
    description="A United States patent of a firm that received an award, or one that names an award.",
    properties=(
        Property("patent_id", pl.String, "Number of the patent"),
        Property("title", pl.String, "Title"),
        Property("grant_date", pl.Date, "Date of the grant"),
        Property("grant_year", pl.Int64, "Year of the grant", is_indexed=True),
    ),
)

AGENCY = Node(
    label="Agency",
    key="agency_id",
    title="name",
    description="An agency of the federal government that funds awards.",
    properties=(
        Property("agency_id", pl.String, "Short name: DOD, NASA"),
        Property("name", pl.String, "Name"),
    ),
)

CET_AREA = Node(
    label="CetArea",
    key="area_id",
    title="name",
    description="An area of critical and emerging technology, of the taxonomy.",
    properties=(
        Property("area_id", pl.String, "Identifier in the taxonomy"),
        Property("name", pl.String, "Name"),
        Property("definition", pl.String, "What it covers"),
    ),
)

PERSON = Node(
    label="Person",
    key="person_id",
    title="name",
    description="A principal investigator.",
    properties=(
        Property("person_id", pl.String, "Company and normalised name"),
        Property("name", pl.String, "Name", is_indexed=True),
    ),
)

RECEIVED = Relationship("RECEIVED", "Company", "Award", "The company received the award.")
UNDER_CONTRACT = Relationship("UNDER_CONTRACT", "Award", "Contract", "The award was made under the contract.")
FUNDED_BY = Relationship(
    "FUNDED_BY",
    "Award",
    "Agency",
    "The agency funds the award.",
    properties=(Property("branch", pl.String, "Branch or institute of the agency, if one is named"),),
)
OWNS = Relationship(
    "OWNS",
    "Company",
    "Patent",
    "The company is an assignee of the patent.",
    properties=(
        Property("method", pl.String, "How assignee and company were matched"),
        Property("score", pl.Float64, "How alike their names are, 0-100"),
    ),
)
CITES_AWARD = Relationship(
    "CITES_AWARD", "Patent", "Award", "The patent's statement of government interest names the award's contract."
)
APPLICABLE_TO = Relationship(
    "APPLICABLE_TO",
    "Award",
    "CetArea",
    "The award's text speaks of the area.",
    properties=(
        Property("score", pl.Float64, "How much, 0-100"),
        Property("band", pl.String, "Confidence: high, medium or low"),
        Property("is_primary", pl.Boolean, "Whether it is the award's first area"),
        Property("evidence", pl.List(pl.String), "Terms that were found"),
    ),
)
LEADS = Relationship("LEADS", "Person", "Award", "The person is the principal investigator of the award.")
FOLLOWS = Relationship(
    "FOLLOWS",
    "Award",
    "Award",
    "The award carries on the work of an award of the phase before.",
    properties=(
        Property("method", pl.String, "How that was found"),
        Property("score", pl.Float64, "How sure that is, 0-100"),
        Property("months_between", pl.Int64, "Whole months between their dates"),
    ),
)

MODEL = GraphModel(
    "sbir",
    nodes=(COMPANY, AWARD, CONTRACT, PATENT, AGENCY, CET_AREA, PERSON),
    relationships=(RECEIVED, UNDER_CONTRACT, FUNDED_BY, OWNS, CITES_AWARD, APPLICABLE_TO, LEADS, FOLLOWS),
    queries=Path(__file__).parent / "queries.yaml",
)
