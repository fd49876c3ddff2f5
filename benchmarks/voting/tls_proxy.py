"""A TLS proxy on loopback, as a team puts one before its server: it passes on what it gets."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CHUNK = 1 << 16


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


@contextmanager
def tls_proxy(certificate: Path, port: int, target: int) -> Iterator[None]:
    """Listen with TLS on ``port`` of loopback and pass everything on to ``target``."""
    loop, context = asyncio.new_event_loop(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, ssl.SSLError):
            while chunk := await source.read(_CHUNK):
                sink.write(chunk)
                await sink.drain()
        with suppress(ConnectionError, ssl.SSLError, RuntimeError):
            sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", port, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
