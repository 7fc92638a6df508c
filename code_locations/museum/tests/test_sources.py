"""Adapters: what cannot be read costs its own line, and says where it stood and why."""

import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from millrace.errors import SourceMissingError, SourceUnreadableError
from millrace.quality import Reject, RejectKind, RejectLog
from millrace.stores import FolderStore
from millrace_museum.mapping import MuseumMapping
from millrace_museum.sources import FORMATS
from millrace_museum.sources.harvest import open_harvest

Read = Callable[..., tuple[list[tuple[int, Any]], list[Reject]]]

GOOD = {"ndjson": b'{"a":"1"}\n', "json": b'{"a":"1"}', "csv": b"a\n1\n"}


def only(rejects: list[Reject]) -> Reject:
    assert len(rejects) == 1, rejects
    return rejects[0]


def test_one_bad_line_costs_one_line(read: Read) -> None:
    records, rejects = read("ndjson", b'{"a":1}\n{"a":2,}\n{"a":3}\n')

    assert records == [(1, {"a": 1}), (3, {"a": 3})]
    reject = only(rejects)
    assert (reject.kind, reject.place, reject.rule) == (RejectKind.ROW, "source.ndjson:2", "not_json")
    assert reject.reason.startswith("not JSON: ")
    assert reject.reason.endswith(" at character 7")
    assert reject.excerpt == '{"a":2,}'


def test_a_torn_last_line_costs_itself(read: Read) -> None:
    records, rejects = read("ndjson", b'{"a":1}\n{"a":')

    assert records == [(1, {"a": 1})]
    assert only(rejects).place == "source.ndjson:2"


def test_a_latin1_line_costs_itself_and_names_the_byte(read: Read) -> None:
    records, rejects = read("ndjson", b'{"a":1}\n{"a":"Caf\xe9"}\n{"a":3}\n')

    assert [line for line, _ in records] == [1, 3]
    reject = only(rejects)
    assert (reject.place, reject.rule) == ("source.ndjson:2", "not_utf8")
    assert reject.reason == "not UTF-8: byte 0xe9 at byte 10 of the record"
    assert reject.excerpt == '{"a":"Caf\\xe9"}'


@pytest.mark.parametrize("form", ["ndjson", "json"])
@pytest.mark.parametrize("digits", [18, 19, 20, 40, 300])
@pytest.mark.parametrize(
    "around", [b'{"a":%d}', b'{"a": -%d }', b'{"a":{"b":[1,%d,2]}}', b'{"b":"\xc3\xa9","a":%d,"c":0.1}']
)
def test_integers_of_any_length_stay_what_they_are(read: Read, form: str, digits: int, around: bytes) -> None:
    text = around.replace(b"%d", b"7" * digits)

    records, rejects = read(form, text + b"\n")

    assert rejects == []
    assert records == [(1, json.loads(text))]


def test_a_lone_surrogate_costs_its_line(read: Read) -> None:
    records, rejects = read("ndjson", b'{"a":"\\ud800"}\n{"a":2}\n')

    assert [line for line, _ in records] == [2]
    assert only(rejects).rule == "not_json"


@pytest.mark.parametrize(("line", "came"), [(b"[1]", "list"), (b'"text"', "str"), (b"null", "NoneType"), (b"7", "int")])
def test_an_ndjson_line_that_is_no_object_is_rejected(read: Read, line: bytes, came: str) -> None:
    records, rejects = read("ndjson", line + b'\n{"a":1}\n')

    assert [number for number, _ in records] == [2]
    reject = only(rejects)
    assert (reject.place, reject.rule) == ("source.ndjson:1", "not_an_object")
    assert reject.reason == f"expected a JSON object, got {came}"


def test_blank_lines_are_counted_and_no_record(read: Read) -> None:
    records, rejects = read("ndjson", b'\n{"a":1}\r\n  \n{"a":2}\n')

    assert [line for line, _ in records] == [2, 4]
    assert rejects == []


def test_an_over_long_ndjson_line_is_skipped(read: Read) -> None:
    long = b'{"a":"' + b"x" * 5_000 + b'"}\n'

    records, rejects = read("ndjson", b'{"a":1}\n' + long + b'{"a":3}\n', most=100)

    assert [line for line, _ in records] == [1, 3]
    reject = only(rejects)
    assert (reject.place, reject.rule) == ("source.ndjson:2", "record_too_long")
    assert reject.reason == f"the line has {len(long):,} bytes, at most 100 are taken"
    assert len(reject.excerpt) <= 200


def test_an_ndjson_line_of_exactly_the_limit_is_taken(read: Read) -> None:
    line = b'{"a":"12345"}'

    records, rejects = read("ndjson", line + b"\n" + line, most=len(line))

    assert (len(records), rejects) == (2, [])


@pytest.mark.parametrize("form", ["ndjson", "csv", "json"])
def test_an_over_long_record_never_lies_in_memory(form: str, tmp_path: Path) -> None:
    size = 64 << 20
    path = tmp_path / "long.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"a\n" if form == "csv" else b'{"a":"')
        for _ in range(size >> 20):
            file.write(b"x" * (1 << 20))
        file.write(b"\n")
    with RejectLog(FolderStore(tmp_path), "rejects.ndjson") as log:
        tracemalloc.start()
        records = list(FORMATS[form](path, path.name, log, 1 << 16))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert records == []
    assert log.counts[RejectKind.ROW] == 1
    assert peak < size / 8


@pytest.mark.parametrize("form", ["ndjson", "csv"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_utf16_file_is_refused_with_the_command_that_converts_it(read: Read, form: str, encoding: str) -> None:
    with pytest.raises(SourceUnreadableError, match=r"is in UTF-16 .*expected UTF-8.*iconv -f UTF-16 -t UTF-8"):
        read(form, ("\ufeff" + GOOD[form].decode()).encode(encoding))


def test_a_utf16_file_in_a_folder_of_json_costs_that_file(read: Read) -> None:
    records, rejects = read("json", ("\ufeff" + '{"a":1}').encode("utf-16-le"))

    assert records == []
    reject = only(rejects)
    assert (reject.kind, reject.place, reject.rule) == (RejectKind.ROW, "source.json:1", "unreadable_file")
    assert reject.reason == "is in UTF-16 (little endian)"


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_an_empty_file_is_refused(read: Read, form: str) -> None:
    with pytest.raises(SourceUnreadableError, match="the file is empty; check the export"):
        read(form, b"")


def test_an_empty_json_file_costs_that_file(read: Read) -> None:
    records, rejects = read("json", b"")

    assert records == []
    assert (only(rejects).reason, rejects[0].rule) == ("the file is empty", "unreadable_file")


@pytest.mark.parametrize("form", ["ndjson", "json", "csv"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("packed", [False, True])
def test_gzip_and_byte_order_mark_are_seen_by_their_bytes(read: Read, form: str, bom: bytes, packed: bool) -> None:
    content = bom + GOOD[form]

    records, rejects = read(form, gzip.compress(content) if packed else content, name="without_suffix")

    assert [record for _, record in records] == [{"a": "1"}]
    assert rejects == []


def many(form: str, count: int) -> tuple[bytes, list[bytes]]:
    """A file of records that do not compress well, and its lines of records."""
    values = [f"{number:05}{number * 2_654_435_761 % 2**64:020}" for number in range(count)]
    if form == "csv":
        return b"a\n", [f"{value}\n".encode() for value in values]
    return b"", [orjson.dumps({"a": value}) + b"\n" for value in values]


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_a_truncated_gzip_keeps_the_records_before_the_break(read: Read, form: str) -> None:
    head, lines = many(form, 20_000)
    packed = gzip.compress(head + b"".join(lines))

    records, rejects = read(form, packed[: len(packed) // 2], name="cut.gz")

    assert 5_000 < len(records) < 15_000
    assert [record["a"][:5] for _, record in records] == [f"{number:05}" for number in range(len(records))]
    last_line = records[-1][0]
    reject = only(rejects)
    assert (reject.kind, reject.rule) == (RejectKind.SOURCE, "truncated_source")
    assert reject.place == f"cut.gz:{last_line + 1}"
    assert reject.reason.startswith(f"the compressed file breaks off after line {last_line:,} (")


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_a_gzip_whose_checksum_fails_is_a_source_reject(read: Read, form: str) -> None:
    head, lines = many(form, 100)
    packed = bytearray(gzip.compress(head + b"".join(lines)))
    packed[-8] ^= 0xFF

    records, rejects = read(form, bytes(packed), name="wrong.gz")

    assert len(records) == 100
    assert only(rejects).kind is RejectKind.SOURCE


def test_a_truncated_json_file_is_a_source_reject(read: Read) -> None:
    packed = gzip.compress(orjson.dumps([{"a": number * 2_654_435_761} for number in range(10_000)]))

    records, rejects = read("json", packed[: len(packed) // 2], name="cut.json.gz")

    assert records == []
    assert (only(rejects).kind, rejects[0].place) == (RejectKind.SOURCE, "cut.json.gz:1")


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_a_gzip_that_ends_before_its_first_byte_is_refused(read: Read, form: str) -> None:
    with pytest.raises(SourceUnreadableError, match="is no readable gzip file"):
        read(form, gzip.compress(GOOD[form])[:6])


def test_a_json_file_holds_one_record_or_an_array_of_them(read: Read) -> None:
    assert read("json", b'{"a":1}') == ([(1, {"a": 1})], [])
    assert read("json", b'[{"a":1},{"a":2}]') == ([(1, {"a": 1}), (2, {"a": 2})], [])


def test_an_array_item_that_is_no_object_costs_itself(read: Read) -> None:
    records, rejects = read("json", b'[{"a":1},7,{"a":3}]')

    assert [number for number, _ in records] == [1, 3]
    reject = only(rejects)
    assert (reject.place, reject.rule) == ("source.json:2", "not_an_object")
    assert reject.reason == "expected a JSON object, got int"


@pytest.mark.parametrize(("content", "rule"), [(b'{"a":', "not_json"), (b'{"a":"\xe9"}', "not_utf8")])
def test_a_broken_json_file_costs_itself(read: Read, content: bytes, rule: str) -> None:
    records, rejects = read("json", content)

    assert records == []
    assert (only(rejects).place, rejects[0].rule) == ("source.json:1", rule)


def test_a_json_file_beyond_the_limit_is_rejected_unread(read: Read) -> None:
    records, rejects = read("json", b'{"a":"' + b"x" * 500 + b'"}', most=100)

    assert records == []
    assert only(rejects).rule == "record_too_long"
    assert rejects[0].reason == "the file has more than 100 bytes; give large collections as NDJSON"


@pytest.mark.parametrize(("row", "cells"), [(b"1", 1), (b"1,2,3", 3)])
def test_a_csv_row_of_another_width_is_rejected(read: Read, row: bytes, cells: int) -> None:
    records, rejects = read("csv", b"a,b\n1,2\n" + row + b"\n3,4\n")

    assert [line for line, _ in records] == [2, 4]
    reject = only(rejects)
    assert (reject.place, reject.rule, reject.excerpt) == ("source.csv:3", "wrong_width", row.decode())
    assert reject.reason == f"{cells} cells where the header has 2"


@pytest.mark.parametrize(("row", "rule"), [(b"1,Caf\xe9", "not_utf8"), (b"1,Caf\xe9,3", "wrong_width")])
def test_a_latin1_csv_row_costs_itself(read: Read, row: bytes, rule: str) -> None:
    records, rejects = read("csv", b"a,b\n" + row + b"\n3,4\n")

    assert records == [(3, {"a": "3", "b": "4"})]
    assert (only(rejects).place, rejects[0].rule) == ("source.csv:2", rule)
    assert "Caf\\xe9" in rejects[0].excerpt


def test_a_csv_cell_with_line_breaks_is_one_cell_and_later_lines_keep_their_numbers(read: Read) -> None:
    records, rejects = read("csv", b'a,b\n1,"x\ny\r\nz"\n2,w\n')

    assert records == [(2, {"a": "1", "b": "x\ny\r\nz"}), (5, {"a": "2", "b": "w"})]
    assert rejects == []


def test_a_csv_with_old_line_ends_is_read(read: Read) -> None:
    records, _ = read("csv", b"a,b\r1,2\r3,4\r")

    assert records == [(2, {"a": "1", "b": "2"}), (3, {"a": "3", "b": "4"})]


def test_empty_csv_cells_are_nothing_and_empty_lines_no_rows(read: Read) -> None:
    records, rejects = read("csv", b'a,b\n1,\n\n"",2\n')

    assert records == [(2, {"a": "1", "b": None}), (4, {"a": None, "b": "2"})]
    assert rejects == []


@pytest.mark.parametrize("after", [b'4,"x"\n', b""])
def test_a_quote_that_is_never_closed_costs_one_line(read: Read, after: bytes) -> None:
    records, rejects = read("csv", b'a,b\n"1,2\n2,2\n3,2\n' + after)

    assert [record["a"] for _, record in records][:2] == ["2", "3"]
    assert [line for line, _ in records][:2] == [3, 4]
    assert len(records) == (3 if after else 2)
    reject = only(rejects)
    assert (reject.place, reject.rule, reject.excerpt) == ("source.csv:2", "not_csv", '"1,2')


def test_an_over_long_csv_line_is_skipped(read: Read) -> None:
    records, rejects = read("csv", b"a,b\n1," + b"x" * 5_000 + b"\n3,4\n", most=100)

    assert records == [(3, {"a": "3", "b": "4"})]
    reject = only(rejects)
    assert (reject.place, reject.rule) == ("source.csv:2", "record_too_long")
    assert reject.reason == "the line has 5,003 characters, at most 100 are taken"


def test_an_open_quote_before_an_over_long_line_costs_two_lines(read: Read) -> None:
    records, rejects = read("csv", b'a,b\n"1,2\n' + b"x" * 5_000 + b"\n3,4\n", most=100)

    assert records == [(4, {"a": "3", "b": "4"})]
    assert [(reject.place, reject.rule) for reject in rejects] == [
        ("source.csv:2", "not_csv"),
        ("source.csv:3", "record_too_long"),
    ]


@pytest.mark.parametrize(
    ("header", "problem"),
    [(b"a,a", "a column is named twice"), (b"a,\xe9", "the header line is not UTF-8"), (b'"a', "is not CSV")],
)
def test_a_csv_header_that_cannot_be_used_is_refused(read: Read, header: bytes, problem: str) -> None:
    with pytest.raises(SourceUnreadableError, match=problem):
        read("csv", header + b"\n1,2\n")


def museum(form: str, files: str) -> MuseumMapping:
    fields = {"object_id": {"from": "id"}, "title": {"from": "name"}}
    return MuseumMapping.model_validate(
        {"museum": "small", "title": "Small", "objects": {"files": files, "format": form, "fields": fields}}
    )


@pytest.mark.parametrize(("form", "files"), [("ndjson", "*.ndjson"), ("json", "*.json"), ("csv", "works.csv")])
def test_a_missing_file_lists_what_is_there(form: str, files: str, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("x")
    (tmp_path / "more.xml").write_text("x")

    with pytest.raises(SourceMissingError) as caught:
        open_harvest(museum(form, files), "objects", tmp_path, 1_000)

    assert f"no file {files} in {tmp_path}, which holds more.xml, other.txt" in str(caught.value)
    assert "correct objects.files in the mapping of Small" in str(caught.value)


def test_a_missing_folder_says_how_to_give_one(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError, match="MUSEUM_SOURCE"):
        open_harvest(museum("csv", "*.csv"), "objects", tmp_path / "nowhere", 1_000)


def test_a_folder_of_json_keeps_what_is_good_and_names_the_file_that_is_not(harvest: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.json").write_bytes(b'{"id":1,"name":"One"}')
    (source / "b.json").write_bytes(b'{"id":2')
    (source / "c.json").write_bytes(b'[{"id":3,"name":"Three"},{"id":4}]')

    frame, rejects = harvest(museum("json", "*.json"), "objects", source)

    assert frame.select("source_file", "source_line", "object_id").rows() == [("a.json", 1, "1"), ("c.json", 1, "3")]
    assert [(reject.place, reject.rule) for reject in rejects] == [
        ("b.json:1", "not_json"),
        ("c.json:2", "missing_title"),
    ]
    assert rejects[1].reason == "required field title ('name' in the source) is missing"


def test_a_source_without_one_usable_record_is_refused(harvest: Any, tmp_path: Path) -> None:
    (tmp_path / "works.ndjson").write_bytes(b'{"id":1}\nnothing\n')

    with pytest.raises(SourceUnreadableError, match=r"not one usable record in works.ndjson, 2 rejected"):
        harvest(museum("ndjson", "*.ndjson"), "objects", tmp_path)


def test_a_field_that_no_mapping_names_is_counted(harvest: Any, tmp_path: Path) -> None:
    (tmp_path / "works.ndjson").write_bytes(b'{"id":1,"name":"x","extra":1}\n{"id":2,"name":"y"}\n')

    _, rejects = harvest(museum("ndjson", "*.ndjson"), "objects", tmp_path)

    reject = only(rejects)
    assert (reject.kind, reject.place, reject.rule) == (RejectKind.FIELD, "extra", "unmapped_field")
    assert reject.reason == "in 1 of 2 records, named by no mapping"


def test_a_mapped_field_that_never_came_is_named(harvest: Any, tmp_path: Path) -> None:
    (tmp_path / "works.csv").write_bytes(b"id,name,medium\n1,x,\n")
    mapping = museum("csv", "*.csv").model_dump(by_alias=True)
    mapping["objects"]["fields"]["medium"] = {"from": "medium"}

    _, rejects = harvest(MuseumMapping.model_validate(mapping), "objects", tmp_path)

    assert (only(rejects).kind, rejects[0].place, rejects[0].rule) == (RejectKind.FIELD, "medium", "absent_field")


def test_the_first_rows_of_a_harvest_are_no_more_than_asked_for(tmp_path: Path) -> None:
    lines = [b'{"id":%d,"name":"x"}\n' % number for number in range(12_000)]
    (tmp_path / "works.ndjson").write_bytes(b"".join(lines))
    opened = open_harvest(museum("ndjson", "*.ndjson"), "objects", tmp_path, 1_000)
    assert opened is not None

    with RejectLog(FolderStore(tmp_path), "rejects.ndjson") as log:
        frame = opened.frame(log).head(7).collect()

    assert frame["object_id"].to_list() == [str(number) for number in range(7)]
