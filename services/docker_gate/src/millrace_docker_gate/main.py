"""Start the listeners and the reaper, or probe them.

millrace-docker-gate          serve
millrace-docker-gate probe    exit 0 if every listener and the engine behind it answer
"""

import asyncio
import http.client
import logging
import os
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn

from millrace_docker_gate.app import make_app
from millrace_docker_gate.engine import Engine
from millrace_docker_gate.reaper import clear, reap_for_ever
from millrace_docker_gate.settings import Settings


def servers(settings: Settings, engine: Engine) -> list[uvicorn.Server]:
    """A server per role."""
    made = []
    for role, listener in settings.listeners.items():
        host, _, port = listener.rpartition(":")
        # The address that this role's network gave the gate, and no other: who is on another network does not reach it.
        address = socket.gethostbyname(host)
        config = uvicorn.Config(
            make_app(role, settings, engine),
            host=address,
            port=int(port),
            http="h11",
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        made.append(_Server(config))
    return made


class _Server(uvicorn.Server):
    """Leaves signals to `serve`, which has more to end than one server."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def serve(settings: Settings) -> None:
    """Serve every role until the process is asked to end; take the runs along if the whole platform ends."""
    engine = Engine(settings)
    running = servers(settings, engine)

    def end() -> None:
        for server in running:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    reaper = asyncio.create_task(reap_for_ever(engine, settings.keep_seconds))
    try:
        await asyncio.gather(*(server.serve() for server in running))
        await clear(engine, settings.launcher)
    finally:
        reaper.cancel()
        await engine.close()


def probe(settings: Settings) -> int:
    """Ask each listener for the engine's answer; 0 if all of them give it."""
    for role, listener in settings.listeners.items():
        host, _, port = listener.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=5)
        try:
            connection.request("GET", "/_ping")
            status = connection.getresponse().status
        except OSError as error:
            print(f"{role}: {error}", file=sys.stderr)  # noqa: T201
            return 1
        if status != http.HTTPStatus.OK:
            print(f"{role}: the engine answers {status}", file=sys.stderr)  # noqa: T201
            return 1
    return 0


def main() -> None:
    """Read the settings and serve, or probe."""
    settings = Settings.from_environment(os.environ)
    if sys.argv[1:] == ["probe"]:
        raise SystemExit(probe(settings))
    if sys.argv[1:]:
        raise SystemExit(f"usage: {os.path.basename(sys.argv[0])} [probe]")  # noqa: PTH119
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
