"""A release without pictures is rebuilt from a site on loopback, and says what it lost."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest
from loopback_site import Site, body, chunked, in_turn, serving, status, truncated

from crawlers.addresses import AllowList, objection
from crawlers.fetching.resolver import CheckingResolver
from crawlers.takedown.entries import Entry
from crawlers.takedown.forms import normal_url
from crawlers.takedown.takedown import Takedown
from pipeline.engine.errors import StickerworksError
from pipeline.release.build import Release, build_release
from pipeline.release.fetching import downloads
from pipeline.release.fetching.downloads import Guard
from pipeline.release.fetching.fetch import Fetched, fetch_release
from pipeline.release.fetching.gathering import Files, Wanted, gather
from pipeline.release.fetching.rebuilding import wanted_rows
from pipeline.release.verify import verify_release
from schemas.config import Config

SECONDS = {"timeout_s": 5.0, "attempts": 2}


def guard(*allowed: str) -> Guard:
    known = AllowList.of(allowed)

    def objects(url: str) -> str | None:
        found = objection(url, known)
        return None if found is None else found.error

    return Guard(objects, partial(CheckingResolver.of, allowed))


@pytest.fixture(scope="module")
def built(drawn_once: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Path]]:
    """A site, and a release of which no row carries a picture: they are at ``/N.gif`` there."""
    with serving(Site()) as site:
        for number, row in enumerate(drawn_once.rows["observations"]):
            row["media_url"] = f"{site.url}/{number}.gif"
            row["redistribute"] = False
        yield site, released(drawn_once, tmp_path_factory.mktemp("bare")).path


@pytest.fixture
def site(built: tuple[Site, Path], drawn_once: Any) -> Site:
    """The site, as if it had never been asked."""
    site, _ = built
    site.routes.clear()
    for number, data in enumerate(drawn_once.bytes):
        site.routes[f"/{number}.gif"] = body(data, "image/gif")
    site.requests.clear()
    site.times.clear()
    return site


@pytest.fixture
def bare(built: tuple[Site, Path]) -> Path:
    return built[1]


def released(drawn: Any, tmp_path: Path) -> Release:
    config = Config.model_validate({"release": {"name": "bare", "rows_per_file": 20}})
    return build_release(drawn.write(tmp_path / "workspace"), config)


@pytest.fixture
def fetch(site: Site, tmp_path: Path) -> Callable[..., Fetched]:
    def run(source: Path, target: Path = tmp_path / "full", **crawl: Any) -> Fetched:
        settings = {**SECONDS, "allow_hosts": [site.host], **crawl}
        config = Config.model_validate({"crawl": settings, "engine": {"min_free_mb": 0}})
        return fetch_release(source, target, config, guard(*settings["allow_hosts"]))

    return run


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [
        row
        for file in sorted((folder / "data").iterdir())
        for row in pq.read_table(file).to_pylist()
    ]


def numbers(bare: Path) -> dict[str, int]:
    """Number of each wanted row, by the address that the site serves it at."""
    return {
        row.id: int(urlsplit(url).path[1:-4])
        for row in wanted_rows(bare)
        for url in row.urls
        if url.endswith(".gif")
    }


def causes(done: Fetched) -> dict[str, int]:
    return {row["cause"]: row["rows"] for row in done.facts["losses"]}


def test_everything_is_fetched_and_the_release_verifies(
    bare: Path, fetch: Callable[..., Fetched]
) -> None:
    done = fetch(bare)
    assert (done.fetched, done.facts["losses"]) == (len(rows_of(bare)), [])
    assert verify_release(done.path).problems == ()
    before, after = rows_of(bare), rows_of(done.path)
    assert [{**row, "image": None} for row in after] == before
    assert all(row["image"]["path"] == f"{row['id']}.{row['format']}" for row in after)
    assert not done.kept.exists()
    assert "Fetched copy" in (done.path / "README.md").read_text("utf-8")


def test_losses_are_told_by_host_and_cause_and_left_out(
    bare: Path, site: Site, fetch: Callable[..., Fetched]
) -> None:
    wanted = sorted(numbers(bare).values())
    answers = {
        "gone": status(404),
        "refused": status(403),
        "changed": body(b"GIF89a other bytes", "image/gif"),
        "page": body(b"<html>", "text/html"),
        "too large": chunked(b"x" * 65536, 40),
        "cut off": truncated(b"GIF89a"),
        "redirects": status(302, Location="/round"),
    }
    site.routes["/round"] = status(302, Location="/round")
    for number, answer in zip(wanted, answers.values(), strict=False):
        site.routes[f"/{number}.gif"] = answer
    done = fetch(bare, max_bytes=1_000_000, attempts=1)
    assert causes(done) == dict.fromkeys(answers, 1)
    assert {row["host"] for row in done.facts["losses"]} == {site.host}
    assert verify_release(done.path).problems == ()
    lost = pq.read_table(done.path / "lost.parquet").to_pylist()
    assert {row["id"] for row in lost}.isdisjoint(row["id"] for row in rows_of(done.path))
    assert len(lost) + len(rows_of(done.path)) == len(rows_of(bare))
    moved = done.facts["splits"]["train"]
    assert moved["rows"]["before"] > moved["rows"]["after"]
    assert 0 < moved["tags"]["distance"] < 1


def test_run_again_asks_only_for_what_failed(
    bare: Path, site: Site, fetch: Callable[..., Fetched]
) -> None:
    number = min(numbers(bare).values())
    there = site.routes[f"/{number}.gif"]
    site.routes[f"/{number}.gif"] = status(404)
    first = fetch(bare)
    assert causes(first) == {"gone": 1}
    site.routes[f"/{number}.gif"] = there
    site.requests.clear()
    second = fetch(bare)
    assert site.requests == [f"/{number}.gif"]
    assert (second.fetched, second.facts["losses"]) == (1, [])
    assert verify_release(second.path).problems == ()
    assert len(rows_of(second.path)) == len(rows_of(bare))


def test_a_run_that_ended_halfway_goes_on(
    bare: Path, site: Site, fetch: Callable[..., Fetched], tmp_path: Path, drawn_once: Any
) -> None:
    """What lies there is taken, but a file that a crash tore is not."""
    places = numbers(bare)
    files = Files(tmp_path / ".full.fetched")
    kept, torn, *_ = sorted(places)
    files.keep(kept, drawn_once.bytes[places[kept]])
    files.keep(torn, b"torn")
    with pytest.raises(StickerworksError, match="was damaged"):
        fetch(bare)
    assert f"/{places[kept]}.gif" not in site.requests
    site.requests.clear()
    assert fetch(bare).facts["losses"] == []
    assert site.requests == [f"/{places[torn]}.gif"]


def test_the_next_address_is_tried(site: Site, tmp_path: Path) -> None:
    data = b"GIF89a a file"
    id_ = hashlib.sha256(data).hexdigest()
    site.routes |= {"/old.gif": status(404), "/page": body(b"<html>", "text/html")}
    site.routes["/new"] = body(data)
    urls = tuple(f"{site.url}/{name}" for name in ("page", "new", "old.gif", "never"))
    files = Files(tmp_path / "files")
    config = Config.model_validate({"crawl": SECONDS}).crawl
    assert gather([Wanted(id_, urls)], files, config, guard(site.host)) == []
    assert files.read(id_) == data
    assert site.requests == ["/old.gif", "/page", "/new"]


def test_what_was_taken_down_is_never_asked_for(site: Site, tmp_path: Path) -> None:
    datas = [f"GIF89a {n}".encode() for n in range(4)]
    ids = [hashlib.sha256(data).hexdigest() for data in datas]
    for n, data in enumerate(datas):
        site.routes[f"/new{n}.gif"] = body(data, "image/gif")
    site.routes["/new2.gif"] = status(302, Location="/hidden.gif")
    rows = [Wanted(id_, (f"{site.url}/new{n}.gif",)) for n, id_ in enumerate(ids)]
    rows[1] = Wanted(ids[1], (*rows[1].urls, "https://gone.example/1.gif"))
    entries = [
        Entry("sha256", ids[0], 2),
        Entry("url", normal_url("https://gone.example/1.gif") or "", 3),
        Entry("url", normal_url(f"{site.url}/hidden.gif") or "", 4),
    ]
    takedown = Takedown(entries)
    plain_guard = guard(site.host)
    strict = Guard(
        plain_guard.objection,
        plain_guard.resolver,
        lambda id_, urls: bool(
            (id_ and takedown.objection_to_hash(id_)) or takedown.objection_to_urls(urls)
        ),
    )
    files = Files(tmp_path / "files")
    files.keep(ids[0], datas[0])
    config = Config.model_validate({"crawl": SECONDS}).crawl
    losses = gather(rows, files, config, strict)
    assert {loss.id: loss.cause for loss in losses} == dict.fromkeys(ids[:3], "taken down")
    assert [files.has(id_) for id_ in ids] == [False, False, False, True]
    assert sorted(site.requests) == ["/new2.gif", "/new3.gif"]


def test_private_addresses_are_never_asked(
    bare: Path, site: Site, fetch: Callable[..., Fetched]
) -> None:
    with pytest.raises(StickerworksError, match="Not one row"):
        fetch(bare, allow_hosts=["else.example"])
    assert site.requests == []


def test_a_redirect_to_a_private_address_is_not_followed(
    bare: Path, site: Site, fetch: Callable[..., Fetched]
) -> None:
    number = min(numbers(bare).values())
    site.routes[f"/{number}.gif"] = status(302, Location="http://127.0.0.2:9/x.gif")
    assert causes(fetch(bare)) == {"never fetched": 1}


def test_a_host_that_asks_for_rest_gets_it(
    bare: Path, site: Site, fetch: Callable[..., Fetched]
) -> None:
    number = min(numbers(bare).values())
    there = site.routes[f"/{number}.gif"]
    site.routes[f"/{number}.gif"] = in_turn(status(429, Retry_After="1"), there)
    assert fetch(bare).facts["losses"] == []
    assert site.gap(f"/{number}.gif") >= 1


def test_a_host_that_asks_for_a_day_is_left_alone(
    bare: Path, site: Site, fetch: Callable[..., Fetched]
) -> None:
    for name in list(site.routes):
        site.routes[name] = status(429, Retry_After="90000")
    started = time.monotonic()
    with pytest.raises(StickerworksError, match="Not one row"):
        fetch(bare, concurrency=1)
    assert time.monotonic() - started < downloads.LONGEST_REST_S
    assert len(site.requests) == 1


def test_what_is_there_and_not_ours_stays(
    bare: Path, fetch: Callable[..., Fetched], tmp_path: Path
) -> None:
    other = tmp_path / "full"
    other.mkdir()
    (other / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(StickerworksError, match="is there already"):
        fetch(bare)
    assert (other / "mine.txt").read_text(encoding="utf-8") == "keep"


def test_a_release_that_was_changed_is_refused(
    bare: Path, fetch: Callable[..., Fetched], tmp_path: Path
) -> None:
    copy = shutil.copytree(bare, tmp_path / "copy")
    (copy / "tagset.json").write_text("[]", encoding="utf-8")
    with pytest.raises(StickerworksError, match="not as it was published"):
        fetch(copy)
    with pytest.raises(StickerworksError, match="no release"):
        fetch(bare / "data")


def test_facts_are_those_of_the_file(bare: Path, fetch: Callable[..., Fetched]) -> None:
    done = fetch(bare)
    assert json.loads((done.path / "fetched.json").read_text("utf-8")) == done.facts
