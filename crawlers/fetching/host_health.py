"""Hosts that are gone or refuse us: they aren't asked for every file, and others still are."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from crawlers.fetching.failures import unreachable
from crawlers.fetching.middlewares.retry import MAX_WAIT_S
from crawlers.ledger.ledger import FetchFailure
from crawlers.observation import Key
from pipeline.engine.errors import StickerworksError

_UNREACHABLE = frozenset(
    {"unresolved", "connection", "timeout", "robots_unreachable", "tdmrep_unreachable"}
)
_STREAK = 20
_NO_NETWORK = 60  # files in a row, of any host, while not one was got

Lost = tuple[Key, FetchFailure]


@dataclass
class _Streak:
    """Failures of one kind in a row."""

    kind: str = ""
    lost: list[Lost] = field(default_factory=list)
    count: int = 0


class HostHealth:
    """Counts failures in a row by host.

    A host with too many is left alone for the rest of the run. Where no other host has given
    anything, that ends the source: ``add`` returns the error to stop with. Not so for a list of
    addresses (``many_hosts``), whose first hosts may all be gone.
    """

    def __init__(self, report: Callable[[str], None], many_hosts: bool = False) -> None:
        self._report = report
        self._many_hosts = many_hosts
        self._streaks: dict[str, _Streak] = {}
        self._left: dict[str, FetchFailure] = {}
        self._giving: set[str] = set()
        self._unreachable = 0

    def got(self, url: str) -> None:
        """A file was got from there."""
        host = _host(url)
        self._giving.add(host)
        self._streaks.pop(host, None)
        self._unreachable = 0

    def share(self, key: Key, failure: FetchFailure, url: str) -> None:
        """Note that a file that failed is listed once more: what becomes of it holds for both."""
        streak = self._streaks.get(_host(url))
        if streak is not None and streak.kind and streak.kind == _kind(failure):
            streak.lost.append((key, failure))

    def left_alone(self, url: str) -> FetchFailure | None:
        """Why this address isn't asked for in this run; None when it may be."""
        return self._left.get(_host(url))

    def add(
        self, key: Key, failure: FetchFailure, url: str, held: bool
    ) -> tuple[list[Lost], StickerworksError | None]:
        """Note a failure; what of its host to try again by the next crawl, and what ends this one.

        Files that are ``held`` all the same aren't to be tried again.
        """
        host, kind = _host(url), _kind(failure)
        if kind and host in self._left:  # it was asked before it was left alone
            return ([] if held else [(key, self._left[host])]), None
        self._unreachable = self._unreachable + 1 if kind == "unreachable" else 0
        streak = self._streaks.setdefault(host, _Streak())
        if kind != streak.kind:
            streak.kind, streak.lost, streak.count = kind, [], 0
        if kind:
            streak.count += 1
            streak.lost += [] if held else [(key, failure)]
        error = self._error(host, failure, streak)
        if error is None:
            if self._is_offline():
                return [], unreachable(url)
            return [], None
        again = [(key, _again(lost)) for key, lost in streak.lost]
        del self._streaks[host]
        first = host not in self._left
        why = f"after other files of {host}: {failure.error}"
        self._left[host] = replace(_again(failure), error=why, facts={})
        if not (self._many_hosts or self._giving - {host}):
            return again, error
        if first:
            self._report(f"{error.message} It is left alone for now; other hosts are not.")
        return again, None

    def _is_offline(self) -> bool:
        most = _NO_NETWORK * (10 if self._many_hosts else 1)
        return self._unreachable >= most and not self._giving

    def _error(self, host: str, failure: FetchFailure, streak: _Streak) -> StickerworksError | None:
        if failure.retry_at is not None and failure.retry_at - time.time() > MAX_WAIT_S:
            return StickerworksError(
                f"{host} asks to wait longer than {MAX_WAIT_S:.0f} s ({failure.error}).",
                "Nothing fetched is lost: run the same command again later.",
            )
        if streak.count < _STREAK:
            return None
        if streak.kind == "unreachable":
            return unreachable(f"http://{host}")
        return StickerworksError(
            f"{host} refuses our requests: {_STREAK} in a row ended with {failure.error_class}.",
            "Nothing fetched is lost. Set crawl.contact, raise crawl.delay_s or lower "
            "crawl.concurrency, and run the same command again later.",
        )


def _again(failure: FetchFailure) -> FetchFailure:
    return replace(failure, state="retry_at", retry_at=None)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _kind(failure: FetchFailure) -> str:
    if failure.error_class in _UNREACHABLE:
        return "unreachable"
    return "refusing" if failure.error_class in ("http_401", "http_403", "http_429") else ""
