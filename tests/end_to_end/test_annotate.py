"""The demo's stickers captioned by a served model, up to the columns of a release."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from openai_server import OpenaiServer

from pipeline.engine.workspace import Workspace
from schemas.tables import DESCRIPTION_FIELDS

FIELDS = [name for name, _ in DESCRIPTION_FIELDS]
RULES = [
    ["Is there any text on the sticker", "yes"],
    ["Write down the text on the sticker", "早安"],
]


def is_chinese(text: str) -> bool:
    return any("一" <= sign <= "鿿" for sign in text)


@pytest.mark.slow
def test_all_four_sets_fill_their_columns_on_the_demos_stickers(
    demo: Any, run: Callable[..., Any], tmp_path: Path
) -> None:
    workspace = Workspace(shutil.copytree(demo.workspace, tmp_path / "workspace"))
    with OpenaiServer({"rules": RULES, "check_images": True}, tmp_path) as server:
        # The workspace brings the demo's configuration; this goes beyond it.
        asked = {"base_url": server.url, "model": "replica-vl", "revision": "r1"}
        changes = {
            "annotate.captioner": "openai",
            "annotate.options": json.dumps(asked),
            # The replica always reads the same words, which most stickers don't have.
            "annotate.accept_flags": "[unread_quote]",
            "release.version": "0.2.0",
        }
        options = ["--workspace", workspace.root, "--json"]
        options += [word for pair in changes.items() for word in ("--set", "=".join(pair))]
        annotated = run("annotate", *options)
        assert annotated.returncode == 0, annotated.stderr
        chats = server.chats()
    kept = workspace.read("decisions").to_pylist()
    moving = {row["id"] for row in workspace.read("signals").to_pylist() if row["animated"]}
    ids = {row["id"] for row in kept if row["kept"]}
    assert {entry["kind"] for entry in chats} == {"ok"}
    assert len(chats) == 12 * len(ids)
    answer = json.loads(annotated.stdout)["captions"]
    assert (answer["requests"], answer["failed"]) == (len(chats), 0)

    # Stills are shown once a request, animations as at most eight frames.
    shown = Counter(entry["images"] for entry in chats)
    assert shown[0] == 3 * len(ids)
    assert shown[1] == 9 * len(ids - moving)
    assert set(shown) <= {*range(9)}

    released = run("release", *options)
    assert released.returncode == 0, released.stderr
    rows = [
        row
        for file in sorted((workspace.releases / "demo-0.2.0" / "data").glob("*.parquet"))
        for row in pq.read_table(file).to_pylist()
    ]
    assert {row["id"] for row in rows} == ids
    for row in rows:
        assert [name for name in FIELDS if not row[name]] == []
        assert not is_chinese(row["caption_en"])
        assert not is_chinese(row["description_en"])
        assert is_chinese(row["caption_zh"])
        assert is_chinese(row["description_zh"])
        assert row["captioner"] == "openai"
        assert len(row["written_by"]) == 4
        assert all(writer.startswith("replica-vl@r1 ") for writer in row["written_by"])
