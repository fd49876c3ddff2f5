"""What people get when Label Studio, or what stands in its place, breaks off or talks nonsense."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from annotation.human.gateway.app import make_app
from annotation.human.studio.gateway_settings import settings_of, write_settings
from annotation.human.studio.ledger import open_ledger
from annotation.human.studio.server_paths import ServerPaths, write_accounts
from schemas.labelling import LabelConfig

COOKIES = {"sessionid": "abc"}
Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def listen(stack: list[web.AppRunner], app: web.Application, port: int = 0) -> int:
    runner = web.AppRunner(app)
    stack.append(runner)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    return int(runner.addresses[0][1])


def through(folder: Path, upstream: Handle, use: Callable[..., Awaitable[Any]], port: int) -> Any:
    """What ``use`` makes of a session and the address of a gateway before ``upstream``."""
    place = ServerPaths(folder / "label-studio")
    with open_ledger(folder):
        write_accounts(place, {"token": "t", "passwords": {}})

    async def run() -> Any:
        stack: list[web.AppRunner] = []
        inside = web.Application()
        inside.router.add_route("*", "/{path:.*}", upstream)
        try:
            inner = await listen(stack, inside)
            write_settings(place, settings_of(LabelConfig(), port, inner))
            await listen(stack, make_app(place), port)
            async with aiohttp.ClientSession(cookies=COOKIES) as client:
                return await use(client, f"http://127.0.0.1:{port}")
        finally:
            for runner in reversed(stack):
                await runner.cleanup()

    return asyncio.run(run())


def a_lead(request: web.Request) -> web.Response | None:
    if request.path.startswith("/api/current-user/whoami"):
        return web.json_response({"id": 1, "email": LabelConfig().lead})
    return None


@pytest.mark.parametrize("sized", [True, False])
def test_what_breaks_off_is_cut_off_and_nothing_is_written_into_it(
    tmp_path: Path, sized: bool, unused_port: int
) -> None:
    async def upstream(request: web.Request) -> web.StreamResponse:
        known = a_lead(request)
        if known is not None:
            return known
        answer = web.StreamResponse(headers={"Content-Type": "image/gif"})
        if sized:
            answer.content_length = 100_000
        await answer.prepare(request)
        await answer.write(b"GIF89a" * 1000)
        assert request.transport is not None
        request.transport.abort()
        return answer

    async def use(client: aiohttp.ClientSession, url: str) -> bytes:
        held = bytearray()
        async with client.get(f"{url}/data/upload/a.gif") as answer:
            assert answer.status == 200
            try:
                async for piece in answer.content.iter_any():
                    held += piece
            except aiohttp.ClientError:
                return bytes(held)
        raise AssertionError("it was taken for the whole")

    got = through(tmp_path, upstream, use, unused_port)
    assert (b"GIF89a" * 1000).startswith(got)


@pytest.mark.parametrize(
    "said", ["<p>hello</p>", "[]", "{}", '{"id": "x", "email": 1}', "[" * 9999]
)
def test_nonsense_about_who_asks_is_an_outage(tmp_path: Path, said: str, unused_port: int) -> None:
    async def upstream(_: web.Request) -> web.Response:
        return web.Response(text=said, content_type="application/json")

    async def use(client: aiohttp.ClientSession, url: str) -> Any:
        async with client.get(f"{url}/api/projects/") as answer:
            return answer.status, json.loads(await answer.text())

    status, told = through(tmp_path, upstream, use, unused_port)
    assert status == 502
    assert told["detail"].startswith("Label Studio doesn't answer")


def test_nonsense_about_tasks_is_an_outage(tmp_path: Path, unused_port: int) -> None:
    async def upstream(request: web.Request) -> web.Response:
        if request.path.startswith("/api/current-user/whoami"):
            return web.json_response({"id": 2, "email": LabelConfig().accounts[0]})
        return web.Response(text="<p>no JSON</p>", content_type="application/json")

    with open_ledger(tmp_path) as ledger:
        ledger.connection.execute(
            "INSERT INTO projects (project, purpose, ballot, person, interface) "
            "VALUES (1, 'labelling', 'b', ?, 'x')",
            (LabelConfig().accounts[0],),
        )

    async def use(client: aiohttp.ClientSession, url: str) -> int:
        async with client.get(f"{url}/api/dm/columns?project=1") as answer:
            return answer.status

    assert through(tmp_path, upstream, use, unused_port) == 502


def test_a_referer_that_is_no_address_is_refused(tmp_path: Path, unused_port: int) -> None:
    async def upstream(_: web.Request) -> web.Response:
        return web.Response(status=401)

    async def use(client: aiohttp.ClientSession, url: str) -> int:
        async with client.post(f"{url}/user/login/", headers={"Referer": "http://["}) as answer:
            return answer.status

    assert through(tmp_path, upstream, use, unused_port) == 403
