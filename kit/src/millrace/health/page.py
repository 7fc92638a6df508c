"""The page itself: HTML that needs no other file, no network and no script.

What belongs here: what the template is given. What does not: its text (`page.html`), colours (`page.css`), pictures
(`charts`).

Autoescape is on: names, descriptions and errors come from data and from domains. The page works without a script, so
that the gateway can forbid them.
"""

from collections import Counter
from datetime import UTC, datetime
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from millrace.health import charts
from millrace.health.judgement import FRESH, LATE, NEVER, STALE, Health
from millrace.health.words import duration

_DAY_SECONDS = 86400.0


def render(health: Health, *, base: str | None, title: str = "Millrace", refresh_seconds: int | None = None) -> str:
    """The page as HTML.

    Args:
        health: What to show.
        base: Address in front of Dagster's paths ("" where the page is served beside Dagster); None for no links.
        title: Whose page it is.
        refresh_seconds: Have browsers load it again after that long; None for a file.
    """
    room = files("millrace.health")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((room / "page.html").read_text(encoding="utf-8"))
    style = Markup((room / "page.css").read_text(encoding="utf-8"))  # noqa: S704 our own file
    moment = datetime.fromtimestamp(health.now, UTC)
    return template.render(
        title=title,
        style=style,
        health=health,
        base=base,
        refresh_seconds=refresh_seconds,
        written=f"{moment:%A, %d %B %Y, %H:%M} UTC",
        tiles=_tiles(health),
        charts=charts,
        duration=duration,
        errors=sum(problem.severity == "error" for problem in health.problems),
        checks=sorted(health.checks, key=lambda check: (check.last.passed, check.asset, check.check)),
    )


def _tiles(health: Health) -> list[dict[str, object]]:
    ended = [
        run
        for job in health.jobs
        for run in job.runs
        if run.status in ("SUCCESS", "FAILURE") and run.ended is not None and health.now - run.ended <= _DAY_SECONDS
    ]
    good_runs = sum(run.status == "SUCCESS" for run in ended)
    judged = [asset for assets in health.assets.values() for asset in assets if asset.state]
    states = Counter(asset.state for asset in judged)
    checks = Counter(check.state for check in health.checks)
    going = [job for job in health.jobs if job.last.status in ("STARTED", "STARTING", "QUEUED", "NOT_STARTED")]
    return [
        _tile("Runs in 24 hours", len(ended), f"{good_runs} succeeded", (good_runs, 0, len(ended) - good_runs)),
        _tile(
            "Fresh assets",
            f"{states[FRESH]} of {len(judged)}",
            f"{states[LATE]} late, {states[STALE]} stale",
            (states[FRESH], states[LATE] + states[NEVER], states[STALE]),
        ),
        _tile(
            "Checks that pass",
            f"{checks['passed']} of {len(health.checks)}",
            ", ".join(f"{checks[state]} {state}" for state in ("warned", "failed", "unknown") if checks[state])
            or "none failed",
            (checks["passed"], checks["warned"] + checks["unknown"], checks["failed"]),
        ),
        _tile("Jobs at work", len(going), ", ".join(job.job for job in going) or "none at this moment", (0, 0, 0)),
    ]


def _tile(name: str, number: object, words: str, shares: tuple[int, int, int]) -> dict[str, object]:
    return {"name": name, "number": number, "words": words, "bar": charts.share_bar(*shares)}
