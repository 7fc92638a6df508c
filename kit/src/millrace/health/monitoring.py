"""What Prometheus knows: which alerts fire, and each asset's freshness policy; and the same policies without it.

What belongs here: Prometheus' API and the domains' definitions, as far as a page of health needs them. What does not:
what follows from it (`judgement`).
"""

import base64
import json
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from millrace.errors import SourceUnavailableError

_TIMEOUT_SECONDS = 10
_CALLS = {"critical": 0, "error": 1, "warning": 2, "info": 3}
# Always fires: its silence is the alert.
_ALWAYS = "Watchdog"
# Alerts about one thing that Dagster's own history knows in more detail, by the label that names it.
_NAMED_BY = {
    "JobFailed": "job_name",
    "AssetStale": "asset_key",
    "AssetNeverMaterialised": "asset_key",
    "FreshnessWarning": "asset_key",
    "CheckFailed": "check_name",
    "CheckWarns": "check_name",
}


@dataclass(frozen=True)
class Policy:
    """When an asset is late, and when it is stale; seconds, None where the policy has no such level."""

    warn_seconds: float | None
    fail_seconds: float | None


@dataclass(frozen=True)
class Alert:
    """An alert that fires; `about` is the job, check or asset that it names, as `("job_name", "nightly_job")`."""

    name: str
    severity: str
    since: float
    summary: str
    description: str
    runbook: str
    about: tuple[str, str] | None = None

    @property
    def calls(self) -> bool:
        """Whether somebody has to act."""
        return self.severity in ("critical", "error")


def _about(labels: Mapping[str, str]) -> tuple[str, str] | None:
    name = _NAMED_BY.get(labels["alertname"], "")
    return (name, labels[name]) if name in labels else None


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus, asked over HTTP.

    Attributes:
        address: With its path, without `/api`.
        credentials: User and password, where a gateway stands in front of it.
    """

    address: str
    credentials: tuple[str, str] | None = None

    def alerts(self) -> list[Alert]:
        """What fires, the worst first; the one that always does is left out.

        Raises:
            SourceUnavailableError: it does not answer.
        """
        found = [
            Alert(
                labels["alertname"],
                labels.get("severity", ""),
                datetime.fromisoformat(one["activeAt"]).timestamp(),
                one["annotations"].get("summary", labels["alertname"]),
                one["annotations"].get("description", ""),
                one["annotations"].get("runbook_url", ""),
                _about(labels),
            )
            for one in self._get("alerts", {})["alerts"]
            if one["state"] == "firing" and (labels := one["labels"])["alertname"] != _ALWAYS
        ]
        return sorted(found, key=lambda alert: (_CALLS.get(alert.severity, 9), alert.since, alert.name))

    def silent(self) -> list[str]:
        """What Prometheus itself cannot know at the moment, one line each: silence is not health.

        Raises:
            SourceUnavailableError: it does not answer.
        """
        found = []
        if not self._get("query", {"query": 'up{job="exporter"} == 1'})["result"]:
            found.append("the exporter does not report, so freshness and failing jobs are not known to Prometheus")
        firing = {one["labels"]["alertname"] for one in self._get("alerts", {})["alerts"] if one["state"] == "firing"}
        if _ALWAYS not in firing:
            found.append(f"alerts are not evaluated: {_ALWAYS}, which always fires, does not")
        return found

    def policies(self) -> dict[str, Policy]:
        """Freshness policy by asset.

        Raises:
            SourceUnavailableError: it does not answer.
        """
        windows: dict[str, dict[str, float]] = {}
        for one in self._get("query", {"query": "dagster_asset_freshness_window_seconds"})["result"]:
            labels = one["metric"]
            windows.setdefault(labels["asset_key"], {})[labels["level"]] = float(one["value"][1])
        return {asset: Policy(found.get("warn"), found.get("fail")) for asset, found in windows.items()}

    def failing(self) -> dict[str, list[str]]:
        """What is wrong by the exporter: `jobs` whose last run failed, `assets` that are stale, `checks` that failed.

        Raises:
            SourceUnavailableError: it does not answer.
        """
        queries = {
            "jobs": ("dagster_job_last_run_success == 0", "{code_location}: {job_name}"),
            "assets": ("dagster_asset_freshness_state == 2", "{asset_key}"),
            "checks": ('dagster_asset_check_status{severity="error"} == 0', "{check_name}"),
        }
        return {
            name: sorted(text.format_map(one["metric"]) for one in self._get("query", {"query": query})["result"])
            for name, (query, text) in queries.items()
        }

    def _get(self, path: str, parameters: Mapping[str, str]) -> Any:
        request = urllib.request.Request(  # noqa: S310 - http or https, by the settings
            f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        )
        if self.credentials is not None:
            request.add_header(
                "Authorization", "Basic " + base64.b64encode(":".join(self.credentials).encode()).decode()
            )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                return json.load(answer)["data"]
        except (OSError, ValueError, KeyError) as error:
            raise SourceUnavailableError(
                f"prometheus at {self.address}", str(error) or type(error).__name__, next_step="scripts/millrace status"
            ) from error


def policies_of_domains() -> dict[str, Policy]:
    """Freshness policy by asset, as the installed domains' `config.yaml` say."""
    from millrace.domains import installed_domains
    from millrace.location import Domain

    found: dict[str, Policy] = {}
    for point in installed_domains().values():
        domain: Domain = point.load()
        for asset, freshness in domain.config().freshness.items():
            warn, fail = freshness.windows
            found[asset] = Policy(warn.total_seconds(), fail.total_seconds())
    return found
