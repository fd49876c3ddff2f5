"""Answers that were given under another bound count only where they can't mislead."""

from __future__ import annotations

from dataclasses import replace

from synthetic.audited import CASES, answer, plant

from pipeline.filter.audit.estimate import judge
from pipeline.filter.audit.sampling import Population, sample_of
from schemas.config import RuleConfig
from stickerworks.cli.filter_audit import result_lines

SMALL = replace(CASES["errors near the bound"], dropped=400, kept=400)


def planted(seed: int) -> tuple[Population, Population, dict[str, bool]]:
    """What a maximum of 10 drops, and one of 13, of the same stickers; what lies below 13 is
    dropped wrongly."""
    strict, _ = plant(SMALL, seed)
    dropped = strict.values > 13
    loose = replace(strict, dropped=dropped, kept=~dropped, bounds=RuleConfig(max=13))
    right = dict(zip(strict.ids.tolist(), dropped.tolist(), strict=True))
    return strict, loose, right


def test_answers_under_another_bound_do_not_count_until_all_of_their_part_is_answered() -> None:
    strict, loose, right = planted(0)
    before = answer(sample_of(loose, 60), right)
    sample = sample_of(strict, 60)
    shared = {one.id for one in sample.stickers} & {one.id for one in before}
    found = judge(sample, before, 0.9)
    assert len(shared) > 20
    assert (found.dropped.share, found.dropped.answered, found.earlier) == (None, 0, len(shared))
    assert (found.dropped.low, found.dropped.high) == (0.0, 1.0)
    assert f"{len(shared)} stickers were answered when" in "".join(result_lines(found))

    rest = [one for one in answer(sample, right) if one.id not in shared]
    whole = judge(sample, [*before, *rest], 0.9)
    again = judge(sample, answer(sample, right), 0.9)
    assert (whole.dropped, whole.earlier) == (again.dropped, 0)
    far = {one.id for one in sample.stickers if one.part == "far"}
    missing = next(one for one in rest if one.id in far)
    few = judge(sample, [*before, *(one for one in rest if one is not missing)], 0.9)
    assert few.earlier == len(shared & far) > 20


def test_the_interval_holds_the_truth_after_a_change_of_bounds() -> None:
    covered = 0
    for seed in range(20):
        strict, loose, right = planted(seed)
        sample = sample_of(strict, 60)
        half = answer(sample, right)[: len(sample.stickers) // 2]
        found = judge(sample, [*answer(sample_of(loose, 60), right), *half], 0.9).dropped
        truth = (strict.values > 13).sum() / strict.dropped.sum()
        covered += found.low <= truth <= found.high
        assert found.share is not None
    assert covered >= 19


def test_answers_to_a_smaller_sample_of_the_same_stickers_count() -> None:
    strict, _, right = planted(1)
    small, large = sample_of(strict, 20), sample_of(strict, 60)
    assert small.drawn == large.drawn
    found = judge(large, answer(small, right), 0.9)
    assert (found.dropped.answered, found.earlier) == (20, 0)
    wider = sample_of(strict, 60, near=20.0)
    assert judge(wider, answer(small, right), 0.9).dropped == found.dropped, "only kept ones differ"


def test_a_part_without_answers_leaves_the_whole_without_a_share() -> None:
    strict, _, right = planted(2)
    sample = sample_of(strict, 60)
    far = {one.id for one in sample.stickers if one.part == "far"}
    found = judge(sample, [one for one in answer(sample, right) if one.id in far], 0.9)
    assert (found.dropped.share, found.dropped.answered) == (None, 30)
    truth = (strict.values > 13).sum() / strict.dropped.sum()
    assert found.dropped.low < truth < found.dropped.high
    assert found.dropped.high - found.dropped.low > 1 / 3, "of a third nothing is known"
    (said, *_) = result_lines(found)
    assert said.startswith("dropped: 400, 60 asked about, 30 answered, but a part has none")
