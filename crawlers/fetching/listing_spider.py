"""What spiders share: listing requests whose failure stops the source with one clear line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel
from scrapy import Request, Spider
from scrapy.exceptions import DownloadCancelledError
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from crawlers.fetching.failures import is_certificate, unreachable
from crawlers.fetching.middlewares.retry import TRANSIENT
from crawlers.fetching.source_run import SourceRun
from crawlers.fetching.trace import Postponed, Refused
from pipeline.engine.addresses import scrub, strip_secrets
from pipeline.engine.errors import StickerworksError

_MAX_BYTES = 256 * 1024 * 1024
_REFUSALS = frozenset({401, 403, 407, 429, 451})


class ListingSpider(Spider):
    """A spider that parses listings into Observations; the pipeline fetches their bytes.

    ``options`` are the source's own, checked; ``run`` is shared with pipeline and middlewares.
    A callback raises StickerworksError where the source refuses or answers nonsense.
    """

    options: BaseModel
    run: SourceRun

    def listing(self, url: str, callback: Callable[..., Any]) -> Request:
        """A request for a listing, which may be larger than any sticker."""
        return Request(
            url,
            callback=callback,
            errback=self.unreadable,
            dont_filter=True,
            meta={"download_maxsize": _MAX_BYTES},
        )

    def unreadable(self, failure: Failure) -> None:
        """Stop the source: a listing could not be had."""
        if self.run.error is None:
            request: Request = failure.request  # type: ignore[attr-defined]
            self.run.fail(_explain(request.url, failure.value))


def _explain(url: str, error: BaseException | None) -> StickerworksError:
    """One line for people, whatever kept us from a listing."""
    shown, host = strip_secrets(url), urlsplit(url).netloc.rpartition("@")[2]
    if isinstance(error, Postponed) and isinstance(error.__cause__, TRANSIENT):
        error = error.__cause__
    if isinstance(error, HttpError):
        return _status(shown, host, error.response.status)
    if isinstance(error, Refused):
        return _refused(shown, host, error)
    if type(error) is DownloadCancelledError:
        return StickerworksError(f"The listing at {shown} is larger than {_MAX_BYTES} bytes.")
    if isinstance(error, TRANSIENT) and is_certificate(error):
        return StickerworksError(
            f"The certificate of {host} isn't trusted: {scrub(str(error))}.",
            "Check the address and this machine's clock and certificates.",
        )
    if isinstance(error, TRANSIENT):
        return unreachable(url)
    return StickerworksError(f"The listing at {shown} could not be read: {scrub(str(error))}.")


def _status(shown: str, host: str, status: int) -> StickerworksError:
    if status in _REFUSALS:
        return StickerworksError(
            f"{host} refuses to list its stickers: {shown} answered {status}.",
            "Nothing fetched is lost. Set crawl.contact and try again later; don't force it.",
        )
    return StickerworksError(
        f"The listing at {shown} answered {status}.",
        "Check the source's options; if they are right, try again later.",
    )


def _refused(shown: str, host: str, error: Refused) -> StickerworksError:
    if error.error_class == "robots":
        return StickerworksError(
            f"robots.txt of {host} disallows the listing {shown}.",
            "Ask its owner, or take the source out of crawl.sources.",
        )
    said = error.error if error.host == host else f"{shown} could not be had: {error.error}"
    remedy = f"If this is meant, add {error.host} to crawl.allow_hosts."
    if error.error_class != "private_address":
        remedy = "Check the source's options; if they are right, tell the owner of that host."
    return StickerworksError(f"The listing at {said}.", remedy)
