"""The gateway's application: it knows its settings as they are now, and looks at each request."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from annotation.human.gateway.homes import Homes
from annotation.human.gateway.live import LiveProgress
from annotation.human.gateway.logouts import Logouts
from annotation.human.gateway.visit import Kept, Visit
from annotation.human.gateway.visitors import Visitors
from annotation.human.studio.gateway_process import HEALTH
from annotation.human.studio.gateway_settings import GatewaySettings, read_settings
from annotation.human.studio.server_paths import ServerPaths

_log = logging.getLogger("gateway")


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
        return await app[_GATEWAY].handle(request)

    app.cleanup_ctx.append(opened)
    app.router.add_route("*", "/{path:.*}", handle)
    return app


@dataclass
class Gateway:
    """One process, while it runs."""

    place: ServerPaths
    client: aiohttp.ClientSession
    kept: Kept = field(init=False)
    _settings: GatewaySettings | None = None
    _stamps: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        homes = Homes(self.place, LiveProgress(self.client))
        logouts = Logouts(self.place.logouts)
        self.kept = Kept(self.client, Visitors(self.client), homes, logouts)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, whatever happens."""
        began = time.monotonic()
        if request.path == HEALTH:
            return web.Response(text="fine")
        visit = Visit(self.kept, request, self._current())
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

    def _current(self) -> GatewaySettings:
        """The settings as they are now; new passwords and lists ask everybody anew who they are."""
        stamps = tuple(map(_stamp, (self.place.gateway_settings, self.place.accounts)))
        if self._settings is None or stamps != self._stamps:
            self._settings = read_settings(self.place)
            self._stamps = stamps
            self.kept.visitors.forget()
        return self._settings


_GATEWAY: web.AppKey[Gateway] = web.AppKey("gateway", Gateway)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino
