"""A file that lies elsewhere comes here whole, once, and of one version, whatever happens on the way."""

import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millrace.errors import (
    ConfigurationError,
    DiskFullError,
    SourceMissingError,
    SourceUnavailableError,
    SourceUnreadableError,
)
from millrace.testing.object_store import ObjectStore
from millrace_sbir.sources import download as downloading
from millrace_sbir.sources.download import Patience, download
from millrace_sbir.sources.opening import Opening
from millrace_sbir.sources.remote import HttpFile

CONTENT = bytes(range(256)) * 20


def ranges(double: Any) -> list[str | None]:
    return [asked.headers.get("range") for asked in double.asked]


def test_a_file_comes_with_its_checksum(double: Any, tmp_path: Path, patience: Patience) -> None:
    double.content = CONTENT

    file = download(HttpFile(f"{double.url}/awards.csv"), tmp_path, patience=patience)

    assert file.path.read_bytes() == CONTENT
    assert file.sha256 == hashlib.sha256(CONTENT).hexdigest()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, len(CONTENT)), max_size=4))
def test_a_download_cut_at_any_byte_is_resumed_to_the_same_bytes(
    cuts: list[int], double: Any, tmp_path_factory: pytest.TempPathFactory, patience: Patience
) -> None:
    double.content, double.faults = CONTENT, [f"cut:{cut}" for cut in cuts]

    file = download(HttpFile(double.url), tmp_path_factory.mktemp("cut"), patience=patience)

    assert file.path.read_bytes() == CONTENT


def test_only_what_is_missing_is_asked_for(double: Any, tmp_path: Path, patience: Patience) -> None:
    double.content, double.faults = CONTENT, ["cut:1000"]

    download(HttpFile(double.url), tmp_path, patience=patience)

    assert ranges(double) == [None, "bytes=999-"]
    assert double.asked[1].headers["if-range"] == '"v1"'


def test_a_run_goes_on_where_the_one_before_it_was_killed(double: Any, tmp_path: Path, patience: Patience) -> None:
    double.content, double.faults = CONTENT, ["cut:1000", "500"]
    with pytest.raises(SourceUnavailableError):
        download(HttpFile(double.url), tmp_path, patience=Patience(attempts=2, sleep=lambda _: None))

    file = download(HttpFile(double.url), tmp_path, patience=patience)

    assert file.path.read_bytes() == CONTENT
    assert ranges(double)[-1] == "bytes=999-"


def test_a_file_changed_between_two_ranges_begins_anew(double: Any, tmp_path: Path, patience: Patience) -> None:
    double.content, double.faults = CONTENT, ["cut:1000", "change:another file altogether"]

    file = download(HttpFile(double.url), tmp_path, patience=patience)

    assert file.path.read_bytes() == b"another file altogether"


def test_a_server_without_validators_is_asked_from_the_beginning(
    double: Any, tmp_path: Path, patience: Patience
) -> None:
    double.content, double.etag, double.faults = CONTENT, "", ["cut:1000"]

    file = download(HttpFile(double.url), tmp_path, patience=patience)

    assert file.path.read_bytes() == CONTENT
    assert ranges(double) == [None, None]


def test_a_server_that_ignores_ranges_is_understood(double: Any, tmp_path: Path, patience: Patience) -> None:
    double.content, double.faults = CONTENT, ["cut:1000", "no ranges"]

    assert download(HttpFile(double.url), tmp_path, patience=patience).path.read_bytes() == CONTENT


def test_an_unchanged_file_does_not_come_twice(double: Any, tmp_path: Path, patience: Patience) -> None:
    double.content = CONTENT
    first = download(HttpFile(double.url), tmp_path, patience=patience)

    second = download(HttpFile(double.url), tmp_path, patience=patience)

    assert second == first
    assert double.asked[1].headers["if-none-match"] == '"v1"'


def test_two_files_whose_addresses_differ_in_the_query_are_two(double: Any, tmp_path: Path, patience: Patience) -> None:
    double.content, double.etag = b"one", ""
    one = download(HttpFile(f"{double.url}/export?file=1"), tmp_path, patience=patience)
    double.content = b"two"

    two = download(HttpFile(f"{double.url}/export?file=2"), tmp_path, patience=patience)

    assert (one.path.read_bytes(), two.path.read_bytes()) == (b"one", b"two")


def test_of_a_file_that_was_changed_the_old_content_is_removed(double: Any, tmp_path: Path, patience: Patience) -> None:
    double.content = CONTENT
    old = download(HttpFile(double.url), tmp_path, patience=patience)
    double.content, double.etag = b"new", '"v2"'

    new = download(HttpFile(double.url), tmp_path, patience=patience)

    assert new.path.read_bytes() == b"new"
    assert not old.path.exists()


def test_a_wrong_checksum_is_an_error_that_names_both(double: Any, tmp_path: Path, patience: Patience) -> None:
    double.content = CONTENT

    with pytest.raises(SourceUnreadableError, match=rf"checksum {hashlib.sha256(CONTENT).hexdigest()} \(expected 00\)"):
        download(HttpFile(double.url), tmp_path, sha256="00", patience=patience)

    assert len(double.asked) == 1
    assert not list((tmp_path / "content").iterdir())


def test_a_known_checksum_needs_no_request(double: Any, tmp_path: Path, patience: Patience) -> None:
    double.content = CONTENT
    first = download(HttpFile(double.url), tmp_path, patience=patience)

    download(HttpFile(double.url), tmp_path, sha256=first.sha256, patience=patience)

    assert len(double.asked) == 1


def test_waits_grow_and_a_server_that_says_how_long_is_obeyed(
    double: Any, tmp_path: Path, patience: Patience, waits: list[float]
) -> None:
    double.content, double.faults = CONTENT, ["500", "503", "429:7", "500"]

    download(HttpFile(double.url), tmp_path, patience=patience)

    assert 0.05 <= waits[0] <= 0.1
    assert 0.1 <= waits[1] <= 0.2
    assert waits[2] == 7
    assert 0.4 <= waits[3] <= 0.8


def test_a_source_that_stays_down_is_unavailable(
    double: Any, tmp_path: Path, patience: Patience, waits: list[float]
) -> None:
    double.faults = ["500"] * 10

    with pytest.raises(SourceUnavailableError, match="answers 500"):
        download(HttpFile(double.url), tmp_path, patience=patience)

    assert len(double.asked) == 5
    assert len(waits) == 4


@pytest.mark.parametrize(
    ("status", "error"), [("404", SourceMissingError), ("403", ConfigurationError), ("400", SourceUnreadableError)]
)
def test_an_answer_that_stays_is_not_asked_for_again(
    status: str, error: type[Exception], double: Any, tmp_path: Path, patience: Patience
) -> None:
    double.faults = [status]

    with pytest.raises(error):
        download(HttpFile(double.url), tmp_path, patience=patience)

    assert len(double.asked) == 1


def test_no_query_of_a_url_is_in_an_error_or_a_log_line(
    double: Any, tmp_path: Path, patience: Patience, caplog: pytest.LogCaptureFixture
) -> None:
    double.faults = ["500"] * 10
    caplog.set_level("DEBUG")

    with pytest.raises(SourceUnavailableError) as caught:
        download(HttpFile(f"{double.url}/a.csv?signature=hush"), tmp_path, patience=patience)

    assert double.asked[0].parameters == {"signature": "hush"}
    assert "hush" not in f"{caught.value}{caplog.text}"


def test_a_full_disk_is_said_to_be_full(
    double: Any, tmp_path: Path, patience: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(downloading._Part, "take", take)

    with pytest.raises(DiskFullError, match="no room"):
        download(HttpFile(double.url), tmp_path, patience=patience)


def test_two_runs_at_the_same_time_download_once(double: Any, tmp_path: Path, patience: Patience) -> None:
    from concurrent.futures import ThreadPoolExecutor

    double.content, double.faults = CONTENT, ["slow:0.3"]

    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda _: download(HttpFile(double.url), tmp_path, patience=patience), range(2)))

    assert both[0] == both[1]
    assert [asked.headers.get("if-none-match") for asked in double.asked] == [None, '"v1"']


def test_a_key_in_an_object_store_is_opened_and_known_again(
    object_store: ObjectStore, tmp_path: Path, patience: Patience
) -> None:
    place = object_store.place()
    place.store().put("awards.csv", CONTENT)
    opening = Opening(tmp_path, object_store.endpoint, object_store.secrets, patience=patience)

    source = opening.open(f"{place.address}/awards.csv")

    assert source.path.read_bytes() == CONTENT
    assert source.name == "awards.csv"
    assert opening.open(f"{place.address}/awards.csv") == source
    place.store().put("awards.csv", b"new")
    assert opening.open(f"{place.address}/awards.csv").path.read_bytes() == b"new"


def test_a_key_that_is_not_there_is_a_missing_source(object_store: ObjectStore, tmp_path: Path) -> None:
    opening = Opening(tmp_path, object_store.endpoint, object_store.secrets)

    with pytest.raises(SourceMissingError, match="no such key"):
        opening.open(f"{object_store.place().address}/awards.csv")


def test_a_local_file_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x")
    (tmp_path / "b.csv").write_bytes(b"x")
    opening = Opening(tmp_path)

    assert opening.open(str(tmp_path / "a.csv")).identity == opening.open(str(tmp_path / "b.csv")).identity


def test_an_unknown_scheme_is_a_setting_to_correct(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ftp:// is not known"):
        Opening(tmp_path).open("ftp://example.org/a.csv")
