"""Hosts that send without an end, and what a crawl may hold of it."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from crawlers.crawl import CrawlSummary
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

Crawl = Callable[..., CrawlSummary]

START = b"HTTP/1.1 200 OK\r\n"
ENDLESS = {
    "lines": (START, b"X-Line: and another one\r\n" * 100),
    "line": (START + b"X-Line: ", b"a" * 4000),
    "folded": (START + b"X-Line: a\r\n", b" and on it goes\r\n" * 100),
    "status": (b"HTTP/1.1 200 ", b"OK and " * 1000),
    "informational": (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 100),
}


def test_headers_without_an_end_cost_their_file_alone(
    site: Any, bqb: ModuleType, workspace: Workspace, crawl_site: Crawl
) -> None:
    long_but_fine = {f"X_{number}": "a" * 1000 for number in range(30)}
    for name, (head, piece) in ENDLESS.items():
        item = site.add("A", f"{name}.gif")
        site.answers[item] = bqb.endless(piece, head, most=3_000_000)
    item = site.add("A", "good.gif")
    site.answers[item] = bqb.body(site.files[item], **long_but_fine)
    summary = crawl_site(site)
    assert (summary.stickers, summary.unfetched) == (1, {"headers_too_large": len(ENDLESS)})
    rows = workspace.read("unfetched").to_pylist()
    assert {row["attempts"] for row in rows} == {1}
    assert {row["error"] for row in rows} == {"the headers are larger than 65536 bytes"}


def test_endless_names_and_addresses_are_rows_and_never_sent(
    site: Any, bqb: ModuleType, workspace: Workspace, crawl_site: Crawl
) -> None:
    reports: list[str] = []
    deep: dict[str, Any] = {}
    for _ in range(700):
        deep = {"a": deep}
    site.add("A", "good.gif")
    name = {"name": "n" * 10_000_000 + ".gif", "category": "A"}
    note = {"name": "note.gif", "category": "A", "note": "x" * 10_000_000}
    site.extra_entries = [name, note, {"name": "deep.gif", "category": "A", "note": deep}]
    for item in ("A/note.gif", "A/deep.gif"):
        site.answers[item] = bqb.body(bqb.gif(7))
    site.add("A", "away.gif")
    location = f"http://{site.host}/{'a' * 9000}.gif"
    site.answers["A/away.gif"] = bqb.status(302, Location=location)
    summary = crawl_site(site, report=reports.append)
    assert (summary.stickers, summary.unfetched) == (2, {"too_long": 2})
    assert "chinesebqb: 3 observations say more than we keep; what was cut ends in …" in reports
    assert max(map(len, site.requests)) < 200
    errors = {row["source_id"][:8]: row["error"] for row in workspace.read("unfetched").to_pylist()}
    assert errors["A/nnnnnn"] == "its id has 10000006 characters, more than 4096"
    assert errors["A/away.g"].endswith("characters, more than 8000")
    records = {r["source_id"]: r["raw_json"] for r in workspace.read("observations").to_pylist()}
    assert "the record has " in records["A/note.gif"]
    assert "nested too deeply" in records["A/deep.gif"]
    ledger = workspace.root / "crawl" / "ledger.sqlite"
    assert ledger.stat().st_size < 200_000


def test_a_crawl_that_holds_too_much_is_stopped_with_one_clear_line(
    site: Any, crawl_site: Crawl
) -> None:
    site.add("A", "a.gif")
    with pytest.raises(StickerworksError) as caught:
        crawl_site(site, memory_mb=1)
    assert caught.value.message == "The crawl of chinesebqb held more than 1 MB and was stopped."
    assert "crawl.memory_mb" in caught.value.remedy
    assert crawl_site(site).stickers == 1
