"""When a host may be asked next: after the rest that it asked for, in its Crawl-delay."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from scrapy.exceptions import IgnoreRequest

from crawlers.fetching.source_run import SourceRun

_MANY = 4096  # hosts; above that, those that may be asked at once are forgotten


@dataclass
class _Host:
    """Times of the event loop: until when the host rests, and when its next turn is free."""

    rest_until: float = 0.0
    next_at: float = 0.0


class Pace:
    """Rests and turns of every host of a run."""

    def __init__(self, run: SourceRun) -> None:
        self._run = run
        self._hosts: dict[str, _Host] = {}

    def rest(self, name: str, seconds: float) -> None:
        """The whole host asked to be left alone for so long, not only one of its addresses."""
        host = self._host(name)
        host.rest_until = max(host.rest_until, asyncio.get_running_loop().time() + seconds)

    async def turn(self, name: str, delay_s: float = 0.0, not_before: float = 0.0) -> None:
        """Wait until a request may be sent; turns of one host are ``delay_s`` apart.

        IgnoreRequest where the run ends before. A turn is taken only after a rest, and again
        where a rest began while it was waited for: else all that waited would be sent at its end.
        """
        clock = asyncio.get_running_loop().time
        while True:
            while (until := max(self._rest_until(name), not_before)) > clock():
                await self._wait_until(until)
            if not delay_s:
                return
            host = self._host(name)
            turn = max(clock(), host.next_at)
            host.next_at = turn + delay_s
            await self._wait_until(turn)
            if self._rest_until(name) <= clock():
                return

    async def _wait_until(self, moment: float) -> None:
        seconds = moment - asyncio.get_running_loop().time()
        if seconds > 0:
            await self._run.wait(seconds)
        if self._run.stopped.is_set():
            raise IgnoreRequest("the run ends")

    def _rest_until(self, name: str) -> float:
        host = self._hosts.get(name)
        return host.rest_until if host else 0.0

    def _host(self, name: str) -> _Host:
        if name not in self._hosts and len(self._hosts) >= _MANY:
            now = asyncio.get_running_loop().time()
            self._hosts = {
                name: host
                for name, host in self._hosts.items()
                if max(host.rest_until, host.next_at) > now
            }
        return self._hosts.setdefault(name, _Host())
