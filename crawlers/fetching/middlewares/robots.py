"""robots.txt, fetched once a host before anything else of it, and obeyed with its Crawl-delay.

Scrapy's own middleware lets requests through that wait while robots.txt is being fetched: only
the first waiter is checked. One lock a host closes that hole.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from protego import Protego
from scrapy import Request
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest, NotConfigured
from scrapy.http import Response

from crawlers.fetching.source_run import SourceRun
from crawlers.fetching.trace import META, Postponed, Refused, Trace
from crawlers.preferences.optout import policy_text
from crawlers.user_agent import product_token
from pipeline.engine.addresses import strip_secrets

_MAX_BYTES = 512 * 1024  # RFC 9309 2.5 asks for at least 500 KiB
_MAX_DOWNLOAD = 20_000_000  # a larger file is no robots.txt
_MAX_DELAY_S = 60.0


@dataclass
class _Host:
    """Rules of one host: ``rules`` None means no robots.txt, so everything is allowed."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    known: bool = False
    rules: Protego | None = None
    sha256: str | None = None
    delay_s: float = 0.0
    next_at: float = 0.0


class RobotsMiddleware:
    """Refuses what robots.txt disallows (RFC 9309), and writes its decision into the trace."""

    def __init__(self, crawler: Any) -> None:
        if not crawler.settings.getbool("OBEY_ROBOTS"):
            raise NotConfigured("crawl.obey_robots is false")
        self._crawler = crawler
        self._run: SourceRun = crawler.spider.run
        # Protego looks for group names anywhere in what it is given, contacts included.
        self._agent = product_token(crawler.settings["USER_AGENT"])
        self._hosts: dict[tuple[str, str], _Host] = {}

    @classmethod
    def from_crawler(cls, crawler: Any) -> RobotsMiddleware:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        if request.meta.get("is_robots_txt") or request.meta.get("api"):
            return
        parts = urlsplit(request.url)
        name = parts.netloc.rpartition("@")[2]
        host = self._hosts.setdefault((parts.scheme, name), _Host())
        async with host.lock:
            if not host.known:
                await self._learn(host, f"{parts.scheme}://{name}/robots.txt")
        allowed = host.rules is None or host.rules.can_fetch(request.url, self._agent)
        trace: Trace | None = request.meta.get(META)
        if trace is not None:
            trace.robots_decision = "no_robots_txt" if host.rules is None else "allowed"
            trace.robots_sha256 = host.sha256
        if not allowed:
            shown = strip_secrets(request.url)
            raise Refused("robots", f"robots.txt of {name} disallows {shown}")
        await _keep_pace(host, self._run)

    async def _learn(self, host: _Host, url: str) -> None:
        meta = {"is_robots_txt": True, "download_maxsize": _MAX_DOWNLOAD}
        request = Request(url, priority=1000, meta=meta)
        try:
            response: Response = await self._crawler.engine.download_async(request)
        except Refused as error:
            if error.host == urlsplit(url).netloc:
                raise
            reason = f"{url} leads to another address: {error.error}"
            raise Refused(error.error_class, reason, error.host) from error
        except Exception as error:
            if self._run.stopped.is_set():
                raise
            reason = f"{url} could not be read: {_why(error)}"
            raise Postponed("robots_unreachable", reason) from error
        if response.status >= 500 or response.status == 429:
            # RFC 9309 2.3.1.4: rules that exist and can't be read forbid everything.
            raise Postponed("robots_unreachable", f"{url} answered {response.status}")
        if response.status < 300:
            body = response.body[:_MAX_BYTES]
            host.rules = Protego.parse(policy_text(body))
            host.sha256 = hashlib.sha256(response.body).hexdigest()
            host.delay_s = min(host.rules.crawl_delay(self._agent) or 0.0, _MAX_DELAY_S)
        host.known = True


def _why(error: Exception) -> str:
    if type(error) is DownloadCancelledError:
        return f"it is larger than {_MAX_DOWNLOAD} bytes"
    return str(error) or type(error).__name__


async def _keep_pace(host: _Host, run: SourceRun) -> None:
    """Wait for this request's turn, taken before the wait so that no one waits behind a lock."""
    if not host.delay_s:
        return
    now = asyncio.get_running_loop().time()
    turn = max(now, host.next_at)
    host.next_at = turn + host.delay_s
    await run.wait(turn - now)
    if run.stopped.is_set():
        raise IgnoreRequest("the run ends")
