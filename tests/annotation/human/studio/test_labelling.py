"""Which stickers an export plans, in which batches, with gold among them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from annotation.human.studio.export_request import ExportRequest
from annotation.human.studio.labelling import (
    LabellingSession,
    filled_in,
    plan_screening,
    safety_scores,
)
from annotation.human.studio.ledger import open_ledger
from annotation.human.studio.stickers import kept_stickers, read_sources
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.labelling import LabelConfig
from schemas.tables import TABLES

IDS = [f"{n:03d}" for n in range(50)]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    decisions = [{"id": key, "kept": key != "007", "outcome": "kept"} for key in reversed(IDS)]
    for name, rows in (
        ("stickers", [{"id": key} for key in reversed(IDS)]),
        ("decisions", decisions),
    ):
        table = pa.Table.from_pylist(rows, schema=TABLES[name].schema)
        made.write(name, 0, table, Proof(name, "test"))
    return made


def test_what_the_safety_measure_points_at_is_screened_first(workspace: Workspace) -> None:
    schema = TABLES["measures"].schema
    values = {"003": 0.6, "004": 0.9, "005": 0.2, "006": None, "007": 1.0}
    rows = [{"id": key, "name": "unsafe", "version": 1, "value": v} for key, v in values.items()]
    rows.append({"id": "008", "name": "transparency", "version": 1, "value": 1.0})
    table = pa.Table.from_pylist(rows, schema=schema)
    workspace.write("expensive_measures", 0, table, Proof("test", "test"))
    workspace.write("measures", 0, schema.empty_table(), Proof("test", "test"))
    label = LabelConfig(screening_measure="unsafe", screening_sample=3)
    with open_ledger(workspace.root) as ledger:
        studio = LabellingSession(workspace, Config(label=label), ledger, None)  # type: ignore[arg-type]
        scores = safety_scores(workspace, "unsafe")
        assert scores == {"003": 0.6, "004": 0.9, "005": 0.2, "007": 1.0}
        planned = list(plan_screening(studio, ExportRequest(), scores))
        # 007 was dropped; the sample is of the others, whatever they score.
        assert [row.sticker for row in planned] == ["004", "003", "000", "001", "002"]
        ledger.plan(planned)
        assert list(plan_screening(studio, ExportRequest(), scores)) == []


def test_everything_is_screened_the_highest_score_first(workspace: Workspace) -> None:
    label = LabelConfig(screening_sample="all", batch_size=20)
    scores = {"010": 0.2, "004": 0.9, "049": 0.2, "033": 0.0}
    with open_ledger(workspace.root) as ledger:
        studio = LabellingSession(workspace, Config(label=label), ledger, None)  # type: ignore[arg-type]
        first = list(plan_screening(studio, ExportRequest(limit=3), scores))
        assert [row.sticker for row in first] == ["004", "010", "049"]
        ledger.plan(first)
        rest = list(plan_screening(studio, ExportRequest(), scores))
    assert [row.sticker for row in rest[:3]] == ["033", "000", "001"]
    kept = set(kept_stickers(workspace))
    assert {row.sticker for row in (*first, *rest)} == kept
    assert Counter(row.batch for row in (*first, *rest)).most_common() == [
        ("s002", 20),
        ("s003", 20),
        ("s004", len(kept) - 43),
        ("s001", 3),
    ]


def test_the_likeliest_suggestions_are_filled_in_first() -> None:
    changes = {"v1": ("v2", {"笑": ("大笑", "微笑"), "哭": (), "乐": ("大笑",)})}
    assert filled_in(["狗", "笑", "哭", "乐"], "v1", changes, {"微笑", "狗", "大笑"}) == [
        "狗",
        "大笑",
        "微笑",
    ]
    assert filled_in(["狗", "猫"], "v2", changes, {"猫", "狗"}) == ["狗", "猫"]
    assert filled_in(["狗"], None, {}, set()) == []


def test_a_source_has_its_suggestions_the_likeliest_first(workspace: Workspace) -> None:
    tables = {
        "stickers": [{"id": "a", "format": "png"}],
        "media": [{"id": "a", "path": "a.png"}],
        "suggestions": [
            {"id": "a", "tags": ["哭", "笑", "累"], "tagset": "v1",
             "scored": [{"tag": "笑", "score": 0.9, "sources": ["ocr"]},
                        {"tag": "哭", "score": 0.4, "sources": ["keyword"]}]},
        ],
    }  # fmt: skip
    for name in ("frames", "ocr", "domain", "observations", "descriptions"):
        tables[name] = []
    for name, rows in tables.items():
        table = pa.Table.from_pylist(rows, schema=TABLES[name].schema)
        workspace.write(name, 0, table, Proof(name, "test"))
    (source,) = read_sources(workspace, ["a"], "en")
    assert (source.tags, source.tagset) == (("笑", "哭", "累"), "v1")
