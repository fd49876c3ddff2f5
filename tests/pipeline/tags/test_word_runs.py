from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.tags.word_runs import first_said

WORDS = st.lists(st.sampled_from(["写", "代码", "写代", "码", "ok", "no"]), max_size=5)


def said(rows: list[list[str]], phrases: list[str]) -> tuple[list[int], set[int]]:
    column = pa.chunked_array([pa.array(rows, pa.list_(pa.string()))])
    first, every = first_said(column, phrases)
    return first.tolist(), every


@pytest.mark.parametrize(
    ("row", "phrase", "is_said"),
    [
        (["写", "代码"], "写代码", True),
        (["今天", "写", "代码", "累"], "写代码", True),
        (["写代码"], "写代码", True),
        (["代码", "写"], "写代码", False),
        (["写", "猫", "代码"], "写代码", False),
        (["写", "代码"], "代码", True),
        (["写", "代码"], "写 代码", True),
        (["乱写", "代码"], "写代码", False),
        (["写", "代码库"], "写代码", False),
        (["hello", "world"], "hello world", True),
        (["so", "me"], "some", False),
        (["写", "bug"], "写bug", True),
        (["写", "bug"], "写 bug", True),
        ([], "写代码", False),
        (["a.b"], "aXb", False),
    ],
)
def test_a_phrase_is_said_by_tokens_in_a_row(row: list[str], phrase: str, is_said: bool) -> None:
    assert said([["x"], row], [phrase]) == ([1, 0 if is_said else 1], {0} if is_said else set())


def test_the_first_phrase_goes_first_and_all_that_are_said_are_told() -> None:
    found = said([["写", "代码"], ["代码"], ["猫"]], ["狗", "写代码", "代码", "猫", "猫"])
    assert found == ([1, 2, 3], {1, 2, 3, 4})
    assert said([["猫"]], []) == ([0], set())


@given(st.lists(WORDS, max_size=6), st.lists(WORDS.map("".join).filter(bool), max_size=4))
def test_what_is_said_is_a_run_of_whole_tokens(rows: list[list[str]], phrases: list[str]) -> None:
    def says(row: list[str], phrase: str) -> bool:
        runs = (row[a:b] for a in range(len(row)) for b in range(a + 1, len(row) + 1))
        latin = {"ok", "no"}
        return any(
            "".join(run) == phrase and not any({one, two} <= latin for one, two in pairwise(run))
            for run in runs
        )

    first, _ = said(rows, phrases)
    for row, place in zip(rows, first, strict=True):
        wanted = [says(row, phrase) for phrase in phrases]
        assert place == (wanted.index(True) if any(wanted) else len(phrases))
