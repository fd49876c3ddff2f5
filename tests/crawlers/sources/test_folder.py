from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hostile_files import hostile_files
from loopback_site import gif

from crawlers.crawl import CrawlSummary, crawl
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, SourceConfig

REAL = Path(__file__).parents[3] / "shared" / "real-stickers"
FUNNY = "001Funny_滑稽大佬😏BQB"

Crawl = Callable[..., CrawlSummary]


def _files(workspace: Workspace) -> dict[str, bytes]:
    files = (path for path in workspace.tables.rglob("*") if path.is_file())
    return {str(path.relative_to(workspace.tables)): path.read_bytes() for path in files}


def test_folders_name_the_keywords(
    workspace: Workspace, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("root.gif", gif(1))
    put(f"{FUNNY}/滑稽大佬00012-鼓掌.gif", gif(2))
    put("罗小黑/deep/b.PNG", gif(3))
    crawl_folder()
    rows = {row["source_id"]: row for row in workspace.read("observations").to_pylist()}
    assert {name: row["query"] for name, row in rows.items()} == {
        "root.gif": None,
        f"{FUNNY}/滑稽大佬00012-鼓掌.gif": "滑稽大佬",
        "罗小黑/deep/b.PNG": "deep",
    }
    assert rows[f"{FUNNY}/滑稽大佬00012-鼓掌.gif"]["tags"] == ["鼓掌"]
    assert {row["extension"] for row in workspace.read("stickers").to_pylist()} == {"gif", "png"}
    assert {row["format"] for row in workspace.read("stickers").to_pylist()} == {"gif"}


def test_nothing_is_copied_and_no_path_of_the_machine_is_in_the_observations(
    workspace: Workspace, folder: Path, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    path = put("猫/a.gif", gif(1))
    crawl_folder()
    assert [row["path"] for row in workspace.read("media").to_pylist()] == [str(path)]
    assert not workspace.media.exists()
    assert str(folder.parent) not in json.dumps(workspace.read("observations").to_pylist())


def test_every_hostile_file_is_a_sticker_or_says_why_it_is_none(
    workspace: Workspace, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    chosen = enumerate(hostile_files()[::4])
    files = {f"x/{n}.{file.kind or 'bin'}": file.data for n, file in chosen}
    for name, data in files.items():
        put(name, data)
    crawl_folder()
    seen = workspace.read("observations")["source_id"].to_pylist()
    missed = {
        row["source_id"]: row["error_class"] for row in workspace.read("unfetched").to_pylist()
    }
    assert sorted([*seen, *missed]) == sorted(files)
    assert all(missed.values())


def test_the_same_folder_gives_the_same_bytes_and_nothing_is_written_twice(
    tmp_path: Path, put: Callable[[str, bytes], Path], folder: Path
) -> None:
    for number in range(7):
        put(f"k{number % 2}/{number}.gif", gif(number))
    config = CrawlConfig(
        sources=[SourceConfig(source="folder", options={"path": str(folder)})], shard_rows=3
    )
    one, other = Workspace(tmp_path / "one"), Workspace(tmp_path / "other")
    crawl(one, config)
    crawl(other, config)
    assert _files(one) == _files(other)
    times = {path: path.stat().st_mtime_ns for path in one.tables.rglob("*.parquet")}
    assert crawl(one, config).new_stickers == 0
    assert times == {path: path.stat().st_mtime_ns for path in one.tables.rglob("*.parquet")}


def test_a_sticker_under_two_keywords_has_two_observations(
    workspace: Workspace, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("猫/a.gif", gif(1))
    put("狗/b.gif", gif(1))
    summary = crawl_folder()
    assert (summary.stickers, summary.observations) == (1, 2)
    assert [row["query"] for row in workspace.read("observations").to_pylist()] == ["狗", "猫"]


def test_what_is_no_media_or_hidden_is_listed_as_such(
    workspace: Workspace, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("猫/a.gif", gif(1))
    put("猫/b.gif", b"<html>404</html>")
    put("猫/README.md", b"# cats")
    put("猫/.hidden.gif", gif(2))
    put(".git/c.gif", gif(3))
    assert crawl_folder().unfetched == {"hidden": 2, "not_media": 2}
    assert [row["source_id"] for row in workspace.read("unfetched").to_pylist()] == [
        ".git",
        "猫/README.md",
        "猫/b.gif",
        "猫/.hidden.gif",
    ]
    # What is never tried takes no place: with or without it the stickers' rows are the same.
    assert workspace.read("observations")["rank"].to_pylist() == [1]


def test_strange_names_survive(
    workspace: Workspace, folder: Path, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("👨‍👩‍👧/a#b%c?.gif", gif(1))
    raw = os.path.join(os.fsencode(folder), b"caf\xe9")
    os.mkdir(raw)
    with open(os.path.join(raw, b"x\xff.gif"), "wb") as file:
        file.write(gif(2))
    crawl_folder()
    rows = {row["source_id"]: row for row in workspace.read("observations").to_pylist()}
    assert set(rows) == {"👨‍👩‍👧/a#b%c?.gif", "caf%E9/x%FF.gif"}
    assert rows["caf%E9/x%FF.gif"]["query"] == "caf%E9"
    for media in workspace.read("media").to_pylist():
        data = (workspace.root / media["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == media["id"]


def test_links_are_not_followed_out_of_the_folder(
    workspace: Workspace,
    tmp_path: Path,
    folder: Path,
    put: Callable[[str, bytes], Path],
    crawl_folder: Crawl,
) -> None:
    (tmp_path / "secret.gif").write_bytes(gif(9))
    put("a.gif", gif(1))
    (folder / "inside.gif").symlink_to("a.gif")
    (folder / "outside.gif").symlink_to(tmp_path / "secret.gif")
    (folder / "broken.gif").symlink_to("nowhere.gif")
    (folder / "ring").symlink_to(folder)
    os.mkfifo(folder / "pipe.gif")
    summary = crawl_folder()
    assert [row["source_id"] for row in workspace.read("observations").to_pylist()] == [
        "a.gif",
        "inside.gif",
    ]
    assert summary.unfetched == {
        "linked_folder": 1,
        "no_file": 1,
        "outside_folder": 1,
        "unreadable": 1,
    }
    reasons = {row["source_id"]: row["error"] for row in workspace.read("unfetched").to_pylist()}
    assert reasons["broken.gif"] == "No such file or directory"


@pytest.mark.timeout(20)
def test_what_is_no_file_is_a_row_and_never_opened(
    workspace: Workspace, folder: Path, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("a.gif", gif(1))
    put("cats/b.gif", gif(2))
    os.mkfifo(folder / "pipe.gif")
    (folder / "linked-pipe.gif").symlink_to("pipe.gif")
    (folder / "linked-cats").symlink_to("cats")
    with socket.socket(socket.AF_UNIX) as server:
        short = os.open(folder, os.O_DIRECTORY)  # a socket's own path may be 108 bytes at most
        server.bind(f"/proc/self/fd/{short}/socket.gif")
        os.close(short)
    devices = {}
    if os.geteuid() == 0:
        with suppress(PermissionError):
            os.mknod(folder / "zero.gif", stat.S_IFCHR | 0o666, os.makedev(1, 5))
            devices = {"zero.gif": "it is a device, not a file"}
    assert crawl_folder().stickers == 2
    rows = workspace.read("unfetched").to_pylist()
    assert {row["source_id"]: row["error"] for row in rows} == devices | {
        "pipe.gif": "it is a named pipe, not a file",
        "linked-pipe.gif": "it is a named pipe, not a file",
        "linked-cats": "links to folders are not followed",
        "socket.gif": "it is a socket, not a file",
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_listed_with_the_systems_reason(
    workspace: Workspace, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("a.gif", gif(1))
    put("b.gif", gif(2)).chmod(0)
    assert crawl_folder().unfetched == {"unreadable": 1}
    assert workspace.read("unfetched").to_pylist()[0]["error"] == "Permission denied"


def test_a_missing_and_an_empty_folder_are_one_clear_line_each(
    folder: Path, crawl_folder: Crawl
) -> None:
    with pytest.raises(StickerworksError, match="holds no files"):
        crawl_folder()
    with pytest.raises(StickerworksError, match="There is no folder"):
        crawl_folder(path=str(folder / "nope"))
    with pytest.raises(StickerworksError, match="Could not read the manifest"):
        crawl_folder(manifest=str(folder / "nope.jsonl"))


def test_a_file_that_changed_is_a_new_sticker(
    workspace: Workspace, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("a.gif", gif(1))
    crawl_folder()
    put("a.gif", gif(2))
    assert crawl_folder().new_stickers == 1
    ids = [hashlib.sha256(gif(number)).hexdigest() for number in (1, 2)]
    assert [row["id"] for row in workspace.read("stickers").to_pylist()] == ids
    assert [row["id"] for row in workspace.read("observations").to_pylist()] == ids[1:]


def test_a_folder_that_moved_is_found_at_its_new_place(
    workspace: Workspace, folder: Path, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("a.gif", gif(1))
    crawl_folder()
    moved = folder.rename(folder.with_name("moved"))
    assert crawl_folder(path=str(moved)).new_stickers == 0
    assert [row["path"] for row in workspace.read("media").to_pylist()] == [str(moved / "a.gif")]


def test_the_limit_counts_stickers_and_not_files(
    put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("0.txt", b"no media")
    for number, colour in enumerate([5, 5, 6, 7]):
        put(f"{number}.gif", gif(colour))
    summary = crawl_folder(limit=2)
    assert (summary.stickers, summary.observations) == (2, 3)


def test_large_files_are_left_out(workspace: Workspace, folder: Path, put: Any) -> None:
    put("a.gif", gif(1))
    put("b.gif", gif(2) + bytes(1000))
    source = SourceConfig(source="folder", options={"path": str(folder)})
    summary = crawl(workspace, CrawlConfig(sources=[source], max_bytes=500))
    assert summary.unfetched == {"too_large": 1}


def test_a_changed_redistribute_reaches_old_observations(
    workspace: Workspace, folder: Path, put: Any
) -> None:
    put("a.gif", gif(1))
    for value in (None, False, True):
        source = SourceConfig(source="folder", options={"path": str(folder)}, redistribute=value)
        crawl(workspace, CrawlConfig(sources=[source]))
        expected = True if value is None else value
        assert [row["redistribute"] for row in workspace.read("observations").to_pylist()] == [
            expected
        ]


def test_what_a_killed_crawl_left_half_written_is_swept_away(
    workspace: Workspace, put: Any, crawl_folder: Crawl
) -> None:
    put("a.gif", gif(1))
    leftover = workspace.media / "ab" / f".{'ab' * 32}.gif.123.tmp"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"GIF89")
    crawl_folder()
    assert not leftover.exists()


def test_two_folders_may_not_claim_the_same_name(
    workspace: Workspace, tmp_path: Path, folder: Path, put: Any
) -> None:
    put("a.gif", gif(1))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.gif").write_bytes(gif(2))
    paths = [str(folder), str(tmp_path / "other")]
    sources = [SourceConfig(source="folder", options={"path": path}) for path in paths]
    with pytest.raises(StickerworksError, match="'a.gif'"):
        crawl(workspace, CrawlConfig(sources=sources))


def test_very_deep_folders_are_no_trouble(folder: Path, crawl_folder: Crawl) -> None:
    path = folder
    for _ in range(1200):
        path /= "d"
        path.mkdir()
    (path / "a.gif").write_bytes(gif(1))
    try:
        assert crawl_folder().stickers == 1
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=True)  # shutil.rmtree would recurse


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real stickers are not at {REAL}")
def test_the_real_stickers(workspace: Workspace, crawl_folder: Crawl) -> None:
    summary = crawl_folder(path=str(REAL))
    rows = [json.loads(line) for line in (REAL / "manifest.jsonl").read_text().splitlines()]
    distinct = {row["sha256"] for row in rows}
    assert summary.stickers == len(distinct) == 693
    assert summary.unfetched == {}
    assert {row["id"] for row in workspace.read("stickers").to_pylist()} == distinct
    assert "沙雕企鹅" in {row["query"] for row in workspace.read("observations").to_pylist()}


def test_a_files_name_is_its_title_and_not_its_tag(
    workspace: Workspace, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("linedog/linedog-写不完了.gif", gif(1))
    put("linedog/0123.gif", gif(2))
    put(f"{FUNNY}/滑稽大佬00012-鼓掌.gif", gif(3))
    put("linedog/named.gif", gif(4))
    put("manifest.jsonl", b'{"path": "linedog/named.gif", "title": "By the manifest"}\n')
    crawl_folder()
    rows = {row["source_id"]: row for row in workspace.read("observations").to_pylist()}
    assert {row["title"]: row["tags"] for row in rows.values()} == {
        "写不完了": [],
        None: [],
        "鼓掌": ["鼓掌"],
        "By the manifest": [],
    }
