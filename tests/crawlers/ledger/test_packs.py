"""Packs hold the same bytes as single files, and a crawl goes on from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loopback_site import gif

from crawlers.crawl import CrawlSummary, crawl
from crawlers.ledger import packs
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, SourceConfig

Crawl = Callable[..., CrawlSummary]


@pytest.fixture
def pictures(site: Any) -> Any:
    for number in range(7):
        site.add("000Theme_主题0BQB", f"{number}.gif")
    return site


def bytes_in(workspace: Workspace) -> dict[str, bytes | None]:
    media = workspace.media_reader()
    return {row["id"]: media.read(row) for row in workspace.read("media").to_pylist()}


def packs_in(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in workspace.media.glob("*.pack"))


def test_bytes_that_were_fetched_lie_in_packs_alone(
    workspace: Workspace, tmp_path: Path, pictures: Any, config_for: Callable[..., CrawlConfig]
) -> None:
    single = Workspace(tmp_path / "single")
    crawl(single, config_for(pictures, shard_rows=3))
    crawl(workspace, config_for(pictures, shard_rows=3, pack_media=True))
    assert bytes_in(workspace) == bytes_in(single)
    rows = workspace.read("media").to_pylist()
    assert all(row["path"] is None for row in rows)
    assert [row["offset"] for row in rows[:2]] == [0, rows[0]["nbytes"]]
    assert len(packs_in(workspace)) == 3
    assert [path for path in workspace.media.glob("??/*") if path.is_file()] == []


def test_what_lies_in_a_pack_is_not_fetched_again(
    workspace: Workspace, pictures: Any, crawl_site: Crawl
) -> None:
    crawl_site(pictures, shard_rows=3, pack_media=True)
    before, known = packs_in(workspace), workspace.read("media")
    pictures.requests.clear()
    crawl_site(pictures, shard_rows=3, pack_media=True)
    assert pictures.media_requests() == []
    assert (packs_in(workspace), workspace.read("media")) == (before, known)


def test_new_stickers_of_a_shard_get_a_pack_of_their_own(
    workspace: Workspace, pictures: Any, crawl_site: Crawl
) -> None:
    crawl_site(pictures, limit=2, shard_rows=3, pack_media=True)
    first = packs_in(workspace)
    crawl_site(pictures, shard_rows=3, pack_media=True)
    assert set(first) < set(packs_in(workspace))
    assert [name[:16] for name in packs_in(workspace)] == [
        "part-00000-00000", "part-00000-00002", "part-00001-00000", "part-00002-00000",
    ]  # fmt: skip
    assert None not in bytes_in(workspace).values()


def test_a_pack_that_was_lost_is_fetched_and_packed_again(
    workspace: Workspace, pictures: Any, crawl_site: Crawl
) -> None:
    crawl_site(pictures, shard_rows=3, pack_media=True)
    before = bytes_in(workspace)
    (workspace.media / packs_in(workspace)[1]).unlink()
    pictures.requests.clear()
    crawl_site(pictures, shard_rows=3, pack_media=True)
    assert len(pictures.media_requests()) == 3
    assert bytes_in(workspace) == before


def test_a_pack_that_no_ledger_knows_is_removed(
    workspace: Workspace, pictures: Any, crawl_site: Crawl
) -> None:
    crawl_site(pictures, limit=1, shard_rows=3, pack_media=True)
    stray = workspace.media / "part-00000-00000-0123456789abcdef.pack"
    stray.write_bytes(b"of a crawl that was killed")
    crawl_site(pictures, limit=1, shard_rows=3, pack_media=True)
    assert not stray.exists()
    assert len(packs_in(workspace)) == 1


def test_files_of_a_folder_are_copied_into_packs(
    workspace: Workspace, folder: Path, put: Callable[[str, bytes], Path]
) -> None:
    source = SourceConfig(source="folder", options={"path": str(folder)})
    config = CrawlConfig(sources=[source], shard_rows=3, pack_media=True)
    data = [gif(number) for number in range(4)]
    for number, content in enumerate(data):
        put(f"猫/{number}.gif", content)
    crawl(workspace, config)
    assert sorted(bytes_in(workspace).values(), key=str) == sorted(data, key=str)
    (folder / "猫" / "0.gif").unlink()
    crawl(workspace, config)
    gone = [row for row in workspace.read("media").to_pylist() if row["pack"] is None]
    assert len(gone) == 1
    assert bytes_in(workspace)[gone[0]["id"]] is None
    put("猫/0.gif", data[0])
    crawl(workspace, config)
    assert None not in bytes_in(workspace).values()


def test_packs_have_a_largest_size(
    workspace: Workspace, pictures: Any, crawl_site: Crawl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "_PACK_BYTES", 1)
    crawl_site(pictures, shard_rows=3, pack_media=True)
    assert len(packs_in(workspace)) == 7
    assert None not in bytes_in(workspace).values()
