"""Crawls of the loopback replica of ChineseBQB, through real child processes."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from types import ModuleType
from typing import Any

import pytest

from crawlers.addresses import is_public
from crawlers.crawl import CrawlSummary, crawl
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig

FUNNY = "001Funny_滑稽大佬😏BQB"
SECRET = "s3cr3tV4lue"

Crawl = Callable[..., CrawlSummary]


def _rows(workspace: Workspace, table: str) -> dict[str, dict[str, Any]]:
    rows: list[dict[str, Any]] = workspace.read(table).to_pylist()
    return {row["source_id"].rpartition("/")[2]: row for row in rows}


def _misses(workspace: Workspace) -> dict[str, tuple[str, str]]:
    rows = _rows(workspace, "unfetched")
    return {name: (row["state"], row["error_class"]) for name, row in rows.items()}


def _private_name() -> str | None:
    """A name of this machine that resolves to a private address, other than localhost."""
    name = socket.gethostname()
    try:
        address = socket.getaddrinfo(name, 80)[0][4][0]
    except OSError:
        return None
    ours = name.endswith((".local", ".internal", "localdomain")) or name == "localhost"
    return None if ours or is_public(ip_address(address)) else name


def test_a_crawl_fills_the_tables(
    site: Any, bqb: ModuleType, workspace: Workspace, crawl_site: Crawl
) -> None:
    names = [f"滑稽大佬{number:05d}-鼓掌.gif" for number in range(12)]
    for name in [*names, "a#b?c%d`{e}.gif"]:
        site.add(FUNNY, name)
    site.add("010Cat_猫🐱BQB", "猫00001.jpg", site.files[f"{FUNNY}/{names[1]}"])
    site.extra_entries = [None, {"name": "x"}]
    site.robots = bqb.body(b"User-agent: *\nDisallow: /private\n", "text/plain")
    summary = crawl_site(site, contact="mail@example.com")
    assert (summary.stickers, summary.observations, summary.unfetched) == (13, 14, {})
    row = _rows(workspace, "observations")[names[3]]
    expected = {
        "query": "滑稽大佬",
        "rank": 3,
        "title": "鼓掌",
        "tags": ["鼓掌"],
        "pack_id": FUNNY,
        "http_status": 200,
        "robots_decision": "allowed",
        "user_agent": "stickerworks/0.1 (+mail@example.com)",
        "resolved_ip": "127.0.0.1",
        "attempts": 1,
        "redirects": [],
        "licence_basis": "none",
    }
    assert {name: row[name] for name in expected} == expected
    assert len(row["robots_sha256"]) == 64
    assert {header["User-Agent"] for header in site.headers} == {expected["user_agent"]}
    first = [f"{FUNNY}/{name}" for name in [*names, "a#b?c%d`{e}.gif"]]
    ids = [hashlib.sha256(site.files[item]).hexdigest() for item in first]
    assert workspace.read("stickers")["id"].to_pylist() == ids
    for media in workspace.read("media").to_pylist():
        assert media["path"] == f"media/{media['id'][:2]}/{media['id']}.gif"
        data = (workspace.root / media["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == media["id"]


def _module(site: Any) -> ModuleType:
    import sys

    return sys.modules[type(site).__module__]


def _misbehave(site: Any, bqb: ModuleType, until: datetime) -> dict[str, tuple[str, str] | None]:
    """Every way to misbehave, and what must become of it; None where it must be got."""
    real = bqb.gif(1000)
    soon = format_datetime(until, usegmt=True)
    private = ("refused", "private_address")
    here = f"http://{site.host}{bqb.ROOT}"

    def to(location: str) -> Any:
        return bqb.status(302, Location=location)

    def at_first(answer: Any, number: int) -> Any:
        return bqb.in_turn(answer, bqb.body(bqb.gif(number)))

    answers: dict[str, tuple[Any, tuple[str, str] | None]] = {
        "html.gif": (bqb.body(b"<html>404</html>", "image/gif"), ("failed", "not_media")),
        "empty.gif": (bqb.body(b"", "image/gif"), ("failed", "empty")),
        "鸽": (bqb.body(b"<html>", "text/html", 404), ("gone", "http_404")),
        "huge.gif": (bqb.body(real + bytes(30_000)), ("failed", "too_large")),
        "chunked.gif": (bqb.chunked(real + bytes(4_000), 10), ("failed", "too_large")),
        "packed.gif": (
            bqb.body(gzip.compress(bytes(9_000_000)), "image/gif", Content_Encoding="gzip"),
            ("failed", "too_large"),
        ),
        "cut.gif": (bqb.truncated(real), ("retry_at", "truncated")),
        "noai.gif": (bqb.body(real, X_Robots_Tag="noai"), ("refused", "opt_out")),
        "forbidden.gif": (bqb.status(403), ("refused", "http_403")),
        "broken.gif": (bqb.status(500), ("retry_at", "http_500")),
        "ring.gif": (to(f"{here}/A/ring.gif"), ("failed", "redirects")),
        "private.gif": (to("http://10.0.0.1/a.gif"), private),
        "short.gif": (to("http://127.1/a.gif"), private),
        "port.gif": (to("http://127.0.0.1:1/a.gif"), private),
        "file.gif": (to("file:///etc/passwd"), ("failed", "http_302")),
        "index.gif": (to(f"{here}/{bqb.INDEX}"), ("failed", "not_media")),
        "busy.gif": (at_first(bqb.status(429, Retry_After="1"), 1001), None),
        "later.gif": (at_first(bqb.status(503, Retry_After=soon), 1002), None),
        "moved.gif": (to(f"{here}/A/good.gif?token={SECRET}"), None),
    }  # fmt: skip
    name = _private_name()
    if name is not None:
        location = f"http://{name}:{site.port}{bqb.ROOT}/A/good.gif"
        answers["name.gif"] = (to(location), private)
    for item, (answer, _) in answers.items():
        site.add("A", item, b"?")
        site.answers[f"A/{item}"] = answer
    site.add("A", "good.gif")
    site.answers[f"A/good.gif?token={SECRET}"] = bqb.body(site.files["A/good.gif"])
    return {item: outcome for item, (_, outcome) in answers.items()}


def test_every_misbehaviour_has_its_reason_and_only_transient_ones_are_tried_again(
    site: Any, bqb: ModuleType, workspace: Workspace, crawl_site: Crawl
) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    outcomes = _misbehave(site, bqb, until)
    crawl_site(site, max_bytes=20_000)
    wanted = {name: outcome for name, outcome in outcomes.items() if outcome is not None}
    assert _misses(workspace) == wanted
    seen = _rows(workspace, "observations")
    assert set(seen) == {"good.gif"} | {name for name in outcomes if outcomes[name] is None}
    assert (seen["busy.gif"]["attempts"], seen["later.gif"]["attempts"]) == (2, 2)
    assert site.gap("busy.gif") >= 1
    assert site.last("later.gif") >= until.timestamp() - 0.01  # two clocks differ by less
    assert len(seen["moved.gif"]["redirects"]) == 1
    assert seen["moved.gif"]["id"] == seen["good.gif"]["id"]
    missed = _rows(workspace, "unfetched")
    assert missed["broken.gif"]["attempts"] == 3
    assert missed["short.gif"]["error"].endswith("127.1 is the private address 127.0.0.1")
    site.requests.clear()
    site.answers |= {"A/cut.gif": bqb.body(bqb.gif(2000)), "A/broken.gif": bqb.status(404)}
    summary = crawl_site(site, max_bytes=20_000)
    assert set(site.media_requests()) == {"A/cut.gif", "A/broken.gif"}
    assert summary.new_stickers == 1
    assert "cut.gif" not in _misses(workspace)
    site.requests.clear()
    crawl_site(site, max_bytes=60_000)
    assert "huge.gif" not in _misses(workspace)
    assert "A/鸽" not in site.media_requests()


@pytest.fixture
def other_site(bqb: ModuleType) -> Iterator[Any]:
    """A second host, which nobody has asked for its robots.txt yet."""
    with bqb.serving(bqb.Replica()) as replica:
        yield replica


def test_nothing_disallowed_is_fetched_while_robots_txt_is_on_its_way(
    site: Any, other_site: Any, bqb: ModuleType, config_for: Any, workspace: Workspace
) -> None:
    rules = f"User-agent: otherbot\nDisallow: /\n\nUser-agent: *\nDisallow: {bqb.ROOT}/B/\n"
    other_site.robots = bqb.body(rules.encode(), "text/plain")
    other_site.robots_delay_s = 0.5
    for number in range(10):
        for pack in "AB":
            item = site.add(pack, f"{number}.gif")
            other_site.files[item] = site.files[item]
            location = f"http://{other_site.host}{bqb.ROOT}/{item}"
            site.answers[item] = bqb.status(302, Location=location)
    hosts = [site.host, other_site.host]
    assert crawl(workspace, config_for(site, allow_hosts=hosts)).unfetched == {"robots": 10}
    assert {item[0] for item in other_site.media_requests()} == {"A"}
    assert other_site.requests.count("/robots.txt") == 1
    assert other_site.requests[0] == "/robots.txt"
    other_site.requests.clear()
    config = config_for(site, allow_hosts=hosts, obey_robots=False)
    assert crawl(workspace, config).unfetched == {}
    assert {item[0] for item in other_site.media_requests()} == {"B"}


def test_known_stickers_are_listed_again_and_not_fetched(
    site: Any, workspace: Workspace, crawl_site: Crawl
) -> None:
    for number in range(10):
        site.add("A", f"{number}.gif")
    crawl_site(site)
    before = {path: path.read_bytes() for path in workspace.tables.rglob("*.parquet")}
    lost = workspace.root / workspace.read("media")["path"][4].as_py()
    lost.unlink()
    site.requests.clear()
    summary = crawl_site(site)
    assert site.media_requests() == ["A/4.gif"]
    assert (summary.new_stickers, summary.stickers) == (0, 10)
    after = {path: path.read_bytes() for path in workspace.tables.rglob("*.parquet")}
    moments = {"observations", "queries", "hosts"}  # tables that say when
    unchanged = [path for path in before if not moments & {path.parent.name, path.stem}]
    assert all(after[path] == before[path] for path in unchanged)


def test_the_limit_counts_stickers_and_can_be_raised(
    site: Any, workspace: Workspace, crawl_site: Crawl
) -> None:
    for number in range(20):
        site.add("A", f"{number}.gif")
    site.files["A/1.gif"] = site.files["A/0.gif"]
    site.files["A/3.gif"] = b"<html>"
    summary = crawl_site(site, limit=5)
    assert (summary.stickers, summary.observations) == (5, 6)
    assert set(site.media_requests()) == {f"A/{number}.gif" for number in range(7)}
    first = workspace.read("stickers")["id"].to_pylist()
    site.requests.clear()
    assert crawl_site(site, limit=7).new_stickers == 2
    assert set(site.media_requests()) == {"A/7.gif", "A/8.gif"}
    assert workspace.read("stickers")["id"].to_pylist()[:5] == first


@pytest.mark.parametrize("why", ["listing", "media"])
def test_a_secret_in_an_address_reaches_no_table_log_or_error(
    site: Any, bqb: ModuleType, workspace: Workspace, crawl_site: Crawl, why: str
) -> None:
    reports: list[str] = []
    site.add("A", "a.gif")
    site.add("A", "b.gif", b"<html>")
    site.extra_entries = [
        {"name": "c.gif", "category": "A", "url": f"https://u:{SECRET}@h/?api_key={SECRET}"}
    ]
    location = f"http://{site.host}{bqb.ROOT}/A/a.gif?access_token={SECRET}"
    site.answers["A/c.gif"] = bqb.status(302, Location=location)
    site.answers[f"A/a.gif?access_token={SECRET}"] = bqb.chunked(bytes(5000), 20)
    url = f"{site.index_url}?api_key={SECRET}"
    if why == "listing":
        site.answers[f"{bqb.INDEX}?api_key={SECRET}"] = bqb.status(403)
        with pytest.raises(StickerworksError) as caught:
            crawl_site(site, index_url=url, max_bytes=20_000)
        reports.append(str(caught.value))
    else:
        assert crawl_site(site, index_url=url, max_bytes=20_000).unfetched["too_large"] == 1
    assert any(SECRET in request for request in site.requests)
    for table in ("observations", "unfetched", "stickers", "media"):
        reports.append(json.dumps(workspace.read(table).to_pylist()))
    assert SECRET not in "".join(reports)
    for path in workspace.root.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_crawl_delay_is_kept(site: Any, bqb: ModuleType, crawl_site: Crawl) -> None:
    import time

    site.robots = bqb.body(b"User-agent: *\nCrawl-delay: 0.3\n", "text/plain")
    for number in range(5):
        site.add("A", f"{number}.gif")
    started = time.monotonic()
    crawl_site(site)
    assert time.monotonic() - started >= 5 * 0.3


def test_a_page_instead_of_media_is_believed_after_three_crawls(
    site: Any, bqb: ModuleType, workspace: Workspace, crawl_site: Crawl
) -> None:
    items = [site.add("A", name) for name in ("a.gif", "portal.gif", "page.gif")]
    page = bqb.body(b"<html>sign in", "text/html; charset=utf-8")
    site.answers |= dict.fromkeys(items[1:], page)
    crawl_site(site)
    tables = {path: path.read_bytes() for path in workspace.tables.rglob("part-*.parquet")}
    misses = workspace.read("unfetched").drop_columns(["fetched_at"])
    assert _misses(workspace)["page.gif"] == ("failed", "not_media")
    site.requests.clear()
    crawl_site(site)
    assert tables == {path: path.read_bytes() for path in workspace.tables.rglob("part-*.parquet")}
    assert misses == workspace.read("unfetched").drop_columns(["fetched_at"])
    assert set(site.media_requests()) == set(items[1:])
    del site.answers["A/portal.gif"]
    assert crawl_site(site).new_stickers == 1
    site.requests.clear()
    crawl_site(site)
    assert site.media_requests() == []


def test_of_two_sources_of_one_name_the_one_that_forbids_wins(
    site: Any, workspace: Workspace, config_for: Callable[..., CrawlConfig]
) -> None:
    for number in range(3):
        site.add("A", f"{number}.gif")
    config = config_for(site)
    (source,) = config.sources
    for allowed in ((False, True), (True, False)):
        sources = [
            source.model_copy(update={"redistribute": value, "limit": limit})
            for value, limit in zip(allowed, (2, 3), strict=True)
        ]
        crawl(workspace, config.model_copy(update={"sources": sources}))
        rows = workspace.read("observations").to_pylist()
        given = {row["source_id"]: row["redistribute"] for row in rows}
        assert given == {f"A/{n}.gif": n == 2 and allowed[1] for n in range(3)}
