"""A workspace of three stickers on which machines wrote captions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from decided_stickers import still
from table_rows import put

from pipeline.engine.workspace import Workspace

IDS = tuple(f"{number:x}" * 64 for number in range(1, 4))
HOSTILE = "</script><script>document.title='bad'</script>\u202e<b>" + "很长" * 5000


def said(number: int, model: str, text: str | None, **more: Any) -> dict[str, Any]:
    row = {
        "id": IDS[number], "captioner": "openai", "model": model, "revision": None,
        "prompt": "vsd2m/1", "field": "caption", "language": "en", "text": text, "flags": [],
    }  # fmt: skip
    return {**row, **more}


@pytest.fixture
def captioned(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "workspace")
    for part, some in enumerate((IDS[:2], IDS[2:])):
        put(workspace, "stickers", [{"id": key} for key in some], part)
        kept = [{"id": key, "kept": key != IDS[1], "outcome": "kept"} for key in some]
        put(workspace, "decisions", kept, part)
        frame = {"index": 0, "start_ms": 0, "jpeg": still(part)}
        put(workspace, "frames", [{"id": key, "key_frames": [frame]} for key in some], part)
    first = [
        said(0, "one", "A cat waves", flags=["cut_off"]),
        said(0, "two", "A cat waves"),
        said(0, "three", HOSTILE),
        said(0, "one", "猫", language="zh"),
        said(0, "one", "joy", field="emotion", error="cut off"),
        said(1, "one", "Dropped"),
    ]
    put(workspace, "captions", first, 0)
    put(workspace, "captions", [said(2, "one", "A dog"), said(2, "two", None)], 1)
    put(workspace, "ocr", [{"id": IDS[0], "measured": True, "text": "HI"}], 0)
    return workspace
