"""Classify by terms: the default, which needs no training and shows for each point where it comes from.

What belongs here: matching a taxonomy's terms and scoring the matches. What does not: the terms and the weights
(`taxonomy.yaml`), choosing areas by score (`classify`).

Matching is one pass of Aho-Corasick for all terms of all areas (Polars' `find_many`, `extract_many`), which knows no
word boundaries. So the text is first folded, character by character, to lower-case words parted by blanks, and a term
is looked for with a blank on either side; because folding keeps every position, a match's offset is its offset in the
text.
"""

import polars as pl

from millrace_sbir.taxonomy import Taxonomy
from millrace_sbir.transforms.classify import ABSTRACT, TITLE, answered, ranked

# Positions within one text stay below this; above it lie row, area and field (see `_clusters`).
_STRIDE = 1 << 32
_FIELDS = (TITLE, ABSTRACT)
# Points are summed as whole thousandths: sums of floats depend on their order, and with it on the number of threads.
_UNIT = 1000
_CONSONANT_Y = r"[^aeiou]y$"
_HISSING = r"(s|x|z|ch|sh)$"


class TermClassifier:
    """Classifier by a taxonomy's terms; `Classifier` says what it takes and gives.

    Args:
        taxonomy: Areas, terms, weights, thresholds.
    """

    method = "terms"

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        self._terms = _terms(taxonomy)
        self._patterns = self._terms["pattern"].unique().sort()

    @property
    def version(self) -> str:
        """The taxonomy's version and hash."""
        return self._taxonomy.stamp

    def classify(self, awards: pl.DataFrame) -> pl.DataFrame:
        """See `Classifier.classify`."""
        scoring = self._taxonomy.scoring
        counted = _clusters(self._matches(awards)).collect().lazy()
        terms = _points_per_term(counted, scoring.title_factor, scoring.decay)
        scored = (
            terms.group_by("row", "area")
            .agg(pl.col("points").sum())
            .with_columns(score=(100 * (1 - (pl.col("points") / (-scoring.saturation_points * _UNIT)).exp())).round(1))
        )
        chosen = ranked(scored, self._taxonomy.bands, scoring.max_areas, scoring.min_supporting_share)
        evidence = _evidence(counted, terms, chosen, scoring.max_evidence)
        return answered(chosen, evidence, awards, self._taxonomy.area_ids, self)

    def _matches(self, awards: pl.DataFrame) -> pl.LazyFrame:
        """`row`, `field`, `start`, `end` of every match; `area`, `term`, `weight` of every area that has the term."""
        patterns = pl.lit(self._patterns).implode()
        found = [
            awards.lazy()
            .select(_folded(pl.col(name)).alias("text"))
            .with_row_index("row")
            .select(
                "row",
                pl.lit(number, dtype=pl.UInt8).alias("field"),
                pl.col("text").str.find_many(patterns, overlapping=True).alias("start"),
                pl.col("text").str.extract_many(patterns, overlapping=True).alias("pattern"),
            )
            .explode("start", "pattern", empty_as_null=False, keep_nulls=False)
            for number, name in enumerate(_FIELDS)
        ]
        # A pattern is a term with a blank before and after it, and the text has one blank more in front.
        return (
            pl.concat(found)
            .with_columns(end=pl.col("start") + pl.col("pattern").str.len_bytes().cast(pl.UInt32) - 2)
            .join(self._terms.lazy(), on="pattern")
            .select("row", "field", "start", "end", "area", "term", "weight")
        )


def _folded(text: pl.Expr) -> pl.Expr:
    """Words in lower case, parted by blanks, in as many characters as before; all are ASCII, a byte each."""
    words = text.fill_null("").str.replace_all(r"[^A-Za-z0-9 ]", " ").str.to_lowercase()
    return pl.concat_str(pl.lit(" "), words, pl.lit(" "))


def _terms(taxonomy: Taxonomy) -> pl.DataFrame:
    """`pattern` (a term or its plural between blanks), `area`, `term`, `weight` (below 0 if it speaks against it)."""
    rows = [
        (number, term, float(weight))
        for number, area in enumerate(taxonomy.areas)
        for term, weight in (
            *area.keywords.items(),
            *((term, -weight) for term, weight in area.negative_keywords.items()),
        )
    ]
    terms = pl.DataFrame(rows, schema={"area": pl.UInt32, "term": pl.String, "weight": pl.Float64}, orient="row")
    term = pl.col("term")
    plural = (
        pl.when(term.str.contains(_CONSONANT_Y))
        .then(term.str.head(-1) + "ies")
        .when(term.str.contains(_HISSING))
        .then(term + "es")
        .otherwise(term + "s")
    )
    both = pl.concat([terms.with_columns(pattern=term), terms.with_columns(pattern=plural)])
    return both.with_columns(pl.format(" {} ", "pattern").alias("pattern")).unique(
        ["pattern", "area"], keep="first", maintain_order=True
    )


def _clusters(matches: pl.LazyFrame) -> pl.LazyFrame:
    """Of matches of one area that overlap, directly or by others between them, keep the longest, else the first."""
    # Row, area and field in the high digits make one number line of all texts, where clusters of two never touch.
    place = (pl.col("row").cast(pl.Int64) * 128 + pl.col("area").cast(pl.Int64) * 2 + pl.col("field")) * _STRIDE
    length = pl.col("end") - pl.col("start")
    return (
        matches.with_columns(_first=place + pl.col("start"), _last=place + pl.col("end"))
        .sort("_first", "_last", descending=[False, True])
        .with_columns(_cluster=(pl.col("_first") >= pl.col("_last").cum_max().shift(1, fill_value=-1)).cum_sum())
        .filter(length == length.max().over("_cluster"))
        .filter(pl.col("_cluster").is_first_distinct())
        .drop("_first", "_last", "_cluster")
    )


def _points_per_term(counted: pl.LazyFrame, title_factor: float, decay: float) -> pl.LazyFrame:
    """`row`, `area`, `term`, `points` in thousandths: weight times 1 + decay + decay² + …, for each field by itself."""
    in_title = pl.col("field") == 0
    series = [(1 - pl.lit(decay).pow(chosen.sum())) / (1 - decay) for chosen in (in_title, ~in_title)]
    points = _UNIT * pl.col("weight").first() * (title_factor * series[0] + series[1])
    return counted.group_by("row", "area", "term").agg(points.round().cast(pl.Int64).alias("points"))


def _evidence(counted: pl.LazyFrame, terms: pl.LazyFrame, chosen: pl.LazyFrame, most: int) -> pl.LazyFrame:
    """`row`, `area`, `evidence`: each term's first place before its second, then by points, then as the text goes."""
    places = (
        counted.join(chosen.select("row", "area"), on=["row", "area"], how="semi")
        .filter(pl.col("weight") > 0)
        .join(terms, on=["row", "area", "term"])
        .sort("row", "area", "term", "field", "start")
        .with_row_index("place")
    )
    is_first = pl.any_horizontal([pl.col(name) != pl.col(name).shift(1) for name in ("row", "area", "term")])
    first = pl.when(is_first.fill_null(value=True)).then("place").forward_fill()
    best = ["row", "area", "occurrence", "points", "field", "start"]
    return (
        places.with_columns(occurrence=pl.col("place") - first)
        .filter(pl.col("occurrence") < most)
        .sort(best, descending=[name == "points" for name in best])
        .with_columns(pl.col("field").replace_strict(dict(enumerate(_FIELDS)), return_dtype=pl.String))
        .group_by("row", "area", maintain_order=True)
        .agg(pl.struct("field", "start", "end", "term", "weight").head(most).alias("evidence"))
    )
