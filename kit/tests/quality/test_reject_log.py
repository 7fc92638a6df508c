"""Rejects are read back as they were written, whatever they hold."""

from pathlib import Path

import pytest

from millrace.quality import Reject, RejectKind, RejectLog, read_rejects
from millrace.quality.rejects import EXCERPT_CHARACTERS, REASON_CHARACTERS
from millrace.stores import FolderStore


def reject(number: int, text: str = "x") -> Reject:
    return Reject(RejectKind.ROW, f"a.csv:{number}", text, "rule", text)


@pytest.mark.parametrize(
    "text",
    ["Käthe Kollwitz", "浮世絵 🎨", 'quotes " and \\ backslashes', "two\nlines\r\nand\u2028more", "\x00\x1f", ""],
    ids=["umlaut", "wide", "quotes", "lines", "control", "empty"],
)
def test_any_text_comes_back_as_it_went(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rejects" / "a.ndjson"
    written = [Reject(kind, text, text, text, text) for kind in RejectKind]
    with RejectLog(FolderStore(path.parent), path.name) as log:
        for one in written:
            log.add(one)

    assert list(read_rejects(FolderStore(path.parent), path.name)) == written
    assert len(path.read_bytes().splitlines()) == len(written)


def test_half_a_surrogate_is_kept_as_an_escape_and_breaks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    name = b"caf\xe9.csv".decode("utf-8", errors="surrogateescape")  # as os.fsdecode gives a Latin-1 file name
    with RejectLog(FolderStore(path.parent), path.name) as log:
        log.add(Reject(RejectKind.ROW, name, "r", "r", "\ud83d"))

    (read,) = read_rejects(FolderStore(path.parent), path.name)
    assert (read.place, read.excerpt) == ("caf\\udce9.csv", "\\ud83d")


def test_a_reason_and_an_excerpt_of_any_length_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    with RejectLog(FolderStore(path.parent), path.name) as log:
        log.add(Reject(RejectKind.VALUE, "p", "r" * 1_000_000, "rule", "x" * 1_000_000))
        log.add(Reject(RejectKind.VALUE, "p", "r" * REASON_CHARACTERS, "rule", "x" * EXCERPT_CHARACTERS))

    long, whole = read_rejects(FolderStore(path.parent), path.name)
    assert long.reason == "r" * (REASON_CHARACTERS - 1) + "…"
    assert long.excerpt == "x" * (EXCERPT_CHARACTERS - 1) + "…"
    assert (whole.reason, whole.excerpt) == ("r" * REASON_CHARACTERS, "x" * EXCERPT_CHARACTERS)


def test_counts_are_kept_by_kind(tmp_path: Path) -> None:
    with RejectLog(FolderStore(tmp_path), "a.ndjson") as log:
        for kind in (RejectKind.ROW, RejectKind.ROW, RejectKind.FIELD):
            log.add(Reject(kind, "p", "r", "r"))

    assert dict(log.counts) == {RejectKind.ROW: 2, RejectKind.FIELD: 1}


def test_a_log_left_by_an_error_keeps_what_it_saw(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"

    def break_off() -> None:
        with RejectLog(FolderStore(path.parent), path.name) as log:
            log.add(reject(1))
            log.add(reject(2))
            raise ValueError("broke off")

    with pytest.raises(ValueError, match="broke off"):
        break_off()

    assert list(read_rejects(FolderStore(path.parent), path.name)) == [reject(1), reject(2)]


def test_the_old_rejects_stand_until_the_log_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    with RejectLog(FolderStore(path.parent), path.name) as log:
        log.add(reject(1))
    with RejectLog(FolderStore(path.parent), path.name) as log:
        log.add(reject(2))
        assert list(read_rejects(FolderStore(path.parent), path.name)) == [reject(1)]

    assert list(read_rejects(FolderStore(path.parent), path.name)) == [reject(2)]
    assert [one.name for one in tmp_path.iterdir()] == ["a.ndjson"]


def test_a_log_without_rejects_leaves_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    with RejectLog(FolderStore(path.parent), path.name) as log:
        log.add(reject(1))
    with RejectLog(FolderStore(path.parent), path.name):
        pass

    assert path.read_bytes() == b""
    assert list(read_rejects(FolderStore(path.parent), path.name)) == []


def test_closing_twice_does_nothing_more(tmp_path: Path) -> None:
    log = RejectLog(FolderStore(tmp_path), "a.ndjson").open()
    log.add(reject(1))
    log.close()
    log.close()

    assert list(read_rejects(FolderStore(tmp_path), "a.ndjson")) == [reject(1)]


def test_a_log_that_is_not_open_takes_nothing(tmp_path: Path) -> None:
    log = RejectLog(FolderStore(tmp_path), "a_rows.ndjson")

    with pytest.raises(ValueError, match=r"a_rows\.ndjson is not open"):
        log.add(reject(1))


def test_an_asset_that_never_ran_has_no_rejects(tmp_path: Path) -> None:
    assert list(read_rejects(FolderStore(tmp_path), "none.ndjson")) == []
