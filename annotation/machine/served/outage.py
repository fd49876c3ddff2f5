"""Whether a server is gone: judged by time, and looked for by one request at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

_FIRST_WAIT_S = 0.25
_LONGEST_PAUSE_S = 15.0
_FEWEST_PROBES = 16
_IN_A_ROW = 4


class Outage:
    """Begins with failures in a row, ends with the next useful answer to a question.

    While it lasts, requests wait for their ``turn`` to be probes: one at a time, with pauses that
    double up to fifteen seconds. A probe begins with ``look``, a small question, and is one of ours
    only where somebody answers that. ``number`` counts outages.
    """

    def __init__(self, longest_s: float, in_flight: int = 1) -> None:
        self.lasts = False
        self.number = 0
        self._pause = min(_LONGEST_PAUSE_S, longest_s / _FEWEST_PROBES)
        self._many = min(_IN_A_ROW, in_flight)
        self._in_a_row = 0
        self._probing = self._probed = False
        self._began = self._probe_at = self._wait = 0.0
        self._failed: set[object] = set()
        self._news = asyncio.Event()

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self._began if self.lasts else 0.0

    @property
    def questions(self) -> int:
        """Different questions that failed in it although somebody was there."""
        return len(self._failed)

    @asynccontextmanager
    async def turn(self, look: Callable[[], Awaitable[float | None]]) -> AsyncIterator[bool]:
        """Wait until a request may start; says whether it is a probe.

        ``look`` gives None where somebody is there, else the seconds that it was told to wait.
        """
        while self.lasts:
            if self._probing:
                await self._hear(None)
            elif (wait := self._probe_at - time.monotonic()) > 0:
                await self._hear(wait)
            else:
                self._probing = True
                try:
                    wait_s = await look()
                    if wait_s is None:
                        yield True
                        return
                    self._later(wait_s)
                finally:
                    self._probing = False
                    self._tell()
        yield False

    def failed(self, question: object, *, probing: bool, wait_s: float = 0.0) -> None:
        """A question got nothing useful; ``wait_s`` is what a server asked for."""
        self._in_a_row += 1
        if not self.lasts and self._in_a_row >= self._many:
            self.lasts, self._probed = True, False
            self.number += 1
            self._failed.clear()
            self._began, self._wait = time.monotonic(), _FIRST_WAIT_S / 2
            self._later(wait_s)
        elif probing:
            self._failed.add(question)
            self._later(wait_s)

    def over(self) -> bool:
        """A question was answered; whether a probe had failed before."""
        was_down = self.lasts and self._probed
        self.lasts, self._in_a_row = False, 0
        self._tell()
        return was_down

    def _later(self, wait_s: float = 0.0) -> None:
        self._probed |= self._probing
        self._wait = min(2 * self._wait, self._pause)
        self._probe_at = time.monotonic() + max(self._wait, wait_s)

    async def _hear(self, within_s: float | None) -> None:
        """Wait for the end of a probe or of the outage."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
