"""The hash of a record's content: the same on every machine, in every process, with every version of Polars.

What belongs here: the canonical bytes of a value, and their hash. What does not: what is done with it
(`millrace.processing.deltas` compares, `millrace.processing.chunks` names its parts by it).

`pl.Expr.hash` promises the same result within one version of Polars only, and Python's `hash` within one process. So
each value is written in one form, numbers as `<text>;`, texts as `<bytes>:<text>`, a null as `~;` or `~:`, and BLAKE2b
of a row's text is its hash: no value can be mistaken for a null, nor ("a", "b") for ("ab", "").
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

import polars as pl

from millrace.errors import ConfigurationError

if TYPE_CHECKING:
    from polars._typing import PolarsDataType

CONTENT_HASH = "content_hash"
_HASH_BYTES = 16
# The text of so many rows is held at once, however large the frame: 64 Ki awards of 1.5 kB are 100 MB.
_ROWS_AT_ONCE = 65_536
_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_NANOSECONDS: dict[str, int] = {"ms": 1_000_000, "us": 1_000, "ns": 1}


def content_hash(columns: Iterable[str]) -> pl.Expr:
    """Hash rows by some of their columns.

        frame.with_columns(content_hash(["title", "amount_usd"]).alias(CONTENT_HASH))

    Equal are: a column's values whatever its width (Int32 and Int64, Float32 and Float64, Categorical and String), 0.0
    and -0.0, every NaN, a moment in milli-, micro- or nanoseconds and in any time zone, a decimal with more zeros at
    its end. Different are: null and "", 1 and 1.0, the same values in columns of other names. The order in which the
    columns are named does not count.

    Args:
        columns: Of any dtype but Object.

    Returns:
        32 hexadecimal digits (128 bits), never null.

    Raises (when computed):
        ConfigurationError: a column's dtype has no canonical text.
    """
    names = sorted(set(columns))
    if not names:
        raise ConfigurationError("content_hash", ["no column is named"], next_step="name what makes up the content")
    return pl.struct(names).map_batches(_hash_rows, return_dtype=pl.String, is_elementwise=True)


def content_key(*parts: pl.LazyFrame | str | int | None) -> str:
    """Name a whole: frames with their rows in their order, and whatever else a result depends on.

        content_key(awards.select("award_id", CONTENT_HASH), taxonomy_hash, CODE_VERSION)

    A frame is read once, in batches. Where its rows carry a hash already, give it that column and the key alone.

    Returns:
        32 hexadecimal digits.
    """
    whole = blake2b(digest_size=_HASH_BYTES)
    for part in parts:
        if isinstance(part, pl.LazyFrame):
            for name in _row_hashes(part):
                whole.update(name)
            whole.update(b"rows;")
        else:
            text = repr(part).encode()
            whole.update(b"%d:%s;" % (len(text), text))
    return whole.hexdigest()


def _row_hashes(frame: pl.LazyFrame) -> Iterable[bytes]:
    columns = frame.collect_schema().names()
    hashed = frame.select(content_hash(columns).alias(CONTENT_HASH))
    for batch in hashed.collect_batches(maintain_order=True):
        yield "".join(batch[CONTENT_HASH].to_list()).encode()


def _hash_rows(rows: pl.Series) -> pl.Series:
    """Hash structs; a slice at a time, since their text is larger than they are."""
    frame = rows.struct.unnest()
    person = blake2b(_header(frame.schema).encode(), digest_size=_HASH_BYTES).digest()
    encoded = _encoded((pl.col(name), dtype) for name, dtype in frame.schema.items()).cast(pl.Binary)
    hashes: list[pl.Series] = [pl.Series([], dtype=pl.String)]
    for piece in frame.iter_slices(_ROWS_AT_ONCE):
        texts = piece.select(encoded.alias("text"))["text"].to_list()
        digests = [blake2b(text, digest_size=_HASH_BYTES, person=person).digest() for text in texts]
        hashes.append(pl.Series(digests, dtype=pl.Binary).bin.encode("hex"))
    return pl.concat(hashes).alias(rows.name)


def _header(schema: pl.Schema) -> str:
    """Names and kinds of the columns, hashed along with every row."""
    return "".join(_text(f"{len(name.encode())}:{name}", _kind(name, dtype)) for name, dtype in schema.items())


def _text(*parts: str) -> str:
    return "".join(f"{part};" for part in parts)


def _kind(name: str, dtype: pl.DataType) -> str:
    """What counts of a dtype: a wider integer holds the same numbers."""
    if isinstance(dtype, pl.List | pl.Array):
        return f"list[{_kind(name, _inner(dtype))}]"
    if isinstance(dtype, pl.Struct):
        return f"struct[{_header(pl.Schema({field.name: field.dtype for field in _fields(dtype)}))}]"
    if isinstance(dtype, pl.Datetime):
        return "moment" if dtype.time_zone else "datetime"
    kinds: Sequence[tuple[bool, str]] = (
        (dtype.is_integer(), "integer"),
        (dtype.is_float(), "float"),
        (isinstance(dtype, pl.Decimal), "decimal"),
        (isinstance(dtype, _TEXTS), "text"),
        (isinstance(dtype, pl.Boolean | pl.Binary | pl.Date | pl.Time | pl.Duration | pl.Null), str(dtype).lower()),
    )
    for is_kind, kind in kinds:
        if is_kind:
            return kind.partition("(")[0]
    raise ConfigurationError("content_hash", [f"column {name!r} is of dtype {dtype}, which has no canonical text"])


def _encoded(columns: Iterable[tuple[pl.Expr, pl.DataType]]) -> pl.Expr:
    """Values one after another; what may hold any character is preceded by its length."""
    pieces: list[pl.Expr] = []
    for value, dtype in columns:
        text = _canonical(value, dtype)
        if dtype.is_nested() or isinstance(dtype, _TEXTS):
            length = text.str.len_bytes().cast(pl.String).fill_null("~")
            pieces += [length, pl.lit(":"), text.fill_null("")]
        else:
            pieces += [text.fill_null("~"), pl.lit(";")]
    return pl.concat_str(pieces)


def _canonical(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The one text of a value; null for a null."""
    if dtype.is_float():
        number = value.cast(pl.Float64)
        bits = pl.when(number == 0).then(0.0).otherwise(number).reinterpret(dtype=pl.Int64).cast(pl.String)
        return pl.when(number.is_nan()).then(pl.lit("nan")).otherwise(bits)
    if isinstance(dtype, pl.Boolean):
        return value.cast(pl.Int8).cast(pl.String)
    if isinstance(dtype, pl.Datetime | pl.Duration):
        return (value.to_physical().cast(pl.Int128) * _NANOSECONDS[dtype.time_unit]).cast(pl.String)
    if isinstance(dtype, pl.Date | pl.Time):
        return value.to_physical().cast(pl.String)
    if isinstance(dtype, pl.Binary):
        return value.bin.encode("hex")
    if isinstance(dtype, pl.Decimal) and dtype.scale:
        return value.cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    if isinstance(dtype, pl.Array):
        return _canonical(value.arr.to_list(), pl.List(dtype.inner))
    if isinstance(dtype, pl.List):
        return value.list.eval(_encoded([(pl.element(), _inner(dtype))])).list.join("")
    if isinstance(dtype, pl.Struct):
        fields = [(value.struct.field(field.name), _instance(field.dtype)) for field in _fields(dtype)]
        return pl.when(value.is_not_null()).then(_encoded(fields))
    return value.cast(pl.String)


def _inner(dtype: pl.List | pl.Array) -> pl.DataType:
    return _instance(dtype.inner)


def _instance(dtype: "PolarsDataType") -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype


def _fields(dtype: pl.Struct) -> list[pl.Field]:
    return sorted(dtype.fields, key=lambda field: field.name)
