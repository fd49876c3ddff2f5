"""What an export leaves out is what nothing changed: its bytes are those of a whole export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawlers.ledger import export as export_module
from crawlers.ledger.export import export
from crawlers.ledger.ledger import LEDGER, Blob, CrawlLedger, FetchFailure, open_ledger
from crawlers.observation import Key, Observation, columns_of
from crawlers.queries.book import QueryBook
from pipeline.engine import storage
from pipeline.engine.workspace import Workspace

SHARD_ROWS = 3


@pytest.fixture
def ledger(workspace: Workspace) -> Iterator[CrawlLedger]:
    with open_ledger(workspace.root / LEDGER) as opened:
        yield opened


@pytest.fixture
def read_parts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Shards that exports have read from the ledger, in order."""
    parts: list[int] = []
    real = export_module.shard_tables

    def reading(connection: Any, part: int) -> Any:
        parts.append(part)
        return real(connection, part)

    monkeypatch.setattr(export_module, "shard_tables", reading)
    return parts


@dataclass
class Editor:
    """Changes a ledger as crawls, and people with SQL, do."""

    ledger: CrawlLedger
    places: dict[Key, int] = field(default_factory=dict)

    def key(self, number: int) -> Key:
        return Key("ab"[number % 2], f"item{number % 7}", ("cat", "dog", "")[number % 3], "")

    def show(self, number: int, content: int, title: str = "x") -> None:
        key = self.key(number)
        place = self.places.setdefault(key, len(self.places))
        observation = Observation(
            key.source_id,
            f"https://host{number % 3}.example/{number}.gif",
            rank=number % 4 or None,
            title=title,
            tags=("x",),
            licence=f"licence {number % 2}",
        )
        self.ledger.note(key, place, columns_of(observation), number % 5 != 0)
        name = f"{content:x}" * 64
        blob = Blob(name[:64], "gif", 10 + content, f"media/{content}-{number % 2}.gif", "gif")
        facts = {"http_status": 200, "fetched_at": f"2026-01-0{number % 9 + 1}T00:00:00+00:00"}
        self.ledger.record_blob(key, blob, facts)

    def miss(self, number: int, attempts: int) -> None:
        self.ledger.note(self.key(number), 0, columns_of(Observation("y")), True)
        state, error = (("refused", "robots"), ("gone", "http_404"))[attempts % 2]
        self.ledger.record_failure(
            self.key(number),
            FetchFailure(state, error, "no", attempts),  # type: ignore[arg-type]
        )

    def allow(self, number: int, value: int) -> None:
        self.ledger.set_redistribute("ab"[number % 2], bool(value % 2))

    def plan(self, number: int, count: int) -> None:
        book = QueryBook(self.ledger, "ab"[number % 2], "scope")
        book.plan(["cat", "dog", "bird"][: count % 4])
        for turn in book.turns((-1, -1), 1):
            book.advance(turn)

    def move(self, number: int, where: int) -> None:
        self.ledger.connection.execute(
            "UPDATE observations SET path = ? WHERE source_id = ?",
            (f"elsewhere/{where}.gif", self.key(number).source_id),
        )

    def forget(self, number: int, _: int) -> None:
        statement = "DELETE FROM observations WHERE (source, source_id, query) = (?, ?, ?)"
        key = self.key(number)
        self.ledger.connection.execute(statement, (key.source, key.source_id, key.query))

    def pack(self, number: int, content: int) -> None:
        self.ledger.connection.execute(
            "INSERT OR REPLACE INTO packed SELECT sha256, ?, ? FROM blobs WHERE nbytes = ?",
            (f"media/{number}.pack", number, 10 + content),
        )


def _export(workspace: Workspace, ledger: CrawlLedger) -> set[str]:
    written = export(workspace, ledger, ("a", "b"), SHARD_ROWS).written
    return {f"{path.parent.name}/{path.name}" for path in written}


def _files(workspace: Workspace) -> dict[str, bytes]:
    files = (path for path in workspace.tables.rglob("*.parquet"))
    return {str(path.relative_to(workspace.tables)): path.read_bytes() for path in files}


_edits = st.lists(
    st.tuples(
        st.sampled_from(
            ["show", "show", "show", "miss", "allow", "plan", "move", "forget", "pack", "export"]
        ),
        st.integers(0, 20),
        st.integers(0, 9),
    ),
    min_size=4,
    max_size=25,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_edits, st.integers(0, 12))
def test_exports_after_any_edits_give_the_bytes_of_one_into_an_empty_folder(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    edits: list[tuple[str, int, int]],
    survivors: int,
) -> None:
    # What is flushed to disk is not this test's matter, and takes most of its time.
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    workspace = Workspace(tmp_path_factory.mktemp("whole"))
    real, left = storage.write_table, survivors

    def dying(*arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left == -1:
            raise KeyboardInterrupt
        return real(*arguments)

    with open_ledger(workspace.root / LEDGER) as ledger:
        monkeypatch.setattr(export_module, "write_table", dying)
        editor = Editor(ledger)
        for kind, number, value in edits:
            if kind == "export":
                with suppress(KeyboardInterrupt):
                    _export(workspace, ledger)
            else:
                getattr(editor, kind)(number, value)
        monkeypatch.setattr(export_module, "write_table", real)
        _export(workspace, ledger)
        assert _export(workspace, ledger) == set()
        fresh = Workspace(tmp_path_factory.mktemp("fresh"))
        _export(fresh, ledger)
    assert _files(workspace) == _files(fresh)


@pytest.mark.parametrize(
    ("kind", "number", "value", "tables"),
    [
        ("show", 9, 9, {"stickers", "media", "observations", "hosts", "queries"}),
        ("miss", 4, 1, {"media", "observations", "unfetched", "hosts", "queries"}),
        ("miss", 20, 3, {"unfetched"}),
        ("allow", 2, 0, {"observations", "hosts", "unfetched"}),
        ("plan", 2, 3, {"queries"}),
        ("move", 2, 7, {"media"}),
        ("forget", 4, 0, {"media", "observations", "hosts", "queries"}),
        ("pack", 2, 2, {"media"}),
    ],
)
def test_every_kind_of_edit_reaches_its_tables_and_no_others(
    workspace: Workspace, ledger: CrawlLedger, kind: str, number: int, value: int, tables: set[str]
) -> None:
    editor = Editor(ledger)
    for shown in range(1, 6):
        editor.show(shown, shown)
    editor.miss(20, 1)
    for source in (0, 1):
        editor.plan(source, 2)
    _export(workspace, ledger)
    getattr(editor, kind)(number, value)
    written = _export(workspace, ledger)
    names = {
        name.replace(".parquet", "/").split("/")[name.startswith("tables/")] for name in written
    }
    assert names == tables


def test_an_export_reads_the_shards_that_changed_alone(
    workspace: Workspace, ledger: CrawlLedger, read_parts: list[int]
) -> None:
    editor = Editor(ledger)
    for number in range(7):
        editor.show(number, number)
    _export(workspace, ledger)
    assert read_parts == [0, 1, 2]
    read_parts.clear()
    _export(workspace, ledger)
    assert read_parts == []
    changed = ledger.connection.execute("SELECT nbytes FROM blobs WHERE part = 1").fetchone()[0]
    editor.show(changed - 10, changed - 10, title="another")
    assert _export(workspace, ledger) == {"observations/part-00001.parquet"}
    assert read_parts == [1]


def test_listing_again_what_is_known_changes_nothing(
    workspace: Workspace, ledger: CrawlLedger, read_parts: list[int]
) -> None:
    editor = Editor(ledger)
    for number in range(1, 6):
        editor.show(number, number)
    _export(workspace, ledger)
    read_parts.clear()
    for key in editor.places:
        ledger.connection.execute("UPDATE observations SET listing = 99, pass = 7")
        ledger.record_check(key)
    ledger.set_redistribute("a", True)
    assert _export(workspace, ledger) == set()
    assert read_parts == []


@pytest.mark.parametrize("table", ["stickers", "media", "observations"])
def test_a_file_that_is_lost_or_of_an_older_copy_is_written_again(
    workspace: Workspace, ledger: CrawlLedger, table: str
) -> None:
    editor = Editor(ledger)
    for number in range(1, 3):
        editor.show(number, number)
    _export(workspace, ledger)
    older = {name: data for name, data in _files(workspace).items() if name.startswith(table)}
    editor.show(3, 3)
    _export(workspace, ledger)
    whole = _files(workspace)
    for name, data in older.items():
        (workspace.tables / name).write_bytes(data)
    assert _export(workspace, ledger) == set(older)
    for name in older:
        (workspace.tables / name).unlink()
    assert _export(workspace, ledger) == set(older)
    assert _files(workspace) == whole


def test_a_table_with_another_column_is_made_again(
    workspace: Workspace, ledger: CrawlLedger, monkeypatch: pytest.MonkeyPatch, read_parts: Any
) -> None:
    Editor(ledger).show(1, 1)
    _export(workspace, ledger)
    read_parts.clear()
    monkeypatch.setattr(export_module, "_made", lambda name: f"otherwise {name}")
    assert _export(workspace, ledger) == set()
    assert read_parts == [0]


def test_queries_say_what_was_listed_and_what_became_of_it(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    book = QueryBook(ledger, "a", "scope")
    book.plan(["cat", "bird"])
    (turn,) = book.turns((-1, -1), 1)
    for number, failure in enumerate([None, "gone", "refused", "retry_at", "failed", None]):
        key = Key("a", str(number), "cat", "")
        ledger.note(key, number, columns_of(Observation(str(number))), True)
        if failure is None:
            blob = Blob(f"{number}" * 64, "gif", 1, f"media/{number}.gif", None)
            ledger.record_blob(key, blob, {})
        else:
            ledger.record_failure(key, FetchFailure(failure, "why", "so"))  # type: ignore[arg-type]
    book.fail(turn, "http_500", "the source says 500")
    _export(workspace, ledger)
    cat, bird = workspace.read("queries").to_pylist()
    counts = ("fetched", "gone", "refused", "to_retry", "failed")
    assert [cat[name] for name in counts] == [2, 1, 1, 1, 1]
    assert (cat["state"], cat["error_class"]) == ("failed", "http_500")
    assert cat["last_listed"].endswith("+00:00")
    assert [bird[name] for name in counts] == [0] * 5
    assert (bird["state"], bird["last_listed"]) == ("open", None)
    assert json.loads(bird["left"]) == [{}]


def test_a_whole_listing_counts_all_of_its_source_and_a_star_is_a_query(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    for source, queries in (("a", [""]), ("b", ["*", "cat"])):
        QueryBook(ledger, source, "scope").plan(queries)
        for query in ("cat", "*", ""):
            key = Key(source, "item", query, "")
            ledger.note(key, 0, columns_of(Observation("item")), True)
            ledger.record_blob(key, Blob("ab" * 32, "gif", 1, "media/ab.gif", None), {})
    _export(workspace, ledger)
    rows = workspace.read("queries").to_pylist()
    found = [(row["source"], row["query"], row["fetched"]) for row in rows]
    assert found == [("a", None, 3), ("b", "*", 1), ("b", "cat", 1)]


def test_new_stickers_with_one_listing_follow_their_rank(
    workspace: Workspace, ledger: CrawlLedger
) -> None:
    for name, rank in (("a", None), ("b", 10), ("c", 9)):
        key = Key("web", name, "cat", "")
        ledger.note(key, 5, columns_of(Observation(name, rank=rank)), True)
        ledger.record_blob(key, Blob(name * 64, "gif", 1, f"media/{name}.gif", None), {})
    _export(workspace, ledger)
    ids = workspace.read("stickers")["id"].to_pylist()
    assert ids == ["c" * 64, "b" * 64, "a" * 64]
