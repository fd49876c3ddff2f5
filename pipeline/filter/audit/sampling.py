"""The sample of an audit: what a rule dropped, and what was kept near its bound.

Half of what is asked of the dropped ones comes from the third that lies nearest to the bound,
where a rule errs most; the strata keep their sizes, so that estimates weigh this. Within a
stratum stickers come in the order of a hash of rule and id: the same on any machine, and a larger
sample holds the smaller one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from pipeline.engine.errors import StickerworksError
from pipeline.engine.withheld import REVIEW, withheld_stickers
from pipeline.engine.workspace import Workspace
from pipeline.filter.audit.ladder import bound_distances
from pipeline.filter.audit.outcomes import (
    Mask,
    Values,
    check_decided,
    stored_verdicts,
    values_of,
    verdicts_under,
)
from pipeline.filter.configured import active_rules, load_rule
from schemas.config import Config, RuleConfig
from schemas.section import Section

Ids = NDArray[np.object_]
Part = Literal["near", "far", "kept"]
PARTS: tuple[Part, ...] = ("near", "far", "kept")
"""Dropped near the bound, dropped farther from it, kept near it."""

_FEWEST_NEAR, _NEAR_SHARE = 20, 0.05


class SampledSticker(Section):
    """One sticker of a sample.

    ``excess`` is how far its value lies beyond the bound, below 0 for what is kept; null for a
    rule without bounds. ``beyond`` counts the stickers of each part whose excess is at least
    that, and ``bound`` is one that would drop just those. ``twin`` is what it is dropped for.
    """

    id: str
    part: Part
    value: float | None
    excess: float | None
    bound: float | None
    beyond: tuple[int, int, int]
    twin: str | None = None


class Sample(Section):
    """What people are asked about one rule, and the sizes of the parts that it was drawn from.

    ``drawn`` names the parts that it was drawn from, each by a digest of all its stickers, so that
    samples of different sizes share it. ``near`` is the distance to the bound up to which kept
    stickers count. ``withheld`` stickers were dropped by the rule too, but people flagged them, and
    they are shown to nobody.
    """

    rule: str
    unit: str
    doc: str
    drawn: str = Field(pattern=r"^[0-9a-f]{16}(-[0-9a-f]{16}){2}$")
    min: float | None
    max: float | None
    near: float | None
    withheld: int
    sizes: tuple[int, int, int]
    stickers: tuple[SampledSticker, ...]


@dataclass(frozen=True)
class Population:
    """What a rule was applied to: of every sticker its value (NaN where there is none), whether
    the rule dropped it, and whether it is kept. Shape of the arrays: (stickers,)."""

    rule: str
    ids: Ids
    values: Values
    dropped: Mask
    kept: Mask
    bounds: RuleConfig | None


def draw_sample(
    workspace: Workspace, config: Config, rule: str, size: int, near: float | None = None
) -> Sample:
    """At most ``size`` stickers that the rule dropped, and as many that were kept near its bound.

    Without ``near``, that is the twentieth of the kept ones that lies nearest to it. Raises
    StickerworksError for a rule that dropped nothing and bounds nothing, or whose bounds aren't
    those that the tables were decided with.
    """
    check_decided(workspace)
    verdicts = stored_verdicts(workspace)
    dropped, kept = verdicts.dropped_by(rule), verdicts.kept
    bounds = config.filter.rules[rule] if rule in active_rules(config) else None
    _check(workspace, config, rule, dropped, bounds)
    ids = _all_ids(workspace)
    hidden = _are_in(ids, withheld_stickers(workspace))
    values = _values(workspace, rule, bounds, len(ids))
    population = Population(rule, ids, values, dropped & ~hidden, kept & ~hidden, bounds)
    sample = sample_of(population, size, near)
    twins = _twins(workspace, [sticker.id for sticker in sample.stickers])
    known = load_rule(rule) if bounds is not None else None
    return sample.model_copy(
        update={
            "unit": known.unit if known else "",
            "doc": known.doc if known else "",
            "withheld": int((dropped & hidden).sum()),
            "stickers": tuple(
                one.model_copy(update={"twin": twins.get(one.id)}) for one in sample.stickers
            ),
        }
    )


def sample_of(population: Population, size: int, near: float | None = None) -> Sample:
    """The sample of a population, without what is told of the rule."""
    rule, ids, bounds = population.rule, population.ids, population.bounds
    if bounds is None:
        distances: Values = np.full(len(ids), np.nan)
    else:
        distances = bound_distances(population.values, bounds)
    excess: Values = np.where(population.dropped, distances, -distances)
    parts = _parts(population, excess, near)
    decided = population.values[population.dropped | population.kept]
    frame = _Frame(population.values, decided, excess, parts, _side(bounds))
    stickers = [
        frame.sampled(str(ids[row]), part, row)
        for part, rows in zip(PARTS, _choose(rule, ids, parts, size), strict=True)
        for row in rows
    ]
    near_size, far_size, kept_size = (len(rows) for rows in parts)
    reach = float(-excess[parts[2]].min()) if kept_size else None
    return Sample(
        rule=rule,
        unit="",
        doc="",
        drawn="-".join(
            _digest(rule, part, ids[rows]) for part, rows in zip(PARTS, parts, strict=True)
        ),
        min=bounds.min if bounds else None,
        max=bounds.max if bounds else None,
        near=reach if near is None else near,
        withheld=0,
        sizes=(near_size, far_size, kept_size),
        # Mixed, so that nobody is led by the order.
        stickers=tuple(sorted(stickers, key=lambda one: _order("page", one.id))),
    )


def _check(
    workspace: Workspace, config: Config, rule: str, dropped: Mask, bounds: RuleConfig | None
) -> None:
    if rule == REVIEW:
        raise StickerworksError(
            "What people flagged is shown to nobody again.", "Audit another rule."
        )
    if bounds is None:
        if not dropped.any():
            known = sorted({*active_rules(config), *stored_verdicts(workspace).rules} - {REVIEW})
            raise StickerworksError(
                f"No rule called {rule!r} has bounds or dropped anything.",
                f"Known here: {', '.join(known)}.",
            )
    elif not np.array_equal(verdicts_under(workspace, config).dropped_by(rule), dropped):
        raise StickerworksError(
            f"The tables were decided with other bounds of {rule} than are configured.",
            "Run `stickerworks filter` with them first.",
        )


def _all_ids(workspace: Workspace) -> Ids:
    ids = workspace.read("stickers", columns=["id"])["id"]
    found: Ids = ids.to_numpy(zero_copy_only=False)
    return found


def _values(workspace: Workspace, rule: str, bounds: RuleConfig | None, count: int) -> Values:
    """Numbers of a rule with bounds; NaN for what has none, such as damage."""
    if bounds is None:
        return np.full(count, np.nan)
    return values_of(workspace, {rule: bounds})[rule]


def _are_in(ids: Ids, some: Collection[str]) -> Mask:
    found: Mask = np.isin(ids, np.array(sorted(some), dtype=object))
    return found


def _parts(population: Population, excess: Values, near: float | None) -> list[NDArray[np.int64]]:
    """Rows of each part."""
    rule, ids, bounds = population.rule, population.ids, population.bounds
    rows = np.flatnonzero(population.dropped)
    marks = np.array([_order(rule, str(ids[row])) for row in rows])
    rows = rows[np.lexsort((marks, excess[rows]))] if len(rows) else rows
    # Without bounds nothing is nearer than another, and one part is all.
    third = len(rows) // 3 if bounds is not None else 0
    around = (
        np.flatnonzero(population.kept & np.isfinite(excess)) if bounds is not None else rows[:0]
    )
    distances = -excess[around]
    if near is None and len(around):
        most = min(len(around), max(_FEWEST_NEAR, int(_NEAR_SHARE * len(around))))
        near = float(np.partition(distances, most - 1)[most - 1])
    return [rows[:third], rows[third:], around[distances <= (near or 0.0)]]


def _choose(rule: str, ids: Ids, parts: Sequence[NDArray[np.int64]], size: int) -> list[list[int]]:
    """Rows of each part, first in the order of their hashes."""
    near, far, kept = (len(rows) for rows in parts)
    first = min(near, max((size + 1) // 2, size - far))
    counts = (first, min(far, size - first), min(kept, size))
    return [
        sorted(rows.tolist(), key=lambda row: _order(rule, str(ids[row])))[:count]
        for rows, count in zip(parts, counts, strict=True)
    ]


def _order(rule: str, sticker: str) -> str:
    return hashlib.sha256(f"audit\n{rule}\n{sticker}".encode()).hexdigest()


def _digest(rule: str, part: Part, ids: Ids) -> str:
    digest = hashlib.sha256(f"audit\n{rule}\n{part}".encode())
    for sticker in sorted(ids.tolist()):
        digest.update(f"\n{sticker}".encode())
    return digest.hexdigest()[:16]


def _side(bounds: RuleConfig | None) -> Literal["min", "max"] | None:
    """The side of a rule with one bound, whose values can be put in one order."""
    if bounds is None or (bounds.min is None) == (bounds.max is None):
        return None
    return "max" if bounds.min is None else "min"


@dataclass(frozen=True)
class _Frame:
    """What a sample is drawn from: every sticker's value and excess, all values of what the rule
    dropped and of what is kept, and the rows of each part."""

    values: Values
    all: Values
    excess: Values
    parts: Sequence[NDArray[np.int64]]
    side: Literal["min", "max"] | None

    def sampled(self, sticker: str, part: Part, row: int) -> SampledSticker:
        """One sticker of the sample, with what lies beyond it."""
        value = float(self.values[row]) if np.isfinite(self.values[row]) else None
        far = float(self.excess[row]) if np.isfinite(self.excess[row]) else None
        beyond, bound = [len(rows) for rows in self.parts], None
        if self.side is not None and value is not None and far is not None:
            beyond = [int((self.excess[rows] >= far).sum()) for rows in self.parts]
            # What isn't dropped any more ends where the next value begins.
            inside = (
                self.all[self.all < value] if self.side == "max" else self.all[self.all > value]
            )
            if len(inside):
                bound = float(inside.max() if self.side == "max" else inside.min())
        return SampledSticker(
            id=sticker,
            part=part,
            value=value,
            excess=far,
            bound=bound,
            beyond=(beyond[0], beyond[1], beyond[2]),
        )


def _twins(workspace: Workspace, stickers: Sequence[str]) -> dict[str, str]:
    """Representatives of those that are near-duplicates."""
    found: dict[str, str] = {}
    chosen = pa.array(sorted(stickers), pa.string())
    for parts in workspace.blocks:
        table = workspace.read("duplicates", parts, ["id", "same_as"])
        table = table.filter(
            pc.and_(pc.is_in(table["id"], value_set=chosen), pc.is_valid(table["same_as"]))
        )
        found.update(zip(table["id"].to_pylist(), table["same_as"].to_pylist(), strict=True))
    return found
