"""Groups: random relations of pictures, in collections that grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.copies import best
from pipeline.copies.comparing import HOW, NONE, SAME, STILL_OF, TEMPLATE, Relations
from pipeline.copies.pairs import Pairs
from pipeline.filter.duplicates import grouping
from pipeline.filter.duplicates.grouping import Groups, Join, group_pictures
from pipeline.filter.duplicates.representatives import Kept, choose_kept

PERCEPTUAL, MIRROR = HOW.index("perceptual"), HOW.index("mirror")
Relation = tuple[int, int, int]
"""What, how, distance."""


@dataclass
class World:
    """Pictures in the order of the crawl: which move, how good they are, how pairs are related.

    ``related`` has a relation for each view in which a pair (later, earlier) meets.
    """

    animated: list[bool]
    rank: list[int]
    related: dict[tuple[int, int], dict[int, Relation]]

    def compare(self, pairs: Pairs) -> Relations:
        rows = zip(pairs.one.tolist(), pairs.other.tolist(), pairs.view.tolist(), strict=True)
        nothing = (NONE, -1, -1)
        found = [self.related.get((a, b), {}).get(view, nothing) for a, b, view in rows]
        return Relations(*np.array(found, np.int64).reshape(-1, 3).T)

    def waves(self, sizes: Sequence[int]) -> Iterator[Pairs]:
        """All pairs, cut after so many pictures again and again."""
        rows = sorted(
            (a, b, bits, view)
            for (a, b), views in self.related.items()
            for bits, view in enumerate(views)
        )
        start = turn = 0
        while start < len(self.animated):
            end = start + sizes[turn % len(sizes)]
            here = [row for row in rows if start <= row[0] < end]
            if here:
                one, other, bits, view = np.array(here, np.int64).T
                yield Pairs(one, other, view, bits)
            start, turn = end, turn + 1

    def first(self, count: int) -> World:
        """The world when so many pictures were crawled."""
        related = {pair: views for pair, views in self.related.items() if pair[0] < count}
        return World(self.animated[:count], self.rank[:count], related)

    def groups(self, sizes: Sequence[int] = (3,)) -> Groups:
        return group_pictures(np.array(self.animated, bool), self.waves(sizes), self.compare)

    def kept(self) -> Kept:
        return choose_kept(self.groups(), np.array(self.rank, np.int64), self.compare)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    count = draw(st.integers(1, 12))
    animated = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    rank = draw(st.permutations(range(count)))
    same = st.tuples(st.just(SAME), st.sampled_from([PERCEPTUAL, MIRROR]), st.integers(0, 3))
    alike = st.one_of(same, st.sampled_from([(NONE, -1, -1), (TEMPLATE, -1, -1)]))
    mixed = st.sampled_from([(NONE, -1, -1), (STILL_OF, -1, -1)])
    pairs = [(b, a) for a, b in combinations(range(count), 2)]
    met = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    related = {}
    for pair in met:
        one = alike if animated[pair[0]] == animated[pair[1]] else mixed
        views = draw(st.lists(st.integers(0, 2), min_size=1, max_size=2, unique=True))
        related[pair] = {view: draw(one) for view in views}
    return World(animated, rank, related)


def listed(groups: Groups) -> dict[str, object]:
    names = ("leader", "view", "how", "distance", "template", "still_of")
    arrays = {name: getattr(groups, name).tolist() for name in names}
    return {**arrays, "joins": (groups.group_joins, groups.template_joins)}


@settings(max_examples=60, deadline=None)
@given(worlds(), st.data())
def test_what_is_added_changes_nothing_before_it_but_templates_that_it_joins(world, data):
    count = data.draw(st.integers(1, len(world.animated)))
    before, after = world.first(count).groups(), world.groups()
    assert before.leader.tolist() == after.leader[:count].tolist()
    assert before.distance.tolist() == after.distance[:count].tolist()
    assert [j for j in after.group_joins if j.picture < count] == before.group_joins
    assert [j for j in after.template_joins if j.picture < count] == before.template_joins
    # What the list says of the added ones is all that happened to the templates.
    renamed = before.template.copy()
    for join in after.template_joins:
        if join.picture >= count:
            renamed[renamed == join.second] = join.first
    assert renamed.tolist() == after.template[:count].tolist()


@settings(max_examples=60, deadline=None)
@given(worlds(), st.lists(st.integers(1, 5), min_size=1, max_size=3))
def test_the_result_does_not_depend_on_waves(world, sizes):
    assert listed(world.groups(sizes)) == listed(world.groups([len(world.animated)]))
    assert listed(world.groups(sizes)) == listed(world.groups([1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "_AT_ONCE", 2)
        assert listed(world.groups(sizes)) == listed(world.groups([1]))


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_what_is_kept_equals_all_that_it_stands_for(world):
    groups, kept = world.groups(), world.kept()
    for picture, stands in enumerate(kept.picture.tolist()):
        assert groups.leader[stands] == groups.leader[picture], "one of its own group"
        if stands != picture:
            pair = max(picture, stands), min(picture, stands)
            # The view in which either equals their leader is the one in which they are compared.
            assert (SAME, kept.how[picture], kept.distance[picture]) in world.related[pair].values()
    assert (kept.picture[kept.picture] == kept.picture).all(), "one a group is kept"
    assert (kept.distance[kept.picture] == -1).all()


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_all_that_is_related_shares_a_template(world):
    groups = world.groups()
    for (a, b), views in world.related.items():
        if any(what != NONE for what, _, _ in views.values()):
            assert groups.template[a] == groups.template[b]
    assert all(first <= place for place, first in enumerate(groups.template.tolist()))
    links = {
        (a, b) for (a, b), views in world.related.items() if any(w for w, _, _ in views.values())
    }
    assert len(set(groups.template.tolist())) == len(world.animated) - _spanning(links)


def _spanning(links: set[tuple[int, int]]) -> int:
    """How many links of a forest that spans what is linked."""
    tree: dict[int, int] = {}

    def root(place: int) -> int:
        while place in tree:
            place = tree[place]
        return place

    for a, b in sorted(links):
        if (one := root(a)) != (other := root(b)):
            tree[max(one, other)] = min(one, other)
    return len(tree)


def world_of(
    count: int, related: dict[tuple[int, int], int], rank: list[int] | None = None
) -> World:
    """Stills of which some pairs are the same, at the distance given."""
    same = {pair: {0: (SAME, PERCEPTUAL, distance)} for pair, distance in related.items()}
    return World([False] * count, rank or list(range(count)), same)


def test_no_chains():
    """A like B and B like C doesn't make A like C: C leads a group of its own."""
    assert world_of(3, {(1, 0): 5, (2, 1): 5}).groups().leader.tolist() == [0, 0, 2]


def test_the_nearest_leader_wins_and_the_other_is_listed():
    groups = world_of(3, {(2, 0): 7, (2, 1): 4}).groups()
    assert groups.leader.tolist() == [0, 1, 1]
    assert groups.group_joins == [Join(2, 1, 0, 7)]
    assert groups.template_joins == [Join(2, 0, 1)]
    assert groups.template.tolist() == [0, 0, 0]


def test_the_first_of_two_equally_near_wins():
    assert world_of(3, {(2, 0): 4, (2, 1): 4}).groups().leader.tolist() == [0, 1, 0]


def test_the_best_is_kept_where_all_equal_it():
    kept = world_of(3, {(1, 0): 3, (2, 0): 5, (2, 1): 4}, rank=[2, 1, 0]).kept()
    assert kept.picture.tolist() == [2, 2, 2]
    assert kept.distance.tolist() == [5, 4, -1]


def test_the_leader_is_kept_where_a_better_one_equals_it_alone():
    kept = world_of(3, {(1, 0): 3, (2, 0): 5}, rank=[2, 1, 0]).kept()
    assert kept.picture.tolist() == [0, 0, 0]
    assert kept.distance.tolist() == [-1, 3, 5]


def test_a_mirrored_copy_is_not_kept_however_good_it_is():
    world = world_of(2, {}, rank=[1, 0])
    world.related[1, 0] = {2: (SAME, MIRROR, 3)}
    assert world.kept().picture.tolist() == [0, 0]


def test_the_first_animation_that_shows_a_still_is_told():
    animated = [True, False, True, True]
    related = {(2, 0): {0: (SAME, PERCEPTUAL, 2)}}
    related |= {pair: {0: (STILL_OF, -1, -1)} for pair in ((2, 1), (3, 1))}
    groups = World(animated, [0, 1, 2, 3], related).groups()
    assert groups.still_of.tolist() == [-1, 2, -1, -1]
    assert groups.leader.tolist() == [0, 1, 0, 3]
    assert groups.template.tolist() == [0, 0, 0, 0]


def test_members_of_a_large_group_are_not_compared_with_one_another(monkeypatch):
    """A thousand copies of one sticker: a comparison each, not half a million."""
    count, compared = 60, []
    related = {(b, a): 1 for a, b in combinations(range(count), 2)}
    world = world_of(count, related)
    answer = world.compare
    monkeypatch.setattr(
        world, "compare", lambda pairs: compared.append(len(pairs)) or answer(pairs)
    )
    assert world.groups(sizes=[5]).leader.tolist() == [0] * count
    assert sum(compared) < count * 5


@pytest.mark.parametrize("at_a_time", [1, 3])
def test_comparisons_go_in_parts(monkeypatch, at_a_time):
    world = world_of(5, {(b, a): a for a, b in combinations(range(5), 2)})
    expected = listed(world.groups())
    monkeypatch.setattr(best, "_COMPARED", at_a_time)
    assert listed(world.groups()) == expected
