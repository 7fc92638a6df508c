"""config.yaml, and what one run may overrule."""

from typing import Any

import pytest
from pydantic import ValidationError

from millrace.errors import ConfigurationError
from millrace_platform.definitions import DOMAIN
from millrace_platform.settings import KeepDays, Retention


def test_what_points_at_something_outlives_it() -> None:
    assert KeepDays(logs=1, events=1, runs=1, ticks=9)
    with pytest.raises(ValidationError, match="logs=9, events=5, runs=7: expected logs <= events <= runs"):
        KeepDays(logs=9, events=5, runs=7, ticks=1)


def test_a_run_overrules_only_what_it_names() -> None:
    config = DOMAIN.config()
    plan = Retention(logs_days=1).plan(config)
    assert plan.keep_days == config.keep_days.model_copy(update={"logs": 1})
    assert (plan.batch_rows, plan.dry_run) == (config.batch_rows, False)


def test_a_run_cannot_overrule_the_rules_and_is_told_all_that_is_wrong_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"2 problems: batch_rows=0.*expected logs <= events <= runs"):
        Retention(batch_rows=0, events_days=365).plan(DOMAIN.config())


def test_a_wrong_overrule_fails_the_job_without_a_retry_and_removes_nothing(store: Any) -> None:
    store.run("sweep_job", days_old=400)
    before = store.counts()
    result = store.try_prune(logs_days=0)
    assert not result.success
    assert not [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert store.counts() == before
