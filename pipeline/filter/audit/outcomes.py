"""Every sticker's outcome and reasons, as the tables have them and as other bounds would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.engine.counting import rules_of
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from pipeline.filter.configured import load_measure, load_rule
from pipeline.filter.stages import DECISIONS
from pipeline.filter.verdicts import decide, rule_values
from schemas.config import Config, RuleConfig

Mask = NDArray[np.bool_]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Verdicts:
    """Which stickers are kept, and which of the ``rules`` are against each.

    ``against`` is the place, in ``sets``, of the rules that are against it. Shape of the arrays:
    (stickers,).
    """

    kept: Mask
    failed: Mask
    against: NDArray[np.int64]
    sets: tuple[frozenset[str], ...]
    rules: tuple[str, ...]

    def dropped_by(self, rule: str) -> Mask:
        """Stickers that are dropped, and that this rule is against."""
        dropped: Mask = self._where(rule in rules for rules in self.sets) & ~self.failed
        return dropped

    def others(self, rule: str) -> Mask:
        """Stickers that something else than this rule is against."""
        return self._where(bool(rules - {rule}) for rules in self.sets)

    @cached_property
    def combinations(self) -> Counter[tuple[str, ...]]:
        """How many dropped stickers each combination of rules is against."""
        found, counts = np.unique(self.against[~self.failed & ~self.kept], return_counts=True)
        return Counter(
            {
                tuple(name for name in self.rules if name in self.sets[place]): count
                for place, count in zip(found.tolist(), counts.tolist(), strict=True)
            }
        )

    def _where(self, holds: Iterable[bool]) -> Mask:
        """Stickers for whose set of rules it holds."""
        chosen: Mask = np.fromiter(holds, bool, len(self.sets))[self.against]
        return chosen


def check_decided(workspace: Workspace) -> None:
    """StickerworksError where not every sticker has been decided on."""
    if not workspace.parts or not workspace.complete(DECISIONS.name):
        raise StickerworksError(
            f"Not all stickers of {workspace.name} have been decided on.",
            "Run `stickerworks filter` first.",
        )


def stored_verdicts(workspace: Workspace) -> Verdicts:
    """What the table ``decisions`` says."""
    blocks = (
        workspace.read(DECISIONS.name, parts, ["outcome", "reasons"]) for parts in workspace.blocks
    )
    return _verdicts(blocks)


def verdicts_under(workspace: Workspace, config: Config) -> Verdicts:
    """What the configured rules decide, from the measurements and duplicates that are there."""
    return _verdicts(rows for _, _, rows in decide(workspace, DECISIONS.settings(config)))


def values_of(workspace: Workspace, bounds: dict[str, RuleConfig]) -> dict[str, Values]:
    """What each rule says of every sticker; NaN where it has no number."""
    found: dict[str, list[Values]] = {name: [np.empty(0)] for name in bounds}
    for block in workspace.blocks:
        for name, values in rule_values(workspace, block, bounds).items():
            found[name].append(values.to_numpy(zero_copy_only=False).astype(np.float64))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def unmeasured(workspace: Workspace, rules: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The measures that rules stand on and of which no number is stored, by rule."""
    wanted = {name: load_rule(name).measures for name in rules}
    absent = {measure for measures in wanted.values() for measure in measures}
    for parts in workspace.blocks if absent else ():
        for table in ("measures", "expensive_measures"):
            absent -= set(workspace.read(table, parts, ["name"])["name"].unique().to_pylist())
    return {
        name: missing
        for name, measures in wanted.items()
        if (missing := tuple(measure for measure in measures if measure in absent))
    }


def costly(rule: str) -> bool:
    """Whether a rule stands on text or on a measure that takes a model."""
    known = load_rule(rule)
    return "ocr" in known.reads or any(load_measure(name).expensive for name in known.measures)


def ids_of(workspace: Workspace, rows: Iterable[int]) -> dict[int, str]:
    """Ids of stickers by their rows, counted over all shards."""
    wanted = np.array(sorted(set(rows)), dtype=np.int64)
    found: dict[int, str] = {}
    start = 0
    for parts in workspace.blocks if len(wanted) else ():
        size = sum(workspace.rows("stickers", part) for part in parts)
        mine = wanted[np.searchsorted(wanted, start) : np.searchsorted(wanted, start + size)]
        if len(mine):
            ids = workspace.read("stickers", parts, ["id"])["id"].take(pa.array(mine - start))
            found.update(zip(mine.tolist(), ids.to_pylist(), strict=True))
        start += size
    return found


def _verdicts(blocks: Iterator[pa.Table]) -> Verdicts:
    outcomes: list[NDArray[np.object_]] = [np.empty(0, object)]
    against = [np.empty(0, np.int64)]
    sets: list[frozenset[str]] = [frozenset()]
    places = {sets[0]: 0}
    names: dict[str, None] = {}
    for table in blocks:
        pairs = rules_of(table["reasons"])
        rows, rules = pairs["row"].to_numpy(), pairs["rule"].to_numpy(zero_copy_only=False)
        place = np.zeros(len(table), np.int64)
        for name in pairs["rule"].unique().to_pylist():
            names[name] = None
            mine = rows[rules == name]
            before, which = np.unique(place[mine], return_inverse=True)
            joined = [sets[one] | {name} for one in before.tolist()]
            for one in joined:
                if places.setdefault(one, len(sets)) == len(sets):
                    sets.append(one)
            place[mine] = np.array([places[one] for one in joined], np.int64)[which]
        against.append(place)
        outcomes.append(table["outcome"].to_numpy(zero_copy_only=False))
    outcome = np.concatenate(outcomes)
    return Verdicts(
        outcome == "kept",
        outcome == "failed",
        np.concatenate(against),
        tuple(sets),
        tuple(names),
    )
