"""Addresses that panels lead to: Dagster's pages, runbooks, other dashboards.

What belongs here: addresses. What does not: which panel leads where.

Grafana puts its own path in front of a link that begins with a slash, so `/runs` would become `/grafana/runs`
(`assureBaseUrl` of @grafana/data). A relative link is left alone, and steps above the root stay at the root (RFC 3986,
5.2.4): four of them lead from every page of Grafana to the gateway's.
"""

from dataclasses import dataclass
from urllib.parse import quote

PLATFORM = "../../../.."
# Of every dashboard and of every mark.
TAG = "millrace"


@dataclass(frozen=True)
class Link:
    """Where a panel or a value of it leads."""

    title: str
    url: str

    @property
    def leaves_grafana(self) -> bool:
        """Whether it leads to a page that is not Grafana's."""
        return self.url.startswith(PLATFORM)


def dashboard(uid: str, title: str, *, variables: str = "") -> Link:
    """Another dashboard, over the same time; `variables` as `var-job=${__field.labels.job_name}`."""
    return Link(title, f"/d/{uid}?${{__url_time_range}}" + (f"&{variables}" if variables else ""))


def runbook(alert: str) -> Link:
    """What to do when an alert fires."""
    return Link(f"Runbook {alert}", f"{PLATFORM}/runbooks/{quote(alert)}")


def field(label: str) -> str:
    """A label of the series that was clicked, as a link takes it."""
    return f"${{__field.labels.{label}}}"


RUNS_OF_JOB = Link("Runs in Dagster", f"{PLATFORM}/runs?q=job%3A{field('job_name')}")
JOB = Link("Job in Dagster", f"{PLATFORM}/locations/__repository__@{field('code_location')}/jobs/{field('job_name')}")
RUNS = Link("Runs in Dagster", f"{PLATFORM}/runs")
ASSET = Link("Asset in Dagster", f"{PLATFORM}/assets/{field('asset_key')}")
CHECKS = Link("Checks in Dagster", f"{PLATFORM}/assets/{field('asset_key')}?view=checks")
DEPLOYMENT = Link("Deployment in Dagster", f"{PLATFORM}/deployment/locations")
DAEMONS = Link("Daemons in Dagster", f"{PLATFORM}/deployment/daemons")
AUTOMATION = Link("Automation in Dagster", f"{PLATFORM}/automation")
BACKFILLS = Link("Backfills in Dagster", f"{PLATFORM}/runs/backfills")
CONCURRENCY = Link("Concurrency in Dagster", f"{PLATFORM}/deployment/concurrency")
ALERT = Link("Runbook", f"{PLATFORM}/runbooks/{field('alertname')}")
ALERTMANAGER = Link("Alertmanager", f"{PLATFORM}/alertmanager")
TARGETS = Link("Targets in Prometheus", f"{PLATFORM}/prometheus/targets")
RULES = Link("Rules in Prometheus", f"{PLATFORM}/prometheus/rules")
REPORT = Link("Health report", f"{PLATFORM}/reports")
