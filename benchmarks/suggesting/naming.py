"""Tags and suggestions of a real workspace before anybody named its clusters, and afterwards.

People's names can't be scripted: a rule stands for them that names nothing, it only keeps, merges,
drops and blocks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Step
from pipeline.engine.workspace import Workspace
from pipeline.tags.naming.basis import find_basis
from pipeline.tags.naming.freeze import freeze
from pipeline.tags.naming.resolve import resolve
from pipeline.tags.naming.rows import Naming, NamingRow
from pipeline.tags.stages import PLAN
from pipeline.tags.words import blocked_words
from schemas.config import Config

_FEW = 2


@dataclass
class Layered:
    """Reads a workspace, with tables over it that only this process knows."""

    workspace: Workspace
    tables: dict[tuple[str, Any], pa.Table] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[int, ...]:
        return self.workspace.parts

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        return self.workspace.blocks

    def read(self, table: str, parts: Any = None, columns: list[str] | None = None) -> pa.Table:
        """Rows of a table: what was made here, or else what the workspace has."""
        made = self.tables.get((table, parts))
        if made is None:
            return self.workspace.read(table, parts, columns)
        return made if columns is None else made.select(columns)

    def make(self, steps: Iterable[Step], config: Config) -> None:
        """Run steps, whose tables then stand over the workspace's."""
        for step in steps:
            for table, parts, rows in list(step.run(self, step.settings(config))):
                self.tables[table, parts] = rows


def measure_naming(workspace: Workspace, config: Config) -> dict[str, Any]:
    """Figures of the same stickers before and after a naming by rule; nothing is written."""
    before = Layered(workspace)
    before.make(PLAN, config)
    after = name_by_rule(before, config)
    return {
        **{f"before_{name}": value for name, value in count(before).items()},
        **{f"after_{name}": value for name, value in count(after).items()},
    }


def name_by_rule(proposed: Layered, config: Config) -> Layered:
    """The same tables where a rule named the proposals, frozen as `tags apply` freezes them."""
    naming = Naming("a rule", tuple(_decisions(proposed.read("proposals"))))
    basis = find_basis(proposed, [naming.rows[0].version])
    resolved = resolve(naming, basis, blocked_words(config.tags.blocked_words))
    frozen = freeze(proposed, basis, resolved, "a rule", "2026-01-01T00:00:00+00:00")
    print("decided:", dict(Counter(row.decision for row in naming.rows)))
    named = {"naming": frozen.naming, "named_tags": frozen.tags, "named_keywords": frozen.keywords}
    after = Layered(
        proposed.workspace,
        proposed.tables | {(name, None): rows for name, rows in named.items()},
    )
    after.make(PLAN, config)
    return after


def _decisions(proposals: pa.Table) -> Iterator[NamingRow]:
    """Keep what two stickers carry, merge what shares its best term, block swear words."""
    kept: dict[str, str] = {}
    for row in proposals.to_pylist():
        best = (row["terms"] or [None])[0]
        decision, into = "keep", ""
        if "blocked" in row["flags"]:
            decision = "block"
        elif row["name"] is None or row["stickers"] < _FEW:
            decision = "drop"
        elif best in kept:
            decision, into = "merge", kept[best]
        else:
            kept[best] = row["key"]
        name = row["name"] if decision == "keep" else ""
        yield NamingRow(row["key"], decision, name, into=into, version=row["version"])


def count(tables: Layered) -> dict[str, Any]:
    """Tags, those that few stickers carry or are suggested, stickers without a suggestion."""
    tagset = tables.read("tagset")
    suggested = pa.concat_tables(
        tables.read("suggestions", block, ["tags"]) for block in tables.blocks
    )["tags"]
    lengths = pc.list_value_length(suggested)
    times = Counter(pc.list_flatten(suggested).to_pylist())
    return {
        "tags": len(tagset),
        "singletons": sum("singleton" in (flags or ()) for flags in tagset["flags"].to_pylist()),
        "tags_below_two_stickers": pc.sum(pc.less(tagset["stickers"], _FEW)).as_py() or 0,
        "tags_suggested_below_twice": sum(times[tag] < _FEW for tag in tagset["tag"].to_pylist()),
        "stickers": len(lengths),
        "without_suggestion": pc.sum(pc.equal(lengths, 0)).as_py() or 0,
        "suggestions_a_sticker": round(pc.mean(lengths).as_py() or 0, 2),
    }
