"""Confused tags, gold, lean on suggestions and lead times, against brute force and by hand."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import permutations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.human.anchoring import anchoring_bias
from annotation.human.confusion import ConfusedPair, confused_pairs
from annotation.human.gold_scores import gold_scores
from annotation.human.lead_times import LeadTimes, lead_times
from annotation.human.quality import measure_quality
from schemas.tables import GOLD, SUGGESTIONS, VOTES


def vote(sticker: str, annotator: str, tags: str = "", **more: Any) -> dict[str, Any]:
    row = {"id": sticker, "annotator": annotator, "origin": "label_studio", "simulated": False}
    return {**row, "skipped": False, "tags": list(tags), "sequence": 0, **more}


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=VOTES.schema)


def gold(**stickers: tuple[str, str | None]) -> pa.Table:
    rows = [{"id": i, "tags": list(tags), "domain": d} for i, (tags, d) in stickers.items()]
    return pa.Table.from_pylist(rows, schema=GOLD.schema)


def brute(units: list[dict[str, frozenset[str]]]) -> dict[tuple[str, str], ConfusedPair]:
    """Every pair of tags, on every sticker, for every two annotators."""
    paired = [unit for unit in units if len(unit) > 1]
    has = {tag: [any(tag in s for s in unit.values()) for unit in paired] for tag in "abcd"}
    found = {}
    for a, b in permutations("abcd", 2):
        count = 0
        for unit in paired:
            count += any(
                a in unit[x] and b not in unit[x] and b in unit[y] and a not in unit[y]
                for x, y in permutations(unit, 2)
            )
        if a < b and count:
            either = sum(x or y for x, y in zip(has[a], has[b], strict=True))
            lift = (count / len(paired)) / (sum(has[a]) / len(paired) * sum(has[b]) / len(paired))
            found[a, b] = ConfusedPair(a, b, count, either, pytest.approx(lift))
    return found


tag_sets = st.frozensets(st.sampled_from("abcd"), max_size=3)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("xyzw"), tag_sets, max_size=4), max_size=8))
def test_confused_pairs_are_those_of_brute_force(
    units: list[dict[str, frozenset[str]]],
) -> None:
    rows = [
        vote(str(n), who, "".join(sorted(tags)))
        for n, unit in enumerate(units)
        for who, tags in unit.items()
    ]
    found = confused_pairs(table(*rows))
    assert {(pair.first, pair.second): pair for pair in found} == brute(units)
    assert [pair.stickers for pair in found] == sorted((p.stickers for p in found), reverse=True)
    assert confused_pairs(table(*rows), least=2) == [p for p in found if p.stickers >= 2]


def test_what_one_adds_to_the_others_tags_is_no_confusion() -> None:
    assert confused_pairs(table(vote("s", "x", "a"), vote("s", "y", "ab"))) == []
    assert confused_pairs(table(vote("s", "x", "a"), vote("s", "y", "b", skipped=True))) == []


def test_gold_scores_by_hand() -> None:
    votes = table(
        vote("s", "ann", "ab", domain="real"),  # one right, one wrong, one missed
        vote("t", "ann", "c", domain="real"),
        vote("u", "ann", domain=None),  # missed one
        vote("w", "ann", "zz"),  # not gold
        vote("s", "bob", skipped=True),
        vote("t", "bob", "c", domain="cartoon"),
        vote("t", "eve", "c", quarantined="given by the lead"),
        vote("w", "dan", "c"),
    )
    true = gold(s=("ac", "real"), t=("c", "cartoon"), u=("d", "real"), v=("a", None))
    ann, bob = gold_scores(votes, true)
    assert (ann.annotator, ann.stickers, ann.skips) == ("ann", 3, 0)
    assert ann.precision == pytest.approx(2 / 3)
    assert ann.recall == pytest.approx(2 / 4)
    assert ann.f1 == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))
    assert (ann.domain_stickers, ann.domain_accuracy) == (3, pytest.approx(1 / 3))
    assert (bob.annotator, bob.stickers, bob.skips, bob.f1) == ("bob", 1, 1, 1)


def test_gold_scores_that_divide_by_nothing_are_none() -> None:
    votes = table(vote("s", "ann"), vote("t", "bob", skipped=True))
    ann, bob = gold_scores(votes, gold(s=("", None), t=("a", "real")))
    assert (ann.precision, ann.recall, ann.f1, ann.domain_accuracy) == (None, None, None, None)
    assert (bob.stickers, bob.skips, bob.recall, bob.domain_stickers) == (0, 1, None, 0)
    assert gold_scores(votes, gold()) == []


def test_lean_by_hand() -> None:
    votes = table(
        vote("s", "ann", "a", suggested=["a"], unedited=True),
        vote("t", "ann", "ab", suggested=["a"], unedited=False),
        vote("u", "ann", "b", suggested=["a"]),
        vote("v", "ann", "", suggested=[]),
        vote("w", "ann", "a"),
        vote("x", "ann", "b"),
        vote("y", "ann", skipped=True, suggested=["a"], unedited=False),
        vote("s", "bob", "a"),
    )
    machine = pa.Table.from_pylist(
        [{"id": "w", "tags": ["a"]}, {"id": "x", "tags": ["a"]}, {"id": "s", "tags": []}],
        schema=SUGGESTIONS.schema,
    )
    ann, bob = anchoring_bias(votes, machine)
    assert (ann.suggested, ann.unedited, ann.bare, ann.blind) == (3, 1, 1, 2)
    assert ann.unedited_share == pytest.approx(1 / 3)
    assert ann.similarity == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert ann.blind_share == pytest.approx(2 / 6)
    assert (ann.hidden, ann.hidden_equal_share, ann.hidden_similarity) == (2, 0.5, 0.5)
    assert (bob.suggested, bob.unedited_share, bob.similarity, bob.blind_share) == (
        0,
        None,
        None,
        1,
    )
    assert (bob.hidden, bob.hidden_equal_share) == (0, None)
    assert [one.hidden for one in anchoring_bias(votes)] == [0, 0]


def timed(annotator: str, *seconds: float | None) -> list[dict[str, Any]]:
    return [
        vote(f"{annotator} {n}", annotator, lead_time_s=time, annotation=f"{annotator}/{n}")
        for n, time in enumerate(seconds)
    ]


def test_few_votes_are_judged_by_floor_and_cap_alone() -> None:
    rows = timed("ann", 1.9, 2, 10, 600, 601, None, float("nan"), -1)
    [times], flagged = lead_times(table(*rows))
    assert (times.timed, times.untimed) == (5, 3)
    assert (times.first_quartile_s, times.median_s, times.third_quartile_s) == (2, 10, 600)
    assert (times.low_s, times.high_s, times.fast_share, times.slow_share) == (2, 600, 0.2, 0.2)
    assert [(one.annotation, one.pace) for one in flagged] == [("ann/0", "fast"), ("ann/4", "slow")]
    _, none = lead_times(table(*rows), floor_s=1, cap_s=1000)
    assert none == []


def test_many_votes_are_judged_by_their_own_pace_on_a_log_scale() -> None:
    usual = np.exp(np.random.default_rng(0).normal(np.log(30), 0.4, 200)).tolist()
    [times], flagged = lead_times(table(*timed("ann", *usual, 3, 400)))
    assert [(one.seconds, one.pace) for one in flagged] == [(3, "fast"), (400, "slow")]
    first, third = np.percentile(np.log([*usual, 3, 400]), [25, 75])
    assert times.low_s == pytest.approx(np.exp(first - 3 * (third - first)))
    assert times.high_s == pytest.approx(np.exp(third + 3 * (third - first)))
    # Others' pace is no measure of one's own.
    _, both = lead_times(table(*timed("ann", *usual, 3, 400), *timed("bob", *[3.0] * 30)))
    assert both == flagged


def test_a_steady_pace_flags_no_small_difference() -> None:
    _, flagged = lead_times(table(*timed("ann", *[20.0] * 50, 15, 30)))
    assert flagged == []


def test_a_time_of_zero_is_fast_and_none_at_all_is_no_figure() -> None:
    times, flagged = lead_times(table(*timed("ann", *[20.0] * 30, 0), *timed("bob", None)))
    assert [(one.annotator, one.seconds, one.pace) for one in flagged] == [("ann", 0, "fast")]
    assert times[1] == LeadTimes("bob", 0, 1)


def test_skips_have_no_pace() -> None:
    assert lead_times(table(vote("s", "ann", skipped=True, lead_time_s=0.5))) == ([], [])


def test_quality_is_counted_from_tables_and_goes_into_json() -> None:
    votes = table(vote("s", "ann", "a", lead_time_s=1), vote("s", "bob", "b", suggested=["b"]))
    true = gold(s=("a", "real"))
    found = measure_quality(votes, true)
    assert [len(part) for part in asdict(found).values()] == [1, 2, 2, 2, 1]
    assert json.loads(json.dumps(asdict(found)))["confused"][0]["first"] == "a"
    empty = measure_quality(votes.slice(0, 0), true.slice(0, 0))
    assert set(map(len, asdict(empty).values())) == {0}


def test_what_was_changed_once_gold_was_known_is_no_better() -> None:
    rows = [
        vote("s", "ann", "b", sequence=4),
        vote("s", "ann", "a", sequence=9, annotation="2"),
        vote("t", "ann", "", sequence=5, skipped=True),
        vote("t", "ann", "a", sequence=8),
        vote("s", "bob", "c", sequence=1, quarantined="odd"),
        vote("s", "bob", "a", sequence=2),
    ]
    true = gold(s=("a", None), t=("a", None))
    for order in (rows, rows[::-1]):
        ann, bob = gold_scores(table(*order), true)
        assert (ann.f1, ann.stickers, ann.skips) == (0, 1, 1)
        assert (bob.f1, bob.stickers) == (1, 1)
