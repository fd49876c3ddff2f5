"""What the parts of one source's crawl share while it runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from crawlers.fetching.quota import Quota
from crawlers.ledger.ledger import CrawlLedger
from crawlers.source import Source
from crawlers.takedown.takedown import Takedown
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, SourceConfig

T = TypeVar("T")


@dataclass
class SourceRun:
    """A source, its settings and its place in the ledger; a spider's ``run`` attribute."""

    plugin: Source
    options: BaseModel
    redistribute: bool
    position: int
    config: CrawlConfig
    workspace: Workspace
    ledger: CrawlLedger
    quota: Quota
    report: Callable[[str], None]
    takedown: Takedown = field(default_factory=Takedown)
    error: StickerworksError | None = None
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def source(self) -> str:
        return self.plugin.name

    @property
    def ours(self) -> SourceConfig:
        """What the configuration says of the source."""
        return self.config.sources[self.position]

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
            self.quota.stop()

    def break_off(self, error: BaseException) -> None:
        """Stop the source with an error that nobody expected, or with one for people."""
        if isinstance(error, StickerworksError):
            return self.fail(error)
        logging.getLogger(__name__).error("The crawl broke", exc_info=error)
        return self.fail(
            StickerworksError(
                f"The crawl broke on an unexpected error: {type(error).__name__}: {error}.",
                "Nothing finished is lost; the log in the workspace's folder crawl/ says where.",
            )
        )

    async def wait(self, seconds: float) -> None:
        """Sleep, but no longer than the run goes on."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopped.wait(), seconds)

    async def until_stopped(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What comes of the work; None where the run stops before."""
        doing = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self.stopped.wait())
        try:
            await asyncio.wait({doing, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return doing.result() if doing.done() else None
        finally:
            stopped.cancel()
            doing.cancel()
