"""How many requests are out at once: fewer when the server is overloaded, more when it copes."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_EASE_S = 1.0


class Throttle:
    """At most ``most`` at once; halved when told that it's too much, one more a round of answers.

    Additive increase and multiplicative decrease, as TCP does. ``pause`` holds back all requests
    that haven't started yet.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._out = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._resume_at = 0.0
        self._eased_at = -_EASE_S

    @property
    def limit(self) -> int:
        """Requests that may be out at once now."""
        return max(1, int(self._limit))

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a place, in the order of asking."""
        await self._enter()
        try:
            while (wait := self._resume_at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            yield
        finally:
            self._out -= 1
            self._wake()

    async def _enter(self) -> None:
        if self._out < self.limit:
            self._out += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):
                    self._waiting.remove(turn)
            else:
                # It had its place already, which nobody else knows to give back.
                self._out -= 1
            self._wake()
            raise

    def ease(self) -> None:
        """The server is overloaded: half as many, at most once a second."""
        now = time.monotonic()
        if now - self._eased_at >= _EASE_S:
            self._eased_at = now
            self._limit = max(1.0, self._limit / 2)

    def grow(self) -> None:
        """An answer came."""
        self._limit = min(float(self._most), self._limit + 1 / self._limit)
        self._wake()

    def reset(self) -> None:
        """As many as at first."""
        self._limit = float(self._most)
        self._wake()

    def pause(self, seconds: float) -> None:
        """Start no request for a while: the server said so."""
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)

    def _wake(self) -> None:
        # A place is taken here and not when its task goes on: others could come in between.
        while self._waiting and self._out < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._out += 1
