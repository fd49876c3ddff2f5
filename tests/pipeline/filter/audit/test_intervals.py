"""The interval of a share covers at least as often as it says, in small populations too."""

from __future__ import annotations

from itertools import product
from math import comb

import pytest

from pipeline.filter.audit.intervals import (
    Stratum,
    estimated_share,
    joined_interval,
    share_interval,
)


def chance(size, of, drawn, seen):
    return comb(of, seen) * comb(size - of, drawn - seen) / comb(size, drawn)


@pytest.mark.parametrize(
    ("sizes", "drawn"),
    [((5, 0), (3, 0)), ((5, 0), (5, 0)), ((40, 0), (12, 0)), ((4, 9), (2, 4)), ((12, 20), (6, 5))],
)
def test_it_covers_every_truth_with_95_percent_of_all_samples(sizes, drawn):
    limits = {
        seen: share_interval([Stratum(*one) for one in zip(sizes, drawn, seen, strict=True)])
        for seen in product(*(range(n + 1) for n in drawn))
    }
    for truth in product(*(range(size + 1) for size in sizes)):
        share = sum(truth) / sum(sizes)
        covered = sum(
            chance(sizes[0], truth[0], drawn[0], seen[0])
            * chance(sizes[1], truth[1], drawn[1], seen[1])
            for seen, (low, high) in limits.items()
            if low - 1e-9 <= share <= high + 1e-9
        )
        assert covered >= 0.95 - 1e-9, truth


def test_who_asked_about_all_knows():
    assert share_interval([Stratum(5, 5, 4)]) == (0.8, 0.8)
    assert share_interval([Stratum(2, 2, 0), Stratum(8, 8, 4)]) == (0.4, 0.4)


def test_who_asked_about_none_knows_nothing():
    assert share_interval([Stratum(7, 0, 0)]) == (0.0, 1.0)
    assert estimated_share([Stratum(7, 0, 0)]) is None
    # Of a part that nobody was asked about all or none may count.
    assert share_interval([Stratum(3, 3, 3), Stratum(7, 0, 0)]) == (0.3, 1.0)
    assert estimated_share([Stratum(3, 3, 3), Stratum(7, 0, 0)]) is None
    assert estimated_share([Stratum(3, 3, 3), Stratum(0, 0, 0)]) == 1.0


def test_strata_weigh_by_their_size():
    strata = [Stratum(100, 10, 0), Stratum(900, 10, 10)]
    assert estimated_share(strata) == pytest.approx(0.9)
    low, high = share_interval(strata)
    assert low < 0.9 < high < 1.0


def test_it_narrows_with_answers_and_widens_with_confidence():
    def width(limits):
        return limits[1] - limits[0]

    some, more = [Stratum(10_000, 50, 45)], [Stratum(10_000, 500, 450)]
    assert width(share_interval(more)) < width(share_interval(some)) / 2
    assert width(share_interval(some, 0.99)) > width(share_interval(some))
    three = [Stratum(1000, 40, 36)] * 3
    low, high = joined_interval(three)
    assert low < 0.9 < high


def test_it_agrees_with_clopper_and_pearson_in_a_large_population():
    limits = share_interval([Stratum(1_000_000, 50, 45)])
    # What scipy.stats.binomtest(45, 50).proportion_ci(method="exact") gives.
    assert limits == pytest.approx((0.78186, 0.96672), abs=2e-4)


def test_more_counted_than_drawn_is_no_stratum():
    with pytest.raises(ValueError, match="3 of 2 drawn of 5"):
        Stratum(5, 2, 3)
