"""Data sets into the ledger: every row a sticker, a copy or told; again, interrupted, changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_tables import picture
from table_rows import put

from crawlers.crawl import crawl
from crawlers.ledger.store import store
from crawlers.local.datasets import Imported, Terms, import_rows
from crawlers.local.imported import IMPORTED, SOURCE
from pipeline.datasets.layout import Row
from pipeline.engine.workspace import Workspace
from schemas.config import Config, CrawlConfig, SourceConfig

UNSTATED = Terms()
TOLD: list[str] = []
"""What the last import told."""
ALLOWED = Terms("CC-BY-4.0", "https://example.org/terms", redistribute=True)


def row(name: str, number: int | None = None, **more: Any) -> Row:
    """A row whose picture is the number's."""
    data = None if number is None else picture(number)
    return Row(name, data, frozenset({"笑"}), {"ocr_text": "哈"}, **more)


def take(
    workspace: Workspace, *rows: Row, dataset: str = "set", terms: Terms = UNSTATED, **config: Any
) -> Imported:
    TOLD.clear()
    return import_rows(workspace, CrawlConfig(**config), dataset, rows, terms, tell=TOLD.append)


def imported(workspace: Workspace) -> list[dict[str, Any]]:
    """Rows of the table ``imported``."""
    made = [rows for _, _, rows in IMPORTED.run(workspace, {})]
    return [row for table in made for row in table.to_pylist()]


def tables(workspace: Workspace) -> dict[str, Any]:
    return {
        name: workspace.read(name).to_pylist()
        for name in ("stickers", "observations", "media", "unfetched")
    }


def accounted(found: Imported) -> int:
    return found.stickers + found.same_bytes + sum(found.failed.values())


def test_each_row_is_a_sticker_a_copy_or_told(workspace: Workspace) -> None:
    found = take(
        workspace,
        row("a", 1, split="train"),
        row("b", 2),
        row("copy of a", 1, split="test"),
        row("a", 3),
        row("gone", problem="isn't there"),
        row("nothing"),
        replace(row("text"), data=b"no picture"),
        row("many", 4, trigger_words=tuple(map(str, range(101)))),
        replace(row("tags", 5), targets=frozenset(map(str, range(101)))),
        row("long", 6, trigger_words=("x" * 2001,)),
        replace(row("record", 7), record={"text": "x" * 40_000}),
    )
    assert found.rows == 11 == accounted(found)
    assert (found.stickers, found.same_bytes, found.in_several_splits) == (2, 1, 1)
    assert found.failed == {
        "earlier_row": 1, "unusable_row": 1, "no_bytes": 1, "not_media": 1,
        "too_many_keywords": 1, "too_many_tags": 1, "too_long": 2,
    }  # fmt: skip
    assert len(TOLD) == 8
    assert len(workspace.read("unfetched")) == 7 + 99, "each trigger word is an observation"
    ids = workspace.read("stickers")["id"].to_pylist()
    assert ids == [hashlib.sha256(picture(n)).hexdigest() for n in (1, 2)]
    assert workspace.media_reader().read(workspace.read("media").to_pylist()[0]) == picture(1)


def test_a_row_says_what_the_data_set_says(workspace: Workspace) -> None:
    texts = {"ocr_text": " 你\n\u202e好 ", "domain": "Cartoon", "caption_zh": "猫", "pack": "熊"}
    record = {"token": "kept", "n": 1, "deep": {"a": [True, None]}, "said": '"}{\\'}
    origin = {"author": "ann", "licence": "CC0", "licence_basis": "item"}
    sets = ("vsd_r", "a_b", "vsd_r", "train", "../x", "")
    more = {
        "split": "test",
        "test_sets": sets,
        "record": record,
        "trigger_words": ("猫", "cat"),
        "origin": origin,
    }
    take(workspace, Row("x/y.png", picture(1), frozenset({"b", "a"}), texts, **more))
    (said,) = imported(workspace)
    kept = {name: value for name, value in said.items() if value is not None}
    assert kept.pop("record") == (
        '{"token": "kept", "n": 1, "deep": {"a": [true, null]}, "said": "\\"}{\\\\"}'
    )
    assert kept == {
        "id": hashlib.sha256(picture(1)).hexdigest(), "dataset": "set", "name": "x/y.png",
        "split": "test", "tags": ["a", "b"], "simulated": False, "domain": "cartoon",
        "ocr_text": "你\n好", "caption_zh": "猫", "test_sets": ["a_b", "vsd_r"],
    }  # fmt: skip
    seen = workspace.read("observations").to_pylist()
    assert sorted(each["query"] for each in seen) == ["cat", "猫"]
    first = seen[0]
    assert (first["source"], first["source_id"]) == (SOURCE, "set/x/y.png")
    assert (first["pack_id"], first["pack_title"], first["author"]) == ("set/熊", "熊", "ann")
    assert (first["licence"], first["licence_basis"]) == ("CC0", "item")
    assert first["redistribute"] is False, "the item's own licence is nobody's statement"


def test_bytes_are_given_on_only_where_somebody_says_so(workspace: Workspace) -> None:
    take(workspace, row("a", 1))
    assert workspace.read("observations")["redistribute"].to_pylist() == [False]
    take(workspace, row("a", 1), terms=ALLOWED)
    (seen,) = workspace.read("observations").to_pylist()
    assert (seen["redistribute"], seen["licence"], seen["licence_basis"]) == (
        True, "CC-BY-4.0", "site"
    )  # fmt: skip
    take(workspace, row("b", 1), dataset="other")
    assert set(workspace.read("observations")["redistribute"].to_pylist()) == {False}
    take(workspace, row("a", 1))
    assert set(workspace.read("observations")["redistribute"].to_pylist()) == {False}


def test_a_licence_that_a_row_states_outweighs_that_of_the_whole(workspace: Workspace) -> None:
    own = {"licence": "CC-BY-NC-ND-4.0", "licence_url": "https://example.org/own"}
    found = take(
        workspace,
        row("a", 1, origin=own),
        row("b", 2, origin={**own, "licence_basis": "site"}),
        row("c", 3, origin={"licence": " ", "licence_basis": "item"}),
        row("d", 4),
        terms=ALLOWED,
    )
    assert (found.own_licence, found.own_licences) == (2, {"CC-BY-NC-ND-4.0": 2})
    seen = workspace.read("observations").sort_by("source_id").to_pylist()
    assert [(each["licence"], each["licence_url"], each["licence_basis"]) for each in seen] == [
        ("CC-BY-NC-ND-4.0", "https://example.org/own", "item"),
        ("CC-BY-NC-ND-4.0", "https://example.org/own", "site"),
        ("CC-BY-4.0", "https://example.org/terms", "site"),
        ("CC-BY-4.0", "https://example.org/terms", "site"),
    ]
    assert all(each["redistribute"] for each in seen), "that is the word of whoever imports"


def test_importing_again_brings_nothing_new(workspace: Workspace) -> None:
    rows = [row("a", 1), row("b", 2), row("gone", problem="isn't there")]
    first = take(workspace, *rows)
    before = tables(workspace)
    again = take(workspace, *rows)
    assert (first.new_stickers, again.new_stickers, again.new_bytes) == (2, 0, 0)
    assert (again.stickers, again.rows) == (2, 3)
    assert tables(workspace) == before


def test_what_a_data_set_holds_no_more_is_gone_and_others_stay(workspace: Workspace) -> None:
    take(workspace, row("a", 1), dataset="set-2")
    take(workspace, row("a", 1), row("b", 2))
    found = take(workspace, row("b", 2), row("c", 3))
    assert (found.gone, found.new_stickers) == (1, 1)
    assert [(each["dataset"], each["name"]) for each in imported(workspace)] == [
        ("set-2", "a"), ("set", "b"), ("set", "c")
    ]  # fmt: skip
    assert workspace.read("unfetched")["source_id"].to_pylist() == ["set/a"]


def test_a_crawl_of_a_folder_leaves_what_was_imported(workspace: Workspace, folder: Path) -> None:
    take(workspace, row("a", 1))
    (folder / "own.png").write_bytes(picture(2))
    source = SourceConfig(source="folder", options={"path": str(folder)})
    crawl(workspace, CrawlConfig(sources=[source]))
    assert len(workspace.read("stickers")) == 2
    assert len(imported(workspace)) == 1


def test_a_data_set_that_breaks_off_is_taken_so_far_and_loses_nothing(
    workspace: Workspace,
) -> None:
    take(workspace, row("a", 1), row("z", 9))

    def breaking() -> Iterator[Row]:
        yield row("b", 2)
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError):
        import_rows(workspace, CrawlConfig(), "set", breaking(), Terms())
    assert len(imported(workspace)) == 3, "rows that were not reached are not gone"
    whole = [row("a", 1), row("b", 2), row("z", 9)]
    take(workspace, *whole)
    assert {each["name"] for each in imported(workspace)} == {"a", "b", "z"}


def test_an_interrupted_import_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    rows = [row(str(n), n) for n in range(5)]
    whole, broken = Workspace(tmp_path / "whole"), Workspace(tmp_path / "broken")
    take(whole, *rows)

    class KilledError(BaseException):
        pass

    def killed(until: int) -> Iterator[Row]:
        yield from rows[:until]
        raise KilledError

    for until in (0, 2, 4):
        with pytest.raises(KilledError):
            import_rows(broken, CrawlConfig(), "set", killed(until), Terms())
    take(broken, *rows)
    assert tables(broken) == tables(whole)


def test_packed_bytes_are_not_written_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def noting(workspace: Workspace, path: str, data: bytes) -> None:
        written.append(path)
        store(workspace, path, data)

    monkeypatch.setattr("crawlers.local.files.store", noting)
    rows = [row("a", 1), row("b", 2)]
    for _ in range(2):
        take(workspace, *rows, pack_media=True)
        assert list(workspace.media.glob("??/*")) == []
    assert len(written) == 2
    media = workspace.read("media").to_pylist()
    reader = workspace.media_reader()
    assert [reader.read(each) for each in media] == [picture(1), picture(2)]


def test_files_of_a_data_set_are_used_where_they_lie(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(picture(1))
    take(workspace, row("a", file=file), row("big", 2), max_bytes=len(picture(1)))
    assert workspace.read("media")["path"].to_pylist()[0] == str(file)
    too_large = len(picture(2)) > len(picture(1))
    assert len(workspace.read("unfetched")) == int(too_large)


def test_taken_down_bytes_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    listed = tmp_path / "takedown.csv"
    listed.write_text(f"kind,value\nsha256,{hashlib.sha256(picture(1)).hexdigest()}\n")
    found = take(workspace, row("a", 1), row("b", 2), takedown=str(listed))
    assert (found.failed, found.stickers) == ({"takedown": 1}, 1)
    assert accounted(found) == 2


def test_what_was_taken_down_does_not_come_back_and_leaves_no_name(workspace: Workspace) -> None:
    id_ = hashlib.sha256(picture(1)).hexdigest()
    put(workspace, "tombstones", [{"id": id_, "kind": "sha256", "request": 1, "reason": "asked"}])
    found = take(workspace, row("a name", 1), row("b", 2))
    assert (found.failed, found.stickers, TOLD) == ({"taken_down": 1}, 1, [])
    assert accounted(found) == 2
    assert len(workspace.read("unfetched")) == 0
    assert b"a name" not in (workspace.root / "crawl/ledger.sqlite").read_bytes()


NAMES = st.text(max_size=12).map(lambda text: text or "x")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            NAMES,
            st.integers(0, 3) | st.none(),
            st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers() | st.none()),
        ),
        max_size=5,
    )
)
def test_rows_of_anybody_are_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, given_: list[tuple[str, int | None, dict[str, Any]]]
) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("w"))
    rows = [row(name, number, record=record) for name, number, record in given_]
    found = take(workspace, *rows)
    assert found.rows == len(rows) == accounted(found)
    told = imported(workspace)
    assert len(told) == found.stickers + found.same_bytes
    assert {each["id"] for each in told} == set(workspace.read("stickers")["id"].to_pylist())


def test_the_step_depends_on_no_setting(workspace: Workspace) -> None:
    take(workspace, row("a", 1))
    assert IMPORTED.settings(Config()) == {}
    assert IMPORTED.reads == ("observations",)
