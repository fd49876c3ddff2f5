"""What hosts ask of crawlers, end to end: obeyed, and kept with the row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from crawlers.crawl import CrawlSummary, crawl
from pipeline.engine.workspace import Workspace

Crawl = Callable[..., CrawlSummary]
TDMREP = "/.well-known/tdmrep.json"


@pytest.fixture
def other_site(bqb: ModuleType) -> Iterator[Any]:
    """A second host, which nobody has asked for its rules yet."""
    with bqb.serving(bqb.Replica()) as replica:
        yield replica


def _rows(workspace: Workspace, table: str) -> dict[str, dict[str, Any]]:
    return {row["source_id"]: row for row in workspace.read(table).to_pylist()}


def _well_known(bqb: ModuleType, *entries: Any) -> Any:
    return bqb.body(json.dumps(entries).encode(), "application/json")


BY_HEADER: dict[str, tuple[dict[str, str], str, str]] = {
    "noai": ({"X_Robots_Tag": "noai"}, "x_robots_tag", "x-robots-tag noai"),
    "noimageai": ({"X_Robots_Tag": "NoImageAI"}, "x_robots_tag", "x-robots-tag noimageai"),
    "noml": ({"X_Robots_Tag": "all, noml"}, "x_robots_tag", "x-robots-tag noml"),
    "noindex": ({"X_Robots_Tag": "*: noindex"}, "x_robots_tag", "x-robots-tag noindex"),
    "tdm": ({"TDM_Reservation": "1"}, "tdm_reservation", "tdm-reservation 1"),
    "usage": ({"Content_Usage": "search=y, train-ai=n"}, "content_usage",
              "content-usage train-ai=n"),
}  # fmt: skip
"""Headers of a response, the column that keeps them, and what is obeyed."""

BY_FILE = (
    ("rule", "robots_content_usage", "content-usage train-ai=n"),
    ("signal", "robots_content_usage", "content-signal ai-train=no"),
    ("tdmrep", "tdmrep", "tdmrep.json tdm-reservation 1"),
)
"""The same for what robots.txt and tdmrep.json say, by the folder that they say it of."""


def _with_manifest(plain: bytes) -> bytes:
    """A GIF with the block that C2PA has for manifests."""
    head = 13 + (3 << (plain[10] & 7) + 1)
    return plain[:head] + b"\x21\xff\x0bC2PA_GIF\x01\x00\x00\x03abc\x00" + plain[head:]


def _say_everything(site: Any, bqb: ModuleType) -> None:
    """Serve a file for every way to say no, and files that say something else."""
    for name, (headers, _, _) in BY_HEADER.items():
        item = site.add("H", f"{name}.gif")
        site.answers[item] = bqb.body(site.files[item], "image/gif", **headers)
    for pack in ("rule", "signal", "tdmrep", "open"):
        site.add(pack, "a.gif")
    unknown = {"Content_Usage": "knitting=n", "TDM_Reservation": "0", "TDM_Policy": "/p"}
    item = site.add("open", "b.gif", _with_manifest(bqb.gif(99)))
    site.answers[item] = bqb.body(
        site.files[item], "image/gif", X_Robots_Tag="foo", ETag="1", **unknown
    )
    site.robots = bqb.body(
        f"User-agent: *\nContent-Usage: {bqb.ROOT}/rule/ train-ai=n\n"
        f"Content-Signal: {bqb.ROOT}/signal/ search=yes, ai-train=no\n"
        f"Content-Usage: {bqb.ROOT}/open/*.gif$ search=n".encode(),
        "text/plain",
    )
    site.routes[TDMREP] = _well_known(
        bqb,
        {"location": f"{bqb.ROOT}/tdmrep/", "tdm-reservation": 1, "tdm-policy": "https://h/p"},
        {"location": "/*/b.gif$", "tdm-reservation": 0},
    )


def test_every_way_to_say_no_is_obeyed_and_kept(
    site: Any, bqb: ModuleType, workspace: Workspace, crawl_site: Crawl
) -> None:
    _say_everything(site, bqb)
    crawl_site(site)
    missed, got = _rows(workspace, "unfetched"), _rows(workspace, "observations")
    assert set(got) == {"open/a.gif", "open/b.gif"}
    assert {(row["state"], row["error_class"]) for row in missed.values()} == {
        ("refused", "opt_out")
    }
    for name, (headers, column, obeyed) in BY_HEADER.items():
        row = missed[f"H/{name}.gif"]
        assert (row[column], row["preference"]) == (next(iter(headers.values())), obeyed)
        assert (row["http_status"], row["robots_decision"]) == (200, "allowed")
    asked = set(site.media_requests())
    for pack, column, obeyed in BY_FILE:
        row = missed[f"{pack}/a.gif"]
        assert row[column]
        assert row["preference"] == obeyed
        assert (row["http_status"], bool(row["fetched_at"])) == (None, True)
        assert f"{pack}/a.gif" not in asked
    assert json.loads(missed["tdmrep/a.gif"]["tdmrep"])["tdm-policy"] == "https://h/p"
    assert missed["rule/a.gif"]["robots_content_usage"].endswith("/rule/ train-ai=n")
    assert [site.requests.count(path) for path in ("/robots.txt", TDMREP)] == [1, 1]
    row = got["open/b.gif"]
    assert row["preference"] is None
    assert row["robots_content_usage"].endswith("/open/*.gif$ search=n")
    assert (row["x_robots_tag"], row["content_usage"]) == ("foo", "knitting=n")
    assert (row["tdm_reservation"], row["tdm_policy"]) == ("0", "/p")
    assert json.loads(row["tdmrep"])["tdm-reservation"] == 0
    assert got["open/a.gif"]["tdmrep"] is None
    c2pa = {row["id"]: row["c2pa"] for row in workspace.read("stickers").to_pylist()}
    assert c2pa == {got["open/a.gif"]["id"]: False, row["id"]: True}
    paths = {one["id"]: one["path"] for one in workspace.read("media").to_pylist()}
    assert (workspace.root / paths[row["id"]]).read_bytes() == site.files["open/b.gif"]
    site.answers["open/b.gif"] = bqb.status(304, Content_Usage="train-ai=n")
    crawl_site(site, recheck_days=1e-9)
    row = _rows(workspace, "unfetched")["open/b.gif"]
    assert (row["error_class"], row["http_status"], row["content_usage"]) == (
        "opt_out", 304, "train-ai=n",
    )  # fmt: skip


def test_preferences_can_be_kept_without_being_obeyed(
    site: Any, bqb: ModuleType, workspace: Workspace, crawl_site: Crawl
) -> None:
    _say_everything(site, bqb)
    assert crawl_site(site, obey_preferences=False).unfetched == {}
    got = _rows(workspace, "observations")
    for name, (headers, column, obeyed) in BY_HEADER.items():
        row = got[f"H/{name}.gif"]
        assert (row[column], row["preference"]) == (next(iter(headers.values())), obeyed)
    for pack, column, obeyed in BY_FILE:
        row = got[f"{pack}/a.gif"]
        assert row[column]
        assert row["preference"] == obeyed
    assert got["open/a.gif"]["preference"] is None


def test_a_site_that_keeps_a_tenth_from_training_gives_none_of_it(
    site: Any, bqb: ModuleType, workspace: Workspace, crawl_site: Crawl
) -> None:
    kept = set()
    rules = ["User-agent: *"]
    for number in range(100):
        item = site.add("A", f"{number:02d}.gif")
        if number % 20 == 3:
            site.answers[item] = bqb.body(site.files[item], Content_Usage="train-ai=n")
        elif number % 20 == 13:
            rules.append(f"Content-Usage: {bqb.ROOT}/{item} train-ai=n")
        else:
            continue
        kept.add(item)
    site.robots = bqb.body("\n".join(rules).encode(), "text/plain")
    assert crawl_site(site).unfetched == {"opt_out": 10}
    assert len(kept) == 10
    assert set(_rows(workspace, "unfetched")) == kept
    got = workspace.read("observations")
    assert got.num_rows == 90
    assert set(got["source_id"].to_pylist()) & kept == set()


def test_a_burst_to_a_new_host_gets_nothing_that_its_files_forbid(
    site: Any, other_site: Any, bqb: ModuleType, config_for: Any, workspace: Workspace
) -> None:
    """A hundred requests at once wait for one robots.txt and one tdmrep.json, all of them."""
    other_site.robots = bqb.body(
        f"User-agent: *\nDisallow: {bqb.ROOT}/B/\n"
        f"Content-Usage: {bqb.ROOT}/C/ train-ai=n\n".encode(),
        "text/plain",
    )
    other_site.robots_delay_s = 0.5
    other_site.routes[TDMREP] = _well_known(
        bqb, {"location": f"{bqb.ROOT}/D/", "tdm-reservation": 1}
    )
    for number in range(25):
        for pack in "ABCD":
            item = site.add(pack, f"{number}.gif")
            other_site.files[item] = site.files[item]
            location = f"http://{other_site.host}{bqb.ROOT}/{item}"
            site.answers[item] = bqb.status(302, Location=location)
    hosts = [site.host, other_site.host]
    config = config_for(site, allow_hosts=hosts, concurrency=100)
    assert crawl(workspace, config).unfetched == {"robots": 25, "opt_out": 50}
    assert other_site.requests[:2] == ["/robots.txt", TDMREP]
    media = other_site.requests[2:]
    assert (len(media), {path[len(bqb.ROOT) + 1] for path in media}) == (25, {"A"})
    decided = [row["robots_decision"] for row in _rows(workspace, "unfetched").values()]
    assert decided.count("disallowed") == 25


def test_what_is_said_on_a_redirect_is_obeyed_and_kept(
    site: Any, other_site: Any, bqb: ModuleType, config_for: Any, workspace: Workspace
) -> None:
    for pack in "ABC":
        item = site.add(pack, "a.gif")
        other_site.files[item] = site.files[item]
        location = f"http://{other_site.host}{bqb.ROOT}/{item}"
        said = {"A": {"X_Robots_Tag": "noai"}, "B": {"TDM_Reservation": "0"}, "C": {}}[pack]
        site.answers[item] = bqb.status(302, Location=location, **said)
    usage = f"User-agent: *\nContent-Usage: {bqb.ROOT}/%s/ %s\n"
    site.robots = bqb.body((usage % ("B", "search=n")).encode())
    other_site.robots = bqb.body((usage % ("B", "train-ai=y")).encode())
    other_site.answers["B/a.gif"] = bqb.body(site.files["B/a.gif"], TDM_Reservation="2")
    crawl(workspace, config_for(site, allow_hosts=[site.host, other_site.host]))
    got, missed = _rows(workspace, "observations"), _rows(workspace, "unfetched")
    assert (set(got), set(missed)) == ({"B/a.gif", "C/a.gif"}, {"A/a.gif"})
    row = missed["A/a.gif"]
    assert (row["error_class"], row["preference"]) == ("opt_out", "x-robots-tag noai")
    assert row["x_robots_tag"] == "noai"
    assert other_site.media_requests()
    assert "A/a.gif" not in other_site.media_requests()
    row = got["B/a.gif"]
    assert row["tdm_reservation"] == "0, 2"
    assert [rule.rpartition(" ")[2] for rule in row["robots_content_usage"].split(" | ")] == [
        "search=n", "train-ai=y",
    ]  # fmt: skip
