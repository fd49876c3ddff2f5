"""Holds what a host answered against the takedown list."""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial

from scrapy.http import Response

from crawlers.ledger.ledger import CrawlLedger, FetchFailure
from crawlers.takedown.takedown import Takedown


async def objection_to_answer(
    takedown: Takedown, ledger: CrawlLedger, response: Response, data: bytes, format: str
) -> FetchFailure | None:
    """Why a sticker's bytes, as they came from these addresses, may not be kept."""
    if takedown.empty:
        return None
    redirects = response.request.meta.get("redirect_urls", []) if response.request else []
    refused = takedown.objection_to_urls([response.url, *redirects])
    if refused is not None:
        return refused
    sha256 = hashlib.sha256(data).hexdigest()
    # In a thread: decoding a picture would keep all other downloads waiting.
    held = ledger.blob(sha256) is not None
    check = partial(takedown.objection_to_bytes, sha256, data, format, held=held)
    return await asyncio.to_thread(check)
