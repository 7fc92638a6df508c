"""Sources with a history: awards, entities, patents and firms that come, change, go and come back, by a seed.

What belongs here: the files and what happens to them. What does not: runs on them (`test_incremental.py`).
"""

import csv
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from millrace.quality import RejectLog
from millrace.stores import FolderStore
from millrace_sbir.columns import AWARDS, COMPANIES, PATENTS, SAM_ENTITIES
from millrace_sbir.sample import write_sources
from millrace_sbir.sources.opening import Opening
from millrace_sbir.sources.tables import read_awards, read_companies, read_patents, read_sam

Row = dict[str, str | None]
_HEADERS = {
    "awards": dict(zip(AWARDS.values(), AWARDS, strict=True)),
    "companies": dict(zip(COMPANIES.values(), COMPANIES, strict=True)),
    "sam": {name: name for name in SAM_ENTITIES},
    "patents": {name: name for name in PATENTS},
}
_FILES = {"awards": "awards.csv", "companies": "companies.csv", "sam": "sam_entities.zip", "patents": "patents.zip"}
_READERS = {"awards": read_awards, "companies": read_companies, "sam": read_sam, "patents": read_patents}
_VARIABLES = {"awards": "SBIR_AWARDS", "companies": "SBIR_COMPANIES", "sam": "SBIR_SAM", "patents": "SBIR_PATENTS"}
_FEWEST = 8  # rows that a source keeps
_NAMES = ("Lumera Photonics, Inc.", "Halcyon Robotics LLC", "Nordwind Materials Corp", "Quiet Lasers")
_TEXTS = (
    "We propose a quantum computing architecture with superconducting qubits and error correction.",
    "This effort develops machine learning for autonomous vehicles, and hypersonic glide body materials.",
    "The project makes a vaccine by synthetic biology and gene editing.",
    "",
)


class Sources:
    """The rows of the four sources, which change step by step.

    Args:
        awards: How many there are at first.
        seed: Of all that happens.

    Attributes:
        rows: By source.
        done: What happened in the last step, for people.
    """

    def __init__(self, awards: int, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311  # made-up data, no secret
        self._gone: dict[str, list[Row]] = {name: [] for name in _READERS}
        self._made = 0
        self.done: list[str] = []
        with TemporaryDirectory() as name:
            folder = Path(name)
            write_sources(folder, awards=awards, entities=200, patents=60, seed=seed)
            self.rows = {source: _read(folder, source) for source in _READERS}

    def write(self, folder: Path) -> dict[str, str]:
        """Write the sources as they are now; the environment that leads to them."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, header in _HEADERS.items():
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(header.values())
                writer.writerows([[row[column] or "" for column in header] for row in self.rows[name]])
        return {variable: str(folder / f"{name}.csv") for name, variable in _VARIABLES.items()}

    def step(self) -> None:
        """Let a few things happen."""
        happenings: list[Callable[[], None]] = [
            *(self._insert_award, self._change_award, self._change_award, self._change_award, self._move_award),
            *(self._remove("awards"), self._remove("sam"), self._remove("patents"), self._remove("companies")),
            *(self._bring_back("awards"), self._bring_back("sam"), self._bring_back("patents")),
            *(self._change_entity, self._change_patent, self._change_company, self._sort_anew),
        ]
        self.done = []
        for happen in self._random.sample(happenings, 10):
            happen()

    def _pick(self, name: str) -> Row:
        return self._random.choice(self.rows[name])

    def _insert_award(self) -> None:
        for _ in range(self._random.randint(1, 4)):
            self._made += 1
            row = deepcopy(self._pick("awards"))
            number = f"{self._made:04}"
            row |= {
                "agency_tracking_number": f"NEW-{number}",
                "contract": f"NEW{number}",
                "award_title": f"New work {number}",
                "abstract": self._random.choice(_TEXTS),
            }
            if self._random.random() < 0.5:
                row |= {"company_name": self._random.choice(_NAMES), "uei": "", "duns": "", "state": "MA"}
            self.rows["awards"].append(row)
            self.done.append(f"award {row['contract']} is new")

    def _change_award(self) -> None:
        row = self._pick("awards")
        other = self._pick("awards")
        changes: list[Row] = [
            {"award_amount": str(self._random.randint(50_000, 2_000_000))},
            {"award_title": f"Renamed {self._random.randint(1, 99)}"},
            {"abstract": self._random.choice(_TEXTS)},
            {"phase": "Phase II" if row["phase"] == "Phase I" else "Phase I"},
            {"topic_code": other["topic_code"]},
            {"pi_name": other["pi_name"], "pi_email": other["pi_email"]},
            {"award_date": other["award_date"], "award_year": other["award_year"], "contract_end_date": ""},
            {"award_amount": "nothing"},  # it is turned away now
        ]
        change = self._random.choice(changes)
        row |= change
        self.done.append(f"award {row['contract']}: {', '.join(change)}")

    def _move_award(self) -> None:
        """Another firm, spelling or address."""
        row, other = self._pick("awards"), self._pick("awards")
        kind = self._random.choice(("firm", "spelling", "identifier"))
        if kind == "firm":
            row |= {name: other[name] for name in ("company_name", "uei", "duns", "city", "state", "zip")}
        elif kind == "spelling":
            row["company_name"] = f"{(row['company_name'] or 'x').split(',')[0]}, Incorporated"
        else:
            row |= {"uei": "", "duns": ""}
        self.done.append(f"award {row['contract']}: {kind}")

    def _change_entity(self) -> None:
        row = self._pick("sam")
        change: Row = self._random.choice(
            [{"legal_name": f"{row['legal_name']} HOLDINGS"}, {"cage": "1ABC2"}, {"naics": "541715"}, {"duns": ""}]
        )
        row |= change
        self.done.append(f"entity {row['uei']}: {', '.join(change)}")

    def _change_patent(self) -> None:
        row, award = self._pick("patents"), self._pick("awards")
        change: Row = self._random.choice(
            [
                {"title": "Another title"},
                {"assignee_name": award["company_name"], "assignee_state": award["state"]},
                {"government_interest": f"This invention was made under contract {award['contract']}."},
            ]
        )
        row |= change
        self.done.append(f"patent {row['patent_id']}: {', '.join(change)}")

    def _change_company(self) -> None:
        row = self._pick("companies")
        change: Row = self._random.choice([{"state": "CA", "city": "Elsewhere"}, {"uei": ""}, {"duns": ""}])
        row |= change
        self.done.append(f"firm {row['company_name']}: {', '.join(change)}")

    def _sort_anew(self) -> None:
        name = self._random.choice(list(self.rows))
        self._random.shuffle(self.rows[name])
        self.done.append(f"{name} in another order")

    def _remove(self, name: str) -> Callable[[], None]:
        def remove() -> None:
            for _ in range(self._random.randint(1, 4)):
                if len(self.rows[name]) < _FEWEST:
                    return
                row = self._pick(name)
                self.rows[name].remove(row)
                self._gone[name].append(row)
                self.done.append(f"{name} lose {_name_of(row)}")

        return remove

    def _bring_back(self, name: str) -> Callable[[], None]:
        def bring_back() -> None:
            if self._gone[name]:
                row = self._gone[name].pop(self._random.randrange(len(self._gone[name])))
                self.rows[name].append(row)
                self.done.append(f"{name} have {_name_of(row)} again")

        return bring_back


def _name_of(row: Row) -> str | None:
    return next((row[key] for key in ("contract", "patent_id", "legal_name", "company_name") if key in row), None)


def _read(folder: Path, name: str) -> list[Row]:
    with RejectLog(FolderStore(folder / "rejects"), "read.ndjson") as log:
        source = Opening(folder).open(str(folder / _FILES[name]))
        frames: Iterable = _READERS[name](source, log)
        return [
            {column: row[column] for column in _HEADERS[name]}
            for frame in frames
            for row in frame.iter_rows(named=True)
        ]
