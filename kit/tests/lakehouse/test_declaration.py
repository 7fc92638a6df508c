"""What a writer may say of its table."""

import dagster as dg
import pytest

from millrace.errors import ConfigurationError
from millrace.lakehouse import Declaration, Mode, SchemaPolicy, table
from millrace.lakehouse.partitions import Partition, parse_partition


@pytest.mark.parametrize(
    ("text", "source", "transform"),
    [
        ("award_year", "award_year", "identity"),
        ("bucket(16, award_id)", "award_id", "bucket[16]"),
        ("truncate(2,zip)", "zip", "truncate[2]"),
        ("month( awarded )", "awarded", "month"),
        (" year(awarded)", "awarded", "year"),
    ],
)
def test_a_partition_is_said_in_words(text: str, source: str, transform: str) -> None:
    assert parse_partition(text) == Partition(source, transform)


@pytest.mark.parametrize("text", ["", "bucket(0, a)", "bucket(a)", "bucket(16, a", "week(a)", "a)", "a, b", "month()"])
def test_what_is_no_partition_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a column, bucket"):
        parse_partition(text)


def test_what_an_asset_says_comes_back_as_it_was_said() -> None:
    metadata = table(
        mode=Mode.UPSERT, key=["a", "b"], partition_by=["month(c)"], schema_policy=SchemaPolicy.ADD_COLUMNS
    )

    @dg.asset(metadata=metadata)
    def some_rows() -> None: ...

    said = Declaration.of(next(iter(some_rows.specs)).metadata)
    assert said == Declaration(Mode.UPSERT, ("a", "b"), ("month(c)",), SchemaPolicy.ADD_COLUMNS)


def test_without_a_word_a_table_is_overwritten() -> None:
    assert Declaration.of({}) == Declaration(Mode.OVERWRITE)


def test_all_that_does_not_fit_together_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as wrong:
        table(mode=Mode.OVERWRITE_PARTITION, key=["a", "a"])

    assert wrong.value.problems == ["mode overwrite_partition needs partition_by", "key names 'a' twice"]


def test_an_upsert_needs_a_key() -> None:
    with pytest.raises(ConfigurationError, match="mode upsert needs a key"):
        table(mode=Mode.UPSERT)
