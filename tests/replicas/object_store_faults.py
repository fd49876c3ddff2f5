"""A server between a client and an object store that misbehaves on demand.

Everything is passed on as it came, but for what ``fault`` does to a request.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes


Forward = Callable[[], Answer]
Fault = Callable[[str, str, Forward], Answer | None]
"""Takes method, path and what passes the request on; None closes the connection unanswered."""


@dataclass
class FaultyStore:
    """``url`` is for clients; ``requests`` are the methods and paths that came."""

    url: str
    fault: Fault = lambda method, path, forward: forward()
    requests: list[tuple[str, str]] = field(default_factory=list)


def refused(status: int, code: str) -> Answer:
    """The answer of a store that refuses."""
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return Answer(status, {"Content-Type": "application/xml"}, body)


@contextmanager
def between(store: str) -> Iterator[FaultyStore]:
    """Serve in front of the store at that URL."""
    faulty = FaultyStore("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            faulty.requests.append((self.command, self.path))
            answer = faulty.fault(self.command, self.path, lambda: _forward(store, self, body))
            if answer is None:
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _pass_on  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Tests say what they look at."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    faulty.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield faulty
    finally:
        server.shutdown()
        server.server_close()


def _forward(store: str, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(store).netloc, timeout=30)
    try:
        connection.request(request.command, request.path, body, dict(request.headers))
        answer = connection.getresponse()
        dropped = {"transfer-encoding", "connection"}
        if request.command != "HEAD":
            dropped.add("content-length")
        headers = {n: v for n, v in answer.getheaders() if n.lower() not in dropped}
        return Answer(answer.status, headers, answer.read())
    finally:
        connection.close()
