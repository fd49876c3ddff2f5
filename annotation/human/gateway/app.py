"""The gateway's application: whatever is asked becomes a visit."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

from annotation.human.gateway.known import Gateway
from annotation.human.gateway.visit import Visit
from annotation.human.studio.gateway_process import HEALTH
from annotation.human.studio.server_paths import ServerPaths

_log = logging.getLogger("gateway")
_GATEWAY: web.AppKey[Gateway] = web.AppKey("gateway", Gateway)


def make_app(place: ServerPaths) -> web.Application:
    """The application of the workspace whose server lies in ``place``."""
    app = web.Application(client_max_size=2_000_000)

    async def opened(_: web.Application) -> AsyncIterator[None]:
        # Connections are many and short-lived: Label Studio closes each after its answer.
        connector = aiohttp.TCPConnector(limit=64, force_close=True)
        async with aiohttp.ClientSession(
            connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        ) as client:
            gateway = Gateway(place, client)
            app[_GATEWAY] = gateway
            yield

    async def handle(request: web.Request) -> web.StreamResponse:
        return await _handled(app[_GATEWAY], request)

    app.cleanup_ctx.append(opened)
    app.router.add_route("*", "/{path:.*}", handle)
    return app


async def _handled(gateway: Gateway, request: web.Request) -> web.StreamResponse:
    """Answer one request, whatever happens."""
    began = time.monotonic()
    if request.path == HEALTH:
        return web.Response(text="fine")
    visit = Visit(gateway, request, gateway.settings())
    response = await visit.answer()
    # Neither addresses with their queries, nor bodies, nor cookies.
    _log.info(
        "%s %s %s %s %.3f s",
        request.method[:10],
        visit.decision.rule or "-",
        visit.visitor.user if visit.visitor else "-",
        response.status,
        time.monotonic() - began,
    )
    return response
