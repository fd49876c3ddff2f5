from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.ledger import export as export_module
from crawlers.ledger.export import ExportedShards, export
from crawlers.ledger.ledger import LEDGER, RESTORE, Blob, CrawlLedger, FetchFailure, open_ledger
from crawlers.observation import Key, Observation, columns_of
from pipeline.engine import storage
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

SHARD_ROWS = 3


@pytest.fixture
def ledger(workspace: Workspace) -> Iterator[CrawlLedger]:
    with open_ledger(workspace.root / LEDGER) as opened:
        yield opened


def _sha(name: str) -> str:
    return (name.encode().hex() * 64)[:64]


def _saw(
    ledger: CrawlLedger,
    name: str,
    place: int,
    *,
    source: str = "web",
    query: str = "cat",
    item: str = "",
) -> None:
    key = Key(source, item or f"{query}-{name}", query, "")
    columns = columns_of(Observation(key.source_id, rank=place, tags=("x",)))
    ledger.note(key, place, columns, True)
    blob = Blob(_sha(name), "gif", 10, f"media/{name}.gif", "gif")
    ledger.record_blob(key, blob, {"http_status": 200, "redirects": []})


def _export(workspace: Workspace, ledger: CrawlLedger, *sources: str) -> ExportedShards:
    return export(workspace, ledger, sources or ("web",), SHARD_ROWS)


def _files(workspace: Workspace) -> dict[str, bytes]:
    files = (path for path in workspace.tables.rglob("*") if path.is_file())
    return {str(path.relative_to(workspace.tables)): path.read_bytes() for path in files}


def _ids(workspace: Workspace, part: int | None = None) -> list[str]:
    ids: list[str] = workspace.read("stickers", part)["id"].to_pylist()
    return ids


def test_stickers_follow_the_listing_and_not_the_downloads(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    for place in (4, 0, 3, 1, 2):
        _saw(ledger, f"s{9 - place}", place)
    exported = _export(workspace, ledger)
    assert _ids(workspace) == [_sha(f"s{9 - place}") for place in range(5)]
    assert workspace.parts == (0, 1)
    assert workspace.read("media")["id"].to_pylist() == _ids(workspace)
    assert (exported.stickers, exported.observations) == (5, 5)
    assert exported.placed.stickers == {"web": 5}


def test_sources_follow_the_configuration_and_the_unconfigured_come_last(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    for source in ("a", "b", "c"):
        _saw(ledger, f"of-{source}", 0, source=source)
    _export(workspace, ledger, "c", "a")
    assert _ids(workspace) == [_sha("of-c"), _sha("of-a"), _sha("of-b")]


def test_the_same_bytes_under_several_names_are_one_sticker(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    _saw(ledger, "same", 1, query="dog", item="d")
    _saw(ledger, "same", 2, query="cat", item="b")
    _saw(ledger, "same", 2, query="cat", item="a")
    _export(workspace, ledger)
    assert len(_ids(workspace)) == 1
    seen = workspace.read("observations").select(["query", "rank", "source_id"]).to_pylist()
    assert [tuple(row.values()) for row in seen] == [
        ("cat", 2, "a"),
        ("cat", 2, "b"),
        ("dog", 1, "d"),
    ]


def test_an_export_without_news_writes_nothing(workspace: Workspace, ledger: CrawlLedger) -> None:
    for place in range(5):
        _saw(ledger, f"s{place}", place)
    _export(workspace, ledger)
    before = {path: path.stat().st_mtime_ns for path in workspace.tables.rglob("*.parquet")}
    assert _export(workspace, ledger).written == ()
    assert before == {path: path.stat().st_mtime_ns for path in workspace.tables.rglob("*.parquet")}


def test_new_stickers_are_appended_and_full_shards_stay(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    for place in range(5):
        _saw(ledger, f"s{place}", place + 10)
    _export(workspace, ledger)
    before = _files(workspace)
    _saw(ledger, "new", 0)
    _export(workspace, ledger)
    after = _files(workspace)
    changed = {name for name in after if after[name] != before.get(name)}
    assert _ids(workspace)[-1] == _sha("new")
    shards = {f"{table}/part-00001.parquet" for table in ("stickers", "media", "observations")}
    assert changed == shards | {"hosts.parquet"}


def test_a_new_observation_of_an_old_sticker_changes_its_observations_and_hosts_alone(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    for place in range(5):
        _saw(ledger, f"s{place}", place)
    _export(workspace, ledger)
    _saw(ledger, "s1", 0, query="dog")
    written = _export(workspace, ledger).written
    assert written == (workspace.path("observations", 0), workspace.path("hosts"))


def test_another_shard_size_leaves_old_shards_alone(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    for place in range(7):
        _saw(ledger, f"s{place}", place)
    _export(workspace, ledger)
    for place in range(7, 12):
        _saw(ledger, f"s{place}", place)
    export(workspace, ledger, ["web"], 2)
    assert [len(_ids(workspace, part)) for part in workspace.parts] == [3, 3, 2, 2, 2]


def test_misses_are_listed_with_their_reason(workspace: Workspace, ledger: CrawlLedger) -> None:
    for number, failure in enumerate(
        [
            FetchFailure("gone", "http_404", "gone", 1),
            FetchFailure("failed", "not_media", "html", 2),
        ]
    ):
        key = Key("web", str(number), "", "")
        ledger.note(key, number, columns_of(Observation(str(number))), False)
        ledger.record_failure(key, failure)
    ledger.note(Key("web", "pending", "", ""), 9, columns_of(Observation("pending")), False)
    assert _export(workspace, ledger).unfetched == 2
    rows = workspace.read("unfetched").to_pylist()
    assert [(row["state"], row["error_class"], row["attempts"]) for row in rows] == [
        ("gone", "http_404", 1),
        ("failed", "not_media", 2),
    ]
    assert [row["query"] for row in rows] == [None, None]
    assert [row["redistribute"] for row in rows] == [False, False]


@pytest.mark.parametrize("survivors", range(10))
def test_killed_between_files_and_run_again_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survivors: int
) -> None:
    def fill(ledger: CrawlLedger) -> None:
        for place in range(5):
            _saw(ledger, f"s{place}", place)

    whole, killed = Workspace(tmp_path / "whole"), Workspace(tmp_path / "killed")
    with open_ledger(whole.root / LEDGER) as ledger:
        fill(ledger)
        _export(whole, ledger)
    real, left = storage.write_table, survivors

    def dying(*arguments: Any) -> Any:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        return real(*arguments)

    monkeypatch.setattr(export_module, "write_table", dying)
    with open_ledger(killed.root / LEDGER) as ledger:
        fill(ledger)
        try:
            _export(killed, ledger)
        except KeyboardInterrupt:
            assert survivors < 9
    monkeypatch.setattr(export_module, "write_table", real)
    with open_ledger(killed.root / LEDGER) as ledger:
        _export(killed, ledger)
    assert _files(killed) == _files(whole)


def test_tables_of_another_ledger_are_not_mixed_with_ours(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    _saw(ledger, "a", 0)
    _export(workspace, ledger)
    with open_ledger(workspace.root / "other.sqlite") as other:
        _saw(other, "b", 0)
        with pytest.raises(StickerworksError, match="ledger") as caught:
            _export(workspace, other)
        assert RESTORE in caught.value.remedy
    assert _ids(workspace) == [_sha("a")]


_listed = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["cat", "dog"]), st.integers(0, 9)),
    unique_by=lambda saw: saw[:2],
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(_listed, st.randoms(use_true_random=False))
def test_the_order_of_recording_never_shows(
    tmp_path_factory: pytest.TempPathFactory, saw: list[Any], order: Any
) -> None:
    def made(observations: list[Any]) -> dict[str, bytes]:
        workspace = Workspace(tmp_path_factory.mktemp("w"))
        with open_ledger(workspace.root / LEDGER) as ledger:
            for name, query, place in observations:
                _saw(ledger, name, place, query=query)
            _export(workspace, ledger)
        return _files(workspace)

    shuffled = order.sample(saw, len(saw))
    assert made(shuffled) == made(saw)


def test_facts_and_columns_reach_the_observations(
    workspace: Workspace, ledger: CrawlLedger, make_row: Callable[[], dict[str, Any]]
) -> None:
    _saw(ledger, "a", 0)
    _export(workspace, ledger)
    (row,) = workspace.read("observations").to_pylist()
    assert {name: row[name] for name in make_row()} == make_row()


@pytest.fixture
def make_row() -> Callable[[], dict[str, Any]]:
    return lambda: {
        "id": _sha("a"),
        "source": "web",
        "source_id": "cat-a",
        "variant": None,
        "query": "cat",
        "rank": 0,
        "tags": ["x"],
        "licence_basis": "none",
        "redistribute": True,
        "http_status": 200,
        "redirects": [],
    }


def test_a_sticker_that_no_source_shows_keeps_its_place_without_path_or_observations(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    for place in range(3):
        _saw(ledger, f"s{place}", place)
    _export(workspace, ledger)
    ids = _ids(workspace)
    ledger.record_failure(Key("web", "cat-s1", "cat", ""), FetchFailure("gone", "missing", "gone"))
    _export(workspace, ledger)
    assert _ids(workspace) == ids
    paths = [row["path"] for row in workspace.read("media").to_pylist()]
    assert paths == ["media/s0.gif", None, "media/s2.gif"]
    assert workspace.read("observations")["id"].to_pylist() == [ids[0], ids[2]]


def test_a_path_that_shows_other_bytes_by_now_gives_way_to_one_that_does_not(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    _saw(ledger, "a", 0)
    _saw(ledger, "a", 1, query="dog")
    ledger.connection.execute("UPDATE observations SET path = '/dog/a.gif' WHERE query = 'dog'")
    _export(workspace, ledger)
    ledger.record_failure(Key("web", "cat-a", "cat", ""), FetchFailure("gone", "missing", "gone"))
    _export(workspace, ledger)
    assert workspace.read("media")["path"].to_pylist() == ["/dog/a.gif"]


def test_a_source_that_forbids_one_of_two_observations_forbids_the_sticker(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    for source, query in (("web", "cat"), ("web", "dog"), ("other", "cat")):
        _saw(ledger, "a", 0, query=query, source=source)
    ledger.connection.execute("UPDATE observations SET redistribute = 0 WHERE query = 'dog'")
    _export(workspace, ledger)
    rows = workspace.read("observations").to_pylist()
    assert [(row["source"], row["redistribute"]) for row in rows] == [
        ("other", True),
        ("web", False),
        ("web", False),
    ]
