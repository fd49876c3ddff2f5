"""What the ledger says of sources and queries, and what is asked for again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crawlers.ledger.ledger import LEDGER, Blob, CrawlLedger, FetchFailure, open_ledger
from crawlers.observation import Key
from crawlers.queries.again import Retries, make_due, retries
from crawlers.queries.book import QueryBook, Turn
from crawlers.queries.forecast import forecast
from crawlers.queries.progress import queries_in_need, query_progress, source_progress
from crawlers.queries.scope import scope_of
from crawlers.source import load_source, read_options
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, SourceConfig

NAME = "chinesebqb"
QUERIES = ("cat", "dog", "fish", "bird")


def config_of(**ours: Any) -> CrawlConfig:
    return CrawlConfig(sources=[SourceConfig(source=NAME, queries=QUERIES, **ours)])


def scope() -> str:
    config = config_of()
    return scope_of(config, 0, read_options(load_source(NAME), config.sources[0], 0))


def note(ledger: CrawlLedger, item: str, query: str, failure: FetchFailure | None) -> None:
    key = Key(NAME, item, query, "")
    ledger.note(key, 0, {}, True)
    if failure is None:
        ledger.record_blob(key, Blob(item.rjust(64, "0"), "gif", 1, "media/x", None), {})
    else:
        ledger.record_failure(key, failure)


BUSY = FetchFailure("retry_at", "http_503", "busy", 3, time.time() + 3000)


@pytest.fixture
def ledger(workspace: Workspace) -> Iterator[CrawlLedger]:
    """Of four queries one is done, one as well but for a file, one failed, one isn't begun."""
    with open_ledger(workspace.root / LEDGER) as opened:
        book = QueryBook(opened, NAME, scope())
        book.plan([*QUERIES, "old"])
        book.plan(QUERIES)
        done = Turn("cat", 0, 1, 2, 3, (), 5)
        book.advance(done)
        book.advance(replace(done, query="dog", place=1))
        book.fail(Turn("fish", 2, 1, 1, 2, ({"page": 2},)), "format", "it changed")
        for item, query, failure in (
            ("1", "cat", None),
            ("2", "cat", FetchFailure("refused", "robots", "no")),
            ("1", "dog", None),
            ("3", "dog", BUSY),
            ("4", "dog", FetchFailure("failed", "not_media", "a page")),
        ):
            note(opened, item, query, failure)
        book.ask()
        yield opened


def test_a_source_is_told_with_its_reasons(ledger):
    (found,) = source_progress(ledger, config_of(per_day=7), [0])
    assert (found.open, found.done, found.failed_queries, found.set_aside) == (1, 2, 1, 1)
    counts = found.counts
    assert (counts.listed, counts.fetched, counts.known) == (5, 2, 1)
    assert counts.refused == {"robots": 1}
    assert counts.failed == {"not_media": 1}
    assert counts.to_retry == {"http_503": 1}
    assert (found.asked_today, found.per_day) == (1, 7)


def test_queries_that_need_attention_come_worst_first(ledger):
    found = queries_in_need(ledger, config_of(), [0], 20)
    assert [(one.query, one.state) for one in found] == [("fish", "failed"), ("dog", "done")]
    assert (found[0].error, found[0].left) == ("it changed", True)
    assert len(queries_in_need(ledger, config_of(), [0], 1)) == 1


def test_one_query_is_told_with_what_others_found_too(ledger):
    (found,) = query_progress(ledger, config_of(), [0], ["dog", "nobody"])
    assert (found.pages, found.total, found.left) == (2, 5, False)
    assert (found.counts.listed, found.counts.fetched, found.counts.known) == (3, 1, 1)


def test_what_failed_for_the_moment_is_due_and_its_queries_are_open(ledger):
    due = make_due(ledger, config_of(query_file="q.txt"), [0])
    assert due.positions == (0,)
    ours = due.config.sources[0]
    assert (ours.queries, ours.query_file) == (("dog", "fish"), None)
    rows = ledger.connection.execute("SELECT query, state, cursors, pages FROM queries")
    states = {row["query"]: tuple(row)[1:] for row in rows}
    assert states["cat"] == ("done", "[]", 2)
    assert states["dog"] == ("open", json.dumps([{}]), 0)
    assert states["fish"] == ("open", '[{"page": 2}]', 1)
    retry_at = "SELECT retry_at FROM observations WHERE state = 'retry_at'"
    assert ledger.connection.execute(retry_at).fetchone()[0] is None


def test_queries_that_were_set_aside_are_not_asked_again(ledger):
    QueryBook(ledger, NAME, scope()).plan(["cat", "bird"])
    assert make_due(ledger, config_of(), [0]).positions == ()
    assert list(retries(ledger, config_of(), [0])) == [Retries(NAME, {}, 0)]


def test_what_would_be_asked_again_is_what_is_made_due(ledger):
    book = QueryBook(ledger, NAME, scope())
    book.fail(Turn("bird", 3, 1, 0, 0, ()), "bad_query", "no such thing")
    expected = Retries(NAME, {"http_503": 1}, 1)
    assert list(retries(ledger, config_of(), [0, 0])) == [expected]
    assert make_due(ledger, config_of(), [0]).config.sources[0].queries == ("dog", "fish")
    note(ledger, "9", "old", BUSY)  # found by a query that nobody asks for now
    note(ledger, "8", "dog", BUSY)
    assert list(retries(ledger, config_of(), [0])) == [Retries(NAME, {"http_503": 2}, 0)]
    config = CrawlConfig(sources=[SourceConfig(source="folder", options={"path": "x"})])
    assert list(retries(ledger, config, [0])) == [Retries("folder", {}, 0)]


def test_where_nothing_failed_for_the_moment_nothing_is_due(ledger):
    ledger.connection.execute("DELETE FROM observations WHERE state = 'retry_at'")
    ledger.connection.execute("UPDATE queries SET error_class = 'bad_query'")
    assert make_due(ledger, config_of(), [0]).positions == ()


@pytest.mark.parametrize(("error_class", "whole"), [("takedown", True), ("robots", False)])
def test_what_is_on_the_takedown_list_keeps_no_query_from_ending_early(
    workspace, error_class, whole
):
    with open_ledger(workspace.root / LEDGER) as opened:
        book = QueryBook(opened, NAME, scope())
        book.plan(["cat"])
        book.advance(Turn("cat", 0, 1, 2, 3, (), whole=True))
        note(opened, "1", "cat", FetchFailure("refused", error_class, "no", policy="other"))
        book.begin("ours")
        (turn,) = book.turns((-1, -1), 5)
        assert (turn.listing_pass, turn.whole) == (2, whole)


def test_a_source_that_takes_no_queries_is_due_as_a_whole(ledger):
    config = CrawlConfig(sources=[SourceConfig(source="folder", options={"path": "x"})])
    assert make_due(ledger, config, [0]).positions == ()
    key = Key("folder", "1", "", "")
    ledger.note(key, 0, {}, True)
    ledger.record_failure(key, BUSY)
    assert make_due(ledger, config, [0]).positions == (0,)


def test_a_forecast_counts_what_is_left(ledger, workspace):
    (found,) = forecast(workspace, config_of(per_day=3, limit=10), [0])
    assert (found.queries, found.to_list, found.again) == (4, 1, False)
    assert (found.requests_left, found.limit, found.obstacles) == (2, 10, ())
    ledger.connection.execute("UPDATE queries SET state = 'done'")
    (found,) = forecast(workspace, config_of(), [0])
    assert (found.to_list, found.again, found.requests_left) == (4, True, None)


def test_a_forecast_names_what_is_in_the_way_and_makes_nothing(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("STICKERWORKS_GIPHY_KEY", raising=False)
    workspace = Workspace(tmp_path / "none")
    sources = [SourceConfig(source="giphy"), SourceConfig(source="line", queries=("cat",))]
    giphy, line = forecast(workspace, CrawlConfig(sources=sources), [0, 1])
    assert giphy.key == "STICKERWORKS_GIPHY_KEY"
    assert [said.split(".")[0] for said in giphy.obstacles] == [
        "The environment variable STICKERWORKS_GIPHY_KEY isn't set",
        "It lists nothing without queries",
    ]
    assert "crawl.sources[1].accept_terms" in line.obstacles[0]
    assert not workspace.root.exists()
