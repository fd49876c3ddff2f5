"""What becomes of one file after the other, with answers that no network gave."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from loopback_site import gif
from scrapy import Request
from scrapy.http import Response

from crawlers.fetching.media import Found, MediaFetcher
from crawlers.fetching.quota import Quota
from crawlers.fetching.source_run import SourceRun
from crawlers.ledger.ledger import LEDGER, open_ledger
from crawlers.observation import Observation
from crawlers.sources.giphy import SOURCE
from crawlers.takedown.entries import Entry
from crawlers.takedown.takedown import Takedown
from pipeline.engine.options import Options
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, SourceConfig

GIF = gif(1)
TAKEDOWN = Takedown([Entry("sha256", hashlib.sha256(GIF).hexdigest(), 1)])


class Hosts:
    """Answers by address, and what was asked; it is Scrapy's engine for a fetcher."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0

    async def download_async(self, request: Request) -> Response:
        self.asked.append(request.url)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        status, body = self.answers.get(request.url, (200, GIF))
        return Response(request.url, status, body=body, headers={"ETag": "x"}, request=request)


@pytest.fixture
def hosts() -> Hosts:
    return Hosts()


@pytest.fixture
def run_with(workspace: Workspace) -> Iterator[Callable[..., SourceRun]]:
    """Makes a run of a source in an empty ledger."""
    with open_ledger(workspace.root / LEDGER) as ledger:

        def make(**settings: Any) -> SourceRun:
            config = CrawlConfig(sources=[SourceConfig(source="giphy")], **settings)
            said: list[str] = []
            return SourceRun(
                SOURCE, Options(), True, 0, config, workspace, ledger, Quota(None), said.append
            )

        yield make


def _take(hosts: Hosts, run: SourceRun, *observations: Observation) -> list[str | None]:
    """What becomes of observations one after the other: their hashes, or none."""

    async def work() -> list[str | None]:
        fetcher = MediaFetcher(SimpleNamespace(engine=hosts), run)
        found = fetcher.note(enumerate(observations))
        return [(await fetcher.take(one))[1] for one in found]

    return asyncio.run(work())


def _found_by(query: str, number: int = 0, host: str = "h.example") -> Observation:
    return Observation(str(number), f"https://{host}/{number}.gif", query=query)


@pytest.mark.parametrize("status", [403, 404, 451, 418])
def test_what_cannot_be_had_is_asked_for_once_and_not_by_each_query(
    hosts: Hosts, run_with: Callable[..., SourceRun], status: int
) -> None:
    hosts.answers["https://h.example/0.gif"] = status, b""
    run = run_with()
    _take(hosts, run, *(_found_by(query) for query in ("cat", "dog", "猫")))
    assert len(hosts.asked) == 1
    rows = run.ledger.connection.execute("SELECT * FROM observations").fetchall()
    assert {row["error_class"] for row in rows} == {f"http_{status}"}
    assert len({(row["state"], row["facts"], row["policy"]) for row in rows}) == 1
    assert f'"http_status": {status}' in rows[2]["facts"]
    _take(hosts, run_with(max_bytes=10**6), _found_by("bird"))
    assert len(hosts.asked) == (1 if status == 404 else 2)


def test_what_nobody_was_asked_for_or_may_be_had_now_is_asked_for_by_another_query(
    hosts: Hosts, run_with: Callable[..., SourceRun]
) -> None:
    hosts.answers["https://h.example/1.gif"] = 500, b""
    without = Observation("0", None, query="cat")
    _take(hosts, run_with(), without, _found_by("cat", 1), _found_by("dog"), _found_by("dog", 1))
    assert hosts.asked == [f"https://h.example/{number}.gif" for number in (1, 0, 1)]


def test_what_the_takedown_list_refuses_by_its_bytes_is_fetched_once(
    hosts: Hosts, run_with: Callable[..., SourceRun]
) -> None:
    run = run_with()
    run.takedown = TAKEDOWN
    assert _take(hosts, run, _found_by("cat"), _found_by("dog")) == [None, None]
    assert len(hosts.asked) == 1


def test_what_a_refusing_host_made_others_share_is_to_be_tried_again_too(
    hosts: Hosts, run_with: Callable[..., SourceRun]
) -> None:
    run = run_with()
    for number in range(20):
        hosts.answers[f"https://h.example/{number}.gif"] = 403, b""
    listed = [_found_by(query, number) for number in range(20) for query in ("cat", "dog")]
    _take(hosts, run, *listed)
    assert run.error is not None
    states = "SELECT state, count(*) FROM observations GROUP BY state"
    assert [tuple(row) for row in run.ledger.connection.execute(states)] == [("retry_at", 40)]


@pytest.mark.parametrize("giving", ["unchanged", "taken down"])
def test_a_host_that_answers_with_what_we_do_not_store_gives_all_the_same(
    hosts: Hosts, run_with: Callable[..., SourceRun], giving: str
) -> None:
    good = _found_by("cat", 0, "good.example")
    run = run_with(recheck_days=1e-9)
    if giving == "unchanged":
        _take(hosts, run, good)
        hosts.answers["https://good.example/0.gif"] = 304, b""
    else:
        run.takedown = TAKEDOWN
    bad = [_found_by("cat", number, "bad.example") for number in range(1, 21)]
    for one in bad:
        hosts.answers[one.media_url or ""] = 403, b""
    _take(hosts, run, good, *bad)
    assert run.error is None


def test_a_key_in_a_text_that_is_cut_leaves_no_piece_of_itself(
    hosts: Hosts, run_with: Callable[..., SourceRun]
) -> None:
    run = run_with()
    key = "0123456789abcdefghijklmnopqrstuv"
    run.ledger.secrets = (key,)
    texts = dict.fromkeys(("title", "author", "pack_title", "licence"), "x" * 1980 + key)
    said = Observation("0", "https://h.example/0.gif", tags=(f"{'x' * 1980}{key}",), **texts)
    _take(hosts, run, said)
    (row,) = run.ledger.connection.execute("SELECT columns FROM observations").fetchall()
    assert key[:8] not in row["columns"]


def test_a_host_with_a_number_of_its_own_has_room_for_it(
    hosts: Hosts, run_with: Callable[..., SourceRun]
) -> None:
    run = run_with(concurrency=1, hosts={"H.example": {"concurrency": 6}})

    async def work() -> None:
        fetcher = MediaFetcher(SimpleNamespace(engine=hosts), run)
        listed = [_found_by("cat", number) for number in range(20)]
        found: list[Found] = fetcher.note(enumerate(listed))
        await asyncio.gather(*(fetcher.take(one) for one in found))

    asyncio.run(work())
    assert hosts.most_at_once == 12
