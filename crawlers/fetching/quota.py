"""Admits observations in listing order until enough stickers are found."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


class Quota:
    """Counts distinct stickers so that the same observations are admitted on every run.

    Whoever lists asks for one observation after the other. One is admitted while the stickers
    found plus those still being fetched are fewer than the limit: what is admitted in the end is
    the shortest beginning of the listing that holds ``limit`` stickers, in whatever order the
    downloads complete. ``found`` are stickers of earlier runs that count as well.

    Without a limit nothing depends on which stickers were found, and hashes of millions of them
    are not kept: then ``stickers`` counts one that was found twice twice.
    """

    def __init__(self, limit: int | None, found: Iterable[str] = ()) -> None:
        self._limit = limit
        self._found: set[str] = set()
        self._counted = 0
        self._in_flight = 0
        self._changed = asyncio.Event()
        self.stopped = False
        self.count(found)

    @property
    def full(self) -> bool:
        return self._limit is not None and len(self._found) >= self._limit

    @property
    def stickers(self) -> int:
        """Stickers so far, for people; each once only where there is a limit."""
        return self._counted if self._limit is None else len(self._found)

    def count(self, found: Iterable[str]) -> None:
        """Let stickers of earlier runs count."""
        if self._limit is None:
            self._counted += sum(1 for _ in found)
        else:
            self._found.update(found)

    async def admit(self) -> bool:
        """Wait until it's clear whether another observation is wanted."""
        while not (self.stopped or self.full or self._has_room()):
            self._changed.clear()
            await self._changed.wait()
        wanted = not self.stopped and not self.full
        self._in_flight += wanted
        return wanted

    def settle(self, sha256: str | None) -> None:
        """Note how an admitted observation ended: with these bytes, or without any."""
        self._in_flight -= 1
        if sha256 is not None:
            self.count((sha256,))
        self._changed.set()

    def stop(self) -> None:
        """Admit nothing more."""
        self.stopped = True
        self._changed.set()

    def _has_room(self) -> bool:
        return self._limit is None or len(self._found) + self._in_flight < self._limit
