"""HTTP/1.1 with keep-alive on asyncio, as little as a replica needs, and able to break off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

MOST_HEAD_BYTES = 64 * 1024
MOST_BODY_BYTES = 256 * 1024 * 1024
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class HttpRequest:
    """A request that came in whole; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """An answer and its delivery.

    whole, chunked (no length announced), cut (hangs up in mid body) or drop (hangs up at once).
    """

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = "application/json"
    delivery: str = "whole"

    def wire(self) -> bytes:
        """Everything that would go over the wire."""
        if self.delivery == "chunked":
            length = ("Transfer-Encoding", "chunked")
            body = b"".join(
                b"%x\r\n%s\r\n" % (len(piece), piece)
                for at in range(0, len(self.body), CHUNK_BYTES)
                if (piece := self.body[at : at + CHUNK_BYTES])
            )
            body += b"0\r\n\r\n"
        else:
            length, body = ("Content-Length", str(len(self.body))), self.body
        fields = (("Content-Type", self.kind), length, *self.headers)
        head = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in fields)
        return f"{head}\r\n".encode("latin-1") + body


Log = Callable[[bool], None]  # of whether the answer goes out whole; before its last byte does
Deliver = Callable[[Response, Log], Awaitable[None]]
Serve = Callable[[HttpRequest, Deliver], Awaitable[None]]


class Connection(asyncio.Protocol):
    """One client's connection: its requests, one after the other.

    ``serve`` is cancelled when the client leaves before its answer.
    """

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._buffer = bytearray()
        self._head: tuple[str, str, dict[str, str], int, int] | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._next()

    def _next(self) -> None:
        """Serve the next request if it is there whole."""
        if self._head is None and not self._read_head():
            return
        assert self._head is not None
        method, path, headers, start, end = self._head
        if len(self._buffer) < end:
            return
        body = bytes(memoryview(self._buffer)[start:end])
        del self._buffer[:end]
        self._head = None
        request = HttpRequest(method, path, headers, body)
        self._task = asyncio.get_running_loop().create_task(self._exchange(request))

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n", 0, MOST_HEAD_BYTES)
        if end < 0:
            if len(self._buffer) >= MOST_HEAD_BYTES:
                self._give_up(431)
            return False
        first, *lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        parts = first.split(" ")
        pairs = [line.partition(":") for line in lines]
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        length = headers.get("content-length", "0")
        if len(parts) != 3 or not (length.isascii() and length.isdigit()):
            self._give_up(400)
            return False
        if "transfer-encoding" in headers:
            self._give_up(411)
            return False
        if int(length) > MOST_BODY_BYTES:
            self._give_up(413)
            return False
        self._head = (parts[0], parts[1], headers, end + 4, end + 4 + int(length))
        if headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _give_up(self, status: int) -> None:
        self._buffer.clear()
        self._transport.write(Response(status, b"", (("Connection", "close"),)).wire())
        self._transport.close()

    async def _exchange(self, request: HttpRequest) -> None:
        await self._serve(request, self._deliver)
        self._task = None
        if request.headers.get("connection", "").lower() == "close":
            self._transport.close()
        if not self._transport.is_closing():
            self._next()

    async def _deliver(self, response: Response, log: Log) -> None:
        wire = response.wire()
        if response.delivery in ("cut", "drop"):
            if response.delivery == "cut":
                self._transport.write(wire[: len(wire) - len(response.body) // 2 - 1])
            log(False)
            self._transport.close()
            return
        if len(wire) > CHUNK_BYTES:
            self._transport.write(memoryview(wire)[:-1])
            await self._writable.wait()
            wire = wire[-1:]
        log(True)
        self._transport.write(wire)
