"""What a source's spider, its pipeline and its middlewares share while it is crawled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from crawlers.fetching.quota import Quota
from crawlers.ledger.ledger import CrawlLedger
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig


@dataclass
class SourceRun:
    """What a spider, its pipeline and its middlewares share; a spider's ``run`` attribute."""

    source: str
    redistribute: bool
    position: int
    config: CrawlConfig
    workspace: Workspace
    ledger: CrawlLedger
    quota: Quota
    report: Callable[[str], None]
    close: Callable[[], None] = lambda: None
    error: StickerworksError | None = None
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def earlier(self) -> frozenset[int]:
        """Positions of the sources of our name that crawled before us."""
        before = enumerate(self.config.sources[: self.position])
        return frozenset(place for place, ours in before if ours.source == self.source)

    def fail(self, error: StickerworksError) -> None:
        """Stop the source with this error; the first one counts."""
        if self.error is None:
            self.error = error
            self.stopped.set()
            self.close()

    async def wait(self, seconds: float) -> None:
        """Sleep, but no longer than the run goes on."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopped.wait(), seconds)
