"""Ledgers, settings and releases are found by whoever works on, and nobody's are overwritten."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.store.saved import SavedFiles

from .conftest import MakeStore

LEDGER = Path("crawl") / "ledger.sqlite"


@pytest.fixture
def saved(make_store: MakeStore, tmp_path: Path) -> Callable[[str], SavedFiles]:
    """What a machine of that name works with; all of them share the store."""

    def on(machine: str) -> SavedFiles:
        return SavedFiles(tmp_path / machine, make_store())

    return on


def note(folder: Path, word: str) -> None:
    (folder / "crawl").mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / LEDGER)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS words (word)")
        connection.execute("INSERT INTO words VALUES (?)", (word,))
        connection.commit()


def noted(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT word FROM words")]


def test_another_machine_goes_on_where_one_stopped(saved, tmp_path: Path) -> None:
    note(tmp_path / "one", "first")
    saved("one").save()
    saved("two").fetch()
    assert noted(tmp_path / "two" / LEDGER) == ["first"]
    note(tmp_path / "two", "second")
    saved("two").save()
    saved("one").fetch()
    assert noted(tmp_path / "one" / LEDGER) == ["first", "second"]
    assert not (tmp_path / "one" / "replaced").exists()


def test_a_ledger_in_use_is_saved_whole(saved, tmp_path: Path) -> None:
    note(tmp_path / "one", "first")
    with closing(sqlite3.connect(tmp_path / "one" / LEDGER)) as connection:
        connection.execute("INSERT INTO words VALUES ('second')")
        connection.commit()
        assert (tmp_path / "one" / f"{LEDGER}-wal").stat().st_size
        saved("one").save([LEDGER.as_posix()])
    saved("two").fetch()
    assert noted(tmp_path / "two" / LEDGER) == ["first", "second"]


def test_what_was_not_saved_before_a_kill_stays_and_is_saved_later(saved, tmp_path: Path) -> None:
    note(tmp_path / "one", "first")
    saved("one").save()
    note(tmp_path / "one", "second")
    saved("one").fetch()
    assert noted(tmp_path / "one" / LEDGER) == ["first", "second"]
    saved("one").save()
    saved("two").fetch()
    assert noted(tmp_path / "two" / LEDGER) == ["first", "second"]


def test_where_another_machine_went_on_ours_is_put_aside(saved, tmp_path: Path) -> None:
    note(tmp_path / "one", "first")
    saved("one").save()
    saved("two").fetch()
    note(tmp_path / "one", "lost")
    note(tmp_path / "two", "second")
    saved("two").save()
    [aside] = saved("one").fetch()
    assert noted(tmp_path / "one" / LEDGER) == ["first", "second"]
    note(tmp_path / "one", "lost as well")
    saved("two").fetch()
    note(tmp_path / "two", "third")
    saved("two").save()
    [other] = saved("one").fetch()
    assert noted(aside) == ["first", "lost"]
    assert noted(other) == ["first", "second", "lost as well"]
    assert noted(tmp_path / "one" / LEDGER) == ["first", "second", "third"]
    assert {aside.name, other.name} == {LEDGER.name}
    assert (tmp_path / "one" / "replaced") in aside.parents


def test_what_somebody_else_saved_is_not_overwritten(saved, tmp_path: Path) -> None:
    for machine in ("one", "two"):
        note(tmp_path / machine, machine)
    saved("one").save()
    with pytest.raises(StickerworksError, match="saved by somebody else meanwhile"):
        saved("two").save()
    saved("three").fetch()
    assert noted(tmp_path / "three" / LEDGER) == ["one"]


def test_a_ledger_that_was_lost_here_is_fetched_again(saved, tmp_path: Path) -> None:
    note(tmp_path / "one", "first")
    saved("one").save()
    (tmp_path / "one" / LEDGER).unlink()
    saved("one").fetch()
    assert noted(tmp_path / "one" / LEDGER) == ["first"]


def test_a_ledger_that_was_begun_anew_replaces_none(saved, tmp_path: Path) -> None:
    note(tmp_path / "one", "first")
    saved("one").save()
    with pytest.raises(StickerworksError, match="was lost while this command ran"):
        saved("one").save(["crawl/other.sqlite"])
    note(tmp_path / "new", "anew")
    os.replace(tmp_path / "new" / LEDGER, tmp_path / "one" / LEDGER)
    with pytest.raises(StickerworksError, match="was lost while this command ran"):
        saved("one").save()
    saved("two").fetch()
    assert noted(tmp_path / "two" / LEDGER) == ["first"]
    saved("one").fetch()
    assert noted(tmp_path / "one" / LEDGER) == ["first"]
    saved("one").save()


def test_a_copy_of_a_working_folder_goes_on(saved, tmp_path: Path) -> None:
    note(tmp_path / "one", "first")
    saved("one").save()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    saved("two").fetch()
    note(tmp_path / "two", "second")
    saved("two").save()
    saved("one").fetch()
    assert noted(tmp_path / "one" / LEDGER) == ["first", "second"]


def test_only_what_changed_is_written(saved, make_store: MakeStore, tmp_path: Path) -> None:
    note(tmp_path / "one", "first")
    saved("one").save()
    before = make_store().stat("saved/crawl/ledger.sqlite.zst")
    saved("one").save()
    assert make_store().stat("saved/crawl/ledger.sqlite.zst") == before


def test_passwords_scratch_and_what_is_half_made_stay_here(
    saved, make_store: MakeStore, tmp_path: Path
) -> None:
    for name in (
        "label-studio/accounts.json", "label-studio/data/label_studio.sqlite3", "scratch/a.sqlite",
        "releases/.demo.12.tmp/README.md", "cache/signals.json", "crawl/site.log",
        "stickerworks.yaml",
    ):  # fmt: skip
        (tmp_path / "one" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "one" / name).write_text("x")
    saved("one").save()
    assert list(make_store().list("")) == ["saved/stickerworks.yaml"]


def release(folder: Path, *names: str) -> None:
    for name in names or ("x-1/README.md", "x-1/data/train.parquet", ".fingerprints/x-1.json"):
        (folder / "releases" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "releases" / name).write_text(f"{folder.name} {name}")


def test_a_record_without_its_release_is_none(saved, make_store: MakeStore, tmp_path: Path) -> None:
    release(tmp_path / "one", ".fingerprints/x-1.json")
    saved("one").save()
    assert list(make_store().list("")) == []
    make_store().write("releases/.fingerprints/x-1.json", b"{}", None)
    two = saved("two")
    two.fetch()
    assert not two.has_release("x-1")
    two.fetch_release("x-1")
    assert not (tmp_path / "two" / "releases" / "x-1").exists()
    release(tmp_path / "two")
    two.save()
    assert saved("three").has_release("x-1")


def test_a_release_whose_saving_was_killed_elsewhere_is_saved_anew(
    saved, make_store: MakeStore, tmp_path: Path
) -> None:
    for name in ("x-1/README.md", "x-1/gone"):
        make_store().write(f"releases/{name}", b"one", None)
    release(tmp_path / "two")
    saved("two").save()
    saved("three").fetch_release("x-1")
    folder = tmp_path / "three" / "releases" / "x-1"
    assert (folder / "README.md").read_text() == "two x-1/README.md"
    assert not (folder / "gone").exists()


@pytest.mark.parametrize("large", [0, 64 << 20])
def test_a_release_is_there_when_its_record_is(
    saved, make_store: MakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr("pipeline.engine.store.objects.LARGE_BYTES", large)
    release(tmp_path / "one")
    saved("one").save()
    two = saved("two")
    two.fetch()
    assert not (tmp_path / "two" / "releases" / "x-1").exists()
    two.fetch_release("x-1")
    train = tmp_path / "two" / "releases" / "x-1" / "data" / "train.parquet"
    assert train.read_text() == "one x-1/data/train.parquet"
    assert set(os.listdir(train.parents[2])) == {"x-1", ".fingerprints"}
    make_store().delete(["releases/.fingerprints/x-1.json"])
    three = saved("three")
    three.fetch_release("x-1")
    assert not (tmp_path / "three" / "releases").exists()
