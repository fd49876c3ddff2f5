"""The demo's site: a drawn collection on loopback, in the shape of the real source."""

from __future__ import annotations

import errno
import hashlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pipeline.demo.collection import INDEX_NAME, PREFIX, build_index
from pipeline.demo.concepts import PRIVATE_PACK
from pipeline.demo.expected import TRUTH_FILE, read_expected
from pipeline.demo.planted_files import HTML_PAGE
from pipeline.engine.errors import StickerworksError

HOST = "127.0.0.1"
# Fixed, so that what a crawl stores of the headers doesn't depend on when the demo ran.
_LAST_MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT"
_HTML = "text/html; charset=utf-8"
_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}


@dataclass(frozen=True)
class Site:
    """A running site: ``http://127.0.0.1:<port>``, without a slash at its end."""

    base_url: str
    port: int


@contextmanager
def serve(folder: Path, port: int = 0, *, strict: bool = False) -> Iterator[Site]:
    """Serve a drawn collection while the block runs; port 0 takes any free one.

    A port that is taken gives way to a free one, or raises StickerworksError when ``strict``.
    """
    stickers = read_expected(folder / TRUTH_FILE)
    server = _bind(port, strict)
    site = Site(f"http://{HOST}:{server.server_port}", server.server_port)
    server.folder = folder
    server.index = build_index(stickers, site.base_url)
    # Only what the index lists is served: no path of a request ever reaches the file system.
    server.cases = {sticker.path: sticker.case for sticker in stickers}
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class _Answer:
    """Body and Content-Type of a page, and its status."""

    status: int
    content_type: str
    body: bytes


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    folder: Path
    index: bytes
    cases: dict[str, str]

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A crawler that closes a response early, as it does over a size limit, is no error.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "stickerworks-demo"
    sys_version = ""
    server: _Server

    def do_GET(self) -> None:
        self._send(_answer(self.server, unquote(urlsplit(self.path).path)))

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *args: Any) -> None:
        """Quiet: the crawl reports what it fetched."""

    def _send(self, answer: _Answer) -> None:
        etag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
        if answer.status == 200 and self.headers.get("If-None-Match") == etag:
            answer = _Answer(304, answer.content_type, b"")
        self.send_response(answer.status)
        if answer.status != 404:
            self.send_header("ETag", etag)
            self.send_header("Last-Modified", _LAST_MODIFIED)
        if answer.status != 304:
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


def _answer(server: _Server, path: str) -> _Answer:
    if path == "/robots.txt":
        rules = f"User-agent: *\nDisallow: {PREFIX}/{PRIVATE_PACK.number:03d}\n"
        return _Answer(200, "text/plain; charset=utf-8", rules.encode())
    if path == f"{PREFIX}/{INDEX_NAME}":
        return _Answer(200, "text/plain; charset=utf-8", server.index)
    item = path.removeprefix(f"{PREFIX}/")
    case = server.cases.get(item)
    if case == "folder_entry":
        return _Answer(200, _HTML, HTML_PAGE)
    if case is None or case == "missing":
        return _Answer(404, _HTML, b"<h1>404: Not Found</h1>\n")
    # By extension alone, as hosts do it: HTML that is called .gif goes out as image/gif.
    kind = _TYPES.get(item.rpartition(".")[2], "application/octet-stream")
    return _Answer(200, kind, (server.folder / item).read_bytes())


def _bind(port: int, strict: bool) -> _Server:
    try:
        return _Server((HOST, port), _Handler)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        if strict:
            raise StickerworksError(
                f"Port {port} of {HOST} can't be used: {error.strerror}.",
                "Stop what uses it, or choose another port.",
            ) from error
        return _Server((HOST, 0), _Handler)
