"""The real gateway in front of stubs: Caddy with the very files that compose mounts, and upstreams that echo.

One module, because pytest's importlib mode gives tests no place to share classes from.
"""

import base64
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import bcrypt
import pytest

from millrace.testing.fixtures import not_here
from millrace.testing.programs import NoProgramError, program

FOLDER = Path(__file__).parents[1]
UPSTREAMS = ("DAGSTER", "DAGSTER_READONLY", "GRAFANA", "PROMETHEUS", "ALERTMANAGER", "REPORTS", "OBJECT_STORE")
PASSWORDS = {"operator": "operator's", "viewer": "viewer's"}


@dataclass(frozen=True)
class Seen:
    """A request as an upstream saw it."""

    upstream: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What the gateway answered, and the request that reached an upstream, if any did."""

    status: int
    headers: http.client.HTTPMessage
    text: str
    seen: Seen | None


@dataclass
class Gateway:
    """A running gateway."""

    port: int
    seen: list[Seen]
    log: Path
    stubs: dict[str, ThreadingHTTPServer] = field(default_factory=dict)

    def send(
        self,
        method: str,
        target: str,
        user: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Answer:
        """Send a request with exactly this target: nothing is normalised on the way."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.seen.clear()
        connection.putrequest(method, target, skip_accept_encoding=True)
        if user is not None:
            connection.putheader("Authorization", basic(user, PASSWORDS[user]))
        for name, value in headers:
            connection.putheader(name, value)
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        try:
            if body:
                connection.send(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was read: the answer says so
        response = connection.getresponse()
        text = "" if response.status == http.client.SWITCHING_PROTOCOLS else response.read().decode()
        connection.close()
        return Answer(response.status, response.headers, text, self.seen[-1] if self.seen else None)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module", autouse=True)
def _caddy_on_path(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    try:
        found = program("caddy", "caddy:/usr/bin/caddy", tmp_path_factory.mktemp("caddy"), os.environ)
    except NoProgramError as error:
        not_here(str(error))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{found.parent}:{os.environ['PATH']}")
        yield


@contextmanager
def stub(name: str, seen: list[Seen]) -> Generator[ThreadingHTTPServer]:
    class Echo(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append(Seen(name, self.command, self.path, dict(self.headers.items()), body))
            if self.headers.get("Upgrade", "").lower() == "websocket":
                self.send_response(101)
                self.send_header("Upgrade", "websocket")
                self.send_header("Connection", "Upgrade")
                self.end_headers()
                self.close_connection = True
                return
            missing = "missing" in self.path
            content = json.dumps({"upstream": name}).encode()
            self.send_response(403 if missing else 200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Server", "stub/1.0")
            self.send_header("Content-Security-Policy", "object-src 'none'")
            self.send_header("Set-Cookie", "session=secret-cookie")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):  # every method, odd ones too
                return self.answer
            raise AttributeError(name)

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 the base class names it so

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def environment(folder: Path, **variables: str) -> dict[str, str]:
    users = folder / "users.caddy"
    hashes = {user: bcrypt.hashpw(text.encode(), bcrypt.gensalt(4)).decode() for user, text in PASSWORDS.items()}
    users.write_text("".join(f"{user} {hashed}\n" for user, hashed in hashes.items()))
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "MILLRACE_GATEWAY_USERS": str(users),
        "MILLRACE_GATEWAY_FOLDER": str(FOLDER),
        "MILLRACE_GATEWAY_RUNBOOKS": str(FOLDER.parents[1] / "docs/runbooks"),
        **variables,
    }


@contextmanager
def running(folder: Path, **variables: str) -> Generator[Gateway]:
    with ExitStack() as stack:
        seen: list[Seen] = []
        stubs = {name: stack.enter_context(stub(name, seen)) for name in UPSTREAMS}
        addresses = {f"MILLRACE_GATEWAY_{name}": f"127.0.0.1:{stubs[name].server_port}" for name in UPSTREAMS}
        port = free_port()
        healthy = {"MILLRACE_GATEWAY_HEALTH_PORT": str(free_port())}
        log = folder / "caddy.log"
        process = subprocess.Popen(
            [FOLDER / "start.sh"],
            env=environment(folder, **addresses, MILLRACE_GATEWAY_PORT=str(port), **healthy, **variables),
            stdout=stack.enter_context(log.open("w")),
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(port, process, log)
            yield Gateway(port, seen, log, stubs)
        finally:
            process.terminate()
            process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the gateway does not listen:\n{log.read_text()}")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Generator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as started:
        yield started


WEBSOCKET = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]
EVERYWHERE = [
    "/",
    "/graphql",
    "/GraphQL",
    "//graphql",
    "/graphql?query=%7B__typename%7D",
    "/server_info",
    "/logs/a/b.err",
    "/report_asset_materialization/a",
    "/grafana/",
    "/grafana/api/health",
    "/prometheus/api/v1/query?query=up",
    "/PROMETHEUS/api/v1/query",
    "/%70rometheus/",
    "/alertmanager/api/v2/silences",
    "/alertmanager/%2e%2e/graphql",
    "/runbooks/",
    "/runbooks/JobFailed",
    "/files/museum/a.json",
    "/files/../rejects",
    "/gateway/healthz/../../graphql",
    "/gateway/healthz/graphql",
    "/gateway/healthz%2f..%2f..%2fgraphql",
    "/gateway",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "MUTATE"]


@pytest.mark.parametrize("target", EVERYWHERE)
@pytest.mark.parametrize("method", METHODS)
def test_nothing_answers_without_sign_in(gateway: Gateway, method: str, target: str) -> None:
    answer = gateway.send(method, target)

    assert (answer.status, answer.seen) == (401, None)
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    "authorization",
    [
        basic("operator", "viewer's"),
        basic("operator", ""),
        basic("", ""),
        basic("Operator", "operator's"),
        basic("root", "operator's"),
        "Basic",
        "Bearer operator",
        "Basic !!!",
    ],
)
def test_a_wrong_sign_in_reaches_nothing(gateway: Gateway, authorization: str) -> None:
    answer = gateway.send("GET", "/graphql", headers=[("Authorization", authorization)])

    assert (answer.status, answer.seen) == (401, None)


@pytest.mark.parametrize("target", ["/graphql", "/grafana/api/live/ws"])
def test_no_websocket_opens_without_sign_in(gateway: Gateway, target: str) -> None:
    answer = gateway.send("GET", target, headers=WEBSOCKET)

    assert (answer.status, answer.seen) == (401, None)


def test_names_that_the_client_gives_itself_are_no_sign_in(gateway: Gateway) -> None:
    claims = [("X-Webauth-User", "operator"), ("X-Millrace-User", "operator"), ("X-Forwarded-User", "operator")]

    assert gateway.send("GET", "/grafana/", headers=claims).status == 401


def test_only_the_gateways_own_health_answers_everybody(gateway: Gateway) -> None:
    answer = gateway.send("GET", "/gateway/healthz")

    assert (answer.status, answer.text, answer.seen) == (200, "ok", None)


@pytest.mark.parametrize(
    ("target", "upstream", "path"),
    [
        ("/", "DAGSTER", "/"),
        ("/runs/1?x=1", "DAGSTER", "/runs/1?x=1"),
        ("/assets/a%2Fb/c%20d", "DAGSTER", "/assets/a%2Fb/c%20d"),
        ("/grafana/d/1?a=b", "GRAFANA", "/grafana/d/1?a=b"),
        ("/prometheus/api/v1/query?query=up%7B%7D", "PROMETHEUS", "/prometheus/api/v1/query?query=up%7B%7D"),
        ("/alertmanager/", "ALERTMANAGER", "/alertmanager/"),
        ("/reports", "REPORTS", "/reports"),
        ("/files/museum/a.json", "OBJECT_STORE", "/millrace/outputs/museum/a.json"),
        ("/prometheuses", "DAGSTER", "/prometheuses"),
    ],
)
def test_each_address_leads_to_its_service(gateway: Gateway, target: str, upstream: str, path: str) -> None:
    answer = gateway.send("GET", target, "operator")

    assert answer.status == 200
    assert answer.seen is not None
    assert (answer.seen.upstream, answer.seen.path) == (upstream, path)


@pytest.mark.parametrize("user", ["operator", "viewer"])
@pytest.mark.parametrize("target", ["/runbooks/JobFailed", "/runbooks/JobFailed.md"])
def test_the_runbook_of_an_alert_is_a_page(gateway: Gateway, target: str, user: str) -> None:
    answer = gateway.send("GET", target, user)

    assert (answer.status, answer.seen) == (200, None)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<h1" in answer.text
    assert "JobFailed</h1>" in answer.text
    assert '<a href="PostgresDown.md">PostgresDown</a>' in answer.text
    assert "dagster_job_consecutive_failures" in answer.text


def test_a_runbook_with_a_template_in_it_shows_it(gateway: Gateway) -> None:
    answer = gateway.send("GET", "/runbooks/ContainerOutOfMemory", "operator")

    assert "{{.State.OOMKilled}}" in answer.text


def test_the_index_of_the_runbooks_leads_to_each(gateway: Gateway) -> None:
    assert gateway.send("GET", "/runbooks", "viewer").headers["Location"] == "/runbooks/"
    answer = gateway.send("GET", "/runbooks/", "viewer")

    assert answer.status == 200
    assert '<a href="JobFailed.md">JobFailed</a>' in answer.text


@pytest.mark.parametrize(
    "target", ["/runbooks/NoSuchAlert", "/runbooks/..%2f..%2fREADME", "/runbooks/a/b", "/runbooks/%7B%7Benv%7D%7D"]
)
def test_no_other_file_is_a_runbook(gateway: Gateway, target: str) -> None:
    answer = gateway.send("GET", target, "operator")

    assert (answer.status, answer.seen) in {(400, None), (404, None)}


@pytest.mark.parametrize(
    "target",
    ["/", "/graphql", "/graphql/", "/GRAPHQL", "//graphql", "/%67raphql", "/runs", "/x/%2F/graphql", "/grafanas"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "disguise",
    [
        [],
        [("X-Millrace-User", "operator"), ("X-Webauth-User", "operator")],
        [("X-HTTP-Method-Override", "POST"), ("X-Method-Override", "POST"), ("X-HTTP-Method", "POST")],
        [("Authorization", basic("operator", "wrong"))],
        [("Cookie", "user=operator"), ("X-Forwarded-Host", "dagster-webserver"), ("X-Original-URL", "/graphql")],
    ],
)
def test_the_viewer_reaches_the_read_only_dagster_in_every_disguise(
    gateway: Gateway, method: str, target: str, disguise: list[tuple[str, str]]
) -> None:
    answer = gateway.send(method, target, "viewer", disguise)

    if answer.seen is None:
        assert answer.status in {401, 403}
    else:
        assert answer.seen.upstream == "DAGSTER_READONLY"
        assert not [name for name in answer.seen.headers if "override" in name.lower() or name == "X-HTTP-Method"]
    if method != "POST" and not any(name == "Authorization" for name, _ in disguise):
        assert answer.seen is not None


def test_the_viewer_follows_a_run_over_a_websocket_of_the_read_only_dagster(gateway: Gateway) -> None:
    answer = gateway.send("GET", "/graphql", "viewer", WEBSOCKET)

    assert answer.status == 101
    assert answer.seen is not None
    assert answer.seen.upstream == "DAGSTER_READONLY"


def test_the_operator_has_a_websocket_too(gateway: Gateway) -> None:
    answer = gateway.send("GET", "/graphql", "operator", WEBSOCKET)

    assert answer.status == 101
    assert answer.seen is not None
    assert answer.seen.upstream == "DAGSTER"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "target",
    [
        "/report_asset_materialization/a",
        "/report_asset_materialization/../graphql",
        "/report_asset_materialization%2f..%2fgraphql",
        "/graphql/../report_asset_check/a",
        "/graphql/report_asset_check/a",
        "/alertmanager/api/v2/silences",
        "/alertmanager/../graphql",
        "/Alertmanager/api/v2/silences",
        "/prometheus/-/reload",
        "/grafana/api/dashboards/db",
        "/files/museum/a.json",
        "/grafana/api/ds/query/../../dashboards/db",
    ],
)
def test_the_viewer_changes_nothing(gateway: Gateway, method: str, target: str) -> None:
    answer = gateway.send(method, target, "viewer")

    assert answer.status in {400, 403}
    assert answer.seen is None


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("target", ["/graphql", "/grafana/api/ds/query"])
def test_the_viewer_may_only_post_where_posting_asks(gateway: Gateway, method: str, target: str) -> None:
    assert gateway.send(method, target, "viewer").status == 403


def test_the_viewers_panels_and_queries_work(gateway: Gateway) -> None:
    for target in ("/graphql", "/grafana/api/ds/query", "/grafana/api/datasources/uid/x/resources/api/v1/labels"):
        assert gateway.send("POST", target, "viewer", body=b"{}").status == 200


def test_the_operator_silences_an_alert(gateway: Gateway) -> None:
    answer = gateway.send("POST", "/alertmanager/api/v2/silences", "operator", body=b"{}")

    assert answer.status == 200
    assert answer.seen is not None
    assert answer.seen.body == b"{}"


@pytest.mark.parametrize("target", ["/", "/grafana/", "/prometheus/", "/alertmanager/", "/reports", "/files/a"])
@pytest.mark.parametrize("user", ["operator", "viewer"])
def test_no_password_travels_on_and_the_gateway_says_who_it_is(gateway: Gateway, target: str, user: str) -> None:
    claims = [
        ("X-Millrace-User", "somebody"),
        ("x-millrace-role", "Admin"),
        ("X-WEBAUTH-USER", "admin"),
        ("X-WEBAUTH-ROLE", "Admin"),
        ("X-WebAuth-Groups", "admins"),
        ("Proxy-Authorization", "Basic x"),
    ]

    answer = gateway.send("GET", target, user, claims)

    assert answer.seen is not None
    headers = {name.lower(): value for name, value in answer.seen.headers.items()}
    assert {"authorization", "proxy-authorization", "x-webauth-groups", "x-millrace-role"} & set(headers) == set()
    assert headers["x-millrace-user"] == user
    webauth = {name: value for name, value in headers.items() if name.startswith("x-webauth")}
    if target == "/grafana/":
        assert webauth == {"x-webauth-user": user, "x-webauth-role": {"operator": "Admin", "viewer": "Viewer"}[user]}
    else:
        assert webauth == {}


@pytest.mark.parametrize(
    "origin",
    [
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site")],
        [("Sec-Fetch-Site", "nonsense")],
        [("Origin", "https://evil.example")],
        [("Origin", "null")],
        [("Origin", "http://127.0.0.1:1")],
        [("Origin", "http://127.0.0.1.evil.example")],
        [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")],
    ],
)
@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("POST", "/graphql", []),
        ("POST", "/alertmanager/api/v2/silences", []),
        ("DELETE", "/grafana/api/dashboards/uid/x", []),
        ("GET", "/graphql", WEBSOCKET),
    ],
)
def test_what_a_foreign_page_asks_for_is_refused(
    gateway: Gateway, method: str, target: str, headers: list[tuple[str, str]], origin: list[tuple[str, str]]
) -> None:
    answer = gateway.send(method, target, "operator", [*headers, *origin])

    assert (answer.status, answer.seen) == (403, None)
    assert "another site" in answer.text


def test_what_the_own_page_asks_for_is_taken(gateway: Gateway) -> None:
    own = [("Sec-Fetch-Site", "same-origin"), ("Origin", f"http://127.0.0.1:{gateway.port}")]

    assert gateway.send("POST", "/graphql", "operator", own, b"{}").status == 200
    assert gateway.send("GET", "/graphql", "operator", [*WEBSOCKET, *own]).status == 101


def test_a_link_on_a_foreign_page_opens(gateway: Gateway) -> None:
    assert gateway.send("GET", "/runs/1", "operator", [("Sec-Fetch-Site", "cross-site")]).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("target", ["/graphql", "/GraphQL", "//graphql", "/%67raphql"])
@pytest.mark.parametrize("query", ["query=mutation%7Bx%7D", "%71uery=mutation%7Bx;y%7D", "a;b&query=m", "?query=m"])
def test_no_query_comes_in_an_address(gateway: Gateway, method: str, target: str, query: str) -> None:
    """An image on a foreign page can ask for an address, and Dagster executes what stands in it."""
    answer = gateway.send(method, f"{target}?{query}", "operator")

    assert answer.seen is not None
    assert urllib.parse.unquote(answer.seen.path) == "/graphql"


@pytest.mark.parametrize(
    "target",
    [
        "/files/../rejects/a",
        "/files/%2e%2e/rejects/a",
        "/files/..%2frejects/a",
        "/files/museum/..%2f..%2f..%2frejects/a",
        "/files/..%5crejects/a",
        "/files/.%2e/rejects/a",
        "/files//../../rejects/a",
        "/files/./a",
        "/files/a%00",
        "/files/..",
    ],
)
def test_no_path_steps_out_of_the_published_files(gateway: Gateway, target: str) -> None:
    answer = gateway.send("GET", target, "operator")

    assert (answer.status, answer.seen) == (400, None)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/files/", "/millrace/outputs/"),
        ("/files/museum/a%20b.json", "/millrace/outputs/museum/a%20b.json"),
        ("/files/museum/%C3%A4.json", "/millrace/outputs/museum/%C3%A4.json"),
        ("/files/museum/a%23b", "/millrace/outputs/museum/a%23b"),
        ("/files/museum/a%252e%252e", "/millrace/outputs/museum/a%252e%252e"),
        ("/files/museum/a.json?acl", "/millrace/outputs/museum/a.json"),
        ("/files/?list-type=2&prefix=rejects/", "/millrace/outputs/"),
        ("/files//etc", "/millrace/outputs/etc"),
    ],
)
def test_a_published_file_is_asked_for_by_its_name_and_nothing_else(gateway: Gateway, target: str, path: str) -> None:
    answer = gateway.send("GET", target, "operator")

    assert answer.seen is not None
    assert (answer.seen.upstream, answer.seen.path) == ("OBJECT_STORE", path)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nobody_changes_a_published_file_through_the_gateway(gateway: Gateway, method: str) -> None:
    answer = gateway.send(method, "/files/museum/a.json", "operator")

    assert (answer.status, answer.seen) == (405, None)


@pytest.mark.parametrize("target", ["/files/missing", "/files/museum/a%3Facl", "/files/%3Flist-type=2&prefix=rejects/"])
def test_a_file_that_is_not_there_is_said_in_words(gateway: Gateway, target: str) -> None:
    answer = gateway.send("GET", target, "viewer")

    assert answer.status == 404
    assert answer.text == "No file is published at this address."


@pytest.mark.parametrize("target", ["/", "/grafana/", "/files/a", "/alertmanager/../x"])
def test_every_answer_carries_the_security_headers_once(gateway: Gateway, target: str) -> None:
    for user in ("operator", None):
        headers = gateway.send("GET", target, user).headers
        assert headers.get_all("X-Content-Type-Options") == ["nosniff"]
        assert headers.get_all("Referrer-Policy") == ["same-origin"]
        assert any("frame-ancestors 'self'" in policy for policy in headers.get_all("Content-Security-Policy", []))
        assert headers.get("Server") is None
        assert headers.get("Strict-Transport-Security") is None  # plain HTTP


def test_the_policy_of_dagsters_own_page_is_kept(gateway: Gateway) -> None:
    assert "object-src 'none'" in gateway.send("GET", "/", "operator").headers.get_all("Content-Security-Policy", [])


def test_a_published_page_cannot_act_as_its_reader(gateway: Gateway) -> None:
    assert "sandbox" in gateway.send("GET", "/files/a.html", "operator").headers.get_all("Content-Security-Policy", [])


def test_a_body_that_is_too_large_is_refused(gateway: Gateway) -> None:
    answer = gateway.send("POST", "/graphql", "operator", body=b" " * (11 * 1024 * 1024))

    assert (answer.status, answer.text) == (413, "A request may have 10 MB at most.")
    assert answer.seen is None


def test_the_access_log_says_who_and_holds_no_secret(gateway: Gateway) -> None:
    gateway.send("GET", "/audited?x=1", "viewer", [("Cookie", "session=secret-cookie")])

    text = gateway.log.read_text()
    entry = next(json.loads(line) for line in text.splitlines() if "/audited" in line)
    assert (entry["user_id"], entry["request"]["method"], entry["status"]) == ("viewer", "GET", 200)
    assert "secret-cookie" not in text
    assert not re.search(r'"(Authorization|Cookie|Set-Cookie)"', text)


@pytest.mark.parametrize(
    ("target", "name"),
    [("/", "Dagster"), ("/grafana/", "Grafana"), ("/prometheus/", "Prometheus"), ("/files/a", "The object store")],
)
def test_a_service_that_is_down_is_said_in_words(tmp_path: Path, target: str, name: str) -> None:
    with running(tmp_path) as gateway:
        for stub in gateway.stubs.values():
            stub.shutdown()
            stub.socket.close()
        answer = gateway.send("GET", target, "operator")

    assert answer.status == 502
    assert answer.text == (f"{name} does not answer. Try again in a minute; scripts/millrace status says what is down.")


def test_it_serves_tls_under_any_name_with_one_setting(tmp_path: Path) -> None:
    unverified = ssl._create_unverified_context()  # noqa: S323 the authority was made a moment ago
    with running(tmp_path, MILLRACE_TLS="internal") as gateway:
        answers = []
        for host in ("localhost", "127.0.0.1"):
            connection = http.client.HTTPSConnection(host, gateway.port, timeout=20, context=unverified)
            connection.request("GET", "/gateway/healthz")
            answers.append(connection.getresponse())
            connection.close()

    assert [answer.status for answer in answers] == [200, 200]
    # A browser would refuse plain HTTP on every other port of localhost.
    assert [answer.headers.get("Strict-Transport-Security") for answer in answers] == [None, "max-age=31536000"]


@pytest.mark.parametrize("name", ["off", "internal", "public"])
def test_each_file_is_valid(tmp_path: Path, name: str) -> None:
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", FOLDER / f"{name}.caddy"]

    result = subprocess.run(
        command,
        env=environment(tmp_path, MILLRACE_HOST="data.example.org"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr


def test_a_wrong_tls_setting_is_named(tmp_path: Path) -> None:
    result = subprocess.run(
        [FOLDER / "start.sh"], env=environment(tmp_path, MILLRACE_TLS="on"), capture_output=True, text=True, check=False
    )

    assert result.returncode == 1
    assert "MILLRACE_TLS is 'on' (expected off, internal or a host name" in result.stderr
