"""Scores of several sources become one list a sticker, as a plain loop would make it."""

import math
from collections import defaultdict

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tags.suggesting.combined import SOURCES, Evidence, suggest

TAGS = ("happy", "开心", "狗", "猫")
ROW = st.tuples(
    st.integers(0, 4),
    st.integers(0, len(TAGS) - 1),
    st.integers(0, len(SOURCES) - 1),
    st.sampled_from([0.0, 0.2, 0.3, 0.55, 0.9, 1.0]),
)


def evidence(rows: list[tuple[int, int, int, float]]) -> Evidence:
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    *numbers, scores = columns
    return Evidence(*(np.array(column, np.int64) for column in numbers), np.array(scores, float))


def plain_loop(
    rows: list[tuple[int, int, int, float]], least: float, most: int
) -> list[list[tuple[str, float, list[str]]]]:
    best: dict[tuple[int, int], dict[int, float]] = defaultdict(dict)
    for sticker, tag, source, score in rows:
        held = best[sticker, tag]
        held[source] = max(score, held.get(source, 0.0))
    found: list[list[tuple[str, float, list[str]]]] = [[] for _ in range(5)]
    for (sticker, tag), held in sorted(best.items()):
        score = round(1 - math.prod(1 - held[source] for source in sorted(held)), 4)
        if score >= least and score > 0:
            said = [SOURCES[source] for source in sorted(held) if held[source] > 0]
            found[sticker].append((TAGS[tag], score, said))
    return [sorted(one, key=lambda row: (-row[1], TAGS.index(row[0])))[:most] for one in found]


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(ROW, max_size=25), least=st.sampled_from([0.0, 0.3, 0.9]), most=st.integers(1, 4)
)
def test_columns_say_what_a_plain_loop_says(
    rows: list[tuple[int, int, int, float]], least: float, most: int
) -> None:
    tags, scored = suggest(evidence(rows), pa.array(TAGS), 5, least, most)
    expected = plain_loop(rows, least, most)
    found = [
        [(row["tag"], row["score"], row["sources"]) for row in one] for one in scored.to_pylist()
    ]
    assert found == expected
    assert tags.to_pylist() == [sorted(tag for tag, _, _ in one) for one in expected]


def test_independent_sources_make_a_tag_likelier_and_one_source_counts_once() -> None:
    rows = [(0, 3, 1, 0.5), (0, 3, 1, 0.4), (0, 3, 2, 0.5)]
    _, scored = suggest(evidence(rows), pa.array(TAGS), 1, 0.3, 6)
    assert scored.to_pylist() == [[{"tag": "猫", "score": 0.75, "sources": ["keyword", "ocr"]}]]


def test_without_tags_nothing_is_suggested() -> None:
    tags, scored = suggest(evidence([]), pa.array([], pa.string()), 3, 0.3, 6)
    assert tags.to_pylist() == scored.to_pylist() == [[], [], []]
