"""Settings come from the environment that is handed over, and from nowhere else."""

from pathlib import Path

import pytest

from millrace.settings import Profile, Settings
from millrace.stores import Place


@pytest.mark.parametrize(
    ("environment", "profile", "home"),
    [
        ({}, Profile.EMBEDDED, Path(".millrace")),
        ({"MILLRACE_PROFILE": "embedded"}, Profile.EMBEDDED, Path(".millrace")),
        ({"MILLRACE_PROFILE": "compose"}, Profile.COMPOSE, Path("/var/lib/millrace")),
        ({"MILLRACE_PROFILE": "compose", "MILLRACE_HOME": "/data"}, Profile.COMPOSE, Path("/data")),
        ({"MILLRACE_PROFILE": "", "MILLRACE_HOME": ""}, Profile.EMBEDDED, Path(".millrace")),
    ],
    ids=["nothing", "embedded", "compose", "home", "empty_is_not_set"],
)
def test_the_profile_says_where_data_lies_unless_home_does(
    environment: dict[str, str], profile: Profile, home: Path
) -> None:
    settings = Settings.from_environment(environment)

    assert settings.profile is profile
    assert settings.home == home.absolute()


def test_a_relative_home_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({"MILLRACE_HOME": "data"})
    monkeypatch.chdir("/")

    assert settings.home == tmp_path / "data"


def test_a_dotenv_file_and_the_process_environment_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("MILLRACE_PROFILE=compose\nMILLRACE_HOME=/elsewhere\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MILLRACE_PROFILE", "compose")

    settings = Settings.from_environment({})

    assert settings.profile is Profile.EMBEDDED
    assert settings.home == tmp_path / ".millrace"


def test_what_is_not_ours_in_the_environment_is_left_alone() -> None:
    settings = Settings.from_environment({"PATH": "/bin", "PROFILE": "compose", "MILLRACE_": "x", "MILLRACE_PORT": "1"})

    assert settings.profile is Profile.EMBEDDED


@pytest.mark.parametrize("kind", ["stages", "rejects", "outputs"])
def test_each_domain_has_a_folder_of_its_own_for_each_kind_of_file(kind: str) -> None:
    settings = Settings(home=Path("/data"))

    assert getattr(settings, kind)("museum") == Place(address=f"/data/{kind}/museum")


def test_a_domains_tables_are_listed_in_a_file_of_its_own_unless_a_catalog_is_set() -> None:
    tables = Settings(home=Path("/data")).tables("museum")

    assert tables.catalog == "sqlite:////data/catalogs/museum.db"
    assert (tables.domain, tables.place) == ("museum", Place(address="/data/tables/museum"))


def test_in_containers_tables_are_listed_in_the_platforms_postgres() -> None:
    settings = Settings.from_environment({"MILLRACE_PROFILE": "compose", "MILLRACE_CATALOG": ""})

    assert settings.tables("museum").catalog == "postgresql+psycopg2://postgres:5432/catalog"


def test_a_catalog_that_is_set_holds_in_every_profile() -> None:
    for profile in Profile:
        settings = Settings.from_environment({"MILLRACE_PROFILE": profile, "MILLRACE_CATALOG": "http://nessie/iceberg"})

        assert settings.tables("museum").catalog == "http://nessie/iceberg"


def test_a_tables_files_have_absolute_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert Settings(home=Path("data")).tables("museum").place.address == f"{tmp_path}/data/tables/museum"


@pytest.mark.parametrize("kind", ["stages", "rejects", "outputs"])
def test_an_object_store_takes_the_place_of_the_folders(kind: str) -> None:
    settings = Settings(object_store="http://object-store:9000", bucket="mill", secrets=Path("/run/secrets"))

    place = getattr(settings, kind)("museum")

    assert place.address == f"s3://mill/{kind}/museum"
    assert (place.endpoint, place.secrets) == ("http://object-store:9000", "/run/secrets")
