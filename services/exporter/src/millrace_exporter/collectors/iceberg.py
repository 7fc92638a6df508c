"""Iceberg tables: rows, files, snapshots, read again only where a table has changed.

What belongs here: what a table's metadata says. What does not: its data.

The SQL catalog is a table of names and metadata locations. It is read as one: a `SqlCatalog` would need each domain's
catalog name, and would ask once per namespace. A location that is known is not read again, since metadata files never
change.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from minio import Minio
from minio.error import MinioException
from psycopg2 import sql
from pyiceberg.exceptions import ValidationError
from pyiceberg.serializers import FromInputFile
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot
from urllib3.exceptions import HTTPError

from millrace_exporter.samples import Samples
from millrace_exporter.sources.database import Database
from millrace_exporter.sources.iceberg_files import MetadataFiles

CATALOGS = """
SELECT table_schema FROM information_schema.tables
WHERE table_name = 'iceberg_tables' AND table_schema NOT LIKE 'pg\\_%%' ORDER BY table_schema LIMIT 100
"""
_TABLES = (
    "SELECT table_namespace, table_name, metadata_location FROM {}.iceberg_tables WHERE metadata_location IS NOT NULL"
)
MOST_MANIFESTS = 200
_SUMMARY = {
    "total-records": "iceberg_table_rows",
    "total-data-files": "iceberg_table_files",
    "total-files-size": "iceberg_table_bytes",
    "total-delete-files": "iceberg_table_delete_files",
}


@dataclass(frozen=True)
class TableFigures:
    """Of one metadata file; `values` by family."""

    location: str
    values: Mapping[str, float]


class IcebergCollector:
    """Reads the catalogs of one database.

    Args:
        database: Where they are: one schema for each domain.
        client: Of the object store; None where tables lie in a folder.
        small_file_bytes: Below this a data file is small.
    """

    name = "iceberg"

    def __init__(
        self, database: Database, client: Callable[[], Minio] | None = None, small_file_bytes: int = 16 << 20
    ) -> None:
        self._database = database
        self._files = MetadataFiles(client=client)
        self._small_file_bytes = small_file_bytes
        self._known: dict[tuple[str, str], TableFigures] = {}

    def poll(self) -> Samples:
        """The tables as they are; one that cannot be read keeps its last figures and is a problem.

        Raises:
            psycopg2.Error: The database does not answer.
        """
        samples = Samples(self.name)
        with self._database.snapshot(self.name) as view:
            tables = [
                row
                for (schema,) in view.read(CATALOGS)
                for row in view.read(sql.SQL(_TABLES).format(sql.Identifier(schema)))
            ]
        present = {(namespace, table): location for namespace, table, location in tables}
        self._known = {key: figures for key, figures in self._known.items() if key in present}
        for key, location in present.items():
            known = self._known.get(key)
            if known is None or known.location != location:
                try:
                    self._known[key] = TableFigures(location, self._read(location))
                except (OSError, MinioException, HTTPError, ValidationError, ValueError) as error:
                    samples.problems.append(f"{'.'.join(key)}: {' '.join(str(error).split())[:200]}")
        for key, figures in self._known.items():
            for family, value in figures.values.items():
                samples.set(family, key, value)
        return samples

    def _read(self, location: str) -> dict[str, float]:
        metadata: TableMetadata = FromInputFile.table_metadata(self._files.new_input(location))
        values: dict[str, float] = {"iceberg_table_snapshots": len(metadata.snapshots)}
        snapshot = metadata.current_snapshot()
        if snapshot is None:
            return {**values, "iceberg_table_rows": 0, "iceberg_table_files": 0, "iceberg_table_bytes": 0}
        values["iceberg_table_last_commit_timestamp_seconds"] = snapshot.timestamp_ms / 1000
        summary = snapshot.summary.additional_properties if snapshot.summary else {}
        for key, family in _SUMMARY.items():
            if key in summary:
                values[family] = float(summary[key])
        small = self._small_files(snapshot)
        if small is not None:
            values["iceberg_table_small_files"] = small
        return values

    def _small_files(self, snapshot: Snapshot) -> int | None:
        manifests = snapshot.manifests(self._files)
        if len(manifests) > MOST_MANIFESTS:
            return None
        return sum(
            entry.data_file.file_size_in_bytes < self._small_file_bytes
            for manifest in manifests
            if int(manifest.content) == 0  # of data, not of deletes
            for entry in manifest.fetch_manifest_entry(self._files, discard_deleted=True)
        )
