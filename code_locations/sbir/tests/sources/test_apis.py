"""The two APIs give the rows that the bulk files give, no faster than allowed, and are asked for no page twice."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from millrace.errors import ConfigurationError, SourceUnavailableError
from millrace.quality import RejectLog
from millrace.stores import FolderStore
from millrace_sbir.columns import PATENTS, SAM_ENTITIES
from millrace_sbir.sample import write_sources
from millrace_sbir.sources.allowance import DailyAllowance, TokenBucket, UsedUpError
from millrace_sbir.sources.answers import Answer
from millrace_sbir.sources.api import PageCache, Service
from millrace_sbir.sources.download import Patience
from millrace_sbir.sources.opening import Opening
from millrace_sbir.sources.patents_api import PATENTS_KEY_FILE, read_patents_api
from millrace_sbir.sources.sam_api import SAM_KEY_FILE, read_sam_api
from millrace_sbir.sources.tables import read_patents, read_sam

KEY = "a-key-that-nobody-may-see"
Collected = Callable[[Callable[[RejectLog], Iterator[pl.DataFrame]]], tuple[pl.DataFrame, list[Any]]]
DAY_SECONDS = 86_400.0


@pytest.fixture(scope="module")
def bulk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bulk")
    write_sources(folder, awards=60, entities=300, patents=120, seed=5)
    return folder


@pytest.fixture
def service(double: Any, tmp_path: Path, patience: Patience) -> Iterator[Service]:
    """A service that asks the double, as fast as it can."""
    for name in (SAM_KEY_FILE, PATENTS_KEY_FILE):
        (tmp_path / name).write_text(f"{KEY}\n")
    cache = PageCache(FolderStore(tmp_path), "pages")
    service = Service("sam.gov", double.url, tmp_path / SAM_KEY_FILE, cache, TokenBucket(1e6, 10), patience=patience)
    yield service
    service.close()


def sam_answers(entities: pl.DataFrame) -> Callable[[Any], Any]:
    """Answers as SAM.gov's: the entities of a status among those in brackets, ten a page."""
    rows = entities.to_dicts()

    def answer(asked: Any) -> Any:
        given = asked.parameters
        wanted = given["ueiSAM"].strip("[]").split("~")
        found = [
            row for row in rows if row["uei"] in wanted and row["registration_status"] == given["registrationStatus"]
        ]
        start = int(given["page"]) * int(given["size"])
        return {"totalRecords": len(found), "entityData": [sam_record(row) for row in found[start : start + 10]]}

    return answer


def sam_record(row: dict[str, Any]) -> dict[str, Any]:
    def hyphened(day: str) -> str:
        return f"{day[:4]}-{day[4:6]}-{day[6:]}"

    return {
        "entityRegistration": {
            "ueiSAM": row["uei"],
            "ueiDUNS": row["duns"],
            "cageCode": row["cage"],
            "legalBusinessName": row["legal_name"],
            "dbaName": row["dba_name"],
            "registrationStatus": {"A": "Active", "E": "Expired"}[row["registration_status"]],
            "registrationDate": hyphened(row["registration_date"]),
            "registrationExpirationDate": hyphened(row["expiration_date"]),
        },
        "coreData": {
            "physicalAddress": {
                "addressLine1": row["address1"],
                "city": row["city"],
                "stateOrProvinceCode": row["state"],
                "zipCode": row["zip"],
                "countryCode": row["country"],
            }
        },
        "assertions": {"goodsAndServices": {"primaryNaics": row["naics"]}},
    }


def patent_answers(patents: pl.DataFrame) -> Callable[[Any], Any]:
    """Answers as PatentSearch's: the patents of some assignees, sorted, those behind `after`."""
    rows = sorted(patents.to_dicts(), key=lambda row: row["patent_id"])

    def answer(asked: Any) -> Any:
        body = json.loads(asked.body)
        wanted, after = body["q"]["assignees.assignee_organization"], body["o"].get("after", "")
        found = [row for row in rows if row["assignee_name"] in wanted and row["patent_id"] > after]
        return {"error": False, "patents": [patent_record(row) for row in found[: body["o"]["size"]]]}

    return answer


def patent_record(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "patent_id": row["patent_id"],
        "patent_title": row["title"],
        "patent_date": row["grant_date"],
        "gov_interest_statement": row["government_interest"],
        "assignees": [
            {
                "assignee_organization": row["assignee_name"],
                "assignee_city": row["assignee_city"],
                "assignee_state": row["assignee_state"],
            }
        ],
    }


def rows_of(answers: Iterable[Answer]) -> Iterator[pl.DataFrame]:
    return (answer.rows for answer in answers)


def names_of(patents: pl.DataFrame) -> Iterable[str]:
    return patents["assignee_name"].unique().sort().to_list()


def test_sam_by_api_gives_the_rows_of_the_extract(
    bulk: Path, double: Any, service: Service, collected: Collected, tmp_path: Path
) -> None:
    source = Opening(tmp_path).open(str(bulk / "sam_entities.zip"))
    entities = collected(lambda log: read_sam(source, log))[0].head(35)
    double.answer = sam_answers(entities)

    read, rejects = collected(lambda log: rows_of(read_sam_api(service, entities["uei"], log)))

    columns = list(SAM_ENTITIES)
    assert read.select(columns).sort("uei").equals(entities.select(columns).sort("uei"))
    assert read["line"].to_list() == list(range(1, 36))
    assert not rejects


def test_patents_by_api_give_the_rows_of_the_tables(
    bulk: Path, double: Any, service: Service, collected: Collected, tmp_path: Path
) -> None:
    source = Opening(tmp_path).open(str(bulk / "patents.zip"))
    patents = collected(lambda log: read_patents(source, log))[0].unique("patent_id")
    double.answer = patent_answers(patents)

    read, _ = collected(lambda log: rows_of(read_patents_api(service, names_of(patents), log, page_patents=25)))

    columns = list(PATENTS)
    assert read.select(columns).sort("patent_id").equals(patents.select(columns).sort("patent_id"))


def test_a_run_that_broke_off_goes_on_at_the_page_where_it_stopped(
    bulk: Path, double: Any, service: Service, collected: Collected, tmp_path: Path
) -> None:
    source = Opening(tmp_path).open(str(bulk / "patents.zip"))
    patents = collected(lambda log: read_patents(source, log))[0].unique("patent_id")
    double.answer, double.faults = patent_answers(patents), ["", "", *["500"] * 5]
    with pytest.raises(SourceUnavailableError):
        collected(lambda log: rows_of(read_patents_api(service, names_of(patents), log, page_patents=25)))
    before = len(double.asked)

    read, _ = collected(lambda log: rows_of(read_patents_api(service, names_of(patents), log, page_patents=25)))

    assert read.height == patents.height
    assert service.figures.cached == 2
    assert (
        json.loads(double.asked[before].body)["o"]["after"] == json.loads(double.asked[before - 1].body)["o"]["after"]
    )


def test_what_is_transient_is_asked_again_and_counted(double: Any, service: Service, waits: list[float]) -> None:
    double.answer, double.faults = (lambda _: {"entityData": []}), ["500", "429:12", "cut:3"]

    assert service.page(params={"page": "0"}) == {"entityData": []}

    figures = service.figures
    assert figures.failures == {"500": 1, "429": 1, "RemoteProtocolError": 1}
    assert (figures.requests, figures.answered, figures.retries) == (4, 1, 3)
    assert figures.success_rate == 0.25
    assert figures.error_rate == 0.75
    assert waits[1] >= 12
    assert figures.mean_seconds is not None
    assert figures.longest_seconds >= figures.mean_seconds > 0


def test_a_service_that_is_slow_is_not_waited_for(double: Any, service: Service) -> None:
    service.timeout_seconds = 0.2
    double.answer, double.faults = (lambda _: {}), ["slow:1", ""]

    assert service.page(params={}) == {}
    assert service.figures.failures == {"ReadTimeout": 1}


def test_a_service_that_stays_down_is_unavailable(double: Any, service: Service) -> None:
    double.faults = ["503"] * 9

    with pytest.raises(SourceUnavailableError, match="answers 503"):
        service.page(params={})

    assert len(double.asked) == 5


def test_a_service_that_asks_for_an_hour_is_left_alone(double: Any, service: Service) -> None:
    double.faults = ["429:3600"]

    with pytest.raises(SourceUnavailableError):
        service.page(params={})

    assert len(double.asked) == 1


def test_a_refused_key_is_not_tried_again(double: Any, service: Service) -> None:
    double.faults = ["403"]

    with pytest.raises(ConfigurationError, match="wants a key"):
        service.page(params={})

    assert len(double.asked) == 1


def test_the_key_is_in_a_header_and_nowhere_else(
    double: Any, service: Service, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level("DEBUG")
    double.faults = ["500"] * 9

    with pytest.raises(SourceUnavailableError) as caught:
        service.page(params={"ueiSAM": "[A]"})
    double.faults, double.answer = [], lambda _: {}
    service.page(params={"ueiSAM": "[A]"})

    assert {asked.headers["x-api-key"] for asked in double.asked} == {KEY}
    assert not [asked.target for asked in double.asked if KEY in asked.target]
    assert KEY not in f"{caught.value!r}{caplog.text}{service.figures}"
    [page] = (tmp_path / "pages").rglob("*.json")
    assert KEY not in page.read_text() + page.name


def test_a_missing_key_file_is_named(double: Any, service: Service, tmp_path: Path) -> None:
    (tmp_path / SAM_KEY_FILE).unlink()

    with pytest.raises(ConfigurationError, match=SAM_KEY_FILE):
        service.page(params={})


def test_pages_are_kept_until_the_end_of_the_next_day(double: Any, service: Service, tmp_path: Path) -> None:
    now = [3 * DAY_SECONDS]
    service.cache = PageCache(FolderStore(tmp_path), "pages", clock=lambda: now[0])
    double.answer = lambda _: {"asked": len(double.asked)}

    first = service.page(params={})
    now[0] += 2 * DAY_SECONDS - 1
    service.cache.sweep()
    assert service.page(params={}) == first
    now[0] += 1
    service.cache.sweep()
    assert not FolderStore(tmp_path).files("pages")
    assert service.page(params={}) == {"asked": 2}


def test_a_damaged_page_is_asked_for_again(double: Any, service: Service, tmp_path: Path) -> None:
    double.answer = lambda _: {"asked": len(double.asked)}
    service.page(params={})
    for page in (tmp_path / "pages").rglob("*.json"):
        page.write_bytes(page.read_bytes()[:-3])

    assert service.page(params={}) == {"asked": 2}


def test_an_answer_that_is_no_json_is_asked_for_again(double: Any, service: Service) -> None:
    double.content, double.etag = b"<html>Gateway</html>", ""

    with pytest.raises(SourceUnavailableError, match="no JSON"):
        service.page(params={})

    assert service.figures.failures == {"no JSON": 5}


def test_the_requests_of_a_day_are_shared_by_its_runs(double: Any, service: Service, tmp_path: Path) -> None:
    today = [date(2026, 1, 4)]
    service.daily = DailyAllowance(FolderStore(tmp_path), "requests", 2, lambda: today[0])
    double.answer = lambda _: {}
    service.page(params={"page": "0"})
    service.daily = DailyAllowance(FolderStore(tmp_path), "requests", 2, lambda: today[0])
    service.page(params={"page": "1"})

    with pytest.raises(UsedUpError, match="the 2 requests of 2026-01-04 are used up"):
        service.page(params={"page": "2"})
    assert len(double.asked) == 2

    today[0] = date(2026, 1, 5)
    assert service.page(params={"page": "2"}) == {}


def test_requests_are_spread_evenly_after_a_burst() -> None:
    now, waited = [0.0], []

    def sleep(seconds: float) -> None:
        waited.append(round(seconds, 3))
        now[0] += seconds

    bucket = TokenBucket(2.0, 2, lambda: now[0], sleep)
    for _ in range(5):
        bucket.take()

    assert waited == [0.5, 0.5, 0.5]


def test_a_record_without_its_key_is_rejected_and_its_page_goes_on(
    double: Any, service: Service, collected: Collected
) -> None:
    double.answer = lambda _: {
        "totalRecords": 3,
        "entityData": [{"coreData": None}, "text", {"entityRegistration": {"ueiSAM": "ABCDEFGH1234"}}],
    }

    read, rejects = collected(lambda log: rows_of(read_sam_api(service, ["ABCDEFGH1234"], log)))

    assert read["uei"].to_list() == ["ABCDEFGH1234"]
    assert [(one.rule, one.place) for one in rejects] == [
        ("missing_uei", "api.sam.gov:1"),
        ("missing_uei", "api.sam.gov:2"),
    ]
