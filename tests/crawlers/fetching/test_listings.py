"""Crawls by query through real child processes, on the replica of GIPHY."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from giphy_replica import GiphyReplica
from loopback_site import body, json_body, serving, status

from crawlers.crawl import CrawlSummary
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

SECRET = "pl4nted-s3cret-k3y"


@pytest.fixture
def giphy(monkeypatch: pytest.MonkeyPatch) -> Iterator[GiphyReplica]:
    monkeypatch.setenv("STICKERWORKS_GIPHY_KEY", SECRET)
    with serving(GiphyReplica(key=SECRET)) as site:
        yield site


@pytest.fixture
def crawl_giphy(
    giphy: GiphyReplica, crawl_source: Callable[..., CrawlSummary]
) -> Callable[..., CrawlSummary]:
    def run(*queries: str, **settings: Any) -> CrawlSummary:
        return crawl_source("giphy", giphy, queries, {"api": giphy.url}, **settings)

    return run


def _searches(site: GiphyReplica) -> list[tuple[str, int]]:
    return [
        (one.query["q"], int(one.query["offset"])) for one in site.asked if "search" in one.path
    ]


def _queries(workspace: Workspace) -> dict[str, dict[str, Any]]:
    return {row["query"]: row for row in workspace.read("queries").to_pylist()}


def test_queries_take_turns_and_a_second_crawl_stops_at_what_it_knows(
    giphy: GiphyReplica, crawl_giphy: Callable[..., CrawlSummary], workspace: Workspace
) -> None:
    for number in range(7):
        giphy.add("cat", *(["dog"] if number < 4 else []))
    assert crawl_giphy("cat", "dog", "nothing").stickers == 7
    assert _searches(giphy) == [
        ("cat", 0), ("dog", 0), ("nothing", 0), ("cat", 3), ("dog", 3), ("cat", 6),
    ]  # fmt: skip
    assert len(giphy.media_requests()) == 7
    rows = workspace.read("observations").to_pylist()
    assert len(rows) == 11
    first = next(row["id"] for row in rows if row["rank"] == 0)
    assert sorted(row["query"] for row in rows if row["id"] == first) == ["cat", "dog"]
    told = _queries(workspace)
    assert {name: (row["state"], row["listed"], row["fetched"]) for name, row in told.items()} == {
        "cat": ("done", 7, 7), "dog": ("done", 4, 4), "nothing": ("done", 0, 0),
    }  # fmt: skip
    giphy.asked.clear()
    giphy.listed["cat"].insert(0, giphy.listed["cat"].pop())
    new = giphy.add("dog")
    giphy.listed["dog"].insert(0, giphy.listed["dog"].pop())
    assert crawl_giphy("cat", "dog", "nothing").new_stickers == 1
    assert giphy.media_requests() == [f"/media/{new}.gif"]
    # The first page of "dog" has something new, so its second one is read as well.
    assert _searches(giphy) == [("cat", 0), ("dog", 0), ("nothing", 0), ("dog", 3)]


def test_a_days_budget_ends_a_crawl_which_goes_on_where_it_stopped(
    giphy: GiphyReplica,
    crawl_giphy: Callable[..., CrawlSummary],
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(6):
        giphy.add("cat" if number % 2 else "dog")
    giphy.page_size = 2
    said: list[str] = []
    assert crawl_giphy("cat", "dog", ours={"per_day": 3}, report=said.append).stickers == 5
    assert any("the 3 requests of today" in text for text in said)
    row = _queries(workspace)["dog"]
    assert (row["state"], json.loads(row["left"])) == ("open", [{"offset": 2}])
    assert row["error_class"] == "budget"
    assert crawl_giphy("cat", "dog", ours={"per_day": 3}).new_stickers == 0
    giphy.asked.clear()
    assert crawl_giphy("cat", "dog", ours={"per_day": 4}).new_stickers == 1
    assert _searches(giphy) == [("dog", 2)]


def test_one_query_that_fails_costs_itself_and_a_refusal_the_source(
    giphy: GiphyReplica, crawl_giphy: Callable[..., CrawlSummary], workspace: Workspace
) -> None:
    giphy.add("cat")
    long = "x" * 51
    summary = crawl_giphy("cat", long)
    assert (summary.stickers, summary.failed) == (1, {})
    row = _queries(workspace)[long]
    assert (row["state"], row["error_class"]) == ("failed", "bad_query")
    assert "at most 50 characters" in row["error"]
    giphy.key = "another"
    with pytest.raises(StickerworksError, match=r"refuses to list.*answered 401.*Unauthorized"):
        crawl_giphy("cat", "dog")
    assert _queries(workspace)["dog"]["error_class"] == "source"
    assert workspace.read("stickers").num_rows == 1


def test_what_the_source_has_changed_stops_it_after_a_few_queries(
    giphy: GiphyReplica, crawl_giphy: Callable[..., CrawlSummary], workspace: Workspace
) -> None:
    giphy.answers["/v1/stickers/search"] = json_body({"results": []})
    with pytest.raises(StickerworksError, match="may have changed its format"):
        crawl_giphy(*(f"q{number}" for number in range(9)))
    assert len(_searches(giphy)) == 3
    states = [row["state"] for row in workspace.read("queries").to_pylist()]
    assert states == ["failed"] * 3 + ["open"] * 6


def test_the_limits_of_a_query_and_of_a_source(
    giphy: GiphyReplica, crawl_giphy: Callable[..., CrawlSummary], workspace: Workspace
) -> None:
    for _ in range(8):
        giphy.add("cat")
        giphy.add("dog")
    assert crawl_giphy("cat", "dog", ours={"per_query": 4, "limit": 6}).stickers == 6
    ranks = [(row["query"], row["rank"]) for row in workspace.read("observations").to_pylist()]
    assert sorted(ranks) == [(query, rank) for query in ("cat", "dog") for rank in range(3)]
    giphy.asked.clear()
    assert crawl_giphy("cat", "dog", ours={"per_query": 4, "limit": 6}).stickers == 6
    assert giphy.asked == []
    assert crawl_giphy("cat", "dog", ours={"per_query": 4}).stickers == 8
    assert _searches(giphy) == [("cat", 3), ("dog", 3)]


def test_transient_failures_are_had_by_the_next_crawl_on_whatever_page(
    giphy: GiphyReplica, crawl_giphy: Callable[..., CrawlSummary]
) -> None:
    items = [giphy.add("cat") for _ in range(7)]
    giphy.answers[f"/media/{items[5]}.gif"] = status(500)
    assert crawl_giphy("cat", attempts=1).stickers == 6
    giphy.answers.clear()
    giphy.asked.clear()
    assert crawl_giphy("cat").stickers == 7
    assert giphy.media_requests() == [f"/media/{items[5]}.gif"]


def test_a_source_that_fails_leaves_the_others_and_the_tables(
    giphy: GiphyReplica, workspace: Workspace, tmp_path: Any
) -> None:
    from loopback_site import gif

    from crawlers.crawl import crawl
    from schemas.config import CrawlConfig, SourceConfig

    (tmp_path / "stickers").mkdir()
    (tmp_path / "stickers" / "a.gif").write_bytes(gif(1))
    giphy.key = "another"
    web = SourceConfig(source="giphy", queries=("cat",), options={"api": giphy.url})
    files = SourceConfig(source="folder", options={"path": str(tmp_path / "stickers")})
    config = CrawlConfig(sources=[web, files], allow_hosts=[giphy.host], timeout_s=5)
    summary = crawl(workspace, config)
    assert summary.stickers == 1
    assert list(summary.failed) == ["giphy"]
    assert "Check the key in STICKERWORKS_GIPHY_KEY" in summary.failed["giphy"]


def test_a_planted_key_reaches_no_file_or_message(
    giphy: GiphyReplica, crawl_giphy: Callable[..., CrawlSummary], workspace: Workspace
) -> None:
    said: list[str] = []
    giphy.add("cat", title=f"my {SECRET} title", note={"deep": [SECRET]})
    giphy.add("cat", id=f"1-{SECRET}", user={"username": SECRET, "display_name": SECRET})
    item = giphy.add("cat")
    other = giphy.add("cat")
    giphy.answers[f"/media/{item}.gif"] = body(b"<html>", f"text/{SECRET}")
    to = f"{giphy.url}/media/{other}.gif?x={SECRET}"
    giphy.answers[f"/media/{other}.gif"] = status(302, Location=to)
    crawl_giphy("cat", report=said.append)
    giphy.answers["/v1/stickers/search"] = json_body({"meta": {"msg": f"bad {SECRET}"}}, 403)
    with pytest.raises(StickerworksError) as caught:
        crawl_giphy("cat", "dog", report=said.append)
    assert SECRET not in "".join([*said, str(caught.value)])
    assert any(SECRET in text for text in giphy.requests)
    for path in workspace.root.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    tables = ("observations", "unfetched", "queries", "hosts")
    assert SECRET not in json.dumps([workspace.read(name).to_pylist() for name in tables])


def test_known_media_is_asked_for_again_only_when_it_may_have_changed(
    giphy: GiphyReplica, crawl_giphy: Callable[..., CrawlSummary], workspace: Workspace
) -> None:
    same, other = giphy.add("cat"), giphy.add("cat")
    for item in (same, other):
        path = f"/media/{item}.gif"
        giphy.answers[path] = body(giphy.files[path], "image/gif", ETag=f'"{item}"')
    assert crawl_giphy("cat").stickers == 2
    giphy.asked.clear()
    crawl_giphy("cat", recheck_days=1)
    assert giphy.media_requests() == []
    giphy.answers[f"/media/{same}.gif"] = status(304)
    giphy.answers[f"/media/{other}.gif"] = body(giphy.files[f"/media/{same}.gif"], "image/gif")
    assert crawl_giphy("cat", recheck_days=1e-9).new_stickers == 0
    conditions = [one.headers["If-None-Match"] for one in giphy.asked if one.path in giphy.files]
    assert sorted(conditions) == sorted([f'"{same}"', f'"{other}"'])
    assert len({row["id"] for row in workspace.read("observations").to_pylist()}) == 1


def test_a_query_that_failed_goes_on_at_its_page_and_is_never_cut_short(
    giphy: GiphyReplica, crawl_giphy: Callable[..., CrawlSummary], workspace: Workspace
) -> None:
    for _ in range(9):
        giphy.add("cat")
    giphy.add("dog")
    entries = giphy.listed["cat"]
    giphy.listed["cat"] = entries[:3] + [{"id": 7}] * 3
    crawl_giphy("cat", "dog")
    row = _queries(workspace)["cat"]
    assert (row["state"], row["error_class"], row["fetched"]) == ("failed", "format", 3)
    giphy.listed["cat"] = entries
    giphy.asked.clear()
    assert crawl_giphy("cat", "dog").stickers == 10
    assert _searches(giphy) == [("dog", 0), ("cat", 3), ("cat", 6)]
    assert _queries(workspace)["cat"]["state"] == "done"


def test_a_query_without_an_answer_keeps_no_other_from_being_asked(
    giphy: GiphyReplica, crawl_giphy: Callable[..., CrawlSummary], workspace: Workspace
) -> None:
    giphy.add("cat")
    giphy.add("dog")
    search = "/v1/stickers/search"
    odd = f"{search}?api_key={SECRET}&q=odd&limit=50&offset=0&rating=g"
    giphy.answers[odd] = status(500)
    assert crawl_giphy("odd", "cat", "dog", attempts=1).stickers == 2
    assert _queries(workspace)["odd"]["error_class"] == "no_answer"
    assert _queries(workspace)["cat"]["state"] == "done"
    giphy.answers[search] = status(503)
    with pytest.raises(StickerworksError, match="answered 503"):
        crawl_giphy(*(f"q{number}" for number in range(9)), attempts=1)
    told = _queries(workspace)
    assert {told[f"q{number}"]["state"] for number in range(9)} == {"open"}
    assert len([one for one in _searches(giphy) if one[0].startswith("q")]) == 3


def test_more_of_a_query_is_listed_once_more_is_wanted(
    giphy: GiphyReplica, crawl_giphy: Callable[..., CrawlSummary], workspace: Workspace
) -> None:
    for _ in range(9):
        giphy.add("cat")
    assert crawl_giphy("cat", ours={"per_query": 3}).stickers == 3
    assert _queries(workspace)["cat"]["error_class"] == "per_query"
    assert crawl_giphy("cat", ours={"per_query": 8}).stickers == 8
    assert crawl_giphy("cat").stickers == 9


def test_media_of_every_page_is_asked_for_again_when_its_time_has_come(
    giphy: GiphyReplica, crawl_giphy: Callable[..., CrawlSummary]
) -> None:
    for _ in range(7):
        giphy.add("cat")
    crawl_giphy("cat")
    giphy.asked.clear()
    crawl_giphy("cat", recheck_days=1e-9)
    assert len(giphy.media_requests()) == 7


def test_other_settings_reach_what_was_refused_on_every_page_after_any_number_of_crawls(
    giphy: GiphyReplica, crawl_giphy: Callable[..., CrawlSummary]
) -> None:
    for _ in range(5):
        item = giphy.add("cat")
        path = f"/media/{item}.gif"
        if item != "1000":
            giphy.answers[path] = body(giphy.files[path], "image/gif", X_Robots_Tag="noai")
    for _ in range(3):
        assert crawl_giphy("cat").stickers == 1
    assert crawl_giphy("cat", obey_preferences=False).stickers == 5


def test_a_folder_that_is_gone_costs_itself_and_marks_nothing_missing(
    giphy: GiphyReplica, workspace: Workspace, tmp_path: Any
) -> None:
    from loopback_site import gif

    from crawlers.crawl import crawl
    from schemas.config import CrawlConfig, SourceConfig

    giphy.add("cat")
    (tmp_path / "stickers").mkdir()
    (tmp_path / "stickers" / "a.gif").write_bytes(gif(1000))
    files = SourceConfig(source="folder", options={"path": str(tmp_path / "stickers")})
    web = SourceConfig(source="giphy", queries=("cat",), options={"api": giphy.url})
    crawl(workspace, CrawlConfig(sources=[files]))
    (tmp_path / "stickers").rename(tmp_path / "unplugged")
    config = CrawlConfig(sources=[files, web], allow_hosts=[giphy.host], timeout_s=5)
    summary = crawl(workspace, config)
    assert (summary.stickers, list(summary.failed)) == (2, ["folder"])
    assert workspace.read("unfetched").num_rows == 0


@pytest.mark.parametrize("code", [404, 500, 403])
def test_known_media_stays_that_is_asked_for_again_and_is_not_to_be_had(
    giphy: GiphyReplica, crawl_giphy: Callable[..., CrawlSummary], code: int
) -> None:
    item = giphy.add("cat")
    crawl_giphy("cat")
    giphy.answers[f"/media/{item}.gif"] = status(code)
    assert crawl_giphy("cat", recheck_days=1e-9, attempts=1).observations == 1
    noai = body(giphy.files[f"/media/{item}.gif"], "image/gif", X_Robots_Tag="noai")
    giphy.answers[f"/media/{item}.gif"] = noai
    assert crawl_giphy("cat", recheck_days=1e-9).observations == 0


def test_a_missing_key_is_told_before_anything_is_asked(
    giphy: GiphyReplica,
    crawl_giphy: Callable[..., CrawlSummary],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("STICKERWORKS_GIPHY_KEY")
    with pytest.raises(StickerworksError, match="STICKERWORKS_GIPHY_KEY isn't set"):
        crawl_giphy("cat")
    assert giphy.asked == []
