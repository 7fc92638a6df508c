"""Which of the names on the right a name on the left is, and how sure that is.

| names | states | status | method |
| --- | --- | --- | --- |
| the same | the same, one such on the right | accepted | `name_and_state` |
| nearly the same, with a gap to the next | the same | accepted | `similar_name_and_state` |
| the same or nearly | another, or unknown | review | `name`, `similar_name` |
| nearly the same, the next as near | any | review | `similar_name…` |

A name alone is never accepted: of firms whose name is found once in the registry, but in another state, every fifth is
somebody else (`benchmarks/sbir_matching.py`). What belongs here: the decision for any two lists of names. What does
not: identifiers (`match_firms`), assignees (`patents`).
"""

from dataclasses import dataclass, field

import polars as pl

from millrace_sbir.transforms.match_names import Blocking, NameIndex, likeness
from millrace_sbir.transforms.normalise_names import loose_key

DECISION = {
    "left_id": pl.String,
    "right_id": pl.String,
    "method": pl.String,
    "score": pl.Float64,
    "runner_up_score": pl.Float64,
    "status": pl.String,
}


@dataclass(frozen=True)
class MatchConfig:
    """Where a match begins; scores are 0-100.

    Attributes:
        accept_score: Least score of a match that is accepted.
        review_score: Least score of one that people look at.
        min_gap: Least distance to the next candidate of a match that is accepted.
        other_state_penalty: What another state, or an unknown one, costs.
        blocking: How candidates are found.
    """

    accept_score: float = 75.0
    review_score: float = 65.0
    min_gap: float = 4.0
    other_state_penalty: float = 15.0
    blocking: Blocking = field(default_factory=Blocking)


def decided_by_name(left: pl.DataFrame, right: pl.DataFrame, config: MatchConfig) -> pl.DataFrame:
    """The best on the right for each on the left.

    Args:
        left: `left_id`, `key` (`firm_key`), `state`; several rows of one are its several names and states.
        right: `right_id`, `key`, `state`; the same.
        config: Where a match begins.

    Returns:
        `DECISION`: one row per `left_id` that has a candidate at or above `review_score`, by `left_id`. Equal scores
        go to the smaller `right_id`, and to review.
    """
    left = left.drop_nulls("key").unique()
    right = right.drop_nulls("key").unique()
    exact = _exact(left, right, config)
    rest = left.join(exact.filter(pl.col("status") == "accepted"), on="left_id", how="anti")
    similar = _ranked(_similar(rest, right, config), config)
    settled = exact.filter(pl.col("status") == "accepted")
    return pl.concat([settled, similar]).sort("left_id")


def _exact(left: pl.DataFrame, right: pl.DataFrame, config: MatchConfig) -> pl.DataFrame:
    same = left.join(right, on="key", how="inner", suffix="_right").with_columns(
        score=pl.lit(100.0), exact=pl.lit(value=True)
    )
    return _ranked(same, config)


def _similar(left: pl.DataFrame, right: pl.DataFrame, config: MatchConfig) -> pl.DataFrame:
    """Pairs of rows whose names are alike: the columns of both, `score`, `exact`."""
    left = left.join(_loose(left), on="key")
    right = right.join(_loose(right), on="key")
    names, keys = (side["loose"].unique().sort() for side in (left, right))
    if names.is_empty() or keys.is_empty():
        return left.join(right, on="key").clear().with_columns(score=pl.lit(0.0), exact=pl.lit(value=True))
    index = NameIndex(keys, config.blocking)
    alike = pl.concat(
        likeness(pairs, config.blocking.workers).filter(pl.col("score") >= config.review_score)
        for pairs in index.candidates(names)
    )
    alike = alike.select(loose="name", loose_right="key", score="score")
    sides = left.join(alike, on="loose").join(right, left_on="loose_right", right_on="loose", suffix="_right")
    return sides.with_columns(exact=pl.col("key") == pl.col("key_right"))


def _loose(side: pl.DataFrame) -> pl.DataFrame:
    return side.select("key").unique().with_columns(loose=loose_key(pl.col("key")))


def _ranked(pairs: pl.DataFrame, config: MatchConfig) -> pl.DataFrame:
    """The best pair of each on the left, with its status."""
    agrees = (pl.col("state") == pl.col("state_right")).fill_null(value=False)
    scored = pairs.with_columns(
        agrees=agrees,
        score=pl.col("score") - pl.when(agrees).then(0.0).otherwise(config.other_state_penalty),
    )
    order = ["left_id", "score", "exact", "right_id", "key"]
    best = scored.sort(order, descending=[False, True, True, False, False]).unique(
        ["left_id", "right_id"], keep="first", maintain_order=True
    )
    first = best.group_by("left_id", maintain_order=True).agg(
        pl.col("right_id", "score", "agrees", "exact").first(),
        runner_up_score=pl.col("score").get(1, null_on_oob=True),
    )
    gap = pl.col("score") - pl.col("runner_up_score").fill_null(0.0)
    sure = pl.col("agrees") & (pl.col("score") >= config.accept_score) & (gap >= config.min_gap)
    method = pl.concat_str(
        pl.when("exact").then(pl.lit("name")).otherwise(pl.lit("similar_name")),
        pl.when("agrees").then(pl.lit("_and_state")).otherwise(pl.lit("")),
    )
    status = pl.when(sure).then(pl.lit("accepted")).otherwise(pl.lit("review"))
    decided = first.filter(pl.col("score") >= config.review_score).with_columns(method=method, status=status)
    return decided.select(pl.col(name).cast(dtype) for name, dtype in DECISION.items())
