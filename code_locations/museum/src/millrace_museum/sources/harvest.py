"""A museum's source as lazy frames: files found by the mapping, records read by its adapter, one frame per entity.

What belongs here: finding files, and turning an adapter's records into batches. What does not: formats, and
what a record is made of (`extract`).

The frame is lazy: nothing is read before it is sunk, and never more than a batch is in memory.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from millrace.errors import SourceMissingError, SourceUnreadableError
from millrace.quality import Reject, RejectKind, RejectLog, excerpt
from millrace_museum.mapping import EntityMapping, MuseumMapping
from millrace_museum.model import FIELDS, harvested_schema
from millrace_museum.sources import FORMATS
from millrace_museum.sources.extract import as_text, compile_column, compile_path
from millrace_museum.sources.opening import row_reject

BATCH_ROWS = 5_000
PROGRESS_ROWS = 100_000

_log = logging.getLogger(__name__)


@dataclass
class Harvest:
    """One entity of one source, ready to be read once.

    Attributes:
        entity: `objects` or `artists`.
        mapping: Its part of the museum's mapping.
        folder: Where the source lies; a record's place is its file's path below it.
        files: Its files, in the order in which they are read.
        max_record_bytes: Longest record taken.
        records: Records met so far, good and bad; 0 until the frame is sunk.
    """

    entity: str
    mapping: EntityMapping
    folder: Path
    files: list[Path]
    max_record_bytes: int
    records: int = 0
    _unmapped: Counter[str] = field(default_factory=Counter)
    _met: Counter[str] = field(default_factory=Counter)

    def frame(self, log: RejectLog) -> pl.LazyFrame:
        """The entity as text columns, with `source_file` and `source_line`.

        Sinking it reads the source, fills `records` and logs: records that cannot be read or lack a required
        field (row), fields that no mapping names (field), a source that breaks off (source).

        Raises (when sunk):
            SourceUnreadableError: a file is empty or in another encoding, or no record could be used at all.
        """
        schema = harvested_schema(self.entity)

        def batches(
            columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _batch: int | None
        ) -> Iterator[pl.DataFrame]:
            for batch in self._batches(schema, log):
                frame = batch if rows is None else batch.head(rows)
                rows = None if rows is None else rows - frame.height
                if columns is not None:
                    frame = frame.select(columns)
                yield frame if predicate is None else frame.filter(predicate)
                if rows == 0:
                    return

        return register_io_source(batches, schema=schema)

    def _batches(self, schema: pl.Schema, log: RejectLog) -> Iterator[pl.DataFrame]:
        read = FORMATS[self.mapping.format]
        model, fields = FIELDS[self.entity], self.mapping.fields
        columns = {name: compile_column(fields.get(name), wanted) for name, wanted in model.items()}
        adders = [column.add for column in columns.values()]
        required = [(name, compile_path(fields[name].source)) for name, wanted in model.items() if wanted.required]
        known = self.mapping.known_names
        names: list[str] = []
        lines: list[int] = []

        def batch() -> pl.DataFrame:
            series = [column.drain().alias(name) for name, column in columns.items()]
            self._met.update(one.name for one in series if one.null_count() < len(one))
            frame = pl.DataFrame([pl.Series("source_file", names), pl.Series("source_line", lines), *series])
            names.clear()
            lines.clear()
            return frame.match_to_schema(schema)

        kept = 0
        for path in self.files:
            name = path.relative_to(self.folder).as_posix()
            for line, record in read(path, name, log, self.max_record_bytes):
                self.records += 1
                if not known.issuperset(record):
                    self._unmapped.update(record.keys() - known)
                missing = [wanted for wanted, take in required if not (as_text(take(record)) or "").strip()]
                if missing:
                    reason = " and ".join(self._missing(wanted) for wanted in missing)
                    log.add(row_reject(name, line, reason, f"missing_{missing[0]}", excerpt(record)))
                    continue
                names.append(name)
                lines.append(line)
                for add in adders:
                    add(record)
                kept += 1
                if kept % BATCH_ROWS == 0:
                    yield batch()
                if kept % PROGRESS_ROWS == 0:
                    _log.info("harvested %s %s, at %s:%s", f"{kept:,}", self.entity, name, f"{line:,}")
        if kept == 0:
            raise SourceUnreadableError(
                f"museum source, {self.entity}",
                f"not one usable record in {_names(self.files)}, {log.counts[RejectKind.ROW]:,} rejected",
                expected=f"{self.mapping.format} with {' and '.join(name for name, _ in required)} as mapped",
                next_step=f"see the rejects in {log.address}",
            )
        if names:
            yield batch()
        self._log_fields(log)

    def _missing(self, name: str) -> str:
        return f"required field {name} ({self.mapping.fields[name].source!r} in the source) is missing"

    def _log_fields(self, log: RejectLog) -> None:
        """Log fields that came and are not mapped, and fields that are mapped and never came."""
        for name, count in sorted(self._unmapped.items()):
            reason = f"in {count:,} of {self.records:,} records, named by no mapping"
            log.add(Reject(RejectKind.FIELD, name, reason, "unmapped_field"))
        for name, mapped in self.mapping.fields.items():
            if not self._met[name]:
                reason = f"mapped from {mapped.source!r}, which no record has"
                log.add(Reject(RejectKind.FIELD, name, reason, "absent_field"))


def open_harvest(mapping: MuseumMapping, entity: str, source: Path, max_record_bytes: int) -> Harvest | None:
    """Find the files of an entity.

    Args:
        mapping: The museum's.
        entity: `objects` or `artists`.
        source: A folder, or the file of the objects; the artists are then looked for beside it.
        max_record_bytes: Longest record taken.

    Returns:
        None if the mapping has no such entity.

    Raises:
        SourceMissingError: the source is not there, or has no file that the mapping names.
    """
    part = mapping.entity(entity)
    if part is None:
        return None
    if not source.exists():
        raise SourceMissingError(
            "museum source",
            f"no file or folder {source}",
            next_step="give one: demo --source, scripts/millrace source museum in containers, else MUSEUM_SOURCE",
        )
    if source.is_file() and entity == "objects":
        return Harvest(entity, part, source.parent, [source], max_record_bytes)
    folder = source.parent if source.is_file() else source
    files = sorted(path for path in folder.glob(part.files) if path.is_file())
    if not files:
        raise SourceMissingError(
            f"museum source, {entity}",
            f"no file {part.files} in {folder}, which holds {_names(sorted(folder.iterdir()))}",
            next_step=f"correct {entity}.files in the mapping of {mapping.title}",
        )
    return Harvest(entity, part, folder, files, max_record_bytes)


def _names(paths: list[Path], most: int = 5) -> str:
    names = [path.name for path in paths[:most]]
    return ", ".join(names) + (f" and {len(paths) - most} more" if len(paths) > most else "") if names else "nothing"
