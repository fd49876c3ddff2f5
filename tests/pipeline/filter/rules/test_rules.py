"""Every rule of ours: found by name, and a number for each sticker."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.engine.plugins import load_plugin, plugin_names
from pipeline.filter.rules.rule import Rule
from schemas.config import Config
from schemas.tables import OCR, SIGNALS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("min_side", [40, None]),
        ("aspect", [1.5, None]),
        ("entropy", [2.25, None]),
        ("ocr_length", [7, None]),
    ],
)
def test_measures(name, expected):
    rule = load_plugin("rules", name, Rule)
    assert isinstance(rule, Rule)
    assert rule.name == name
    assert rule.unit
    assert rule.doc.endswith(".")
    row = {"id": "a", "min_side": 40, "aspect": 1.5, "entropy": 2.25}
    tables = {
        "signals": pa.Table.from_pylist([row, {"id": "b"}], schema=SIGNALS.schema),
        "ocr": pa.Table.from_pylist([{"id": "a", "longest": 7}, {"id": "b"}], schema=OCR.schema),
    }
    seen = {table: tables[table] for table in rule.reads}
    assert rule.values(seen).to_pylist() == expected


def test_the_defaults_name_rules_that_exist():
    assert set(Config().filter.rules) <= set(plugin_names("rules"))
