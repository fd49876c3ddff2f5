"""What a failed fetch means: gone, refused, worth another try, or useless."""

from __future__ import annotations

import time
from dataclasses import replace
from urllib.parse import urlsplit

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)

from crawlers.fetching.downloads import HeadersTooLargeError
from crawlers.fetching.middlewares.retry import MAX_WAIT_S, RETRY_STATUSES, TRANSIENT
from crawlers.fetching.trace import Postponed, Refused
from crawlers.ledger.ledger import FetchFailure, State
from crawlers.observation import Key
from pipeline.engine.addresses import scrub
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import storable

_GONE = frozenset({404, 410})
_FORBIDDEN = frozenset({401, 403, 407, 451})
_STREAK = 20
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


class Streak:
    """Counts failures in a row: a host that is gone or refuses us isn't asked for every file."""

    def __init__(self) -> None:
        self._kind = ""
        self._failures: list[tuple[Key, FetchFailure]] = []

    def clear(self) -> None:
        """A file was got."""
        self._failures = []

    def add(self, key: Key, failure: FetchFailure, url: str) -> StickerworksError | None:
        """Note a failure; the error to stop with, when there were too many of one kind."""
        kind = _kind(failure)
        if kind != self._kind or not kind:
            self._failures, self._kind = [], kind
        if kind:
            self._failures.append((key, failure))
        host = urlsplit(url).hostname
        if failure.retry_at is not None and failure.retry_at - time.time() > MAX_WAIT_S:
            return StickerworksError(
                f"{host} asks to wait longer than {MAX_WAIT_S:.0f} s ({failure.error}).",
                "Nothing fetched is lost: run the same command again later.",
            )
        if len(self._failures) < _STREAK:
            return None
        if kind == "unreachable":
            return unreachable(url)
        return StickerworksError(
            f"{host} refuses our requests: {_STREAK} in a row ended with {failure.error_class}.",
            "Nothing fetched is lost. Set crawl.contact, raise crawl.delay_s or lower "
            "crawl.concurrency, and run the same command again later.",
        )

    def to_retry(self) -> list[tuple[Key, FetchFailure]]:
        """The files of the streak, to be tried again by the next crawl."""
        return [
            (key, replace(failure, state="retry_at", retry_at=None))
            for key, failure in self._failures
        ]


def _kind(failure: FetchFailure) -> str:
    if failure.error_class in ("unresolved", "connection", "timeout", "robots_unreachable"):
        return "unreachable"
    return "refusing" if failure.error_class in ("http_401", "http_403", "http_429") else ""
