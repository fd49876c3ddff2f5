"""However a private address is written or hidden, nothing is asked there; a canary listens."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from ipaddress import ip_address
from types import ModuleType
from typing import Any

import pytest
from scrapy import Request
from scrapy.http import Response

from crawlers.addresses import is_public
from crawlers.crawl import CrawlSummary
from crawlers.fetching import resolver
from crawlers.fetching.trace import Refused
from pipeline.engine.workspace import Workspace

Download = Callable[..., Response]
Downloading = Callable[..., Any]
Send = Callable[[Request], Awaitable[Response]]

FORMS = [
    "localhost",
    "LOCALHOST.",
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "127。0。0。1",
    "１２７.0.0.1",
    "%31%32%37.0.0.1",
    "0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "bob:hunter2@127.0.0.1",
    "example.com@127.0.0.1",
]
"""Ways to write an address of this machine."""

RESOLVED = [
    ["127.0.0.1"],
    ["8.8.8.8", "127.0.0.1"],
    ["10.0.0.1"],
    ["169.254.169.254"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["64:ff9b::7f00:1"],
    ["fe80::1%lo"],
]
"""What the name of a stranger may turn out to be."""


@pytest.fixture
def canary(bqb: ModuleType) -> Iterator[Any]:
    """A site on loopback that nobody was allowed to ask."""
    with bqb.serving(bqb.Replica()) as replica:
        replica.routes["/a.gif"] = bqb.body(bqb.gif(1))
        yield replica
        assert replica.requests == []


@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_a_private_address_is_asked(form: str, canary: Any, download: Download) -> None:
    with pytest.raises(Refused) as caught:
        download(f"http://{form}:{canary.port}/a.gif")
    assert caught.value.error_class in ("private_address", "userinfo")
    assert "hunter2" not in caught.value.error


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/a", "data:,GIF"])
def test_other_kinds_of_addresses_are_refused(url: str, download: Download) -> None:
    with pytest.raises(Refused) as caught:
        download(url)
    assert caught.value.error_class == "scheme"


@pytest.mark.parametrize("addresses", RESOLVED)
def test_a_name_that_turns_out_to_be_private_is_refused(
    addresses: list[str], canary: Any, download: Download, names: dict[str, list[list[str]]]
) -> None:
    names["cat.example"] = [addresses]
    with pytest.raises(Refused, match="cat.example resolves to the private address") as caught:
        download(f"http://cat.example:{canary.port}/a.gif")
    assert caught.value.host == f"cat.example:{canary.port}"


def test_a_name_that_changes_its_answer_gains_nothing(
    canary: Any,
    downloading: Downloading,
    names: dict[str, list[list[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is checked is what is connected to: one look-up for both, and a new one is new."""
    public = ip_address("127.0.0.2")  # stands for the internet, which tests can't reach
    monkeypatch.setattr(resolver, "is_public", lambda a: a == public or is_public(a))
    names["cat.example"] = [["127.0.0.2"], ["127.0.0.1"]]
    url, asked = f"http://cat.example:{canary.port}/a.gif", []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nGIF")
        writer.close()

    async def work(send: Send) -> None:
        monkeypatch.setattr("aiohttp.connector._DNSCacheTable.expired", lambda self, key: True)
        server = await asyncio.start_server(serve, "127.0.0.2", canary.port)
        async with server:
            first = await send(Request(url))
            assert (first.body, str(first.ip_address)) == (b"GIF", "127.0.0.2")
            assert len(names["cat.example"]) == 1
            with pytest.raises(Refused, match="private address 127.0.0.1"):
                await send(Request(url))

    downloading(work)
    assert len(asked) == 1


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Answers of the system's resolver by name, one after the other."""
    answers: dict[str, list[list[str]]] = {}

    def look_up(host: str, port: int, *rest: Any, **more: Any) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for address in answers[host].pop(0):
            wide = ":" in address
            family = socket.AF_INET6 if wide else socket.AF_INET
            place = (address, port, 0, 0) if wide else (address, port)
            found.append((family, socket.SOCK_STREAM, 6, "", place))
        return found

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return answers


def test_loopback_is_asked_where_it_is_allowed_by_name(
    site: Any, bqb: ModuleType, download: Download
) -> None:
    site.routes["/a.gif"] = bqb.body(b"GIF")
    for allowed in (site.host, "127.0.0.1"):
        assert download(f"{site.url}/a.gif", allow_hosts=[allowed]).body == b"GIF"
    for refused in ("127.0.0.1:1", "localhost", ""):
        with pytest.raises(Refused):
            download(f"{site.url}/a.gif", allow_hosts=[refused])
    named = f"http://localhost:{site.port}/a.gif"
    assert download(named, allow_hosts=["localhost"]).body == b"GIF"
    assert len(site.requests) == 3


def test_no_redirect_leads_to_a_private_address(
    site: Any,
    canary: Any,
    bqb: ModuleType,
    workspace: Workspace,
    crawl_site: Callable[..., CrawlSummary],
) -> None:
    urls = [f"http://{form}:{canary.port}/a.gif" for form in FORMS] + ["file:///etc/hostname"]
    for number, url in enumerate(urls):
        item = site.add("A", f"{number}.gif")
        quoted = url.encode("idna" if "。" in url else "utf-8").decode("latin-1")
        site.answers[item] = bqb.status(302, Location=quoted)
    site.add("A", "good.gif")
    assert crawl_site(site).stickers == 1
    rows = {row["source_id"]: row for row in workspace.read("unfetched").to_pylist()}
    assert len(rows) == len(urls)
    found = {row["error_class"] for row in rows.values()}
    assert found <= {"private_address", "userinfo", "bad_url", "http_302"}
