"""Keywords: the phrases that an award's title and abstract themselves repeat.

What belongs here: choosing phrases by rules that look at one award and nothing else, so that a record's keywords never
depend on which others were read with it. What does not: terms that somebody listed (`taxonomy.yaml`).

The rules, after RAKE (Rose et al., 2010, "Automatic keyword extraction from individual documents") with a plainer
score: a candidate is a longest run of 1 to 4 words between punctuation and stop words, in lower case. It scores its
occurrences, three for one in the title, times its number of words. A single word needs two points and four letters.
The best are kept; of equals the one that comes first.
"""

import polars as pl

MOST_KEYWORDS = 8
_TITLE_OCCURRENCES = 3
_STOP_WORDS = """
a about above across after against all along also although am among an and another any are around as at be became
because been before being below besides between beyond both but by can cannot could did do does done due during each
either else etc even ever every few for from further furthermore had has have having he hence her here his how however
i if in into is it its itself less like many may might more moreover most much must near neither no nor not now of off
often on once one only onto or other others our ours out over own per perhaps rather s several shall she should since
so some such than that the their them then there thereby therefore these they this those three through throughout thus
to together too toward towards two under until up upon us very via was we well were what when where whereas whether
which while who whole whom whose why will with within without would yet you your
"""
# Words that every award uses of itself; they say nothing of what it is about.
_AWARD_WORDS = """
abstract achieve achieved aim aims allow allows anticipated applicant applications approach approaches available award
based benefit benefits commercial commercialization company conduct contract current currently demonstrate
demonstrated demonstration design designed develop developed developing development effort efforts enable enabled
enables enabling especially existing feasibility first goal government high i ii iii improve improved improvements inc
include includes including innovation innovative key large llc low made make makes making namely need needed needs new
next novel objective objectives offer offers perform phase potential program project proposal propose proposed
proposes provide provided provides providing recent recently related required requirements research result resulting
results sbir second significant specific state_of_the_art sttr study successful support supporting team technical
techniques technique technologies technology topic use used useful user users uses using various work
"""
_WORDS = "|".join(sorted(set(f"{_STOP_WORDS} {_AWARD_WORDS}".split()), key=lambda word: (-len(word), word)))
# A hyphen is written `_` while runs are cut, because \b then takes "high-power" for one word, not for a stop word and
# another. ASCII boundaries: the Unicode ones leave the fast automaton at the first “ of a text. One match takes all
# that lies between two runs, which leaves half as many pieces to look at.
_GAP = rf"(?: *(?:(?-u:\b)(?:{_WORDS})(?-u:\b)|[^a-z0-9 _]| _+ ))+ *"
_CANDIDATE = r"^[a-z0-9]\w*(?: [a-z0-9]\w*){0,3}$"
_HAS_WORD = r"[a-z]{3}"
_SHORT = 3  # letters


def with_keywords(awards: pl.DataFrame, most: int = MOST_KEYWORDS) -> pl.DataFrame:
    """Add `keywords`, a list of text, to a chunk of awards.

    Args:
        awards: `award_title`, `cleaned_abstract`; either may be null.
        most: Keywords per award; an award without any has an empty list.

    Returns:
        The rows in their order.
    """
    texts = awards.lazy().select("award_title", "cleaned_abstract").with_row_index("row")
    fields = (("award_title", _TITLE_OCCURRENCES), ("cleaned_abstract", 1))
    runs = pl.concat([_runs(texts, name, occurrences) for name, occurrences in fields])
    # Three of five candidates are single words; most of them stand there once and are gone before anything is sorted.
    said_enough = (pl.col("words") > 1) | ((pl.col("occurrences") > 1) & (pl.col("phrase").str.len_bytes() > _SHORT))
    best = (
        runs.with_row_index("place")
        .group_by("row", "phrase")
        .agg(pl.col("occurrences").sum(), pl.col("place").min())
        .with_columns(words=pl.col("phrase").str.count_matches(" ", literal=True) + 1)
        .filter(said_enough)
        .filter(pl.col("phrase").str.contains(_HAS_WORD))
        .with_columns(
            pl.col("phrase").str.replace_all("_", "-", literal=True), points=pl.col("occurrences") * pl.col("words")
        )
        .sort("row", "points", "place", descending=[False, True, False])
        .group_by("row", maintain_order=True)
        .agg(pl.col("phrase").head(most).alias("keywords"))
        .collect()
    )
    empty = pl.lit([], dtype=pl.List(pl.String))
    return (
        awards.with_row_index("row")
        .join(best, on="row", how="left", maintain_order="left")
        .with_columns(pl.col("keywords").fill_null(empty))
        .drop("row")
    )


def _runs(texts: pl.LazyFrame, name: str, occurrences: int) -> pl.LazyFrame:
    """Candidates in the order of the text: `row`, `phrase`, `occurrences` (that each counts for)."""
    folded = pl.col(name).fill_null("").str.to_lowercase().str.replace_all("-", "_", literal=True)
    return (
        texts.select(
            "row",
            folded.str.replace_all(_GAP, "|").str.split("|").alias("phrase"),
            pl.lit(occurrences, dtype=pl.UInt32).alias("occurrences"),
        )
        .explode("phrase", empty_as_null=False)
        .with_columns(pl.col("phrase").str.strip_chars(" _"))
        .filter(pl.col("phrase").str.contains(_CANDIDATE))
    )
