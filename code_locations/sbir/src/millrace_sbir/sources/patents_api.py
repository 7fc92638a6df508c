"""The PatentSearch API: patents of some assignees, as rows that the joined tables of PatentsView would have.

What belongs here: which pages to ask for, and their fields. What does not: how a page is asked for (`api.py`).

It takes a query as JSON by POST, gives up to a thousand patents a page, and goes on behind the last one of a page when
sorted by patent. 45 requests a minute are allowed: https://search.patentsview.org/docs/.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from millrace.quality import Reject, RejectKind, RejectLog, excerpt
from millrace.stores import Store
from millrace_sbir.columns import PATENTS
from millrace_sbir.sources.allowance import TokenBucket
from millrace_sbir.sources.answers import Answer
from millrace_sbir.sources.api import PageCache, Service

PATENTS_URL = "https://search.patentsview.org/api/v1/patent/"
PATENTS_KEY_FILE = "uspto_api_key"
_PAGE_PATENTS = 1_000
_NAMES_A_QUERY = 100
_NAME = "search.patentsview.org"
_FIELDS = (
    *("patent_id", "patent_title", "patent_date", "gov_interest_statement"),
    *("assignees.assignee_organization", "assignees.assignee_city", "assignees.assignee_state"),
)


def patents_service(secrets: Path, store: Store, *, url: str = PATENTS_URL) -> Service:
    """The API with the key in `uspto_api_key`, at 45 requests a minute."""
    pages, rate = PageCache(store, "asked/patents.pages"), TokenBucket(45 / 60)
    return Service("patentsview.org", url, secrets / PATENTS_KEY_FILE, pages, rate)


def read_patents_api(
    service: Service, assignees: Iterable[str], log: RejectLog, *, page_patents: int = _PAGE_PATENTS
) -> Iterator[Answer]:
    """Yield the patents of some assignees: `columns.PATENTS`, `source_file`, `line` (of the answer, from 1).

    An answer is for a hundred names, in their order, with a row per patent and assignee. Names are as USPTO spells
    them.

    Raises:
        SourceUnavailableError: the API does not answer; what was yielded is right, and the pages that came are not
            asked for again today.
    """
    line, ordered = 1, list(dict.fromkeys(assignees))
    for at in range(0, len(ordered), _NAMES_A_QUERY):
        names, after = ordered[at : at + _NAMES_A_QUERY], ""
        frames = [_frame([], line, log)]
        while True:
            options: dict[str, Any] = {"size": page_patents} | ({"after": after} if after else {})
            body = {
                "q": {"assignees.assignee_organization": names},
                "f": list(_FIELDS),
                "s": [{"patent_id": "asc"}],
                "o": options,
            }
            answer = service.page(body=body)
            patents = answer.get("patents") or [] if isinstance(answer, dict) else []
            frames.append(_frame(patents, line, log))
            line += len(patents)
            last = str(patents[-1].get("patent_id", "")) if patents and isinstance(patents[-1], Mapping) else ""
            if len(patents) < page_patents or not last or last == after:
                break
            after = last
        found = Answer(names, pl.concat(frames))
        service.figures.rows += found.rows.height
        yield found


def _frame(patents: list[Any], line: int, log: RejectLog) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, patent in enumerate(patents, start=line):
        if not isinstance(patent, Mapping) or not patent.get("patent_id"):
            shown = excerpt(str(patent))
            reason = "the record has no patent_id"
            log.add(Reject(RejectKind.ROW, f"{_NAME}:{number}", reason, "missing_patent_id", shown))
            continue
        rows += [
            {
                "patent_id": _text(patent.get("patent_id")),
                "title": _text(patent.get("patent_title")),
                "grant_date": _text(patent.get("patent_date")),
                "assignee_name": _text(assignee.get("assignee_organization")),
                "assignee_city": _text(assignee.get("assignee_city")),
                "assignee_state": _text(assignee.get("assignee_state")),
                "government_interest": _text(patent.get("gov_interest_statement")),
                "source_file": _NAME,
                "line": number,
            }
            for assignee in patent.get("assignees") or [{}]
        ]
    schema = dict.fromkeys(PATENTS, pl.String) | {"source_file": pl.String, "line": pl.UInt32}
    return pl.DataFrame(rows, schema=schema)


def _text(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None
