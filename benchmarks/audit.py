"""How often the interval of `filter audit` covers the truth, over planted mistakes.

Each draw is a new population with new ids, so a new sample. Beside what the draws say, which is
chance, stands what all samples of a
first population say together: the sum over every count that a sample can have. It also says how
often a bound that was found sure for a precision of 80% has it.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from itertools import product
from statistics import mean

import numpy as np
from scipy.stats import hypergeom
from synthetic.audited import CASES, answer, plant

from pipeline.engine.audits import AuditResult
from pipeline.filter.audit.estimate import CONFIDENCE, judge
from pipeline.filter.audit.intervals import Stratum, share_interval
from pipeline.filter.audit.sampling import Population, Sample, sample_of

_WANTED = 0.8
_RARE = 1e-7
Truth = dict[str, bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--sample", type=int, default=100)
    arguments = parser.parse_args()
    size: int = arguments.sample
    figures: dict[str, float] = {}
    print(
        f"{'of 100 draws':<22} {'covers':>7} {'exactly':>8} {'kept':>6} {'width':>6} {'bound':>12}"
    )
    for place, (name, case) in enumerate(CASES.items()):
        # Seeds of its own, so that the cases aren't one draw seen six times.
        seeds = range(place * 100_000, place * 100_000 + arguments.draws)
        runs = [_run(*plant(case, seed), size) for seed in seeds]
        covered, kept, width, bounds = zip(*runs, strict=True)
        exact = 100 * _exactly(*plant(case, seeds[0]), size)
        sure = [good for good in bounds if good is not None]
        print(
            f"{name:<22} {100 * mean(covered):>7.1f} {exact:>8.1f} {100 * mean(kept):>6.1f} "
            f"{mean(width):>6.3f} {f'{sum(sure)} of {len(sure)}':>12}"
        )
        figures |= {f"{name}, draws": 100 * mean(covered), f"{name}, exactly": exact}
    for kind in ("draws", "exactly"):
        least = min(value for name, value in figures.items() if name.endswith(kind))
        figures[f"audit_coverage_{kind}"] = least
    print(json.dumps({"benchmark": "audit", "figures": figures}))


def _run(population: Population, truth: Truth, size: int) -> tuple[bool, bool, float, bool | None]:
    """Whether the intervals of dropped and kept cover, the first's width, and whether a bound
    that was found sure is as precise as it says; None where there was none."""
    sample = sample_of(population, size)
    result = judge(sample, answer(sample, truth), _WANTED)
    assert result.kept is not None
    assert sample.near is not None
    precision = _share(population, truth, population.dropped)
    near = population.kept & (10.0 - population.values <= sample.near + 1e-12)
    wrongly_kept = _share(population, truth, near)
    return (
        _covers(result.dropped.low, precision, result.dropped.high),
        _covers(result.kept.low, wrongly_kept, result.kept.high),
        result.dropped.high - result.dropped.low,
        _is_precise(population, truth, result),
    )


def _exactly(population: Population, truth: Truth, size: int) -> float:
    """The probability, over all samples of this population, that the interval covers."""
    sample = sample_of(population, size)
    totals = _totals(population, truth, sample)
    drawn = [sum(one.part == part for one in sample.stickers) for part in ("near", "far")]
    chances = [
        hypergeom(whole, total, count).pmf(np.arange(count + 1))
        for whole, total, count in zip(sample.sizes, totals, drawn, strict=False)
    ]
    share = sum(totals) / sum(sample.sizes[:2])

    @cache
    def covers(near: int, far: int) -> bool:
        counted = zip(sample.sizes, drawn, (near, far), strict=False)
        low, high = share_interval([Stratum(*one) for one in counted], CONFIDENCE)
        return _covers(low, share, high)

    likely = [np.flatnonzero(chance > _RARE).tolist() for chance in chances]
    return sum(
        chances[0][near] * chances[1][far]
        for near, far in product(*likely)
        if chances[0][near] * chances[1][far] > _RARE and covers(near, far)
    )


def _totals(population: Population, truth: Truth, sample: Sample) -> list[int]:
    """How many of those near the bound, and of those farther from it, should be dropped."""
    rows = np.flatnonzero(population.dropped)
    ordered = population.ids[rows[np.argsort(population.values[rows], kind="stable")]]
    right = np.array([truth[sticker] for sticker in ordered])
    return [int(right[: sample.sizes[0]].sum()), int(right[sample.sizes[0] :].sum())]


def _share(population: Population, truth: Truth, rows: object) -> float:
    return mean(truth[sticker] for sticker in population.ids[rows])


def _covers(low: float, truth: float, high: float) -> bool:
    return low - 1e-9 <= truth <= high + 1e-9


def _is_precise(population: Population, truth: Truth, result: AuditResult) -> bool | None:
    suggested = result.suggested
    if suggested is None or suggested.bound is None or not suggested.sure:
        return None
    return _share(population, truth, population.values > suggested.bound) >= _WANTED


if __name__ == "__main__":
    main()
