"""CSV with a header line, with or without a byte-order mark, plain or gzip; cells may hold line breaks.

Bytes that are no UTF-8 pass the decoder as surrogates, so that they cost their row and not the file.
"""

import csv
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

from millrace.errors import SourceUnreadableError
from millrace.quality import RejectLog, excerpt
from millrace_museum.sources.opening import DAMAGED, Record, damaged_reject, open_source, row_reject


def read_csv(path: Path, log: RejectLog, max_record_bytes: int) -> Iterator[tuple[int, Record]]:
    """Yield each row by its header's names, empty cells as None; log rows of another width or encoding.

    Raises:
        SourceUnreadableError: the file is empty, in another encoding, or names a column twice.
    """
    csv.field_size_limit(max_record_bytes)
    with open_source(path) as stream:
        text = TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
        rows = csv.reader(text, strict=True)
        number = 1
        try:
            header = next(rows)
            if len(set(header)) != len(header):
                raise SourceUnreadableError(str(path), f"a column is named twice in {header}")
            while True:
                number = rows.line_num + 1
                try:
                    row = next(rows)
                except StopIteration:
                    return
                except csv.Error as error:
                    log.add(row_reject(path, number, f"not CSV: {error}", "not_csv", ""))
                    continue
                if not row:
                    continue
                if len(row) != len(header):
                    reason = f"{len(row)} cells where the header has {len(header)}"
                    log.add(row_reject(path, number, reason, "wrong_width", excerpt(",".join(row))))
                elif bad := next((cell for cell in row if not _is_clean(cell)), None):
                    shown = bad.encode("utf-8", "surrogateescape")
                    log.add(row_reject(path, number, "a cell is not UTF-8", "not_utf8", excerpt(shown)))
                else:
                    yield number, {name: cell or None for name, cell in zip(header, row, strict=True)}
        except DAMAGED as error:
            log.add(damaged_reject(path, number, error))
        finally:
            text.detach()


def _is_clean(cell: str) -> bool:
    """Whether a cell came as UTF-8; isascii is checked first because most cells are ASCII."""
    return cell.isascii() or not any("\udc80" <= character <= "\udcff" for character in cell)
