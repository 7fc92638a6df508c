"""What can be wrong with a row of the award file, one kind at a time, each with its share of the rows.

What belongs here: damage. What does not: what was right before.

Three kinds, by what becomes of the row. `UNREADABLE`: the reader turns it away, under the rule that is its name up to
the colon. `UNUSABLE`: it is read, and a later stage must turn it away. `FLAWED`: one value of it is wrong or oddly
written, and the row stays. A share holds for any thousand rows: damage comes in turn and not by chance.
"""

from collections.abc import Callable
from itertools import cycle

from millrace_sbir.columns import AWARDS
from millrace_sbir.sample.awards import Award

Cells = list[str]
_AT = {name: position for position, name in enumerate(AWARDS.values())}

UNREADABLE_SHARE, UNUSABLE_SHARE, FLAWED_SHARE = 0.006, 0.012, 0.12
_WITHOUT_MESS = 40  # rows at the beginning
DUPLICATE, COLLISION, REUSED = "duplicate", "collision", "reused_tracking_number"


def _set(column: str, value: str | Callable[[Cells], str]) -> Callable[[Cells], None]:
    def spoil(cells: Cells) -> None:
        cells[_AT[column]] = value if isinstance(value, str) else value(cells)

    return spoil


def _of(column: str, change: Callable[[str], str]) -> Callable[[Cells], None]:
    def spoil(cells: Cells) -> None:
        cells[_AT[column]] = change(cells[_AT[column]])

    return spoil


# Damage of the bytes of a row, which is given and returned with its line break.
UNREADABLE: dict[str, Callable[[bytes], bytes]] = {
    "wrong_width:short": lambda row: row.rsplit(b",", 1)[0] + b"\n",
    "wrong_width:long": lambda row: row[:-1] + b",,\n",
    "not_csv:torn_quote": lambda row: row[:-1].rsplit(b",", 1)[0] + b',"never closed\n',
    "wrong_width:cut_off": lambda row: row.replace(b"\r", b"").replace(b"\n", b" ").replace(b'"', b"'")[:180] + b"\n",
    "not_utf8:undefined_byte": lambda row: row.replace(b",", b" \x81\x8d,", 1),
    "wrong_width:stray_line": lambda _row: b"-- end of page --\n",
    "not_csv:quote_within": lambda row: row[:-1].rsplit(b",", 1)[0] + b',"one" two\n',
    "nul_byte:in_a_cell": lambda row: row.replace(b",", b"\x00,", 1),
}
UNUSABLE: dict[str, Callable[[Cells], None]] = {
    "missing_company": _set("company_name", ""),
    "missing_amount": _set("award_amount", ""),
    "negative_amount": _of("award_amount", lambda amount: f"-{amount}"),
    "amount_is_no_number": _set("award_amount", "see contract"),
    "impossible_date": _set("award_date", "02/30/2015"),
    "missing_key": _set("agency_tracking_number", ""),
}
FLAWED: dict[str, Callable[[Cells], None]] = {
    "duns_lost_zeros": _of("duns", lambda duns: duns.lstrip("0")),
    "duns_with_hyphens": _of("duns", lambda duns: f"{duns[:2]}-{duns[2:5]}-{duns[5:]}" if duns else duns),
    "duns_is_no_number": _set("duns", "N/A"),
    "uei_too_short": _of("uei", lambda uei: uei[:-1]),
    "uei_lower_case": _of("uei", str.lower),
    "uei_with_letter_o": _of("uei", lambda uei: f"O{uei[1:]}" if uei else uei),
    "zip_lost_zero": _of("zip", lambda zip_code: zip_code.lstrip("0")),
    "zip_is_no_number": _set("zip", "ABCDE"),
    "state_unknown": _set("state", "ZZ"),
    "state_lower_case": _of("state", str.lower),
    "end_date_impossible": _set("contract_end_date", "0000-00-00"),
    "end_before_begin": _set("contract_end_date", "1950-01-01"),
    "employees_with_comma": _set("employees", "1,250"),
    "spaces_around": lambda cells: cells.__setitem__(slice(0, 3), [f"  {cell} " for cell in cells[:3]]),
    "year_differs": _set("award_year", "1899"),
}
COSTING = frozenset((*UNREADABLE, *UNUSABLE, DUPLICATE, COLLISION))  # what makes a row that nothing else builds on
# Damage of bytes that costs nothing: typographic quotes as Windows writes them, in a file that is UTF-8 else.
CP1252 = "cp1252_bytes"


class Mess:
    """Says what is wrong with each row that comes.

    The first rows have nothing that costs a row, so that a sample of any size stays below the gates.
    """

    def __init__(self) -> None:
        self._unreadable, self._unusable, self._flawed = (
            cycle(kinds) for kinds in (UNREADABLE, self._costing(), (*FLAWED, CP1252))
        )
        self._unreadable_debt = self._unusable_debt = self._flawed_debt = 0.0
        self._rows = 0

    @staticmethod
    def _costing() -> list[str]:
        """What makes a row unusable; a duplicate and a collision come as often as all others together."""
        others = list(UNUSABLE)
        between = [DUPLICATE, COLLISION, DUPLICATE, REUSED, DUPLICATE, COLLISION]
        return [kind for pair in zip(others, between, strict=True) for kind in pair]

    def next(self) -> str:
        """What is wrong with the next row; "" for nothing."""
        self._rows += 1
        self._unreadable_debt += UNREADABLE_SHARE
        self._unusable_debt += UNUSABLE_SHARE
        self._flawed_debt += FLAWED_SHARE
        if self._rows <= _WITHOUT_MESS:
            return ""
        if self._unreadable_debt >= 1:
            self._unreadable_debt -= 1
            return next(self._unreadable)
        if self._unusable_debt >= 1:
            self._unusable_debt -= 1
            return next(self._unusable)
        if self._flawed_debt >= 1:
            self._flawed_debt -= 1
            return next(self._flawed)
        return ""


def spoilt(award: Award, kind: str) -> None:
    """Do to the cells of an award what is wrong with it; nothing for what is done to its bytes."""
    change = UNUSABLE.get(kind) or FLAWED.get(kind)
    if change is not None:
        change(award.cells)


def spoilt_bytes(row: bytes, kind: str) -> bytes:
    """Do to the bytes of a row what is wrong with them; the row itself where that is nothing."""
    if kind == CP1252:
        return row.replace(b" the ", b" the \x93caf\xe9\x94 ", 1)
    return UNREADABLE[kind](row) if kind in UNREADABLE else row
