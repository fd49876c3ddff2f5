"""The program killed while it asks: what was answered is never asked again."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

PROGRAM = Path(sys.executable).with_name("stickerworks")
ROUNDS = 4


def answered(root: Path) -> set[tuple[str, str]]:
    """Stickers and questions whose answers lie in the ledger."""
    path = root / "answers.sqlite"
    if not path.exists():
        return set()
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return set(connection.execute("SELECT sticker, asked FROM answers"))
    except sqlite3.OperationalError:
        return set()  # killed before its tables were made
    finally:
        connection.close()


@pytest.mark.slow
def test_killed_at_any_moment_nothing_answered_is_asked_again(
    shelf: Any, serve: Any, asking: Any, tmp_path: Path
) -> None:
    server = serve(latency_s=0.1)
    shelf.fill(30, shard_rows=10)
    config = asking(server, {"in_flight": 8})
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(json.loads(config.model_dump_json())))
    root = shelf.workspace.root
    command = [PROGRAM, "--config", file, "--workspace", root, "annotate"]
    chance = random.Random(5)
    for _ in range(ROUNDS):
        before = len(server.chats())
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while len(server.chats()) - before < 12:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.05)
        time.sleep(chance.uniform(0, 0.6))
        process.send_signal(signal.SIGKILL)
        process.wait()
    end = subprocess.run(command, capture_output=True, text=True, check=False)
    assert end.returncode == 0, end.stderr
    # Answers that were on their way when the program died had to be asked for a second time.
    kept = answered(root)
    total = sum(entry["complete"] for entry in server.chats())
    assert len(kept) <= total <= len(kept) + 8 * ROUNDS
    rows = shelf.rows()
    assert len({row["id"] for row in rows}) == 30
    assert not [row["error"] for row in rows if (row["error"] or "").startswith("the server")]
    # Once more: nothing is left to ask, whatever became of the tables.
    for part in shelf.workspace.parts:
        shelf.workspace.path("captions", part).unlink()
    subprocess.run(command, capture_output=True, check=True)
    assert sum(entry["complete"] for entry in server.chats()) == total
    assert shelf.rows() == rows
