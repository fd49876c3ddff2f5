"""Table hosts: tallies of shards add up, whatever was exported when."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crawlers.ledger.export import export
from crawlers.ledger.ledger import LEDGER, Blob, CrawlLedger, FetchFailure, open_ledger
from crawlers.observation import Key, Observation, columns_of
from pipeline.engine.workspace import Workspace


@pytest.fixture
def ledger(workspace: Workspace) -> Iterator[CrawlLedger]:
    with open_ledger(workspace.root / LEDGER) as opened:
        yield opened


def _show(ledger: CrawlLedger, name: str, host: str | None, query: str, day: int) -> None:
    url = f"https://user@{host}:8443/{name}.gif" if host else None
    observation = Observation(name, url, licence="CC0", licence_basis="item")
    key = Key("web", name, query, "")
    ledger.note(key, 0, columns_of(observation), True)
    facts = {
        "final_url": url,
        "fetched_at": f"2026-01-0{day}T00:00:00+00:00",
        "user_agent": "us/1",
        "x_robots_tag": "nosnippet" if day == 1 else None,
    }
    blob = Blob((name.encode().hex() * 64)[:64], "gif", 100, f"media/{name}.gif", None)
    ledger.record_blob(key, blob, facts if host else {})


def test_hosts_are_counted_over_all_shards_and_exports(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    _show(ledger, "a", "One.example", "cat", 3)
    _show(ledger, "a", "one.example", "dog", 3)
    _show(ledger, "b", "one.example", "cat", 1)
    export(workspace, ledger, ["web"], 1)
    _show(ledger, "c", "two.example", "cat", 2)
    _show(ledger, "d", "one.example", "cat", 5)
    _show(ledger, "e", None, "cat", 5)
    for number, error in enumerate(["robots", "http_403"]):
        key = Key("web", f"no{number}", "cat", "")
        url = "https://three.example/no.gif"
        ledger.note(key, 0, columns_of(Observation("no", url)), True)
        ledger.record_failure(key, FetchFailure("refused", error, "no"))
    export(workspace, ledger, ["web"], 1)
    rows = workspace.read("hosts").to_pylist()
    assert [row["host"] for row in rows] == ["one.example", None, "two.example", "three.example"]
    one, local, _, three = rows
    assert (one["files"], one["stickers"], one["nbytes"]) == (3, 3, 300)
    assert (one["first_fetched"][:10], one["last_fetched"][:10]) == ("2026-01-01", "2026-01-05")
    assert one["licences"] == [{"value": "CC0", "files": 3}]
    assert one["signals"] == [{"value": "x_robots_tag", "files": 1}]
    assert one["user_agents"] == [{"value": "us/1", "files": 3}]
    assert one["redistributable"] == 3
    assert (local["files"], local["first_fetched"]) == (1, None)
    assert (three["files"], three["refused"], three["by_preference"]) == (0, 2, 1)


def test_hosts_follow_when_only_they_are_behind(workspace: Workspace, ledger: CrawlLedger) -> None:
    _show(ledger, "a", "one.example", "cat", 3)
    export(workspace, ledger, ["web"], 1)
    before = workspace.read("hosts")
    workspace.path("hosts").unlink()
    assert export(workspace, ledger, ["web"], 1).written == (workspace.path("hosts"),)
    assert workspace.read("hosts") == before
