from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listing_walk import JSON, NO_ENTRIES, answer, found, listed, reads_or_explains
from loopback_site import serving
from search_site import HOSTILE_TITLES
from telegram_replica import TOKEN, TelegramReplica

from crawlers.crawl import CrawlSummary
from crawlers.observation import columns_of
from crawlers.source import BadQueryError, RefusedError
from crawlers.sources.telegram import SOURCE, TelegramOptions, ask, read, retry_after
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

INNER = {
    "file": "CAAC1",
    "item": "AgAD1",
    "index": 3,
    "emoji": "🐱",
    "set": "Cats",
    "title": "Cats!",
    "page": "addstickers",
}


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STICKERWORKS_TELEGRAM_TOKEN", TOKEN)


@pytest.fixture
def site() -> Iterator[TelegramReplica]:
    with serving(TelegramReplica()) as replica:
        yield replica


def _set(*stickers: Any, **said: Any) -> Any:
    result = {"name": "Cats", "title": "Cats!", "stickers": list(stickers)} | said
    return answer({"ok": True, "result": result})


def _file(**said: Any) -> Any:
    return answer({"ok": True, "result": {"file_id": "CAAC1"} | said})


def test_a_sticker_becomes_an_observation(site: TelegramReplica) -> None:
    site.add("Cats", "🐱", "😿", title="Happy cats")
    _, one = found(SOURCE, TelegramOptions(**site.options), "Cats")
    assert one.source_id == "AgADCats1"
    assert one.media_url == f"{site.url}/file/bot{TOKEN}/stickers/CAACCats1.webp"
    assert (one.pack_id, one.pack_title, one.pack_index, one.rank) == ("Cats", "Happy cats", 1, 1)
    assert one.tags == ("😿",)
    assert one.page_url == "https://t.me/addstickers/Cats"
    assert (one.licence, one.licence_basis) == (None, "none")
    assert TOKEN not in str(columns_of(one))


def test_no_token_stands_in_a_cursor(site: TelegramReplica) -> None:
    site.add("Cats", "🐱")
    entry = site.sets["Cats"]["stickers"][0]
    page = read(TelegramOptions(), "Cats", {}, _set(entry, entry))
    assert [cursor["file"] for cursor in page.inner] == ["CAACCats0"]
    assert TOKEN not in str(page.inner)
    assert (page.total, page.senseless, page.next) == (2, 1, None)


@pytest.mark.parametrize(
    "query",
    ["Cats_by_bot", "https://t.me/addstickers/Cats_by_bot", " t.me/addemoji/Cats_by_bot/ "],
)
def test_a_query_is_the_name_of_a_set_or_its_address(query: str) -> None:
    asked = ask(TelegramOptions(), query, {})
    name = "getStickerSet?name=Cats_by_bot"
    assert (asked.url, asked.api) == (f"https://api.telegram.org/bot{TOKEN}/{name}", True)


@pytest.mark.parametrize("query", ["happy cats", "猫", "", "a" * 65, "../getMe", "1cat", "a&b=c"])
def test_what_names_no_set_is_a_bad_query(query: str) -> None:
    with pytest.raises(BadQueryError, match="no name of a sticker set"):
        ask(TelegramOptions(), query, {})


@pytest.mark.parametrize("token", ["s3cr3t-value", "123:short", f"{TOKEN}/../x", f"{TOKEN} x"])
def test_what_is_no_token_is_refused_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("STICKERWORKS_TELEGRAM_TOKEN", token)
    with pytest.raises(RefusedError, match="STICKERWORKS_TELEGRAM_TOKEN") as caught:
        ask(TelegramOptions(), "Cats", {})
    assert token[:20] not in str(caught.value)
    monkeypatch.delenv("STICKERWORKS_TELEGRAM_TOKEN")
    with pytest.raises(StickerworksError, match="isn't set"):
        ask(TelegramOptions(), "Cats", {})


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"ok": False, "parameters": {"retry_after": 5}}, 5.0),
        ({"ok": False, "parameters": {"retry_after": "7"}}, 7.0),
        ({"ok": False, "parameters": {"retry_after": -5}}, None),
        ({"ok": False, "parameters": {"retry_after": 10**400}}, None),
        ({"ok": False, "parameters": []}, None),
        ([], None),
        (b"<html>429</html>", None),
        (b"[" * 100_000, None),
    ],
)
def test_how_long_to_wait_stands_in_the_body(body: Any, seconds: float | None) -> None:
    assert retry_after(answer(body, 429)) == seconds


@pytest.mark.parametrize(
    ("value", "error", "line"),
    [
        ({"ok": False, "error_code": 401, "description": "Unauthorized"}, RefusedError, "Unauth"),
        ({"ok": False, "error_code": 400, "description": "BAD\nSET"}, StickerworksError, "BAD SET"),
        ({"ok": False}, StickerworksError, "no reason"),
        ({"ok": 1, "result": {"stickers": []}}, StickerworksError, "changed its format"),
        ({"ok": True}, StickerworksError, "changed its format"),
        ({"ok": True, "result": {"stickers": {}}}, StickerworksError, "changed its format"),
        (b"<html>", StickerworksError, "changed its format"),
    ],
)
def test_an_answer_that_is_no_set_is_one_clear_error(
    value: Any, error: type[StickerworksError], line: str
) -> None:
    with pytest.raises(error, match=line) as caught:
        read(TelegramOptions(), "Cats", {}, answer(value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("before", [0, 150, 160, 180, 199])
def test_no_piece_of_the_token_is_told_wherever_the_text_is_cut(before: int) -> None:
    said = answer({"ok": False, "error_code": 400, "description": "x" * before + TOKEN})
    with pytest.raises(StickerworksError) as caught:
        read(TelegramOptions(), "Cats", {}, said)
    assert TOKEN[:6] not in str(caught.value)


def test_entries_that_make_no_sense_are_counted() -> None:
    good = {"file_id": "CAAC1", "file_unique_id": "AgAD1", "emoji": 3}
    bad = [*NO_ENTRIES, {"file_id": "x"}, {"file_id": 1, "file_unique_id": "y"}]
    bad += [{"file_id": "x" * 301, "file_unique_id": "z"}]
    page = read(TelegramOptions(), "Cats", {}, _set(*bad, good))
    assert (len(page.inner), page.senseless) == (1, len(bad))
    assert page.inner[0]["emoji"] == ""


@pytest.mark.parametrize("title", HOSTILE_TITLES)
def test_hostile_titles_can_be_stored(title: str) -> None:
    entry = {"file_id": "CAAC1", "file_unique_id": "AgAD1", "emoji": title}
    page = read(TelegramOptions(), "Cats", {}, _set(entry, title=title))
    assert len(str(page.inner[0])) < 2000
    (columns,) = listed(read(TelegramOptions(), "Cats", page.inner[0], _file(file_path="a.tgs")))
    assert len(columns["pack_title"]) <= 200


@pytest.mark.parametrize("path", [None, 3, "", "../../bot1/getMe", "/var/lib/x", "a//b"])
def test_a_file_without_a_path_has_a_row_and_no_address(path: Any) -> None:
    (one,) = read(TelegramOptions(), "Cats", INNER, _file(file_path=path)).observations
    assert (one.source_id, one.media_url, one.rank) == ("AgAD1", None, 3)


@settings(max_examples=40, deadline=None)
@given(JSON | st.fixed_dictionaries({"ok": st.just(True), "result": JSON}), st.booleans())
def test_any_answer_is_read_or_explained(value: Any, inner: bool) -> None:
    reads_or_explains(SOURCE, TelegramOptions(), INNER if inner else {}, value)


def test_two_sets_are_crawled_and_the_token_is_seen_nowhere(
    site: TelegramReplica, workspace: Workspace, crawl_source: Callable[..., CrawlSummary]
) -> None:
    site.add("Cats", *"🐱😿😹")
    site.add("Dogs", *"🐶🐕")
    site.waits = 1
    told: list[str] = []
    summary = crawl_source(
        "telegram",
        site,
        ["Cats", "https://t.me/addstickers/Dogs", "None_of_these", "no set"],
        site.options,
        {"accept_terms": True},
        told.append,
    )
    assert (summary.observations, summary.stickers, summary.unfetched) == (5, 5, {})
    rows = workspace.read("observations").to_pylist()
    assert [row["rank"] for row in rows] == [0, 1, 2, 0, 1]
    assert {row["pack_id"] for row in rows} == {"Cats", "Dogs"}
    assert {row["licence_basis"] for row in rows} == {"none"}
    assert any("None_of_these" in line and "STICKERSET_INVALID" in line for line in told)
    assert any("'no set' failed" in line for line in told)
    assert _holding(workspace.root, TOKEN) == []
    assert TOKEN not in "\n".join([*told, str(summary)])


def test_a_wrong_token_stops_the_source_with_one_line(
    site: TelegramReplica,
    workspace: Workspace,
    crawl_source: Callable[..., CrawlSummary],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site.add("Cats", "🐱")
    wrong = TOKEN.replace("planted", "planned")
    monkeypatch.setenv("STICKERWORKS_TELEGRAM_TOKEN", wrong)
    with pytest.raises(StickerworksError, match="STICKERWORKS_TELEGRAM_TOKEN") as caught:
        crawl_source("telegram", site, ["Cats", "Dogs"], site.options, {"accept_terms": True})
    assert wrong not in str(caught.value)
    assert _holding(workspace.root, wrong) == []
    assert len([path for path in site.requests if "/getStickerSet" in path]) == 1


def test_nobody_crawls_it_without_accepting_its_terms(
    site: TelegramReplica, crawl_source: Callable[..., CrawlSummary]
) -> None:
    with pytest.raises(StickerworksError, match="accept its terms"):
        crawl_source("telegram", site, ["Cats"], site.options)
    assert site.requests == []


def _holding(folder: Path, secret: str) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path.name for path in files if secret.encode() in path.read_bytes()]
