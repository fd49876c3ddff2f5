"""Folders that change between crawls: the tables follow what lies there now."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback_site import gif

from crawlers.crawl import CrawlSummary, crawl
from crawlers.ledger.ledger import LEDGER, Blob, open_ledger
from crawlers.local.files import Visited, note_missing
from crawlers.observation import Key, Observation, columns_of
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, SourceConfig

Crawl = Callable[..., CrawlSummary]
Put = Callable[[str, bytes], Path]


def _id(number: int) -> str:
    return hashlib.sha256(gif(number)).hexdigest()


def _paths(workspace: Workspace) -> dict[str, str | None]:
    return {row["id"]: row["path"] for row in workspace.read("media").to_pylist()}


def _queries(workspace: Workspace) -> dict[str, str]:
    return {row["id"]: row["query"] for row in workspace.read("observations").to_pylist()}


def test_a_deleted_file_is_listed_as_missing_and_comes_back(
    workspace: Workspace, put: Put, crawl_folder: Crawl
) -> None:
    path = put("cat/a.gif", gif(1))
    put("cat/b.gif", gif(2))
    crawl_folder()
    path.unlink()
    assert crawl_folder().unfetched == {"missing": 1}
    assert _paths(workspace)[_id(1)] is None
    assert _queries(workspace) == {_id(2): "cat"}
    put("cat/a.gif", gif(1))
    assert crawl_folder().unfetched == {}
    assert _paths(workspace)[_id(1)] == str(path)


def test_files_that_swap_names_are_read_at_their_new_ones(
    workspace: Workspace, folder: Path, put: Put, crawl_folder: Crawl
) -> None:
    one, other = put("a.gif", gif(1)), put("b.gif", gif(2))
    crawl_folder()
    put("a.gif", gif(2))
    put("b.gif", gif(1))
    crawl_folder()
    assert _paths(workspace) == {_id(1): str(other), _id(2): str(one)}


def test_an_edited_file_leaves_a_row_without_path_and_a_new_sticker(
    workspace: Workspace, put: Put, crawl_folder: Crawl
) -> None:
    path = put("a.gif", gif(1))
    crawl_folder()
    put("a.gif", gif(2))
    crawl_folder()
    assert _paths(workspace) == {_id(1): None, _id(2): str(path)}


def test_a_renamed_folder_is_the_only_keyword(
    workspace: Workspace, folder: Path, put: Put, crawl_folder: Crawl
) -> None:
    put("cat/a.gif", gif(1))
    crawl_folder()
    (folder / "cat").rename(folder / "kitten")
    assert crawl_folder().unfetched == {"missing": 1}
    rows = workspace.read("observations").to_pylist()
    assert [row["query"] for row in rows] == ["kitten"]
    assert _paths(workspace) == {_id(1): str(folder / "kitten" / "a.gif")}


def test_a_crawl_cut_short_gives_up_only_what_is_certainly_gone(
    workspace: Workspace, put: Put, crawl_folder: Crawl
) -> None:
    put("a.gif", gif(1))
    put("b.gif", gif(2))
    path = put("c.gif", gif(3))
    crawl_folder()
    path.unlink()
    assert crawl_folder(limit=1).unfetched == {"missing": 1}
    assert set(_queries(workspace)) == {_id(1), _id(2)}


def test_a_folder_that_cannot_be_read_takes_nothing_away(
    workspace: Workspace, put: Put, crawl_folder: Crawl, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.gif", gif(1))
    put("cat/b.gif", gif(2))
    crawl_folder()
    listdir = os.listdir

    def refused(path: Path) -> list[str]:
        if path.name == "cat":
            raise PermissionError(13, "Permission denied")
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refused)
    assert crawl_folder().unfetched == {"unreadable": 1}
    assert set(_queries(workspace)) == {_id(1), _id(2)}


def test_beside_a_linked_folder_a_deleted_file_is_still_missed(
    workspace: Workspace, tmp_path: Path, folder: Path, put: Put, crawl_folder: Crawl
) -> None:
    put("a.gif", gif(1))
    page = put("b.html", b"<html>")
    (folder / "away").symlink_to(tmp_path)
    crawl_folder()
    page.unlink()
    assert crawl_folder().unfetched == {"missing": 1, "outside_folder": 1}


def test_the_same_bytes_twice_change_nothing_when_crawled_again(
    workspace: Workspace, put: Put, crawl_folder: Crawl
) -> None:
    for name in ("a.gif", "b.gif", "c.gif"):
        put(name, gif(1))
    crawl_folder()
    times = {path: path.stat().st_mtime_ns for path in workspace.tables.rglob("*.parquet")}
    crawl_folder()
    assert times == {path: path.stat().st_mtime_ns for path in workspace.tables.rglob("*.parquet")}


def test_a_workspace_inside_the_folder_is_no_part_of_it(folder: Path, put: Put) -> None:
    put("a.gif", gif(1))
    put("report/b.gif", gif(2))
    source = SourceConfig(source="folder", options={"path": str(folder)})
    workspace = Workspace(folder / "workspace")
    for _ in range(2):
        assert crawl(workspace, CrawlConfig(sources=[source])).stickers == 2
        put("workspace/media/ab/c.gif", gif(3))
    with pytest.raises(StickerworksError, match="is a workspace"):
        crawl(Workspace(folder), CrawlConfig(sources=[source]))


def test_two_folders_keep_their_own_permission(
    workspace: Workspace, tmp_path: Path, folder: Path, put: Put
) -> None:
    put("a.gif", gif(1))
    put("both.gif", gif(3))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "b.gif").write_bytes(gif(2))
    (tmp_path / "other" / "c.gif").write_bytes(gif(3))
    options: list[dict[str, Any]] = [{"path": str(folder)}, {"path": str(tmp_path / "other")}]
    sources = [
        SourceConfig(source="folder", options=ours, redistribute=allowed)
        for ours, allowed in zip(options, (False, True), strict=True)
    ]
    for _ in range(2):
        crawl(workspace, CrawlConfig(sources=sources))
        rows = workspace.read("observations").to_pylist()
        assert {row["source_id"]: row["redistribute"] for row in rows} == {
            "a.gif": False,
            "b.gif": True,
            "both.gif": False,
            "c.gif": False,
        }


def test_what_was_downloaded_is_never_looked_for_among_missing_files(
    workspace: Workspace, tmp_path: Path
) -> None:
    """A list of web addresses has millions of rows, none of which has a file of its own."""
    with open_ledger(workspace.root / LEDGER) as ledger:
        paths = {"web": "media/ab/ab.gif", "gone": str(tmp_path / "a.gif"), "here": __file__}
        for name, path in paths.items():
            key = Key("list", name, "", "")
            ledger.note(key, 0, columns_of(Observation(name)), True)
            ledger.record_blob(key, Blob(name, "gif", 3, path, None), {})
        looked_at = ledger.unlisted("list", {}, in_files=True)
        assert [key.source_id for key, _ in looked_at] == ["gone", "here"]
        assert isinstance(ledger.unlisted("list", {}), Iterator)
        note_missing(ledger, "list", Visited(partial={"list"}))
        assert ledger.failures("list") == {"missing": 1}
        note_missing(ledger, "list", Visited(keys={Key("list", "web", "", ""): 0}))
        assert ledger.failures("list") == {"missing": 2}
