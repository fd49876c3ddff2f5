"""A loopback replica of ChineseBQB on raw.githubusercontent.com that misbehaves on demand.

It serves the documented shape: an index whose entries name media beside it, by their decoded
paths. Everything it is asked is kept in ``requests``, with its moment in ``times``.
"""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

INDEX = "chinesebqb_github.json"
ROOT = "/zhaoolee/ChineseBQB/master"

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Replica:
    """What the site serves and how it misbehaves; change it while it runs."""

    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    robots: Answer | None = None
    robots_delay_s: float = 0.0
    answer_delay_s: float = 0.0
    extra_entries: list[object] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"
    most_at_once: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def index_url(self) -> str:
        return f"{self.scheme}://{self.host}{ROOT}/{INDEX}"

    def add(self, category: str, name: str, data: bytes | None = None) -> str:
        """List a sticker, with bytes of its own unless some are given; return its id."""
        item = f"{category}/{name}"
        self.files[item] = gif(len(self.files)) if data is None else data
        return item

    def media_requests(self) -> list[str]:
        """Ids of the media that were asked for, in order."""
        prefix = ROOT + "/"
        return [
            path[len(prefix) :]
            for path in self.requests
            if path.startswith(prefix) and not path.startswith(prefix + INDEX)
        ]

    def gap(self, item: str) -> float:
        """Seconds between the first two requests for this item."""
        times = (at for at, path in zip(self.times, self.requests, strict=True) if item in path)
        first = next(times)
        return next(times) - first

    def last(self, item: str) -> float:
        """POSIX time of the last request for this item."""
        times = [at for at, path in zip(self.times, self.requests, strict=True) if item in path]
        return times[-1] + time.time() - time.monotonic()

    def index(self) -> bytes:
        entries: list[object] = []
        for item in self.files:
            category, _, name = item.partition("/")
            url = f"https://raw.githubusercontent.com/zhaoolee/ChineseBQB/master/{item}"
            entries.append({"name": name, "category": category, "url": url})
        body = {"status": 1000, "info": "ChineseBQB", "data": entries + self.extra_entries}
        return json.dumps(body, ensure_ascii=True).encode()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = unquote(handler.path)
        with self._lock:
            self.requests.append(path)
            self.times.append(time.monotonic())
            self.headers.append(dict(handler.headers))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            self._choose(path)(handler)
        finally:
            with self._lock:
                self._now -= 1

    def _choose(self, path: str) -> Answer:
        if path == "/robots.txt":
            time.sleep(self.robots_delay_s)
            return self.robots or status(404)
        bare = path.removeprefix(ROOT + "/")
        if bare in self.answers:
            return self.answers[bare]
        if bare.partition("?")[0] == INDEX:
            return body(self.index(), "text/plain; charset=utf-8")
        if bare in self.files:
            time.sleep(self.answer_delay_s)
            return body(self.files[bare])
        return body(b"<!doctype html><title>404</title>", "text/html", 404)


def gif(number: int) -> bytes:
    """A real one-pixel GIF that no other number gives."""
    from PIL import Image

    out = io.BytesIO()
    image = Image.new("P", (1, 1))
    image.putpalette([number % 256, number // 256 % 256, number // 65536, *([0] * 765)])
    image.save(out, "GIF", comment=f"sticker {number}".encode())
    return out.getvalue()


def status(code: int, **headers: str) -> Answer:
    """Answers with a status and headers (``Retry_After`` becomes ``Retry-After``)."""
    return body(b"", "text/plain", code, **headers)


def body(
    data: bytes, kind: str = "application/octet-stream", code: int = 200, **headers: str
) -> Answer:
    """Answers with these bytes."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """Answers one after the other; the last one for good."""
    left = list(answers)
    lock = threading.Lock()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        with lock:
            now = left.pop(0) if len(left) > 1 else left[0]
        now(handler)

    return answer


def chunked(data: bytes, times: int) -> Answer:
    """Sends the bytes so many times in chunks, announcing no length."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        try:
            for _ in range(times):
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            handler.wfile.write(b"0\r\n\r\n")
        except OSError:
            handler.close_connection = True

    return answer


def endless(piece: bytes, head: bytes = b"HTTP/1.1 200 OK\r\n\r\n", most: int = 10**8) -> Answer:
    """Sends the head, then the piece again and again until the client hangs up.

    ``most`` bytes are sent, so that a client without a limit ends, too.
    """

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        with suppress(OSError):
            handler.wfile.write(head)
            for _ in range(most // len(piece)):
                handler.wfile.write(piece)

    return answer


def truncated(data: bytes) -> Answer:
    """Announces more bytes than it sends, then hangs up."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data) + 100))
        handler.end_headers()
        handler.wfile.write(data)
        handler.wfile.flush()
        handler.close_connection = True

    return answer


@contextmanager
def serving(replica: Replica, certificate: tuple[str, str] | None = None) -> Iterator[Replica]:
    """Serve on a free loopback port, over TLS where a certificate and its key are given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            replica.answer(self)

        def log_message(self, *args: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            return  # clients that hang up are part of the tests

    server = Server(("127.0.0.1", 0), Handler)
    if certificate is not None:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        replica.scheme = "https"
    replica.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield replica
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
