"""Counts over columns."""

from __future__ import annotations

import pyarrow as pa

from pipeline.engine.counting import count_rules, count_together, count_values, filled, rules_of
from schemas.tables import REASONS


def test_values_are_counted_and_nulls_left_out() -> None:
    assert count_values(pa.chunked_array([["a", None], ["b", "a"]])) == {"a": 2, "b": 1}
    assert count_values(pa.nulls(2, pa.string())) == {}


def test_combinations_are_counted_nulls_too() -> None:
    columns = [pa.array(["a", "a", None, None]), pa.array([1, 1, 2, None])]
    assert count_together(columns) == {("a", 1): 2, (None, 2): 1, (None, None): 1}


def test_a_text_stands_for_what_is_empty_or_null() -> None:
    texts = pa.chunked_array([["a", ""], [None]])
    assert filled(texts, "none").to_pylist() == ["a", "none", "none"]
    assert filled(texts, None).to_pylist() == ["a", None, None]


def test_a_rule_counts_once_a_sticker_and_alone_where_no_other_spoke() -> None:
    given = [["aspect", "aspect"], None, ["aspect", "entropy"], [], [None, "entropy"], ["entropy"]]
    rows = [names and [{"rule": name} for name in names] for names in given]
    reasons = pa.chunked_array([rows[:2], rows[2:]], REASONS)
    everywhere, alone = count_rules(reasons)
    assert everywhere == {"aspect": 2, "entropy": 3, "unknown": 1}
    assert alone == {"aspect": 1, "entropy": 1}
    pairs = rules_of(reasons).sort_by([("row", "ascending"), ("rule", "ascending")])
    assert pairs["row"].to_pylist() == [0, 2, 2, 4, 4, 5]
