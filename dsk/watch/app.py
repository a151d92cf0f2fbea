"""The pages over HTTP: what may be asked, by whom, and how it is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dsk.core.errors import DskError
from dsk.watch.watched import Answer, Watched, answer, encoded
from dsk.web.page import page_html, page_policy

NAMES = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine, for itself."""
SEALED = "default-src 'none'"
"""The policy of what is no page."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}
NO_FRAME = "; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
COULD_NOT = "dsk could not make this of the folder; the server goes on, and `dsk report` of the run says more"


def make_app(watched: Watched, port: int) -> ASGIApp:
    """The application for a server on this port of loopback."""
    page = page_html("dsk watch", {"page": "watch"}, asks_origin=True).encode("utf-8")
    policy = page_policy(asks_origin=True)

    def shown(_: Request) -> Response:
        return Response(page, media_type="text/html", headers={"Content-Security-Policy": policy + NO_FRAME})

    def icon(_: Request) -> Response:
        return Response(status_code=204)

    routes = [
        Route("/", shown),
        Route("/favicon.ico", icon),
        Route("/api/runs", _answering(lambda request: watched.runs())),
        Route("/api/run", _answering(lambda request: watched.report(_run(request)))),
        Route("/api/texts", _answering(lambda request: watched.texts(_run(request)))),
        Route("/api/curves", _answering(lambda request: watched.curves(request.query_params.getlist("run")))),
    ]
    return Guard(Starlette(routes=routes, exception_handlers={Exception: _failed}), port)


def _run(request: Request) -> str:
    return request.query_params.get("run", "")


def _answering(make: Callable[[Request], Answer]) -> Callable[[Request], Response]:
    """An endpoint that answers with JSON, or that the asker has it already; what is wrong with a run is an answer."""

    def respond(request: Request) -> Response:
        try:
            found = make(request)
        except (DskError, OSError) as error:
            found = answer(encoded({"fault": str(error)}))
        headers = {"ETag": found.tag}
        if request.headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers=headers)
        return Response(found.body, media_type="application/json", headers=headers)

    return respond


def _failed(_: Request, error: Exception) -> Response:
    body = encoded({"fault": f"{COULD_NOT} ({type(error).__name__})"})
    return Response(body, status_code=500, media_type="application/json")


class Guard:
    """Lets in who asks this machine by its own name (no other site can, by whatever DNS), and only to read.

    Every answer gets the headers that keep other pages from using it.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(Request(scope))

        async def send_sealed(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _sealed(message["headers"])
            await send(message)

        await (refusal or self._app)(scope, receive, send_sealed)

    def _refusal(self, request: Request) -> Response | None:
        headers = request.headers
        if [host.lower() for host in headers.getlist("host")] not in [[host] for host in self._hosts]:
            return PlainTextResponse("This server answers to this machine's own name only.\n", 403)
        if request.method not in ("GET", "HEAD"):
            return PlainTextResponse("This server only shows.\n", 405, {"Allow": "GET, HEAD"})
        foreign = headers.get("origin", "") not in ("", *(f"http://{host}" for host in self._hosts))
        fetched = headers.get("sec-fetch-mode", "navigate") != "navigate"
        if foreign or (fetched and headers.get("sec-fetch-site") in ("cross-site", "same-site")):
            return PlainTextResponse("This server answers to its own pages only.\n", 403)
        return None


def _sealed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    wanted = {"Content-Security-Policy": SEALED + NO_FRAME} | HEADERS
    known = {name.lower() for name, _ in headers}
    return [*headers, *((n.lower().encode(), v.encode()) for n, v in wanted.items() if n.lower().encode() not in known)]
