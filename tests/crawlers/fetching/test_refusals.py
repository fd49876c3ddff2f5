"""Hosts that refuse, vanish or can't be trusted: one clear line each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from scrapy.exceptions import IgnoreRequest

from crawlers.crawl import CrawlSummary
from crawlers.fetching.failures import failure_of_exception
from crawlers.fetching.middlewares.pace import Pace
from crawlers.fetching.source_run import SourceRun
from crawlers.fetching.trace import Postponed, Refused
from crawlers.ledger.ledger import LEDGER, open_ledger
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

Crawl = Callable[..., CrawlSummary]


def _refusals(site: Any, bqb: ModuleType) -> dict[str, tuple[dict[str, Any], Any, str]]:
    """Settings, the index's answer and the beginning of the one line that must come of them."""
    good = bqb.body(site.index(), "text/plain")
    return {
        "forbidden": ({}, bqb.status(403), f"{site.host} refuses to list its stickers"),
        "html": ({}, bqb.body(b"<html>", "text/html"), f"{site.index_url} is no index"),
        "not_allowed": ({"allow_hosts": []}, good, "The listing at "),
        "name": ({"index_url": "http://no.such.host.invalid/i.json"}, good,
                 "Could not reach no.such.host.invalid: no network? `make demo` works without"),
        "port": ({"index_url": "http://127.0.0.1:1/i.json", "allow_hosts": ["127.0.0.1"]}, good,
                 "Could not reach 127.0.0.1: no network?"),
    }  # fmt: skip


@pytest.mark.parametrize("case", ["forbidden", "html", "not_allowed", "name", "port"])
def test_a_listing_that_cannot_be_had_is_one_clear_line(
    site: Any, bqb: ModuleType, workspace: Workspace, crawl_site: Crawl, case: str
) -> None:
    settings, answer, line = _refusals(site, bqb)[case]
    site.add("A", "a.gif")
    site.answers[bqb.INDEX] = answer
    with pytest.raises(StickerworksError) as caught:
        crawl_site(site, **settings)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
    assert site.media_requests() == []
    assert not workspace.parts


def test_robots_txt_that_forbids_or_fails_stops_the_source(
    site: Any, bqb: ModuleType, crawl_site: Crawl
) -> None:
    site.add("A", "a.gif")
    site.robots = bqb.body(b"User-agent: *\nDisallow: /", "text/plain")
    with pytest.raises(StickerworksError, match="disallows the listing"):
        crawl_site(site)
    site.robots = bqb.status(500)
    with pytest.raises(StickerworksError, match="answered 500"):
        crawl_site(site, attempts=1)
    assert set(site.requests) == {"/robots.txt"}


def test_robots_txt_that_leads_to_a_private_address_names_that_address(
    site: Any, bqb: ModuleType, crawl_site: Crawl
) -> None:
    site.add("A", "a.gif")
    site.robots = bqb.status(302, Location="http://10.0.0.1:81/robots.txt")
    with pytest.raises(StickerworksError) as caught:
        crawl_site(site)
    assert f"{site.host}/robots.txt leads to another address: " in caught.value.message
    assert caught.value.remedy == "If this is meant, add 10.0.0.1:81 to crawl.allow_hosts."


def test_robots_txt_that_hides_behind_a_mark_or_has_no_end_lets_nothing_through(
    site: Any, bqb: ModuleType, workspace: Workspace, crawl_site: Crawl
) -> None:
    rules = b"\xef\xbb\xbfUser-agent: stickerworks\nDisallow: /\n"
    with ExitStack() as stack:
        hosts = {
            n: stack.enter_context(bqb.serving(bqb.Replica())) for n in ("bom", "endless", "ring")
        }
        hosts["bom"].robots = bqb.body(rules, "text/plain")
        hosts["endless"].robots = bqb.endless(b"# no end\n" * 7000)
        hosts["ring"].robots = bqb.status(302, Location=f"http://{hosts['ring'].host}/robots.txt")
        for name, host in hosts.items():
            location = f"http://{host.host}{bqb.ROOT}/a.gif"
            site.answers[site.add("A", f"{name}.gif")] = bqb.status(302, Location=location)
        crawl_site(site, allow_hosts=[site.host, *(host.host for host in hosts.values())])
        assert [host.media_requests() for host in hosts.values()] == [[], [], []]
    missed = {row["source_id"]: row for row in workspace.read("unfetched").to_pylist()}
    assert missed["A/bom.gif"]["error_class"] == "robots"
    unread = {name: missed[f"A/{name}.gif"]["error"].partition("read: ")[2] for name in hosts}
    assert unread["endless"] == "it is larger than 20000000 bytes"
    assert unread["ring"] == "max redirections reached"


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("403", "refuses our requests"),
        ("wait", "asks to wait longer"),
        ("clock set back since", "asks to wait longer"),
    ],
)
def test_a_host_that_refuses_is_left_alone_and_resumed_later(
    site: Any, bqb: ModuleType, workspace: Workspace, crawl_site: Crawl, answer: str, line: str
) -> None:
    refusal = bqb.status(403) if answer == "403" else bqb.status(429, Retry_After="90")
    for number in range(60):
        site.add("A", f"{number:02d}.gif")
        site.answers[f"A/{number:02d}.gif"] = refusal
    with pytest.raises(StickerworksError, match=line):
        crawl_site(site)
    assert len(site.media_requests()) < 45
    assert not workspace.parts
    site.answers.clear()
    if answer != "403":
        with open_ledger(workspace.root / LEDGER) as ledger:
            assert ledger.failures("chinesebqb").keys() == {"http_429"}
            until = 1 if answer == "wait" else time.time() + 30 * 86400
            ledger.connection.execute("UPDATE observations SET retry_at = ?", (until,))
    assert crawl_site(site).stickers == 60


def test_certificates_are_checked(
    bqb: ModuleType, tmp_path: Path, crawl_site: Crawl, self_signed: tuple[str, str]
) -> None:
    with (
        bqb.serving(bqb.Replica(), self_signed) as site,
        pytest.raises(StickerworksError, match="The certificate of 127.0.0.1"),
    ):
        crawl_site(site)


@pytest.fixture
def self_signed(tmp_path: Path) -> tuple[str, str]:
    """A certificate that nobody signed, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now - timedelta(days=1))
    builder = builder.not_valid_after(now + timedelta(days=1))
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = builder.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    paths = tmp_path / "certificate.pem", tmp_path / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(paths[0]), str(paths[1])


def test_a_password_in_an_option_is_refused_and_not_repeated(site: Any, crawl_site: Crawl) -> None:
    url = site.index_url.replace("http://", "http://bob:hunter2@")
    with pytest.raises(StickerworksError, match=r"options.index_url: .*user or password") as caught:
        crawl_site(site, index_url=url)
    assert "hunter2" not in str(caught.value)
    assert site.requests == []


@pytest.mark.parametrize("kind", [Refused, Postponed])
def test_what_a_middleware_says_of_an_address_is_scrubbed(kind: type[Refused | Postponed]) -> None:
    failure = failure_of_exception(
        kind("robots", "http://bob:hunter2@h/?api_key=hunter2 is closed")
    )
    assert "hunter2" not in failure.error


def test_a_contact_does_not_choose_the_group_in_robots_txt(
    site: Any, bqb: ModuleType, crawl_site: Crawl
) -> None:
    site.add("A", "a.gif")
    rules = b"User-agent: bing\nDisallow: /\n\nUser-agent: *\nAllow: /\n"
    site.robots = bqb.body(rules, "text/plain")
    assert crawl_site(site, contact="me@bing.com").stickers == 1
    site.robots = bqb.body(rules.replace(b"bing", b"stickerworks"), "text/plain")
    with pytest.raises(StickerworksError, match="disallows the listing"):
        crawl_site(site, contact="me@bing.com")


def test_a_run_that_stops_does_not_sit_out_a_crawl_delay() -> None:
    async def waited() -> float:
        run = SimpleNamespace(stopped=asyncio.Event())
        run.wait = lambda seconds: SourceRun.wait(run, seconds)  # type: ignore[arg-type]
        pace = Pace(run)  # type: ignore[arg-type]
        started = time.monotonic()
        await pace.turn("h", 60)
        waiting = [asyncio.create_task(pace.turn("h", 60)) for _ in range(3)]
        await asyncio.sleep(0.05)
        run.stopped.set()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(end, IgnoreRequest) for end in ends)
        return time.monotonic() - started

    assert asyncio.run(asyncio.wait_for(waited(), 10)) < 5
