"""What people flagged is counted in the report, and shown nowhere in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from table_rows import put

from pipeline.engine.page.pictures import load_pictures
from pipeline.engine.workspace import Workspace
from pipeline.report.report import write_report
from schemas.config import Config

SECRET = "a name and a number"
REASON = {
    "rule": "review",
    "value": None,
    "threshold": None,
    "detail": "personal_data: flagged by a reviewer, annotation 3/14",
}


def change(workspace: Workspace, table: str, which: Any, **columns: Any) -> None:
    rows = workspace.read(table, 0).to_pylist()
    chosen = [{**row, **columns} if which(row) else row for row in rows]
    put(workspace, table, chosen)


@pytest.fixture
def workspace(make_workspace: Callable[..., Workspace]) -> Workspace:
    return make_workspace(40)


def plant(workspace: Workspace, sticker: str, twin: str, outcome: str) -> None:
    """Flag ``sticker`` wherever a report could show it; ``twin`` is its near-duplicate."""

    def mine(row: dict[str, Any]) -> bool:
        return row["id"] in (sticker, twin)

    def flagged(row: dict[str, Any]) -> bool:
        return bool(row["id"] == sticker)

    counts = [{"tag": tag, "votes": 1} for tag in ("笑", "哭", "狗")]
    change(workspace, "ocr", mine, text=SECRET)
    change(workspace, "captions", mine, text=SECRET)
    change(workspace, "labels", mine, status="adjudicate", counts=counts)
    change(workspace, "domain", mine, probability=1.0, domain="real")
    change(workspace, "duplicates", mine, group=sticker, representative=True)
    double = {"group": sticker, "representative": False, "kind": "perceptual"}
    change(workspace, "duplicates", lambda row: row["id"] == twin, **double)
    change(workspace, "signals", mine, animated=True)
    reasons = [REASON, {**REASON, "rule": "aspect", "detail": SECRET}]
    gone = {"kept": False, "outcome": outcome, "reasons": reasons}
    change(workspace, "decisions", flagged, **gone)


@pytest.mark.parametrize("outcome", ["dropped", "failed"])
def test_a_flagged_sticker_is_nowhere_on_the_page(workspace: Workspace, outcome: str) -> None:
    kept = [row["id"] for row in workspace.read("decisions").to_pylist() if row["kept"]]
    sticker, twin = sorted(kept)[:2]  # the samples begin with the smallest ids
    pictures = load_pictures(workspace, kept, [sticker, twin])
    before = write_report(workspace, Config()).read_text()
    plant(workspace, sticker, twin, outcome)
    after = write_report(workspace, Config()).read_text()
    for name in (sticker, twin):
        shown = [
            name,
            name[:10],
            pictures[name].still,
            pictures[name].motion or pictures[name].still,
        ]
        assert all(text in before for text in shown[:3])
        assert not [text for text in shown if text in after]
    assert SECRET not in after
    others = [pictures[name].still for name in sorted(kept)[2:9]]
    assert all(still in after for still in others)


def test_the_count_of_the_rule_stays(workspace: Workspace) -> None:
    kept = [row["id"] for row in workspace.read("decisions").to_pylist() if row["kept"]]
    plant(workspace, kept[-1], kept[-2], "dropped")
    page = write_report(workspace, Config()).read_text()
    assert "<h3>review: 1</h3>" in page
    assert "pictures and texts are withheld" in page
    assert "2 stickers are shown nowhere on this page" in page


def test_without_flags_the_page_says_nothing_of_withheld_ones(workspace: Workspace) -> None:
    assert "shown nowhere" not in write_report(workspace, Config()).read_text()
