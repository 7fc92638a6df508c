"""Whether the running Grafana shows what the checkout says.

What belongs here: what is compared. What does not: requests (`connection`).

A dashboard counts as equal if everything that its file says holds in Grafana: Grafana adds ids, counts versions and
fills in defaults, and none of that is a difference. A list of another length is one, so a panel that was added by hand
is found.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from millrace_grafana.client.connection import Grafana, NotThereError, RefusedError

# The oldest that has every panel and option in the files: state timelines with pages, and links out of a stat.
OLDEST = (11, 0)
_COUNTED_BY_GRAFANA = frozenset({"id", "version", "schemaVersion", "iteration"})

Finding = dict[str, Any]


def verify(grafana: Grafana, order: Mapping[str, Any]) -> Iterator[Finding]:
    """Look at everything; one finding for each thing.

    Args:
        grafana: Whom to ask.
        order: `data_sources` (type by uid), `dashboards` (by uid), `queries` (each with `place`, `expr`, `instant`,
            and `empty`, why it may return nothing).

    Yields:
        `fine` and `text`.

    Raises:
        NoAnswerError: it does not answer.
    """
    yield _version(grafana.version())
    yield from _data_sources(grafana, order["data_sources"])
    for uid, expected in order["dashboards"].items():
        yield _dashboard(grafana, uid, expected)
    yield from _queries(grafana, order)


def _version(version: str) -> Finding:
    numbers = tuple(int(part) for part in version.partition("-")[0].split(".")[:2] if part.isdigit())
    if len(numbers) < len(OLDEST):
        return _wrong(f"version: Grafana says {version!r} (expected {_dotted(OLDEST)} or newer)")
    if numbers < OLDEST:
        return _wrong(f"version: {version} (expected {_dotted(OLDEST)} or newer); set GRAFANA_IMAGE")
    return _fine(f"version {version}")


def _data_sources(grafana: Grafana, expected: Mapping[str, str]) -> Iterator[Finding]:
    there = grafana.data_sources()
    for uid, kind in expected.items():
        if there.get(uid) != kind:
            found = (
                f"is of type {there[uid]}" if uid in there else f"is not there (there are {', '.join(there) or 'none'})"
            )
            yield _wrong(f"data source {uid}: {found} (expected {kind}); docker compose restart grafana provisions it")
            continue
        try:
            yield _fine(f"data source {uid}: {grafana.check_data_source(uid)}")
        except RefusedError as error:
            yield _wrong(f"data source {uid}: not healthy: {error}")


def _dashboard(grafana: Grafana, uid: str, expected: Mapping[str, Any]) -> Finding:
    try:
        shown = grafana.dashboard(uid)
    except NotThereError:
        return _wrong(f"dashboard {uid}: is not there; docker compose restart grafana provisions it")
    except RefusedError as error:
        return _wrong(f"dashboard {uid}: {error}")
    difference = next(differences(expected, shown), None)
    if difference is None:
        return _fine(f"dashboard {uid}")
    return _wrong(f"dashboard {uid}: {difference}; docker compose restart grafana reads the files again")


def differences(expected: Any, shown: Any, place: str = "") -> Iterator[str]:
    """Where `shown` does not hold what `expected` says, with the place in the file."""
    if isinstance(expected, Mapping):
        if not isinstance(shown, Mapping):
            yield _differs(place, expected, shown)
            return
        for name, value in expected.items():
            if place == "" and name in _COUNTED_BY_GRAFANA:
                continue
            # Grafana leaves out what is null or empty.
            if name not in shown and value in (None, "", [], {}, False):
                continue
            yield from differences(value, shown.get(name), f"{place}.{name}" if place else name)
    elif isinstance(expected, list):
        if not isinstance(shown, list) or len(expected) != len(shown):
            yield _differs(place, expected, shown)
            return
        for index, (one, other) in enumerate(zip(expected, shown, strict=True)):
            yield from differences(one, other, f"{place}[{index}]")
    elif expected != shown:
        yield _differs(place, expected, shown)


def _queries(grafana: Grafana, order: Mapping[str, Any]) -> Iterator[Finding]:
    uid, kind = next(item for item in order["data_sources"].items() if item[1] == "prometheus")
    answered = expected_empty = 0
    empty: list[str] = []
    for query in order["queries"]:
        try:
            found = grafana.series({"uid": uid, "type": kind}, query["expr"], instant=query["instant"])
        except RefusedError as error:
            yield _wrong(f"query of {query['place']}: {error}")
            continue
        answered += 1
        if not found and query["empty"] is None:
            empty.append(query["place"])
        expected_empty += not found and query["empty"] is not None
    yield _fine(f"{answered} queries answer, {expected_empty} of them with nothing as expected")
    for place in dict.fromkeys(empty):
        yield _wrong(f"query of {place}: answers with nothing; is what it asks for scraped?")


def _differs(place: str, expected: object, shown: object) -> str:
    return f"{place or 'the whole'} is {_short(shown)} (expected {_short(expected)})"


def _short(value: object) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, Mapping):
        return "an object"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _fine(text: str) -> Finding:
    return {"fine": True, "text": text}


def _wrong(text: str) -> Finding:
    return {"fine": False, "text": text}
