"""What every rule drops, alone and together, and what changed bounds would save and lose."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.workspace import Workspace
from pipeline.filter.audit.ladder import Rung, ladder
from pipeline.filter.audit.outcomes import (
    Mask,
    Values,
    Verdicts,
    check_decided,
    costly,
    ids_of,
    stored_verdicts,
    unmeasured,
    values_of,
    verdicts_under,
)
from pipeline.filter.configured import active_rules, load_rule
from schemas.config import Config, RuleConfig


@dataclass(frozen=True)
class RuleEffect:
    """What one rule does under the configured bounds, which are None for what has no bounds.

    ``dropped`` counts stickers that it is against, ``alone`` those that nothing else is against,
    ``together`` those that another rule is also against, by that rule; ``decided`` is how many it
    dropped as the tables stand. ``known`` stickers have a number; where measures lack altogether,
    ``unmeasured`` names them.
    """

    name: str
    unit: str
    doc: str
    bounds: RuleConfig | None
    known: int
    dropped: int
    alone: int
    together: dict[str, int]
    decided: int
    ladder: tuple[Rung, ...]
    unmeasured: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """The rules' effects, and the whole: as decided, and under the configured bounds.

    ``unread`` are among the saved: text or expensive measures that are bounded are not measured
    yet, and may be against them. ``orphans`` are near-duplicates of lost stickers; a run would
    keep one of each group in its place.
    """

    stickers: int
    kept: int
    failed: int
    kept_as_decided: int
    saved: int
    lost: int
    unread: int
    orphans: int
    rules: tuple[RuleEffect, ...]
    off: tuple[RuleEffect, ...]


@dataclass(frozen=True)
class Explained:
    """An explanation and what it was made from, for a contact sheet."""

    explanation: Explanation
    values: dict[str, Values]
    verdicts: Verdicts


def explain(workspace: Workspace, config: Config) -> Explained:
    """Explain the configured rules from the tables that are there; nothing is measured.

    StickerworksError where not all stickers have been decided on.
    """
    check_decided(workspace)
    decided, verdicts = stored_verdicts(workspace), verdicts_under(workspace, config)
    bounds = {name: config.filter.rules[name] for name in active_rules(config)}
    idle = sorted({*config.filter.rules, *config.filter.measures} - set(bounds))
    every = bounds | dict.fromkeys(idle, RuleConfig())
    values = values_of(workspace, every)
    missing = unmeasured(workspace, every)

    def effect(name: str) -> RuleEffect:
        by = verdicts.dropped_by(name)
        known = load_rule(name) if name in every else None
        return RuleEffect(
            name=name,
            unit=known.unit if known else "",
            doc=known.doc if known else "",
            bounds=bounds.get(name),
            known=int(np.isfinite(values[name]).sum()) if known else 0,
            dropped=int(by.sum()),
            alone=int((by & ~verdicts.others(name)).sum()),
            together=_together(verdicts, name),
            decided=int(decided.dropped_by(name).sum()),
            ladder=ladder(values[name], every[name], name, verdicts) if known else (),
            unmeasured=missing.get(name, ()),
        )

    # Duplicates, damage and reviews have no bounds here, and drop all the same.
    unbounded = (_dropping(verdicts) | _dropping(decided)) - set(every)
    rules = tuple(map(effect, [*bounds, *sorted(unbounded)]))
    saved, lost = verdicts.kept & ~decided.kept, decided.kept & ~verdicts.kept
    explanation = Explanation(
        stickers=len(verdicts.kept),
        kept=int(verdicts.kept.sum()),
        failed=int(verdicts.failed.sum()),
        kept_as_decided=int(decided.kept.sum()),
        saved=int(saved.sum()),
        lost=int(lost.sum()),
        unread=_unread(workspace, saved) if any(map(costly, bounds)) else 0,
        orphans=_orphans(workspace, lost),
        rules=rules,
        off=tuple(map(effect, idle)),
    )
    return Explained(explanation, values, verdicts)


def _together(verdicts: Verdicts, name: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for combination, count in verdicts.combinations.items():
        if name in combination:
            found.update({other: count for other in combination if other != name})
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _dropping(verdicts: Verdicts) -> set[str]:
    """Rules that drop something; others name failures alone."""
    return {name for name in verdicts.rules if verdicts.dropped_by(name).any()}


def _unread(workspace: Workspace, saved: Mask) -> int:
    """How many of these the cheap rules had spared from text and from expensive measures."""
    if not saved.any():
        return 0
    kept = [
        workspace.read("screening", parts, ["kept"])["kept"].to_numpy()
        for parts in workspace.blocks
    ]
    return int((saved & ~np.concatenate(kept)).sum())


def _orphans(workspace: Workspace, lost: Mask) -> int:
    """How many near-duplicates were dropped for the sake of these."""
    ids = pa.array(sorted(ids_of(workspace, np.flatnonzero(lost).tolist()).values()), pa.string())
    count = 0
    for parts in workspace.blocks if len(ids) else ():
        same_as = workspace.read("duplicates", parts, ["same_as"])["same_as"]
        count += pc.sum(pc.is_in(same_as, value_set=ids)).as_py() or 0
    return count
