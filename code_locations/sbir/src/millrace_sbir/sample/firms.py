"""The firms of the sample and where they are: who has awards, who is registered, and who only sounds like somebody.

What belongs here: who is who, the truth that matching is measured against. What does not: the lines of any file.

Of the entities in SAM.gov one in ten has awards. A further 8 % of the firms with awards are not registered. For one
firm in two there is another entity whose name is nearly its own, in another state or in the same: matching by name
alone must be able to go wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from millrace_sbir.sample import names

_ENTITIES_A_FIRM = 10
_NOT_REGISTERED = 0.08
_CONFUSABLE = 0.5  # other entities with a name near to a firm's, for each firm
_UEI_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # without I and O
_UEI_CHARACTERS = _UEI_LETTERS + "123456789"
CITIES = (
    *(
        ("Cambridge", "MA", "02139"),
        ("Woburn", "MA", "01801"),
        ("Boulder", "CO", "80301"),
        ("San Diego", "CA", "92121"),
    ),
    *(
        ("Huntsville", "AL", "35805"),
        ("Dayton", "OH", "45431"),
        ("Austin", "TX", "78758"),
        ("Arlington", "VA", "22203"),
    ),
    *(
        ("Princeton", "NJ", "08540"),
        ("Ann Arbor", "MI", "48105"),
        ("Albuquerque", "NM", "87109"),
        ("Seattle", "WA", "98109"),
    ),
    *(
        ("Rockville", "MD", "20850"),
        ("Torrance", "CA", "90501"),
        ("Ithaca", "NY", "14850"),
        ("Pittsburgh", "PA", "15203"),
    ),
    *(
        ("State College", "PA", "16803"),
        ("Tucson", "AZ", "85719"),
        ("Salt Lake City", "UT", "84108"),
        ("Raleigh", "NC", "27606"),
    ),
    *(("Orlando", "FL", "32826"), ("Madison", "WI", "53711"), ("Bozeman", "MT", "59715"), ("Columbia", "MD", "21046")),
    *(
        ("Mountain View", "CA", "94043"),
        ("Hanover", "NH", "03755"),
        ("Portland", "ME", "04101"),
        ("Storrs", "CT", "06268"),
    ),
    *(
        ("Minneapolis", "MN", "55414"),
        ("Blacksburg", "VA", "24060"),
        ("Chicago", "IL", "60616"),
        ("Atlanta", "GA", "30318"),
    ),
)
_STREETS = ("Main Street", "Technology Drive", "Research Park Way", "Commerce Blvd", "Hartwell Avenue", "Innovation Ct")


@dataclass(slots=True)
class Firm:
    """A firm, as it is.

    Attributes:
        number: Its number, from 0.
        name, form: Its name and legal form.
        uei, cage, duns: Its identifiers, each empty where no file has it; without UEI it never registered.
        city, old_city: Positions in `CITIES`: where it is, and where it was before it moved (else the same).
        address: First line of its address.
        moved, renamed: Year in which it moved, took its name; 0 if it did not.
        former: What it was called before.
        spellings: As the award file spells its name: see `names.spellings`.
        first, last: Years of its first and its last award.
        pis: Its principal investigators.
        areas: What it works on, most awards first.
        employees: When it won its first award.
        host: Name of its server, without the ending.
    """

    number: int
    name: str
    form: str
    uei: str
    cage: str
    duns: str
    city: int
    old_city: int
    address: str
    moved: int
    renamed: int
    former: str
    spellings: tuple[str, ...]
    former_spellings: tuple[str, ...]
    first: int
    last: int
    pis: tuple[str, ...]
    areas: tuple[str, ...]
    employees: int
    host: str

    @property
    def is_registered(self) -> bool:
        """Whether SAM.gov knows it."""
        return bool(self.uei)


@dataclass(frozen=True)
class Entity:
    """An entity of SAM.gov that has no awards.

    Attributes:
        name, form: As registered.
        city: Position in `CITIES`.
        like: Number of the firm that its name is nearly that of, -1 for none.
    """

    name: str
    form: str
    city: int
    like: int


class Firms:
    """Every firm with awards, and every entity without.

    Args:
        entities: Lines of SAM.gov's file.
        seed: The sample's.
        areas: Areas and ordinary subjects that firms work on.
    """

    def __init__(self, entities: int, seed: int, areas: tuple[str, ...]) -> None:
        self.entities = entities
        self._seed = seed
        self._random = Random(f"{seed} firms")  # noqa: S311  # made-up data, no secret
        registered = max(entities // _ENTITIES_A_FIRM, 1)
        absent = round(registered * _NOT_REGISTERED / (1 - _NOT_REGISTERED))
        self._taken: set[str] = set()
        self.all = [self._firm(number, number < registered, areas) for number in range(registered + absent)]
        self.registered = self.all[:registered]
        # A few firms have most awards; who never registered won little.
        weights = [1 / (1 + rank) ** 0.6 for rank in range(registered)] + [1.2 / registered**0.6] * absent
        self.cumulated = list(accumulate(weights))

    def others(self) -> Iterator[Entity]:
        """The entities without awards, as many as are missing to all entities; those like a firm among them."""
        random = Random(f"{self._seed} entities")  # noqa: S311
        pick, taken = random.random, self._taken.copy()
        alike = int(len(self.all) * _CONFUSABLE)
        for number in range(self.entities - len(self.registered)):
            if number % 17 == 3 and alike > 0:
                alike -= 1
                firm = self.all[int(pick() * len(self.all))]
                same_name = pick() < 0.25 and not firm.moved
                name = firm.name if same_name else names.confusable(firm.name, pick)
                city = int(pick() * len(CITIES))
                if same_name:
                    while CITIES[city][1] in (CITIES[firm.city][1], CITIES[firm.old_city][1]):
                        city = int(pick() * len(CITIES))
                if same_name or names.core(name) not in taken:
                    yield Entity(name, names.FORMS[int(pick() * 3)], city, firm.number)
                    continue
            make = names.research_name if pick() < 0.25 else names.other_name
            name = make(pick)
            while names.core(name) in self._taken:
                name = f"{make(pick)} {names.coined(pick)}"
            yield Entity(name, names.FORMS[int(pick() ** 2 * len(names.FORMS))], int(pick() * len(CITIES)), -1)

    def _firm(self, number: int, registered: bool, areas: tuple[str, ...]) -> Firm:
        pick = self._random.random
        name, form = self._new_name(), names.FORMS[int(pick() ** 2 * 3)]
        first = 1990 + int(pick() * 33)
        last = min(first + int(pick() * 25), 2024)
        city = int(pick() * len(CITIES))
        moved = first + 1 + int(pick() * (last - first)) if pick() < 0.09 and last > first + 2 else 0
        renamed = first + 1 + int(pick() * (last - first)) if pick() < 0.03 and last > first + 2 else 0
        former = self._new_name() if renamed else ""
        return Firm(
            number=number,
            name=name,
            form=form,
            uei=uei_of(number) if registered else "",
            cage=cage_of(number) if registered else "",
            duns=duns_of(number) if number % 7 else "",  # of some firms no file has it
            city=city,
            old_city=(city + 1 + int(pick() * (len(CITIES) - 1))) % len(CITIES) if moved else city,
            address=f"{1 + int(pick() * 9800)} {names.one(_STREETS, pick)}",
            moved=moved,
            renamed=renamed,
            former=former,
            spellings=names.spellings(name, form, pick),
            former_spellings=names.spellings(former, form, pick) if former else (),
            first=first,
            last=last,
            pis=tuple(names.person(pick) for _ in range(1 + int(pick() * 4))),
            areas=tuple(areas[int(pick() * len(areas))] for _ in range(2)),
            employees=1 + int(400 * pick() ** 4),
            host=names.core(name)[:18],
        )

    def _new_name(self) -> str:
        """A name that no other firm has."""
        pick = self._random.random
        name = names.research_name(pick)
        while names.core(name) in self._taken:
            name = f"{names.coined(pick)} {name.split()[-1]}" if pick() < 0.7 else names.research_name(pick)
        self._taken.add(names.core(name))
        return name


def uei_of(number: int) -> str:
    """A unique entity identifier: 12 characters, no O and no I, the first no zero; two numbers never share one."""
    mixed = (number * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 33**9
    characters = []
    for _ in range(9):
        mixed, place = divmod(mixed, len(_UEI_CHARACTERS))
        characters.append(_UEI_CHARACTERS[place])
    first = _UEI_LETTERS[number % 24] + _UEI_CHARACTERS[number // 24 % 33] + _UEI_CHARACTERS[number % 33]
    return first + "".join(characters)


def cage_of(number: int) -> str:
    """A CAGE code: five characters; two numbers below 216,000 never share one."""
    return f"{number % 9 + 1}{_UEI_LETTERS[number // 9 % 24]}{number // 216 % 1000:03d}"


def duns_of(number: int) -> str:
    """A DUNS number: nine digits, the first a zero for one in ten; two numbers never share one."""
    return f"{(number * 387_420_489 + 104_729) % 1_000_000_000:09d}"
