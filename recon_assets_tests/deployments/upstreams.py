"""What stands behind the proxy in its tests: programs that tell what reached them, on loopback."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from recon_assets_tests.deployments.proxy import free_port

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]


def telling(name: str) -> Starlette:
    """Answers any request with what it got, and any word of a websocket with its name and the word."""

    async def told(request: Request) -> Response:
        said = {"upstream": name, "path": request.url.path, "headers": dict(request.headers)}
        return JSONResponse(said, headers={"Cache-Control": "public", "Server": "of the upstream"})

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept(subprotocol="graphql-ws")
        await websocket.send_text(f"{name}: {await websocket.receive_text()}")
        await websocket.close()

    return Starlette(routes=[WebSocketRoute("/graphql", echo), Route("/{path:path}", told, methods=METHODS)])


def sign_in() -> Starlette:
    """The two answers of oauth2-proxy that nginx goes by: may this cookie's groups in, and where one signs in.

    A cookie is `NAME@GROUP`.
    """

    async def auth(request: Request) -> Response:
        person, _, group = request.cookies.get("_oauth2_proxy", "").partition("@")
        if not person:
            return Response(status_code=401)
        allowed = parse_qs(request.url.query)["allowed_groups"]
        return Response(status_code=202 if group in allowed else 403, headers={"X-Auth-Request-Email": person})

    async def start(request: Request) -> Response:
        return JSONResponse({"signs in for": request.query_params["rd"], "host": request.headers["host"]})

    return Starlette(routes=[Route("/oauth2/auth", auth), Route("/oauth2/start", start)])


@contextmanager
def served(app: Starlette) -> Iterator[int]:
    """Its port, until the end of the block."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", ws="websockets-sansio")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(timeout=0.02)
        yield port
    finally:
        server.should_exit = True
        thread.join()
