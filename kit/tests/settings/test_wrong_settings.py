"""What wrong settings are told."""

import pytest
from pydantic import ValidationError

from millrace.errors import ConfigurationError
from millrace.settings import Settings


def test_a_wrong_variable_is_named_with_its_value_and_what_is_allowed() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment({"MILLRACE_PROFILE": "kubernetes"})

    (problem,) = caught.value.problems  # one: that home has no default now follows from it
    assert problem.startswith("MILLRACE_PROFILE='kubernetes': ")
    assert "'embedded' or 'compose'" in problem
    assert str(caught.value).endswith("see .env.example")


def test_every_wrong_variable_is_named_at_once() -> None:
    class Ported(Settings):
        port: int = 3000
        workers: int = 2

    environment = {"MILLRACE_PROFILE": "moon", "MILLRACE_PORT": "many", "MILLRACE_WORKERS": "2.5", "MILLRACE_HOME": "x"}
    with pytest.raises(ConfigurationError) as caught:
        Ported.from_environment(environment)

    named = [problem.split(": ")[0] for problem in caught.value.problems]
    assert named == ["MILLRACE_PROFILE='moon'", "MILLRACE_PORT='many'", "MILLRACE_WORKERS='2.5'"]


def test_an_address_of_no_kind_of_catalog_is_named() -> None:
    with pytest.raises(ConfigurationError, match="MILLRACE_CATALOG='postgres:5432'"):
        Settings.from_environment({"MILLRACE_CATALOG": "postgres:5432"})


def test_a_setting_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"hone\n.*Extra inputs are not permitted"):
        Settings.model_validate({"hone": "/data"})


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = Settings.from_environment({})

    with pytest.raises(ValidationError, match="frozen"):
        settings.profile = "compose"  # ty: ignore[invalid-assignment]
