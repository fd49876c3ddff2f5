"""The server offers what is screened in the order of the safety measure."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from pipeline.engine.storage import Proof, write_table
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES

# In an order of ids, and of shards, that isn't that of the scores.
SCORES = {"aa" * 32: 0.1, "bb" * 32: None, "cc" * 32: 0.7, "dd" * 32: 0.9, "ee" * 32: 0.4}


def put_scored(workspace: Workspace) -> None:
    """Kept stickers in two shards, with what the safety measure says of them."""
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8)).save(drawn, "GIF")
    decisions = {}
    for part, ids in enumerate((list(SCORES)[:3], list(SCORES)[3:])):
        rows: dict[str, list[dict[str, Any]]] = {
            "stickers": [{"id": key, "format": "gif"} for key in ids],
            "media": [{"id": key, "path": f"media/{key[:2]}/{key}.gif"} for key in ids],
            "measures": [
                {"id": key, "name": "safety", "version": 1, "value": SCORES[key]} for key in ids
            ],
        }
        for name, found in rows.items():
            table = pa.Table.from_pylist(found, schema=TABLES[name].schema)
            write_table(workspace.path(name, part), table, Proof(name, "x"))
        for row in rows["media"]:
            path = workspace.root / row["path"]
            path.parent.mkdir(parents=True)
            path.write_bytes(drawn.getvalue() + row["id"].encode())
        kept = [{"id": key, "kept": True, "outcome": "kept"} for key in ids]
        decisions[part] = pa.Table.from_pylist(kept, schema=TABLES["decisions"].schema)
    workspace.write_block("decisions", decisions, Proof("decisions", "x"))


def test_the_server_offers_the_highest_score_first(make_studio: Any, tmp_path: Path) -> None:
    studio = make_studio(Workspace(tmp_path / "workspace"))
    put_scored(studio.workspace)
    studio.label("export", "--screening", "--all", "--next", "2")
    studio.label("export", "--screening", "--all")
    rows = studio.workspace.read("tasks").to_pylist()
    by_task = {row["task"]: row["id"] for row in rows}
    assert len(by_task) == len(SCORES)
    assert {row["batch"] for row in rows} == {"s001", "s002"}
    project, seen = rows[0]["project"], []
    reviewer = studio.annotator(0)
    for _ in SCORES:
        offered = reviewer.get(f"{studio.url}/api/projects/{project}/next").json()
        blurred = bool(re.search("blur", offered["data"]["html"]))
        seen.append((by_task[offered["id"]], blurred))
        said = {"result": [], "was_cancelled": False}
        address = f"{studio.url}/api/tasks/{offered['id']}/annotations/"
        assert reviewer.post(address, json=said).ok
    highest = sorted(SCORES, key=lambda key: (SCORES[key] is None, -(SCORES[key] or 0)))
    assert seen == [(key, (SCORES[key] or 0) >= 0.5) for key in highest]
