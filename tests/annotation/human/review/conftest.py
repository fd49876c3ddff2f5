"""A workspace of five stickers in two shards, with labels, votes and texts to look through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from decided_stickers import still
from headless import headless_browser
from table_rows import put

from pipeline.engine.workspace import Workspace

IDS = tuple(f"{number:x}" * 64 for number in range(1, 6))
VOTES = {
    0: (["joy"], ["joy"], ["joy"]),
    1: (["joy"], ["sad"], ["joy"]),
    2: (["joy"], ["sad"], ["fear"]),
    3: (["sad"], None, ["sad"]),
}
PEOPLE = ("ann", "bob", "cy")


def answer(question: str, *values: str) -> dict[str, Any]:
    return {"question": question, "values": list(values), "status": "effective", "votes": 3}


def label(number: int, status: str, *tags: str, **more: Any) -> dict[str, Any]:
    row = {"id": IDS[number], "status": status, "tags": list(tags), "votes": 3, "skips": 0}
    return {**row, "counts": [], "provenance": "votes", "domain": "cartoon", **more}


def counts(**given: int) -> list[dict[str, Any]]:
    return [{"tag": tag, "votes": votes} for tag, votes in given.items()]


@pytest.fixture
def reviewed(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "workspace")
    for part, some in enumerate((IDS[:3], IDS[3:])):
        put(workspace, "stickers", [{"id": key} for key in some], part)
        kept = [
            {"id": key, "kept": key != IDS[4], "outcome": "kept" if key != IDS[4] else "dropped"}
            for key in some
        ]
        put(workspace, "decisions", kept, part)
        frame = {"index": 0, "start_ms": 0, "jpeg": still(part)}
        put(workspace, "frames", [{"id": key, "key_frames": [frame]} for key in some], part)
    labels = [
        label(0, "effective", "joy", counts=counts(joy=3), answers=[answer("emotion", "anger")]),
        label(1, "effective", "joy", counts=counts(joy=2, sad=1)),
        label(2, "adjudicate", counts=counts(joy=1, sad=1, fear=1)),
        label(3, "effective", "sad", counts=counts(sad=2), votes=2, provenance="review"),
        label(4, "dropped", provenance=None, votes=0),
    ]
    put(workspace, "labels", labels[:3], 0)
    put(workspace, "labels", labels[3:], 1)
    votes = [
        {
            "id": IDS[number], "annotator": PEOPLE[who], "origin": "label_studio", "sequence": who,
            "simulated": False, "skipped": tags is None, "tags": tags or [], "batch": f"b{number}",
            "caption": "ＨＩ there" if number == 1 else None, "annotation": f"{number}/{who}",
        }
        for number, cast in VOTES.items()
        for who, tags in enumerate(cast)
    ]  # fmt: skip
    put(workspace, "votes", votes)
    tasks = [
        {"id": IDS[number], "purpose": "labelling", "project": 1, "task": number, "batch": batch}
        for number, batch in enumerate(("b1", "b1", "b2"))
    ]
    put(workspace, "tasks", tasks)
    seen = [
        {"id": IDS[0], "source": "s", "source_id": "0", "query": "Happy Cat", "pack_title": "Cats"},
        {"id": IDS[3], "source": "s", "source_id": "3", "tags": ["Wé"], "pack_id": "p3"},
    ]
    for part, row in enumerate(seen):
        put(workspace, "observations", [row], part)
    put(workspace, "ocr", [{"id": IDS[2], "measured": True, "text": "TEXT 在这"}], 0)
    flags = [{"id": IDS[1], "reviewer": "lea", "flags": ["offensive"], "sequence": 1}]
    put(workspace, "flags", flags)
    splits = [{"id": key, "split": "train"} for key in IDS[:3]]
    put(workspace, "splits", splits, 0)
    put(workspace, "ballot", [{"version": "v1", "tag": tag} for tag in ("fear", "joy", "sad")])
    options = ["anger", "happiness"]
    asked = [
        {"version": "1", "name": "emotion", "kind": "single", "values": options, "required": True},
        {"version": "1", "name": "mood", "kind": "text", "values": [], "required": False},
    ]
    put(workspace, "questions", asked)
    return workspace


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    with headless_browser(tmp_path / "downloads") as opened:
        yield opened
