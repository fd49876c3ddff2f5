from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from loopback_site import gif

from crawlers.crawl import CrawlSummary
from crawlers.observation import Observation, key_of
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

Crawl = Callable[..., CrawlSummary]


def test_a_manifest_says_more_of_files(
    workspace: Workspace, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("猫/a.gif", gif(1))
    put("猫/b.gif", gif(2))
    row = {
        "path": "猫/a.gif",
        "pack": "Cats",
        "title": "a cat",
        "keywords": ["困", "累"],
        "tags": ["sleepy"],
        "origin": "github.com/a/b",
        "license": "CC0-1.0",
        "sha256": hashlib.sha256(gif(1)).hexdigest().upper(),
    }
    wrong = {"path": "猫/b.gif", "sha256": "0" * 64}
    absent = {"path": "猫/c.gif", "pack": "Cats"}
    lines = "\n".join(json.dumps(each) for each in (row, wrong, absent))
    put("manifest.jsonl", lines.encode())
    summary = crawl_folder()
    first, second = workspace.read("observations").to_pylist()
    assert (first["query"], second["query"]) == ("困", "累")
    expected = {
        "pack_id": "Cats",
        "title": "a cat",
        "tags": ["sleepy"],
        "page_url": "https://github.com/a/b",
        "licence": "CC0-1.0",
        "licence_basis": "item",
        "media_url": None,
    }
    assert {name: first[name] for name in expected} == expected
    assert summary.unfetched == {"missing": 1, "sha256_mismatch": 1}


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        '{"path": 3}',
        '{"path": ""}',
        '{"path": "a.gif", "sha256": "12"}',
        '{"path": "a.gif"}\n{"path": "./a.gif"}',
    ],
)
def test_a_broken_manifest_is_one_line_that_names_the_line(
    put: Callable[[str, bytes], Path], crawl_folder: Crawl, line: str
) -> None:
    put("a.gif", gif(1))
    put("manifest.jsonl", line.encode())
    with pytest.raises(StickerworksError, match=r"manifest\.jsonl:\d"):
        crawl_folder()


def test_keywords_that_clean_to_the_same_count_once(
    workspace: Workspace, folder: Path, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("a.gif", gif(1))
    row = {"path": "a.gif", "keywords": ["a", "a ", "", " ", "b"]}
    (folder / "manifest.jsonl").write_text(json.dumps(row), encoding="utf-8")
    crawl_folder()
    assert workspace.read("observations")["query"].to_pylist() == ["a", "b"]


def _missed(workspace: Workspace) -> dict[str, tuple[str, str]]:
    rows = workspace.read("unfetched").to_pylist()
    return {row["source_id"]: (row["error_class"], row["error"]) for row in rows}


def test_paths_that_cannot_be_are_rows_with_their_reason(
    workspace: Workspace, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("a.gif", gif(1))
    put(os.fsdecode(b"caf\xe9.gif"), gif(2))
    outside = ("outside_folder", "the manifest names a path outside the folder")
    absent = ("missing", "the manifest names this file, but it isn't there")
    too_long = ("unreadable", "File name too long")
    cases = {
        "n" * 300 + ".gif": too_long,
        "d/" * 2040 + "a.gif": too_long,
        "d/" * 1000 + "a.gif": absent,
        "d/" * 3000 + "a.gif": too_long,
        "a.gif/b.gif": absent,
        "nul\0.gif": ("unreadable", "embedded null byte"),
        "\ud800.gif": ("unreadable", "the name is no text that this file system takes"),
        "../a.gif": outside,
        "x/../../a.gif": outside,
        "/etc/passwd": outside,
        "/dev/zero": outside,
        "CON": absent,
        ".": ("left_out", "it is a folder, hidden, or in a workspace"),
    }
    lines = [json.dumps({"path": path}).encode() for path in ["a.gif", *cases]]
    put("manifest.jsonl", b"\n".join([*lines, b'{"path": "caf\xe9.gif", "pack": "caf\xe9"}']))
    assert crawl_folder().stickers == 2
    ids = {path: key_of("folder", Observation(path)).source_id for path in cases}
    assert _missed(workspace) == {ids[path]: problem for path, problem in cases.items()}
    assert max(map(len, ids.values())) == 4096
    packs = {row["source_id"]: row["pack_id"] for row in workspace.read("observations").to_pylist()}
    assert packs == {"a.gif": None, "caf%E9.gif": "caf?"}


@pytest.mark.timeout(20)
def test_a_manifest_that_is_no_file_is_refused_and_never_opened(
    folder: Path, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("a.gif", gif(1))
    with pytest.raises(StickerworksError, match="it is a device, not a file"):
        crawl_folder(manifest="/dev/zero")
    with pytest.raises(StickerworksError, match="it is a folder, not a file"):
        crawl_folder(manifest=str(folder))
    os.mkfifo(folder / "manifest.jsonl")
    for options in ({}, {"manifest": str(folder / "manifest.jsonl")}):
        with pytest.raises(StickerworksError, match="it is a named pipe, not a file"):
            crawl_folder(**options)


def test_a_manifest_of_endless_lines_is_refused(
    put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("a.gif", gif(1))
    path = put("manifest.jsonl", b'{"path": "a.gif"}\n' + b" " * 2_000_000)
    with pytest.raises(StickerworksError, match=r"jsonl:2: more than 1048576 bytes in one line"):
        crawl_folder()
    os.truncate(path, 3 * 2**30)
    with pytest.raises(StickerworksError, match="has 3221225472 bytes, more than"):
        crawl_folder()


def test_a_row_of_many_keywords_is_no_row_for_each_of_them(
    workspace: Workspace, put: Callable[[str, bytes], Path], crawl_folder: Crawl
) -> None:
    put("a.gif", gif(1))
    row = {"path": "a.gif", "keywords": [str(number) for number in range(101)]}
    put("manifest.jsonl", json.dumps(row).encode())
    crawl_folder()
    reason = "the manifest gives it 101 keywords, more than 100"
    assert _missed(workspace) == {"a.gif": ("too_many_keywords", reason)}
