"""On real servers: Postgres from its wheel, and the object store of `millrace.testing`."""

import http.client
import io
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import polars as pl
import psycopg2
import pytest
from minio import Minio
from minio.commonconfig import ENABLED
from minio.error import S3Error
from minio.versioningconfig import VersioningConfig
from psycopg2.errors import lookup
from psycopg2.extensions import connection as Connection  # noqa: N812 psycopg2 names its class in lower case

from millrace.embedded.postgres import postgres_server
from millrace.lakehouse import Declaration, Warehouse
from millrace.lakehouse.retention import expire_snapshots, remove_orphans
from millrace.publication import MANIFEST, publisher
from millrace.stores import ACCESS_KEY_FILE, SECRET_KEY_FILE, BucketStore, Place
from millrace.testing.object_store import ObjectStore
from millrace_setup.databases import set_up_databases
from millrace_setup.errors import PartedVolumesError, SetupError
from millrace_setup.object_store import set_up_object_store
from millrace_setup.settings import Key, Settings, settings_from

DOMAINS = ("museum", "platform")
InsufficientPrivilege = lookup("42501")
SUPERUSER_PASSWORD = "superuser's"
ROOT = Key(ObjectStore.access_key, ObjectStore.secret_key)


def settings(**changes: object) -> Settings:
    names = ("dagster", "metrics", "exporter", *DOMAINS)
    return replace(
        Settings(
            postgres="127.0.0.1:1",
            object_store="127.0.0.1:1",
            object_store_tls=False,
            deadline_seconds=20,
            superuser_password=SUPERUSER_PASSWORD,
            roles={name: f"{name}'s password" for name in names},
            root=ROOT,
            keys={name: Key(f"millrace-{name}", f"{name}'s secret key") for name in (*DOMAINS, "exporter")},
        ),
        **changes,
    )


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A server that asks for passwords, as the one in compose does."""
    folder = tmp_path_factory.mktemp("postgres") / "cluster"
    with postgres_server(folder) as address:
        host = parse_qs(urlsplit(address).query)["host"][0]
        connection = psycopg2.connect(host=host, user="postgres", dbname="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("ALTER ROLE postgres PASSWORD 'superuser''s'")
            (folder / "pg_hba.conf").write_text("local all all scram-sha-256\n")
            cursor.execute("SELECT pg_reload_conf()")
        connection.close()
        yield f"{host}:5432"


@pytest.fixture(scope="module")
def ready(postgres: str) -> Settings:
    given = settings(postgres=postgres)
    set_up_databases(given)
    return given


def sign_in(postgres: str, role: str, database: str, password: str | None = None) -> Connection:
    host, _, port = postgres.rpartition(":")
    password = password or f"{role}'s password"
    return psycopg2.connect(host=host, port=port, user=role, password=password, dbname=database)


def execute(postgres: str, role: str, database: str, statement: str) -> list[tuple[object, ...]]:
    connection = sign_in(postgres, role, database, "superuser's" if role == "postgres" else None)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("role", "reachable"),
    [
        ("dagster", {"dagster"}),
        ("museum", {"sources", "catalog"}),
        ("metrics", {"postgres"}),
        ("exporter", {"dagster", "catalog"}),
    ],
)
def test_a_role_reaches_its_databases_and_no_other(ready: Settings, role: str, reachable: set[str]) -> None:
    for database in reachable:
        sign_in(ready.postgres, role, database).close()
    for database in {"dagster", "sources", "catalog", "postgres", "template1"} - reachable:
        with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
            sign_in(ready.postgres, role, database)


@pytest.mark.parametrize("database", ["sources", "catalog"])
def test_a_domain_owns_its_schema_and_sees_nothing_of_anothers(ready: Settings, database: str) -> None:
    execute(ready.postgres, "museum", database, "CREATE TABLE IF NOT EXISTS things (id int)")

    assert execute(ready.postgres, "museum", database, "SELECT count(*) FROM museum.things") == [(0,)]
    with pytest.raises(InsufficientPrivilege, match="schema museum"):
        execute(ready.postgres, "platform", database, "SELECT count(*) FROM museum.things")
    for statement in ("CREATE TABLE public.t (id int)", "CREATE SCHEMA other", "CREATE ROLE other"):
        with pytest.raises(InsufficientPrivilege):
            execute(ready.postgres, "museum", database, statement)


def test_dagster_makes_its_tables(ready: Settings) -> None:
    execute(ready.postgres, "dagster", "dagster", "CREATE TABLE IF NOT EXISTS runs (id int)")


def test_no_role_is_more_than_it_must_be(ready: Settings) -> None:
    query = "SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname !~ '^pg_' AND NOT rolsuper AND NOT rolcreatedb"

    roles = set(execute(ready.postgres, "postgres", "postgres", query))

    logins = {(name, True) for name in ("dagster", "metrics", "exporter", *DOMAINS)}
    assert roles == logins | {("sources", False), ("catalog", False)}


def test_metrics_reads_the_servers_statistics_but_no_data(ready: Settings) -> None:
    execute(ready.postgres, "metrics", "postgres", "SELECT pg_database_size('dagster'), count(*) FROM pg_stat_activity")
    with pytest.raises(psycopg2.OperationalError, match="permission denied"):
        sign_in(ready.postgres, "metrics", "sources")


@pytest.mark.parametrize(("owner", "database"), [("dagster", "dagster"), ("museum", "catalog")])
def test_the_exporter_reads_tables_also_later_ones_and_writes_none(ready: Settings, owner: str, database: str) -> None:
    execute(ready.postgres, owner, database, "CREATE TABLE IF NOT EXISTS events (id int)")
    schema = "public" if owner == "dagster" else owner

    table = f"{schema}.events"
    assert execute(ready.postgres, "exporter", database, f"TABLE {table}") == []
    for statement in (
        f"INSERT INTO {table} VALUES (1)",  # noqa: S608
        f"DELETE FROM {table}",  # noqa: S608
        f"DROP TABLE {table}",
        f"CREATE TABLE {schema}.mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
    ):
        for prefix in ("", "SET default_transaction_read_only = off; "):
            with pytest.raises(psycopg2.Error, match=r"read-only transaction|permission denied|must be owner"):
                execute(ready.postgres, "exporter", database, prefix + statement)


def test_a_second_start_keeps_data_and_takes_new_passwords(ready: Settings) -> None:
    execute(ready.postgres, "museum", "sources", "CREATE TABLE kept AS SELECT 1 AS id")

    set_up_databases(replace(ready, roles={**ready.roles, "museum": "another"}))

    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        sign_in(ready.postgres, "museum", "sources")
    sign_in(ready.postgres, "museum", "sources", "another").close()
    set_up_databases(ready)
    assert execute(ready.postgres, "museum", "sources", "SELECT id FROM kept") == [(1,)]


def test_a_parted_postgres_volume_is_said_in_one_line(postgres: str) -> None:
    with pytest.raises(PartedVolumesError) as caught:
        set_up_databases(settings(postgres=postgres, superuser_password=SUPERUSER_PASSWORD + "!"))

    assert str(caught.value) == (
        "postgres: refuses the superuser's password in the master volume (expected: the one that its volume was made "
        "with; the volumes 'secrets-master' and 'postgres-data' come from different times); restore the volume "
        "'secrets-master' that belongs to it, or remove the volume 'postgres-data' to start with an empty store. "
        "Nothing was changed."
    )


def test_a_store_that_never_answers_is_named_at_the_deadline() -> None:
    gone = settings(deadline_seconds=0.6)

    with pytest.raises(SetupError, match=r"postgres: does not answer after 0.6 s \(.*refused.*\); look at its log"):
        set_up_databases(gone)
    with pytest.raises(SetupError, match=r"object-store: does not answer after 0.6 s \(.*refused.*\); look at its log"):
        set_up_object_store(gone)


@pytest.fixture(scope="module")
def store(object_store: ObjectStore) -> Settings:
    given = settings(object_store=object_store.address)
    object_store.stop()
    object_store.start()
    set_up_object_store(given)  # at once: it has to wait for the server
    return given


def client(store: Settings, key: Key) -> Minio:
    return Minio(endpoint=store.object_store, access_key=key.access, secret_key=key.secret, secure=False)


def put(as_user: Minio, name: str, content: bytes = b"x") -> None:
    as_user.put_object(bucket_name="millrace", object_name=name, data=io.BytesIO(content), length=len(content))


@pytest.mark.parametrize("room", ["stages", "rejects", "tables", "outputs"])
def test_a_domain_reads_writes_lists_and_deletes_below_its_folders(store: Settings, room: str) -> None:
    museum = client(store, store.keys["museum"])
    name = f"{room}/museum/a/b"

    put(museum, name)
    put(museum, f"{room}/museum/large", b"x" * 6 * 1024 * 1024)  # in parts

    assert museum.get_object(bucket_name="millrace", object_name=name).data == b"x"
    listed = museum.list_objects(bucket_name="millrace", prefix=f"{room}/museum/", recursive=True)
    assert {item.object_name for item in listed} == {name, f"{room}/museum/large"}
    museum.remove_object(bucket_name="millrace", object_name=name)


def test_a_domain_publishes_and_removes_with_its_own_key(store: Settings, tmp_path: Path) -> None:
    key = store.keys["museum"]
    (tmp_path / ACCESS_KEY_FILE).write_text(key.access)
    (tmp_path / SECRET_KEY_FILE).write_text(key.secret)
    outputs = BucketStore(f"http://{store.object_store}", "millrace", "outputs/museum/tate", tmp_path)
    assert publisher(outputs).current() is None  # what is not there is not there, and not forbidden

    for name in ("a", "b", "b"):
        with publisher(outputs, keep=1).session() as session:
            if not session.has(name):
                with session.writing(name) as folder:
                    (folder / "1.json").write_text("{}")
                    (folder / MANIFEST).write_text("{}")
            session.switch(name, {})

    assert outputs.folders("publications") == ["b"]
    assert anonymous(store, "GET", "outputs/museum/tate/publications/b/1.json") == 200


def test_a_domain_writes_and_cleans_its_tables_with_its_own_role_and_key(
    ready: Settings, store: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, host = store.keys["museum"], ready.postgres.rpartition(":")[0]
    (tmp_path / ACCESS_KEY_FILE).write_text(key.access)
    (tmp_path / SECRET_KEY_FILE).write_text(key.secret)
    (tmp_path / "pgpass").write_text("*:*:*:museum:museum's password\n")
    (tmp_path / "pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    place = Place(address="s3://millrace/tables/museum", endpoint=f"http://{store.object_store}", secrets=str(tmp_path))
    table = Warehouse(catalog=f"postgresql+psycopg2:///catalog?host={host}", domain="museum", place=place).table(
        "objects"
    )

    for title in ("Ophelia", "The Snail"):
        table.write(pl.LazyFrame({"title": [title]}), Declaration())
    in_a_year = datetime.now(UTC) + timedelta(days=365)
    expire_snapshots(table, timedelta(days=7), keep=1, now=in_a_year)
    removed = remove_orphans(table, timedelta(days=1), now=in_a_year)

    assert table.scan().collect()["title"].to_list() == ["The Snail"]
    assert sum(name.endswith(".parquet") for name in removed.names) == 1
    listed = execute(ready.postgres, "exporter", "catalog", "SELECT table_name FROM museum.iceberg_tables")
    assert listed == [("objects",)]


@pytest.mark.parametrize(
    "name", ["stages/platform/a", "stages/museum2/a", "stages/a", "a", "outputs/platform/a", "stages/museum"]
)
def test_a_domain_touches_nothing_outside_its_folders(store: Settings, name: str) -> None:
    museum = client(store, store.keys["museum"])
    put(client(store, ROOT), name)

    with pytest.raises(S3Error, match="AccessDenied"):
        put(museum, name)
    with pytest.raises(S3Error, match="AccessDenied"):
        museum.remove_object(bucket_name="millrace", object_name=name)
    if not name.startswith("outputs/"):  # what is published may be read by all
        with pytest.raises(S3Error, match="AccessDenied"):
            museum.get_object(bucket_name="millrace", object_name=name)


@pytest.mark.parametrize("prefix", ["", "stages/", "stages/museum", "stages/platform/", "rejects/platform/"])
def test_a_domain_lists_nothing_outside_its_folders(store: Settings, prefix: str) -> None:
    museum = client(store, store.keys["museum"])

    with pytest.raises(S3Error, match="AccessDenied"):
        list(museum.list_objects(bucket_name="millrace", prefix=prefix, recursive=True))


def test_a_domain_makes_no_bucket_and_no_policy(store: Settings) -> None:
    museum = client(store, store.keys["museum"])

    with pytest.raises(S3Error, match="AccessDenied"):
        museum.make_bucket(bucket_name="mine")
    with pytest.raises(S3Error, match="AccessDenied"):
        museum.delete_bucket_policy(bucket_name="millrace")


def test_the_exporter_writes_its_probe_reads_tables_metadata_and_nothing_else(store: Settings) -> None:
    root, exporter = client(store, ROOT), client(store, store.keys["exporter"])
    for name in ("stages/museum/a", "lake/museum/t/data/1.parquet", "lake/museum/t/metadata/v1.json"):
        put(root, name)

    put(exporter, "probe/exporter")
    assert exporter.get_object(bucket_name="millrace", object_name="probe/exporter").data == b"x"
    exporter.remove_object(bucket_name="millrace", object_name="probe/exporter")
    assert exporter.get_object(bucket_name="millrace", object_name="lake/museum/t/metadata/v1.json").data == b"x"

    for name in ("stages/museum/a", "lake/museum/t/data/1.parquet"):
        with pytest.raises(S3Error, match="AccessDenied"):
            exporter.get_object(bucket_name="millrace", object_name=name)
    for name in ("stages/museum/a", "outputs/museum/a", "lake/museum/t/metadata/v1.json"):
        with pytest.raises(S3Error, match="AccessDenied"):
            put(exporter, name)
        with pytest.raises(S3Error, match="AccessDenied"):
            exporter.remove_object(bucket_name="millrace", object_name=name)
    with pytest.raises(S3Error, match="AccessDenied"):
        list(exporter.list_objects(bucket_name="millrace", prefix="", recursive=True))


def anonymous(store: Settings, method: str, path: str) -> int:
    connection = http.client.HTTPConnection(store.object_store, timeout=20)
    connection.request(method, f"/millrace/{path}")
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_only_published_files_are_read_without_a_key(store: Settings) -> None:
    for name in ("outputs/museum/open", "stages/museum/closed", "rejects/museum/closed"):
        put(client(store, ROOT), name)

    assert anonymous(store, "GET", "outputs/museum/open") == 200
    assert anonymous(store, "HEAD", "outputs/museum/open") == 200
    for path in ("stages/museum/closed", "rejects/museum/closed", "", "?list-type=2&prefix=outputs/"):
        assert anonymous(store, "GET", path) == 403, path
    for method in ("PUT", "DELETE"):
        assert anonymous(store, method, "outputs/museum/open") == 403


def test_old_versions_are_not_kept_and_a_new_key_counts_at_the_next_start(store: Settings) -> None:
    root = client(store, ROOT)
    root.set_bucket_versioning(bucket_name="millrace", config=VersioningConfig(ENABLED))
    renewed = Key("millrace-museum", "another secret key")

    set_up_object_store(replace(store, keys={**store.keys, "museum": renewed}))

    assert root.get_bucket_versioning(bucket_name="millrace").status != ENABLED
    put(client(store, renewed), "stages/museum/a")
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        put(client(store, store.keys["museum"]), "stages/museum/a")
    set_up_object_store(store)


@pytest.mark.parametrize("root", [Key(ROOT.access, "of another time"), Key("of another time", ROOT.secret)])
def test_a_parted_object_store_is_said_in_one_line(store: Settings, root: Key) -> None:
    with pytest.raises(PartedVolumesError, match=r"^object-store: refuses the root key .* remove the volume"):
        set_up_object_store(replace(store, root=root))


def test_settings_are_read_from_the_master_and_a_missing_secret_is_named(tmp_path: Path) -> None:
    environment = {"MILLRACE_MASTER": str(tmp_path)}
    with pytest.raises(SetupError, match="postgres/superuser_password cannot be read: No such file"):
        settings_from(environment)
    for name in (
        "postgres/superuser_password",
        "roles/museum",
        "object-store/root_user",
        "object-store/root_password",
        "object-store/keys/museum/access_key",
        "object-store/keys/museum/secret_key",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{name}\n")

    read = settings_from(environment)

    assert read.domains == ["museum"]
    assert read.roles == {"museum": "roles/museum"}
    assert read.keys == {"museum": Key("object-store/keys/museum/access_key", "object-store/keys/museum/secret_key")}
    with pytest.raises(SetupError, match="role dagster has no password in the master volume"):
        set_up_databases(read)
