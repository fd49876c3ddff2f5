"""The download handler, asked directly: where an answer ends, and what it says of a failure."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from types import ModuleType
from typing import Any

import pytest
from scrapy import Request
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.http import Response

from crawlers.fetching.downloads import HeadersTooLargeError
from crawlers.fetching.trace import Refused

Download = Callable[..., Response]
Downloading = Callable[..., Any]
Send = Callable[[Request], Awaitable[Response]]


def test_what_was_sent_comes_as_it_is(site: Any, bqb: ModuleType, download: Download) -> None:
    packed = gzip.compress(b"GIF89a" * 100)
    answer = bqb.body(packed, "image/gif", ETag='"1"', Content_Encoding="gzip")
    paths = []

    def noting(handler: BaseHTTPRequestHandler) -> None:
        paths.append(handler.path)
        answer(handler)

    site.answers["/a/b c"] = noting
    response = download(f"{site.url}/a%2Fb%20c?q=%E7%8C%AB&r=a+b", allow_hosts=[site.host])
    assert (response.status, response.body, str(response.ip_address)) == (200, packed, "127.0.0.1")
    assert response.headers[b"ETag"] == b'"1"'
    assert paths == ["/a%2Fb%20c?q=%E7%8C%AB&r=a+b"]


def test_a_body_is_sent_and_a_redirect_isnt_followed(
    site: Any, bqb: ModuleType, downloading: Downloading
) -> None:
    site.answers["/ask"] = bqb.status(302, Location="/elsewhere")
    headers = {"Content-Type": "application/json", "User-Agent": "me/1"}
    request = Request(f"{site.url}/ask", method="POST", body=b"{}", headers=headers)
    assert downloading(lambda send: send(request), allow_hosts=[site.host]).status == 302
    (asked,) = site.asked
    assert (asked.method, asked.body, asked.headers["User-Agent"]) == ("POST", b"{}", "me/1")
    assert asked.headers["Content-Type"] == "application/json"
    assert "Accept-Encoding" not in asked.headers


def _sends(*pieces: bytes, wait_s: float = 0.0) -> Callable[[BaseHTTPRequestHandler], None]:
    """Sends these bytes and hangs up."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        with suppress(OSError):
            for piece in pieces:
                handler.wfile.write(piece)
                time.sleep(wait_s)

    return answer


_START = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _START + b"Transfer-Encoding: chunked\r\n\r\n3\r\nGIF\r\n"


def _ends(bqb: ModuleType) -> dict[str, tuple[Any, type[Exception]]]:
    """Ways to go on and on, or to end too soon, and what becomes of each."""
    many = b"X-Line: and another one\r\n" * 100
    slow = [_START + b"Content-Length: 1000\r\n\r\n", *[b"G"] * 100]
    return {
        "slow body": (_sends(*slow, wait_s=0.05), DownloadTimeoutError),
        "slow headers": (_sends(_START, *[b"X: y\r\n"] * 100, wait_s=0.05), DownloadTimeoutError),
        "announced": (bqb.body(bytes(20_001)), DownloadCancelledError),
        "chunked": (bqb.chunked(bytes(4_000), 10), DownloadCancelledError),
        "endless": (bqb.endless(bytes(4_000)), DownloadCancelledError),
        "cut": (bqb.truncated(b"GIF"), ResponseDataLossError),
        "cut chunk": (_sends(_CHUNKED, b"10\r\nGIF"), ResponseDataLossError),
        "headers at once": (_sends(_START + 30 * many + b"\r\n"), HeadersTooLargeError),
        "trailers": (bqb.endless(many, _CHUNKED + b"0\r\n", most=3_000_000), HeadersTooLargeError),
        "a chunk's words": (bqb.endless(b"a" * 6000, _CHUNKED + b"3;b=", most=3_000_000),
                            HeadersTooLargeError),
        "no HTTP": (_sends(b"SSH-2.0-OpenSSH\r\n"), DownloadFailedError),
        "nothing": (_sends(), DownloadFailedError),
    }  # fmt: skip


def test_every_answer_ends(site: Any, bqb: ModuleType, downloading: Downloading) -> None:
    ends = _ends(bqb)
    site.answers |= {f"/{name}": answer for name, (answer, _) in ends.items()}

    async def work(send: Send) -> list[Any]:
        requests = [Request(f"{site.url}/{name.replace(' ', '%20')}") for name in ends]
        return await asyncio.gather(*map(send, requests), return_exceptions=True)

    found = downloading(work, allow_hosts=[site.host], max_bytes=20_000, timeout_s=1)
    assert {name: type(end) for name, end in zip(ends, found, strict=True)} == {
        name: kind for name, (_, kind) in ends.items()
    }


def test_small_chunks_are_no_headers_without_an_end(
    site: Any, bqb: ModuleType, download: Download
) -> None:
    site.answers["/a"] = bqb.chunked(b"G", 15_000)
    assert download(f"{site.url}/a", allow_hosts=[site.host]).body == b"G" * 15_000


def test_a_proxy_of_the_environment_is_used_and_told_its_password(
    site: Any, bqb: ModuleType, downloading: Downloading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://localhost:{site.port}")
    site.routes["/a.gif"] = bqb.body(b"GIF")
    request = Request(
        "http://cat.invalid/a.gif",
        meta={"proxy": f"http://localhost:{site.port}"},
        headers={"Proxy-Authorization": "Basic Ym9iOmh1bnRlcjI="},
    )
    assert downloading(lambda send: send(request)).body == b"GIF"
    (asked,) = site.asked
    assert asked.headers["Host"] == "cat.invalid"
    assert asked.headers["Proxy-Authorization"] == "Basic Ym9iOmh1bnRlcjI="


@pytest.mark.parametrize("written", ["http://127.0.0.1:{0}", "bob:hunter2@127.0.0.1:{0}"])
def test_a_proxy_may_be_private_and_written_without_a_scheme(
    site: Any,
    bqb: ModuleType,
    downloading: Downloading,
    monkeypatch: pytest.MonkeyPatch,
    written: str,
) -> None:
    monkeypatch.setenv("http_proxy", written.format(site.port).replace("127.0.0.1", "localhost"))
    site.routes["/a.gif"] = bqb.body(b"GIF")
    _, proxy = HttpProxyMiddleware().proxies["http"]
    request = Request("http://cat.invalid/a.gif", meta={"proxy": proxy})
    assert downloading(lambda send: send(request)).body == b"GIF"


def test_hosts_without_a_proxy_are_not_allowed_for_that(
    site: Any, bqb: ModuleType, download: Download, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", f"cat.example,{site.host}")
    monkeypatch.setattr(socket, "getaddrinfo", _loopback)
    with pytest.raises(Refused, match="cat.example resolves to the private address"):
        download("http://cat.example/a.gif")


def test_a_name_that_is_private_here_is_not_asked_for_through_a_proxy(
    site: Any, bqb: ModuleType, download: Download, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", site.url)
    monkeypatch.setattr(socket, "getaddrinfo", _loopback)
    with pytest.raises(Refused, match="cat.example resolves to the private address"):
        download("http://cat.example/a.gif", {"proxy": site.url})
    assert site.requests == []
    site.routes["/a.gif"] = bqb.body(b"GIF")
    for allowed in ("cat.example", "cat.example:80"):
        got = download("http://cat.example/a.gif", {"proxy": site.url}, allow_hosts=[allowed])
        assert got.body == b"GIF"


def _loopback(host: str, port: int, *rest: Any, **more: Any) -> list[tuple[Any, ...]]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://no.such.host.invalid/", CannotResolveHostError),
        ("http://127.0.0.1:1/", DownloadConnectionRefusedError),
    ],
)
def test_who_cannot_be_reached(url: str, kind: type[Exception], download: Download) -> None:
    with pytest.raises(kind):
        download(url, allow_hosts=["127.0.0.1"])
