"""Scrapy's download handler over aiohttp: every answer has an end, every address was checked.

Scrapy's own handler takes several times the processor's time for a small file, collects headers
without an end, and needs Twisted's reactor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http import Headers, Response
from yarl import URL

from crawlers.addresses import PORTS
from crawlers.fetching.middlewares.guard import host_of
from crawlers.fetching.resolver import CheckingResolver, PrivateNameError
from crawlers.fetching.source_run import SourceRun
from crawlers.fetching.trace import Refused

_MAX_HEADERS = 64 * 1024  # bytes; browsers stop at a few times that
_FRAMING = 8  # bytes that a chunked body may take for each of its own; a chunk of one takes six
_NOT_BY_ITSELF = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class HeadersTooLargeError(DownloadCancelledError):
    """A host sends headers, or what stands for them around a body, without an end."""


class CheckedHandler(BaseDownloadHandler):
    """Gets the answer to one request as it is: redirects and packed bodies are for middlewares.

    Certificates must be trusted. Headers end at 64 KiB, a body at ``download_maxsize`` bytes, and
    all of it within ``download_timeout`` seconds.
    """

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self._run: SourceRun = crawler.spider.run
        self._max_bytes: int = crawler.settings.getint("DOWNLOAD_MAXSIZE")
        self._timeout_s: float = crawler.settings.getfloat("DOWNLOAD_TIMEOUT")
        # Scrapy's slots limit what is in flight; two limits would only wait for each other.
        self._names = CheckingResolver.of(crawler.settings.getlist("ALLOW_HOSTS"))
        connector = aiohttp.TCPConnector(limit=0, resolver=self._names)
        capped: type[ResponseHandler] = _Capped
        connector._factory = partial(capped, asyncio.get_running_loop())
        self._session = aiohttp.ClientSession(
            connector=connector,
            response_class=_Answer,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_NOT_BY_ITSELF,
            # _Capped has the one limit; these would end a response without saying so.
            max_line_size=2 * _MAX_HEADERS,
            max_field_size=2 * _MAX_HEADERS,
            max_headers=_MAX_HEADERS,
        )

    async def download_request(self, request: Request) -> Response:
        meta = request.meta
        headers, for_proxy = _split_headers(request)
        timeout_s = meta.get("download_timeout", self._timeout_s)
        if self._run.stopped.is_set():
            # Cancelling who waits doesn't take a request out of Scrapy's queue.
            raise IgnoreRequest("the run ends")
        with _as_scrapy_says_it(request.url, timeout_s):
            if meta.get("proxy"):
                target = urlsplit(request.url)
                port = target.port or PORTS[target.scheme]
                await self._names.refuse_private(target.hostname or "", port)
            answer = await self._session.request(
                request.method,
                URL(request.url, encoded=True),
                data=request.body or None,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,
                proxy=meta.get("proxy"),
                proxy_headers=for_proxy,
            )
            async with answer:
                body = await _read(answer, meta.get("download_maxsize", self._max_bytes))
        peer = getattr(answer, "peer", None)
        return Response(
            request.url,
            answer.status,
            headers=Headers(answer.raw_headers),
            body=body,
            ip_address=ip_address(peer) if peer else None,
        )

    async def close(self) -> None:
        await self._session.close()


def _split_headers(request: Request) -> tuple[list[tuple[str, str]], dict[str, str] | None]:
    """Headers of the request, and those that open a tunnel through a proxy.

    Without a tunnel, the proxy reads its login from the request itself.
    """
    headers, for_proxy = [], None
    for name, values in request.headers.items():
        for value in values:
            pair = name.decode("latin-1"), value.decode("latin-1")
            if name == b"Proxy-Authorization" and request.url.startswith("https:"):
                for_proxy = dict([pair])
            else:
                headers.append(pair)
    return headers, for_proxy


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The body; DownloadCancelledError once it is, or says that it is, larger than allowed."""
    if (answer.content_length or 0) > most:
        answer.close()
        raise DownloadCancelledError(f"{answer.content_length} bytes are more than {most}")
    pieces, size = [], 0
    async for piece in answer.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > most:
            answer.close()
            raise DownloadCancelledError(f"more than {most} bytes came")
    return b"".join(pieces)


@contextmanager
def _as_scrapy_says_it(url: str, timeout_s: float) -> Iterator[None]:
    """Turn aiohttp's exceptions into those that Scrapy's middlewares and ours know."""
    try:
        yield
    except PrivateNameError as error:
        raise Refused("private_address", str(error), host_of(url)) from error
    except TimeoutError as error:
        raise DownloadTimeoutError(f"it took longer than {timeout_s:g} s") from error
    except aiohttp.InvalidURL as error:
        raise ValueError("the address can't be read") from error
    except aiohttp.ClientConnectorDNSError as error:
        raise CannotResolveHostError(f"DNS knows no {error.host}") from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise DownloadConnectionRefusedError(str(error.certificate_error)) from error
    except aiohttp.ClientConnectorError as error:
        raise DownloadConnectionRefusedError(str(error.os_error)) from error
    except aiohttp.ClientPayloadError as error:
        raise ResponseDataLossError("the connection ended before the body did") from error
    except aiohttp.ClientResponseError as error:
        raise DownloadFailedError(f"no HTTP: {error.message}") from error
    except aiohttp.ClientError as error:
        raise DownloadFailedError(str(error) or type(error).__name__) from error


class _Answer(aiohttp.ClientResponse):
    """A response that knows the address it came from, also when its connection is gone."""

    peer: str | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        if connection.transport is not None:
            self.peer = (connection.transport.get_extra_info("peername") or (None,))[0]
        return await super().start(connection)


class _Capped(ResponseHandler):
    """A connection that counts what comes beside bodies: status, 1xx, headers, chunks, trailers."""

    _received = 0
    _body: Any = None

    def set_response_params(self, **parameters: Any) -> None:
        self._received, self._body = 0, None
        super().set_response_params(**parameters)

    def feed_data(self, data: Any, size: int = 0) -> None:
        message, body = data
        if message.code >= 200:
            self._body = body
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        # Piece by piece, so that headers that come all at once end at the same size.
        for start in range(0, len(data), _MAX_HEADERS):
            piece = data[start : start + _MAX_HEADERS] if len(data) > _MAX_HEADERS else data
            self._received += len(piece)
            super().data_received(piece)
            body = self._body.total_bytes if self._body is not None else 0
            if self._received - _FRAMING * body > _MAX_HEADERS:
                self._give_up()
                return

    def _give_up(self) -> None:
        error = HeadersTooLargeError(f"the headers are larger than {_MAX_HEADERS} bytes")
        self.set_exception(error)
        if self._body is not None:
            self._body.set_exception(error)
        if self.transport is not None:
            self.transport.abort()
