"""Krippendorff's alpha against published and hand-computed values and its own definition."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table_rows import MemoryReader

from annotation.human import agreement, masi, overlaps, single_values
from annotation.human.agreement import AGREEMENT, summarise
from annotation.human.masi import masi_distance
from annotation.human.tag_votes import TagVotes, read_tag_votes
from schemas.config import Config
from schemas.tables import DECISIONS, TABLES, TAG_CHANGES, VOTES

A, B, AB, BC, NONE = (frozenset(tags) for tags in ("a", "b", "ab", "bc", ""))

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C: 4 observers, 12
# units, missing data; nominal alpha .743.
OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)


def tag_votes(units: Sequence[Mapping[str, frozenset[str]]]) -> TagVotes:
    rows = [
        {"id": f"{number:09d}", "annotator": name, "tags": sorted(chosen)}
        for number, unit in enumerate(units)
        for name, chosen in unit.items()
    ]
    schema = pa.schema([VOTES.schema.field(name) for name in ("id", "annotator", "tags")])
    return read_tag_votes(pa.Table.from_pylist(rows, schema=schema))


def unnamed(units: Sequence[Sequence[frozenset[str]]]) -> TagVotes:
    return tag_votes([{str(n): chosen for n, chosen in enumerate(unit)} for unit in units])


def masi_alpha(units: Sequence[Sequence[frozenset[str]]]) -> float | None:
    return masi.masi_alpha(unnamed(units))


def masi_interval(
    units: Sequence[Sequence[frozenset[str]]], **drawn: int
) -> tuple[float, float] | None:
    return masi.masi_interval(unnamed(units), **drawn)


def tag_alphas(units: Sequence[Sequence[frozenset[str]]], **drawn: int) -> list[dict[str, Any]]:
    return agreement.tag_alphas(unnamed(units), **drawn)


def nominal_alpha(units: Sequence[Sequence[str]]) -> float | None:
    return single_values.nominal_alpha(Counter(tuple(sorted(unit)) for unit in units))


def published_units() -> list[list[str]]:
    columns = zip(*(line.split() for line in OBSERVERS), strict=True)
    return [[value for value in column if value != "."] for column in columns]


def test_nominal_alpha_is_the_published_one() -> None:
    assert nominal_alpha(published_units()) == pytest.approx(0.743, abs=0.0005)


def test_single_tags_give_the_published_alpha_too() -> None:
    sets = [[frozenset([value]) for value in unit] for unit in published_units()]
    assert masi_alpha(sets) == pytest.approx(0.743, abs=0.0005)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        (A, A, 0),
        (NONE, NONE, 0),
        (A, B, 1),
        (A, NONE, 1),
        (A, AB, 1 - 0.5 * 2 / 3),
        (AB, BC, 1 - 1 / 3 * 1 / 3),
    ],
)
def test_masi_distance(first: frozenset[str], second: frozenset[str], distance: float) -> None:
    assert masi_distance(first, second) == pytest.approx(distance)
    assert masi_distance(second, first) == pytest.approx(distance)


def test_alpha_by_hand() -> None:
    # Observed: (0 + 1 + 2/3) / 3 = 5/9. Expected, over the 30 ordered pairs of a a a b ab a:
    # a-b 8 at 1, a-ab 8 at 2/3, b-ab 2 at 2/3: 44/3 / 30.
    units = [[A, A], [A, B], [AB, A]]
    assert masi_alpha(units) == pytest.approx(1 - 5 / 9 / (44 / 3 / 30))


def test_single_votes_tell_nothing() -> None:
    units = [[A, A], [A, B], [AB, A]]
    assert masi_alpha([*units, [BC], []]) == masi_alpha(units)


@pytest.mark.parametrize("units", [[], [[A]], [[A, A], [A, A]], [[NONE, NONE]]])
def test_alpha_is_undefined_where_nothing_can_differ(units: list[list[frozenset[str]]]) -> None:
    assert masi_alpha(units) is None
    assert masi_interval(units) is None


def test_full_agreement_on_differing_stickers_is_one() -> None:
    assert masi_alpha([[A, A, A], [BC, BC], [NONE, NONE]]) == pytest.approx(1)


def defined(units: list[list[frozenset[str]]]) -> float | None:
    """Alpha by its definition: every ordered pair of votes, one after another."""
    paired = [unit for unit in units if len(unit) > 1]
    everything = [chosen for unit in paired for chosen in unit]
    n = len(everything)
    observed = sum(
        masi_distance(first, second) / (len(unit) - 1)
        for unit in paired
        for first, second in permutations(unit, 2)
    )
    expected = sum(masi_distance(first, second) for first, second in permutations(everything, 2))
    return None if not expected else 1 - (n - 1) * observed / expected


tag_sets = st.frozensets(st.sampled_from("abcd"), max_size=4)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(tag_sets, max_size=4), max_size=8), st.sampled_from([6, 2, 1]))
def test_grouped_alpha_is_the_defined_one(units: list[list[frozenset[str]]], most: int) -> None:
    """However large the sets are whose subsets are counted."""
    expected = defined(units)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlaps, "_MOST", most)
        found = masi_alpha(units)
    assert found is None if expected is None else found == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(tag_sets, max_size=4), max_size=8))
def test_alpha_of_a_tag_is_nominal_alpha_of_given_or_not(
    units: list[list[frozenset[str]]],
) -> None:
    for row in tag_alphas(units):
        binary = [[str(row["tag"] in chosen) for chosen in unit] for unit in units]
        expected = nominal_alpha(binary)
        assert row["alpha"] is None if expected is None else row["alpha"] == pytest.approx(expected)


def test_tag_counts() -> None:
    rows = {row["tag"]: row for row in tag_alphas([[AB, A, A], [B, A], [AB]])}
    assert (rows["a"]["stickers"], rows["a"]["agreed"]) == (2, 1)
    assert (rows["b"]["stickers"], rows["b"]["agreed"]) == (2, 0)


def test_pairs_of_annotators() -> None:
    rows = agreement.pairwise(tag_votes([{"x": A, "y": A, "z": B}, {"y": AB, "x": A}]))
    found = {tuple(row["annotators"]): row for row in rows}
    assert found["x", "y"]["stickers"] == 2
    assert found["x", "y"]["equal"] == 0.5
    assert found["x", "y"]["masi"] == pytest.approx((1 + 1 / 3) / 2)
    assert found["x", "z"]["masi"] == 0


def test_the_interval_holds_alpha_and_repeats() -> None:
    random = np.random.default_rng(1)
    units = [[frozenset(random.choice(list("abc"), 2)) for _ in range(3)] for _ in range(60)]
    alpha, interval = masi_alpha(units), masi_interval(units, resamples=200, seed=4)
    assert alpha is not None
    assert interval is not None
    assert interval[0] < alpha < interval[1]
    assert interval == masi_interval(units, resamples=200, seed=4)


def rows_of(sticker: str, *sets: str | None) -> list[dict[str, Any]]:
    return [
        {"id": sticker, "annotator": f"ann {n}", "origin": "simulated", "simulated": True,
         "skipped": tags is None, "tags": list(tags or ""), "domain": "real", "sequence": n}
        for n, tags in enumerate(sets)
    ]  # fmt: skip


def test_the_summary_takes_latest_votes_and_no_skips() -> None:
    rows = [*rows_of("s", "a", "a", None), *rows_of("t", "a", "b"), *rows_of("u", "ab", "a")]
    rows += [{**row, "tags": ["z"], "sequence": -5} for row in rows_of("t", "a", "b")]
    found = summarise(pa.Table.from_pylist(rows, schema=VOTES.schema), resamples=50)
    assert found["alpha"] == pytest.approx(1 - 5 / 9 / (44 / 3 / 30))
    assert found["stickers"] == 3
    assert found["domain_alpha"] is None
    assert [tag["tag"] for tag in found["tags"]] == ["a", "b"]
    assert found == summarise(pa.Table.from_pylist(rows[::-1], schema=VOTES.schema), resamples=50)


def test_an_empty_set_disagrees_and_a_skip_does_not() -> None:
    rows = [*rows_of("s", "a", "a"), *rows_of("t", "b", "b")]
    agreed = summarise(pa.Table.from_pylist(rows, schema=VOTES.schema), resamples=5)
    skipped = [*rows, *rows_of("u", "a", None)]
    empty = [*rows, *rows_of("u", "a", "")]
    found = [
        summarise(pa.Table.from_pylist(more, schema=VOTES.schema), resamples=5)["alpha"]
        for more in (skipped, empty)
    ]
    assert found[0] == agreed["alpha"] == pytest.approx(1)
    assert found[1] < 1


def test_the_summary_of_no_votes_is_empty() -> None:
    found = summarise(VOTES.schema.empty_table())
    assert (found["stickers"], found["alpha"], found["tags"], found["pairs"]) == (0, None, [], [])


def test_alpha_is_nltks_on_500_items_with_missing_raters_and_empty_sets() -> None:
    nltk = pytest.importorskip("nltk.metrics.agreement")
    theirs = pytest.importorskip("nltk.metrics.distance").masi_distance
    draw = random.Random(7)
    units = []
    for _ in range(500):
        truth = draw.sample("abcdefghij", 2)
        voters = draw.choice([0, 1, 2, 3, 3, 3, 4])
        units.append(
            [
                frozenset(draw.sample([*truth, draw.choice("abcdefghij")], draw.randint(0, 3)))
                for _ in range(voters)
            ]
        )
    assert sum(not chosen for unit in units for chosen in unit) > 100

    def distance(first: frozenset[str], second: frozenset[str]) -> float:
        # nltk divides by zero on two empty sets, which are equal.
        return float(theirs(first, second)) if first or second else 0.0

    rows = [
        (f"rater {rater}", item, chosen)
        for item, unit in enumerate(units)
        for rater, chosen in enumerate(unit)
    ]
    expected = nltk.AnnotationTask(data=rows, distance=distance).alpha()
    assert 0.1 < expected < 0.9
    assert masi_alpha(units) == pytest.approx(expected, abs=1e-9)


def test_votes_drawn_without_looking_agree_no_more_than_by_chance() -> None:
    drawn = np.random.default_rng(0).choice(40, (2000, 3, 2), p=np.arange(1, 41) / 820)
    units = [[frozenset(map(str, one)) for one in unit] for unit in drawn]
    assert masi_alpha(units) == pytest.approx(0, abs=0.01)


def plain_interval(observed: list[tuple[float, float]], expected: float) -> tuple[float, float]:
    """The interval by drawing the units themselves, one resample after another."""
    generator = np.random.default_rng(5)
    figures = []
    for _ in range(2000):
        drawn = [observed[i] for i in generator.integers(0, len(observed), len(observed))]
        figures.append(1 - sum(a for a, _ in drawn) / sum(b for _, b in drawn) / expected)
    low, high = np.percentile(figures, [2.5, 97.5])
    return float(low), float(high)


def test_intervals_are_those_of_drawing_the_units_themselves() -> None:
    draw = random.Random(2)
    units = [[draw.choice("aab") for _ in range(draw.choice([2, 3]))] for _ in range(150)]
    observed = [
        (sum(x != y for x, y in permutations(unit, 2)) / (len(unit) - 1), float(len(unit)))
        for unit in units
    ]
    everything = [value for unit in units for value in unit]
    n = len(everything)
    expected = sum(x != y for x, y in permutations(everything, 2)) / (n * (n - 1))
    plain = plain_interval(observed, expected)
    found = {
        "domain": single_values.nominal_interval(
            Counter(tuple(sorted(unit)) for unit in units), resamples=4000
        ),
        "sets": masi_interval([[frozenset(v) for v in unit] for unit in units], resamples=4000),
        "tag": tag_alphas([[frozenset(v) & {"a"} for v in unit] for unit in units], resamples=4000)[
            0
        ]["interval"],
    }
    for interval in found.values():
        assert interval == pytest.approx(plain, abs=0.015)


class Shards(MemoryReader):
    """Tables as the step may read them: those that it names, as wholes."""

    parts = (0, 1)

    def read(
        self, table: str, part: int | None = None, columns: list[str] | None = None
    ) -> pa.Table:
        assert table in AGREEMENT.reads
        assert part is None
        return super().read(table, part, columns)


def votes_of(*rows: tuple[str, str, list[str]]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"id": i, "annotator": who, "origin": "simulated", "simulated": True, "tags": tags,
             "skipped": False, "sequence": number, "domain": "real" if tags == ["z"] else "cartoon"}
            for number, (i, who, tags) in enumerate(rows)
        ],
        schema=VOTES.schema,
    )  # fmt: skip


def test_the_step_writes_what_it_measures() -> None:
    votes = votes_of(
        ("a", "ann", ["x"]), ("a", "bob", ["x"]), ("b", "ann", ["y"]), ("b", "bob", ["z"])
    )
    [(table, part, rows)] = AGREEMENT.run(Shards(votes=votes), AGREEMENT.settings(Config()))
    assert (table, part) == ("agreement", None)
    assert rows.schema.equals(TABLES["agreement"].schema)
    found = {(row["measure"], row["tag"]): row for row in rows.to_pylist()}
    said = summarise(votes)
    assert found["tag_sets", None]["alpha"] == said["alpha"]
    assert (found["tag_sets", None]["low"], found["tag_sets", None]["high"]) == said["interval"]
    assert found["tag", "x"]["agreed"] == 1
    assert found["pair", None]["annotators"] == ["ann", "bob"]
    assert found["pair", None]["equal"] == 0.5
    assert found["domain", None]["alpha"] == said["domain_alpha"]
    assert found["domain", None]["kappa"] == said["domain_kappa"]["kappa"] == pytest.approx(-1 / 3)
    assert found["tag_sets", None]["kappa"] is None


def test_no_votes_give_no_agreement() -> None:
    nothing = TABLES["votes"].schema.empty_table()
    [(_, _, rows)] = AGREEMENT.run(Shards(votes=nothing), AGREEMENT.settings(Config()))
    assert len(rows) == 0


FOUR = (("a", "ann", ["x"]), ("a", "bob", ["x"]), ("b", "ann", ["y"]), ("b", "bob", ["z"]))


def measured(votes: pa.Table, **others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    [(_, _, rows)] = AGREEMENT.run(Shards(votes=votes, **others), AGREEMENT.settings(Config()))
    found: list[dict[str, Any]] = rows.to_pylist()
    return found


def test_votes_on_stickers_that_are_not_kept_are_left_out() -> None:
    decisions = [
        {"id": "a", "kept": True, "outcome": "kept"},
        {"id": "b", "kept": False, "outcome": "dropped"},
    ]
    assert DECISIONS.name in AGREEMENT.optional
    assert measured(votes_of(*FOUR), decisions=decisions) == measured(votes_of(*FOUR[:2]))
    # A sticker that no decision names stays.
    assert measured(votes_of(*FOUR), decisions=decisions[:1]) == measured(votes_of(*FOUR))


def test_quarantined_votes_never_enter() -> None:
    votes = votes_of(*FOUR, ("a", "ann", ["q"]), ("a", "eve", ["q"]))
    marks = pa.array([None] * 4 + ["given by a user who is on no list"] * 2, pa.string())
    place = votes.schema.get_field_index("quarantined")
    marked = votes.set_column(place, votes.schema.field(place), marks)
    assert measured(marked) == measured(votes_of(*FOUR))
    assert measured(votes) != measured(marked)


def test_tags_of_older_ballots_are_carried_over() -> None:
    votes = votes_of(*FOUR)
    place = votes.schema.get_field_index("tagset")
    old = votes.set_column(
        place, votes.schema.field(place), pa.array(["1", "1", "1", "2"], pa.string())
    )
    changes = [{"from_version": "1", "to_version": "2", "tag": "y", "becomes": ["z"]}]
    assert TAG_CHANGES.name in AGREEMENT.optional
    pair = measured(old, tag_changes=changes)[-1]
    assert (pair["measure"], pair["equal"]) == ("pair", 1)
    assert measured(old)[-1]["equal"] == 0.5
