"""Reads what a redirect says of use in its own headers, before it is followed."""

from __future__ import annotations

from typing import Any

from scrapy import Request
from scrapy.http import Response

from crawlers.fetching.trace import META, Trace, opted_out
from crawlers.preferences.headers import HeaderPreferences

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class RedirectPreferencesMiddleware:
    """Keeps the headers of redirects to files, and refuses where they forbid training.

    Scrapy's middleware would follow a redirect without showing it to anyone.
    """

    def __init__(self, user_agent: str, obeys: bool) -> None:
        self._agent = user_agent
        self._obeys = obeys

    @classmethod
    def from_crawler(cls, crawler: Any) -> RedirectPreferencesMiddleware:
        obeys = crawler.spider.run.config.obey_preferences
        return cls(crawler.settings["USER_AGENT"], obeys)

    def process_response(self, request: Request, response: Response) -> Response:
        trace: Trace | None = request.meta.get(META)
        if trace is None or response.status not in _REDIRECTS:
            return response
        said = HeaderPreferences.of(response.headers.getlist)
        trace.redirected = trace.redirected.then(said)
        refusal = said.refusal(self._agent)
        trace.preference = trace.preference or refusal
        if refusal is not None and self._obeys:
            raise opted_out(request.url, refusal)
        return response
