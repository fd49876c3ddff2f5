"""Listings that could not be had: one line for people, whatever kept us from them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from scrapy.exceptions import DownloadCancelledError

from crawlers.fetching.failures import is_certificate, unreachable
from crawlers.fetching.middlewares.retry import TRANSIENT
from crawlers.fetching.trace import Postponed, Refused
from crawlers.source import Answer, BadQueryError, RefusedError
from pipeline.engine.addresses import scrub, strip_secrets
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import storable

MAX_BYTES = 256 * 1024 * 1024
"""The largest listing that is read: an index may be larger than any sticker."""

_REFUSALS = frozenset({401, 403, 407, 429, 451})
_BAD_QUERIES = frozenset({400, 404, 410, 413, 414, 422})
_LONGEST_EXCERPT = 200
_LOOKED_AT = 64 * 1024
_LONGEST_KEY = 4096
_ASK = "Ask its owner, or take the source out of crawl.sources."
_LATER = "Nothing fetched is lost. Set crawl.contact and try again later; don't force it."


def refusal_of_status(
    answer: Answer, key: str | None, clean: Callable[[str], str] = str
) -> StickerworksError | None:
    """What a listing's status means; None when it can be read.

    A RefusedError stops the source, a BadQueryError costs one query. ``key`` is the environment
    variable of the source's key, where it needs one; ``clean`` takes its value out of texts.
    """
    if answer.status == 200:
        return None
    shown = strip_secrets(answer.url)
    host = urlsplit(answer.url).netloc.rpartition("@")[2]
    said = _excerpt(answer, clean)
    if answer.status in _REFUSALS:
        remedy = _LATER
        if key is not None and answer.status in (401, 403):
            remedy = f"Check the key in {key}: it may be wrong, expired or not allowed this."
        what = f"{host} refuses to list its stickers: {shown} answered {answer.status}{said}."
        return RefusedError(what, remedy)
    what = f"The listing at {shown} answered {answer.status}{said}."
    remedy = "Check the source's options; if they are right, try again later."
    kind = BadQueryError if answer.status in _BAD_QUERIES else StickerworksError
    return kind(what, remedy)


def refusal_of_exception(url: str, error: BaseException) -> StickerworksError:
    """What an exception on the way to a listing means; a RefusedError stops the source."""
    shown, host = strip_secrets(url), urlsplit(url).netloc.rpartition("@")[2]
    if isinstance(error, Postponed) and isinstance(error.__cause__, TRANSIENT):
        error = error.__cause__
    if isinstance(error, StickerworksError):
        return error
    if isinstance(error, Refused):
        return _refused(shown, host, error)
    if type(error) is DownloadCancelledError:
        return StickerworksError(f"The listing at {shown} is larger than {MAX_BYTES} bytes.")
    if isinstance(error, TRANSIENT) and is_certificate(error):
        return RefusedError(
            f"The certificate of {host} isn't trusted: {scrub(str(error))}.",
            "Check the address and this machine's clock and certificates.",
        )
    if isinstance(error, TRANSIENT):
        return unreachable(url)
    return StickerworksError(f"The listing at {shown} could not be read: {scrub(str(error))}.")


def _excerpt(answer: Answer, clean: Callable[[str], str]) -> str:
    """What the source says of its status, unless it's a page.

    Keys are taken out before anything is cut: nobody would find what is left of one.
    """
    kind = answer.headers.get("content-type", "").lower()
    if not kind.startswith(("application/json", "text/plain")):
        return ""
    text = clean(answer.body[:_LOOKED_AT].decode("utf-8", "replace"))
    if len(answer.body) > _LOOKED_AT:
        text = text[:-_LONGEST_KEY]  # where the cut may go through a key
    text = storable(scrub(" ".join(text.split())), _LONGEST_EXCERPT) or ""
    return f" ({text})" if text else ""


def _refused(shown: str, host: str, error: Refused) -> RefusedError:
    if error.error_class == "robots":
        return RefusedError(
            f"robots.txt of {host} disallows the listing {shown}.",
            _ASK,
        )
    if error.error_class == "opt_out":
        return RefusedError(f"{error.error}.", _ASK)
    said = error.error if error.host == host else f"{shown} could not be had: {error.error}"
    remedy = f"If this is meant, add {error.host} to crawl.allow_hosts."
    if error.error_class != "private_address":
        remedy = "Check the source's options; if they are right, tell the owner of that host."
    return RefusedError(f"The listing at {said}.", remedy)
