"""Made-up museum data of any size, in the shape that `mappings/tate.yaml` reads.

    artworks.ndjson.gz   objects: nested, of mixed types, with torn, mis-encoded and repeated records among them
    artist_data.csv      artists, with a byte-order mark
    mapping.yaml         Tate's mapping under another name: the source's own, so that no sample is published as Tate's
    truth.json           what a run over these must count, for tests and demos to hold it to

What belongs here: data with a known mess. What does not: data that closes a gate; what is to be rejected stays
within 4 % of the lines so far, below `max_rejected_share`, so the first 24 lines have none and one row is enough.

The mess is decided first and the record made to fit. Nothing is kept but identifiers of artists, at most 20,000.
"""

import gzip
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import yaml

from millrace.errors import ConfigurationError
from millrace_museum.collection import DEFAULT_MAPPING, OWN_MAPPING, given_source
from millrace_museum.mapping import SHIPPED

GENERATOR = 4  # raised with every change of the bytes that a (rows, seed) gives
OBJECTS, ARTISTS, MAPPING, TRUTH = "artworks.ndjson.gz", "artist_data.csv", OWN_MAPPING, "truth.json"

_ROWS_AN_ARTIST, _MIN_ARTISTS, _MAX_ARTISTS = 20, 3, 20_000  # Tate has 69,202 works by 3,532 artists
_REJECT_CHANCE, _REJECT_SHARE = 0.012, 0.04
_NOWHERE = 900_000  # identifiers from here on have no record of an artist
_ADJECTIVES = ("Quiet", "Burning", "Second", "Ruined", "Pale", "Unfinished", "Northern", "Small", "Blue", "Drowned")
_NOUNS = ("Harbour", "Orchard", "Self-Portrait", "Bridge", "Procession", "Still Life", "Storm", "Composition", "Mill")
_PLACES = ("Besançon", "Dolbadarn", "Łódź", "Rome", "Tromsø", "Hythe", "Zürich", "Margate", "Örebro", "Tivoli")
_FOREIGN = ("Nature morte à la bûche", "Große Straße", "無題", "Ночной мост", "풍경", "Autorretrato de niño", "المرفأ")
_MEDIA = ("Graphite on paper", "Oil paint on canvas", "Etching on paper", "Bronze", "Video, colour & sound", None)
_KINDS = ("on paper, unique", "painting", "on paper, print", "sculpture", "time-based media", None)
_FIRST_NAMES = ("Ada", "Børge", "Chloé", "Dmitri", "Eluned", "Fatima", "Gwen", "Hana", "Iñigo", "Joseph", "Käthe")
_LAST_NAMES = ("Abney", "Brontë", "Czerny", "Dvořák", "Ekwueme", "Fenwick", "Gǎo", "Holzer", "Ivens", "O'Hara")
_NAMES = [(first, last) for last in _LAST_NAMES for first in _FIRST_NAMES]
_SUBJECTS = ("people", "nature", "emotions & concepts", "river", "man, old", "ship, sailing", "ruin", "dog", "café")
_DATES = ("date not known", "19th century", "c.{0}–{1}", "{0}", "{0}–{1}", "?{0}", "after {0}", "{0}-{2}")

# What can be wrong with a line of the objects, as the rule that rejects it; taken in turn.
_UNREADABLE, _INCOMPLETE = ("not_json", "not_utf8", "not_an_object"), ("missing_title", "missing_object_id")
_OBJECT_MESS = (*_UNREADABLE, "object_id_repeated", *_INCOMPLETE, "object_id|max_length")
# What costs a record no more than a value: field that is counted, key in the source, value; taken in turn.
_UNMAPPED = "loanHistory"  # which no mapping names
_ODD_VALUES: tuple[tuple[str, str, Any], ...] = (
    ("height_mm", "height", "mm"),
    ("acquisition_year", "acquisitionYear", "unknown"),
    ("start_year", "dateRange", {"startYear": "19th century", "endYear": None}),
    (_UNMAPPED, _UNMAPPED, [{"venue": "Tromsø", "year": 1998}]),
    ("width_mm", "width", 0),
    ("end_year", "dateRange", {"startYear": 1900, "endYear": 1800}),
)
_ARTIST_MESS = ("wrong_width", "artist_id_repeated", "missing_name", "not_utf8")


def write_sample(folder: Path, rows: int, seed: int) -> dict[str, str]:
    """Write `rows` lines of objects and their artists; the same rows and seed give the same bytes.

    A folder that holds that sample already is left as it is. Files get their names when all are whole, the truth
    last: a folder without `truth.json` holds no sample. Returns the environment that points the museum at it.
    Raises ConfigurationError for `rows` below 1.
    """
    if rows < 1:
        raise ConfigurationError("museum sample", [f"rows is {rows}, at least 1 is needed"], next_step="give more rows")
    request = {"generator": GENERATOR, "rows": rows, "seed": seed}
    if not _is_complete(folder, request):
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".writing-", dir=folder) as name:
            scratch = Path(name)
            truth = {**request, **_write(scratch, rows, seed), "files": _sizes(scratch)}
            (scratch / TRUTH).write_bytes(orjson.dumps(truth, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
            (folder / TRUTH).unlink(missing_ok=True)
            for file in (OBJECTS, ARTISTS, MAPPING, TRUTH):
                (scratch / file).replace(folder / file)
    return given_source(folder, None)


def _is_complete(folder: Path, request: dict[str, int]) -> bool:
    try:
        truth = orjson.loads((folder / TRUTH).read_bytes())
        return truth == {**truth, **request, "files": _sizes(folder)}
    except (FileNotFoundError, TypeError, orjson.JSONDecodeError):
        return False


def _sizes(folder: Path) -> dict[str, int]:
    return {file: (folder / file).stat().st_size for file in (OBJECTS, ARTISTS, MAPPING)}


def _write(folder: Path, rows: int, seed: int) -> dict[str, Any]:
    objects = _Objects(rows, seed)
    with (folder / OBJECTS).open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed:
        packed.writelines(objects.lines())
    artist_rejects = Counter[str]()
    with (folder / ARTISTS).open("wb") as file:
        file.writelines(_artist_rows(objects.artists, seed, artist_rejects))
    mapping = yaml.safe_load((SHIPPED / f"{DEFAULT_MAPPING}.yaml").read_text(encoding="utf-8"))
    mapping |= {"museum": "sample", "title": "Made-up museum", "attribution": "made up"}
    (folder / MAPPING).write_text(yaml.safe_dump(mapping, sort_keys=False), encoding="utf-8")
    odd_births = artist_rejects.pop("birth_year_unusable", 0)
    unreadable = sum(objects.rejects[rule] for rule in _UNREADABLE)
    missing = sum(objects.rejects[rule] for rule in _INCOMPLETE)
    used = sum(number < objects.artists for number in objects.named)
    return {
        "objects_unreadable": unreadable,
        "objects_missing_required": missing,
        "objects_harvested": rows - unreadable - missing,
        "objects_repeated_ids": objects.rejects["object_id_repeated"],
        "objects_published": rows - objects.rejects.total(),
        "objects_rejects": dict(objects.rejects),
        "objects_unusable_values": {name: count for name, count in objects.odd.items() if name != _UNMAPPED},
        "objects_unmapped_fields": {name: count for name, count in objects.odd.items() if name == _UNMAPPED},
        "artists_harvested": objects.artists + artist_rejects["artist_id_repeated"],
        "artists": objects.artists,
        "artists_rejects": dict(artist_rejects),
        "artists_unusable_values": {"birth_year": odd_births} if odd_births else {},
        "artists_joined": used,
        "artists_without_objects": objects.artists - used,
        "unknown_artist_ids": len(objects.named) - used,
    }


class _Objects:
    """The lines of the objects, and what was counted while they were made."""

    def __init__(self, rows: int, seed: int) -> None:
        self.rows = rows
        self.artists = min(max(rows // _ROWS_AN_ARTIST, _MIN_ARTISTS), _MAX_ARTISTS)
        self.rejects, self.odd = Counter[str](), Counter[str]()
        self.named: set[int] = set()  # artists, by objects that will be published
        self._pick = Random(f"{seed} objects").random  # noqa: S311  # made-up data, no secret
        self._subjects = [_subjects(self._pick) for _ in range(500)]

    def lines(self) -> Iterator[bytes]:
        """Every line, with its line break."""
        mess, odd_values, last_kept = cycle(_OBJECT_MESS), cycle(_ODD_VALUES), ""
        for row in range(self.rows):
            record = self._record(row)
            if (chance := self._pick()) < _REJECT_CHANCE and self.rejects.total() + 1 <= _REJECT_SHARE * (row + 1):
                rule = next(mess)
                self.rejects[rule] += 1
                yield _spoilt(record, rule, last_kept)
                continue
            if chance > 0.98:
                field, key, value = next(odd_values)
                record[key] = value
                self.odd[field] += 1
            last_kept = record["acno"]
            self.named.update(credit["id"] for credit in record["contributors"] if "id" in credit)
            yield orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)

    def _record(self, row: int) -> dict[str, Any]:
        """A record without a flaw; whether a field is there, and of which type, differs from one to the next."""
        # Few draws for many fields: what a draw decides need not be independent, and each costs time.
        draw, year, size = (int(self._pick() * most) for most in (1_000_000, 420, 4_000_000))
        year, height, width = 1500 + year, 40 + size % 2_000, 40 + size // 2_000
        acno, place = f"T{row:07}", _PLACES[draw // 9 % 10]
        contributors = list(self._contributors(draw))
        record: dict[str, Any] = {
            "acno": acno,
            "acquisitionYear": (year + 80, None, f"c.{year + 80}", f"[{year + 80}]")[max(draw % 40 - 36, 0)],
            "all_artists": " and ".join(credit["fc"] for credit in contributors),
            "classification": _KINDS[draw % 6],
            "contributors": contributors,
            "creditLine": f"Presented by the Friends of {place} {year + 80}" if draw % 50 else None,
            "dateText": _DATES[draw // 7 % 8].format(year, year + 3, (year + 3) % 100),
            "depth": "" if draw % 11 else 12.5,
            "dimensions": f"support: {height} x {width} mm",
            "foreignTitle": None if draw % 30 else _FOREIGN[draw // 30 % 7],
            "groupTitle": None if draw % 3 else f"{place} Sketchbook",
            "height": (str(height), height, height + 0.5, "")[max(draw % 13 - 9, 0)],
            "inscription": None if draw % 12 else f"date inscribed: ‘{year}’",
            "medium": _MEDIA[draw % 6],
            "movements": [{"id": 900 + number, "name": _SUBJECTS[number]} for number in range(3 - draw % 35)],
            "thumbnailCopyright": None if draw % 5 else "© The estate",
            "thumbnailUrl": f"http://museum.example.org/images/{acno}_8.jpg" if draw % 6 else None,
            "title": f"{_ADJECTIVES[draw // 90 % 10]} {_NOUNS[draw % 9]}, {place}",
            "url": f"http://museum.example.org/artworks/{acno}",
            "width": str(width),
        }
        if draw % 12:  # else the record does not know the field
            record["dateRange"] = {"startYear": year, "endYear": year + draw % 4} if draw % 14 else None
        if draw % 7:
            record["subjects"] = self._subjects[draw % 500]
        return record

    def _contributors(self, draw: int) -> Iterator[dict[str, Any]]:
        """One to three artists, a few of them without a record or an identifier; each twentieth has no object."""
        for _ in range((1, 2, 3)[max(draw % 20 - 17, 0)]):
            number = int(self._pick() ** 2 * self.artists)  # few artists made most of a collection
            number -= number % 20 == 19
            credit = {"fc": " ".join(_NAMES[number % len(_NAMES)]), "role": "artist"}
            yield credit | ({"id": number if draw % 211 else _NOWHERE + number % 9} if draw % 223 else {})


def _spoilt(record: dict[str, Any], rule: str, last_kept: str) -> bytes:
    """The line of a record that `rule` is going to reject."""
    match rule:
        case "object_id_repeated":
            record["acno"] = last_kept
        case "object_id|max_length":
            record["acno"] *= 20
        case "missing_object_id":
            del record["acno"]
        case "missing_title":
            record["title"] = (None, "", "  ")[len(record["title"]) % 3]
        case "not_an_object":
            return orjson.dumps([record["acno"], record["title"]], option=orjson.OPT_APPEND_NEWLINE)
        case "not_json":
            return orjson.dumps(record)[:-1] + b"\n"  # torn off
        case "not_utf8":
            return orjson.dumps(record).replace(b'"title":"', b'"title":"Caf\xe9 ') + b"\n"
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def _subjects(pick: Callable[[], float]) -> dict[str, Any]:
    """A tree of subjects with one to three levels below its root."""

    def node(levels: int) -> dict[str, Any]:
        number = int(pick() * len(_SUBJECTS))
        subject: dict[str, Any] = {"id": 100 * levels + number, "name": _SUBJECTS[number]}
        if levels:
            subject["children"] = [node(levels - 1) for _ in range(1 + int(pick() * 3))]
        return subject

    return node(1 + int(pick() * 3))


def _artist_rows(artists: int, seed: int, rejects: Counter[str]) -> Iterator[bytes]:
    """The rows of the artists; a bad one comes beside its artist's own, so that no object is left without."""
    random, mess = Random(f"{seed} artists"), cycle(_ARTIST_MESS)  # noqa: S311
    yield b"\xef\xbb\xbfid,name,gender,dates,yearOfBirth,yearOfDeath,placeOfBirth,placeOfDeath,url\n"
    for number in range(artists):
        first, last = _NAMES[number % len(_NAMES)]
        chance, birth = random.random(), 1450 + number * 37 % 540
        born, place = str(birth), f'"{_PLACES[number % 10]},{" " if number % 50 else chr(10)}Europe"'  # or a line break
        if chance > 0.97:
            born = "unknown" if chance > 0.99 else f"c.{birth}"
            rejects["birth_year_unusable"] += born == "unknown"
        life = f"{('Male', 'Female', '')[number % 3]},{birth}–{birth + 60},{born},{birth + 60 if number % 4 else ''}"
        yield f'{number},"{last}, {first}",{life},{place},{_PLACES[number % 7]},http://museum.example.org/artists/{number}\n'.encode()
        so_far = rejects.total() - rejects["birth_year_unusable"]
        if chance < _REJECT_CHANCE and so_far + 1 <= _REJECT_SHARE * (number + 1):
            rule = next(mess)
            rejects[rule] += 1
            spare = number if rule == "artist_id_repeated" else _NOWHERE // 2 + number
            name = {"missing_name": b"", "not_utf8": b"Bront\xeb", "wrong_width": b"Bront,"}.get(rule, b"Bront")
            yield b"%d,%b,,,,,,,\n" % (spare, name)
