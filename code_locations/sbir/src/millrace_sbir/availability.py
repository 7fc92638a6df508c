"""A source that only enriches may be away: what was read of it last stays, and a check says how old that is.

What belongs here: one reading of a source, what stands in for one that breaks off, and what people are told. What does
not: asking (`sources`), and the assets (`defs/ingest.py`).

Only a source that does not answer is waited out so. A wrong address or key stays an error: it would never catch up.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg
import polars as pl

from millrace.errors import SourceUnavailableError
from millrace.quality import RejectLog
from millrace.resources import StageParquetIOManager
from millrace.runs import current_measurement
from millrace_sbir.sources.figures import SourceFigures

READ_AT = "source_read_at"
_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Kept:
    """What was read of a source last.

    Attributes:
        rows: The stage as it lies there; None if nothing was ever read.
        read_at: When the source answered last; None if nobody knows.
    """

    rows: pl.LazyFrame | None
    read_at: datetime | None

    @classmethod
    def of(cls, context: dg.AssetExecutionContext, stages: StageParquetIOManager) -> "Kept":
        """What the asset that runs now has read before."""
        store, name = stages.place.store(), f"{context.asset_key.to_user_string()}.parquet"
        if not store.has(name):
            return cls(None, None)
        rows = pl.scan_parquet(store.address_of(name), storage_options=store.polars_options)
        made = context.instance.get_latest_materialization_event(context.asset_key)
        known = made.asset_materialization.metadata.get(READ_AT) if made and made.asset_materialization else None
        at = datetime.fromtimestamp(known.value, UTC) if isinstance(known, dg.TimestampMetadataValue) else None
        return cls(rows, at)

    def beside(self, came: pl.LazyFrame, key: str) -> pl.LazyFrame:
        """What came before the source broke off, and of what was read before that, the rows of other keys."""
        if self.rows is None:
            return came
        other = self.rows.join(came.select(key).unique(), on=key, how="anti", nulls_equal=True, maintain_order="left")
        return pl.concat([came, other.select(came.collect_schema().names())])

    def words(self) -> str:
        """How old it is."""
        if self.rows is None:
            return "nothing was ever read of it"
        if self.read_at is None:
            return "what was read last is used, of unknown age"
        days = (datetime.now(UTC) - self.read_at).total_seconds() / _DAY_SECONDS
        return f"what was read on {self.read_at:%Y-%m-%d at %H:%M} UTC is used, {days:.1f} days old"


@dataclass
class Reading:
    """One reading of a source.

    Attributes:
        source: Where it lies, for people; "" for one that is not used.
        figures: How it answered.
        problem: Why it did not; None if it did.
        kept: What stands in for it then.
    """

    source: str
    figures: SourceFigures = field(default_factory=lambda: SourceFigures(""))
    problem: SourceUnavailableError | None = None
    kept: Kept | None = None

    def count_errors(self, log: RejectLog | None = None) -> None:
        """Let the step's metadata count requests that failed beside the rules that turned rows away."""
        rules: Counter[str] = Counter() if log is None else log.rules
        current_measurement().count_errors = lambda: rules + self.figures.failures

    def metadata(self) -> dict[str, dg.MetadataValue]:
        """What is shown at the asset: the source's state, when it answered last, and the figures of its requests."""
        state = "kept" if self.problem else "read" if self.source else "not used"
        read_at = self.kept.read_at if self.kept is not None else datetime.now(UTC) if self.source else None
        figures = self.figures
        shown: dict[str, dg.MetadataValue] = {
            "source": dg.MetadataValue.text(self.source),
            "source_state": dg.MetadataValue.text(state),
            "source_requests": dg.MetadataValue.int(figures.requests),
            "source_cached": dg.MetadataValue.int(figures.cached),
            "source_retries": dg.MetadataValue.int(figures.retries),
        }
        if read_at is not None:
            shown[READ_AT] = dg.MetadataValue.timestamp(read_at)
        if self.problem is not None:
            shown["source_problem"] = dg.MetadataValue.text(str(self.problem))
        if figures.requests:
            shown["source_success_rate"] = dg.MetadataValue.float(round(figures.success_rate or 0.0, 4))
            shown["source_error_rate"] = dg.MetadataValue.float(round(figures.error_rate or 0.0, 4))
            shown["source_response_seconds"] = dg.MetadataValue.float(round(figures.mean_seconds or 0.0, 3))
            shown["source_longest_seconds"] = dg.MetadataValue.float(round(figures.longest_seconds, 3))
            shown["source_waited_seconds"] = dg.MetadataValue.float(round(figures.waited_seconds, 3))
        return shown

    def check(self, asset: str) -> dg.AssetCheckResult:
        """The verdict of the asset's check that its source answered."""
        words = f"{self.source} answered" if self.source else "the source is not used"
        if self.problem is not None and self.kept is not None:
            words = f"{self.problem}; {self.kept.words()}"
        return dg.AssetCheckResult(
            check_name=f"{asset}_source_check",
            passed=self.problem is None,
            severity=dg.AssetCheckSeverity.WARN,
            description=words,
            metadata={"requests": self.figures.requests, "failures": dict(self.figures.failures)},
        )


def source_check(asset: str) -> dg.AssetCheckSpec:
    """The check of an asset's source, which warns and stops nothing."""
    about = "The source answered; if it did not, what was read of it last is used."
    return dg.AssetCheckSpec(f"{asset}_source_check", asset=asset, description=about)
