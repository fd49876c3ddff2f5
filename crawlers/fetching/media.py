"""Fetches the bytes of each observation: ledger, download, sniff, write, and the row last."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from scrapy import Request
from scrapy.http import Response

from crawlers.fetching.failures import Streak, failure_of_exception, failure_of_status
from crawlers.fetching.middlewares.number import Listed
from crawlers.fetching.source_run import SourceRun
from crawlers.fetching.trace import META, Trace
from crawlers.ledger.ledger import POSITION_BITS, Blob, FetchFailure, Known
from crawlers.ledger.store import has_bytes, media_path, store
from crawlers.local.files import LocalCrawl, Visited
from crawlers.names import claimed_extension
from crawlers.observation import (
    Key,
    LocalFile,
    columns_of,
    is_cut,
    key_of,
    told_of_cuts,
    too_long,
)
from crawlers.preferences.optout import opt_out
from crawlers.sniff import sniff
from crawlers.source import no_observation
from crawlers.user_agent import user_agent
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.errors import StickerworksError
from pipeline.engine.retry_after import LONGEST_RETRY_S
from pipeline.engine.text import storable
from schemas.config import CrawlConfig

_REPORT_EVERY_S = 1.0
_PAGES = 3  # crawls that must see a page instead of media before it is believed


def policy_of(config: CrawlConfig) -> str:
    """Our own settings that can refuse a file: when they change, refused files are tried again."""
    hosts = ",".join(sorted(config.allow_hosts))
    return f"robots={config.obey_robots} max={config.max_bytes} hosts={hosts}"


class MediaPipeline:
    """Turns each listed observation into a row of the ledger: with bytes, or with the reason."""

    def __init__(self, crawler: Any) -> None:
        self._crawler = crawler
        self._run: SourceRun = crawler.spider.run
        self._policy = policy_of(self._run.config)
        self._agent = user_agent(self._run.config)
        self._streak = Streak()
        self._locks: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()
        self._seen: set[Key] = set()
        self._reported = time.monotonic()
        self._cut = self._twice = 0
        visited = Visited(partial={self._run.source})
        config = self._run.config
        self._files = LocalCrawl(self._run.workspace, self._run.ledger, visited, config.max_bytes)

    @classmethod
    def from_crawler(cls, crawler: Any) -> MediaPipeline:
        return cls(crawler)

    async def process_item(self, item: Any) -> Any:
        run = self._run
        if not isinstance(item, Listed):
            run.fail(no_observation(run.source, item))
        if run.error is not None or not await run.quota.admit(item.position):
            return item
        sha256 = None
        try:
            sha256 = await self._settle(item)
        except StickerworksError as error:
            run.fail(error)
        except Exception as error:
            logging.getLogger(__name__).exception("An observation could not be handled")
            run.fail(_unexpected(error))
        finally:
            await run.quota.settle(sha256)
        if run.quota.full:
            run.close()
        self._tell_progress()
        return item

    def close_spider(self) -> None:
        source, cut = self._run.source, self._cut + self._files.cut
        if cut:
            self._run.report(told_of_cuts(source, cut))
        if self._twice:
            self._run.report(f"{source}: {self._twice} items are listed twice; the first counts")

    async def _settle(self, listed: Listed) -> str | None:
        """Bring one item to its end; the hash of its bytes, or None without any."""
        run, file = self._run, listed.item
        observation = file.observation if isinstance(file, LocalFile) else file
        key = key_of(run.source, observation)
        if key in self._seen:
            self._twice += 1
            return None
        self._seen.add(key)
        redistribute = (
            run.redistribute if observation.redistribute is None else observation.redistribute
        )
        listing = (run.position << POSITION_BITS) + listed.position
        if isinstance(file, LocalFile):
            return self._files.take(key, listing, file, redistribute)
        columns = columns_of(observation)
        self._cut += is_cut(observation, columns)
        known = run.ledger.note(key, listing, columns, redistribute, run.earlier)
        reason = too_long(observation)
        if reason is not None:
            run.ledger.record_failure(key, FetchFailure("failed", "too_long", reason))
            return None
        if known is not None and self._is_settled(known):
            return known.blob.sha256 if known.blob else None
        async with self._lock((key.source_id, key.variant)):
            same = run.ledger.find_item(key)
            if same is not None and same.blob is not None and self._is_settled(same):
                run.ledger.record_blob(key, same.blob, same.facts)
                return same.blob.sha256
            return await self._fetch(key, observation.media_url, known.failure if known else None)

    def _is_settled(self, known: Known) -> bool:
        if known.state == "ok":
            blob = known.blob
            return blob is not None and has_bytes(self._run.workspace, self._run.ledger, blob)
        if known.failure is None:
            return False
        if known.state == "retry_at":
            # Longer than anybody may ask for: the clock was ahead when it was noted.
            return 0 < (known.failure.retry_at or 0) - time.time() <= LONGEST_RETRY_S
        return known.state == "gone" or known.failure.policy == self._policy

    async def _fetch(self, key: Key, url: str | None, last: FetchFailure | None) -> str | None:
        trace = Trace()
        try:
            request = Request(url or "", meta={META: trace}, dont_filter=True)
            response: Response = await self._crawler.engine.download_async(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, it costs this file alone
            if self._run.stopped.is_set():
                return None  # the row stays pending: the run ended, not this file
            self._record_failure(key, failure_of_exception(error), trace, url)
            return None
        failure = failure_of_status(response.status) or self._opted_out(response)
        found = sniff(response.body)
        if failure is not None or found is None:
            self._record_failure(key, failure or self._not_media(response, last), trace, url)
            return None
        extension = claimed_extension(key.source_id) or claimed_extension(
            urlsplit(request.url).path
        )
        sha256 = hashlib.sha256(response.body).hexdigest()
        path = media_path(sha256, found)
        async with self._lock(sha256):
            await asyncio.to_thread(store, self._run.workspace, path, response.body)
        blob = Blob(sha256, found, len(response.body), path, extension)
        self._run.ledger.record_blob(key, blob, self._facts(response, trace))
        self._run.ledger.repoint(sha256, self._better_path(sha256, path))
        self._streak.clear()
        return sha256

    def _better_path(self, sha256: str, path: str) -> str:
        """The path on record, unless its file is gone and ours is there."""
        run, known = self._run, self._run.ledger.blob(sha256)
        return known.path if known and has_bytes(run.workspace, run.ledger, known) else path

    def _record_failure(
        self, key: Key, failure: FetchFailure, trace: Trace, url: str | None
    ) -> None:
        retry_at = trace.retry_at if failure.state == "retry_at" else None
        failure = FetchFailure(
            failure.state,
            failure.error_class,
            failure.error,
            trace.attempts,
            retry_at,
            failure.policy or self._policy,
        )
        self._run.ledger.record_failure(key, failure)
        error = self._streak.add(key, failure, url or "")
        if error is not None:
            for refused, last in self._streak.to_retry():
                self._run.ledger.record_failure(refused, last)
            self._run.fail(error)

    def _not_media(self, response: Response, last: FetchFailure | None) -> FetchFailure:
        if not response.body:
            return FetchFailure("failed", "empty", "the answer has no bytes")
        claimed = _header(response, "Content-Type") or "nothing"
        policy = self._page_policy(last) if claimed.lower().startswith("text/html") else None
        error = f"the bytes are no media (they claim to be {claimed})"
        return FetchFailure("failed", "not_media", error, policy=policy)

    def _page_policy(self, last: FetchFailure | None) -> str | None:
        """A policy that isn't ours, so that the next crawl asks again; None after a few crawls.

        A page instead of media may be the sign-in page of a network, which says nothing of the
        file.
        """
        before = (last and last.policy) or ""
        pages = next((n for n in range(1, _PAGES) if before == f"{self._policy} pages={n}"), 0) + 1
        return f"{self._policy} pages={pages}" if pages < _PAGES else None

    def _opted_out(self, response: Response) -> FetchFailure | None:
        tags = [tag.decode("latin-1") for tag in response.headers.getlist("X-Robots-Tag")]
        tdm = (response.headers.get("TDM-Reservation") or b"").decode("latin-1")
        directive = opt_out(tags, tdm, self._agent)
        if directive is None:
            return None
        return FetchFailure(
            "refused", "opt_out", f"the host forbids it with the directive {directive}"
        )

    def _facts(self, response: Response, trace: Trace) -> dict[str, Any]:
        meta = response.request.meta if response.request else {}
        address = None if meta.get("proxy") else response.ip_address
        return {
            "final_url": strip_secrets(response.url),
            "redirects": [strip_secrets(url) for url in meta.get("redirect_urls", [])],
            "http_status": response.status,
            "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "etag": _header(response, "ETag"),
            "last_modified": _header(response, "Last-Modified"),
            "content_type": _header(response, "Content-Type"),
            "x_robots_tag": _header(response, "X-Robots-Tag"),
            "robots_decision": trace.robots_decision,
            "robots_sha256": trace.robots_sha256,
            "user_agent": self._agent,
            "resolved_ip": str(address) if address else None,
            "attempts": trace.attempts,
        }

    def _lock(self, name: object) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())

    def _tell_progress(self) -> None:
        now = time.monotonic()
        if now - self._reported >= _REPORT_EVERY_S:
            self._reported = now
            self._run.report(f"{self._run.source}: {self._run.quota.stickers} stickers")


def _header(response: Response, name: str) -> str | None:
    values = response.headers.getlist(name)
    return storable(", ".join(value.decode("latin-1") for value in values), 500)


def _unexpected(error: Exception) -> StickerworksError:
    return StickerworksError(
        f"The crawl broke on an unexpected error: {type(error).__name__}: {error}.",
        "Nothing finished is lost; the log in the workspace's folder crawl/ says where.",
    )
