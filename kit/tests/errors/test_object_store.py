"""What a real object store's failures become: retried where they may pass, one clear line where they do not."""

import errno
import os
import socket
import threading
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from millrace.errors import ConfigurationError, SourceUnavailableError, StoreRefusedError, is_transient
from millrace.stores import ACCESS_KEY_FILE, SECRET_KEY_FILE, BucketStore, Place

NAME = "a_rows.parquet"
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"

Use = Callable[[BucketStore, Path], object]

CLIENT: dict[str, Use] = {
    "has": lambda store, _: store.has(NAME),
    "read": lambda store, _: store.read(NAME),
    "put": lambda store, _: store.put(NAME, b"x"),
    "keep": lambda store, scratch: store.keep(NAME, made(scratch)),
    "put_tree": lambda store, scratch: store.put_tree("tree", made(scratch).parent, last=NAME),
    "folders": lambda store, _: store.folders("tree"),
    "age": lambda store, _: store.age_seconds("tree"),
    "remove": lambda store, _: store.remove(NAME),
    "remove_tree": lambda store, _: store.remove_tree("tree"),
    "version": lambda store, _: store.version(NAME),
    "replace_version": lambda store, _: store.replace_version(NAME, b"x", None),
}
POLARS: dict[str, Use] = {
    "scan": lambda store, _: pl.scan_parquet(store.address_of(NAME), storage_options=store.polars_options).collect(),
    "sink": lambda store, _: pl.LazyFrame({"a": [1]}).sink_parquet(
        store.address_of(NAME), storage_options=store.polars_options
    ),
}
client = pytest.mark.parametrize("use", CLIENT.values(), ids=CLIENT.keys())
either = pytest.mark.parametrize("use", [*CLIENT.values(), *POLARS.values()], ids=[*CLIENT.keys(), *POLARS.keys()])


def made(scratch: Path) -> Path:
    folder = scratch / "tree"
    folder.mkdir(parents=True)
    for name in (NAME, "1.json", "2.json"):
        (folder / name).write_text("{}")
    return folder / NAME


def keys(folder: Path, access: str, secret: str) -> Path:
    folder.mkdir()
    (folder / ACCESS_KEY_FILE).write_text(access)
    (folder / SECRET_KEY_FILE).write_text(secret)
    return folder


def opened(endpoint: str, secrets: Path, bucket: str = "tests") -> BucketStore:
    store = Place(address=f"s3://{bucket}/outputs/mill", endpoint=endpoint, secrets=str(secrets)).store()
    assert isinstance(store, BucketStore)
    return store


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    return keys(tmp_path / "secrets", "key", "secret")


class Answer(BaseHTTPRequestHandler):
    """An object store, or the proxy before it, in trouble."""

    status = 503
    kind = "application/xml"
    body = SLOW_DOWN

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815  # names of the standard library

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        """Say nothing."""


@pytest.fixture(
    params=[(503, "application/xml", SLOW_DOWN), (502, "text/html", b"<html>Bad gateway</html>")],
    ids=["slow_down", "proxy"],
)
def troubled(request: pytest.FixtureRequest) -> Generator[str]:
    """Address of a server that answers 503 or 502 to everything."""
    status, kind, body = request.param
    handler = type("Troubled", (Answer,), {"status": status, "kind": kind, "body": body})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def silent() -> Generator[str]:
    """Address of a server that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_everything_fails_transiently_where_the_server_is_stopped_and_works_again_later(
    object_store: Any, tmp_path: Path
) -> None:
    store = object_store.place().store()
    store.put(NAME, b"x")  # its connections are open
    object_store.stop()
    try:
        for name, use in CLIENT.items():
            with pytest.raises(SourceUnavailableError, match=rf"{object_store.endpoint} does not answer: ") as caught:
                use(store, tmp_path / name)
            assert is_transient(caught.value)
            assert "Signature" not in repr(caught.value) + repr(caught.value.__cause__), name
        for use in POLARS.values():
            with pytest.raises(OSError, match="object-store error") as polars:
                use(store, tmp_path)
            assert is_transient(polars.value)
    finally:
        object_store.start()
        object_store.wait()
    assert store.read(NAME) == b"x"


@either
def test_a_server_that_is_busy_or_a_proxy_without_one_is_transient(
    troubled: str, secrets: Path, tmp_path: Path, use: Use
) -> None:
    with pytest.raises((SourceUnavailableError, OSError)) as caught:
        use(opened(troubled, secrets), tmp_path / "scratch")

    assert is_transient(caught.value)


def test_a_server_that_never_answers_is_transient(silent: str, secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("millrace.stores.bucket._READ_SECONDS", 0.2)
    store = opened(silent, secrets)

    for use in (CLIENT["read"], CLIENT["replace_version"]):
        with pytest.raises(SourceUnavailableError, match=r"does not answer: .*timed out") as caught:
            use(store, secrets)
        assert is_transient(caught.value)
    with pytest.raises(TimeoutError, match="object-store error") as polars:
        pl.scan_parquet(
            store.address_of(NAME),
            storage_options={**(store.polars_options or {}), "timeout": "200ms", "max_retries": 0},
        ).collect()
    assert is_transient(polars.value)


@either
def test_a_name_that_nobody_resolves_is_transient_for_a_stopped_service_has_none(
    secrets: Path, tmp_path: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises((SourceUnavailableError, OSError)) as caught:
        use(opened("http://object-store.invalid:9000", secrets), tmp_path / "scratch")

    assert is_transient(caught.value)


@pytest.mark.parametrize("access", ["millrace-root", "nobody"], ids=["wrong_secret", "unknown_key"])
@client
def test_a_key_that_is_refused_is_permanent_and_named_with_its_files(
    object_store: Any, tmp_path: Path, use: Use, access: str
) -> None:
    folder = keys(tmp_path / "secrets", access, "of another time")

    with pytest.raises(StoreRefusedError) as caught:
        use(opened(object_store.endpoint, folder), tmp_path / "scratch")

    assert not is_transient(caught.value)
    line = str(caught.value)
    assert line.startswith("s3://tests/outputs/mill")
    assert f": {object_store.endpoint} answers " in line
    assert line.endswith(
        " (expected a key that may read and write here); "
        f"check {ACCESS_KEY_FILE} and {SECRET_KEY_FILE} in {folder}, and start setup again"
    )


@client
def test_a_bucket_that_is_missing_is_permanent_and_named(object_store: Any, tmp_path: Path, use: Use) -> None:
    with pytest.raises(StoreRefusedError) as caught:
        use(opened(object_store.endpoint, object_store.secrets, bucket="nowhere"), tmp_path / "scratch")

    assert not is_transient(caught.value)
    line = str(caught.value)
    assert line.startswith("s3://nowhere/outputs/mill")
    assert line.endswith(
        f": {object_store.endpoint} has no bucket nowhere (expected the bucket that setup makes at every start); "
        "start the service setup again, or check MILLRACE_BUCKET"
    )


@pytest.mark.parametrize("use", POLARS.values(), ids=POLARS.keys())
@pytest.mark.parametrize("wrong", ["key", "bucket"])
def test_what_the_store_refuses_is_permanent_through_polars(
    object_store: Any, tmp_path: Path, use: Use, wrong: str
) -> None:
    folder = keys(tmp_path / "wrong", "nobody", "of another time") if wrong == "key" else object_store.secrets
    store = opened(object_store.endpoint, folder, bucket="tests" if wrong == "key" else "nowhere")

    with pytest.raises(OSError, match="object-store error") as caught:
        use(store, tmp_path)

    assert not is_transient(caught.value)


@either
def test_a_key_file_that_is_missing_is_no_missing_object(tmp_path: Path, use: Use) -> None:
    with pytest.raises(ConfigurationError) as caught:
        use(opened("http://127.0.0.1:1", tmp_path), tmp_path / "scratch")

    assert str(caught.value) == (
        f"s3://tests/outputs/mill: {tmp_path / ACCESS_KEY_FILE} cannot be read: {os.strerror(errno.ENOENT)}; "
        "check MILLRACE_SECRETS"
    )


def test_a_missing_object_is_a_missing_file(object_store: Any) -> None:
    store = object_store.place().store()

    assert not store.has(NAME)
    assert store.version(NAME) is None
    with pytest.raises(FileNotFoundError, match=rf"No such file or directory: '{store.address}/{NAME}'"):
        store.read(NAME)
    store.remove(NAME)
    store.remove_tree("tree")
