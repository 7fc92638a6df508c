"""Each source is read whatever it is packed in, written in, and called; what cannot be read is told with its line."""

import codecs
import csv
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from millrace.errors import SourceMissingError, SourceUnreadableError
from millrace.quality import Reject, RejectKind, RejectLog
from millrace_sbir.columns import AWARDS, COMPANIES, PATENTS, SAM_ENTITIES
from millrace_sbir.sources.delimited import Limits
from millrace_sbir.sources.opening import OpenedSource, Opening
from millrace_sbir.sources.tables import read_awards, read_companies, read_patents, read_sam

Collected = Callable[[Callable[[RejectLog], Iterator[pl.DataFrame]]], tuple[pl.DataFrame, list[Reject]]]
COMPANY = [
    "Lumatek, Inc.",
    "AAAAAAAAAAA1",
    "012345678",
    "3",
    "1 Main",
    "",
    "Woburn",
    "MA",
    "01801",
    "US",
    "N",
    "Y",
    "N",
    "",
]


def companies(*rows: list[str], header: list[str] | None = None, delimiter: str = ",", end: str = "\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows([header or list(COMPANIES), *rows])
    return text.getvalue()


@pytest.fixture
def read_bytes(tmp_path: Path, collected: Collected) -> Callable[..., tuple[pl.DataFrame, list[Reject]]]:
    """Read bytes as the company file."""

    def run(content: bytes, name: str = "companies.csv", read: Any = read_companies, **options: Any) -> Any:
        (tmp_path / name).write_bytes(content)
        return collected(lambda log: read(OpenedSource(name, tmp_path / name), log, **options))

    return run


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return packed.getvalue()


def test_a_row_has_the_columns_of_the_domain_and_its_place(read_bytes: Any) -> None:
    read, rejects = read_bytes(companies(COMPANY).encode())

    assert read.columns == [*COMPANIES.values(), "source_file", "line"]
    assert read.row(0) == (*(cell or None for cell in COMPANY), "companies.csv", 2)
    assert set(read.drop("line").dtypes) == {pl.String}
    assert not rejects


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_any_system_are_read(end: str, read_bytes: Any) -> None:
    read, rejects = read_bytes(companies(COMPANY, COMPANY, end=end).encode())

    assert read["line"].to_list() == [2, 3]
    assert read["company_website"].null_count() == 2
    assert not rejects


@pytest.mark.parametrize("delimiter", [",", "\t", "|", ";"])
def test_the_delimiter_is_told_from_the_header(delimiter: str, read_bytes: Any) -> None:
    read, _ = read_bytes(companies(COMPANY, delimiter=delimiter).encode())

    assert read["company_name"].to_list() == ["Lumatek, Inc."]


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
        (b"", "cp1252"),
    ],
)
def test_the_encoding_is_told_from_the_bytes(mark: bytes, encoding: str, read_bytes: Any) -> None:
    rows = [["Café “Müller” – Zoë", *COMPANY[1:]]] * 3

    read, rejects = read_bytes(mark + companies(*rows).encode(encoding))

    assert read["company_name"].to_list() == ["Café “Müller” – Zoë"] * 3
    assert not rejects


def test_strays_of_windows_1252_in_utf8_are_repaired_and_told(read_bytes: Any) -> None:
    good = companies(["Zoë", *COMPANY[1:]], ["Zoë", *COMPANY[1:]]).encode()
    stray = ",".join(["\x93Zo\xeb\x94", *COMPANY[1:]]).replace("Lumatek, ", "").encode("latin-1")

    read, rejects = read_bytes(good + stray + b"\n")

    assert read["company_name"].to_list() == ["Zoë", "Zoë", "“Zoë”"]
    assert [(one.kind, one.rule, one.place) for one in rejects] == [
        (RejectKind.VALUE, "cp1252_bytes", "companies.csv:4")
    ]


def test_a_byte_of_no_encoding_costs_its_row(read_bytes: Any) -> None:
    text = companies(COMPANY, ["Bad", *COMPANY[1:]], COMPANY).encode().replace(b"Bad", b"Z\x81")

    read, rejects = read_bytes(text)

    assert read["line"].to_list() == [2, 4]
    assert [(one.rule, one.place) for one in rejects] == [("not_utf8", "companies.csv:3")]


@pytest.mark.parametrize("pack", [lambda text: text, gzip.compress, lambda text: zipped(companies__csv=text)])
def test_packed_or_plain_a_source_is_the_same(pack: Callable[[bytes], bytes], read_bytes: Any) -> None:
    read, _ = read_bytes(pack(companies(COMPANY).encode()), name="companies")

    assert read.row(0) == (*(cell or None for cell in COMPANY), "companies", 2)


def test_every_member_of_a_zip_that_looks_like_data_is_read(read_bytes: Any) -> None:
    text = companies(COMPANY).encode()

    read, _ = read_bytes(zipped(a__csv=text, b__csv=text, readme__md=b"# Read me"), name="c.zip")

    assert read["source_file"].to_list() == ["c.zip/a.csv", "c.zip/b.csv"]


def test_what_a_torn_archive_has_is_read_and_its_end_is_told(read_bytes: Any) -> None:
    text = companies(*[[f"Firm {number}", *COMPANY[1:]] for number in range(3_000)]).encode()

    read, rejects = read_bytes(gzip.compress(text)[:-2_000])

    assert 0 < read.height < 3_000
    assert read["company_name"].to_list()[:-1] == [f"Firm {number}" for number in range(read.height - 1)]
    assert rejects[-1].rule in ("truncated_source", "wrong_width", "not_csv")
    assert "truncated_source" in {one.rule for one in rejects}


def test_a_bomb_is_stopped_at_the_limit(tmp_path: Path, collected: Collected) -> None:
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(companies(COMPANY).encode() + b"\0" * (64 << 20)))
    source = OpenedSource("bomb.gz", tmp_path / "bomb.gz", max_unpacked_bytes=1 << 20)

    with pytest.raises(SourceUnreadableError, match=r"more than 1,048,576 bytes.*max_unpacked_bytes"):
        collected(lambda log: read_companies(source, log))


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b" [ ]\n[] ", companies().encode(), b"PK\x03\x04 no zip", b"\x1f\x8b no gzip"],
    ids=["no_byte", "no_object", "two_empty_arrays", "a_header_alone", "no_zip", "no_gzip"],
)
def test_what_is_nothing_is_an_error_and_no_empty_table(content: bytes, read_bytes: Any) -> None:
    with pytest.raises(SourceUnreadableError):
        read_bytes(content)


def test_arrays_one_after_another_are_read_as_one(read_bytes: Any) -> None:
    objects = [json.dumps({"company_name": f"Firm {number}"}) for number in range(3)]

    frame, rejects = read_bytes(f"[{objects[0]}]\n[{objects[1]},\n{objects[2]}]\n".encode())

    assert frame.select("company_name", "line").rows() == [("Firm 0", 1), ("Firm 1", 2), ("Firm 2", 3)]
    assert rejects == []


def test_what_follows_an_array_and_is_none_is_told(read_bytes: Any) -> None:
    frame, rejects = read_bytes(b'[{"company_name": "Firm 0"}] {"company_name": "Firm 1"}')

    assert frame["company_name"].to_list() == ["Firm 0"]
    assert [(one.kind, one.rule) for one in rejects] == [(RejectKind.SOURCE, "truncated_source")]


@pytest.mark.parametrize("value", ["9" * 5_000, "[" * 20_000 + "]" * 20_000], ids=["digits", "levels"])
@pytest.mark.parametrize("form", ["[{}]", "{}"], ids=["array", "lines"])
def test_a_record_that_no_parser_takes_costs_itself_alone(form: str, value: str, read_bytes: Any) -> None:
    between = ",\n" if form == "[{}]" else "\n"
    records = ['{"company_name": "Firm 0"}', f'{{"company_name": {value}}}', '{"company_name": "Firm 2"}']

    frame, rejects = read_bytes(form.format(between.join(records)).encode())

    assert frame["company_name"].to_list() == ["Firm 0", "Firm 2"]
    assert [one.rule for one in rejects] == ["not_json"]


def test_a_zip_that_only_others_unpack_is_one_clear_error(tmp_path: Path, read_bytes: Any) -> None:
    path = tmp_path / "companies.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("companies.csv", companies(COMPANY))
    content = bytearray(path.read_bytes())
    deflate64 = 9
    content[8] = deflate64
    content[content.index(b"PK\x01\x02") + 10] = deflate64

    with pytest.raises(SourceUnreadableError, match=r"companies\.csv cannot be unpacked.*pack it with Deflate"):
        read_bytes(bytes(content))


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError, match=r"no file .*awards\.csv"):
        Opening(tmp_path).open(str(tmp_path / "awards.csv"))


def test_a_checksum_behind_an_address_is_held_against_the_content(tmp_path: Path) -> None:
    path = tmp_path / "awards.csv"
    path.write_bytes(b"any")
    right = hashlib.sha256(b"any").hexdigest()

    assert Opening(tmp_path).open(f"{path}#sha256={right}").path == path
    with pytest.raises(SourceUnreadableError, match=rf"has the checksum {right} \(expected {'0' * 64}\)"):
        Opening(tmp_path).open(f"{path}#sha256={'0' * 64}")


def test_a_missing_column_is_one_clear_error(read_bytes: Any) -> None:
    header = [name for name in AWARDS if name != "Award Amount"]
    text = companies(["x"] * 41, header=header).encode()

    with pytest.raises(SourceUnreadableError) as caught:
        read_bytes(text, name="awards.csv", read=read_awards)

    assert str(caught.value) == (
        "sbir.raw_sbir_awards: column 'Award Amount' missing in awards.csv (42 expected, 41 found); "
        "check the export that wrote it"
    )


def test_columns_are_known_whatever_their_case_and_spaces(read_bytes: Any) -> None:
    header = [name.upper().replace(" ", "_") for name in COMPANIES]

    assert read_bytes(companies(COMPANY, header=header).encode())[0]["company_name"].to_list() == ["Lumatek, Inc."]


def test_columns_come_in_any_order(read_bytes: Any) -> None:
    read, _ = read_bytes(companies(COMPANY[::-1], header=list(COMPANIES)[::-1]).encode())

    assert read.row(0)[:-2] == tuple(cell or None for cell in COMPANY)


def test_an_unknown_column_is_told_and_left_out(read_bytes: Any) -> None:
    read, rejects = read_bytes(companies([*COMPANY, "blue"], header=[*COMPANIES, "Colour"]).encode())

    assert read.height == 1
    assert [(one.kind, one.place, one.rule) for one in rejects] == [(RejectKind.FIELD, "Colour", "unknown_column")]


def test_a_column_given_by_the_settings_is_known(read_bytes: Any) -> None:
    header = ["Firma", *list(COMPANIES)[1:]]

    read, _ = read_bytes(companies(COMPANY, header=header).encode(), columns={"Firma": "company_name"})

    assert read["company_name"].to_list() == ["Lumatek, Inc."]


def test_a_column_that_comes_twice_is_an_error(read_bytes: Any) -> None:
    with pytest.raises(SourceUnreadableError, match="'Company Name' twice"):
        read_bytes(companies([*COMPANY, "x"], header=[*COMPANIES, "COMPANY NAME"]).encode())


def test_a_record_that_is_too_long_costs_itself(read_bytes: Any) -> None:
    long = ["x" * 5_000, *COMPANY[1:]]

    read, rejects = read_bytes(companies(COMPANY, long, COMPANY).encode(), limits=Limits(max_record_bytes=1_000))

    assert read["line"].to_list() == [2, 4]
    assert [(one.rule, one.place) for one in rejects] == [("record_too_long", "companies.csv:3")]


def test_line_numbers_count_the_line_breaks_within_cells(read_bytes: Any) -> None:
    broken = ["one\ntwo\r\nthree", *COMPANY[1:]]

    read, _ = read_bytes(companies(COMPANY, broken, COMPANY).encode())

    assert read["line"].to_list() == [2, 3, 6]
    assert read["company_name"].to_list()[1] == "one\ntwo\r\nthree"


def test_json_gives_the_frames_that_csv_gives(read_bytes: Any) -> None:
    # As https://www.sbir.gov/api/awards names the fields.
    award = {
        "firm": "Lumatek",
        "award_title": "A lamp",
        "award_amount": 149_999.5,
        "duns": "012345678",
        "women_owned": "Y",
    }
    lines = "".join(json.dumps(one) + "\n" for one in (award, {"firm": "Zoë", "award_link": 7}))

    read, rejects = read_bytes(lines.encode(), name="awards.json", read=read_awards)

    assert read.columns == [*AWARDS.values(), "source_file", "line"]
    assert read.select("company_name", "award_amount", "duns", "is_woman_owned", "line").rows() == [
        ("Lumatek", "149999.5", "012345678", "Y", 1),
        ("Zoë", None, None, None, 2),
    ]
    assert [(one.kind, one.place) for one in rejects] == [(RejectKind.FIELD, "award_link")]


def test_an_array_of_any_size_is_read_with_its_lines(read_bytes: Any) -> None:
    awards = [{"firm": f"Firm {number}", "abstract": "x" * 900} for number in range(4_000)]

    read, rejects = read_bytes(json.dumps(awards, indent=1).encode(), name="awards.json", read=read_awards)

    assert read["company_name"].to_list() == [f"Firm {number}" for number in range(4_000)]
    assert read["line"].to_list() == list(range(2, 4 * 4_000, 4))
    assert not rejects


def test_a_damaged_element_costs_itself(read_bytes: Any) -> None:
    text = '[{"firm": "A"},\n{"firm": "B", broken},\n{"firm": "C"}, 7, {"firm": "D"}]'

    read, rejects = read_bytes(text.encode(), name="awards.json", read=read_awards)

    assert read["company_name"].to_list() == ["A", "C", "D"]
    assert [(one.rule, one.place) for one in rejects] == [
        ("not_json", "awards.json:2"),
        ("not_an_object", "awards.json:3"),
    ]


def test_an_array_without_an_end_is_told(read_bytes: Any) -> None:
    read, rejects = read_bytes(b'[{"firm": "A"},\n{"firm": "B', name="awards.json", read=read_awards)

    assert read["company_name"].to_list() == ["A"]
    assert rejects[-1].rule in ("not_json", "truncated_source")


def test_json_of_something_else_is_an_error(read_bytes: Any) -> None:
    with pytest.raises(SourceUnreadableError, match="no field of"):
        read_bytes(b'{"type": "FeatureCollection"}\n', name="awards.json", read=read_awards)


def test_a_registry_that_breaks_off_is_told(read_bytes: Any) -> None:
    record = "|".join(["AAAAAAAAAAA1", *[""] * 140, "!end"])
    whole = f"BOF PUBLIC V2 00000000 20260104 0000001 0000000\n{record}\n"

    read, rejects = read_bytes(whole.encode(), name="sam.dat", read=read_sam)

    assert read.columns == [*SAM_ENTITIES, "source_file", "line"]
    assert read.select("uei", "duns", "line").rows() == [("AAAAAAAAAAA1", None, 2)]
    assert [one.rule for one in rejects] == ["truncated_source"]


def test_patents_are_read_by_the_names_of_patentsview(read_bytes: Any) -> None:
    place = "disambig_assignee_organization\tdisambig_city\tdisambig_state"
    names = f"patent_id\tpatent_title\tpatent_date\t{place}\tgi_statement"
    row = '"7000000"\t"A ""lamp""\tand shade"\t"2020-01-07"\t"Lumatek, Inc."\t"Woburn"\t"MA"\t""'

    read, _ = read_bytes(f"{names}\n{row}\n".encode(), name="patents.tsv", read=read_patents)

    assert read.columns == [*PATENTS, "source_file", "line"]
    assert read.row(0)[:4] == ("7000000", 'A "lamp"\tand shade', "2020-01-07", "Lumatek, Inc.")
    assert read["government_interest"].to_list() == [None]
