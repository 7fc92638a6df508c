"""The award file: 42 columns, 220,000 rows as published, of which a known few are wrong in a known way.

What belongs here: what one row holds. What does not: what is wrong with it (`mess.py`) and what its abstract says
(`texts.py`).

Rows are made one at a time and forgotten, so that ten times the rows take no more memory. What is kept: the firms, up
to 5,000 awards of phase I whose phase II is still to come, and the awards that patents are to cite.
"""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from random import Random

from millrace_sbir.sample import names
from millrace_sbir.sample.agencies import Agency, agency_by_share
from millrace_sbir.sample.firms import CITIES, Firm, Firms
from millrace_sbir.sample.texts import Texts

_WITHOUT_AREA = 0.3
_SECOND_AREA = 0.15
_PHASE_TWO = 0.4  # awards of phase I that are followed by one of phase II
_WAITING = 5_000
_UEI_SINCE, _UEI_BACKFILLED = 2022, 0.35  # DUNS ended in April 2022; part of the older rows were given a UEI later
_INSTITUTES = (
    "MIT",
    "University of Colorado",
    "Penn State University",
    "Georgia Tech Research Corporation",
    "UCLA",
    "Duke University",
)
_TITLES = ("President", "CEO", "Director of Research", "Contracts Manager", "Chief Scientist", "Dr.", "")
_PHASES = {
    1: ("Phase I", "Phase I", "Phase I", "PHASE I", "I", "Phase 1"),
    2: ("Phase II", "Phase II", "Phase II", "PHASE II", "II", "Phase 2"),
}
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
# Formats of dates, as often as they occur of twenty.
_STYLES = (
    *("{0.year}-{0.month:02d}-{0.day:02d}",) * 9,
    *("{0.month:02d}/{0.day:02d}/{0.year}",) * 5,
    *("{0.month}/{0.day}/{year:02d}",) * 2,
    *("{name} {0.day}, {0.year}",) * 2,
    "{0.day:02d}-{name:.3}-{0.year}",
    "{0.year}-{0.month:02d}-{0.day:02d}T00:00:00",
)


@dataclass(slots=True)
class Award:
    """One award, as it is.

    Attributes:
        serial: Its number, from 0.
        cells: Its row, as text.
        subject, second: Areas that it is about: an area or an ordinary subject; "" or an area.
        sounds_like: Area that a sentence only sounds like, "" for none.
        follows: Serial number of the award of phase I that it continues, -1 for none.
    """

    serial: int
    firm: Firm
    agency: Agency
    branch: str
    phase: int
    day: date
    topic: str
    title: str
    pi: str
    subject: str
    second: str
    follows: int
    sounds_like: str
    tracking: str
    contract: str
    cells: list[str]


class Awards:
    """Makes awards, one after the other."""

    def __init__(self, firms: Firms, texts: Texts, seed: int) -> None:
        self._firms, self._texts = firms, texts
        self._random = Random(f"{seed} awards")  # noqa: S311  # made-up data, no secret
        self._pick = self._random.random
        self._waiting: list[Award] = []
        self._serial = 0

    def __iter__(self) -> Iterator[Award]:
        while True:
            award = self._second_phase() if self._waiting and self._pick() < 0.28 else self._first_phase()
            self._fill(award)
            if award.phase == 1 and self._pick() < _PHASE_TWO and len(self._waiting) < _WAITING:
                self._waiting.append(award)
            yield award

    def forget(self, award: Award) -> None:
        """Let nothing follow the award that was made last: its row does not show what it is."""
        if self._waiting and self._waiting[-1] is award:
            self._waiting.pop()

    def _first_phase(self) -> Award:
        pick, cumulated = self._pick, self._firms.cumulated
        firm = self._firms.all[bisect(cumulated, pick() * cumulated[-1])]
        agency = agency_by_share(pick)
        branches = agency.branches
        year = firm.first + int(pick() * (firm.last - firm.first + 1))
        if pick() < 0.6:
            subject = firm.areas[int(pick() ** 2 * 2)]
        elif pick() < _WITHOUT_AREA:
            subject = self._any(self._texts.ordinary)
        else:
            subject = self._any(self._texts.areas)
        is_area = subject in self._texts.known_areas
        second = self._any(self._texts.areas) if is_area and pick() < _SECOND_AREA else ""
        return Award(
            serial=0,
            firm=firm,
            agency=agency,
            branch=branches[int(pick() ** 2 * len(branches))] if branches else "",
            phase=1 if pick() < 0.97 else 2,
            day=date(year, 1, 1) + timedelta(days=int(pick() * 365)),
            topic=f"{agency.name[14:16].upper()}{year % 100:02d}{int(pick() * 3) + 1}-{int(pick() * 250):03d}",
            title=self._texts.title(subject, pick),
            pi=self._any(firm.pis),
            subject=subject,
            second="" if second == subject else second,
            follows=-1,
            sounds_like="",
            tracking="",
            contract="",
            cells=[],
        )

    def _second_phase(self) -> Award:
        """The award that continues one of those that wait: with its firm, agency and topic, mostly with its title."""
        pick, waiting = self._pick, self._waiting
        at = int(pick() * len(waiting))
        first, waiting[at] = waiting[at], waiting[-1]
        waiting.pop()
        return Award(
            serial=0,
            firm=first.firm,
            agency=first.agency,
            branch=first.branch,
            phase=2,
            day=first.day + timedelta(days=250 + int(pick() * 500)),
            topic=first.topic,
            title=first.title if pick() < 0.7 else self._texts.title(first.subject, pick),
            pi=first.pi if pick() < 0.8 else self._any(first.firm.pis),
            subject=first.subject,
            second=first.second,
            follows=first.serial,
            sounds_like="",
            tracking="",
            contract="",
            cells=[],
        )

    def _fill(self, award: Award) -> None:
        """Give an award its numbers and its row."""
        pick, firm, agency = self._pick, award.firm, award.agency
        award.serial = serial = self._serial
        self._serial += 1
        year, day, draw = award.day.year, award.day.toordinal(), int(pick() * 1_000_000)
        award.tracking = agency.tracking(year, serial)
        award.contract = agency.contract(year, serial, draw)
        company = self._company(firm, year)
        abstract, award.sounds_like = self._texts.abstract(award.subject, award.second, company, pick)
        city, state, zip_code = CITIES[firm.old_city if firm.moved and year < firm.moved else firm.city]
        host = firm.host
        has_uei = firm.uei and (year >= _UEI_SINCE or (firm.last >= _UEI_SINCE and pick() < _UEI_BACKFILLED))
        style = _STYLES[draw // 7 % 20]
        is_sttr = draw % 8 == 0
        poc = self._any(firm.pis)
        received, noticed = day - 180 - draw % 60, day - 20 - draw % 30
        award.cells = [
            company,
            award.title,
            agency.name if draw % 9 else agency.spellings[draw // 9 % len(agency.spellings)],
            award.branch,
            _PHASES[award.phase][int(pick() ** 3 * 6)],
            "STTR" if is_sttr else "SBIR",
            award.tracking,
            award.contract,
            spelled_date(day, style),
            spelled_date(day + (180 if award.phase == 1 else 730), style) if draw % 13 else "",
            f"{year % 100:02d}.{1 + draw % 3}",
            str(date.fromordinal(received).year),
            spelled_date(received - 7, style) if draw % 3 else "",
            spelled_date(received, style) if draw % 4 else "",
            spelled_date(noticed, style) if draw % 5 else "",
            award.topic,
            str(year),
            spelled_amount((draw % 170_000 + 50_000) * (1 if award.phase == 1 else 7), draw),
            firm.uei if has_uei else "",
            firm.duns if year < _UEI_SINCE and draw % 16 else "",
            "Y" if firm.number % 23 == 0 else "N",
            "Y" if firm.number % 11 == 0 else "N",
            ("Y" if firm.number % 7 == 0 else "N") if draw % 19 else "U",
            str(firm.employees + year - firm.first) if draw % 6 else "",
            (f"www.{host}.com", f"https://{host}.com/", "")[draw % 3],
            firm.address,
            f"Suite {draw % 400}" if draw % 5 == 0 else "",
            city if draw % 12 else city.upper(),
            state,
            zip_code if draw % 4 else f"{zip_code}-{draw % 10_000:04d}",
            abstract,
            poc,
            self._any(_TITLES),
            f"({200 + draw % 700}) 555-{draw % 10_000:04d}",
            f"{poc.split()[-1].lower()}@{host}.com",
            award.pi if draw % 10 else f"Dr. {award.pi}",
            self._any(_TITLES),
            f"{200 + draw % 700}-555-{draw // 7 % 10_000:04d}" if draw % 3 else "",
            f"{award.pi.split()[-1].lower()}@{host}.com" if draw % 3 else "",
            self._any(_INSTITUTES) if is_sttr else "",
            names.person(pick) if is_sttr else "",
            f"{200 + draw % 700}-555-{draw // 11 % 10_000:04d}" if is_sttr else "",
        ]

    def _company(self, firm: Firm, year: int) -> str:
        """What the file calls the firm in a year: mostly the usual spelling, one in four times another."""
        spellings = firm.former_spellings if firm.renamed and year < firm.renamed else firm.spellings
        chance = self._pick()
        return spellings[0] if chance < 0.74 else spellings[1 + int((chance - 0.74) / 0.26 * (len(spellings) - 1))]

    def _any(self, choices: tuple[str, ...]) -> str:
        return choices[int(self._pick() * len(choices))]


@lru_cache(1 << 16)  # there are 14,000 days and 6 styles: a third of the time goes into dates otherwise
def spelled_date(ordinal: int, style: str) -> str:
    """A day (proleptic Gregorian ordinal), in one of the formats that the public file has."""
    day = date.fromordinal(ordinal)
    return style.format(day, year=day.year % 100, name=_MONTHS[day.month - 1])


def spelled_amount(dollars: int, draw: int) -> str:
    """An amount, in one of the formats that the public file has."""
    shape = draw % 10
    if shape < 4:
        return f"{dollars}.00"
    return f"{dollars:,}.00" if shape < 6 else f"${dollars:,}.00" if shape < 8 else f"{dollars}"
