"""Marks on every dashboard: a deployment, a time of maintenance.

What belongs here: writing a mark once. What does not: where dashboards get marks from (`millrace_grafana.page`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from millrace_grafana.client.connection import Grafana, RefusedError

# Two marks of the same text that lie closer are one: a script that is run again marks nothing twice.
_SAME_WITHIN_MILLISECONDS = 300_000


def annotate(grafana: Grafana, order: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Add a mark, unless it is there.

    Args:
        grafana: Whom to ask.
        order: `text`, `tags`, `start` and `end` in milliseconds since 1970; `end` may be None.

    Yields:
        `fine` and `text`.

    Raises:
        NoAnswerError: it does not answer.
    """
    text, tags, start = order["text"], order["tags"], order["start"]
    try:
        for one in grafana.annotations(tags, start - _SAME_WITHIN_MILLISECONDS):
            if one["text"] == text and abs(one["time"] - start) <= _SAME_WITHIN_MILLISECONDS:
                yield {"fine": True, "text": f"is marked already: {text}"}
                return
        number = grafana.annotate(text, tags, start, order["end"])
    except RefusedError as error:
        yield {"fine": False, "text": f"annotation: {error}"}
        return
    yield {"fine": True, "text": f"marked: {text} (annotation {number})"}
