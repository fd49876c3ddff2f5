"""Admits observations in listing order until enough stickers are found."""

from __future__ import annotations

import asyncio


class Quota:
    """Counts distinct stickers so that the same observations are admitted on every run.

    An observation is admitted while the stickers found plus those still being fetched are fewer
    than the limit. What is admitted in the end is thus the shortest beginning of the listing that
    holds ``limit`` stickers, in whatever order the downloads complete.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._found: set[str] = set()
        self._in_flight = 0
        self._next = self._handled = 0
        self._changed = asyncio.Condition()
        self.stopped = False

    @property
    def full(self) -> bool:
        return self._limit is not None and len(self._found) >= self._limit

    @property
    def stickers(self) -> int:
        """Distinct stickers among the observations admitted so far."""
        return len(self._found)

    async def admit(self, position: int) -> bool:
        """Wait for this observation's turn; false when it isn't wanted any more."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._decided(position))
            self._next += position == self._next
            wanted = not self.stopped and not self.full
            self._in_flight += wanted
            self._handled += not wanted
            self._changed.notify_all()
            return wanted

    async def settle(self, sha256: str | None) -> None:
        """Note how an admitted observation ended: with these bytes, or without any."""
        async with self._changed:
            self._in_flight -= 1
            self._handled += 1
            if sha256 is not None:
                self._found.add(sha256)
            self._changed.notify_all()

    async def wait_for(self, count: int) -> None:
        """Wait until so many observations are at their end, or no more are wanted."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self.stopped or self.full or self._handled >= count
            )

    async def stop(self) -> None:
        """Admit nothing more."""
        async with self._changed:
            self.stopped = True
            self._changed.notify_all()

    def _decided(self, position: int) -> bool:
        if self.stopped or self.full:
            return True
        if position != self._next:
            return False
        return self._limit is None or len(self._found) + self._in_flight < self._limit
