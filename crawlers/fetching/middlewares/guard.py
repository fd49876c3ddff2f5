"""Refuses private addresses and strange schemes, for first requests and redirects alike."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from scrapy import Request

from crawlers.addresses import PORTS, AllowList, objection
from crawlers.fetching.origins import origin_of
from crawlers.fetching.trace import KEYED, Refused
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.text import storable


class GuardMiddleware:
    """Checks what an address says; the resolver checks what its name turns out to be.

    It also chooses the slot whose limits hold: redirects bring that of another host with them.
    """

    def __init__(self, allowed: AllowList, slots: frozenset[str]) -> None:
        self._allowed = allowed
        self._slots = slots

    @classmethod
    def from_crawler(cls, crawler: Any) -> GuardMiddleware:
        slots = frozenset(crawler.settings.getdict("DOWNLOAD_SLOTS"))
        return cls(AllowList.of(crawler.settings.getlist("ALLOW_HOSTS")), slots)

    def process_request(self, request: Request) -> None:
        found = objection(request.url, self._allowed)
        host = host_of(request.url)
        if found is not None:
            shown = storable(strip_secrets(request.url), 300)
            raise Refused(found.error_class, f"{shown}: {found.error}", host)
        if request.meta.get(KEYED):
            _keep_key(request)
        request.meta["download_slot"] = self._slot(request.url)

    def _slot(self, url: str) -> str:
        parts = urlsplit(url)
        name = parts.hostname or ""
        shown = f"[{name}]" if ":" in name else name
        with_port = f"{shown}:{parts.port or PORTS[parts.scheme]}"
        return next((each for each in (with_port, shown) if each in self._slots), shown)


def _keep_key(request: Request) -> None:
    """Refuse to follow a redirect to where the source's key would be seen by others.

    It stands in headers or the body, which a redirect takes along, or in the new address.
    """
    # Nothing of the new address is told: the key may stand in it, even in its name.
    first = (request.meta.get("redirect_urls") or [request.url])[0]
    ours, other = origin_of(first), origin_of(request.url)
    if ours != other:
        plain = ours.startswith("https:") and other.startswith("http:")
        where = (
            "plain http, where anyone could read" if plain else "another host, which mustn't see"
        )
        raise Refused("redirect", f"{ours} leads to {where} the key", host_of(first))


def host_of(url: str) -> str:
    """Host and port of an address as they stand in it; "" where it can't be read."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""
