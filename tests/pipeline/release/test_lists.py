"""Lists made over columns are those that a loop over rows would make."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.columns import entries
from pipeline.release.lists import distinct_words, first_of, sorted_lists

ROWS = 4
TEXTS = st.text("ab猫\u3000\u0085 \t", max_size=3)
PAIRS = st.lists(st.tuples(st.integers(0, ROWS - 1), st.none() | TEXTS), max_size=12)


def columns(pairs: list[tuple[int, str | None]]) -> tuple[np.ndarray, pa.ChunkedArray]:
    """Rows and texts in two chunks, as tables of several shards have them."""
    texts = [text for _, text in pairs]
    chunks = [texts[:3], texts[3:]]
    return np.array([row for row, _ in pairs], np.int64), pa.chunked_array(chunks, pa.string())


@given(PAIRS, PAIRS)
def test_words_are_trimmed_sorted_and_there_once(
    some: list[tuple[int, str | None]], others: list[tuple[int, str | None]]
) -> None:
    found = distinct_words([columns(some), columns(others)], ROWS).to_pylist()
    assert found == [
        sorted({text.strip() for at, text in some + others if at == row and text and text.strip()})
        for row in range(ROWS)
    ]


@given(st.lists(st.none() | st.lists(TEXTS, max_size=4), max_size=ROWS))
def test_lists_are_sorted_with_all_that_they_hold(lists: list[list[str] | None]) -> None:
    column = pa.chunked_array([lists[:1], lists[1:]], pa.list_(pa.string()))
    found = sorted_lists(*entries(column), len(column))
    assert found.to_pylist() == [sorted(texts or []) for texts in lists]


@given(PAIRS)
def test_the_first_value_of_a_row_is_taken_in_any_order_of_rows(
    pairs: list[tuple[int, str | None]],
) -> None:
    found = first_of(*columns(pairs), ROWS).to_pylist()
    assert found == [next((text for at, text in pairs if at == row), None) for row in range(ROWS)]
