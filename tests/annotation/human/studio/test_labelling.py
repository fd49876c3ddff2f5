"""Which stickers an export plans, in which batches, with gold among them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from annotation.human.studio.labelling import Studio, plan_labelling
from annotation.human.studio.ledger import Ballot, open_ledger
from annotation.human.studio.wish import Wish
from pipeline.engine.storage import Proof, write_table
from pipeline.engine.workspace import Workspace
from schemas.config import Config, LabelConfig
from schemas.tables import TABLES

IDS = [f"{n:03d}" for n in range(50)]
BALLOT = Ballot("v1", ("笑",))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    decisions = [{"id": key, "kept": key != "007", "outcome": "kept"} for key in reversed(IDS)]
    for name, rows in (
        ("stickers", [{"id": key} for key in reversed(IDS)]),
        ("decisions", decisions),
    ):
        table = pa.Table.from_pylist(rows, schema=TABLES[name].schema)
        write_table(made.path(name, 0), table, Proof(name, "test"))
    return made


def plan(workspace: Workspace, wish: Wish, **label: Any) -> list[Any]:
    config = Config(label=LabelConfig(**label))
    with open_ledger(workspace.root) as ledger:
        rows = list(plan_labelling(Studio(workspace, config, ledger, None), wish, BALLOT))  # type: ignore[arg-type]
        ledger.plan(rows)
    return rows


def test_every_kept_sticker_is_planned_once(workspace: Workspace) -> None:
    rows = plan(workspace, Wish(), batch_size=20)
    assert [row.sticker for row in rows] == [key for key in IDS if key != "007"]
    assert Counter(row.batch for row in rows) == {"b001": 20, "b002": 20, "b003": 9}
    assert plan(workspace, Wish()) == []


def test_the_next_ones_follow_those_of_before(workspace: Workspace) -> None:
    first = plan(workspace, Wish(limit=5, batch="calibration", blind=True))
    second = plan(workspace, Wish(limit=5))
    assert {row.batch for row in first} == {"calibration"}
    assert all(row.blind for row in first)
    assert [row.sticker for row in second] == ["005", "006", "008", "009", "010"]
    assert {row.batch for row in second} == {"b001"}


def test_gold_is_spread_over_the_batches(workspace: Workspace, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    lines = (json.dumps({"id": key, "tags": []}) for key in [*IDS[-6:], "no such sticker"])
    gold.write_text("\n".join(lines))
    rows = plan(workspace, Wish(), batch_size=10, gold=str(gold), gold_share=0.1)
    golden = [row for row in rows if row.gold]
    assert sorted(row.sticker for row in golden) == IDS[-6:]
    assert Counter(row.batch for row in golden)["b001"] == 1
    assert len(rows) == len({row.sticker for row in rows}) == 49
    batch = [row.sticker for row in rows if row.batch == "b001"]
    assert batch == sorted(batch), "its place in the batch tells nobody which one is gold"
