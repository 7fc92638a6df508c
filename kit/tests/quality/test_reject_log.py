"""Rejects are read back as they were written, whatever they hold, from a folder and from a bucket."""

import tempfile
from pathlib import Path
from typing import Any

import pytest

from millrace.errors import SourceUnavailableError
from millrace.quality import Reject, RejectKind, RejectLog, read_rejects
from millrace.quality.rejects import EXCERPT_CHARACTERS, REASON_CHARACTERS
from millrace.stores import ACCESS_KEY_FILE, SECRET_KEY_FILE, BucketStore

NAME = "a.ndjson"


def reject(number: int, text: str = "x") -> Reject:
    return Reject(RejectKind.ROW, f"a.csv:{number}", text, "rule", text)


@pytest.mark.parametrize(
    "text",
    ["Käthe Kollwitz", "浮世絵 🎨", 'quotes " and \\ backslashes', "two\nlines\r\nand\u2028more", "\x00\x1f", ""],
    ids=["umlaut", "wide", "quotes", "lines", "control", "empty"],
)
def test_any_text_comes_back_as_it_went(spot: Any, text: str) -> None:
    written = [Reject(kind, text, text, text, text) for kind in RejectKind]
    with RejectLog(spot.store, NAME) as log:
        for one in written:
            log.add(one)

    assert list(read_rejects(spot.store, NAME)) == written
    assert len(spot.store.read(NAME).splitlines()) == len(written)


def test_half_a_surrogate_is_kept_as_an_escape_and_breaks_nothing(spot: Any) -> None:
    name = b"caf\xe9.csv".decode("utf-8", errors="surrogateescape")  # as os.fsdecode gives a Latin-1 file name
    with RejectLog(spot.store, NAME) as log:
        log.add(Reject(RejectKind.ROW, name, "r", "r", "\ud83d"))

    (read,) = read_rejects(spot.store, NAME)
    assert (read.place, read.excerpt) == ("caf\\udce9.csv", "\\ud83d")


def test_a_reason_and_an_excerpt_of_any_length_are_cut(spot: Any) -> None:
    with RejectLog(spot.store, NAME) as log:
        log.add(Reject(RejectKind.VALUE, "p", "r" * 1_000_000, "rule", "x" * 1_000_000))
        log.add(Reject(RejectKind.VALUE, "p", "r" * REASON_CHARACTERS, "rule", "x" * EXCERPT_CHARACTERS))

    long, whole = read_rejects(spot.store, NAME)
    assert long.reason == "r" * (REASON_CHARACTERS - 1) + "…"
    assert long.excerpt == "x" * (EXCERPT_CHARACTERS - 1) + "…"
    assert (whole.reason, whole.excerpt) == ("r" * REASON_CHARACTERS, "x" * EXCERPT_CHARACTERS)


def test_counts_are_kept_by_kind(spot: Any) -> None:
    with RejectLog(spot.store, NAME) as log:
        for kind in (RejectKind.ROW, RejectKind.ROW, RejectKind.FIELD):
            log.add(Reject(kind, "p", "r", "r"))

    assert dict(log.counts) == {RejectKind.ROW: 2, RejectKind.FIELD: 1}


def test_a_log_left_by_an_error_keeps_what_it_saw(spot: Any) -> None:

    def break_off() -> None:
        with RejectLog(spot.store, NAME) as log:
            log.add(reject(1))
            log.add(reject(2))
            raise ValueError("broke off")

    with pytest.raises(ValueError, match="broke off"):
        break_off()

    assert list(read_rejects(spot.store, NAME)) == [reject(1), reject(2)]


def test_a_log_that_a_store_does_not_take_leaves_no_scratch_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / ACCESS_KEY_FILE).write_text("key")
    (tmp_path / SECRET_KEY_FILE).write_text("secret")
    before = set(tmp_path.iterdir())
    log = RejectLog(BucketStore("http://127.0.0.1:1", "bucket", "p", tmp_path), NAME).open()
    log.add(reject(1))

    with pytest.raises(SourceUnavailableError):
        log.close()

    assert set(tmp_path.iterdir()) == before


def test_the_old_rejects_stand_until_the_log_is_closed(spot: Any) -> None:
    with RejectLog(spot.store, NAME) as log:
        log.add(reject(1))
    with RejectLog(spot.store, NAME) as log:
        log.add(reject(2))
        assert list(read_rejects(spot.store, NAME)) == [reject(1)]

    assert list(read_rejects(spot.store, NAME)) == [reject(2)]
    assert list(spot.stamps()) == [NAME]


def test_a_log_without_rejects_leaves_an_empty_file(spot: Any) -> None:
    with RejectLog(spot.store, NAME) as log:
        log.add(reject(1))
    with RejectLog(spot.store, NAME):
        pass

    assert spot.store.read(NAME) == b""
    assert list(read_rejects(spot.store, NAME)) == []


def test_closing_twice_does_nothing_more(spot: Any) -> None:
    log = RejectLog(spot.store, NAME).open()
    log.add(reject(1))
    log.close()
    log.close()

    assert list(read_rejects(spot.store, NAME)) == [reject(1)]


def test_a_log_that_is_not_open_takes_nothing(spot: Any) -> None:
    log = RejectLog(spot.store, "a_rows.ndjson")

    with pytest.raises(ValueError, match=r"a_rows\.ndjson is not open"):
        log.add(reject(1))


def test_an_asset_that_never_ran_has_no_rejects(spot: Any) -> None:
    assert list(read_rejects(spot.store, "none.ndjson")) == []
