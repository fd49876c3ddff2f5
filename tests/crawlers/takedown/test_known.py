"""Crawls with a takedown list, before and after something is on it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from crawlers.crawl import CrawlSummary, crawl
from crawlers.ledger.ledger import Blob, CrawlLedger, open_ledger
from crawlers.observation import Key
from crawlers.takedown.entries import Entry
from crawlers.takedown.known import refuse_known
from crawlers.takedown.takedown import Takedown
from pipeline.engine.decoding.one_pass import hash_file
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, DecodeConfig, SourceConfig

COLUMNS = {
    "pack_id": "cats",
    "author": "Ann",
    "media_url": "https://a.org/1.gif",
    "page_url": "https://a.org/pages/1",
}
FACTS = {"final_url": "https://b.org/1.gif", "redirects": ["https://c.org/1.gif"]}


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    """A ledger of two observations with bytes: of Ann's pack, and of nobody's."""
    with open_ledger(tmp_path / "ledger.sqlite") as opened:
        for number, columns, facts in ((1, COLUMNS, FACTS), (2, {}, {})):
            key = Key("giphy", str(number), "cat", "")
            opened.note(key, 0, columns, True)
            blob = Blob(f"{number:064x}", "gif", 1, f"media/{number}", None)
            opened.record_blob(key, blob, facts)
        yield opened


def states(ledger: CrawlLedger) -> list[tuple[str, str | None]]:
    rows = ledger.connection.execute("SELECT state, error_class FROM observations ORDER BY 1")
    return [tuple(row) for row in rows]


ENTRIES = [
    ("sha256", f"{1:064x}"),
    ("pack", "cats"),
    ("pack", "giphy/cats"),
    ("author", "ann"),
    ("url", "//a.org/1.gif"),
    ("url", "//a.org/pages/*"),
    ("url", "//b.org/1.gif"),
    ("url", "//c.org/*"),
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_named_loses_its_bytes_and_gets_them_back(ledger, entry):
    takedown = Takedown([Entry(*entry, 2)])
    assert refuse_known(ledger, takedown)[0] == 1
    assert states(ledger) == [("ok", None), ("refused", "takedown")]
    assert refuse_known(ledger, takedown)[0] == 0
    other = Takedown([Entry("author", "nobody", 2), Entry(*entry, 3)])
    assert refuse_known(ledger, other)[0] == 0
    assert states(ledger) == [("ok", None), ("refused", "takedown")]
    assert refuse_known(ledger, Takedown()) == (0, 1)
    assert states(ledger) == [("ok", None), ("pending", None)]


def test_an_unchanged_list_is_not_applied_again(ledger, monkeypatch):
    takedown = Takedown([Entry("author", "nobody", 2), Entry("url", "//x.org/", 3)])
    assert refuse_known(ledger, takedown)[0] == 0
    monkeypatch.setattr(takedown, "objection_to_urls", lambda _: pytest.fail("it is asked"))
    assert refuse_known(ledger, takedown)[0] == 0


@pytest.fixture
def crawl_against(
    site: Any, config_for: Callable[..., CrawlConfig], workspace: Workspace, tmp_path: Path
) -> Callable[..., CrawlSummary]:
    """Crawls the replica with these entries on the list."""

    def run(*entries: tuple[str, str]) -> CrawlSummary:
        file = tmp_path / "list.jsonl"
        rows = (json.dumps({"kind": kind, "value": value}) for kind, value in entries)
        file.write_text("\n".join(rows) or "kind,value\n")
        return crawl(workspace, config_for(site, takedown=str(file)))

    return run


def shown(workspace: Workspace) -> list[str]:
    return sorted(workspace.read("observations")["source_id"].to_pylist())


def refused(workspace: Workspace) -> dict[str, str]:
    rows = workspace.read("unfetched").to_pylist()
    return {row["source_id"]: row["error"] for row in rows if row["error_class"] == "takedown"}


def test_a_crawl_asks_for_nothing_that_is_listed(site, bqb, crawl_against, workspace):
    pack, named = site.add("001A_猫BQB", "1.gif"), site.add("B", "猫.gif")
    taken, moved, there, kept = (site.add("B", f"{n}.gif") for n in range(4))
    alike = site.add("B", "drawn.gif", _drawn())
    site.answers[moved] = bqb.status(302, Location=f"{bqb.ROOT}/{there}")
    entries = (
        ("pack", "001A_猫BQB"),
        ("url", f"{site.url}{bqb.ROOT}/B/%E7%8C%AB.gif"),
        ("sha256", hashlib.sha256(site.files[taken]).hexdigest()),
        ("phash", _looks(site.files[alike])),
        ("url", f"{site.url}{bqb.ROOT}/{there}"),
    )
    crawl_against(*entries)
    assert sorted(site.media_requests()) == sorted([taken, alike, moved, there, kept])
    assert shown(workspace) == [kept]
    lines = {name: error.split()[1] for name, error in refused(workspace).items()}
    assert lines == {pack: "1", named: "2", taken: "3", alike: "4", moved: "5", there: "5"}
    assert [file.name for file in workspace.media.glob("*/*")] == [
        f"{hashlib.sha256(site.files[kept]).hexdigest()}.gif"
    ]
    site.requests.clear()
    crawl_against(*reversed(entries))
    assert site.media_requests() == []


def test_what_is_listed_later_leaves_the_tables_and_isnt_fetched_again(
    site, crawl_against, workspace
):
    names = [site.add("B", f"{number}.gif") for number in range(3)]
    crawl_against()
    assert shown(workspace) == names
    site.requests.clear()
    crawl_against(("url", f"{site.url}/*"))
    assert shown(workspace) == []
    assert set(refused(workspace)) == set(names)
    assert site.media_requests() == []
    crawl_against()
    assert shown(workspace) == names
    assert refused(workspace) == {}


def test_a_folder_is_held_against_the_list_too(workspace, folder, put, bqb, tmp_path):
    for number in range(3):
        put(f"{number}/{number}.gif", bqb.gif(number))
    list_ = tmp_path / "list.csv"
    list_.write_text(
        f"kind,value\nsha256,{hashlib.sha256(bqb.gif(1)).hexdigest()}\npack,folder/2\n"
    )
    source = SourceConfig(source="folder", options={"path": str(folder)})
    crawl(workspace, CrawlConfig(sources=[source], takedown=str(list_)))
    assert shown(workspace) == ["0/0.gif"]
    assert {name: error.split()[1] for name, error in refused(workspace).items()} == {
        "1/1.gif": "2",
        "2/2.gif": "3",
    }


def _drawn() -> bytes:
    drawn = Image.new("L", (60, 60), "white")
    ImageDraw.Draw(drawn).ellipse((5, 10, 40, 50), fill="black")
    file = io.BytesIO()
    drawn.save(file, "GIF")
    return file.getvalue()


def _looks(data: bytes) -> str:
    found = hash_file(data, "gif", DecodeConfig())
    assert found is not None
    return found[0].hex()
