"""Other bounds for a rule, and what each would save and lose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.filter.audit.outcomes import Mask, Values, Verdicts
from schemas.config import RuleConfig

Side = Literal["min", "max"]

_SHARES = (0.01, 0.05, 0.1)
_DIGITS = 3
"""Of a bound that is suggested: who reads it types it."""


@dataclass(frozen=True)
class Rung:
    """One bound on one side of a rule, None for no bound there.

    ``dropped`` lie beyond it, whatever else is against them, which is ``share`` of those with a
    number. ``saved`` would be kept and aren't under the configured bounds, ``lost`` the other way
    round.
    """

    side: Side
    bound: float | None
    configured: bool
    dropped: int
    share: float
    saved: int
    lost: int


def beyond(values: Values, side: Side, bound: float | None) -> Mask:
    """Which values lie outside of a bound; NaN lies outside of none."""
    if bound is None:
        return np.zeros(len(values), bool)
    with np.errstate(invalid="ignore"):
        outside: Mask = values < bound if side == "min" else values > bound
    return outside


def outside(values: Values, bounds: RuleConfig) -> Mask:
    """Which values a rule drops."""
    return beyond(values, "min", bounds.min) | beyond(values, "max", bounds.max)


def ladder(values: Values, bounds: RuleConfig, rule: str, verdicts: Verdicts) -> tuple[Rung, ...]:
    """Rungs from the loosest to the strictest: for each side with a bound, or for both.

    They are the configured bound, none, those that drop half and twice as many, and those that
    drop 1, 5 and 10% of what has a number.
    """
    sides: tuple[Side, ...] = ("min", "max")
    bounded = [side for side in sides if getattr(bounds, side) is not None]
    others = verdicts.others(rule) | verdicts.failed
    rungs = []
    for side in bounded or sides:
        mine = getattr(bounds, side)
        rest = bounds.model_copy(update={side: None})
        elsewhere = others | outside(values, rest)
        for bound in _bounds(values, side, mine):
            out = beyond(values, side, bound)
            kept = ~elsewhere & ~out
            rungs.append(
                Rung(
                    side=side,
                    bound=bound,
                    configured=bound == mine,
                    dropped=int(out.sum()),
                    share=float(out.sum() / max(1, np.isfinite(values).sum())),
                    saved=int((kept & ~verdicts.kept).sum()),
                    lost=int((~kept & verdicts.kept).sum()),
                )
            )
    return tuple(rungs)


def _bounds(values: Values, side: Side, configured: float | None) -> Iterator[float | None]:
    known = np.sort(values[np.isfinite(values)])
    now = int(beyond(known, side, configured).sum())
    counts = {now // 2, 2 * now} if now else set()
    counts |= {int(share * len(known)) for share in _SHARES}
    found = {_dropping(known, side, count) for count in counts if 0 < count < len(known)}
    if configured is not None:
        found.add(configured)
    yield None
    yield from sorted(found, reverse=side == "max")


def _dropping(known: Values, side: Side, count: int) -> float:
    """The bound, with few digits, beyond which at most ``count`` of the ascending values lie."""
    exact = float(known[count] if side == "min" else known[len(known) - 1 - count])
    return rounded(exact, side)


def rounded(exact: float, side: Side) -> float:
    """A bound with three digits that drops nothing that the exact one keeps.

    >>> rounded(1.23456, "min"), rounded(1.23456, "max"), rounded(1234.0, "max")
    (1.23, 1.24, 1234.0)
    """
    if exact == 0 or exact == int(exact):
        return exact
    step = 10.0 ** (math.floor(math.log10(abs(exact))) + 1 - _DIGITS)
    whole = math.floor(exact / step) if side == "min" else math.ceil(exact / step)
    near = float(f"{whole * step:.{_DIGITS}g}")
    # What floating point makes of it may lie on the wrong side.
    return near if (near <= exact if side == "min" else near >= exact) else exact


def nearest(values: Values, bounds: RuleConfig, rows: Iterable[int], most: int) -> list[int]:
    """At most ``most`` of the rows, those nearest to a bound first."""
    chosen = np.fromiter(rows, np.int64)
    distances = bound_distances(values[chosen], bounds)
    order = np.lexsort((chosen, distances))
    return [int(chosen[place]) for place in order[:most] if np.isfinite(distances[place])]


def bound_distances(values: Values, bounds: RuleConfig) -> Values:
    """How far each value lies from the bound that is nearest to it, on either side of it."""
    sides = [np.abs(values - bound) for bound in (bounds.min, bounds.max) if bound is not None]
    nearest_bound: Values = np.minimum.reduce([*sides, np.full(len(values), np.inf)])
    return nearest_bound
