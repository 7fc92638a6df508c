"""Join: objects get what is known of their artists, and both sides are reconciled."""

import polars as pl

ARTIST_COLUMNS = ("gender", "birth_year", "death_year", "birth_place", "death_place", "page_url")


def joined(objects: pl.LazyFrame, artists: pl.LazyFrame) -> pl.LazyFrame:
    """Complete each object's artists, in their order, from the artists' own records.

    Args:
        objects: Cleaned objects.
        artists: Cleaned artists; may be empty.

    Returns:
        The objects, in their order; each item of `artists` has `artist_id`, `name`, `role` and
        `ARTIST_COLUMNS`, null if the artist is unknown. The artist's own record wins over the object's
        wording of the name.
    """
    completed = (
        _credits(objects)
        .join(
            artists.select("artist_id", pl.col("name").alias("recorded_name"), *ARTIST_COLUMNS),
            on="artist_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(name=pl.coalesce("recorded_name", "name"))
        .group_by("object_id", maintain_order=True)
        .agg(pl.struct("artist_id", "name", "role", *ARTIST_COLUMNS).alias("artists"))
    )
    return objects.drop("artists").join(completed, on="object_id", how="left", maintain_order="left")


def unknown_artists(objects: pl.LazyFrame, artists: pl.LazyFrame) -> pl.LazyFrame:
    """Artists that objects name and no record knows: `artist_id`, `name`, `objects` (count), by identifier."""
    return (
        _credits(objects)
        .filter(pl.col("artist_id").is_not_null())
        .join(artists, on="artist_id", how="anti")
        .group_by("artist_id")
        .agg(pl.col("name").min(), pl.col("object_id").n_unique().alias("objects"))
        .sort("artist_id")
    )


def unused_artists(objects: pl.LazyFrame, artists: pl.LazyFrame) -> pl.LazyFrame:
    """Artists on record that no object names: `artist_id`, `name`, by identifier."""
    return artists.select("artist_id", "name").join(_credits(objects), on="artist_id", how="anti").sort("artist_id")


def _credits(objects: pl.LazyFrame) -> pl.LazyFrame:
    """One row per object and artist: `object_id`, `artist_id`, `name`, `role`."""
    return (
        objects.select("object_id", "artists")
        .filter(pl.col("artists").is_not_null())
        .explode("artists")
        .unnest("artists")
    )
