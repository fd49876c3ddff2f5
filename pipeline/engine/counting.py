"""Counts over columns of tables, for reports, summaries and cards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def count_values(column: pa.ChunkedArray | pa.Array) -> Counter[Any]:
    """How often each value stands in a column; nulls are left out."""
    counted = pc.value_counts(pc.drop_null(column)).to_pylist()
    return Counter({row["values"]: row["counts"] for row in counted})


def count_together(columns: Sequence[pa.ChunkedArray | pa.Array]) -> Counter[tuple[Any, ...]]:
    """How often each combination of values stands in columns of equal length, nulls too."""
    names = [str(number) for number in range(len(columns))]
    counted = pa.table(list(columns), names).group_by(names).aggregate([([], "count_all")])
    keys = zip(*(counted[name].to_pylist() for name in names), strict=True)
    return Counter(dict(zip(keys, counted["count_all"].to_pylist(), strict=True)))


def filled(texts: pa.ChunkedArray | pa.Array, instead: str | None) -> pa.ChunkedArray | pa.Array:
    """Texts, with another where one is empty or null."""
    there = pc.fill_null(pc.not_equal(texts, ""), False)
    return pc.if_else(there, texts, pa.scalar(instead, pa.string()))


def count_rules(reasons: pa.ChunkedArray) -> tuple[Counter[str], Counter[str]]:
    """Stickers that each rule names a reason for, and those that no other rule names one for."""
    pairs = rules_of(reasons)
    single = pairs.group_by("row").aggregate([("rule", "count"), ("rule", "min")])
    alone = single.filter(pc.equal(single["rule_count"], 1))["rule_min"]
    return count_values(pairs["rule"]), count_values(alone)


def rules_of(reasons: pa.ChunkedArray) -> pa.Table:
    """Each ``rule`` that names a reason, once for every ``row`` that it names one for."""
    lists = reasons.combine_chunks()
    rules = filled(pc.struct_field(pc.list_flatten(lists), "rule"), "unknown")
    # A rule that looked at two things of a sticker names two reasons.
    pairs = pa.table({"row": pc.list_parent_indices(lists), "rule": rules})
    return pairs.group_by(["row", "rule"]).aggregate([])
