from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from chinesebqb import gif

from crawlers.crawl import CrawlSummary
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
        '{"path": "../x"}',
        '{"path": "/etc/passwd"}',
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
