"""What pays first: invariants of the ranking, and its gains against a count of all outcomes."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.human.relabelling.beliefs import Beliefs
from annotation.human.relabelling.gains import expected_gains
from annotation.human.relabelling.given import read_given
from annotation.human.relabelling.ranking import Ranked, rank
from annotation.human.relabelling.reasons import errors_of, reasons_of
from annotation.human.relabelling.scored import Scores
from annotation.human.vote_rule import needed_votes
from schemas.config import MergeConfig

TAGS = ("笑", "哭", "狗", "猫")
PEOPLE = ("ann", "bob", "cem", "dan")
Rows = list[tuple[str, str, tuple[str, ...]]]


def needed(valid: Any) -> Any:
    return needed_votes(valid, MergeConfig())


def table(rows: Rows) -> pa.Table:
    ids, people, tags = zip(*rows, strict=True) if rows else ((), (), ())
    columns = {"id": pa.array(ids, pa.string()), "annotator": pa.array(people, pa.string())}
    return pa.table(columns | {"tags": pa.array(map(list, tags), pa.list_(pa.string()))})


def ranked(rows: Rows, **more: Any) -> Ranked:
    return rank(table(rows), needed, **more)


def gains(found: Ranked) -> dict[str, float]:
    return dict(zip(found.given.ids.to_pylist(), found.gains.each_vote.tolist(), strict=True))


def first(found: Ranked) -> list[str]:
    return [found.given.ids[place].as_py() for place in found.order.tolist()]


@st.composite
def polls(draw: Any) -> Rows:
    """Votes of three people a sticker, any tags."""
    rows: Rows = []
    for number in range(draw(st.integers(1, 8))):
        chosen = draw(st.permutations(PEOPLE))[: draw(st.integers(1, 4))]
        for person in chosen:
            tags = draw(st.lists(st.sampled_from(TAGS), max_size=2, unique=True))
            rows.append((f"s{number}", person, tuple(tags)))
    return rows


@st.composite
def mostly_agreed(draw: Any) -> Rows:
    """Forty stickers of ann, bob and cem, one of whom errs on some of them."""
    astray = draw(st.lists(st.integers(0, 39), max_size=8, unique=True))
    rows: Rows = []
    for number in range(40):
        right = TAGS[number % 3]
        wrong = draw(st.sampled_from(PEOPLE[:3])) if number in astray else None
        for person in PEOPLE[:3]:
            tag = TAGS[(number + 1) % 3] if person == wrong else right
            rows.append((f"s{number:02d}", person, (tag,)))
    return rows


@settings(max_examples=15, deadline=None)
@given(mostly_agreed(), st.sampled_from(PEOPLE[:3]), st.booleans())
def test_unanimous_stickers_never_stand_above_disputed_ones(
    rows: Rows, loner: str, other: bool
) -> None:
    same = [("unanimous", person, ("笑",)) for person in PEOPLE[:3]]
    alone = ("哭",) if other else ()
    disputed = [("disputed", p, alone if p == loner else ("笑",)) for p in PEOPLE[:3]]
    found = ranked([*rows, *same, *disputed])
    order = first(found)
    assert order.index("disputed") < order.index("unanimous")
    assert gains(found)["unanimous"] <= gains(found)["disputed"]


@settings(max_examples=15, deadline=None)
@given(polls(), st.randoms(use_true_random=False))
def test_the_order_of_votes_does_not_matter(rows: Rows, random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    assert gains(ranked(shuffled)) == gains(ranked(rows))
    assert first(ranked(shuffled)) == first(ranked(rows))


@settings(max_examples=15, deadline=None)
@given(polls(), st.permutations(range(8)), st.permutations(PEOPLE))
def test_names_of_stickers_and_people_do_not_matter(
    rows: Rows, numbers: list[int], people: list[str]
) -> None:
    other = dict(zip(PEOPLE, people, strict=True))
    renamed = [(f"s{numbers[int(id_[1:])]}", other[who], tags) for id_, who, tags in rows]
    before, after = gains(ranked(rows)), gains(ranked(renamed))
    for id_, gain in before.items():
        assert after[f"s{numbers[int(id_[1:])]}"] == pytest.approx(gain, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(polls())
def test_chances_are_chances_and_gains_finite(rows: Rows) -> None:
    found = ranked(rows)
    for chance in (found.beliefs.right, found.gains.wrong, found.beliefs.seen):
        assert np.all((chance >= 0) & (chance <= 1))
    assert np.all(np.isfinite(found.gains.each_vote))
    assert np.all(found.gains.each_vote >= 0)
    assert sorted(first(found)) == sorted({id_ for id_, _, _ in rows})
    for pair in range(len(found.given.yes)):
        assert all(isinstance(reason, str) for reason in reasons_of(found, pair))


@settings(max_examples=20, deadline=None)
@given(
    right=st.floats(0.01, 0.99), seen=st.floats(0.2, 0.95), mistaken=st.floats(0.01, 0.15),
    yes=st.integers(1, 3),
)  # fmt: skip
def test_gains_are_those_of_all_outcomes_counted(
    right: float, seen: float, mistaken: float, yes: int
) -> None:
    rows: Rows = [("s", p, ("笑",) if n < yes else ()) for n, p in enumerate(PEOPLE[:3])]
    poll = read_given(table(rows))
    one = np.ones(1)
    beliefs = Beliefs(right * one, seen * one, mistaken * one, one, one)
    found = expected_gains(poll, beliefs, needed)
    effective = yes >= 2
    whole = right + effective + 1
    f1 = 2 * right * effective / whole
    missing, standing = (2 - f1) / whole, f1 / whole
    if not effective and right < 0.5:
        missing = 0  # nobody is to have it yet

    def loss(label: bool, there: bool) -> float:
        return (standing if label and not there else 0) + (missing if there and not label else 0)

    best = 0.0
    for more in (1, 2, 3):
        brings = 0.0
        for there, said in product((True, False), product((True, False), repeat=more)):
            rate = seen if there else mistaken
            chance = right if there else 1 - right
            for vote in said:
                chance *= rate if vote else 1 - rate
            label = yes + sum(said) >= (3 + more) // 2 + 1
            brings += chance * (loss(effective, there) - loss(label, there))
        best = max(best, brings / more)
    assert found.each_vote[0] == pytest.approx(best, abs=1e-12)


def agreed(count: int = 60) -> Rows:
    return [(f"s{n:02d}", person, (TAGS[n % 2],)) for n in range(count) for person in PEOPLE[:3]]


def test_who_errs_often_is_told_apart_and_counts_less() -> None:
    rows = [
        (id_, who, ("狗",) if who == "cem" and int(id_[1:]) % 2 else tags)
        for id_, who, tags in agreed()
    ]
    errs = errors_of(ranked(rows))
    assert errs[2] > 0.4
    assert max(errs[:2]) < 0.1
    # Where somebody careful stands alone, more is to be learnt than where cem does.
    more = [("x", who, ("哭",) if who == "cem" else ("笑",)) for who in PEOPLE[:3]]
    more += [("y", who, ("哭",) if who == "bob" else ("笑",)) for who in PEOPLE[:3]]
    found = ranked(rows + more)
    assert gains(found)["y"] > gains(found)["x"]
    x = found.given.ids.to_pylist().index("x")
    told = [reason for pair in np.flatnonzero(found.given.sticker == x)
            for reason in reasons_of(found, int(pair))]  # fmt: skip
    assert "of 3 votes 2 for '笑', 1 for '哭'" in told
    assert any(reason.startswith("cem voted on it, whose tags seem wrong") for reason in told)


def test_scores_decide_between_stickers_with_the_same_votes() -> None:
    rows = agreed()
    rows += [(n, who, ("哭",) if who == "ann" else ("笑",)) for n in "xy" for who in PEOPLE[:3]]
    ids = tuple(sorted({id_ for id_, _, _ in rows}))
    random = np.random.default_rng(0)
    right = [[id_ < "t" and int(id_[1:]) % 2 == tag for tag in (0, 1)] for id_ in ids]
    values = np.array(right) * 0.8 + 0.1 * random.random((len(ids), 2))
    values[ids.index("x")] = [0.05, 0.9]  # 哭: most gave the other tag
    values[ids.index("y")] = [0.9, 0.05]
    found = ranked(rows, scores=Scores(ids, ("笑", "哭"), values))
    assert gains(found)["x"] > gains(found)["y"]
    alone = gains(ranked(rows))
    assert alone["x"] == pytest.approx(alone["y"])
    place = found.given.ids.to_pylist().index("x")
    pair = int(np.flatnonzero((found.given.sticker == place) & (found.given.yes == 2))[0])
    assert any("baseline is surer of '笑' on" in reason for reason in reasons_of(found, pair))


def test_scores_that_know_nothing_change_nothing_much() -> None:
    rows = agreed() + [("x", who, ("哭",) if who == "ann" else ("笑",)) for who in PEOPLE[:3]]
    ids = tuple(sorted({id_ for id_, _, _ in rows}))
    flat = Scores(ids, ("笑", "哭"), np.full((len(ids), 2), 0.5))
    assert first(ranked(rows, scores=flat))[0] == first(ranked(rows))[0] == "x"


def test_nobody_left_gains_nothing() -> None:
    rows = agreed() + [("x", who, ("哭",) if who == "ann" else ("笑",)) for who in PEOPLE[:3]]
    left = np.zeros(61, np.int64)
    assert max(gains(ranked(rows, left=left)).values()) == 0
    left[-1] = 1
    found = ranked(rows, left=left)
    assert first(found)[0] == "x"
    assert found.gains.more[found.order[0]] == 1


def test_a_tag_that_no_label_has_is_not_asked_about_for_a_chance_of_nothing() -> None:
    rows = agreed() + [("x", who, ("猫",) if who == "ann" else ("笑",)) for who in PEOPLE[:3]]
    found = ranked(rows)
    (pair,) = np.flatnonzero(found.given.tag == found.given.tags.to_pylist().index("猫"))
    assert not found.gains.effective[pair]
    assert found.beliefs.right[pair] < 0.5
    assert found.gains.gain[pair] <= 0


def test_no_votes_rank_nothing() -> None:
    assert len(ranked([]).order) == 0
