"""Made-up research awards of any size, in the formats of the four public sources, with a known mess and the truth.

    awards.csv               42 columns, as the public award file
    companies.csv            14 columns, as the public company file
    sam_entities.zip         SAM.gov's public monthly extract: see `registry.py`
    patents.zip              patents and their assignees: see `patents.py`
    truth_awards.parquet     each line of awards.csv: whose it is, what it is about, what is wrong with it
    truth_patents.parquet    each line of patents.zip: whose it is, which award it names
    truth_firms.parquet      each firm: its UEI if it is registered, its names, whether it moved or was renamed
    truth.json               counts, and the sizes of the files; written last

What belongs here: writing the set of files, whole or not at all. What does not: what is in them (the modules below).

Awards are made one at a time and forgotten: ten times the rows take the same memory, but for what is kept for patents.
"""

import csv
from array import array
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import polars as pl

from millrace.errors import ConfigurationError
from millrace_sbir.columns import AWARDS, COMPANIES
from millrace_sbir.sample import mess
from millrace_sbir.sample.awards import Award, Awards
from millrace_sbir.sample.firms import CITIES, Firms
from millrace_sbir.sample.patents import CITING_SHARE, Cited, write_patents
from millrace_sbir.sample.registry import write_registry
from millrace_sbir.sample.texts import Texts
from millrace_sbir.sources.opening import AWARDS_VARIABLE, COMPANIES_VARIABLE, PATENTS_VARIABLE, SAM_VARIABLE

GENERATOR = 2  # raised with every change of the bytes that given counts and a seed give
AWARDS_FILE, COMPANIES_FILE, SAM_FILE, PATENTS_FILE = "awards.csv", "companies.csv", "sam_entities.zip", "patents.zip"
TRUTH, AWARDS_TRUTH, PATENTS_TRUTH, FIRMS_TRUTH = (
    "truth.json",
    "truth_awards.parquet",
    "truth_patents.parquet",
    "truth_firms.parquet",
)
_VARIABLES = {
    AWARDS_VARIABLE: AWARDS_FILE,
    COMPANIES_VARIABLE: COMPANIES_FILE,
    SAM_VARIABLE: SAM_FILE,
    PATENTS_VARIABLE: PATENTS_FILE,
}
_FILES = (*_VARIABLES.values(), AWARDS_TRUTH, PATENTS_TRUTH, FIRMS_TRUTH)
_FEWEST_ENTITIES, _FEWEST_PATENTS = 200, 50
_TRUTH_BATCH_ROWS = 20_000
_TRUTH_SCHEMA = {
    "line": pl.UInt32,
    "firm": pl.UInt32,
    "uei": pl.String,
    "tracking": pl.String,
    "contract": pl.String,
    "area": pl.String,
    "second_area": pl.String,
    "sounds_like": pl.String,
    "follows_line": pl.UInt32,
    "mess": pl.String,
    "is_readable": pl.Boolean,
}


def given_sources(folder: Path) -> dict[str, str]:
    """The environment that points the domain at the files in a folder, of those four that are there."""
    return {name: str((folder / file).absolute()) for name, file in _VARIABLES.items() if (folder / file).exists()}


def write_sample(folder: Path, rows: int, seed: int) -> dict[str, str]:
    """Write `rows` lines of awards, and entities and patents in proportion to the public files (220 : 120 : 100).

    See `write_sources`.
    """
    entities, patents = max(rows * 6 // 11, _FEWEST_ENTITIES), max(rows * 5 // 11, _FEWEST_PATENTS)
    return write_sources(folder, awards=rows, entities=entities, patents=patents, seed=seed)


def write_sources(folder: Path, *, awards: int, entities: int, patents: int, seed: int) -> dict[str, str]:
    """Write the files; the same numbers give the same bytes, and the same entities and seed the same firms.

    A folder that holds these files already is left as it is. Files get their names when all are whole, the truth
    last: a folder without `truth.json` holds no sample. Returns the environment that points the domain at them.
    Raises ConfigurationError for fewer than 1 award, 10 entities or 1 patent.
    """
    wanted = {"awards": (awards, 1), "entities": (entities, 10), "patents": (patents, 1)}
    problems = [
        f"{name} is {value}, at least {least} is needed" for name, (value, least) in wanted.items() if value < least
    ]
    if problems:
        raise ConfigurationError("sbir sample", problems, next_step="give more")
    request = {"generator": GENERATOR, "seed": seed, **{name: value for name, (value, _) in wanted.items()}}
    if not _is_complete(folder, request):
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".writing-", dir=folder) as name:
            scratch = Path(name)
            counts = _write(scratch, awards, entities, patents, seed)
            truth = {"request": request, **counts, "files": _sizes(scratch)}
            (scratch / TRUTH).write_bytes(orjson.dumps(truth, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
            (folder / TRUTH).unlink(missing_ok=True)
            for file in (*_FILES, TRUTH):
                (scratch / file).replace(folder / file)
    return given_sources(folder)


def _is_complete(folder: Path, request: dict[str, int]) -> bool:
    try:
        truth = orjson.loads((folder / TRUTH).read_bytes())
        return truth["request"] == request and truth["files"] == _sizes(folder)
    except (FileNotFoundError, TypeError, KeyError, orjson.JSONDecodeError):
        return False


def _sizes(folder: Path) -> dict[str, int]:
    return {file: (folder / file).stat().st_size for file in _FILES}


def _write(folder: Path, awards: int, entities: int, patents: int, seed: int) -> dict[str, Any]:
    texts = Texts()
    firms = Firms(entities, seed, (*texts.areas, *texts.ordinary[:2]))
    writer = _AwardFile(folder, firms, texts, seed)
    writer.write(awards, cite_share=CITING_SHARE * patents / awards)
    registry = write_registry(folder / SAM_FILE, firms, seed)
    about_patents = write_patents(
        folder / PATENTS_FILE, folder / PATENTS_TRUTH, patents, writer.cited, firms, texts, seed
    )
    companies = _write_companies(folder / COMPANIES_FILE, firms, writer.of_firm)
    _write_firms(folder / FIRMS_TRUTH, firms, writer.of_firm)
    return {
        "awards": {"lines_of_text": writer.line - 1, "readable": writer.readable, "mess": dict(writer.counts)},
        "firms": {
            "all": len(firms.all),
            "registered": len(firms.registered),
            "with_awards": sum(count > 0 for count in writer.of_firm),
            "awards_of_registered": sum(writer.of_firm[: len(firms.registered)]),
        },
        "areas": dict(writer.areas),
        "registry": dict(registry),
        "patents": dict(about_patents),
        "companies": companies,
    }


class _AwardFile:
    """Writes awards.csv and what is true of each of its lines.

    Attributes:
        line: Line at which the next record begins.
        readable: Records that a reader must give.
        counts: Records by what is wrong with them.
        areas: Readable records by the area that they are about, "" for none.
        of_firm: Readable records by firm.
        cited: Awards that patents name.
    """

    def __init__(self, folder: Path, firms: Firms, texts: Texts, seed: int) -> None:
        self._folder, self._firms, self._texts = folder, firms, texts
        self._awards = Awards(firms, texts, seed)
        self._seed = seed
        self.line, self.readable = 1, 0
        self.counts, self.areas = Counter[str](), Counter[str]()
        self.of_firm = [0] * len(firms.all)
        self.cited: list[Cited] = []

    def write(self, rows: int, cite_share: float) -> None:
        """Write the file and its truth."""
        import pyarrow.parquet as pq

        pick = Random(f"{self._seed} cited").random  # noqa: S311  # made-up data, no secret
        trouble = mess.Mess()
        lines = array("I")  # of each award made: 4 bytes each, so that a phase II can name its phase I
        known: list[tuple[Any, ...]] = []
        last: list[Award] = []
        schema = pl.DataFrame(schema=_TRUTH_SCHEMA).to_arrow().schema
        with (
            (self._folder / AWARDS_FILE).open("wb", buffering=1 << 20) as out,
            pq.ParquetWriter(self._folder / AWARDS_TRUTH, schema, compression="zstd") as truth,
        ):
            out.write(_row(list(AWARDS)))
            self.line = 2
            for _, award in zip(range(rows), self._awards, strict=False):
                kind = trouble.next()
                shown, kind = self._shown(award, kind, last)
                raw = _row(shown)
                damaged = mess.spoilt_bytes(raw, kind) if kind else raw
                if kind == mess.CP1252 and damaged == raw:
                    kind = ""
                out.write(damaged)
                lines.append(self.line)
                known.append(self._true_of(award, kind, lines))
                self._count(award, kind, pick() < cite_share)
                self.line += damaged.count(b"\n")
                if kind in mess.COSTING:
                    self._awards.forget(award)
                if not kind:
                    last = [award]
                if len(known) == _TRUTH_BATCH_ROWS:
                    truth.write_table(_truth_table(known))
                    known.clear()
            truth.write_table(_truth_table(known))

    def _shown(self, award: Award, kind: str, last: list[Award]) -> tuple[list[str], str]:
        """The cells that stand in the file, and what is wrong with them, if that could be done to this award."""
        if not kind:
            return award.cells, ""
        before = award.cells.copy()
        if kind in (mess.DUPLICATE, mess.COLLISION, mess.REUSED):
            return self._repeated(award, kind, last[0]) if last else (before, "")
        mess.spoilt(award, kind)
        is_in_bytes = kind in mess.UNREADABLE or kind == mess.CP1252
        return award.cells, kind if is_in_bytes or award.cells != before else ""

    @staticmethod
    def _repeated(award: Award, kind: str, other: Award) -> tuple[list[str], str]:
        """The row of a duplicate (the other's own), of a collision (its keys), of a re-used tracking number."""
        tracking, contract = (list(AWARDS).index(name) for name in ("Agency Tracking Number", "Contract"))
        award.tracking = award.cells[tracking] = other.tracking
        if kind != mess.REUSED:
            award.contract = award.cells[contract] = other.contract
        if kind == mess.DUPLICATE:
            award.cells = other.cells.copy()
            award.firm, award.subject, award.second = other.firm, other.subject, other.second
            award.sounds_like, award.follows = other.sounds_like, other.follows
        return award.cells, kind

    def _true_of(self, award: Award, kind: str, lines: "array[int]") -> tuple[Any, ...]:
        is_area = award.subject in self._texts.known_areas
        return (
            self.line,
            award.firm.number,
            award.firm.uei or None,
            award.tracking,
            award.contract,
            award.subject if is_area else "",
            award.second,
            award.sounds_like,
            lines[award.follows] if award.follows >= 0 else None,
            kind,
            kind not in mess.UNREADABLE,
        )

    def _count(self, award: Award, kind: str, is_cited: bool) -> None:
        if kind:
            self.counts[kind] += 1
        if kind in mess.UNREADABLE:
            return
        self.readable += 1
        self.areas[award.subject if award.subject in self._texts.known_areas else ""] += 1
        self.of_firm[award.firm.number] += 1
        if is_cited and kind not in (*mess.UNUSABLE, mess.DUPLICATE, mess.COLLISION):
            cited = Cited(
                award.firm.number, self.line, award.contract, award.agency.name, award.day.year, award.subject
            )
            self.cited.append(cited)


def _truth_table(known: list[tuple[Any, ...]]) -> Any:
    return pl.DataFrame(known, schema=_TRUTH_SCHEMA, orient="row").to_arrow()


# Columns whose cells may hold what CSV puts in quotes; csv.writer, which looks at every character, takes twice as long.
_MAY_NEED_QUOTES = tuple(
    position
    for position, name in enumerate(AWARDS.values())
    if name in ("company_name", "award_title", "award_amount", "employees", "abstract") or name.endswith("_date")
)


def _row(cells: list[str]) -> bytes:
    """The line of a row."""
    cells = cells.copy()
    for position in _MAY_NEED_QUOTES:
        cell = cells[position]
        if "," in cell or '"' in cell or "\n" in cell:
            cells[position] = '"' + cell.replace('"', '""') + '"'
    return (",".join(cells) + "\n").encode()


def _write_companies(path: Path, firms: Firms, of_firm: list[int]) -> dict[str, int]:
    """One row for each firm with awards; every 50th lacks its identifiers, every 400th has a cell too many."""
    rows, wrong = 0, 0
    with path.open("w", encoding="utf-8-sig", newline="") as out:  # the public file begins with a byte-order mark
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(COMPANIES)
        for firm in firms.all:
            count = of_firm[firm.number]
            if not count:
                continue
            rows += 1
            town, state, zip_code = CITIES[firm.city]
            has_keys = firm.number % 50 != 49
            cells = [
                firm.spellings[0],
                firm.uei if has_keys else "",
                firm.duns if has_keys else "",
                count,
                firm.address,
                "",
                town,
                state,
                zip_code,
                "US",
                *("YN"[firm.number % step > 0] for step in (23, 7, 11)),
                f"https://{firm.host}.com",
            ]
            if firm.number % 400 == 399:
                cells.append("surplus")
                wrong += 1
            writer.writerow(cells)
    return {"lines": rows, "readable": rows - wrong, "wrong_width": wrong}


def _write_firms(path: Path, firms: Firms, of_firm: list[int]) -> None:
    pl.DataFrame(
        {
            "firm": [firm.number for firm in firms.all],
            "uei": [firm.uei or None for firm in firms.all],
            "duns": [firm.duns for firm in firms.all],
            "cage": [firm.cage or None for firm in firms.all],
            "name": [firm.name for firm in firms.all],
            "former_name": [firm.former or None for firm in firms.all],
            "state": [CITIES[firm.city][1] for firm in firms.all],
            "former_state": [CITIES[firm.old_city][1] if firm.moved else None for firm in firms.all],
            "awards": of_firm,
        },
        schema_overrides={"firm": pl.UInt32, "awards": pl.UInt32},
    ).write_parquet(path, compression="zstd")
