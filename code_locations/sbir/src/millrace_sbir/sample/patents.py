"""The patents, one row per patent and assignee, as PatentsView's tables joined: tabs, text in quotes, zipped.

What belongs here: rows of that file. What does not: who owns what is cited (`firms.py`, `awards.py`).

Of the rows 45 % name the award that paid for the invention, in the words of a government interest statement; 25 %
belong to a firm with awards and name none; the others belong to universities, to large companies, and to firms whose
names are nearly those of firms with awards.
"""

import zipfile
from collections import Counter
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path
from random import Random

import polars as pl

from millrace_sbir.sample import names
from millrace_sbir.sample.firms import CITIES, Firms
from millrace_sbir.sample.registry import ZIP_DAY
from millrace_sbir.sample.texts import Texts

MEMBER = "patents.tsv"
HEADER = (
    *("patent_id", "patent_title", "patent_date", "disambig_assignee_organization", "disambig_city", "disambig_state"),
    "gi_statement",
)
CITING_SHARE, _OWN_SHARE = 0.45, 0.25
_RIGHTS = "The government has certain rights in the invention."
_STATEMENTS = (
    "This invention was made with government support under Contract No. {} awarded by the {}. " + _RIGHTS,
    "This invention was made with Government support under {} awarded by {}. " + _RIGHTS,
    "The U.S. Government has a paid-up license in this invention as provided for by the terms of {} awarded by the {}.",
    "STATEMENT OF FEDERALLY SPONSORED RESEARCH\tThis work was funded by the {1} under SBIR award number {0}.",
)
_ELSEWHERE = (
    "University of Michigan",
    "International Business Machines Corporation",
    "Lockheed Martin Corporation",
    "Honeywell International Inc.",
)
_MESS_EVERY = 500
_MESS = ("wrong_width:short", "not_csv:torn_quote", "grant_date_impossible", "repeated", "wrong_width:long")


@dataclass(frozen=True, slots=True)
class Cited:
    """An award that a patent is going to name."""

    firm: int
    line: int
    contract: str
    agency: str
    year: int
    subject: str


def write_patents(
    path: Path, truth: Path, rows: int, cited: list[Cited], firms: Firms, texts: Texts, seed: int
) -> Counter[str]:
    """Write the zip and the truth about its lines; return how many there are of each kind.

    `truth` (Parquet): line, patent_id, firm (its number; null for one without awards), uei (null for one that is not
    registered), award_line (of the award that it names; null for none), mess.
    """
    random, counts = Random(f"{seed} patents"), Counter[str]()  # noqa: S311  # made-up data, no secret
    known: list[tuple[int, str, int | None, str | None, int | None, str]] = []
    info = zipfile.ZipInfo(MEMBER, ZIP_DAY)
    info.compress_type = zipfile.ZIP_DEFLATED
    with (
        zipfile.ZipFile(path, "w", compresslevel=1) as packed,
        packed.open(info, "w", force_zip64=True) as member,
        BufferedWriter(member, 1 << 20) as out,
    ):
        last: tuple[list[str], int | None, Cited | None] = ([], None, None)
        out.write(("\t".join(f'"{name}"' for name in HEADER) + "\n").encode())
        for number in range(rows):
            cells, firm, award = _patent(number, cited, firms, texts, random)
            kind = _MESS[number // _MESS_EVERY % len(_MESS)] if number % _MESS_EVERY == _MESS_EVERY - 1 else ""
            line = number + 2
            counts["lines"] += 1
            counts["readable"] += not kind.startswith(("wrong_width", "not_csv"))
            if kind:
                counts[kind] += 1
            if kind == "repeated":
                cells, firm, award = last
            elif kind == "grant_date_impossible":
                cells[2] = "2019-02-31"
            last = cells, firm, award
            out.write(_spoilt("\t".join(_quoted(cell) for cell in cells), kind).encode() + b"\n")
            counts["cites_award"] += award is not None
            owner = firms.all[firm] if firm is not None else None
            uei = owner.uei or None if owner is not None else None
            known.append((line, cells[0], firm, uei, None if award is None else award.line, kind))
    schema = {
        "line": pl.UInt32,
        "patent_id": pl.String,
        "firm": pl.UInt32,
        "uei": pl.String,
        "award_line": pl.UInt32,
        "mess": pl.String,
    }
    pl.DataFrame(known, schema=schema, orient="row").write_parquet(truth, compression="zstd")
    return counts


def _patent(
    number: int, cited: list[Cited], firms: Firms, texts: Texts, random: Random
) -> tuple[list[str], int | None, Cited | None]:
    pick = random.random
    chance, award, firm = pick(), None, None
    if chance < CITING_SHARE and cited:
        award = cited[number % len(cited)]
        firm = award.firm
    elif chance < CITING_SHARE + _OWN_SHARE:
        firm = int(pick() * len(firms.all))
    if firm is not None:
        owner = firms.all[firm]
        year = min((award.year if award else owner.first) + 2 + int(pick() * 4), 2025)
        name = owner.spellings[int(pick() ** 2 * 8)]
        town, state, _ = CITIES[owner.old_city if owner.moved and year < owner.moved else owner.city]
        subject = award.subject if award else owner.areas[0]
    else:
        year, subject = 1995 + int(pick() * 30), texts.areas[int(pick() * len(texts.areas))]
        name = names.one(_ELSEWHERE, pick)
        if chance > 0.9:
            near = firms.all[int(pick() * len(firms.all))]
            name = names.with_form(names.confusable(near.name, pick), "LLC", pick)
        town, state, _ = CITIES[int(pick() * len(CITIES))]
    statement = ""
    if award is not None:
        contract = award.contract if pick() < 0.8 else award.contract.replace("-", "")
        statement = names.one(_STATEMENTS, pick).format(contract, award.agency)
    day = f"{year}-{1 + int(pick() * 12):02d}-{1 + int(pick() * 28):02d}"
    return [str(7_000_000 + number), texts.title(subject, pick), day, name, town, state, statement], firm, award


def _spoilt(row: str, kind: str) -> str:
    match kind:
        case "wrong_width:short":
            return row.rsplit("\t", 2)[0]
        case "wrong_width:long":
            return row + '\t"extra"'
        case "not_csv:torn_quote":
            return row[:-1]
    return row


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'
