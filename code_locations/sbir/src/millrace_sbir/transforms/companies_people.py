"""People: the principal investigators who lead awards.

What belongs here: who counts as the same person. What does not: contacts, who are named for the mail. The sources have
no identifier of a person, so one is a name within a firm: two firms' Jane Doe are two, and who changes firms becomes
another.
"""

import polars as pl

_TITLES = (
    r"\b(?:dr|prof|professor|mr|mrs|ms|miss|sir|col|capt|lt|ph ?d|m ?d|sc ?d|d ?sc|esq|jr|sr|ii|iii|iv|pe|mba|msc)\b"
)
_MARKS = r"\p{M}+"


def person_name(name: pl.Expr) -> pl.Expr:
    """A name as it is compared: lower-case letters, "first last", without titles, accents and initials.

    "DOE, Jane Q., Ph.D." and "Dr. Jane Doe" are both "jane doe"; null if no letters are left.
    """
    plain = name.str.normalize("NFKD").str.replace_all(_MARKS, "").str.to_lowercase().str.replace_all(r"[.'’]", "")
    without_titles = plain.str.replace_all(_TITLES, " ").str.replace_all(r"[^\p{L}, -]+", " ").str.strip_chars(" ,-")
    turned = without_titles.str.replace(r"^([^,]+?)\s*,+\s*([^,]+).*$", "$2 $1")
    words = (
        turned.str.replace_all(r"[-,]", " ")
        .str.split(" ")
        .list.eval(pl.element().filter(pl.element().str.len_chars() > 1))
    )
    joined = words.list.join(" ")
    return pl.when(joined != "").then(joined)


def with_person_id(awards: pl.LazyFrame) -> pl.LazyFrame:
    """Add `person_id` (`company_id/name`) to rows with `company_id`, `pi_name`; null if either is missing."""
    return awards.with_columns(
        pl.concat_str("company_id", person_name(pl.col("pi_name")).str.replace_all(" ", "-"), separator="/").alias(
            "person_id"
        )
    )
