"""Databases are upgraded once, by whoever comes first, whole or not at all."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.engine.database import Database
from pipeline.engine.errors import StickerworksError

UPGRADE = "INSERT INTO notes VALUES ('upgraded; once'); -- a remark; it ends here\n"
SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (note TEXT);
CREATE TRIGGER IF NOT EXISTS kept BEFORE DELETE ON notes
BEGIN SELECT RAISE(ABORT, 'kept'); SELECT 1; END;
"""
DATABASE = Database("the notes", 2, SCHEMA, "writer", "write them anew.", {1: UPGRADE})


@pytest.fixture
def older(tmp_path: Path) -> Path:
    path = tmp_path / "notes.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "PRAGMA journal_mode = WAL; CREATE TABLE notes (note TEXT);"
            "INSERT INTO notes VALUES ('of before'); PRAGMA user_version = 1;"
        )
    return path


def notes(path: Path) -> tuple[int, list[str]]:
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return version, [note for (note,) in connection.execute("SELECT note FROM notes")]


def test_two_that_come_at_once_upgrade_it_once(older: Path) -> None:
    def come() -> None:
        with DATABASE.open(older):
            pass

    second = threading.Thread(target=come)
    with closing(sqlite3.connect(older, isolation_level=None)) as first:
        first.execute("BEGIN IMMEDIATE")
        second.start()
        time.sleep(0.3)  # it has looked at the file, and waits
        first.execute("INSERT INTO notes VALUES ('upgraded; once')")
        first.execute("PRAGMA user_version = 2")
        first.execute("COMMIT")
        second.join(30)
    assert notes(older) == (2, ["of before", "upgraded; once"])


def test_a_killed_upgrade_leaves_the_older_file_whole(older: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from pipeline.engine import database
real = database._execute_all
def killed(connection, script):
    real(connection, script)
    os.kill(os.getpid(), signal.SIGKILL)
database._execute_all = killed
opened = database.Database("n", 2, {SCHEMA!r}, "w", "r", {{1: {UPGRADE!r}}})
with opened.open(Path({str(older)!r})):
    pass
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert notes(older) == (1, ["of before"])
    with DATABASE.open(older):
        pass
    assert notes(older) == (2, ["of before", "upgraded; once"])


def test_an_upgrade_that_fails_changes_nothing(older: Path) -> None:
    failing = Database("the notes", 2, SCHEMA, "w", "r", {1: UPGRADE + "\nDROP TABLE absent;"})
    with pytest.raises(StickerworksError, match="no such table"), failing.open(older):
        pass
    assert notes(older) == (1, ["of before"])
