"""`stickerworks crawl` and its commands, on a replica of ChineseBQB and a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import chinesebqb as bqb
import pytest

from stickerworks.cli.main import _run

from .conftest import Answer

Program = Callable[..., Answer]


@pytest.fixture
def site() -> Iterator[bqb.Replica]:
    """A replica with two cats, a dog and an empty folder beside it."""
    with bqb.serving(bqb.Replica()) as replica:
        for name in ("cat/1.gif", "cat/2.gif", "dog/3.gif"):
            category, _, file = name.partition("/")
            replica.add(category, file)
        yield replica


@pytest.fixture
def configured(site: bqb.Replica, tmp_path: Path) -> Path:
    """A configuration of that replica, asked for cats and dogs, and of a folder of one sticker."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a.gif").write_bytes(bqb.gif(99))
    options = {"index_url": site.index_url}
    asked = {"source": "chinesebqb", "queries": ["cat", "dog"], "per_day": 50, "options": options}
    sources: list[Any] = [asked, {"source": "folder", "options": {"path": str(folder)}}]
    crawl = {"allow_hosts": [site.host], "attempts": 1, "sources": sources}
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps({"workspace": str(tmp_path / "workspace"), "crawl": crawl}))
    return path


@pytest.fixture
def program(
    configured: Path, site: bqb.Replica, capfd: pytest.CaptureFixture[str], monkeypatch: Any
) -> Program:
    """The command line with that configuration; what the replica was asked for before is gone."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> Answer:
        site.requests.clear()
        capfd.readouterr()
        code = _run(["crawl", *arguments, "--config", str(configured)])
        said = capfd.readouterr()
        return Answer(code, said.err, said.out)

    return call


def test_a_file_that_failed_for_the_moment_is_told_and_asked_for_again(program, site):
    busy = "cat/2.gif"
    site.answers[busy] = bqb.status(503, Retry_After="60")
    assert program().code == 0
    said = program("status").said
    assert "queries      2 of 2 done, 0 open, 0 failed" in said
    assert "listed       3\n  fetched      2\n  to retry     1 (http_503 1)" in said
    assert "today        1 of 50 requests for listings, 49 left" in said
    assert "folder\n  listed       1\n  fetched      1" in said
    assert "chinesebqb cat: done, 1 page; listed 2; fetched 1; to retry 1 (http_503 1)" in said
    assert "chinesebqb dog" not in said
    assert "again for 1 file (http_503 1)" in program("retry", "--dry-run").said
    assert site.requests == []
    site.answers.clear()
    answer = program("retry", "--json")
    assert answer.code == 0
    assert site.media_requests() == [busy]
    assert json.loads(answer.out)["crawl"]["unfetched"] == {}
    assert "nothing failed" in program("retry").said
    found = json.loads(program("status", "--query", "cat", "--json").out)["crawl"]
    assert found["sources"] == []
    (cat,) = found["queries"]
    assert (cat["query"], cat["state"], cat["counts"]["fetched"]) == ("cat", "done", 2)


def test_a_query_alone_is_asked_for_up_to_a_limit(program, site):
    answer = program("--query", " cat ", "--limit", "1", "--json")
    assert answer.code == 0
    assert site.media_requests() == ["cat/1.gif"]
    crawled = json.loads(answer.out)["crawl"]
    assert [one["source"] for one in crawled["sources"]] == ["chinesebqb"]
    assert "zebra: no source was asked for it" in program("status", "--query", "zebra").said


def test_a_source_that_fails_costs_itself_alone(program, site):
    site.answers[bqb.INDEX] = bqb.status(403)
    answer = program()
    assert answer.code == 3
    assert "1 stickers from 1 observations" in answer.said
    assert f"chinesebqb failed: {site.host} refuses to list its stickers" in answer.said
    said = program("status", "--source", "chinesebqb").said
    assert "queries      0 of 2 done, 2 open, 0 failed" in said
    assert "folder" not in said
    alone = program("--source", "chinesebqb")
    assert alone.code == 1
    assert alone.said.splitlines()[-1].startswith(f"error: {site.host} refuses to list")


def test_a_dry_run_asks_for_nothing_and_makes_nothing(program, site, tmp_path):
    answer = program("--dry-run", "--json")
    assert answer.code == 0
    assert "would list chinesebqb: 2 of 2 queries; fetch what is new; 50 requests left" in (
        answer.said
    )
    assert "would list folder: fetch what is new" in answer.said
    plan = json.loads(answer.out)["crawl"]["sources"]
    assert [(one["source"], one["to_list"]) for one in plan] == [("chinesebqb", 2), ("folder", 0)]
    said = program("--dry-run", "--source", "folder", "--limit", "5").said
    assert said.split() == ["crawl", "would", "list", "folder:", "until", "5", "stickers"]
    assert site.requests == []
    assert not (tmp_path / "workspace").exists()


def test_a_missing_key_is_told_before_anything_is_asked(program, monkeypatch):
    monkeypatch.delenv("STICKERWORKS_GIPHY_KEY", raising=False)
    said = program("--dry-run", "--set", "crawl.sources=[{source: giphy, queries: [cat]}]").said
    assert "would list giphy: 1 query" in said
    assert "giphy: The environment variable STICKERWORKS_GIPHY_KEY isn't set." in said


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["status"], 1, "Nothing has been crawled"),
        (["retry"], 1, "Nothing has been crawled"),
        (["--source", "zebra"], 1, "crawl.sources has no source 'zebra'"),
        (["status", "--source", "zebra"], 1, "crawl.sources has no source 'zebra'"),
        (["--source", "folder", "--query", "cat"], 1, "folder can't be asked for a query"),
        (["--query", " "], 2, "a query is empty"),
        (["--limit", "0"], 2, "--limit"),
        (["--source", "folder", "status"], 2, "options of status stand behind it"),
        (["status", "--keep", "--set", "crawl.attempts=2"], 1, "makes nothing"),
    ],
)
def test_what_can_not_be_is_one_line(program, arguments, code, told):
    answer = program(*arguments)
    assert answer.code == code
    assert told in answer.said
    assert "Traceback" not in answer.said
