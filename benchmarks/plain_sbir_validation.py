"""What somebody would write without a platform: type the award file, keep what is valid, list what is not.

    python benchmarks/plain_sbir_validation.py RAW FOLDER

The baseline of `sbir_validation.py`: the same columns, formats, bounds, contradictions, keys and lists of rejects, as
Polars expressions over the whole file in memory, each format tried on each text. Prints rows passed, rejected, and
values dropped.
"""

import sys
from datetime import date
from pathlib import Path

import polars as pl

from millrace_sbir.transforms.normalise_codes import (
    AGENCIES,
    BRANCHES,
    agency_code,
    phase_number,
    program_code,
    state_code,
)
from millrace_sbir.transforms.normalise_names import firm_key

AS_OF, FIRST = date(2026, 12, 31), date(1982, 7, 22)
DATES = ("award_date", "contract_end_date", "solicitation_close_date", "proposal_receipt_date", "notification_date")
FLAGS = ("is_hubzone_owned", "is_disadvantaged", "is_woman_owned")
PHONES, EMAILS = ("contact_phone", "pi_phone", "ri_poc_phone"), ("contact_email", "pi_email")
FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%B %d, %Y", "%d-%b-%Y", "%Y-%m-%dT%H:%M:%S", "%Y%m%d")
NOTHING = ["", "-", "--", ".", "N/A", "NA", "N.A.", "NONE", "NULL", "NAN", "UNKNOWN", "TBD", "NOT AVAILABLE", "U"]
EMAIL = r"^[a-z0-9._%+'-]+@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$"


def main(raw: Path, folder: Path) -> tuple[int, int, int]:
    """Write `passed.parquet` and `failed.ndjson`; return rows passed, rows rejected, values dropped."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = pl.read_parquet(raw).with_row_index("row")
    names = [name for name in texts.columns if name not in ("row", "source_file", "line", "abstract")]
    texts = texts.with_columns(pl.col(name).str.strip_chars() for name in names)
    texts = texts.with_columns(
        pl.when(~pl.col(name).str.to_uppercase().is_in(NOTHING)).then(name).alias(name) for name in names
    )
    made = texts.with_columns(_typed())
    made = _without_contradictions(made)
    tracking = pl.col("agency_tracking_number").str.to_uppercase().str.replace_all(r"[\s_]+", "-")
    contract = pl.col("contract").str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    made = made.with_columns(
        award_id=pl.concat_str("agency", tracking, contract.fill_null(""), separator="_").str.strip_suffix("_"),
        contract_key=contract,
        record=pl.concat_str(tracking, pl.coalesce(contract, "agency"), separator="_"),
    )
    required = ("award_id", "company_name", "agency", "agency_tracking_number", "award_year")
    sound = pl.all_horizontal(pl.col(name).is_not_null() for name in required)
    sound &= pl.col("award_amount").is_between(0, 1e8, closed="right").fill_null(value=False)
    made = made.with_columns(sound=sound)
    gone = _repeated(made.filter("sound"))
    kept = made.filter("sound").join(gone, on="row", how="anti")
    kept.drop("sound", "record", "row").write_parquet(
        folder / "passed.parquet", compression="zstd", compression_level=1
    )
    rejected = gone.filter(~pl.col("duplicate")).select("row", rule=pl.lit("award_id_repeated"), value="award_id")
    wrong = (
        made.filter(~pl.col("sound"))
        .select("row", rule=pl.lit("contract"), value="award_amount")
        .cast({"value": pl.String})
    )
    values = _dropped(texts, kept, names)
    pl.concat([rejected, wrong, values]).write_ndjson(folder / "failed.ndjson")
    return kept.height, rejected.height + wrong.height, values.height


def _typed() -> list[pl.Expr]:
    def of(name: str) -> pl.Expr:
        return pl.col(name)

    digits = of("duns").str.replace_all(r"[\s.-]", "")
    zip_digits = of("zip").str.replace_all(r"\D", "")
    five = pl.when(zip_digits.str.len_bytes().is_between(3, 5)).then(zip_digits.str.zfill(5))
    nine = pl.when(zip_digits.str.len_bytes().is_between(7, 9)).then(zip_digits.str.zfill(9))
    uei = of("uei").str.to_uppercase()
    agencies = {name: code for code, name in AGENCIES.items()}
    return [
        of("company_name").str.replace_all(r"\s+", " "),
        of("agency").replace_strict(agencies, default=agency_code(of("agency")), return_dtype=pl.String),
        of("branch").replace(BRANCHES),
        phase_number(of("phase")),
        program_code(of("program")),
        state_code(of("state")),
        pl.when(uei.str.contains(r"^[A-HJ-NP-Z1-9][A-HJ-NP-Z0-9]{11}$")).then(uei).alias("uei"),
        pl.when(digits.str.contains(r"^\d{7,9}$")).then(digits.str.zfill(9)).alias("duns"),
        pl.coalesce(five, nine.str.slice(0, 5) + "-" + nine.str.slice(5)).alias("zip"),
        *(_date(name) for name in DATES),
        *(_year(name) for name in ("award_year", "solicitation_year")),
        of("award_amount").str.replace_all(r"[$,]", "").cast(pl.Float64, strict=False),
        of("employees").str.replace_all(",", "", literal=True).cast(pl.Int64, strict=False),
        *(of(name).replace_strict({"Y": True, "N": False}, default=None, return_dtype=pl.Boolean) for name in FLAGS),
        *(_phone(name) for name in PHONES),
        *(_email(name) for name in EMAILS),
        pl.when(of("company_website").str.contains(r"^\S+\.\S+$")).then(of("company_website")),
    ]


def _date(name: str) -> pl.Expr:
    return pl.coalesce(
        pl.when(value.is_between(FIRST, AS_OF.replace(year=2041))).then(value)
        for value in (pl.col(name).str.to_date(form, strict=False) for form in FORMATS)
    ).alias(name)


def _year(name: str) -> pl.Expr:
    value = pl.col(name).cast(pl.Int32, strict=False)
    return pl.when(value.is_between(1982, AS_OF.year + 1)).then(value).alias(name)


def _phone(name: str) -> pl.Expr:
    digits = pl.col(name).str.replace_all(r"\D", "")
    tidy = pl.concat_str(digits.str.slice(0, 3), digits.str.slice(3, 3), digits.str.slice(6, 4), separator="-")
    return pl.when(digits.str.contains(r"^[2-9]\d\d[2-9]\d{6}$")).then(tidy).alias(name)


def _email(name: str) -> pl.Expr:
    lower = pl.col(name).str.to_lowercase()
    return pl.when(lower.str.contains(EMAIL)).then(lower).alias(name)


def _without_contradictions(made: pl.DataFrame) -> pl.DataFrame:
    day, received = pl.col("award_date"), pl.col("proposal_receipt_date")
    return (
        made.with_columns(pl.when((day.dt.year() - pl.col("award_year")).abs().fill_null(0) <= 2).then(day))
        .with_columns(
            pl.when((pl.col("contract_end_date") >= day).fill_null(value=True)).then("contract_end_date"),
            pl.when((pl.col("solicitation_close_date") <= day).fill_null(value=True)).then("solicitation_close_date"),
            pl.when((received <= day).fill_null(value=True)).then(received),
            award_year=pl.coalesce("award_year", day.dt.year()),
        )
        .with_columns(
            pl.when((pl.col("notification_date") >= received).fill_null(value=True)).then("notification_date")
        )
    )


def _repeated(made: pl.DataFrame) -> pl.DataFrame:
    """`row`, `award_id`, `duplicate`: rows that give way to another with their key."""
    content = [name for name in made.columns if name not in ("row", "line", "source_file", "sound")]
    several = made.filter(pl.col("record").is_duplicated()).sort(
        "award_date", "line", descending=[True, False], nulls_last=True
    )
    judged = several.with_columns(
        duplicate=~pl.struct(content).is_first_distinct(),
        collision=pl.struct("agency", firm_key(pl.col("company_name")), "phase", "program").n_unique().over("record")
        > 1,
        first=pl.col("record").is_first_distinct(),
    )
    return judged.filter(pl.col("duplicate") | pl.col("collision") | ~pl.col("first")).select(
        "row", "award_id", "duplicate"
    )


def _dropped(texts: pl.DataFrame, kept: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    came = texts.join(kept.select("row"), on="row", how="semi", maintain_order="left")
    lists = [
        came.filter(came[name].is_not_null() & kept[name].is_null()).select(
            "row", rule=pl.lit(name), value=pl.col(name)
        )
        for name in names
    ]
    return pl.concat(lists)


if __name__ == "__main__":
    print(*main(Path(sys.argv[1]), Path(sys.argv[2])))
