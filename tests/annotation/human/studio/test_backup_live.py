"""A backup of a real server while people vote and answers are imported, and its restored copy."""

from __future__ import annotations

import io
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image

from annotation.human.studio.accounts import login
from annotation.human.studio.backup import DATABASE, back_up
from annotation.human.studio.client import FOLDER, connect
from annotation.human.studio.files import allow_files
from annotation.human.studio.importing import import_server
from annotation.human.studio.ledger import LEDGER, PlacedTask, Planned, Project, open_ledger
from annotation.human.studio.restore import restore
from annotation.human.studio.server import stop
from annotation.human.studio.server_paths import ServerPaths, read_accounts
from annotation.human.studio.shown_again import show_again
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof, write_table
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.labelling import LabelConfig
from schemas.tables import TABLES

STICKERS = tuple(f"{n:02x}" * 32 for n in range(24))
VIEW = """<View><Text name="t" value="$t"/>
<Choices name="c" toName="t"><Choice value="x"/></Choices></View>"""
SAID = {"result": [], "was_cancelled": True}


def keep_skipping(
    url: str, session: Any, tasks: list[int], acknowledged: list[int], ended: threading.Event
) -> None:
    """Skip task after task, again and again, and note which answers the server acknowledged."""
    for task in cycle(tasks):
        if ended.is_set():
            return
        reply = session.post(f"{url}/api/tasks/{task}/annotations/", json=SAID)
        assert reply.ok, reply.text
        acknowledged.append(int(reply.json()["id"]))


def ask(studio: Any) -> list[int]:
    """Make a task of every sticker; their numbers."""
    connection = studio.connection
    made = connection.client.projects.create(title="a project", label_config=VIEW)
    allow_files(connection.client, made.id, connection.files)
    rows = [{"data": {"t": "x", "sticker_id": sticker}} for sticker in STICKERS]
    answer = connection.client.projects.import_tasks(made.id, request=rows, return_task_ids=True)
    with open_ledger(studio.workspace.root) as ledger:
        ledger.add_project(Project(made.id, "labelling", "v1", "x", None, None))
        ledger.plan(Planned("labelling", s, "v1", "b1", gold=False, blind=False) for s in STICKERS)
        placed = [PlacedTask(s, n, None) for s, n in zip(STICKERS, answer.task_ids, strict=True)]
        ledger.place("labelling", made.id, "2026-01-01", placed)
    return list(answer.task_ids)


def put_stickers(workspace: Workspace, count: int) -> None:
    """The tables of stickers of which a file lies in a workspace."""
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8)).save(drawn, "GIF")
    rows = {"stickers": [], "media": []}
    for sticker in STICKERS[:count]:
        path = workspace.media / sticker[:2] / f"{sticker}.gif"
        path.parent.mkdir(parents=True)
        path.write_bytes(drawn.getvalue())
        rows["stickers"].append({"id": sticker, "format": "gif"})
        inner = path.relative_to(workspace.root).as_posix()
        rows["media"].append({"id": sticker, "path": inner})
    for name, found in rows.items():
        table = pa.Table.from_pylist(found, schema=TABLES[name].schema)
        write_table(workspace.path(name, 0), table, Proof(name, "x"))


def import_all_the_time(studio: Any, ended: threading.Event) -> None:
    """What a lead does who can't wait."""
    while not ended.is_set():
        with open_ledger(studio.workspace.root) as ledger:
            import_server(studio.connection, ledger, reconcile_hours=0)


def imported(studio: Any) -> int:
    """How many answers are in the ledger, which an import may be writing to."""
    with closing(sqlite3.connect(studio.workspace.root / LEDGER, 60)) as ledger:
        return int(ledger.execute("SELECT count(*) FROM annotations").fetchone()[0])


def test_nothing_is_lost_that_was_acknowledged_before(
    make_studio: Any, free_port: Any, tmp_path: Path
) -> None:
    studio = make_studio(Workspace(tmp_path / "here"))
    url, tasks = studio.url, ask(studio)
    told: list[int] = []
    ended = threading.Event()
    saved, before = tmp_path / "saved.tar.gz", []
    with ThreadPoolExecutor() as pool:
        working = [
            pool.submit(keep_skipping, url, studio.annotator(n), tasks, told, ended)
            for n in range(3)
        ]
        working.append(pool.submit(import_all_the_time, studio, ended))

        def wait_for(more: int) -> None:
            while len(told) < len(before) + more and not any(one.done() for one in working):
                ended.wait(0.05)

        try:
            known = 0
            while not known:  # the last one counts, made after something was imported
                wait_for(8)
                known, before = imported(studio), list(told)
                back_up(studio.workspace, Config(), saved, replace=True)
                assert not any(one.done() for one in working)
            wait_for(1)
        finally:
            ended.set()
        for one in working:
            one.result()
    assert len(before) < len(told)

    there = Workspace(tmp_path / "else" / "there")
    put_stickers(there, 20)
    with pytest.raises(StickerworksError, match=r"runs; nothing was changed.*label stop"):
        restore(saved, studio.workspace, Config(), replace=True, say=lambda _: None)
    restore(saved, there, Config(), replace=False, say=lambda _: None)
    on_server, in_ledger = answers(there)
    assert set(before) <= on_server
    assert in_ledger <= on_server  # else it would count as deleted
    assert in_ledger

    shown = show_again(there)
    assert (shown.asked, shown.missing) == (len(STICKERS), 4)
    place, label = ServerPaths(there.root / FOLDER), LabelConfig(port=free_port())
    try:
        again = connect(there.root, label)
        name, url = label.accounts[0], again.url
        browser = login(url, name, read_accounts(place)["passwords"][name])
        path = f"stickers/{STICKERS[0][:2]}/{STICKERS[0]}.gif"
        picture = browser.get(f"{url}/data/local-files/?d={path}")
        assert (
            picture.content == (there.media / STICKERS[0][:2] / f"{STICKERS[0]}.gif").read_bytes()
        )
        with open_ledger(there.root) as ledger:
            found = import_server(again, ledger, reconcile_hours=0, full=True)
            assert (found.added, found.gone) == (len(on_server - in_ledger), 0)
            assert import_server(again, ledger, reconcile_hours=0, full=True).added == 0
    finally:
        stop(place)


def answers(workspace: Workspace) -> tuple[set[int], set[int]]:
    """Numbers of the answers on a server that doesn't run, and of those in its ledger."""
    with closing(sqlite3.connect(workspace.root / FOLDER / "data" / DATABASE)) as server:
        on_server = {row[0] for row in server.execute("SELECT id FROM task_completion")}
    with closing(sqlite3.connect(workspace.root / LEDGER)) as ledger:
        return on_server, {row[0] for row in ledger.execute("SELECT annotation FROM annotations")}
