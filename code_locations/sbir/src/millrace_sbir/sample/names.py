"""Names of made-up firms: how they are coined, and in how many ways one and the same is spelled.

What belongs here: words. What does not: which firm has which name (`firms.py`).

The spellings follow what the public award file does to one firm: another legal form or none, "&" or "and",
abbreviations, capitals, typos, an acronym behind the name.
"""

from collections.abc import Callable

_FIRST = (
    *("Quan", "Lum", "Aer", "Vec", "Nan", "Phot", "Syn", "Tri", "Orb", "Cor", "Del", "Hel", "Neo", "Pro", "Vir", "Zen"),
    *("Alt", "Bri", "Cal", "Dyn", "Ech", "Fal", "Gran", "Hex", "Ion", "Jas", "Kes", "Lor", "Mer", "Nor", "Ost", "Pel"),
)
_MIDDLE = ("a", "i", "o", "e", "u", "ara", "ecti", "oni", "umi", "eri", "avo", "isti", "ora", "ulo", "ena", "ypho")
_LAST = (
    "tek",
    "met",
    "dyne",
    "gen",
    "tron",
    "lux",
    "cor",
    "via",
    "nix",
    "ra",
    "sys",
    "lith",
    "wave",
    "form",
    "ris",
    "tis",
)
_SURNAMES = (
    *("Abbott", "Barnett", "Calloway", "Dietrich", "Ellison", "Farrell", "Gallagher", "Hendricks", "Ingram", "Jarvis"),
    *(
        "Kowalski",
        "Lindqvist",
        "McAllister",
        "Nakamura",
        "O'Brien",
        "Patel",
        "Quigley",
        "Ramirez",
        "Schaefer",
        "Tanner",
    ),
    *(
        "Underhill",
        "Vasquez",
        "Whitfield",
        "Xiong",
        "Yoder",
        "Zimmerman",
        "Aldridge",
        "Bergstrom",
        "Castellano",
        "Doyle",
    ),
)
_GIVEN = (
    *("Alice", "Benjamin", "Carla", "David", "Elena", "Frank", "Grace", "Hiroshi", "Irene", "José", "Karen", "Luis"),
    *("Mei", "Nathan", "Olga", "Peter", "Ravi", "Susan", "Thomas", "Uma", "Victor", "Wendy", "Xavier", "Yan", "Zoë"),
)
_PLACES = (
    *("Allegheny", "Blue Ridge", "Cascade", "Chesapeake", "Columbia", "Desert", "Emerald Coast", "Front Range"),
    *("Great Lakes", "Gulf", "Hudson", "Keystone", "Lone Star", "Mesa", "New England", "Ozark", "Pacific", "Piedmont"),
    *("Rocky Mountain", "Shenandoah", "Sierra", "Tidewater", "Wasatch", "Yosemite"),
)
_ADJECTIVES = (
    "Advanced",
    "Applied",
    "Integrated",
    "Precision",
    "Intelligent",
    "Innovative",
    "Adaptive",
    "Global",
    "United",
)
_FIELDS = (
    *("Photonics", "Materials", "Robotics", "Aerospace", "Optics", "Biosciences", "Sensors", "Energy", "Microsystems"),
    *("Dynamics", "Analytics", "Composites", "Therapeutics", "Acoustics", "Propulsion", "Imaging", "Power", "Software"),
)
_KINDS = (
    *("Technologies", "Systems", "Research", "Engineering", "Laboratories", "Sciences", "Solutions", "Innovations"),
    *("Associates", "International", "Group", "Instruments", "Devices", "Concepts"),
)
_TRADES = (
    *("Construction", "Landscaping", "Janitorial Services", "Plumbing", "Catering", "Trucking", "Medical Center"),
    *("Electric", "Consulting", "Staffing", "Roofing", "Academy", "Housing Authority", "Fire Department", "Supply"),
    *("Printing", "Dental Care", "Farms", "Marine", "Security Services", "Translations", "Auto Repair", "Church"),
)
FORMS = ("Inc", "LLC", "Corp", "Corporation", "Incorporated", "L.L.C.", "Co", "Ltd", "LP", "PLLC")
_SPELLED = {
    "Inc": (", Inc.", " Inc", " Inc.", ", INC", " Incorporated"),
    "LLC": (", LLC", " LLC", " L.L.C.", " Llc", ", L.L.C"),
    "Corp": (" Corp.", " Corporation", " Corp", " CORP", ", Corp."),
}
_SHORTER = {
    "Technologies": ("Tech", "Technology", "Techs"),
    "Systems": ("Sys", "System", "Syst."),
    "Research": ("Rsch", "Res."),
    "Engineering": ("Engrg", "Eng.", "Engineers"),
    "Laboratories": ("Labs", "Laboratory", "Lab"),
    "Sciences": ("Science", "Sci"),
    "Solutions": ("Soln", "Solution"),
    "International": ("Intl", "Int'l"),
    "Associates": ("Assoc.", "Assocs"),
    "Instruments": ("Instr", "Instrument"),
    "Advanced": ("Adv", "Adv."),
    "Aerospace": ("Aero",),
    "Integrated": ("Intgr", "Int."),
    "Precision": ("Prec.",),
    "and": ("&",),
    "&": ("and", "+"),
}

Pick = Callable[[], float]


def person(pick: Pick) -> str:
    """A name of a person."""
    return f"{one(_GIVEN, pick)} {one(_SURNAMES, pick)}"


def one(choices: tuple[str, ...], pick: Pick) -> str:
    """Any of some words."""
    return choices[int(pick() * len(choices))]


def coined(pick: Pick) -> str:
    """A word that is nobody's yet, or hardly anybody's: 8,192 there are."""
    return one(_FIRST, pick) + one(_MIDDLE, pick) + one(_LAST, pick)


def research_name(pick: Pick) -> str:
    """The name of a firm that does research, without its legal form."""
    shape = pick()
    if shape < 0.34:
        return f"{coined(pick)} {one(_FIELDS if pick() < 0.5 else _KINDS, pick)}"
    if shape < 0.44:
        return coined(pick)
    if shape < 0.58:
        return f"{one(_SURNAMES, pick)} {one(_FIELDS, pick)} {one(_KINDS, pick)}"
    if shape < 0.68:
        return f"{one(_SURNAMES, pick)} {'&' if pick() < 0.6 else 'and'} {one(_SURNAMES, pick)} {one(_KINDS, pick)}"
    if shape < 0.84:
        return f"{one(_PLACES, pick)} {one(_FIELDS, pick)} {one(_KINDS, pick)}"
    return f"{one(_ADJECTIVES, pick)} {one(_FIELDS, pick)} {one(_KINDS, pick)}"


def other_name(pick: Pick) -> str:
    """The name of an entity that does business with the government and no research."""
    shape, trade = pick(), one(_TRADES, pick)
    if shape < 0.35:
        return f"{one(_SURNAMES, pick)} {trade}"
    if shape < 0.6:
        return f"{one(_PLACES, pick)} {trade}"
    if shape < 0.8:
        return f"{coined(pick)} {trade}"
    return f"{one(_GIVEN, pick)} {one(_SURNAMES, pick)} {trade}"


def confusable(name: str, pick: Pick) -> str:
    """Another firm's name that is nearly this one: more words, fewer, or one that differs."""
    words, shape = name.split(), pick()
    if shape < 0.3:
        return f"{name} {one(_KINDS, pick)}"
    if shape < 0.55 and len(words) > 2:
        return " ".join(words[:-1])
    if shape < 0.75:
        return f"{one(_ADJECTIVES, pick)} {name}"
    return " ".join([*words[:-1], one(_FIELDS, pick)]) if len(words) > 1 else f"{name} {one(_TRADES, pick)}"


def core(name: str) -> str:
    """A name as two that are one and the same for a reader have it."""
    return "".join(character for character in name.lower().replace(" and ", " & ") if character.isalnum())


def with_form(name: str, form: str, pick: Pick) -> str:
    """A name with its legal form, in one of the spellings of that form."""
    return name + one(_SPELLED.get(form, (f" {form}",)), pick)


def abbreviated(name: str, pick: Pick) -> str:
    """A name with the words that people shorten shortened, "&" and "and" exchanged."""
    return " ".join(one(_SHORTER[word], pick) if word in _SHORTER else word for word in name.split())


def misspelled(name: str, pick: Pick) -> str:
    """A name with one slip of a typist: letters exchanged, one left out, one doubled."""
    at = 1 + int(pick() * max(len(name) - 3, 1))
    slip = pick()
    if slip < 0.4:
        return name[:at] + name[at + 1 : at + 2] + name[at : at + 1] + name[at + 2 :]
    return name[:at] + name[at + 1 :] if slip < 0.75 else name[:at] + name[at : at + 1] + name[at:]


def acronym(name: str) -> str:
    """The first letters of a name's words."""
    return "".join(word[0] for word in name.split() if word[0].isalpha()).upper()


def spellings(name: str, form: str, pick: Pick) -> tuple[str, ...]:
    """What the award file calls one firm: the usual spelling first, then what occurs now and then."""
    usual = with_form(name, form, pick)
    other_form = FORMS[int(pick() * 5)]
    return (
        usual,
        usual.upper(),
        with_form(name, form, pick),
        name,
        with_form(name, other_form, pick),
        with_form(abbreviated(name, pick), form, pick),
        misspelled(name, pick) + usual[len(name) :],
        usual.replace("-", " ").replace("'", "").replace(".", "").replace(",", " "),
        f"{usual} ({acronym(name)})" if " " in name else f"{usual} ",
    )
