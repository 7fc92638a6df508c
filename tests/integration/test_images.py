"""The images that stand in for official ones, each on its own: what compose.yaml relies on holds in them.

Every container here is started as compose.yaml starts it: no capability, no new privileges, a read-only root, not root.
What the services do together is tested with the whole platform, not here.
"""

import base64
import io
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import minio
import neo4j
import neo4j.exceptions
import pytest
import urllib3

pytestmark = pytest.mark.compose

PREFIX = f"{os.environ.get('MILLRACE_TEST_PREFIX', 'millrace-test')}-{uuid.uuid4().hex[:8]}"
# The port of each image that a test talks to from outside.
PORTS = {
    "alertmanager": 9093,
    "caddy": 8080,
    "neo4j": 7687,
    "node-exporter": 9100,
    "object-store": 9000,
    "postgres": 5432,
    "postgres-exporter": 9187,
    "prometheus": 9090,
}
Answer = TypeVar("Answer")
PASSWORD = '-a "quoted" $pass/w\\ord'


def docker(*arguments: str) -> str:
    finished = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, f"docker {arguments[0]}: {finished.stderr}"
    return finished.stdout.strip()


def image(name: str) -> str:
    """Name of a stand-in; a missing one is a failure, since `scripts/images all` precedes these tests."""
    full = f"{os.environ.get('MILLRACE_IMAGES', 'millrace')}/{name}:{os.environ.get('MILLRACE_VERSION', 'dev')}"
    found = subprocess.run(["docker", "image", "inspect", full], capture_output=True, check=False).returncode == 0
    assert found, f"{full} is not there; run scripts/images all"
    return full


def eventually(ask: Callable[[], Answer], *, within_seconds: float = 60) -> Answer:
    """The first answer that is no error."""
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            return ask()
        except (AssertionError, OSError, neo4j.exceptions.DriverError, urllib3.exceptions.HTTPError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@dataclass(frozen=True)
class Container:
    name: str
    port: int

    def execute(self, *command: str, env: dict[str, str] | None = None) -> str:
        settings = [part for key, value in (env or {}).items() for part in ("--env", f"{key}={value}")]
        return docker("exec", *settings, self.name, *command)

    def address(self) -> str:
        return docker("port", self.name, f"{self.port}/tcp").splitlines()[0]

    def get(self, path: str) -> str:
        def ask() -> str:
            with urllib.request.urlopen(f"http://{self.address()}{path}", timeout=5) as answer:
                return answer.read().decode()

        return eventually(ask)


@pytest.fixture
def start() -> Iterator[Callable[..., Container]]:
    """Starts a stand-in under the platform's restrictions; removes it and its volumes afterwards."""
    started: list[str] = []

    def run(name: str, *command: str, options: tuple[str, ...] = (), **env: str) -> Container:
        container = f"{PREFIX}-{name}-{len(started)}"
        started.append(container)
        settings = [part for key, value in env.items() for part in ("--env", f"{key}={value}")]
        restrictions = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "1g"]
        publish = ("--publish", f"127.0.0.1::{PORTS[name]}")
        docker("run", "-d", "--name", container, *publish, *restrictions, *options, *settings, image(name), *command)
        return Container(container, PORTS[name])

    yield run
    for container in started:
        subprocess.run(["docker", "rm", "--force", "--volumes", container], capture_output=True, check=False)


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """Makes the options that put a text into the file /run/secrets/<name>."""

    def mount(text: str, name: str = "password") -> tuple[str, ...]:
        file = tmp_path / name
        file.write_text(text)
        return ("--volume", f"{file}:/run/secrets/{name}:ro")

    return mount


NEO4J = ("--tmpfs", "/tmp:exec")  # noqa: S108 - a folder in the container
POSTGRES = ("--user", "999:999", "--tmpfs", "/var/run/postgresql:uid=999,gid=999,mode=2775")


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    folder = tmp_path / "initdb.d"
    folder.mkdir()
    (folder / "10-table.sql").write_text("CREATE TABLE seen (what text);")
    (folder / "20-row.sh").write_text("""psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \\
        --command "INSERT INTO seen VALUES ('$POSTGRES_DB')" """)
    return folder


def query(container: Container, text: str, password: str = PASSWORD) -> str:
    """Over the network address, where a password is asked for."""
    ask = f'psql --host "$(hostname)" --username owner --dbname sources --tuples-only --no-align --command "{text}"'
    return container.execute("sh", "-c", ask, env={"PGPASSWORD": password})


def ready(container: Container) -> None:
    eventually(lambda: container.execute("pg_isready", "--host", "127.0.0.1"))


def test_postgres_runs_the_first_start_scripts_and_takes_the_password_from_the_file(start, secret, scripts) -> None:
    options = (*POSTGRES, *secret(PASSWORD), "--volume", f"{scripts}:/docker-entrypoint-initdb.d:ro")
    container = start(
        "postgres",
        "-c",
        "max_connections=33",
        options=options,
        POSTGRES_PASSWORD_FILE="/run/secrets/password",
        POSTGRES_USER="owner",
        POSTGRES_DB="sources",
        POSTGRES_INITDB_ARGS="--data-checksums",
    )
    ready(container)
    assert query(container, "SELECT what FROM seen") == "sources"
    assert query(container, "SHOW data_checksums") == "on"
    assert query(container, "SHOW max_connections") == "33"
    assert container.execute("id", "-u") == "999"
    assert PASSWORD not in container.execute("sh", "-c", "cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
    with pytest.raises(AssertionError, match="password authentication failed"):
        query(container, "SELECT 1", password="wrong")

    docker("restart", container.name)
    ready(container)
    assert query(container, "SELECT count(*) FROM seen") == "1"


def test_a_postgres_without_a_password_says_which_setting_is_missing(start) -> None:
    container = start("postgres", options=POSTGRES)
    assert docker("wait", container.name) == "1"
    logs = subprocess.run(["docker", "logs", container.name], capture_output=True, text=True, check=True).stderr
    assert "set POSTGRES_PASSWORD_FILE" in logs


def test_a_postgres_whose_first_start_failed_is_not_taken_for_a_whole_one(start, secret, scripts) -> None:
    (scripts / "30-broken.sql").write_text("SELECT nonsense;")
    options = (*POSTGRES, *secret(PASSWORD), "--volume", f"{scripts}:/docker-entrypoint-initdb.d:ro")
    container = start("postgres", options=options, POSTGRES_PASSWORD_FILE="/run/secrets/password")
    assert docker("wait", container.name) != "0"
    (scripts / "30-broken.sql").write_text("SELECT 1;")
    docker("start", container.name)
    ready(container)
    sql = "psql --username postgres --tuples-only --no-align --command 'SELECT count(*) FROM seen'"
    assert container.execute("sh", "-c", sql) == "1"


def test_neo4j_answers_bolt_with_the_password_from_the_file(start, secret) -> None:
    container = start(
        "neo4j",
        options=(*NEO4J, *secret(f"neo4j/{PASSWORD}")),
        NEO4J_AUTH_PATH="/run/secrets/password",
        NEO4J_server_memory_heap_max__size="400m",
        NEO4J_server_memory_heap_initial__size="400m",
        NEO4J_db_transaction_timeout="77s",
    )
    address = f"bolt://{container.address()}"
    with neo4j.GraphDatabase.driver(address, auth=("neo4j", PASSWORD)) as driver:
        eventually(driver.verify_connectivity, within_seconds=120)
        setting = "SHOW SETTINGS YIELD name, value WHERE name = 'db.transaction.timeout' RETURN value"
        assert driver.execute_query(setting).records[0]["value"] == "1m17s"
        driver.execute_query("CREATE (:Kept {name: 'it'})")
    with (
        neo4j.GraphDatabase.driver(address, auth=("neo4j", "wrong-password")) as driver,
        pytest.raises(neo4j.exceptions.AuthError),
    ):
        driver.verify_connectivity()
    assert container.execute("id", "-u") == "7474"
    assert "-Xmx400m" in container.execute("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "neo4j_version" in container.execute("wget", "-qO-", "http://127.0.0.1:7474")

    docker("restart", "--time", "60", container.name)
    with neo4j.GraphDatabase.driver(f"bolt://{container.address()}", auth=("neo4j", PASSWORD)) as driver:
        eventually(driver.verify_connectivity, within_seconds=120)
        assert driver.execute_query("MATCH (kept:Kept) RETURN kept.name AS name").records[0]["name"] == "it"


def test_neo4j_admin_imports_into_the_store_that_the_server_opens(start) -> None:
    steps = [
        "printf 'id:ID\\na\\nb\\n' > /tmp/nodes.csv",
        "printf ':START_ID,:END_ID\\na,b\\n' > /tmp/ties.csv",
        "neo4j-admin database import full neo4j --nodes=Kept=/tmp/nodes.csv --relationships=TIE=/tmp/ties.csv",
        "exec /startup/docker-entrypoint.sh neo4j",
    ]
    container = start("neo4j", "sh", "-c", " && ".join(steps), options=NEO4J, NEO4J_AUTH="none")

    with neo4j.GraphDatabase.driver(f"bolt://{container.address()}") as driver:
        eventually(driver.verify_connectivity, within_seconds=120)
        (found,) = driver.execute_query("MATCH (:Kept)-[tie:TIE]->(:Kept) RETURN count(tie) AS count").records
        assert found["count"] == 1


def test_the_object_store_takes_its_keys_from_files_and_answers_signed_requests_only(start, secret) -> None:
    container = start(
        "object-store",
        options=(*secret("the-root", "root_user"), *secret(PASSWORD, "root_password")),
        MINIO_ROOT_USER_FILE="/run/secrets/root_user",
        MINIO_ROOT_PASSWORD_FILE="/run/secrets/root_password",
    )
    container.get("/minio/health/ready")
    client = minio.Minio(container.address(), access_key="the-root", secret_key=PASSWORD, secure=False)
    client.make_bucket("millrace")
    client.put_object("millrace", "outputs/a.txt", io.BytesIO(b"kept"), 4)
    with client.get_object("millrace", "outputs/a.txt") as answer:
        assert answer.read() == b"kept"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"http://{container.address()}/millrace/outputs/a.txt", timeout=5)
    assert container.execute("id", "-u") == "10001"
    container.execute("wget", "-qO", "/dev/null", "http://127.0.0.1:9000/minio/health/live")


def test_prometheus_scrapes_what_its_configuration_says(start, tmp_path) -> None:
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text("scrape_configs: [{job_name: self, static_configs: [{targets: ['127.0.0.1:9090']}]}]")
    container = start("prometheus", options=("--volume", f"{configuration}:/etc/prometheus/prometheus.yml:ro"))
    container.get("/-/ready")

    def scraped() -> None:
        targets = json.loads(container.get("/api/v1/targets"))["data"]["activeTargets"]
        assert [target["labels"]["job"] for target in targets] == ["self"]

    eventually(scraped)
    assert container.execute("id", "-u") == "65534"
    container.execute("wget", "-qO", "/dev/null", "http://127.0.0.1:9090/-/ready")
    container.execute("promtool", "check", "config", "/etc/prometheus/prometheus.yml")


def test_alertmanager_is_ready_with_a_configuration_from_outside(start, tmp_path) -> None:
    configuration = tmp_path / "alertmanager.yml"
    configuration.write_text("route: {receiver: here}\nreceivers: [{name: here}]")
    container = start("alertmanager", options=("--volume", f"{configuration}:/etc/alertmanager/alertmanager.yml:ro"))
    container.get("/-/ready")
    assert "here" in container.get("/api/v2/receivers")
    assert container.execute("id", "-u") == "65534"
    container.execute("wget", "-qO", "/dev/null", "http://127.0.0.1:9093/-/ready")


def test_the_node_exporter_takes_the_official_flags(start) -> None:
    container = start("node-exporter", "--collector.disable-defaults", "--collector.meminfo", "--path.rootfs=/")
    assert "node_memory_MemTotal_bytes" in container.get("/metrics")
    assert container.execute("id", "-u") == "65534"
    container.execute("wget", "-qO", "/dev/null", "http://127.0.0.1:9100/")


def test_the_postgres_exporter_takes_its_password_from_the_file(start, secret) -> None:
    password = secret("a-Generated_0ne")  # the exporter itself reads no quote nor backslash in one
    postgres = start("postgres", options=(*POSTGRES, *password), POSTGRES_PASSWORD_FILE="/run/secrets/password")
    ready(postgres)
    host = docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", postgres.name)
    container = start(
        "postgres-exporter",
        options=password,
        DATA_SOURCE_URI=f"{host}:5432/postgres?sslmode=disable",
        DATA_SOURCE_USER="postgres",
        DATA_SOURCE_PASS_FILE="/run/secrets/password",
    )

    def up() -> None:
        assert "pg_up 1" in container.get("/metrics")

    eventually(up)
    assert container.execute("id", "-u") == "65534"
    container.execute("wget", "-qO", "/dev/null", "http://127.0.0.1:9187/")


def test_caddy_serves_a_caddyfile_behind_a_password(start, tmp_path) -> None:
    hashed = docker("run", "--rm", image("caddy"), "caddy", "hash-password", "--plaintext", "word")
    caddyfile = tmp_path / "Caddyfile"
    caddyfile.write_text(f':8080 {{\n\tbasicauth {{\n\t\tsomeone {hashed}\n\t}}\n\trespond "in"\n}}\n')
    container = start("caddy", options=("--volume", f"{caddyfile}:/etc/caddy/Caddyfile:ro"))
    eventually(lambda: container.execute("wget", "-qO", "/dev/null", "http://127.0.0.1:2019/config/"))
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://{container.address()}/", timeout=5)
    credentials = base64.b64encode(b"someone:word").decode()
    request = urllib.request.Request(
        f"http://{container.address()}/", headers={"Authorization": f"Basic {credentials}"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.read() == b"in"
    assert container.execute("id", "-u") == "10001"
