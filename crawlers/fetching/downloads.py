"""Scrapy's download handler, with an end to the headers of a response."""

from __future__ import annotations

from typing import Any

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.exceptions import DownloadCancelledError, DownloadFailedError
from scrapy.http import Response
from twisted.python.failure import Failure
from twisted.web._newclient import HEADER, STATUS

_MAX_HEADERS = 64 * 1024  # bytes; browsers stop at a few times that


class HeadersTooLargeError(DownloadCancelledError):
    """A host sends headers without an end."""


class CappedHandler(HTTP11DownloadHandler):
    """Ends a response whose headers are larger than 64 KiB; Twisted would collect them for ever."""

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self._pool._factory = _capped(self._pool._factory)

    async def download_request(self, request: Request) -> Response:
        try:
            return await super().download_request(request)
        except DownloadFailedError as error:
            for reason in getattr(error.__cause__, "reasons", ()):
                if reason.check(HeadersTooLargeError):
                    raise reason.value from None
            raise


def _capped(factory: Any) -> Any:
    """The pool's factory, whose connections count what comes before a body."""

    class Factory(factory):  # type: ignore[misc]
        def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
            protocol = super().buildProtocol(addr)
            protocol.dataReceived = _Counted(protocol)
            return protocol

    return Factory


class _Counted:
    """``dataReceived`` of a connection; the status line, 1xx responses and headers all count."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._receive = protocol.dataReceived
        self._size = 0

    def __call__(self, data: bytes) -> None:
        if self._protocol._parser is not None:
            # Ours is the one limit: the parser's own drops the connection without a reason.
            self._protocol._parser.MAX_LENGTH = 2 * _MAX_HEADERS
        self._receive(data)
        parser = self._protocol._parser
        waiting = parser is not None and parser.state in (STATUS, HEADER)
        self._size = self._size + len(data) if waiting else 0
        if self._size > _MAX_HEADERS:
            error = HeadersTooLargeError(f"the headers are larger than {_MAX_HEADERS} bytes")
            self._protocol._disconnectParser(Failure(error))  # type: ignore[no-untyped-call]
            # A connection that is merely closed goes on reading over TLS.
            self._protocol.transport.abortConnection()
