"""A TLS proxy on loopback, as a team puts one before its server."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

_CHUNK = 1 << 16
_STRIPPED = ("origin", "referer", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")

Mode = Literal["pass", "keep", "rewrite", "strip"]


@contextmanager
def tls_proxy(certificate: Path, target: int, port: int = 0, mode: Mode = "pass") -> Iterator[int]:
    """The port (any free one for 0) of a proxy with TLS to the server at port ``target``.

    ``pass`` hands on bytes as they are. The others read requests, one a connection: ``keep`` leaves
    Host as the client sent it, ``rewrite`` makes it the target's, ``strip`` also takes Origin,
    Referer and what proxies add.
    """
    loop, context = asyncio.new_event_loop(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if mode == "pass":
                await _pump_both(reader, writer, target)
            else:
                await _pass_on(reader, writer, target, mode)
        finally:
            writer.close()

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", port, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def make_certificate(folder: Path) -> Path:
    """A certificate for localhost that signs itself; its key lies beside it as ``.key``."""
    path = folder / "localhost.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        [*command, "-keyout", path.with_suffix(".key"), "-out", path],
        check=True,
        capture_output=True,
    )
    return path


async def _pump_both(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int
) -> None:
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", target)
    await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while chunk := await source.read(_CHUNK):
            sink.write(chunk)
            await sink.drain()
    with suppress(ConnectionError, ssl.SSLError, RuntimeError):
        sink.close()


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int, mode: Mode
) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").removesuffix("\r\n\r\n")
    first, *lines = head.split("\r\n")
    pairs = [line.partition(": ")[::2] for line in lines]
    length = sum(int(value) for name, value in pairs if name.lower() == "content-length")
    pairs = [(name, value) for name, value in pairs if name.lower() != "connection"]
    if mode != "keep":
        pairs = [(name, value) for name, value in pairs if name.lower() != "host"]
        pairs.append(("Host", f"127.0.0.1:{target}"))
    if mode == "strip":
        pairs = [(name, value) for name, value in pairs if name.lower() not in _STRIPPED]
    else:
        pairs.append(("X-Forwarded-Proto", "https"))
    sent = "\r\n".join([first, *(f"{name}: {value}" for name, value in pairs), "Connection: close"])
    there, onward = await asyncio.open_connection("127.0.0.1", target)
    onward.write(f"{sent}\r\n\r\n".encode("latin-1") + await reader.readexactly(length))
    await onward.drain()
    while piece := await there.read(65536):
        writer.write(piece)
    await writer.drain()
    onward.close()
