"""Codes that the sources spell in many ways: agencies, branches, states, phases, programs, contract numbers.

What belongs here: tables of spellings, and expressions that look a text up in them. What does not: what happens to a
text that no table knows (`validate_fields`), and names of firms and people (`normalise_names`).

Every look-up works on `fold`: upper case, punctuation gone, single blanks. So a table holds each spelling once.
"""

import functools
import re

import polars as pl

# The agencies that have run the programmes since 1982, https://www.sbir.gov/about, with the codes in daily use.
AGENCIES = {
    "DOD": "Department of Defense",
    "HHS": "Department of Health and Human Services",
    "NASA": "National Aeronautics and Space Administration",
    "DOE": "Department of Energy",
    "NSF": "National Science Foundation",
    "USDA": "Department of Agriculture",
    "DHS": "Department of Homeland Security",
    "DOC": "Department of Commerce",
    "DOT": "Department of Transportation",
    "ED": "Department of Education",
    "EPA": "Environmental Protection Agency",
    "DOI": "Department of the Interior",
    "NRC": "Nuclear Regulatory Commission",
    "DOJ": "Department of Justice",
    "VA": "Department of Veterans Affairs",
    "SBA": "Small Business Administration",
}
_AGENCY_SPELLINGS = {
    "DEFENSE DEPARTMENT": "DOD",
    "DEPT HEALTH AND HUMAN SERVICES": "HHS",
    "NATIONAL INSTITUTES OF HEALTH": "HHS",
    "NIH": "HHS",
    "EDUCATION": "ED",
    "DOED": "ED",
    "COMMERCE": "DOC",
    "AGRICULTURE": "USDA",
}

# Parts of agencies, by the names under which the award file has them; the others keep their own words.
BRANCHES = {
    "USAF": "Air Force",
    "AIR FORCE": "Air Force",
    "DEPARTMENT OF THE AIR FORCE": "Air Force",
    "ARMY": "Army",
    "US ARMY": "Army",
    "DEPARTMENT OF THE ARMY": "Army",
    "NAVY": "Navy",
    "US NAVY": "Navy",
    "DEPARTMENT OF THE NAVY": "Navy",
    "USMC": "Navy",
    "DARPA": "Defense Advanced Research Projects Agency",
    "MDA": "Missile Defense Agency",
    "OSD": "Office of the Secretary of Defense",
    "DLA": "Defense Logistics Agency",
    "DTRA": "Defense Threat Reduction Agency",
    "CBD": "Office for Chemical and Biological Defense",
    "SOCOM": "Special Operations Command",
    "USSOCOM": "Special Operations Command",
    "SDA": "Space Development Agency",
    "DHA": "Defense Health Agency",
    "SCO": "Strategic Capabilities Office",
    "NGA": "National Geospatial-Intelligence Agency",
    "DMEA": "Defense Microelectronics Activity",
    "NIH": "National Institutes of Health",
    "CDC": "Centers for Disease Control and Prevention",
    "FDA": "Food and Drug Administration",
    "NOAA": "National Oceanic and Atmospheric Administration",
    "NIST": "National Institute of Standards and Technology",
    "ARPAE": "ARPA-E",
    "ARPA E": "ARPA-E",
}

# USPS Publication 28, appendix B: states, territories, freely associated states, military mail.
STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "DC": "District of Columbia", "FL": "Florida", "GA": "Georgia",
    "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas",
    "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts",
    "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi", "MO": "Missouri", "MT": "Montana",
    "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico",
    "NY": "New York", "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma",
    "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota",
    "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia", "WA": "Washington",
    "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
    "PR": "Puerto Rico", "VI": "Virgin Islands", "GU": "Guam", "AS": "American Samoa",
    "MP": "Northern Mariana Islands", "FM": "Federated States of Micronesia", "MH": "Marshall Islands", "PW": "Palau",
    "AA": "Armed Forces Americas", "AE": "Armed Forces Europe", "AP": "Armed Forces Pacific",
}  # fmt: skip
_STATE_SPELLINGS = {"WASHINGTON DC": "DC", "US VIRGIN ISLANDS": "VI", "WASHINGTON D C": "DC", "D C": "DC"}

_PHASES = {
    "I": ("1", "IA", "IB", "ONE"),
    "II": ("2", "IIA", "IIB", "IIE", "TWO", "D2P2", "DIRECT TO PHASE II", "DIRECT TO PHASE 2"),
    "III": ("3", "THREE"),
}
_PROGRAMS = {
    "SBIR": ("SMALL BUSINESS INNOVATION RESEARCH", "SMALL BUSINESS INNOVATIVE RESEARCH", "SBIR PROGRAM"),
    "STTR": ("SMALL BUSINESS TECHNOLOGY TRANSFER", "SMALL BUSINESS TECH TRANSFER", "STTR PROGRAM"),
}


def fold(text: pl.Expr) -> pl.Expr:
    """Upper case, dots and quotes gone, `&` AND, other punctuation a blank: `dept. of Health & Care`."""
    joined = text.str.to_uppercase().str.replace_all(r"[.'’]", "").str.replace_all("&", " AND ", literal=True)
    return joined.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()


def _folded(name: str) -> str:
    """`fold` of one of the names above, without a query for each."""
    return " ".join(re.sub(r"[^A-Z0-9]+", " ", name.upper()).split())


@functools.cache
def _agency_table() -> dict[str, str]:
    table = dict(_AGENCY_SPELLINGS)
    for code, name in AGENCIES.items():
        words = _folded(name)
        short = words.replace("DEPARTMENT OF THE ", "DEPARTMENT OF ")
        for spelling in (words, short, short.replace("DEPARTMENT", "DEPT"), f"US {short}", f"{words} {code}"):
            table[spelling] = code
        table[code] = code
    return table


def agency_code(text: pl.Expr) -> pl.Expr:
    """A code of `AGENCIES`, null for a text that names none."""
    return fold(text).replace_strict(_agency_table(), default=None, return_dtype=pl.String)


def branch_name(text: pl.Expr) -> pl.Expr:
    """The standard name of a known branch, any other text as it came."""
    known = fold(text).replace_strict(BRANCHES, default=None, return_dtype=pl.String)
    return pl.coalesce(known, text)


def state_code(text: pl.Expr) -> pl.Expr:
    """A code of `STATES`, null for a text that names none."""
    return fold(text).replace_strict(_state_table(), default=None, return_dtype=pl.String)


@functools.cache
def _state_table() -> dict[str, str]:
    return {code: code for code in STATES} | {_folded(name): code for code, name in STATES.items()} | _STATE_SPELLINGS


def phase_number(text: pl.Expr) -> pl.Expr:
    """`I`, `II` or `III`; lettered phases (IIB) count as the phase that they continue; null for any other text."""
    return fold(text).replace_strict(_phase_table(), default=None, return_dtype=pl.String)


@functools.cache
def _phase_table() -> dict[str, str]:
    return {
        prefix + spelling: phase
        for phase, spellings in _PHASES.items()
        for spelling in (phase, *spellings)
        for prefix in ("", "PHASE ", "PHASE", "PH ", "P")
    }


def program_code(text: pl.Expr) -> pl.Expr:
    """`SBIR` or `STTR`, null for any other text."""
    table = {spelling: code for code, others in _PROGRAMS.items() for spelling in (code, *others)}
    return fold(text).replace_strict(table, default=None, return_dtype=pl.String)


def contract_key(text: pl.Expr) -> pl.Expr:
    """Letters and digits of a contract or grant number, upper case: `FA8649-24-P-0292` and `FA864924P0292` are one."""
    return text.str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")


# A grant of NIH: type, activity code, institute and serial number, support year; only the middle stays the same.
_NIH_GRANT = r"^\d?([A-Z][A-Z0-9]\d[A-Z]{2}\d{6})(?:\d{2}(?:[A-Z]\d)?)?$"
_SHORTEST_NUMBER, _SHORTEST_DIGITS = 8, 10


def award_number(key: pl.Expr) -> pl.Expr:
    """What two sources have in common of a `contract_key`: the core of an NIH grant, any other number as it is.

    Null for one that could be anybody's: shorter than eight characters, fewer than four digits, or nothing but digits
    and shorter than ten (NSF's seven digits are also dates and patent numbers).
    """
    usable = (
        (key.str.len_bytes() >= _SHORTEST_NUMBER)
        & (key.str.count_matches(r"\d") >= 4)
        & (key.str.contains(r"[A-Z]") | (key.str.len_bytes() >= _SHORTEST_DIGITS))
    )
    return pl.when(usable).then(pl.coalesce(key.str.extract(_NIH_GRANT, 1), key))
