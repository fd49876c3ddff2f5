"""What a failed fetch means: gone, refused, worth another try, or useless."""

from __future__ import annotations

from urllib.parse import urlsplit

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http import Response

from crawlers.fetching.downloads import HeadersTooLargeError
from crawlers.fetching.facts import header
from crawlers.fetching.middlewares.retry import RETRY_STATUSES, TRANSIENT
from crawlers.fetching.trace import Postponed, Refused
from crawlers.ledger.ledger import FetchFailure, State
from pipeline.engine.addresses import scrub
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import storable

_PAGES = 3  # crawls that must see a page instead of media before it is believed
_GONE = frozenset({404, 410})
_FORBIDDEN = frozenset({401, 403, 407, 451})
_MEANINGS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], State, str, str], ...] = (
    (HeadersTooLargeError, "failed", "headers_too_large", ""),
    (DownloadCancelledError, "failed", "too_large", "the file is larger than crawl.max_bytes"),
    (IgnoreRequest, "failed", "redirects", ""),
    (ResponseDataLossError, "retry_at", "truncated", "the connection ended before the file did"),
    (DownloadTimeoutError, "retry_at", "timeout", "the host took longer than crawl.timeout_s"),
    (CannotResolveHostError, "retry_at", "unresolved", ""),
    (TRANSIENT, "retry_at", "connection", ""),
    (ValueError, "failed", "bad_url", ""),
)


def failure_of_status(status: int) -> FetchFailure | None:
    """What a response's status means; None when its bytes can be used."""
    if status == 200:
        return None
    text = f"the host answered {status}"
    if status in _GONE:
        return FetchFailure("gone", f"http_{status}", text)
    if status in _FORBIDDEN:
        return FetchFailure("refused", f"http_{status}", text)
    if status in RETRY_STATUSES or status >= 500:
        return FetchFailure("retry_at", f"http_{status}", text)
    return FetchFailure("failed", f"http_{status}", text)


def failure_of_exception(error: Exception) -> FetchFailure:
    """What an exception on the way to a file means."""
    if isinstance(error, Refused | Postponed):
        state: State = "refused" if isinstance(error, Refused) else "retry_at"
        return FetchFailure(state, error.error_class, storable(scrub(error.error)) or state)
    text = storable(scrub(str(error)), 300) or type(error).__name__
    if isinstance(error, TRANSIENT) and is_certificate(error):
        return FetchFailure("retry_at", "certificate", text)
    if isinstance(error, IgnoreRequest) and "decompress" in text:
        return FetchFailure(
            "failed", "too_large", "unpacked, the file is larger than crawl.max_bytes"
        )
    for kind, state, error_class, meaning in _MEANINGS:
        if isinstance(error, kind):
            return FetchFailure(state, error_class, meaning or text)
    return FetchFailure("failed", "broken_response", f"{type(error).__name__}: {text}")


def is_certificate(error: Exception) -> bool:
    """Whether a connection failed because the host's certificate isn't trusted."""
    return "certificate" in str(error).lower()


def unreachable(url: str) -> StickerworksError:
    """The one line for a host that can't be reached."""
    return StickerworksError(
        f"Could not reach {urlsplit(url).hostname}: no network?", "`make demo` works without one."
    )


def failure_of_other_bytes(
    response: Response, last: FetchFailure | None, policy: str
) -> FetchFailure:
    """What an answer of bytes that are no media means; ``last`` is what came of it before.

    A page instead of media may be the sign-in page of a network, which says nothing of the file:
    it gets a policy that isn't ours, so that the next crawl asks again, until a few have seen it.
    """
    if not response.body:
        return FetchFailure("failed", "empty", "the answer has no bytes")
    claimed = header(response, "Content-Type") or "nothing"
    page = claimed.lower().startswith("text/html")
    error = f"the bytes are no media (they claim to be {claimed})"
    return FetchFailure(
        "failed", "not_media", error, policy=_page_policy(last, policy) if page else None
    )


def _page_policy(last: FetchFailure | None, policy: str) -> str | None:
    before = (last and last.policy) or ""
    pages = next((n for n in range(1, _PAGES) if before == f"{policy} pages={n}"), 0) + 1
    return f"{policy} pages={pages}" if pages < _PAGES else None
