"""A server on 127.0.0.1 that stands for sbir.gov, SAM.gov and USPTO, and can fail in each way in which they do."""

import json
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    """A request that came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass
class Double:
    """What the server has, and how it behaves.

    Attributes:
        content, etag: The file at every path; without an entity tag if that is "".
        answer: Makes the JSON of a page instead, if it is set.
        faults: What goes wrong with the next requests, in turn: "500", "429:<seconds>" (with Retry-After),
            "cut:<bytes>", "slow:<seconds>", "change:<content>" (before the answer), "no ranges", "" for nothing.
        asked: The requests.
    """

    content: bytes = b""
    etag: str = '"v1"'
    answer: Callable[[Asked], Any] | None = None
    faults: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that goes away is what is tested."""


class _Handler(BaseHTTPRequestHandler):
    double: Double
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._do(b"")

    def do_POST(self) -> None:
        self._do(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def _do(self, body: bytes) -> None:
        double = self.double
        asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        double.asked.append(asked)
        fault, _, detail = (double.faults.pop(0) if double.faults else "").partition(":")
        if fault == "slow":
            time.sleep(float(detail))
        if fault == "change":
            double.content, double.etag = detail.encode(), f'"{detail[:8]}"'
        if fault.isdigit():
            self._send(int(fault), b"{}", {"Retry-After": detail} if detail else {}, None)
            return
        content, headers, status = double.content, {}, 200
        if double.answer is not None:
            content = json.dumps(double.answer(asked)).encode()
        elif double.etag:
            headers["ETag"] = double.etag
            if asked.headers.get("if-none-match") == double.etag:
                self._send(304, b"", headers, None)
                return
        start = asked.headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-")
        is_same = asked.headers.get("if-range", double.etag) == double.etag
        if "range" in asked.headers and is_same and fault != "no ranges":
            status = 206
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            content = content[int(start) :]
        self._send(status, content, headers, int(detail) if fault == "cut" else None)

    def _send(self, status: int, content: bytes, headers: dict[str, str], cut: int | None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            self.wfile.write(content if cut is None else content[:cut])
        except (BrokenPipeError, ConnectionResetError):
            return
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True


@contextmanager
def serving() -> Generator[Double]:
    """Run a double until the block ends."""
    double = Double()
    handler = type("Handler", (_Handler,), {"double": double})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield double
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
