"""Whether a server is gone: judged by time, and asked one request at a time until it answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_FIRST_WAIT_S = 0.25
_FEWEST_PROBES = 16


class Outage:
    """Begins with a failure that looks like one, and ends with the next answer of any kind.

    While it lasts, requests wait for their ``turn`` to be probes: one at a time, with pauses that
    double, and the last one ``longest_s`` seconds after it began. ``number`` counts outages.
    """

    def __init__(self, longest_s: float) -> None:
        self.lasts = False
        self.number = 0
        self._longest = longest_s
        self._probing = self._probed = False
        self._began = self._probe_at = self._wait = 0.0
        self._news = asyncio.Event()

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self._began if self.lasts else 0.0

    @property
    def too_long(self) -> bool:
        """Whether it has lasted for as long as it may."""
        return self.lasts and self.seconds >= self._longest

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        """Wait until a request may start; says whether it is a probe."""
        while self.lasts:
            if self._probing:
                await self._hear(None)
            elif (wait := self._probe_at - time.monotonic()) > 0:
                await self._hear(wait)
            else:
                self._probing = True
                try:
                    yield True
                finally:
                    self._probing = False
                    self._tell()
                return
        yield False

    def failed(self, *, probing: bool) -> None:
        """A request, a probe or one that was under way, failed as in an outage."""
        now = time.monotonic()
        if not self.lasts:
            self.lasts, self._probed = True, False
            self.number += 1
            self._began, self._wait = now, _FIRST_WAIT_S / 2
        elif not probing:
            return
        self._probed |= probing
        self._wait = min(2 * self._wait, self._longest / _FEWEST_PROBES)
        self._probe_at = min(now + self._wait, self._began + self._longest)

    def over(self) -> bool:
        """A request was answered; whether a probe had failed before."""
        was_down = self.lasts and self._probed
        self.lasts = False
        self._tell()
        return was_down

    async def _hear(self, within_s: float | None) -> None:
        """Wait for the end of a probe or of the outage."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
