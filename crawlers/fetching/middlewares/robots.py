"""robots.txt and tdmrep.json, fetched once a host before anything else of it, and obeyed.

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
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import Response

from crawlers.fetching.source_run import SourceRun
from crawlers.fetching.trace import META, Postponed, Refused, Trace
from crawlers.preferences.policy_text import policy_text
from crawlers.preferences.tdmrep import TDMREP, TdmRule, matching_entry, read_tdmrep
from crawlers.preferences.usage_rules import UsageRule, matching_rules, usage_rules
from crawlers.user_agent import product_token
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.text import storable

_MAX_BYTES = 512 * 1024  # RFC 9309 2.5 asks for at least 500 KiB
_MAX_DOWNLOAD = 20_000_000  # a larger file is no robots.txt
_MAX_DELAY_S = 60.0
_ASK_AGAIN_S = 30.0  # for files that could not be had: the run may go on for days
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass
class _Host:
    """Rules of one host: ``rules`` None means no robots.txt, so everything is allowed."""

    origin: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    known: bool = False
    rules: Protego | None = None
    usage: tuple[UsageRule, ...] = ()
    sha256: str | None = None
    tdmrep: tuple[TdmRule, ...] | None = None
    unreadable: IgnoreRequest | None = None
    ask_again_at: float = 0.0
    delay_s: float = 0.0
    next_at: float = 0.0


class RobotsMiddleware:
    """Refuses what a host's own files forbid, and writes what they say into the trace.

    robots.txt says what may be fetched (RFC 9309) and what for (Content-Usage); tdmrep.json
    reserves text and data mining (TDMRep).
    """

    def __init__(self, crawler: Any) -> None:
        self._crawler = crawler
        self._run: SourceRun = crawler.spider.run
        # Protego looks for group names anywhere in what it is given, contacts included.
        self._agent = product_token(crawler.settings["USER_AGENT"])
        self._hosts: dict[str, _Host] = {}

    @classmethod
    def from_crawler(cls, crawler: Any) -> RobotsMiddleware:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        if request.meta.get("is_robots_txt") or request.meta.get("api"):
            return
        origin = _origin(request.url)
        host = self._hosts.setdefault(origin, _Host(origin))
        trace: Trace = request.meta.get(META) or Trace()
        try:
            async with host.lock:
                await self._learn(host, request.url)
        except (Refused, Postponed):
            trace.robots_decision = "unreachable"
            raise
        trace.robots_sha256 = host.sha256
        trace.robots_decision = self._decision(host, request.url)
        usage = matching_rules(host.usage, request.url)
        entry = matching_entry(host.tdmrep or (), request.url)
        trace.robots_content_usage = storable(" | ".join(rule.line for rule in usage))
        trace.tdmrep = entry.entry if entry else None
        trace.preference = next(
            (rule.refusal for rule in (*usage, entry) if rule and rule.refusal), None
        )
        self._check(request.url, host, trace)
        await _keep_pace(host, self._run)

    def _decision(self, host: _Host, url: str) -> str:
        if not self._run.config.obey_robots:
            return "not_applicable"
        if host.rules is None:
            return "no_robots_txt"
        return "allowed" if host.rules.can_fetch(url, self._agent) else "disallowed"

    def _check(self, url: str, host: _Host, trace: Trace) -> None:
        shown, name = strip_secrets(url), host.origin.partition("://")[2]
        if trace.robots_decision == "disallowed":
            raise Refused("robots", f"robots.txt of {name} disallows {shown}")
        if trace.preference is not None and self._run.config.obey_preferences:
            said = storable(trace.preference, 200)
            raise Refused("opt_out", f"{name} keeps {shown} from training: {said}")

    async def _learn(self, host: _Host, url: str) -> None:
        """Fetch what isn't known yet of the rules that this address needs."""
        now = asyncio.get_running_loop().time()
        if host.unreadable is not None and now < host.ask_again_at:
            raise host.unreadable.with_traceback(None)
        try:
            if not host.known:
                if self._run.config.obey_robots:
                    await self._read_robots(host)
                host.known = True
            # A host that lets nobody in is asked for nothing more.
            if host.tdmrep is None and self._decision(host, url) != "disallowed":
                host.tdmrep = await self._read_tdmrep(host)
        except (Refused, Postponed) as error:
            host.unreadable, host.ask_again_at = error, now + _ASK_AGAIN_S
            raise
        host.unreadable = None

    async def _read_robots(self, host: _Host) -> None:
        url = f"{host.origin}/robots.txt"
        try:
            response = await self._get(url)
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
            text = policy_text(response.body[:_MAX_BYTES])
            host.rules = Protego.parse(text)
            host.usage = usage_rules(text, self._agent)
            host.sha256 = hashlib.sha256(response.body).hexdigest()
            host.delay_s = min(host.rules.crawl_delay(self._agent) or 0.0, _MAX_DELAY_S)

    async def _read_tdmrep(self, host: _Host) -> tuple[TdmRule, ...]:
        url = f"{host.origin}{TDMREP}"
        if self._decision(host, url) == "disallowed":
            return ()
        try:
            response = await self._get(url)
        except (IgnoreRequest, DownloadCancelledError):
            if self._run.stopped.is_set():
                raise
            return ()  # a host that doesn't lead to such a file doesn't take part (TDMRep 6.1)
        except Exception as error:
            if self._run.stopped.is_set():
                raise
            if not self._run.config.obey_preferences:
                return ()
            reason = f"{url} could not be read: {_why(error)}"
            raise Postponed("tdmrep_unreachable", reason) from error
        if response.status >= 500 or response.status == 429:
            if not self._run.config.obey_preferences:
                return ()
            raise Postponed("tdmrep_unreachable", f"{url} answered {response.status}")
        return read_tdmrep(response.body) if response.status < 300 else ()

    async def _get(self, url: str) -> Response:
        meta = {"is_robots_txt": True, "download_maxsize": _MAX_DOWNLOAD}
        response: Response = await self._crawler.engine.download_async(
            Request(url, priority=1000, meta=meta)
        )
        return response


def _origin(url: str) -> str:
    """Scheme and host of an address, written in the one way, without user and default port."""
    parts = urlsplit(url)
    scheme, name = parts.scheme.lower(), parts.netloc.rpartition("@")[2].lower()
    return f"{scheme}://{name.removesuffix(_DEFAULT_PORTS.get(scheme, ':'))}"


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
