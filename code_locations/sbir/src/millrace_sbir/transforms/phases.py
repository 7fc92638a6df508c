"""Phase chains: which award follows which, from phase I to II and on to III.

What belongs here: finding predecessors, and what firms' chains add up to. What does not: the firm's identity
(`company_id` is given). No source states the chain; these are signals that agencies leave, and an award has at most
one predecessor, a predecessor at most one successor of each phase.

Firms by themselves: no pair crosses two of them, so that any split by `company_id` gives the same chains as the whole.
That is how a caller bounds memory (`companies_parts`): the pairs of one firm are the largest thing here.
"""

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

_RANKS = {"I": 1, "II": 2, "III": 3}
_DAYS_IN_MONTH = 365.25 / 12
_DAYS_IN_YEAR = 365.25
# "SBIR Phase II: …" and "STTR Phase I: …" are how the National Science Foundation begins a title.
_PHASE_WORDS = r"\b(?:sbir|sttr|phase\s+(?:iii|ii|i|[123]))\b"
_SMALL_WORDS = r"\b(?:a|an|and|as|at|by|for|from|in|into|of|on|or|the|to|using|via|with)\b"
# NIH's numbers of one project differ by type and activity only: 1R43EY036753-01 goes on as 2R44EY036753-02.
_NIH_PROJECT = r"^\d?[RU]4[1-4]([A-Z]{2}\d{6})"
_SHORTEST_CONTRACT = 6  # shorter ones are "N/A", "TBD" and numbers within a solicitation

FOLLOWS = pl.Schema(
    {
        "award_id": pl.String,
        "follows_award_id": pl.String,
        "company_id": pl.String,
        "phase": pl.String,
        "follows_phase": pl.String,
        "method": pl.String,  # the strongest signal: contract, topic, title
        "score": pl.Float64,  # 0-1
        "title_similarity": pl.Float64,  # shared words by all words of both titles
        "months_between": pl.Float64,  # of the award dates; null if one is unknown
    }
)


class ChainRules(BaseModel):
    """What speaks for a pair, and how much of it is needed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contract: float = Field(default=0.6, ge=0, le=1, description="same contract number, or project number of NIH")
    topic: float = Field(default=0.35, ge=0, le=1, description="same topic code at the same agency")
    title: float = Field(default=0.45, ge=0, le=1, description="times the similarity of the titles")
    agency: float = Field(default=0.1, ge=0, le=1)
    investigator: float = Field(default=0.1, ge=0, le=1)
    other_topic: float = Field(default=0.15, ge=0, le=1, description="taken away if one agency has two topic codes")
    min_score: float = Field(default=0.45, gt=0, le=1, description="a pair below it is none")
    min_title_similarity: float = Field(default=0.6, ge=0, le=1, description="titles less alike do not make a pair")
    max_years: float = Field(default=6, gt=0, description="between the two award dates")


def follows(awards: pl.LazyFrame, rules: ChainRules) -> pl.LazyFrame:
    """Find each award's predecessor.

    Args:
        awards: `award_id`, `company_id`, `agency`, `phase` (I, II, III), `award_date` (Date), `award_year`,
            `topic_code`, `contract`, `award_title`, `pi_name`; all but the first two may be null.
        rules: Weights and thresholds.

    Returns:
        `FOLLOWS`: a row per award with a predecessor, by `award_id`. It is computed here and now: who is left for an
        award depends on what better pairs have taken.
    """
    signals = _signals(awards).collect(engine="streaming").lazy()
    pairs = _scored(signals, rules).collect(engine="streaming")
    return _exclusive(pairs).select(*FOLLOWS).cast(dict(FOLLOWS)).sort("award_id").lazy()


def transitions(awards: pl.LazyFrame, chains: pl.LazyFrame) -> pl.LazyFrame:
    """How often firms come from phase I to phase II.

    Args:
        awards: `award_id`, `company_id`, `phase`.
        chains: What `follows` gives.

    Returns:
        Firms with an award of phase I: `company_id`, `phase_one_awards`, `phase_two_awards`, `followed_awards` (of
        phase I, with a successor), `transition_rate` (0-1), `median_months`. Awards of the last two years pull the
        rate down: what follows them is not out yet.
    """
    pairs = chains.filter(pl.col("phase") == "II", pl.col("follows_phase") == "I")
    followed = pairs.group_by("company_id").agg(
        pl.len().alias("followed_awards"), pl.col("months_between").median().round(1).alias("median_months")
    )
    return (
        awards.filter(pl.col("company_id").is_not_null())
        .group_by("company_id")
        .agg(
            (pl.col("phase") == "I").sum().alias("phase_one_awards"),
            (pl.col("phase") == "II").sum().alias("phase_two_awards"),
        )
        .filter(pl.col("phase_one_awards") > 0)
        .join(followed, on="company_id", how="left")
        .with_columns(pl.col("followed_awards").fill_null(0))
        .select(
            "company_id",
            "phase_one_awards",
            "phase_two_awards",
            "followed_awards",
            (pl.col("followed_awards") / pl.col("phase_one_awards")).round(4).alias("transition_rate"),
            "median_months",
        )
        .sort("company_id")
    )


def _signals(awards: pl.LazyFrame) -> pl.LazyFrame:
    """What is compared, of awards that can be part of a chain."""
    bare = pl.col("contract").str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    title = (
        pl.col("award_title")
        .str.to_lowercase()
        .str.replace_all(_PHASE_WORDS, " ")
        .str.replace_all(_SMALL_WORDS, " ")
        .str.replace_all(r"[^a-z0-9]+", " ")
        .str.strip_chars()
    )
    of_firm = awards.filter(pl.col("company_id").is_not_null(), pl.col("phase").is_in(list(_RANKS)))
    with_later = of_firm.filter(pl.col("phase") != "I").select("company_id").unique()
    day = pl.coalesce("award_date", pl.date(pl.col("award_year"), 7, 1))
    return of_firm.join(with_later, on="company_id", how="semi").select(
        "award_id",
        "company_id",
        "phase",
        pl.col("phase").replace_strict(_RANKS, return_dtype=pl.Int8).alias("rank"),
        "agency",
        day.alias("day"),
        pl.col("award_date").is_not_null().alias("has_date"),
        pl.col("topic_code").str.to_uppercase().str.replace_all(r"\s", "").replace("", None).alias("topic"),
        pl.coalesce(
            bare.str.extract(_NIH_PROJECT, 1), pl.when(bare.str.len_bytes() >= _SHORTEST_CONTRACT).then(bare)
        ).alias("project"),
        title.str.split(" ").list.unique().list.sort().alias("words"),
        pl.col("pi_name").str.to_lowercase().str.replace_all(r"\b(?:dr|mr|mrs|ms|prof)\b|[^a-z]", "").alias("pi"),
    )


def _scored(signals: pl.LazyFrame, rules: ChainRules) -> pl.LazyFrame:
    """Pairs that reach the threshold, the best first."""
    later = signals.filter(pl.col("rank") > 1)
    keys = (["company_id", "agency", "topic"], ["company_id", "project"], ["company_id", "word"])
    worded = signals.join(_rare_words(signals, rules.min_title_similarity), on="award_id")
    blocks = [
        (worded.filter(pl.col("rank") > 1) if "word" in key else later)
        .select(*key, "award_id", "rank", "day")
        .join((worded if "word" in key else signals).select(*key, "award_id", "rank", "day"), on=key, suffix="_before")
        .filter(
            pl.col("rank_before") < pl.col("rank"),
            pl.col("day_before") <= pl.col("day"),
            pl.col("day") - pl.col("day_before") <= pl.duration(days=round(rules.max_years * _DAYS_IN_YEAR)),
        )
        .select("award_id", "award_id_before")
        for key in keys
    ]
    before = signals.select("award_id", pl.all().exclude("award_id", "company_id").name.suffix("_before")).rename(
        {"award_id": "award_id_before"}
    )
    pairs = pl.concat(blocks).unique().join(signals, on="award_id").join(before, on="award_id_before")
    shared = pl.col("words").list.set_intersection("words_before").list.len()
    either = pl.col("words").list.set_union("words_before").list.len()
    same = {
        name: (pl.col(name) == pl.col(f"{name}_before")).fill_null(value=False) for name in ("agency", "pi", "project")
    }
    same_topic = same["agency"] & (pl.col("topic") == pl.col("topic_before")).fill_null(value=False)
    other_topic = same["agency"] & (pl.col("topic") != pl.col("topic_before")).fill_null(value=False)
    likeness = pl.when(pl.col("similarity") >= rules.min_title_similarity).then("similarity").otherwise(0.0)
    return (
        pairs.with_columns(similarity=(shared / either).fill_null(0.0).round(4))
        .with_columns(
            score=(
                rules.contract * same["project"]
                + rules.topic * same_topic
                + rules.title * likeness
                + rules.agency * same["agency"]
                + rules.investigator * same["pi"]
                - rules.other_topic * other_topic
            )
            .clip(0, 1)
            .round(4),
            method=pl.when(same["project"])
            .then(pl.lit("contract"))
            .when(same_topic)
            .then(pl.lit("topic"))
            .otherwise(pl.lit("title")),
            days=(pl.col("day") - pl.col("day_before")).dt.total_days(),
        )
        .filter(pl.col("score") >= rules.min_score)
        .select(
            "award_id",
            pl.col("award_id_before").alias("follows_award_id"),
            "company_id",
            "phase",
            pl.col("phase_before").alias("follows_phase"),
            "rank_before",
            "method",
            "score",
            pl.col("similarity").alias("title_similarity"),
            "days",
            pl.when(pl.col("has_date") & pl.col("has_date_before"))
            .then((pl.col("days") / _DAYS_IN_MONTH).round(1))
            .alias("months_between"),
        )
    )


def _rare_words(signals: pl.LazyFrame, similarity: float) -> pl.LazyFrame:
    """`award_id`, `word`: of each title the words that the fewest titles of its firm have.

    Prefix filtering (Chaudhuri et al., 2006): of n words in one order for all titles, two titles that share the given
    part of all their words have one of their first (1 - part) * n + 1 in common.
    """
    words = signals.select("award_id", "company_id", pl.col("words").alias("word")).explode("word", empty_as_null=False)
    return (
        words.with_columns(titles=pl.len().over("company_id", "word"), words=pl.len().over("award_id"))
        .sort("award_id", "titles", "word")
        .with_row_index("place")
        .filter(pl.col("place") - pl.col("place").min().over("award_id") <= (1 - similarity) * pl.col("words") + 1e-9)
        .select("award_id", "word")
    )


def _exclusive(pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs from the best on, of which each leaves its award, and its predecessor for that phase, to no other."""
    ordered = pairs.sort(
        "score", "rank_before", "days", "award_id", "follows_award_id", descending=[True, True, False, False, False]
    )
    later = ordered["award_id"].rank("dense").cast(pl.UInt32).to_numpy()
    # A predecessor may have one successor of each phase.
    slots = ordered.select((pl.col("follows_award_id") + "/" + pl.col("phase")).rank("dense").cast(pl.UInt32))
    before = slots.to_series().to_numpy()
    taken = np.zeros(len(ordered) + 1, dtype=bool)
    left = np.zeros(len(ordered) + 1, dtype=bool)
    kept = np.zeros(len(ordered), dtype=bool)
    for place, (award, slot) in enumerate(zip(later.tolist(), before.tolist(), strict=True)):
        if not taken[award] and not left[slot]:
            taken[award] = left[slot] = kept[place] = True
    return ordered.filter(pl.Series(kept))
