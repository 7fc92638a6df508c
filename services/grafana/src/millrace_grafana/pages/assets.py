"""Assets and quality: how fresh, how complete, how good."""

from millrace_grafana.links import ASSET, CHECKS
from millrace_grafana.page import Page, Row, Variable
from millrace_grafana.panels import (
    ANY_IS_BAD,
    ANY_IS_ODD,
    FRESHNESS,
    FRESHNESS_STEPS,
    PASSED_OR_FAILED,
    PLAIN,
    UP,
    Panel,
    Query,
    Words,
    bars,
    lines,
    listing,
    number,
    ranking,
    states,
)

# Narrows a family that has no other label of the asset than its key.
_CHOSEN = (
    "* on (asset_key) group_left () max by (asset_key) "
    '(dagster_asset_info{code_location=~"$location", group=~"$group", asset_key=~"$asset"})'
)
_NO_LONG_STEP = "no long step goes on"
_NO_PARTITIONS = "no asset has partitions"


def page() -> Page:
    """What became of data."""
    info = "dagster_asset_info"
    return Page(
        uid="assets",
        title="Assets and quality",
        description="How fresh, how complete and how good data is.",
        variables=[
            Variable("location", "Code location", info, "code_location"),
            Variable("group", "Group", f'{info}{{code_location=~"$location"}}', "group"),
            Variable("asset", "Asset", f'{info}{{code_location=~"$location", group=~"$group"}}', "asset_key"),
        ],
        rows=[
            Row("Now", _now()),
            Row("Being made", _being_made()),
            Row("Freshness", _freshness()),
            Row("Quality", _quality()),
            Row("Volume and speed", _volume()),
            Row("Partitions", _partitions()),
            Row("Each asset", _each()),
        ],
    )


def _now() -> list[Panel]:
    small = (4, 5)
    state = f"(dagster_asset_freshness_state {_CHOSEN})"
    return [
        number(
            Words(
                "Stale",
                "Past the fail window of the freshness policy.",
                "none",
                ANY_IS_BAD,
                size=small,
                alerts=["AssetStale"],
            ),
            Query(f"sum({state} == bool 2)"),
        ),
        number(
            Words(
                "Late",
                "Past the warn window and not yet stale.",
                "none",
                ANY_IS_ODD,
                size=small,
                alerts=["FreshnessWarning"],
            ),
            Query(f"sum({state} == bool 1)"),
        ),
        number(
            Words(
                "Never made",
                "Assets with a policy that were never materialised.",
                "none",
                ANY_IS_ODD,
                size=small,
                alerts=["AssetNeverMaterialised"],
            ),
            Query(f"sum({state} == bool 3)"),
        ),
        number(
            Words(
                "Failing",
                "Assets whose last failure is newer than their last materialisation.",
                "none",
                ANY_IS_BAD,
                size=small,
            ),
            Query(
                f"sum((dagster_asset_last_failure_timestamp_seconds {_CHOSEN}) > bool on (asset_key) "
                "dagster_asset_last_materialization_timestamp_seconds) "
                f"or 0 * count(dagster_asset_materializations_total {_CHOSEN})"
            ),
        ),
        number(
            Words(
                "Failed checks",
                "Of severity error, when last evaluated.",
                "none",
                ANY_IS_BAD,
                size=small,
                alerts=["CheckFailed"],
            ),
            Query(f'sum((dagster_asset_check_status{{severity="error"}} == bool 0) {_CHOSEN})'),
        ),
        number(
            Words(
                "Warnings",
                "Checks of severity warn that failed when last evaluated.",
                "none",
                ANY_IS_ODD,
                size=small,
                alerts=["CheckWarns"],
            ),
            Query(
                f'sum((dagster_asset_check_status{{severity="warn"}} == bool 0) {_CHOSEN})',
                empty="no check of severity warn was evaluated",
            ),
        ),
    ]


def _being_made() -> list[Panel]:
    return [
        ranking(
            Words(
                "Progress",
                "Share of its input that the step which is making the asset has done. Steps that work in chunks say "
                "so, if they take longer than 15 seconds.",
                "percentunit",
                PLAIN,
                links=[ASSET],
                size=(8, 7),
            ),
            Query(
                f"sort_desc(max by (asset_key) (dagster_asset_progress_share {_CHOSEN}))",
                "{{asset_key}}",
                empty=_NO_LONG_STEP,
            ),
            at_most=1,
        ),
        ranking(
            Words(
                "Expected to take",
                "At the speed so far, until the input is done. 0 for long: the step has become slower, or hangs.",
                "s",
                PLAIN,
                links=[ASSET],
                size=(8, 7),
            ),
            Query(
                "sort_desc(clamp_min(max by (asset_key) "
                f"((dagster_asset_progress_expected_end_timestamp_seconds - time()) {_CHOSEN}), 0))",
                "{{asset_key}}",
                empty=_NO_LONG_STEP,
            ),
        ),
        lines(
            Words(
                "Rows done",
                "Of the input, by the step that is making the asset. A flat line hangs.",
                "short",
                PLAIN,
                links=[ASSET],
                size=(8, 7),
            ),
            Query(
                f"max by (asset_key) (dagster_asset_progress_rows {_CHOSEN})",
                "{{asset_key}}",
                empty=_NO_LONG_STEP,
            ),
        ),
    ]


def _freshness() -> list[Panel]:
    return [
        states(
            Words(
                "State by the policy",
                "Computed from policy and events, so that it holds while Dagster's daemon is dead.",
                "none",
                FRESHNESS_STEPS,
                links=[ASSET],
                mappings=FRESHNESS,
                size=(12, 9),
            ),
            Query(f"max by (asset_key) (dagster_asset_freshness_state {_CHOSEN})", "{{asset_key}}"),
        ),
        ranking(
            Words(
                "Time left",
                "Until the asset is stale, unless it is materialised. Shortest bars first to go; 0 is stale.",
                "s",
                ((None, "red"), (1, "orange"), (7200, "green")),
                links=[ASSET],
                size=(12, 9),
            ),
            Query(
                "sort(clamp_min(max by (asset_key) "
                f"((dagster_asset_freshness_deadline_timestamp_seconds - time()) {_CHOSEN}), 0))",
                "{{asset_key}}",
            ),
        ),
        lines(
            Words(
                "Age",
                "Since the last materialisation. A saw tooth with the job's rhythm is well.",
                "s",
                PLAIN,
                links=[ASSET],
            ),
            Query(
                "max by (asset_key) ((time() - dagster_asset_last_materialization_timestamp_seconds) " + _CHOSEN + ")",
                "{{asset_key}}",
            ),
        ),
        states(
            Words(
                "Ours and Dagster's state disagree",
                "Red: the two have differed at that moment. For long, one of them is wrong: Dagster's stays what it "
                "was while its daemon is dead, and knows no partitions.",
                "none",
                ((None, "green"), (1, "red")),
                links=[ASSET],
                mappings={0: ("agree", "green"), 1: ("differ", "red")},
                alerts=["FreshnessDisagrees"],
            ),
            Query(
                "max by (asset_key) ((dagster_asset_freshness_state != bool on (asset_key) "
                f"dagster_asset_freshness_reported_state) {_CHOSEN})",
                "{{asset_key}}",
                empty="Dagster's own freshness daemon has not said anything",
            ),
        ),
    ]


def _quality() -> list[Panel]:
    return [
        states(
            Words(
                "Checks",
                "One row per check: what it said when it was last evaluated. A click leads to what it found.",
                "none",
                UP,
                links=[CHECKS],
                mappings=PASSED_OR_FAILED,
                size=(24, 12),
            ),
            Query(f"min by (asset_key, check_name) (dagster_asset_check_status {_CHOSEN})", "{{check_name}}"),
        ),
        bars(
            Words(
                "Evaluations",
                "Per interval, by result. Error: the run failed before the check could be evaluated.",
                "none",
                PLAIN,
                links=[CHECKS],
                size=(8, 8),
            ),
            Query(
                "sum by (result) (increase(dagster_asset_check_evaluations_total[$__rate_interval]) " + _CHOSEN + ")",
                "{{result}}",
            ),
        ),
        ranking(
            Words(
                "Turned away",
                "Share of the rows that came in and did not go out, at the last materialisation. The rejects say why.",
                "percentunit",
                ((None, "green"), (0.01, "orange"), (0.05, "red")),
                links=[ASSET],
                size=(8, 8),
            ),
            Query(
                f'sort_desc(max by (asset_key) (dagster_asset_metadata_value{{key="removed_share"}} {_CHOSEN}))',
                "{{asset_key}}",
            ),
            at_most=1,
        ),
        lines(
            Words(
                "Quality score",
                "Share of cells written with a value, of the cells of all rows written and rejected. The asset's "
                "metadata has its parts: accepted_share and filled_share.",
                "percentunit",
                PLAIN,
                links=[ASSET],
                size=(8, 8),
                alerts=["QualityScoreDrop"],
            ),
            Query(
                f'max by (asset_key) (dagster_asset_metadata_value{{key="quality_score"}} {_CHOSEN})', "{{asset_key}}"
            ),
            at_most=1,
        ),
    ]


def _volume() -> list[Panel]:
    return [
        lines(
            Words(
                "Rows",
                "Of each asset's last materialisation. A step down that nobody ordered is lost data.",
                "short",
                PLAIN,
                links=[ASSET],
                alerts=["LowVolume"],
            ),
            Query(f"max by (asset_key) (dagster_asset_rows {_CHOSEN})", "{{asset_key}}"),
        ),
        lines(
            Words(
                "Seconds per materialisation",
                "What the last one took.",
                "s",
                PLAIN,
                links=[ASSET],
                alerts=["PerformanceRegression"],
            ),
            Query(
                f'max by (asset_key) (dagster_asset_metadata_value{{key="seconds"}} {_CHOSEN})',
                "{{asset_key}}",
            ),
        ),
        lines(
            Words(
                "Peak memory",
                "Of the process during the last materialisation.",
                "bytes",
                PLAIN,
                links=[ASSET],
            ),
            Query(
                f'max by (asset_key) (dagster_asset_metadata_value{{key="peak_memory_bytes"}} {_CHOSEN})',
                "{{asset_key}}",
            ),
        ),
        bars(
            Words("Materialisations and failures", "Per interval.", "none", PLAIN, links=[ASSET]),
            Query(f"sum(increase(dagster_asset_materializations_total[$__rate_interval]) {_CHOSEN})", "success"),
            Query(f"sum(increase(dagster_asset_failures_total[$__rate_interval]) {_CHOSEN})", "failure"),
        ),
    ]


def _partitions() -> list[Panel]:
    return [
        ranking(
            Words(
                "Partitions that are missing or failed",
                "By asset and state.",
                "none",
                ((None, "green"), (1, "orange")),
                links=[ASSET],
                size=(12, 7),
                alerts=["PartitionsFailed"],
            ),
            Query(
                'sum by (asset_key, state) (dagster_asset_partitions{state=~"missing|failed"} ' + _CHOSEN + ")",
                "{{asset_key}} {{state}}",
                empty=_NO_PARTITIONS,
            ),
        ),
        lines(
            Words("Partitions by state", "Over all chosen assets.", "none", PLAIN, size=(12, 7)),
            Query(
                f"sum by (state) (dagster_asset_partitions {_CHOSEN})",
                "{{state}}",
                empty=_NO_PARTITIONS,
            ),
        ),
    ]


def _each() -> list[Panel]:
    info = 'dagster_asset_info{code_location=~"$location", group=~"$group", asset_key=~"$asset"}'
    return [
        listing(
            Words(
                "Assets",
                "Every asset that a code location defines. A click leads to its page.",
                "none",
                PLAIN,
                links=[ASSET],
                size=(24, 12),
            ),
            {
                "code_location": "code location",
                "group": "group",
                "asset_key": "asset",
                "owner": "owner",
                "kind": "kind",
                "Value #A": "materialised",
                "Value #B": "rows",
            },
            Query(
                "1000 * max by (code_location, group, asset_key, owner, kind) "
                f"({info} * on (asset_key) group_left () dagster_asset_last_materialization_timestamp_seconds)"
            ),
            Query(
                "max by (code_location, group, asset_key, owner, kind) "
                f"({info} * on (asset_key) group_left () dagster_asset_rows)"
            ),
            units={"materialised": "dateTimeFromNow", "rows": "short"},
        )
    ]
