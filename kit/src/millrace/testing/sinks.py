"""Real servers that take what Alertmanager sends: an HTTP server and an SMTP server, in this process.

What belongs here: what arrived, and refusing it for a while. What does not: Alertmanager, and what it should have sent.
"""

import json
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Sinks:
    """What arrived.

    Attributes:
        received: Bodies by path, in the order of their arrival.
        broken: Paths that answer 500.
        refused: Bodies that one of them refused.
        mails: In the order of their arrival.
    """

    received: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    refused: list[dict[str, Any]] = field(default_factory=list)
    mails: list[Message] = field(default_factory=list)

    def told(self, alertname: str, path: str = "/webhook", **labels: str) -> list[dict[str, Any]]:
        """Notifications about an alert that have one with these labels in them."""
        return [
            body
            for body in self.received.get(path, [])
            if any(
                one["labels"]["alertname"] == alertname and labels.items() <= one["labels"].items()
                for one in body["alerts"]
            )
        ]

    def resolved(self, alertname: str, path: str = "/webhook", **labels: str) -> list[dict[str, Any]]:
        """Those in which every alert with these labels has ended."""
        return [
            body
            for body in self.told(alertname, path, **labels)
            if all(one["status"] == "resolved" for one in body["alerts"] if labels.items() <= one["labels"].items())
        ]


class SinkHandler(BaseHTTPRequestHandler):
    """Takes JSON by POST; a class of its own for each server has its `sinks`."""

    sinks: Sinks

    def do_POST(self) -> None:
        """Keep the body, or refuse it."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path in self.sinks.broken:
            self.sinks.refused.append(body)
            self.answer(500, "no")
            return
        self.sinks.received.setdefault(self.path, []).append(body)
        self.answer(200, "ok")

    def answer(self, code: int, text: str) -> None:
        """End the request."""
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Nothing is printed: whoever asks the sinks says what is wrong."""


@contextmanager
def http_sink(sinks: Sinks, host: str = "127.0.0.1", handler: type[SinkHandler] = SinkHandler) -> Generator[int]:
    """An HTTP server while the block runs; its port."""
    server = ThreadingHTTPServer((host, 0), type("Handler", (handler,), {"sinks": sinks}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


class _Mailbox:
    def __init__(self, sinks: Sinks) -> None:
        self._sinks = sinks

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - its name
        self._sinks.mails.append(message_from_bytes(envelope.content))
        return "250 OK"


@contextmanager
def mail_sink(sinks: Sinks, host: str = "127.0.0.1") -> Generator[int]:
    """An SMTP server while the block runs; its port. It needs aiosmtpd, which the kit's users need not have."""
    from aiosmtpd.controller import Controller

    with socket.create_server((host, 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(_Mailbox(sinks), hostname=host, port=port)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()
