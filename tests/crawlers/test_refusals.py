"""Hosts that refuse, vanish or can't be trusted: one clear line each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from crawlers.crawl import CrawlSummary
from crawlers.ledger import LEDGER, open_ledger
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
    assert not workspace.tables.exists()


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


@pytest.mark.parametrize(
    ("answer", "line"), [("403", "refuses our requests"), ("wait", "asks to wait longer")]
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
    assert not workspace.tables.exists()
    site.answers.clear()
    if answer == "wait":
        with open_ledger(workspace.root / LEDGER) as ledger:
            assert ledger.misses("chinesebqb").keys() == {"http_429"}
            ledger.connection.execute("UPDATE sightings SET retry_at = 1")
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
