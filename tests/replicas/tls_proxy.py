"""A proxy with TLS on loopback: it keeps, rewrites or strips headers, as those of people do.

One request a connection. The certificate is its own, so clients must not verify it.
"""

from __future__ import annotations

import asyncio
import datetime
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Mode = Literal["keep", "rewrite", "strip"]
_STRIPPED = ("origin", "referer", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")


@contextmanager
def tls_proxy(target: int, mode: Mode, folder: Path) -> Iterator[int]:
    """Port of a proxy to the server at port ``target``.

    ``keep`` leaves Host as the client sent it, ``rewrite`` makes it the target's, ``strip`` also
    takes Origin, Referer and what proxies add.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> asyncio.Server:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await _pass_on(reader, writer, target, mode)
            finally:
                writer.close()

        return await asyncio.start_server(serve, "127.0.0.1", 0, ssl=_context(folder))

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


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


def _context(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "label.example.org")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "proxy.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
