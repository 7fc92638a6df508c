"""From the columns that a file has to the columns that the domain knows.

What belongs here: matching names, and telling which delimiter a header is written with. What does not: values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from millrace.errors import SourceUnreadableError
from millrace.quality import Reject, RejectKind, RejectLog

_DELIMITERS = (",", "\t", "|", ";")


@dataclass(frozen=True)
class Table:
    """What is expected of a source.

    Attributes:
        asset: Whose source it is, for errors.
        columns: Names in the file, and the domain's name for each.
        given: Further names in the file for the domain's.
    """

    asset: str
    columns: Mapping[str, str]
    given: Mapping[str, str] | None = None

    @property
    def names(self) -> list[str]:
        """The domain's names, in order."""
        return list(self.columns.values())


def delimiter_of(header_line: str, table: Table) -> str:
    """The delimiter with which a header names most of a table's columns; the comma if none names any."""
    known = {_plain(name) for name in _known(table)}

    def named(delimiter: str) -> int:
        return sum(_plain(cell.strip('"')) in known for cell in header_line.rstrip("\r\n").split(delimiter))

    return max(_DELIMITERS, key=named)


def matched(header: list[str], table: Table, file: str, log: RejectLog) -> list[str]:
    """The domain's name for each column of a file; for one that it does not know its own, with a space before it.

    A name matches as it is, else regardless of case, spaces and punctuation, else by the domain's own name for it.
    An unknown column is logged, a field reject, and not missed.

    Raises:
        SourceUnreadableError: columns are missing, or two have one name.
    """
    exact = _known(table)
    near = {_plain(name): own for name, own in exact.items()}
    found = [exact.get(cell) or near.get(_plain(cell)) for cell in header]
    for cell, own in zip(header, found, strict=True):
        if own is not None and found.count(own) > 1:
            raise SourceUnreadableError(
                f"sbir.{table.asset}",
                f"column {_public(own, table)!r} twice in {file}, once as {cell!r}",
                next_step="check the export that wrote it",
            )
    missing = [name for name in table.names if name not in found]
    if missing:
        shown = ", ".join(repr(_public(name, table)) for name in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise SourceUnreadableError(
            f"sbir.{table.asset}",
            f"{'column' if len(missing) == 1 else 'columns'} {shown}{more} missing in {file}"
            f" ({len(table.columns)} expected, {len(header)} found)",
            next_step="check the export that wrote it",
        )
    for cell, own in zip(header, found, strict=True):
        if own is None:
            log.add(Reject(RejectKind.FIELD, cell, f"a column of {file} that nothing is made of", "unknown_column"))
    return [own or f" {position} {cell}" for position, (cell, own) in enumerate(zip(header, found, strict=True))]


def matched_fields(fields: Iterable[str], table: Table, file: str, log: RejectLog) -> dict[str, str | None]:
    """The domain's name for each field of a record that is no row of a table; None for one that is not known."""
    exact = _known(table)
    near = {_plain(name): own for name, own in exact.items()}
    found = {field: exact.get(field) or near.get(_plain(field)) for field in sorted(fields)}
    for field, own in found.items():
        if own is None:
            log.add(Reject(RejectKind.FIELD, field, f"a field of {file} that nothing is made of", "unknown_column"))
    return found


def _known(table: Table) -> dict[str, str]:
    return {name: name for name in table.names} | dict(table.columns) | dict(table.given or {})


def _public(own: str, table: Table) -> str:
    return next((name for name, other in table.columns.items() if other == own), own)


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
