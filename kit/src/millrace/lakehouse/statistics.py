"""Figures of a table that its metadata has, so that no row is read for them.

What belongs here: reading them off data files. What does not: what they are shown as.
"""

from typing import TYPE_CHECKING

from millrace.lakehouse.copies import live_files

if TYPE_CHECKING:
    from millrace.lakehouse.tables import Table


def null_counts(table: "Table", snapshot_id: int) -> dict[str, int]:
    """Nulls of each column whose files all have counted them.

    A column is left out if it is nested (its leaves are counted), younger than a file, or if rows were deleted beside
    the files, as other engines do.
    """
    from pyiceberg.manifest import ManifestContent

    loaded = table.load()
    snapshot = loaded.metadata.snapshot_by_id(snapshot_id)
    if snapshot is None or any(one.content == ManifestContent.DELETES for one in snapshot.manifests(loaded.io)):
        return {}
    fields = {field.field_id: field.name for field in loaded.schema().fields if field.field_type.is_primitive}
    counts = dict.fromkeys(fields, 0)
    for file in live_files(loaded, snapshot):
        said = file.null_value_counts or {}
        counts = {number: count + said[number] for number, count in counts.items() if number in said}
    return {fields[number]: count for number, count in counts.items()}
