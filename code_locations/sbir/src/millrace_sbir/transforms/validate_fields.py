"""What a text can mean: kinds of fields, each from text to value; null where the text is none.

What belongs here: formats, each with the rule that it follows. What does not: which column has which kind
(`validate_awards`, `validate_sources`), how kinds are applied (`validate_kinds`), and what a wrong value costs
(`validate`).
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from millrace_sbir.transforms import normalise_codes as codes
from millrace_sbir.transforms.validate_kinds import LONGEST_NOTHING_BYTES, Convert, Kind, is_nothing

_DATE_FORMATS = (
    ("%m/%d/%Y", r"^\d{1,2}/\d{1,2}/\d{4}$"),
    ("%m/%d/%y", r"^\d{1,2}/\d{1,2}/\d{2}$"),
    ("%m-%d-%Y", r"^\d{1,2}-\d{1,2}-\d{4}$"),
    ("%Y-%m-%d", r"^\d{4}-\d{1,2}-\d{1,2}$"),
    ("%Y/%m/%d", r"^\d{4}/\d{1,2}/\d{1,2}$"),
    ("%Y%m%d", r"^(?:19|20)\d{6}$"),
    ("%B %d %Y", r"^[A-Za-z]{3,9} \d{1,2} \d{4}$"),
    ("%d %B %Y", r"^\d{1,2} [A-Za-z]{3,9} \d{4}$"),
    ("%d-%b-%Y", r"^\d{1,2}-[A-Za-z]{3}-\d{4}$"),
    ("%d-%b-%y", r"^\d{1,2}-[A-Za-z]{3}-\d{2}$"),
)
# Those of nearly all dates: tried as they are, each on what is left by the one before.
_COMMON_DATES = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%B %d, %Y", "%d-%b-%Y", "%Y-%m-%dT%H:%M:%S")
_TIME = r"[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?$"
_TRUE, _FALSE = ("Y", "YES", "TRUE", "T", "1"), ("N", "NO", "FALSE", "F", "0")
_PHONE = (
    r"^(?:\+?1[\s.-]*)?\(?([2-9]\d\d)\)?[\s./-]*([2-9]\d\d)[\s.-]*(\d{4})"
    r"(?:[\s,;]*(?:x|ext\.?|extension|#)[\s.:]*(\d{1,6}))?$"
)
_EMAIL = r"^[a-z0-9._%+'-]+@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$"
_WEBSITE = r"^(?i:https?://)?[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)+(?::\d+)?(?:[/?#]\S*)?$"


def _matching(pattern: str) -> Convert:
    return lambda text: pl.when(text.str.contains(pattern)).then(text)


def _looked_up(table: Mapping[str, object], dtype: pl.DataType) -> Convert:
    return lambda text: text.replace_strict(table, default=None, return_dtype=dtype)


def _words(text: pl.Expr) -> pl.Expr:
    stripped = text.str.strip_chars()
    return pl.when(stripped.str.len_bytes() > 0).then(stripped)


def _common_name(text: pl.Expr) -> pl.Expr:
    tidy = text.str.contains(r"^[A-Za-z0-9]") & ~text.str.contains(r"[ \t\r\n][ \t\r\n]|[\t\r\n]|\s$")
    return pl.when(tidy & (text.str.len_bytes() > LONGEST_NOTHING_BYTES)).then(text)


def _other_name(text: pl.Expr) -> pl.Expr:
    squeezed = text.str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(squeezed.str.contains(r"[\p{L}\p{N}]") & ~is_nothing(squeezed)).then(squeezed)


WORDS = Kind("text", pl.String(), _words)
"""Text without blanks at its ends."""

NAME = Kind("a name with a letter or digit", pl.String(), _common_name, (_other_name,))
"""Text on one line with single blanks."""


def _tidy_number(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(r"^[A-Za-z0-9][A-Za-z0-9._/()-]*$") & text.str.contains(r"[0-9]")).then(text)


def _other_number(text: pl.Expr) -> pl.Expr:
    squeezed = text.str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(squeezed.str.contains(r"\d")).then(squeezed)


NUMBER = Kind("a number with at least one digit", pl.String(), _tidy_number, (_other_number,))
"""A number that somebody gave: of a proposal, of a contract."""


def _tidy_uei(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(r"^[A-HJ-NP-Z1-9][A-HJ-NP-Z0-9]{11}$")).then(text)


UEI = Kind(
    "a UEI: 12 letters and digits without I and O, the first not 0",
    pl.String(),
    _tidy_uei,
    (lambda text: _tidy_uei(text.str.to_uppercase().str.replace_all(r"[\s-]", "")),),
)
"""Unique Entity Identifier, https://www.fsd.gov/gsafsd_sp?id=kb_article_view&sysparm_article=KB0041254."""

_NO_DUNS = (*(str(digit) * 9 for digit in range(10)), "123456789")  # what people fill in to get past a form


def _common_duns(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(r"^\d{9}$") & ~text.is_in(_NO_DUNS)).then(text)


def _other_duns(text: pl.Expr) -> pl.Expr:
    digits = text.str.strip_chars().str.replace(r"\.0+$", "").str.replace_all(r"[\s.-]", "")
    nine = digits.str.extract(r"^(\d{9})(?:\d{4})?$", 1)
    short = pl.when(digits.str.contains(r"^\d{7,8}$")).then(digits.str.zfill(9))
    return _common_duns(pl.coalesce(nine, short))


DUNS = Kind("a D-U-N-S number: nine digits, not all alike", pl.String(), _common_duns, (_other_duns,))
"""Nine digits; seven or eight had leading zeros that a spreadsheet took away.

Separators and the `.0` of a number that was a float are dropped, and so are the four digits of DUNS+4.
"""


def _tidy_cage(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(r"^[0-9A-HJ-NP-Z]{5}$") & (text != "00000")).then(text)


def _other_cage(text: pl.Expr) -> pl.Expr:
    upper = text.str.strip_chars().str.to_uppercase()
    return _tidy_cage(pl.when(upper.str.contains(r"^\d{4}$")).then(upper.str.zfill(5)).otherwise(upper))


CAGE = Kind("a CAGE code: five letters and digits without I and O", pl.String(), _tidy_cage, (_other_cage,))
"""CAGE or NCAGE code; four digits lost a leading zero."""


def _tidy_zip(text: pl.Expr) -> pl.Expr:
    return pl.when(
        text.str.contains(r"^\d{5}(?:-\d{4})?$") & ~text.str.starts_with("00000") & ~text.str.ends_with("-0000")
    ).then(text)


def _other_zip(text: pl.Expr) -> pl.Expr:
    bare = text.str.strip_chars().str.replace(r"\.0+$", "").str.replace(r"[\s-]+$", "")
    parts = bare.str.replace(r"^(\d{3,5})\s*[- ]\s*(\d{4})$", "$1-$2")
    digits = pl.when(parts.str.contains(r"^\d+$")).then(parts)
    five = pl.when(digits.str.len_bytes().is_between(3, 5)).then(digits.str.zfill(5))
    nine = pl.when(digits.str.len_bytes().is_between(7, 9)).then(digits.str.zfill(9))
    split = pl.when(parts.str.contains(r"^\d{3,5}-\d{4}$")).then(parts.str.zfill(10))
    whole = pl.coalesce(five, nine.str.slice(0, 5) + "-" + nine.str.slice(5), split)
    return _tidy_zip(whole.str.strip_suffix("-0000"))


ZIP = Kind("a ZIP code of five or nine digits", pl.String(), _tidy_zip, (_other_zip,))
"""`02139` or `02139-4307`; three or four digits, and seven or eight, had leading zeros."""

STATE = Kind(
    "a US state or territory",
    pl.String(),
    _looked_up({code: code for code in codes.STATES}, pl.String()),
    (codes.state_code,),
)
"""Two letters, from the code or the name."""

AGENCY = Kind(
    f"an agency: {', '.join(codes.AGENCIES)} or its name",
    pl.String(),
    _looked_up(
        {name: code for code, name in codes.AGENCIES.items()} | {code: code for code in codes.AGENCIES}, pl.String()
    ),
    (codes.agency_code,),
)
"""Code of an agency that has run the programmes."""

BRANCH = Kind(
    "a branch", pl.String(), _looked_up(codes.BRANCHES, pl.String()), (lambda text: codes.branch_name(_words(text)),)
)
"""Standard name of a part of an agency; a name that no table knows stays."""

PHASE = Kind(
    "a phase: I, II or III",
    pl.String(),
    _looked_up({f"Phase {number}": number for number in ("I", "II", "III")}, pl.String()),
    (codes.phase_number,),
)
PROGRAM = Kind(
    "a program: SBIR or STTR",
    pl.String(),
    _looked_up({"SBIR": "SBIR", "STTR": "STTR"}, pl.String()),
    (codes.program_code,),
)

_flag = _looked_up(dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False), pl.Boolean())
FLAG = Kind("Y or N", pl.Boolean(), _flag, (lambda text: _flag(text.str.strip_chars().str.to_uppercase()),), ("U",))


def day(first: date, last: date) -> Kind:
    """A date within bounds: ISO, `m/d/Y`, `m/d/yy`, `Month d, Y`, `d-Mon-Y`, `Ymd`, each with or without a time."""

    def within(value: pl.Expr) -> pl.Expr:
        return pl.when(value.is_between(first, last)).then(value)

    def of(form: str) -> Convert:
        return lambda text: within(text.str.to_date(form, strict=False))

    def other(text: pl.Expr) -> pl.Expr:
        bare = text.str.strip_chars().str.replace(_TIME, "").str.replace_all(r"[,.]", " ").str.replace_all(r"\s+", " ")
        tidy = bare.str.strip_chars().str.replace(r"(?i)\bSept\b", "Sep")
        return within(
            pl.coalesce(
                pl.when(tidy.str.contains(pattern)).then(tidy).str.to_date(form, strict=False)
                for form, pattern in _DATE_FORMATS
            )
        )

    common = (of(form) for form in _COMMON_DATES[1:])
    return Kind(f"a date from {first} to {last}", pl.Date(), of(_COMMON_DATES[0]), (*common, other))


def year(first: int, last: int) -> Kind:
    """A year within bounds; `FY2020` and `2020.0` are 2020."""

    def within(value: pl.Expr) -> pl.Expr:
        return pl.when(value.is_between(first, last)).then(value)

    def other(text: pl.Expr) -> pl.Expr:
        bare = text.str.strip_chars().str.to_uppercase().str.extract(r"^(?:FY)?\s*'?(\d{4})(?:\.0+)?$", 1)
        return within(bare.cast(pl.Int32, strict=False))

    return Kind(
        f"a year from {first} to {last}", pl.Int32(), lambda text: within(text.cast(pl.Int32, strict=False)), (other,)
    )


_AMOUNT = r"^-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?$"  # "1.234,56" is not 1.23456


def _finite(value: pl.Expr) -> pl.Expr:
    return pl.when(value.is_finite()).then(value.round(2))


def _grouped(text: pl.Expr) -> pl.Expr:
    number = pl.when(text.str.contains(_AMOUNT)).then(text.str.replace_all(",", "", literal=True))
    return _finite(number.cast(pl.Float64, strict=False))


def _other_dollars(text: pl.Expr) -> pl.Expr:
    bare = text.str.strip_chars().str.replace(r"(?i)^(?:US\$|USD)\s*|\s*USD$", "")
    return _grouped(bare.str.replace(r"^\(\s*(.*?)\s*\)$", "-$1").str.replace(r"^(-?)\s*\$\s*", "$1"))


def dollars(most: float) -> Kind:
    """US dollars to the cent: `$1,234.50`, `1234.5`, `(1,234)` is negative; the bounds are the contract's."""
    return Kind(
        f"an amount in US dollars above 0 and at most {most:,.0f}",
        pl.Float64(),
        lambda text: _finite(text.cast(pl.Float64, strict=False)),
        (lambda text: _grouped(text.str.strip_prefix("$")), _other_dollars),
    )


def count(most: int) -> Kind:
    """A whole number from 0 to `most`; `25.0` and `1,200` are whole."""

    def within(value: pl.Expr) -> pl.Expr:
        return pl.when(value.is_between(0, most)).then(value)

    def other(text: pl.Expr) -> pl.Expr:
        bare = text.str.strip_chars().str.replace(r"\.0+$", "").str.replace_all(r",(\d{3})", "$1")
        return within(bare.cast(pl.Int64, strict=False))

    return Kind(
        f"a whole number from 0 to {most:,}",
        pl.Int64(),
        lambda text: within(text.cast(pl.Int64, strict=False)),
        (other,),
    )


def _common_phone(text: pl.Expr) -> pl.Expr:
    bracketed = text.str.contains(r"^\([2-9]\d\d\) [2-9]\d\d-\d{4}$")
    return pl.when(bracketed).then(pl.concat_str(text.str.slice(1, 3), text.str.slice(6, 8), separator="-"))


def _other_phone(text: pl.Expr) -> pl.Expr:
    parts = text.str.strip_chars().str.to_lowercase().str.extract_groups(_PHONE)
    area, exchange, line, extension = (parts.struct.field(str(group)) for group in (1, 2, 3, 4))
    number = pl.concat_str(area, exchange, line, separator="-")
    return number + pl.when(extension.is_not_null()).then(pl.lit(" x") + extension).otherwise(pl.lit(""))


PHONE = Kind(
    "a North American telephone number",
    pl.String(),
    _common_phone,
    (_matching(r"^[2-9]\d\d-[2-9]\d\d-\d{4}$"), _other_phone),
)
"""`703-555-0123` or `703-555-0123 x45`; area and exchange begin with 2 to 9."""

_tidy_email = _matching(_EMAIL)
EMAIL = Kind(
    "an e-mail address",
    pl.String(),
    _tidy_email,
    (lambda text: _tidy_email(text.str.strip_chars().str.to_lowercase().str.replace(r"^mailto:", "")),),
)
"""In lower case."""

_tidy_website = _matching(_WEBSITE)
WEBSITE = Kind(
    "an address with a host that has a dot",
    pl.String(),
    _tidy_website,
    (lambda text: _tidy_website(text.str.strip_chars()),),
)

_HOME = ("USA", "US", "U.S.", "U.S.A.", "UNITED STATES", "UNITED STATES OF AMERICA")


def _country(text: pl.Expr) -> pl.Expr:
    upper = _words(text).str.to_uppercase()
    return pl.when(upper.is_in(_HOME)).then(pl.lit("USA")).otherwise(upper)


COUNTRY = Kind("a country", pl.String(), _country)
"""Upper case; every spelling of the United States is USA."""

NAICS = Kind(
    "a NAICS code of two to six digits",
    pl.String(),
    _matching(r"^\d{2,6}$"),
    (lambda text: text.str.extract(r"^\s*(\d{2,6})(?:\.0+|[YNE]|\s*[~;,|].*)?\s*$", 1),),
)
"""Of several the first; SAM.gov puts a letter behind each, for whether the entity is small in it."""

_REGISTRATIONS = {"A": "Active", "ACTIVE": "Active", "E": "Expired", "EXPIRED": "Expired", "INACTIVE": "Expired"}


def _registration(text: pl.Expr) -> pl.Expr:
    stripped = _words(text)
    return stripped.str.to_uppercase().replace_strict(_REGISTRATIONS, default=stripped, return_dtype=pl.String)


REGISTRATION = Kind("a state of registration", pl.String(), _registration)
"""`Active` or `Expired`, any other as it came."""


def _other_patent(text: pl.Expr) -> pl.Expr:
    bare = text.str.strip_chars().str.to_uppercase().str.replace_all(r"[\s,]", "").str.replace(r"^US", "")
    tidy = bare.str.replace(r"(?:[ABS]\d|[AEPS])$", "").str.replace(r"\.0+$", "")
    return tidy.str.extract(r"^((?:D|H|PP|RE|T|X)?\d{1,8})$", 1)


PATENT = Kind("a number of a US patent", pl.String(), _matching(r"^(?:D|H|PP|RE|T|X)?\d{1,8}$"), (_other_patent,))
"""`10123456`, `RE45678`, `D654321`: without commas, country and kind code."""
