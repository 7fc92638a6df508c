"""The entity registry, as SAM.gov's public monthly extract: 142 fields between pipes, no header, no quotes, zipped.

What belongs here: lines of that file. What does not: who is registered (`firms.py`).

The layout is "SAM Master Extract Mapping", public, version 2: a first line BOF, a last line EOF, both with the number
of records, "!end" in field 142. The public file has had no DUNS since 2022; the sample has, as one from before then.
"""

import zipfile
from collections import Counter
from collections.abc import Iterator
from io import BufferedWriter
from pathlib import Path
from random import Random

from millrace_sbir.sample import names
from millrace_sbir.sample.firms import CITIES, Entity, Firm, Firms, cage_of, duns_of, uei_of

MEMBER = "SAM_PUBLIC_MONTHLY_V2_20260104.dat"
_MARK = "PUBLIC V2 00000000 20260104 {:07d} 0000000"
_FIELDS = 142
# Position of what is filled, from 0.
_UEI, _DUNS, _CAGE, _STATUS, _PURPOSE, _SINCE, _UNTIL, _UPDATED = 0, 1, 3, 5, 6, 7, 8, 9
_NAME, _DBA, _ADDRESS, _CITY, _STATE, _ZIP, _COUNTRY, _NAICS, _END = 11, 12, 15, 17, 18, 19, 21, 32, 141
_RESEARCH_NAICS, _OTHER_NAICS = (
    ("541715", "541714", "334511", "541330", "541512"),
    ("236220", "561730", "622110", "484110"),
)
_REGISTERED_OTHERWISE = 0.15  # firms whose registered name is not the one in the award file
_MESS_EVERY = 400  # lines
_MESS = (
    "wrong_width:pipe_in_address",
    "wrong_width:short",
    "until_impossible",
    "repeated",
    "not_utf8:undefined_byte",
    "cp1252_bytes",
)
ZIP_DAY = (2026, 1, 4, 0, 0, 0)


def write_registry(path: Path, firms: Firms, seed: int) -> Counter[str]:
    """Write the zip; return how many lines there are of each kind of damage, and `lines` and `readable`."""
    counts: Counter[str] = Counter()
    info = zipfile.ZipInfo(MEMBER, ZIP_DAY)
    info.compress_type = zipfile.ZIP_DEFLATED
    with (
        zipfile.ZipFile(path, "w", compresslevel=1) as packed,
        packed.open(info, "w", force_zip64=True) as member,
        BufferedWriter(member, 1 << 20) as out,
    ):
        out.write(f"BOF {_MARK.format(firms.entities)}\n".encode())
        for line, kind in _lines(firms, seed):
            counts["lines"] += 1
            counts["readable"] += not kind.startswith(("wrong_width", "not_utf8"))
            if kind:
                counts[kind] += 1
            out.write(line)
        out.write(f"EOF {_MARK.format(firms.entities)}\n".encode())
    return counts


def _lines(firms: Firms, seed: int) -> Iterator[tuple[bytes, str]]:
    random = Random(f"{seed} registry")  # noqa: S311  # made-up data, no secret
    others, registered = firms.others(), iter(firms.registered)
    share = len(firms.registered) / firms.entities
    made, debt = 0, 0.0
    for number in range(firms.entities):
        debt += share
        firm = next(registered, None) if debt >= 1 else None
        if firm is not None:
            debt -= 1
            fields = _of_firm(firm, random)
        else:
            entity = next(others, None)
            if entity is None:
                fields = _of_firm(next(registered), random)
            else:
                made += 1
                fields = _of_other(entity, len(firms.all) + made, random)
        kind = ""
        # Only lines of no award's firm are lost: what cannot be matched for want of a line would hide what can.
        if number % _MESS_EVERY == _MESS_EVERY - 1 and (firm is None or number // _MESS_EVERY % len(_MESS) == 2):
            kind = _MESS[number // _MESS_EVERY % len(_MESS)]
        yield from _spoilt(fields, kind)


def _spoilt(fields: list[str], kind: str) -> Iterator[tuple[bytes, str]]:
    match kind:
        case "wrong_width:pipe_in_address":
            fields[_ADDRESS] += " | Bldg 2"
        case "wrong_width:short":
            del fields[60:63]
        case "until_impossible":
            fields[_UNTIL] = "20251340"
        case "cp1252_bytes":
            fields[_NAME] += " CAF\x93"
        case "repeated":
            again = fields.copy()
            again[2] = "0001"  # the same entity, with another bank account
            yield "|".join(again).encode() + b"\n", ""
    line = "|".join(fields)
    if kind == "not_utf8:undefined_byte":
        yield line.encode().replace(b"|", b"\x81|", 1) + b"\n", kind
    else:
        yield (line.encode("latin-1") if kind == "cp1252_bytes" else line.encode()) + b"\n", kind


def _of_firm(firm: Firm, random: Random) -> list[str]:
    name = firm.spellings[0]
    if random.random() < _REGISTERED_OTHERWISE:
        name = firm.spellings[1 + int(random.random() * 5)]
    duns = firm.duns if random.random() < 0.7 else ""
    dba = firm.former if firm.renamed and random.random() < 0.4 else ""
    return _fields(
        firm.uei, duns, firm.cage, name, dba, firm.address, firm.city, names.one(_RESEARCH_NAICS, random.random), random
    )


def _of_other(entity: Entity, number: int, random: Random) -> list[str]:
    pick = random.random
    research = entity.like >= 0 or pick() < 0.2
    return _fields(
        uei_of(number),
        duns_of(number) if pick() < 0.7 else "",
        cage_of(number),
        names.with_form(entity.name, entity.form, pick),
        "",
        f"{1 + int(pick() * 9800)} County Road {number % 90}",
        entity.city,
        names.one(_RESEARCH_NAICS if research else _OTHER_NAICS, pick),
        random,
    )


def _fields(
    uei: str, duns: str, cage: str, name: str, dba: str, address: str, city: int, naics: str, random: Random
) -> list[str]:
    town, state, zip_code = CITIES[city]
    active, day = random.random() < 0.85, int(random.random() * 28) + 1
    fields = [""] * _FIELDS
    fields[_UEI], fields[_DUNS], fields[_CAGE] = uei, duns, cage
    fields[_STATUS], fields[_PURPOSE] = "A" if active else "E", "Z2"
    fields[_SINCE] = f"{2000 + int(random.random() * 25)}{1 + day % 12:02d}{day:02d}"
    fields[_UNTIL] = f"{2026 if active else 2015 + day % 10}{1 + day % 12:02d}{day:02d}"
    fields[_UPDATED] = f"2025{1 + day % 12:02d}{day:02d}"
    fields[_NAME], fields[_DBA] = name.upper(), dba.upper()
    fields[_ADDRESS], fields[_CITY], fields[_STATE], fields[_ZIP] = address.upper(), town.upper(), state, zip_code
    fields[_COUNTRY], fields[_NAICS], fields[_END] = "USA", naics, "!end"
    return fields
