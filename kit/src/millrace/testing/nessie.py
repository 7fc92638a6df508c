"""A real REST catalog for tests: Nessie, started beside them, with its tables' metadata in the tests' object store.

The server is one file, from Maven Central, pinned by its hash and kept in a cache: `MILLRACE_NESSIE` names another one.
Java is the one on PATH, else the one in the platform's Neo4j image.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from millrace.testing.object_store import ObjectStore, free_port
from millrace.testing.programs import NoProgramError

VERSION = "0.99.0"
SHA256 = "ce9fa33e2878bf5ea3981876b9e6204cabc0362b3dd82326b10e47271a78c417"
URL = (
    "https://repo1.maven.org/maven2/org/projectnessie/nessie/nessie-quarkus/"
    f"{VERSION}/nessie-quarkus-{VERSION}-runner.jar"
)
_ANSWERS_WITHIN_SECONDS = 90.0
_ENDS_WITHIN_SECONDS = 20.0
_OLDEST_JAVA = 21  # it is compiled for that


def nessie_jar(environment: Mapping[str, str]) -> Path:
    """The server's file; 245 MB come from Maven Central the first time.

    Raises:
        NoProgramError: it cannot be fetched, or is not the one that is pinned.
    """
    if named := environment.get("MILLRACE_NESSIE"):
        return Path(named)
    cache = Path(environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or tempfile.gettempdir()) / ".cache")
    jar = cache / "millrace" / f"nessie-{VERSION}.jar"
    if jar.is_file():
        return jar
    jar.parent.mkdir(parents=True, exist_ok=True)
    made = jar.with_name(f".{jar.name}.{uuid4().hex}.tmp")
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(URL, timeout=60) as answer, made.open("wb") as file:  # noqa: S310  # https
            while block := answer.read(1 << 20):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != SHA256:
            raise NoProgramError(f"{URL} has the hash {digest.hexdigest()}, expected {SHA256}")
        made.replace(jar)
    except OSError as error:
        raise NoProgramError(f"{URL} cannot be fetched ({error}); fetch it and let MILLRACE_NESSIE name it") from error
    finally:
        made.unlink(missing_ok=True)
    return jar


@contextmanager
def nessie_server(folder: Path, store: ObjectStore) -> Generator[str]:
    """A server that answers; its address, `http://127.0.0.1:<port>/iceberg`.

    Raises:
        NoProgramError: this machine has no Java that runs it, or cannot fetch it.
    """
    port, management = free_port(), free_port()
    s3 = "nessie.catalog.service.s3.default-options"
    settings = {
        "quarkus.http.host": "127.0.0.1",
        "quarkus.http.port": str(port),
        "quarkus.management.host": "127.0.0.1",
        "quarkus.management.port": str(management),
        "quarkus.otel.sdk.disabled": "true",
        "nessie.version.store.type": "IN_MEMORY",
        "nessie.catalog.default-warehouse": "tests",
        "nessie.catalog.warehouses.tests.location": f"s3://{store.bucket}/outputs",
        f"{s3}.endpoint": f"{store.endpoint}/",
        f"{s3}.region": "us-east-1",
        f"{s3}.path-style-access": "true",
        f"{s3}.request-signing-enabled": "false",  # the client has the store's key itself
        f"{s3}.access-key": "urn:nessie-secret:quarkus:tests.store",
        "tests.store.name": store.access_key,
        "tests.store.secret": store.secret_key,
    }
    command, name = _java(nessie_jar(os.environ), [f"-D{key}={value}" for key, value in settings.items()])
    log = folder / "nessie.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        _wait(f"http://127.0.0.1:{port}/iceberg/v1/config", process, log)
        yield f"http://127.0.0.1:{port}/iceberg"
    finally:
        if name:
            subprocess.run(["docker", "rm", "--force", name], check=False, capture_output=True)  # noqa: S607
        process.terminate()
        try:
            process.wait(_ENDS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _java(jar: Path, options: list[str]) -> tuple[list[str], str]:
    """The command that starts the server, and the name of its container if it needs one."""
    arguments = ["-Xmx512m", *options, "-jar"]
    java = shutil.which("java")
    if java is not None and _version(java) >= _OLDEST_JAVA:
        return [java, *arguments, str(jar)], ""
    images, version = os.environ.get("MILLRACE_IMAGES") or "millrace", os.environ.get("MILLRACE_VERSION") or "dev"
    image = f"{images}/neo4j:{version}"
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "inspect", image], check=False, capture_output=True).returncode:
        raise NoProgramError(
            f"there is no Java {_OLDEST_JAVA} on PATH, and no Docker Engine here has the image {image}"
        )
    name = f"{os.environ.get('MILLRACE_TEST_PREFIX') or 'millrace-test'}-nessie-{uuid4().hex[:8]}"
    run = [docker, "run", "--rm", "--name", name, "--network", "host", "--volume", f"{jar}:/nessie.jar:ro"]
    return [*run, "--entrypoint", "java", image, *arguments, "/nessie.jar"], name


def _version(java: str) -> int:
    said = subprocess.run([java, "-version"], check=False, capture_output=True, text=True).stderr
    major = said.partition('version "')[2].partition(".")[0].partition('"')[0]
    return int(major) if major.isdigit() else 0


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _ANSWERS_WITHIN_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310  # of the server that was just started
                return
        except (urllib.error.URLError, OSError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-2000:]
                raise TimeoutError(f"the REST catalog does not answer: {said}") from error
            time.sleep(0.1)
