"""What loopback replicas share: a server on a free port, what it was asked, ways to misbehave.

A replica of a source is a subclass of Site with a ``choose`` of its own, or a Site whose ``routes``
name answers by path.
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
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

Answer = Callable[[BaseHTTPRequestHandler], None]
S = TypeVar("S", bound="Site")


@dataclass
class Asked:
    """A request, its path decoded and without the query, which ``query`` has by name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Site:
    """A site on loopback; change what it serves while it runs.

    Everything it is asked is kept: ``requests`` (decoded path and query), ``asked``, and the
    moments in ``times``. ``answers`` by path go before what the site would say.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    routes: dict[str, Answer] = field(default_factory=dict)
    robots: Answer | None = None
    robots_delay_s: float = 0.0
    answer_delay_s: float = 0.0
    requests: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
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
    def url(self) -> str:
        """Address of the site, without a slash at its end."""
        return f"{self.scheme}://{self.host}"

    def gap(self, item: str) -> float:
        """Seconds between the first two requests for this item."""
        times = (at for at, path in zip(self.times, self.requests, strict=True) if item in path)
        first = next(times)
        return next(times) - first

    def last(self, item: str) -> float:
        """POSIX time of the last request for this item."""
        times = [at for at, path in zip(self.times, self.requests, strict=True) if item in path]
        return times[-1] + time.time() - time.monotonic()

    def choose(self, asked: Asked) -> Answer:
        """The answer to a request for which neither ``answers`` nor ``routes`` has one."""
        return not_found()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        length = int(handler.headers.get("Content-Length") or 0)
        query = {name: values[-1] for name, values in parse_qs(parts.query, True).items()}
        headers = dict(handler.headers)
        sent = handler.rfile.read(length)
        asked = Asked(handler.command, unquote(parts.path), query, headers, sent)
        with self._lock:
            self.requests.append(unquote(handler.path))
            self.asked.append(asked)
            self.times.append(time.monotonic())
            self.headers.append(headers)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            self._answer_to(unquote(handler.path), asked)(handler)
        finally:
            with self._lock:
                self._now -= 1

    def _answer_to(self, whole: str, asked: Asked) -> Answer:
        if asked.path == "/robots.txt":
            time.sleep(self.robots_delay_s)
            return self.robots or status(404)
        for known in (self.answers, self.routes):
            for name in (whole, asked.path):
                if name in known:
                    return known[name]
        return self.choose(asked)


def not_found() -> Answer:
    """A page that says so, as most sites have one."""
    return body(b"<!doctype html><title>404</title>", "text/html", 404)


def json_body(value: Any, code: int = 200, **headers: str) -> Answer:
    """Answers with this value as JSON."""
    return body(json.dumps(value).encode(), "application/json; charset=utf-8", code, **headers)


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
def serving(site: S, certificate: tuple[str, str] | None = None) -> Iterator[S]:
    """Serve on a free loopback port, over TLS where a certificate and its key are given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.answer(self)

        do_POST = do_PUT = do_GET  # noqa: N815 - the names that the server looks for

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
        site.scheme = "https"
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
