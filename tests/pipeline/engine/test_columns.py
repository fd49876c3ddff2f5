"""Columns from whole numbers and back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.columns import entries, known_numbers, lists_of, value_codes

texts = st.lists(st.none() | st.sampled_from(["", "a", "b", "ß"]))


@given(st.lists(st.lists(st.text())), st.integers(1, 4))
def test_lists_are_made_of_what_was_taken_out_of_them(rows, cut):
    kind = pa.list_(pa.string())
    column = pa.chunked_array([pa.array(rows[:cut], kind), pa.array(rows[cut:], kind)])
    assert lists_of(*entries(column), len(rows)).to_pylist() == rows


def test_a_null_among_lists_becomes_an_empty_one():
    column = pa.chunked_array([pa.array([None, ["a"], []], pa.list_(pa.string()))])
    assert lists_of(*entries(column), 3).to_pylist() == [[], ["a"], []]


@given(texts, texts)
def test_codes_are_equal_where_values_are_and_null_equals_nothing(one, other):
    values = one + other
    column = pa.chunked_array([pa.array(one, pa.string()), pa.array(other, pa.string())])
    codes = value_codes(column)
    for i, first in enumerate(values):
        for j, second in enumerate(values):
            same = i == j or (first is not None and first == second)
            assert (codes[i] == codes[j]) == same


def test_numbers_below_zero_are_null():
    assert known_numbers(np.array([0, -1, 7])).to_pylist() == [0, None, 7]
