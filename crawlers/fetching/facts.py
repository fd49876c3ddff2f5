"""What is kept of an answer beside its bytes: columns of ``observations`` and ``unfetched``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from scrapy.http import Response

from crawlers.fetching.trace import Trace
from crawlers.preferences.headers import HeaderPreferences
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.text import storable


def facts_of(response: Response, trace: Trace, user_agent: str) -> dict[str, Any]:
    """Columns of a fetch that was answered."""
    meta = response.request.meta if response.request else {}
    address = None if meta.get("proxy") else response.ip_address
    return {
        "final_url": strip_secrets(response.url),
        "redirects": [strip_secrets(url) for url in meta.get("redirect_urls", [])],
        "http_status": response.status,
        "etag": header(response, "ETag"),
        "last_modified": header(response, "Last-Modified"),
        "content_type": header(response, "Content-Type"),
        "resolved_ip": str(address) if address else None,
        "attempts": trace.attempts,
        **facts_without_answer(trace, user_agent),
        **trace.redirected.then(HeaderPreferences.of(response.headers.getlist)).columns(),
    }


def facts_without_answer(trace: Trace, user_agent: str) -> dict[str, Any]:
    """Columns that there are without an answer, too."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"fetched_at": now, "user_agent": user_agent, **trace.columns()}


def header(response: Response, name: str) -> str | None:
    """A header's values, cut to what a table holds."""
    values = response.headers.getlist(name)
    return storable(", ".join(value.decode("latin-1") for value in values), 500)
