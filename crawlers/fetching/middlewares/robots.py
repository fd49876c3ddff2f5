"""robots.txt and tdmrep.json, fetched once a host before anything else of it, and obeyed.

Scrapy's own middleware lets requests through that wait while robots.txt is being fetched: only
the first waiter is checked. One lock a host closes that hole.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import Response

from crawlers.fetching.middlewares.host_rules import Host, Hosts, RobotsRules, TooManyRulesError
from crawlers.fetching.origins import origin_of
from crawlers.fetching.source_run import SourceRun
from crawlers.fetching.trace import API, CRAWL_DELAY, META, Postponed, Refused, Trace, opted_out
from crawlers.preferences.tdmrep import TDMREP, TdmRule, matching_entry, read_tdmrep
from crawlers.preferences.usage_rules import matching_rules
from crawlers.user_agent import product_token
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.text import storable

_MAX_DOWNLOAD = 20_000_000  # a larger file is no robots.txt
_MAX_READING_S = 10.0
_ASK_AGAIN_S = 30.0  # for files that could not be had: the run may go on for days


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
        self._hosts = Hosts()

    @classmethod
    def from_crawler(cls, crawler: Any) -> RobotsMiddleware:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        request.meta.pop(CRAWL_DELAY, None)  # that of the host that led here
        if request.meta.get("is_robots_txt"):
            return
        trace: Trace = request.meta.get(META) or Trace()
        trace.robots_decision, trace.robots_sha256 = "not_applicable", None
        if _is_interface(request):
            return
        host = self._hosts.at(origin_of(request.url))
        try:
            async with host.lock:
                await self._learn(host, request.url)
        except (Refused, Postponed):
            trace.robots_decision = "unreachable"
            raise
        if host.is_heavy:
            refusal = await asyncio.to_thread(self._judge, host, request.url, trace)
        else:
            refusal = self._judge(host, request.url, trace)
        shown, name = strip_secrets(request.url), host.origin.partition("://")[2]
        if trace.robots_decision == "disallowed":
            raise Refused("robots", f"robots.txt of {name} disallows {shown}")
        if refusal is not None and self._run.config.obey_preferences:
            raise opted_out(request.url, refusal)
        if host.rules is not None:
            request.meta[CRAWL_DELAY] = host.rules.delay_s

    def _judge(self, host: Host, url: str, trace: Trace) -> str | None:
        """Write what the host's files say of an address into the trace; what forbids training."""
        trace.robots_sha256 = host.rules.sha256 if host.rules else None
        trace.robots_decision = self._decision(host, url)
        usage = matching_rules(host.rules.usage if host.rules else (), url)
        entry = matching_entry(host.tdmrep or (), url)
        refusal = next((rule.refusal for rule in (*usage, entry) if rule and rule.refusal), None)
        said = storable(" | ".join(rule.line for rule in usage)) or ""
        trace.say(url, said, entry.entry if entry else None, refusal)
        return refusal

    def _decision(self, host: Host, url: str) -> str:
        if not self._run.config.obey_robots:
            return "not_applicable"
        if host.rules is None:
            return "no_robots_txt"
        return "allowed" if host.rules.fetching.can_fetch(url, self._agent) else "disallowed"

    async def _learn(self, host: Host, url: str) -> None:
        """Fetch what isn't known yet of the rules that this address needs."""
        now = asyncio.get_running_loop().time()
        if host.unreadable is not None and now < host.ask_again_at:
            raise host.unreadable.with_traceback(None)
        if host.known and host.tdmrep is not None:
            return
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
        finally:
            self._hosts.learned(host)
        host.unreadable = None

    async def _read_robots(self, host: Host) -> None:
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
            host.rules = await self._rules(url, response.body)

    async def _rules(self, url: str, body: bytes) -> RobotsRules:
        """The rules for us in a robots.txt, read beside the event loop."""
        try:
            reading = asyncio.to_thread(RobotsRules.read, body, self._agent)
            return await asyncio.wait_for(reading, _MAX_READING_S)
        except TooManyRulesError as error:
            reason = f"{url} can't be obeyed: {error}"
        except TimeoutError:
            reason = f"{url} takes longer than {_MAX_READING_S:.0f} s to understand"
        raise Postponed("robots_unreachable", reason)

    async def _read_tdmrep(self, host: Host) -> tuple[TdmRule, ...]:
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
        if response.status >= 300:
            return ()
        return await asyncio.to_thread(read_tdmrep, response.body)

    async def _get(self, url: str) -> Response:
        meta = {"is_robots_txt": True, "download_maxsize": _MAX_DOWNLOAD}
        response: Response = await self._crawler.engine.download_async(
            Request(url, priority=1000, meta=meta)
        )
        return response


def _is_interface(request: Request) -> bool:
    """Whether terms of its own hold for it: nothing that a redirect leads away from does so."""
    first = (request.meta.get("redirect_urls") or [request.url])[0]
    return bool(request.meta.get(API)) and origin_of(first) == origin_of(request.url)


def _why(error: Exception) -> str:
    if type(error) is DownloadCancelledError:
        return f"it is larger than {_MAX_DOWNLOAD} bytes"
    return str(error) or type(error).__name__
