"""Downloads files of strangers: bounded in size, time and redirects, and at each host's pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from pipeline.engine.retry_after import retry_after_s
from schemas.config import CrawlConfig

REDIRECTS = 5
TAKEN_DOWN = "taken down", "it was taken down, or a takedown list names it"
"""Cause and detail of what is never asked for."""
LONGEST_REST_S = 300.0
"""A host that asks for a longer rest is left alone for the rest of the run."""
MOST_IN_A_ROW = 8
"""Files in a row that a host doesn't answer for, before it counts as unreachable."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_CAUSES = {401: "refused", 403: "refused", 404: "gone", 410: "gone", 451: "refused"}


@dataclass(frozen=True)
class Guard:
    """Which addresses may be asked: why one may not by its text (None where it may), and what
    looks names up and hands out public addresses alone, made within a running loop.

    ``taken_down`` says whether the bytes of an id, or what lies at one of the addresses, were.
    """

    objection: Callable[[str], str | None]
    resolver: Callable[[], AbstractResolver]
    taken_down: Callable[[str | None, Sequence[str]], bool] = lambda id_, urls: False


@dataclass(eq=False)
class Lost(Exception):  # noqa: N818 - an answer about a file
    """Why an address gave no file: gone, refused, changed, page, too large, unreachable, ...

    ``again`` says that the same address may give it later.
    """

    cause: str
    detail: str
    again: bool = False
    wait_s: float = 0.0


@dataclass
class _Host:
    """A host's pace: requests in flight, when the next may start, how many failed in a row."""

    slots: asyncio.Semaphore
    delay_s: float
    next_at: float = 0.0
    failed: int = 0
    left: Lost | None = None


class Downloader:
    """Gets files by their addresses within one event loop; use it as a context."""

    def __init__(self, settings: CrawlConfig, guard: Guard) -> None:
        self._settings = settings
        self._guard = guard
        self._hosts: dict[str, _Host] = {}
        contact = f" ({settings.contact})" if settings.contact else ""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=64, resolver=guard.resolver()),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": settings.user_agent + contact, "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=settings.timeout_s),
            auto_decompress=False,
        )

    async def __aenter__(self) -> Downloader:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._session.close()

    async def get(self, url: str) -> bytes:
        """The bytes at an address; Lost where they can't be had, after as many attempts as set."""
        attempt = 1
        while True:
            try:
                return await self._follow(url)
            except Lost as lost:
                if not lost.again or attempt >= self._settings.attempts:
                    raise
                if lost.wait_s > LONGEST_REST_S:
                    raise
                wait_s = lost.wait_s or float(2**attempt)
            attempt += 1
            await asyncio.sleep(wait_s)

    async def _follow(self, url: str) -> bytes:
        for _ in range(REDIRECTS + 1):
            if self._guard.taken_down(None, (url,)):
                raise Lost(*TAKEN_DOWN)
            why = self._guard.objection(url)
            if why is not None:
                raise Lost("never fetched", why)
            there = await self._ask(url)
            if isinstance(there, bytes):
                return there
            url = urljoin(url, there)
        raise Lost("redirects", f"more than {REDIRECTS} redirects")

    async def _ask(self, url: str) -> bytes | str:
        """The body of an answer, or where it leads."""
        host = self._host(url)
        async with host.slots:
            await self._turn(host)
            if host.left is not None:
                raise replace(host.left)
            try:
                answer = await self._answer(url)
            except Lost as lost:
                self._learn(host, lost)
                raise
            host.failed = 0
            return answer

    async def _answer(self, url: str) -> bytes | str:
        try:
            async with self._session.get(URL(url, encoded=True), allow_redirects=False) as answer:
                if answer.status in _REDIRECTS and answer.headers.get("Location"):
                    return answer.headers["Location"]
                _check_status(answer)
                return await self._body(answer)
        except TimeoutError:
            raise Lost(
                "unreachable", f"no answer within {self._settings.timeout_s:g} s", True
            ) from None
        except (ValueError, aiohttp.InvalidURL):
            raise Lost("never fetched", "the address can't be read") from None
        except aiohttp.ClientPayloadError:
            raise Lost("cut off", "the connection ended before the file did", True) from None
        except aiohttp.ClientError as error:
            raise Lost("unreachable", type(error).__name__, True) from None
        except OSError as error:
            raise Lost("unreachable", error.strerror or type(error).__name__, True) from None

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        most = self._settings.max_bytes
        if (answer.content_length or 0) > most:
            raise Lost("too large", f"it is larger than crawl.max_bytes, {most:,}")
        if answer.content_type in ("text/html", "application/xhtml+xml"):
            raise Lost("page", "a page is there, no file")
        pieces, size = [], 0
        async for piece in answer.content.iter_any():
            size += len(piece)
            if size > most:
                answer.close()
                raise Lost("too large", f"it is larger than crawl.max_bytes, {most:,}")
            pieces.append(piece)
        return b"".join(pieces)

    async def _turn(self, host: _Host) -> None:
        """Wait until the host may be asked: after the rest it asked for, and its own delay."""
        clock = asyncio.get_running_loop().time
        while (seconds := host.next_at - clock()) > 0 and host.left is None:
            await asyncio.sleep(seconds)
        host.next_at = clock() + host.delay_s

    def _learn(self, host: _Host, lost: Lost) -> None:
        if lost.wait_s > LONGEST_REST_S:
            host.left = Lost("asks to wait", f"the host asks for {lost.wait_s:,.0f} s of rest")
        elif lost.wait_s:
            now = asyncio.get_running_loop().time()
            host.next_at = max(host.next_at, now + lost.wait_s)
        host.failed = host.failed + 1 if lost.cause == "unreachable" else 0
        if host.failed >= MOST_IN_A_ROW:
            host.left = Lost("unreachable", f"{host.failed} requests in a row had no answer")

    def _host(self, url: str) -> _Host:
        name = host_of(url)
        if name not in self._hosts:
            own = self._settings.hosts.get(name)
            count = (own and own.concurrency) or self._settings.concurrency
            delay = self._settings.delay_s if own is None or own.delay_s is None else own.delay_s
            self._hosts[name] = _Host(asyncio.Semaphore(count), delay)
        return self._hosts[name]


def host_of(url: str) -> str:
    """Host and port of an address as they stand in it; "" where it can't be read."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _check_status(answer: aiohttp.ClientResponse) -> None:
    status = answer.status
    if status == 200:
        return
    wait_s = retry_after_s(answer.headers.get("Retry-After"), datetime.now(UTC)) or 0.0
    if status in _LATER:
        raise Lost("asks to wait" if status == 429 else "failing", f"it answered {status}", True,
                   wait_s)  # fmt: skip
    raise Lost(_CAUSES.get(status, "failing"), f"it answered {status}")
