"""One application per role: its routes are what that role may do.

What belongs here: which request becomes which call. What does not: what a container may be (`create`).
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Sequence

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from millrace_docker_gate.create import MAX_BODY_BYTES, build_body, read_asked, read_body
from millrace_docker_gate.engine import Engine
from millrace_docker_gate.errors import RefusedError
from millrace_docker_gate.settings import Settings
from millrace_docker_gate.shown import shown_container, shown_entry, shown_stats

_log = logging.getLogger("docker-gate")
_MAX_STOP_SECONDS = 60
_MAX_TAIL_LINES = 200
_VERSION = re.compile(r"^/v\d\.\d{1,2}(?=/)")

Call = Callable[[Request], Awaitable[Response]]


class Calls:
    """What can be asked for, whoever may ask."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine

    async def version(self, request: Request) -> Response:
        """The engine's version, which clients ask for first."""
        _query(request)
        return _passed_on(await self._engine.call("GET", "/version"))

    async def ping(self, request: Request) -> Response:
        """Whether the engine answers."""
        _query(request)
        return _passed_on(await self._engine.call("GET", "/_ping"))

    async def create(self, request: Request) -> Response:
        """Create a run's container, on all of its networks."""
        name = _query(request, "name").get("name", "")
        asked = read_asked(read_body(await _body(request)), name, self._settings)
        body = build_body(asked, self._settings)
        answer = await self._engine.call("POST", "/containers/create", params={"name": name}, json=body)
        if answer.status_code != httpx.codes.CREATED:
            return _passed_on(answer)
        container = answer.json()["Id"]
        for network in self._settings.networks_of(asked.domain)[1:]:
            path = f"/networks/{self._settings.project}_{network}/connect"
            joined = await self._engine.call("POST", path, json={"Container": container})
            if joined.is_error:
                await self._engine.call("DELETE", f"/containers/{container}", params={"v": "true"})
                return _passed_on(joined)
        _log.info(json.dumps({"event": "created", "run": asked.run_id, "domain": asked.domain, "job": asked.job}))
        return _passed_on(answer)

    async def start(self, request: Request) -> Response:
        """Start a run's container."""
        _query(request)
        await _no_body(request)
        return _passed_on(await self._engine.call("POST", f"/containers/{await self._container(request)}/start"))

    async def inspect(self, request: Request) -> Response:
        """What the engine knows of a run's container."""
        _query(request)
        return _passed_on(await self._engine.call("GET", f"/containers/{await self._container(request)}/json"))

    async def stop(self, request: Request) -> Response:
        """Ask a run's container to end, and end it after `t` seconds."""
        seconds = _number(_query(request, "t").get("t", "10"), _MAX_STOP_SECONDS)
        await _no_body(request)
        path = f"/containers/{await self._container(request)}/stop"
        timeout = httpx.Timeout(seconds + 30)
        return _passed_on(await self._engine.call("POST", path, params={"t": str(seconds)}, timeout=timeout))

    async def kill(self, request: Request) -> Response:
        """End a run's container."""
        signal = _query(request, "signal").get("signal", "SIGKILL")
        if signal not in ("SIGKILL", "KILL", "9"):
            raise RefusedError("only SIGKILL is sent")
        await _no_body(request)
        return _passed_on(await self._engine.call("POST", f"/containers/{await self._container(request)}/kill"))

    async def logs(self, request: Request) -> Response:
        """The last lines that a run's container printed."""
        asked = _query(request, "stdout", "stderr", "tail", "timestamps", "follow")
        if asked.get("follow", "0") not in ("0", "false", "False"):
            raise RefusedError("logs are not followed")
        tail = asked.get("tail", "all")
        lines = _MAX_TAIL_LINES if tail == "all" else _number(tail, _MAX_TAIL_LINES)
        path = f"/containers/{await self._container(request)}/logs"
        return _passed_on(
            await self._engine.call("GET", path, params={"stdout": "1", "stderr": "1", "tail": str(lines)})
        )

    async def list_shown(self, request: Request) -> Response:
        """Every container of this project, in short."""
        if _query(request, "all").get("all", "1") not in ("1", "true", "True"):
            raise RefusedError("all containers are listed, or none")
        return JSONResponse([shown_entry(one) for one in await self._engine.project_containers()])

    async def inspect_shown(self, request: Request) -> Response:
        """What the engine knows of a container of this project, without its environment."""
        _query(request)
        return JSONResponse(shown_container(await self._engine.project_container(request.path_params["name"])))

    async def stats(self, request: Request) -> Response:
        """Figures of a container of this project, of this moment."""
        if _query(request, "stream").get("stream", "0") not in ("0", "false", "False"):
            raise RefusedError("stats are not followed")
        found = await self._engine.project_container(request.path_params["name"])
        # Without one-shot the engine waits for a second sample, a second or two for each container.
        answer = await self._engine.call(
            "GET", f"/containers/{found['Id']}/stats", params={"stream": "false", "one-shot": "true"}
        )
        return JSONResponse(shown_stats(answer.json())) if answer.is_success else _passed_on(answer)

    async def _container(self, request: Request) -> str:
        return await self._engine.run_container(request.path_params["name"])


def make_app(role: str, settings: Settings, engine: Engine) -> ASGIApp:
    """The application of a role, which sees every request, whatever its method or the form of its address.

    Raises:
        KeyError: no such role.
    """
    calls = Calls(settings, engine)
    alive = [("GET", "/version", calls.version), ("GET", "/_ping", calls.ping), ("HEAD", "/_ping", calls.ping)]
    look = [
        ("GET", "/containers/{name}/json", calls.inspect),
        ("GET", "/containers/{name}/logs", calls.logs),
        ("POST", "/containers/{name}/stop", calls.stop),
        ("POST", "/containers/{name}/kill", calls.kill),
    ]
    launch = [("POST", "/containers/create", calls.create), ("POST", "/containers/{name}/start", calls.start)]
    watch = [
        ("GET", "/containers/json", calls.list_shown),
        ("GET", "/containers/{name}/json", calls.inspect_shown),
        ("GET", "/containers/{name}/stats", calls.stats),
    ]
    routes = [*alive, *{"launcher": [*launch, *look], "webserver": look, "exporter": watch}[role]]
    table = [(method, re.compile(path.replace("{name}", r"(?P<name>[^/]+)")), call) for method, path, call in routes]

    async def handle(request: Request) -> Response:
        try:
            return await _find(table, request)(request)
        except RefusedError as refused:
            return _refused(role, request, str(refused))
        except LookupError as missing:
            return JSONResponse({"message": str(missing)}, 404)
        except httpx.HTTPError as error:
            return JSONResponse({"message": f"the Docker Engine does not answer: {error}"}, 502)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await handle(Request(scope, receive))
        await response(scope, receive, send)

    return app


def _find(table: Sequence[tuple[str, re.Pattern[str], Call]], request: Request) -> Call:
    """The call for a request, judged by the very bytes of its address: nothing is decoded, so nothing hides."""
    if "upgrade" in request.headers:
        raise RefusedError("a connection stays what it is")
    raw = request.scope["raw_path"].decode("latin-1")
    path = _VERSION.sub("", raw)
    for method, pattern, call in table:
        found = pattern.fullmatch(path)
        if method == request.method and found is not None:
            request.scope["path_params"] = found.groupdict()
            return call
    raise RefusedError("this role may not do that")


async def _body(request: Request) -> bytes:
    if "transfer-encoding" in request.headers:
        raise RefusedError("a body in chunks is not taken")
    if len(request.headers.getlist("content-length")) != 1:
        raise RefusedError("the body's length is not said, or said twice")
    length = request.headers["content-length"]
    if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
        raise RefusedError(f"the body has {length[:20]} bytes, at most {MAX_BODY_BYTES} are taken")
    return await request.body()


async def _no_body(request: Request) -> None:
    if "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0":
        content = await _body(request)
        if content.strip() not in (b"", b"{}", b"null"):
            raise RefusedError("this takes no body")


def _query(request: Request, *allowed: str) -> dict[str, str]:
    """Query parameters, each once and each known."""
    pairs = request.query_params.multi_items()
    names = [name for name, _ in pairs]
    unknown = set(names) - set(allowed)
    if unknown or len(set(names)) != len(names):
        raise RefusedError(
            f"parameter {sorted(unknown)[0][:40]!r} is not taken" if unknown else "a parameter stands twice"
        )
    return dict(pairs)


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise RefusedError(f"{text[:20]!r} is no number")
    return min(int(text), most)


def _passed_on(answer: httpx.Response) -> Response:
    kind = answer.headers.get("content-type")
    return Response(answer.content, answer.status_code, media_type=kind)


def _refused(role: str, request: Request, reason: str) -> Response:
    client = request.client.host if request.client else ""
    path = request.scope["raw_path"].decode("latin-1")[:200]
    _log.warning(
        json.dumps(
            {"event": "refused", "role": role, "method": request.method, "path": path, "reason": reason, "from": client}
        )
    )
    return JSONResponse({"message": f"docker-gate: refused for the {role}: {reason}"}, 403)
