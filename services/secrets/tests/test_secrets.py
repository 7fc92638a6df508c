import json
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt
import pytest

from millrace_secrets.consumers import consumers, domains_in
from millrace_secrets.errors import SecretsError
from millrace_secrets.main import main, make
from millrace_secrets.master import Master

DOMAINS = {"museum": (), "sbir": ("graph",)}


@pytest.fixture
def master(tmp_path: Path) -> Path:
    return tmp_path / "master"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for name in consumers(DOMAINS):
        (tmp_path / "out" / name).mkdir(parents=True)
    return tmp_path / "out"


def hand_to(master: Path, out: Path, *names: str) -> None:
    make(Master(master), DOMAINS, out, names or list(consumers(DOMAINS)))


def snapshot(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_each_consumer_gets_its_own_files_and_no_other(master: Path, out: Path) -> None:
    hand_to(master, out)

    files = {name: {path.name for path in (out / name).iterdir()} for name in consumers(DOMAINS)}
    domain = {"pgpass", "object_store_access_key", "object_store_secret_key"}
    assert files == {
        "postgres": {"postgres_password"},
        "neo4j": {"auth"},
        "object-store": {"root_user", "root_password"},
        "dagster": {"pgpass"},
        "grafana": {"admin_password"},
        "postgres-exporter": {"password"},
        "exporter": {*domain, "neo4j_password"},
        "reports": {"pgpass"},
        "gateway": {"users.caddy"},
        "museum": domain,
        "sbir": {*domain, "neo4j_password"},
    }


def test_no_secret_of_one_domain_is_in_anothers_folder(master: Path, out: Path) -> None:
    hand_to(master, out)

    theirs = [(master / "roles/sbir").read_text(), (out / "sbir/object_store_secret_key").read_text()]
    for content in snapshot(out / "museum").values():
        assert not any(secret in content for secret in theirs)


def test_files_are_for_the_owner_and_its_group_and_the_master_for_the_owner_alone(master: Path, out: Path) -> None:
    hand_to(master, out)

    assert {mode(path) for path in master.rglob("*") if path.is_file()} == {0o400}
    assert {mode(path) for path in out.rglob("*") if path.is_file() and path.name != "pgpass"} == {0o440}
    assert {mode(path) for path in out.rglob("pgpass")} == {0o600}  # libpq ignores a pgpass that others may read


def test_passwords_are_long_all_different_and_mean_nothing_to_a_shell(master: Path, out: Path) -> None:
    hand_to(master, out)

    made = {name: value for name, value in snapshot(master).items() if not name.endswith(("_user", "_key", ".bcrypt"))}
    made |= {name: value for name, value in snapshot(master).items() if name.endswith("secret_key")}
    assert len(set(made.values())) == len(made) == 14
    for value in made.values():
        assert len(value) >= 32
        assert value.isascii()
        assert value.isalnum()


def test_a_second_start_changes_nothing(master: Path, out: Path) -> None:
    hand_to(master, out)
    before = snapshot(master), snapshot(out)

    hand_to(master, out)

    assert (snapshot(master), snapshot(out)) == before


def test_an_emptied_consumer_is_given_the_same_again(master: Path, out: Path) -> None:
    hand_to(master, out)
    before = snapshot(out)
    for path in (out / "museum").iterdir():
        path.unlink()

    hand_to(master, out)

    assert snapshot(out) == before


def test_one_consumer_can_be_served_alone_and_the_rest_made_later(master: Path, out: Path) -> None:
    hand_to(master, out, "museum")
    first = snapshot(out)
    assert {name.split("/")[0] for name in first} == {"museum"}

    hand_to(master, out)

    assert snapshot(out / "museum") == snapshot(out / "museum") | {k.split("/")[1]: v for k, v in first.items()}


def test_starts_at_the_same_time_agree_on_every_secret(master: Path, out: Path) -> None:
    def start(name: str) -> None:
        hand_to(master, out, name)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(start, list(consumers(DOMAINS)) * 4))

    dagster = (master / "roles/dagster").read_text()
    for name in ("dagster", "museum", "sbir"):
        assert f"postgres:5432:*:dagster:{dagster}\n" in (out / name / "pgpass").read_text()
    assert [path.name for path in [*master.rglob("*"), *out.rglob("*")] if path.name.startswith(".")] == []


def test_a_secret_that_is_there_is_kept_and_escaped_where_a_format_needs_it(master: Path, out: Path) -> None:
    (master / "roles").mkdir(parents=True)
    (master / "roles/dagster").write_text("a:b\\c\n")

    hand_to(master, out)

    assert (master / "roles/dagster").read_text() == "a:b\\c\n"
    assert (out / "dagster/pgpass").read_text() == "postgres:5432:*:dagster:a\\:b\\\\c\n"


def test_the_gateway_gets_hashes_that_fit_the_passwords_and_stay_the_same(master: Path, out: Path) -> None:
    hand_to(master, out)

    lines = dict(line.split(" ") for line in (out / "gateway/users.caddy").read_text().splitlines())
    assert set(lines) == {"operator", "viewer"}
    for user, hashed in lines.items():
        password = (master / "gateway" / user).read_text()
        assert password not in hashed
        assert bcrypt.checkpw(password.encode(), hashed.encode())


def test_a_password_that_was_replaced_gets_a_new_hash(master: Path, out: Path) -> None:
    hand_to(master, out)
    (master / "gateway/viewer").unlink()

    hand_to(master, out)

    hashed = (out / "gateway/users.caddy").read_text().splitlines()[1].removeprefix("viewer ")
    assert bcrypt.checkpw((master / "gateway/viewer").read_bytes(), hashed.encode())


@pytest.mark.parametrize("content", ["", "\n", "one\ntwo\n"])
def test_a_damaged_secret_is_named_and_not_replaced(master: Path, out: Path, content: str) -> None:
    (master / "neo4j").mkdir(parents=True)
    (master / "neo4j/password").write_text(content)

    with pytest.raises(SecretsError, match="neo4j/password does not hold one line of text"):
        hand_to(master, out)

    assert (master / "neo4j/password").read_text() == content


def test_an_unknown_or_unmounted_consumer_is_an_error_that_lists_what_is_there(master: Path, out: Path) -> None:
    with pytest.raises(SecretsError, match=r"no consumer 'musuem' in this image \(it has dagster, .*museum"):
        hand_to(master, out, "musuem")
    (out / "museum").rmdir()
    with pytest.raises(SecretsError, match="mount the volume of museum there"):
        hand_to(master, out, "museum")


def test_without_a_name_a_folder_that_is_no_mount_is_left_alone_but_everything_is_made(master: Path, out: Path) -> None:
    assert make(Master(master), DOMAINS, out, []) == []

    assert snapshot(out) == {}
    assert (master / "roles/museum").exists()


@pytest.mark.parametrize("name", ["dagster", "exporter", "metrics", "postgres", "reports", "Museum", "a-b", "1st"])
def test_a_folder_that_cannot_be_a_role_or_a_user_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "domains").write_text(f"museum\n{name}\n")

    with pytest.raises(SecretsError, match=f"code_locations: {name} cannot be the name of a domain"):
        domains_in(tmp_path / "domains")


def test_a_store_that_nobody_has_is_refused(tmp_path: Path) -> None:
    (tmp_path / "domains").write_text("museum \nsbir graph postgres\n")

    with pytest.raises(SecretsError, match="code_locations/sbir: uses postgres"):
        domains_in(tmp_path / "domains")


def test_people_see_as_whom_they_sign_in(master: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand_to(master, out)
    passwords = {user: (master / "gateway" / user).read_text() for user in ("operator", "viewer")}

    main(["--master", str(master), "show"])
    lines = capsys.readouterr().out.splitlines()
    main(["--master", str(master), "show", "--json"])

    assert [line.split()[:2] for line in lines] == [*map(list, passwords.items())]
    assert json.loads(capsys.readouterr().out) == {"users": passwords}


def test_showing_before_the_first_start_is_one_line(master: Path) -> None:
    command = [sys.executable, "-c", "from millrace_secrets.main import main; main()", "--master", str(master), "show"]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        f"millrace-secrets: {master}/gateway/operator is missing; start the platform once, which makes it"
    ]
