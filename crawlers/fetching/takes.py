"""Fetches that run side by side, admitted in the order in which a source lists."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from crawlers.fetching.media import Found, MediaFetcher
from crawlers.fetching.source_run import SourceRun

_REPORT_EVERY_S = 1.0
_AHEAD = 2
"""Observations under way for each request that may be in flight for one host."""


class Takes:
    """At most so many fetches at once; who lists more waits for one to end."""

    def __init__(self, run: SourceRun, fetcher: MediaFetcher) -> None:
        self._run = run
        self._fetcher = fetcher
        self._room = asyncio.Semaphore(_AHEAD * run.config.concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._reported = time.monotonic()
        self.where: Callable[[], str] = str

    async def admit(self) -> bool:
        """Whether the next observation is wanted."""
        self._tell_progress()
        return await self._run.quota.admit()

    async def start(self, found: Found, done: Callable[[], None]) -> None:
        """Bring an admitted observation to its end, now or soon; then ``done`` is called.

        It isn't called where the run stops before.
        """
        if self._fetcher.settled(found):
            known = found.known
            self._run.quota.settle(known.blob.sha256 if known and known.blob else None)
            done()
            return
        await self._room.acquire()
        task = asyncio.create_task(self._take(found, done))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def finish(self) -> None:
        """Wait for what is under way; where the run has stopped, leave it be."""
        if self._tasks:
            await self._run.until_stopped(_all(tuple(self._tasks)))
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, found: Found, done: Callable[[], None]) -> None:
        sha256 = None
        try:
            ended, sha256 = await self._fetcher.take(found)
        finally:
            self._run.quota.settle(sha256)
            self._room.release()
        if ended:
            done()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._run.break_off(error)

    def _tell_progress(self) -> None:
        now = time.monotonic()
        if now - self._reported >= _REPORT_EVERY_S:
            self._reported = now
            run = self._run
            run.report(f"{run.source}: {run.quota.stickers} stickers{self.where()}")


async def _all(tasks: tuple[asyncio.Task[None], ...]) -> None:
    await asyncio.wait(tasks)
