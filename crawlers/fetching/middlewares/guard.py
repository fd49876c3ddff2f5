"""Refuses private addresses and strange schemes, for first requests and redirects alike."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.exceptions import CannotResolveHostError

from crawlers.addresses import AllowList, objection
from crawlers.fetching.trace import Refused
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.text import storable


class GuardMiddleware:
    """Checks what an address says; the resolver checks what its name turns out to be."""

    def __init__(self, allowed: AllowList) -> None:
        self._allowed = allowed

    @classmethod
    def from_crawler(cls, crawler: Any) -> GuardMiddleware:
        return cls(AllowList.of(crawler.settings.getlist("ALLOW_HOSTS")))

    def process_request(self, request: Request) -> None:
        found = objection(request.url, self._allowed)
        if found is not None:
            shown = storable(strip_secrets(request.url), 300)
            raise Refused(found.error_class, f"{shown}: {found.error}", _host(request.url))

    def process_exception(self, request: Request, exception: Exception) -> None:
        if not isinstance(exception, CannotResolveHostError):
            return
        from twisted.internet import reactor

        resolver: Any = getattr(reactor, "nameResolver", None)
        host = _host(request.url).partition(":")[0]
        address = getattr(resolver, "refused", {}).get(host)
        if address is not None:
            raise Refused(
                "private_address",
                f"{host} resolves to the private address {address}",
                _host(request.url),
            ) from exception


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""
