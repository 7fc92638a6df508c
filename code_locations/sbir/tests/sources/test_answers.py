"""What a service has answered is known to later runs, on whichever machine, and is not asked for again too soon."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from millrace.quality import RejectLog
from millrace.stores import FolderStore
from millrace_sbir.columns import SAM_ENTITIES
from millrace_sbir.sources.allowance import DailyAllowance, TokenBucket, UsedUpError
from millrace_sbir.sources.answers import Answer, Answers
from millrace_sbir.sources.api import PageCache, Service
from millrace_sbir.sources.download import Patience
from millrace_sbir.sources.sam_api import SAM_KEY_FILE, read_sam_api

WEEK = timedelta(days=7)
MONDAY = datetime(2026, 1, 5, 3, 45, tzinfo=UTC)
ENTITIES = pl.Schema({**dict.fromkeys(SAM_ENTITIES, pl.String), "source_file": pl.String, "line": pl.Int64})
PATENTS = pl.Schema({"patent_id": pl.String, "assignee_name": pl.String, "line": pl.Int64})


def of_entities(store: FolderStore) -> Answers:
    return Answers(store, "sam.parquet", ENTITIES, "uei", "uei")


def of_patents(store: FolderStore) -> Answers:
    return Answers(store, "patents.parquet", PATENTS, "patent_id", "assignee_name")


def patents(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame([(*row, line) for line, row in enumerate(rows, 1)], PATENTS, orient="row")


def test_a_long_list_is_whole_after_days_of_few_requests_on_machines_that_are_gone(
    double: Any, tmp_path: Path, patience: Patience
) -> None:
    """Half of the entities are known to SAM.gov, which allows four requests a day."""
    ueis = [f"UEI{n:09}" for n in range(60)]
    (tmp_path / SAM_KEY_FILE).write_text("a key")
    store, first_asked = FolderStore(tmp_path / "stages"), list[str]()

    def answer(asked: Any) -> Any:
        wanted, status = asked.parameters["ueiSAM"].strip("[]").split("~"), asked.parameters["registrationStatus"]
        first_asked.extend(wanted if status == "A" else ())
        found = [uei for uei in wanted if int(uei[-1]) % 2 and status == "A"]
        return {"totalRecords": len(found), "entityData": [{"entityRegistration": {"ueiSAM": uei}} for uei in found]}

    def run(day: int) -> int:
        daily = DailyAllowance(store, "requests", 4, lambda: date(2026, 1, 5 + day))
        pages = PageCache(store, "pages", clock=lambda: day * 86_400.0)
        service = Service(
            "sam.gov", double.url, tmp_path / SAM_KEY_FILE, pages, TokenBucket(1e6), daily, patience=patience
        )
        answers, now = of_entities(store), MONDAY + timedelta(days=day)
        to_ask = answers.to_ask(ueis, WEEK, now)
        with RejectLog(FolderStore(tmp_path / "rejects"), "read.ndjson") as log:
            try:
                for one in read_sam_api(service, to_ask, log):
                    answers.add(one, now)
            except UsedUpError:
                pass
            answers.save(ueis)
        service.close()
        return answers.rows().height

    double.answer = answer

    assert [run(day) for day in range(4)] == [10, 20, 30, 30]
    assert sorted(first_asked) == ueis, "an entity is asked for again that was answered, or that SAM.gov does not have"
    assert of_entities(store).to_ask(ueis, WEEK, MONDAY + timedelta(days=3)) == []
    assert of_entities(store).to_ask(ueis, WEEK, MONDAY + timedelta(days=8)) == ueis[:20]  # the first day's


def test_what_was_never_asked_for_comes_first_then_the_oldest_answer(tmp_path: Path) -> None:
    answers = of_patents(FolderStore(tmp_path))
    answers.add(Answer(["B"], patents(("1", "B"))), MONDAY)
    answers.add(Answer(["A"], patents()), MONDAY + timedelta(hours=1))
    answers.add(Answer(["C"], patents()), MONDAY + WEEK)
    answers.save("ABC")

    again = of_patents(FolderStore(tmp_path))

    assert again.to_ask(["D", "C", "B", "A", "D"], WEEK, MONDAY + WEEK + timedelta(hours=2)) == ["D", "B", "A"]


def test_an_answer_takes_the_place_of_the_one_before_it(tmp_path: Path) -> None:
    answers = of_patents(FolderStore(tmp_path))
    answers.add(Answer(["A", "B"], patents(("1", "A"), ("1", "B"), ("2", "A"), ("3", "B"))))
    answers.save("AB")

    answers.add(Answer(["A"], patents(("4", "A"))))
    answers.save("AB")

    assert rows(answers) == {("4", "A"), ("1", "A"), ("1", "B"), ("3", "B")}  # B still has the patent of both


def test_a_row_of_two_values_that_were_asked_for_is_there_once(tmp_path: Path) -> None:
    answers = of_patents(FolderStore(tmp_path))
    answers.add(Answer(["A"], patents(("1", "A"), ("1", "B"))))
    answers.add(Answer(["B"], patents(("1", "A"), ("1", "B"))))
    answers.save("AB")

    assert answers.rows().height == 2
    assert rows(answers) == {("1", "A"), ("1", "B")}


def test_what_came_beside_what_was_asked_for_is_kept(tmp_path: Path) -> None:
    answers = of_patents(FolderStore(tmp_path))
    answers.add(Answer(["A"], patents(("1", "a"))))
    answers.save("A")

    assert rows(answers) == {("1", "a")}


def test_what_nobody_asks_for_any_longer_is_forgotten(tmp_path: Path) -> None:
    answers = of_patents(FolderStore(tmp_path))
    answers.add(Answer(["A", "B"], patents(("1", "A"), ("3", "B"))))
    answers.save("A")

    assert rows(of_patents(FolderStore(tmp_path))) == {("1", "A")}
    assert of_patents(FolderStore(tmp_path)).to_ask("AB", WEEK) == ["B"]


def test_answers_in_other_columns_are_asked_for_again(tmp_path: Path) -> None:
    answers = of_patents(FolderStore(tmp_path))
    answers.add(Answer(["A"], patents(("1", "A"))))
    answers.save("A")

    wider = Answers(
        FolderStore(tmp_path),
        "patents.parquet",
        pl.Schema({**PATENTS, "title": pl.String}),
        "patent_id",
        "assignee_name",
    )

    assert wider.to_ask("A", WEEK) == ["A"]


def rows(answers: Answers) -> set[tuple[str, str]]:
    return set(answers.rows().select("patent_id", "assignee_name").iter_rows())
