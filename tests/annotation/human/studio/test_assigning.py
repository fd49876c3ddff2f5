"""Who is asked about which sticker: exactly the people that each needs, and fairly."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.human.studio.assigning import Assignee, Assignment, Need, assign, meetings

NAMES = [f"p{n}" for n in range(7)]
rooms = st.none() | st.integers(0, 12)
teams = st.lists(rooms, max_size=len(NAMES)).map(
    lambda found: [Assignee(name, room) for name, room in zip(NAMES, found, strict=False)]
)
needs = st.lists(
    st.tuples(st.integers(0, 4), st.frozensets(st.sampled_from([*NAMES, "gone"]), max_size=4)),
    max_size=15,
).map(lambda found: [Need(f"s{n}", people, asked) for n, (people, asked) in enumerate(found)])


def by_sticker(made: Assignment) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for sticker, person in made.given:
        found[sticker].append(person)
    return found


@given(needs, teams, st.integers(0, 100))
@settings(max_examples=150, deadline=None)
def test_each_gets_exactly_its_people_or_none(
    asked: list[Need], team: list[Assignee], later: int
) -> None:
    made = assign(asked, team, later=later)
    people = by_sticker(made)
    room = {one.account: one.room for one in team}
    for need in asked:
        got = people.get(need.sticker, [])
        assert len(set(got)) == len(got)
        assert len(got) == (0 if need.sticker in made.left else need.people)
        assert not set(got) & need.asked
        able = [name for name in room if name not in need.asked]
        assert (made.left.get(need.sticker) == "people") == (len(able) < need.people)
    load = Counter(person for _, person in made.given)
    assert all(limit is None or load[name] <= limit for name, limit in room.items())
    assert set(load) <= set(room)
    if all(one.room is None for one in team):
        assert "quotas" not in made.left.values()


@given(needs, teams, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_order_of_people_changes_nothing(
    asked: list[Need], team: list[Assignee], chance: object
) -> None:
    shuffled = list(team)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert assign(asked, team) == assign(asked, shuffled)


@given(st.integers(1, 4), st.lists(st.integers(0, 30), min_size=1, max_size=7), st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_as_many_stickers_as_quotas_allow_at_all(each: int, limits: list[int], count: int) -> None:
    team = [Assignee(name, room) for name, room in zip(NAMES, limits, strict=False)]
    made = assign([Need(f"s{n}", each) for n in range(count)], team)
    # Each person serves a sticker but once, so of n stickers they take n at most.
    possible = [n for n in range(count + 1) if sum(min(r, n) for r in limits) >= each * n]
    enough = len(team) >= each
    assert len(by_sticker(made)) == (max(possible) if enough else 0)


@pytest.mark.parametrize(("count", "people"), [(200, 8), (500, 5), (400, 50)])
def test_loads_and_meetings_are_equal(count: int, people: int) -> None:
    team = [Assignee(f"p{n}") for n in range(people)]
    made = assign([Need(f"s{n}", 3) for n in range(count)], team)
    load = Counter(person for _, person in made.given)
    assert max(load.values()) - min(load.values()) <= 1
    met = meetings(by_sticker(made).values())
    assert len(met) == people * (people - 1) // 2 or people == 50
    even = 3 * count / (people * (people - 1) / 2)
    assert max(met.values()) <= even + 2
    assert min(met.values()) >= even - 2


def test_small_quotas_last_until_the_end() -> None:
    team = [Assignee("a", 10), Assignee("b", 10), Assignee("c", 100), Assignee("d", 100)]
    done, load = 0, Counter[str]()
    for batch in range(15):
        room = [Assignee(one.account, (one.room or 0) - load[one.account]) for one in team]
        made = assign([Need(f"{batch}/{n}", 3) for n in range(2)], room, later=3 * 1000)
        done += len(by_sticker(made))
        load.update(person for _, person in made.given)
    assert done == 20, "every sticker needs one of the two who take but ten"


def test_who_takes_little_gets_their_share_of_each_batch() -> None:
    team = [Assignee("little", 100), *(Assignee(f"p{n}") for n in range(9))]
    made = assign([Need(f"s{n}", 3) for n in range(100)], team, later=3 * 900)
    load = Counter(person for _, person in made.given)
    assert 9 <= load["little"] <= 11
    assert max(load.values()) <= 33


def test_many_small_batches_are_shared_out_too() -> None:
    met: dict[tuple[str, str], int] = {}
    load, stickers = Counter[str](), []
    for number in range(60):
        made = assign([Need(f"s{number}", 3)], [Assignee(name) for name in NAMES], met)
        stickers.append([person for _, person in made.given])
        load.update(stickers[-1])
        met = meetings(stickers)
    assert max(load.values()) <= 2 * min(load.values())


def test_another_set_of_stickers_is_dealt_otherwise() -> None:
    team = [Assignee(name) for name in NAMES]
    firsts = {assign([Need(f"s{n}", 3)], team).given[0][1] for n in range(40)}
    assert len(firsts) > 2
