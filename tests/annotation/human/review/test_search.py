"""Which stickers each condition finds, alone and together."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from annotation.human.review.search import first_found, search
from annotation.human.review.wanted import Wanted
from pipeline.engine.workspace import Workspace

FOUND = {
    "all that are kept": (Wanted(), "1234"),
    "a tag": (Wanted(tag=("joy",)), "12"),
    "a tag, folded": (Wanted(tag=("JOY",)), "12"),
    "a tag that anybody gave": (Wanted(given=("sad",)), "234"),
    "two tags that were given": (Wanted(given=("sad", "fear")), "3"),
    "an answer": (Wanted(answer=(("emotion", "anger"),)), "1"),
    "another answer": (Wanted(answer=(("emotion", "happiness"),)), ""),
    "a keyword": (Wanted(text=("happy",)), "1"),
    "a tag of its source": (Wanted(text=("WÉ",)), "4"),
    "a text on it": (Wanted(text=("text 在",)), "3"),
    "a caption of a vote, full-width": (Wanted(text=("hi",)), "2"),
    "a flag of people": (Wanted(flag=("offensive",)), "2"),
    "who voted": (Wanted(annotator=("bob",)), "123"),
    "who voted otherwise than the label": (Wanted(against=("bob",)), "2"),
    "nobody is against a label that is open": (Wanted(against=("cy",)), ""),
    "a pack by its title": (Wanted(pack="cats"), "1"),
    "a pack by its id": (Wanted(pack="p3"), "4"),
    "a batch": (Wanted(batch="b1"), "12"),
    "a status": (Wanted(status="adjudicate"), "3"),
    "dropped ones where they are asked for": (Wanted(status="dropped"), "5"),
    "where it comes from": (Wanted(provenance="review"), "4"),
    "a split": (Wanted(split="train"), "123"),
    "the first characters of an id": (Wanted(id="22"), "2"),
    "all of several": (Wanted(given=("sad",), batch="b1"), "2"),
    "disagreement": (Wanted(disagreement=0.5), "23"),
    "text that is no pattern": (Wanted(text=("%",)), ""),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_is_found(reviewed: Workspace, name: str) -> None:
    wanted, expected = FOUND[name]
    found = pa.concat_tables(list(search(reviewed, wanted)))["id"].to_pylist()
    assert "".join(id_[0] for id_ in found) == expected
    assert first_found(reviewed, wanted, 10).count == len(expected)


def test_the_least_agreement_comes_first(reviewed: Workspace) -> None:
    found = first_found(reviewed, Wanted(disagreement=1.0), 2)
    assert ([id_[0] for id_ in found.ids], found.count) == (["3", "2"], 4)


def test_a_sample_is_the_same_for_a_seed_and_differs_between_seeds(reviewed: Workspace) -> None:
    def drawn(seed: int) -> tuple[str, ...]:
        found = first_found(reviewed, Wanted(sample=2, seed=seed), 9)
        assert found.count == 2
        return tuple(found.ids)

    assert drawn(1) == drawn(1)
    assert len({drawn(seed) for seed in range(20)}) > 1


def test_a_table_that_is_not_there_is_empty(reviewed: Workspace) -> None:
    found: Any = first_found(reviewed, Wanted(flag=("truncated",)), 9)
    assert found.count == 0
