"""Cards in nested values, and what is left when some must not be seen."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.page.cards import Card, cards_in, withhold

IDS = st.sampled_from("abcdef")
SHOWN = st.one_of(
    st.builds(Card, IDS, st.tuples(st.text())),
    st.fixed_dictionaries({"id": IDS, "why": st.text()}),
    st.tuples(st.builds(Card, IDS), st.lists(st.text())),
)
SECTIONS = st.dictionaries(
    st.text(),
    st.recursive(
        st.one_of(SHOWN, st.none(), st.integers(), st.text()),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(min_size=3), inner)),
        max_leaves=12,
    ),
    max_size=4,
)


def ids_in(value: Any) -> set[str]:
    if isinstance(value, Card):
        return {value.id}
    if isinstance(value, dict):
        own = {value["id"]} if "id" in value else set()
        return own.union(*(ids_in(inner) for inner in value.values()))
    if isinstance(value, (list, tuple)):
        return set().union(*(ids_in(inner) for inner in value))
    return set()


@given(SECTIONS, st.sets(IDS))
def test_nothing_withheld_is_left_and_all_else_is(sections: dict[str, Any], ids: set[str]) -> None:
    shown = withhold(sections, ids)
    assert ids_in(shown) == ids_in(sections) - ids
    assert {card.id for card in cards_in(shown)} <= ids_in(sections) - ids


@given(SECTIONS)
def test_without_flags_nothing_changes(sections: dict[str, Any]) -> None:
    assert withhold(sections, frozenset()) == sections


def test_texts_go_with_their_card_and_numbers_stay() -> None:
    section = {"total": 2, "sample": [(Card("a"), ["secret"]), (Card("b"), ["fine"])]}
    assert withhold(section, {"a"}) == {"total": 2, "sample": [(Card("b"), ["fine"])]}


def test_a_group_that_is_withheld_as_a_whole_leaves_no_empty_strip() -> None:
    groups = [[Card("a"), Card("b")], [Card("c")]]
    assert withhold({"groups": groups}, {"a", "b"}) == {"groups": [[Card("c")]]}
