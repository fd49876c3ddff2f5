"""A small workspace of drawn stickers, and requests to take some of them down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.engine.workspace import Workspace
from pipeline.release.takedown.planning import settle
from pipeline.release.takedown.request import Request, begin

Asked = Callable[..., Request]


def carried(observations: pa.Table, ids: pa.Array) -> pa.Table:
    """Titles as keywords."""
    known = dict(enumerate(ids.to_pylist()))
    rows = observations.select(["id", "title"]).to_pylist()
    pairs = [(n, row["title"]) for n, id_ in known.items() for row in rows if row["id"] == id_]
    return pa.table({"sticker": [n for n, _ in pairs], "keyword": [title for _, title in pairs]})


@pytest.fixture
def workspace(drawn: Any, tmp_path: Path) -> Workspace:
    drawn.rows["keywords"] = [
        {"keyword": f"标题{n}", "tokens": [f"标题{n}"], "stickers": 1} for n in range(60)
    ]
    drawn.rows["clusters"] = [{"keyword": f"标题{n}", "cluster": n % 3} for n in range(60)]
    for tag, start in zip(drawn.rows["tagset"], range(3), strict=True):
        tag["exemplars"] = [f"标题{start}", f"标题{start + 3}"]
    drawn.rows["leakage"] = [
        {"kind": "author", "shared": 1, "examples": [drawn.ids[3], "https://site.example/50.gif?x"]}
    ]
    drawn.rows["group_joins"] = [
        {"id": drawn.ids[9], "what": "template", "first": drawn.ids[3], "second": drawn.ids[8]}
    ]
    for number in (3, 4, 5):
        drawn.rows["duplicates"][number]["template_id"] = drawn.ids[3]
        drawn.rows["splits"][number] |= {"group": drawn.ids[3], "split": "train"}
    drawn.rows["frames"] = [
        {"id": id_, "key_frames": [{"index": 0, "jpeg": f"frame {n}".encode()}]}
        for n, id_ in enumerate(drawn.ids)
    ]
    return drawn.write(tmp_path / "workspace")


@pytest.fixture
def ask(workspace: Workspace) -> Asked:
    """Settle a request for some ids, and write it down."""

    def make(*ids: str, number: int = 1) -> Request:
        bare = Request(number, "2026-05-03", "letter", dict.fromkeys(ids, "sha256"))
        request = settle(workspace, bare, carried, lambda urls: [])
        begin(workspace.root, request)
        return replace(request)

    return make
