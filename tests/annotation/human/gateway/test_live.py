"""How far people are: read from Label Studio's answers, and known at once where we passed them."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from aiohttp import web

from annotation.human.gateway.live import Answer, LiveProgress


def region(name: str, kind: str, value: Any) -> dict[str, Any]:
    return {"from_name": name, "type": kind, "value": {kind: value}}


def test_an_answer_is_read_beside_questions_of_any_set_and_a_vote_counts_at_once() -> None:
    said = [
        region("tags", "taxonomy", [["greetings", "hello"]]),
        region("domain", "choices", ["real"]),
        region("emotion", "choices", ["joy"]),
    ]
    older = {"id": 1, "completed_by": 7, "updated_at": "2026-01-01", "result": []}
    newer = {"id": 2, "completed_by": {"id": 7}, "updated_at": "2026-01-02", "result": said}

    async def upstream(request: web.Request) -> web.Response:
        if request.path == "/api/tasks":
            rows = [{"id": n, "total_annotations": n == 1, "cancelled_annotations": None}
                    for n in (1, 2)]  # fmt: skip
            return web.json_response({"tasks": rows, "total": 2})
        return web.json_response({"annotations": [older, newer]})

    async def ask() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", upstream)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        inside = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with aiohttp.ClientSession() as client:
                live = LiveProgress(client)
                assert await live.answer(inside, "t", 5, 7) == Answer(("hello",), "real", False)
                assert await live.answer(inside, "t", 5, 8) is None
                live.note(3, 2)
                assert await live.done(inside, "t", 3) == {1}, "nothing was known of the others"
                live.note(3, 2)
                assert await live.done(inside, "t", 3) == {1, 2}
        finally:
            await runner.cleanup()

    asyncio.run(ask())
