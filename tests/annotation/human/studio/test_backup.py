"""Backup and restore: what is saved, what is refused, and that people lose nothing."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import sqlite3
import stat
import tarfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.human.studio import backup, backup_file, ledger_sql, restore
from annotation.human.studio.backup import DATABASE, back_up
from annotation.human.studio.backup_file import Manifest, Part, read_backup, write_backup
from annotation.human.studio.client import FOLDER
from annotation.human.studio.ledger import (
    LEDGER,
    AnnotationVersion,
    PlacedTask,
    Planned,
    Project,
    open_ledger,
)
from annotation.human.studio.server_paths import ServerPaths
from pipeline.engine.database import copy_database
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof, write_table
from pipeline.engine.store.location import open_address
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.storage import StorageConfig
from schemas.tables import TABLES

STICKERS = ("ab" * 32, "cd" * 32)


def fill(root: Path) -> Workspace:
    """A workspace of two votes, with all that a server keeps, none of which runs."""
    workspace, place = Workspace(root), ServerPaths(root / FOLDER)
    with open_ledger(root) as ledger:
        ledger.add_project(
            Project(
                project=7,
                purpose="labelling",
                ballot="v1",
                interface="x",
                cursor=None,
                reconciled_at=None,
            )
        )
        for number, sticker in enumerate(STICKERS, 1):
            ledger.plan([Planned("labelling", sticker, "v1", "b1", gold=False, blind=False)])
            ledger.place("labelling", 7, "2026-01-01", [PlacedTask(sticker, number, None)])
            said = AnnotationVersion("server", 7, number, sticker, number, "d", "{}")
            ledger.append([said], (), "2026-01-01")
    (place.data / "media" / "avatars").mkdir(parents=True)
    (place.data / "media" / "avatars" / "小猫.png").write_bytes(b"a face")
    (place.data / ".env").write_text("SECRET_KEY=hidden", encoding="utf-8")
    (place.data / "export").mkdir()
    (place.data / "export" / "all.json").write_text("{}", encoding="utf-8")
    with closing(sqlite3.connect(place.data / DATABASE)) as server, server:
        server.execute("CREATE TABLE io_storages_localfilesmixin (id INTEGER, path TEXT)")
        shown = [(1, f"{place.files}/stickers"), (2, f"{place.files}"), (3, f"{place.files}2/x")]
        server.executemany("INSERT INTO io_storages_localfilesmixin VALUES (?, ?)", shown)
    place.accounts.write_text('{"token": "t", "passwords": {"a@b": "hidden"}}', encoding="utf-8")
    rows = [{"id": sticker, "annotator": "a@b", "tags": ["笑"]} for sticker in STICKERS]
    put_votes(workspace, rows)
    (root / "stickerworks.yaml").write_text("label: {batch_size: 7}\n", encoding="utf-8")
    return workspace


def put_votes(workspace: Workspace, rows: list[dict[str, Any]]) -> None:
    fixed = {"origin": "label_studio", "simulated": False}
    table = pa.Table.from_pylist([fixed | row for row in rows], schema=TABLES["votes"].schema)
    write_table(workspace.path("votes"), table, Proof("label votes", "ledger"))


@pytest.fixture
def filled(tmp_path: Path) -> Workspace:
    return fill(tmp_path / "here")


@pytest.fixture
def saved(filled: Workspace, tmp_path: Path) -> Path:
    return back_up(filled, Config(), tmp_path / "saved.tar.gz", replace=False).path


def bring(source: Path, root: Path, *, over: bool = False) -> restore.Restored:
    workspace = Workspace(root)
    with workspace.lock("label restore"):
        return restore.restore(source, workspace, Config(), replace=over, say=lambda _: None)


def content(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_everything_comes_back_elsewhere(filled, saved, tmp_path):
    there = tmp_path / "elsewhere" / "there"
    assert bring(saved, there).aside is None
    before, after = content(filled.root), content(there)
    left_out = {name for name in before if "/data/export/" in name}
    assert before.keys() - after.keys() == left_out
    changed = {name for name in after if before[name] != after[name]}
    assert changed <= {LEDGER.as_posix(), f"{FOLDER}/data/{DATABASE}"}
    with open_ledger(there) as ledger:
        assert [row["sticker"] for row in ledger.everything()] == list(STICKERS)
    for secret in (f"{FOLDER}/accounts.json", f"{FOLDER}/data/.env"):
        assert stat.S_IMODE((there / secret).stat().st_mode) == 0o600
    assert stat.S_IMODE((there / FOLDER / "data").stat().st_mode) == 0o700


def test_the_server_shows_files_of_the_new_place_and_of_no_other(saved, tmp_path, filled):
    bring(saved, tmp_path / "there")
    with closing(sqlite3.connect(tmp_path / "there" / FOLDER / "data" / DATABASE)) as server:
        paths = [row[0] for row in server.execute("SELECT path FROM io_storages_localfilesmixin")]
    files = tmp_path / "there" / FOLDER / "files"
    assert paths == [f"{files}/stickers", f"{files}", f"{filled.root / FOLDER / 'files'}2/x"]


def test_only_its_owner_reads_a_backup_and_tar_can(saved):
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    with tarfile.open(saved) as tar:
        names = tar.getnames()
        assert names[0] == "manifest.json"
        held = json.load(tar.extractfile("manifest.json"))
    assert {"label-studio/ledger.sqlite", "tables/votes.parquet"} < set(names)
    assert "hidden" not in json.dumps(held)
    assert held["ledger"] == ledger_sql.VERSION
    assert list(saved.parent.glob(".*")) == []


def test_an_answer_that_is_imported_meanwhile_never_looks_deleted(
    filled, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    server = filled.root / FOLDER / "data" / DATABASE
    with closing(sqlite3.connect(server)) as connection, connection:
        connection.execute("CREATE TABLE task_completion (id INTEGER)")
        connection.executemany("INSERT INTO task_completion VALUES (?)", [(1,), (2,)])
    copied = []

    def copy_and_import(source: Path, target: Path) -> None:
        copy_database(source, target)
        copied.append(source.name)
        number = 2 + len(copied)
        with closing(sqlite3.connect(server)) as connection, connection:
            connection.execute("INSERT INTO task_completion VALUES (?)", (number,))
        with open_ledger(filled.root) as ledger:
            said = AnnotationVersion("server", 7, 1, STICKERS[0], number, "d", "{}")
            ledger.append([said], (), "2026-01-01")

    monkeypatch.setattr(backup, "copy_database", copy_and_import)
    saved = back_up(filled, Config(), tmp_path / "saved.tar.gz", replace=False).path
    assert len(copied) == 2
    bring(saved, tmp_path / "there")
    with open_ledger(tmp_path / "there") as ledger:
        known = ledger.known("server", 7)
    with closing(sqlite3.connect(tmp_path / "there" / FOLDER / "data" / DATABASE)) as connection:
        there = {row[0] for row in connection.execute("SELECT id FROM task_completion")}
    assert {1, 2} <= known <= there


def test_a_file_that_exists_is_not_replaced_unasked(filled, saved):
    before = saved.read_bytes()
    with pytest.raises(StickerworksError, match=r"exists.*--replace"):
        back_up(filled, Config(), saved, replace=False)
    assert saved.read_bytes() == before
    back_up(filled, Config(), saved, replace=True)


def test_a_folder_gets_a_name_for_each_time(filled, tmp_path):
    folder = tmp_path / "evenings"
    folder.mkdir()
    made = {back_up(filled, Config(), folder, replace=False).path for _ in range(2)}
    assert made == set(folder.iterdir())
    assert len(made) == 2


def test_two_at_once_are_both_whole(filled, tmp_path):
    target = tmp_path / "one.tar.gz"
    with ThreadPoolExecutor() as pool:
        made = [pool.submit(back_up, filled, Config(), target, replace=True) for _ in range(3)]
        assert all(one.result().path == target for one in made)
    bring(target, tmp_path / "there")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_or_read_only_disk_leaves_the_older_file(filled, saved, monkeypatch, code):
    before = saved.read_bytes()

    def refuse(*_: Any) -> None:
        raise OSError(code, "refused")

    monkeypatch.setattr(backup_file.os, "fsync", refuse)
    with pytest.raises(StickerworksError, match=r"disk is full|read-only|No permission"):
        back_up(filled, Config(), saved, replace=True)
    assert saved.read_bytes() == before
    assert list(saved.parent.glob(".*")) == []


def test_without_room_nothing_is_begun(filled, saved, monkeypatch):
    monkeypatch.setattr(backup, "likely_size", lambda *_: 1 << 60)
    with pytest.raises(StickerworksError, match="likely to write"):
        back_up(filled, Config(), saved.with_name("more.tar.gz"), replace=False)
    assert not saved.with_name("more.tar.gz").exists()


def test_a_damaged_database_is_no_backup(filled, tmp_path):
    path = filled.root / FOLDER / "data" / DATABASE
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 4096)
    with pytest.raises(StickerworksError, match="database"):
        back_up(filled, Config(), tmp_path / "a.tar.gz", replace=False)
    assert not (tmp_path / "a.tar.gz").exists()


def test_what_was_there_is_put_aside(filled, saved, tmp_path):
    before = content(filled.root)
    with pytest.raises(StickerworksError, match=r"of its own; nothing was changed.*--replace"):
        bring(saved, filled.root)
    assert content(filled.root) == before
    put_votes(filled, [])
    (filled.root / LEDGER).write_bytes(b"ruined")
    (filled.root / "stickerworks.yaml").write_text("label: {batch_size: 9}\n", encoding="utf-8")
    ruined = content(filled.root)
    aside = bring(saved, filled.root, over=True).aside
    kept = content(aside)
    assert set(kept) >= {"tables/votes.parquet", LEDGER.as_posix(), "stickerworks.yaml"}
    assert all(ruined[name] == data for name, data in kept.items())
    now = content(filled.root)
    assert now["tables/votes.parquet"] == before["tables/votes.parquet"]
    assert now["stickerworks.yaml"] == before["stickerworks.yaml"]
    with open_ledger(filled.root) as ledger:
        assert len(list(ledger.everything())) == len(STICKERS)


def test_a_restore_that_was_killed_is_finished_by_the_same_command(saved, tmp_path, monkeypatch):
    class KilledError(BaseException):
        pass

    def die(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(restore.os, "rename", die)
        with pytest.raises(KilledError):
            bring(saved, tmp_path / "there")
    assert not (tmp_path / "there" / FOLDER).exists()
    assert bring(saved, tmp_path / "there").aside is None


def test_settings_that_are_there_stay(saved, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    (there / "stickerworks.yaml").write_text("label: {batch_size: 9}\n", encoding="utf-8")
    bring(saved, there)
    assert (there / "stickerworks.yaml").read_text(encoding="utf-8") == "label: {batch_size: 9}\n"


def test_what_was_taken_down_since_does_not_come_back(saved, tmp_path):
    there = Workspace(tmp_path / "there")
    row = {"request": 1, "id": STICKERS[0]}
    table = pa.Table.from_pylist([row], schema=TABLES["tombstones"].schema)
    write_table(there.path("tombstones"), table, Proof("release takedown", "x"))
    bring(saved, there.root)
    assert there.read("votes")["id"].to_pylist() == [STICKERS[1]]
    with open_ledger(there.root) as ledger:
        assert [row["sticker"] for row in ledger.everything()] == [STICKERS[1]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    made = back_up(fill(folder / "here"), Config(), folder / "saved.tar.gz", replace=False)
    return made.path.read_bytes()


def refused(data: bytes, folder: Path) -> str:
    """Why a file is refused; a workspace isn't touched by it."""
    source, there = folder / "odd.tar.gz", folder / "odd"
    source.write_bytes(data)
    with pytest.raises(StickerworksError) as error:
        bring(source, there)
    assert set(content(there)) <= {".lock"}
    return str(error.value)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 0.999), flipped=st.integers(1, 255))
def test_a_flipped_byte_or_a_cut_is_refused(whole, tmp_path, place, flipped):
    where = int(place * len(whole))
    assert "Nothing" in refused(whole[:where], tmp_path)
    odd = bytearray(gzip.decompress(whole))
    content_ends = len(odd) - 1024
    where = int(place * content_ends)
    odd[where] ^= flipped
    source = tmp_path / "flipped.tar.gz"
    source.write_bytes(gzip.compress(bytes(odd), 1))
    # Fillings between parts, and header fields without a meaning here, may differ.
    try:
        bring(source, tmp_path / f"flipped-{where}-{flipped}")
    except StickerworksError:
        return
    before = members(whole)
    after = members(source.read_bytes())
    assert before[1:] == after[1:]


def members(data: bytes) -> list[bytes]:
    """The contents of a backup's members."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as tar:
        return [tar.extractfile(one).read() for one in tar.getmembers() if one.isreg()]


def hostile(place: str, **more: Any) -> bytes:
    """A backup with a well-formed part at a place that no backup has."""
    part = Part(place, 1, hashlib.sha256(b"x").hexdigest())
    manifest = Manifest("now", "1", "", 3, "/x", {}, (part,))
    text = json.dumps(asdict(manifest) | more).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.GNU_FORMAT) as tar:
        for name, data in (("manifest.json", text), (place, b"x")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize(
    "place",
    [
        "/etc/cron.d/x",
        "../x",
        "label-studio/data/../../x",
        "label-studio/data//x",
        "label-studio/data/./x",
        "label-studio/data/a\0b",
        "label-studio/files/stickers/x.html",
        "tables/votes.parquet/../../x",
        "media/ab/x",
        "tables/stickers.parquet",
        "tables/decisions/part-00000.parquet",
        ".lock",
        "label-studio/data/" + "a" * 300,
    ],
)
def test_places_that_no_backup_has_are_refused(tmp_path, place):
    assert "no backup has" in refused(hostile(place), tmp_path)


@pytest.mark.parametrize(
    "more",
    [
        {"format": 2},
        {"format": "[" * 50},
        {"ledger": ledger_sql.VERSION + 1},
        {"parts": [{"place": LEDGER.as_posix(), "size": 1 << 60, "sha256": "0"}]},
        {"parts": [{"place": LEDGER.as_posix(), "size": -1, "sha256": "0"}]},
        {"parts": None},
        {"tables": 3},
        {"parts": []},
    ],
)
def test_manifests_that_make_no_sense_are_refused(tmp_path, more):
    assert refused(hostile(LEDGER.as_posix(), **more), tmp_path)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.XHDTYPE]
)
def test_links_devices_and_long_headers_are_refused(tmp_path, kind):
    part = Part(LEDGER.as_posix(), 0, hashlib.sha256(b"").hexdigest())
    text = json.dumps(asdict(Manifest("now", "1", "", 3, "/x", {}, (part,)))).encode()
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb") as packed:
        for name, size, type_ in (
            ("manifest.json", len(text), tarfile.REGTYPE),
            (part.place, 0, kind),
        ):
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = size, type_, "/etc/passwd"
            packed.write(info.tobuf(tarfile.GNU_FORMAT))
            packed.write(text + bytes(-len(text) % 512) if size else b"")
        packed.write(bytes(1024))
    assert "stands where" in refused(out.getvalue(), tmp_path)


@pytest.mark.parametrize("part", ["label-studio/accounts.json", "tables/votes.parquet"])
def test_parts_that_nothing_can_read_are_refused_whatever_their_sums(filled, tmp_path, part):
    (filled.root / part).write_bytes(b"[]")
    made = back_up(filled, Config(), tmp_path / "junk.tar.gz", replace=False)
    said = refused(made.path.read_bytes(), tmp_path)
    assert "can't be used" in said
    assert ".label-restore" not in said


def test_a_bomb_is_read_no_further_than_it_says(tmp_path, whole):
    bomb = gzip.decompress(whole) + bytes(1 << 24)
    assert "follows" in refused(gzip.compress(bomb), tmp_path)


@pytest.mark.parametrize(("here", "said"), [("1.22.9", "Label Studio 9.1.0"), ("9.2.0", "")])
def test_an_older_server_is_refused_and_a_newer_one_told(
    filled, tmp_path, monkeypatch, here: str, said: str
):
    monkeypatch.setattr(backup, "program_version", lambda _: "9.1.0")
    saved = back_up(filled, Config(), tmp_path / "saved.tar.gz", replace=False).path
    monkeypatch.setattr(restore, "program_version", lambda _: here)
    told: list[str] = []
    there = Workspace(tmp_path / "there")
    if said:
        with pytest.raises(StickerworksError, match=said):
            restore.restore(saved, there, Config(), replace=False, say=told.append)
    else:
        there.root.mkdir()
        restore.restore(saved, there, Config(), replace=False, say=told.append)
        assert any("9.2.0 changes the database" in line for line in told)


def test_an_older_ledger_is_upgraded_and_saved_as_it_was(filled, tmp_path):
    path = filled.root / LEDGER
    path.unlink()
    with closing(sqlite3.connect(path)) as older, older:
        older.executescript(OLDER)
    saved = back_up(filled, Config(), tmp_path / "saved.tar.gz", replace=False)
    assert saved.manifest.ledger == 2
    bring(saved.path, tmp_path / "there")
    with open_ledger(tmp_path / "there") as ledger:
        assert [row["person"] for row in ledger.tasks()] == [""]


def test_tables_of_other_columns_are_told(filled, tmp_path, monkeypatch):
    monkeypatch.setattr(backup, "schema_digest", lambda name: f"older {name}")
    saved = back_up(filled, Config(), tmp_path / "saved.tar.gz", replace=False).path
    told: list[str] = []
    (tmp_path / "there").mkdir()
    there = Workspace(tmp_path / "there")
    restore.restore(saved, there, Config(), replace=False, say=told.append)
    assert [line for line in told if line.startswith("The columns of votes are of another")]


OLDER = """
CREATE TABLE projects (project INTEGER PRIMARY KEY, purpose TEXT, ballot TEXT, interface TEXT,
    cursor TEXT, reconciled_at TEXT);
CREATE TABLE tasks (purpose TEXT, sticker TEXT, ballot TEXT, batch TEXT, gold INTEGER,
    blind INTEGER, suggested TEXT, project INTEGER, task INTEGER, exported_at TEXT);
INSERT INTO projects VALUES (7, 'labelling', 'v1', 'x', NULL, NULL);
INSERT INTO tasks VALUES ('labelling', 'abab', 'v1', 'b1', 0, 0, NULL, 7, 1, '2026-01-01');
PRAGMA user_version = 2;
"""


@settings(max_examples=25)
@given(st.dictionaries(st.text("ab猫 .", min_size=1, max_size=120), st.binary(max_size=2000)))
def test_any_files_come_back_as_they_were(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("parts")
    places = {f"label-studio/data/{n}/{name}": data for n, (name, data) in enumerate(files.items())}
    places = {
        place: data
        for place, data in places.items()
        if backup_file._may_be(place) and len(place.encode()) < 200
    }
    parts = []
    for place, data in places.items():
        (folder / "in" / place).parent.mkdir(parents=True)
        (folder / "in" / place).write_bytes(data)
        parts.append(Part(place, len(data), hashlib.sha256(data).hexdigest()))
    manifest = Manifest("now", "1", "2", 3, "/x", {"votes": "1"}, tuple(parts))
    write_backup(folder / "file", folder / "in", manifest)
    assert read_backup(folder / "file", folder / "out", lambda _: None) == manifest
    assert content(folder / "out") == places


def test_it_goes_into_a_bucket_and_over_what_is_there(
    saved: Path, tmp_path: Path, object_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    address = f"s3://stickers/{uuid.uuid4().hex}"
    one, two = (
        open_address(
            address,
            StorageConfig(endpoint=object_store, allow_http=True, folder=str(tmp_path / name)),
        )
        for name in ("one", "two")
    )
    bring(saved, one)
    there = Workspace(one)
    assert there.read("votes")["id"].to_pylist() == list(STICKERS)
    again = back_up(there, Config(), tmp_path / "again.tar.gz", replace=False)
    assert again.manifest.parts[-1].place == "tables/votes.parquet"
    put_votes(there, [])
    aside = bring(again.path, one, over=True).aside
    assert pq.read_table(aside / "tables" / "votes.parquet").num_rows == 0
    assert there.read("votes")["id"].to_pylist() == list(STICKERS)
    Workspace(two).place.fetch()
    with open_ledger(two) as ledger:  # another machine finds it
        assert len(list(ledger.everything())) == len(STICKERS)


def test_accounts_that_change_all_the_time_are_not_backed_up_as_they_were(
    filled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts, copy = ServerPaths(filled.root / FOLDER).accounts, backup.copy_database

    def meanwhile(source: Path, target: Path) -> None:
        accounts.write_text(accounts.read_text(encoding="utf-8") + " ", encoding="utf-8")
        copy(source, target)

    monkeypatch.setattr(backup, "copy_database", meanwhile)
    with pytest.raises(StickerworksError, match=r"accounts\.json changed 5 times"):
        back_up(filled, Config(), tmp_path / "saved.tar.gz", replace=False)
    assert list(tmp_path.glob("*.tar.gz")) == []
