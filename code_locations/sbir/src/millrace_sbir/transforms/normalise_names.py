"""Names of firms in the one form in which two sources can agree on them.

What belongs here: expressions from a name to its key. What does not: how alike two keys are (`match_names`).

A key is for comparing, never for showing. It is made once per distinct name, not once per record: some fifteen
passes over the text, against two million records of a hundred thousand firms.
"""

import polars as pl

# At the end of a name only, so that "Company Watch Inc" keeps its first word.
_LEGAL_FORMS = (
    "INCORPORATED|INCORPORATION|INC|CORPORATION|CORP|COMPANY|CO|LIMITED LIABILITY COMPANY|LIMITED LIABILITY CO"
    "|LIMITED PARTNERSHIP|LIMITED|LTD|L L C|LLC|L L P|LLP|PLLC|P L L C|L P|LP|P C|PC|PLC|LC|L C|GMBH|PBC|PTY|SA|AG|BV"
)
_DOING_BUSINESS_AS = (
    r"(?:^|\s)(?:D\s*/\s*B\s*/\s*A|D\.\s*B\.\s*A\.?|DBA|DOING BUSINESS AS|A/K/A|AKA|F/K/A|FKA|FORMERLY)\s"
)
_ABBREVIATIONS = {
    "INTL": "INTERNATIONAL",
    "NATL": "NATIONAL",
    "MFG": "MANUFACTURING",
    "ENGR": "ENGINEERING",
    "ENGRG": "ENGINEERING",
    "ASSOC": "ASSOCIATES",
    "SYS": "SYSTEMS",
    "TECHS": "TECHNOLOGIES",
    "LABS": "LABORATORIES",
    "LAB": "LABORATORY",
    "SVCS": "SERVICES",
    "UNIV": "UNIVERSITY",
}
# Words that firms write in many ways. For likeness only, since two firms may differ in just this.
_STEMS = {
    "ADV": ("ADVANCED", "ADVANCE"),
    "AERO": ("AEROSPACE",),
    "ASSOC": ("ASSOCIATES", "ASSOCIATE", "ASSOCS"),
    "DYN": ("DYNAMICS", "DYNAMIC"),
    "ELEC": ("ELECTRONICS", "ELECTRONIC"),
    "ENG": ("ENGINEERING", "ENGINEERS", "ENGINEERED", "ENGRG", "ENGR"),
    "GRP": ("GROUP",),
    "IND": ("INDUSTRIES", "INDUSTRY", "INDUSTRIAL"),
    "INNOV": ("INNOVATIONS", "INNOVATION", "INNOVATIVE"),
    "INSTR": ("INSTRUMENTS", "INSTRUMENT", "INSTRUMENTATION"),
    "INT": ("INTERNATIONAL", "INTL"),
    "INTGR": ("INTEGRATED", "INTEGRATION"),
    "LAB": ("LABORATORIES", "LABORATORY", "LABS"),
    "MFG": ("MANUFACTURING",),
    "PREC": ("PRECISION",),
    "RES": ("RESEARCH", "RSCH"),
    "SCI": ("SCIENCES", "SCIENCE", "SCIENTIFIC"),
    "SOLN": ("SOLUTIONS", "SOLUTION"),
    "SVC": ("SERVICES", "SERVICE"),
    "SYS": ("SYSTEMS", "SYSTEM", "SYST"),
    "TECH": ("TECHNOLOGIES", "TECHNOLOGY", "TECHS"),
}


def _plain(name: pl.Expr) -> pl.Expr:
    """Upper case without accents and entities, and without an acronym in brackets behind it."""
    return (
        name.str.replace_all("&amp;", "&", literal=True)
        .str.normalize("NFKD")
        .str.replace_all(r"\p{M}", "")
        .str.to_uppercase()
        .str.replace(r"\s*\([A-Z]{2,6}\)\s*$", "")
    )


def firm_key(name: pl.Expr) -> pl.Expr:
    """The key of a firm's name: `The Smith & Sons Co., Inc.` and `SMITH AND SONS` are both `SMITH AND SONS`.

    Without accents, punctuation, a leading THE, legal forms at the end, and what follows `d/b/a`; `&` is AND; a few
    abbreviations are written out. Null for a name without a letter or digit.
    """
    plain = _plain(name)
    legal = pl.when(plain.str.contains(rf"\S{_DOING_BUSINESS_AS}")).then(
        plain.str.replace(rf"{_DOING_BUSINESS_AS}.*$", "")
    )
    return _words_key(pl.coalesce(legal, plain))


def loose_key(key: pl.Expr) -> pl.Expr:
    """A firm's key with its usual words cut short: `LUMERA TECHNOLOGIES` and `LUMERA TECH` are both `LUMERA TECH`."""
    stems = {word: stem for stem, words in _STEMS.items() for word in words}
    # Word by word: a pass over the text for each of some fifty words takes ten times as long.
    return key.str.split(" ").list.eval(pl.element().replace(stems)).list.join(" ")


def trade_key(name: pl.Expr) -> pl.Expr:
    """The key of what follows `d/b/a` in a firm's name, null where nothing does."""
    return _words_key(_plain(name).str.extract(rf"\S{_DOING_BUSINESS_AS}\s*(.+)$", 1))


def _words_key(plain: pl.Expr) -> pl.Expr:
    words = (
        plain.str.replace_all(r"\s*[&+]\s*", " AND ")
        .str.replace_all(r"['’`.]", "")
        .str.replace_all(r"[^\p{L}\p{N}]+", " ")
        .str.strip_chars()
        .str.replace(r"^THE\s+(\S)", "$1")
        .str.replace_all(rf"(\S)(?:\s+(?:{_LEGAL_FORMS}))+$", "$1")
    )
    for short, long in _ABBREVIATIONS.items():
        words = words.str.replace_all(rf"\b{short}\b", long)
    return pl.when(words != "").then(words)
